# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's apt repository as a machine serves it to itself: packages of the machine's own engine, signed with a key of the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab import Host

URL = "http://127.0.0.1:8088/linux/debian"
VERSIONS = ("20.10.24", "20.10.25", "28.0.0")
"""The engine of the machine, one that says it is a later one, and one without a program, which nobody is to install."""

_MAKE = r"""
set -eu
cd /srv && mkdir -p apt/linux/debian/dists/bookworm/stable/binary-amd64 apt/linux/debian/pool && cd apt/linux/debian

deb() { # NAME VERSION FIELDS FILES...
    local name=$1 version=$2 fields=$3 file; shift 3
    rm -rf /srv/part && mkdir -p /srv/part/DEBIAN
    printf 'Package: %s\nVersion: %s\nArchitecture: amd64\n%b' "$name" "$version" "$fields" >/srv/part/DEBIAN/control
    printf 'Maintainer: nobody <nobody@example.org>\nDescription: of a test\n' >>/srv/part/DEBIAN/control
    for file in "$@"; do install -D "$file" "/srv/part/usr/bin/${file##*/}"; done
    [ "$version" != "5:20.10.25-1~debian.12~bookworm" ] || [ ! -e /srv/part/usr/bin/dockerd ] \
        || LC_ALL=C sed -i 's/20\.10\.24+dfsg1/20.10.25+dfsg1/g' /srv/part/usr/bin/dockerd
    dpkg-deb --root-owner-group -Znone --build /srv/part "pool/${name}_${version#5:}_amd64.deb" >/dev/null
}
for version in 20.10.24 20.10.25; do
    deb docker-ce "5:$version-1~debian.12~bookworm" 'Depends: docker-ce-cli, containerd.io\nConflicts: docker.io\n' \
        /usr/sbin/dockerd /usr/sbin/docker-proxy /usr/bin/docker-init
    deb docker-ce-cli "5:$version-1~debian.12~bookworm" '' /usr/bin/docker
done
deb docker-ce 5:28.0.0-1~debian.12~bookworm ''
deb docker-ce-cli 5:28.0.0-1~debian.12~bookworm ''
deb containerd.io 1.6.20-1 'Conflicts: containerd, runc\n' /usr/bin/containerd /usr/bin/containerd-shim-runc-v2 /usr/bin/ctr /usr/sbin/runc

packages=dists/bookworm/stable/binary-amd64/Packages
for file in pool/*.deb; do
    dpkg-deb -f "$file"
    printf 'Filename: %s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat -c %s "$file")" "$(sha256sum "$file" | cut -d' ' -f1)"
done >$packages
{
    printf 'Origin: Docker\nSuite: bookworm\nCodename: bookworm\nComponents: stable\nArchitectures: amd64\nDate: %s\nSHA256:\n' "$(date -Ru)"
    printf ' %s %s %s\n' "$(sha256sum $packages | cut -d' ' -f1)" "$(stat -c %s $packages)" "${packages#dists/bookworm/}"
} >dists/bookworm/Release
for name in docker other; do
    gpg --batch --quiet --passphrase '' --quick-generate-key "$name@example.org" ed25519 sign never
done
gpg --armor --export docker@example.org >gpg
gpg --armor --export other@example.org >other
gpg --batch --quiet --local-user docker@example.org --clearsign --output dists/bookworm/InRelease dists/bookworm/Release

# The machine is without an engine now, and the repository is all that it can install from.
dpkg --purge --force-depends docker.io containerd runc >/dev/null 2>&1
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
setsid python3 -m http.server --directory /srv/apt --bind 127.0.0.1 8088 </dev/null >/srv/log 2>&1 &
"""


def serve(host: Host) -> None:
    """Make the repository of what is installed on the host, take that from the host, and serve it at ``URL``."""
    host.run("bash", "-c", _MAKE)
