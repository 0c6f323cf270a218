# SPDX-License-Identifier: GPL-3.0-or-later
"""A real registry on the loopback, open at one port and behind a user and a password at another."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

OPEN, CLOSED = "127.0.0.1:5000", "127.0.0.1:5001"
SECRET = "registry-secret-77"
HERE = f"{OPEN}/tiny:1"


def serve(host: Host, address: str, storage: str, auth: str = "") -> None:
    """Start a registry and wait until it answers."""
    config = f"""
version: 0.1
storage: {{filesystem: {{rootdirectory: {storage}}}}}
http: {{addr: '{address}'}}
{auth}
"""
    path = host.write(f"/tmp/registry-{address[-4:]}.yml", config)
    host.sh(f"setsid docker-registry serve {path} </dev/null >/tmp/registry-{address[-4:]}.log 2>&1 &")
    wait_until(
        lambda: host.sh(f"curl -s -o /dev/null -w '%{{http_code}}' http://{address}/v2/ || true") != "000", address
    )


@contextmanager
def running(machine: Host) -> Iterator[str]:
    """With ``tiny:1`` in it. The digest of that."""
    machine.sh(
        "command -v docker-registry || "
        "(apt-get update -qq && apt-get install -y -qq --no-install-recommends docker-registry)"
    )
    hashed = machine.run(
        "perl", "-e", "print crypt($ARGV[0], $ARGV[1])", SECRET, "$2y$05$abcdefghijklmnopqrstuu"
    ).stdout
    machine.write("/tmp/htpasswd", f"deploy:{hashed}\n")
    serve(machine, OPEN, "/tmp/registry")
    serve(machine, CLOSED, "/tmp/registry", "auth: {htpasswd: {realm: lab, path: /tmp/htpasswd}}")
    machine.sh(f"tar -C / -c bin/busybox | docker import -c 'CMD [\"busybox\"]' - {HERE} && docker push {HERE}")
    digest = machine.sh(f"docker inspect -f '{{{{index .RepoDigests 0}}}}' {HERE}").partition("@")[2]
    try:
        yield digest
    finally:
        machine.sh("pkill docker-registry; rm -rf /tmp/registry")
