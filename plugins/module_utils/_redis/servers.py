# SPDX-License-Identifier: GPL-3.0-or-later
"""Where instances keep their data on the host, and who else runs a server there.

Two servers on one directory write over each other's files. A directory has many names (a volume, the path behind it, a
symbolic link, a volume that is a bind mount), so it is known by its device and inode, and a server by its process:
by the directory that it works in, and by those that are mounted into its container for writing.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

Identity = tuple[Any, ...]
Json = dict[str, Any]

_PROC = Path("/proc")
_SERVER = re.compile(r"(.*-server|dragonfly)\Z")
_CONTAINER = re.compile(r"[0-9a-f]{64}")
_REMOTE = re.compile(r"(nfs|cifs|smb|ceph|fuse|9p|glusterfs)")
"""File systems that may make whoever looks at them wait."""
_OURS = ("/proc", "/sys", "/dev", "/etc/resolv.conf", "/etc/hostname", "/etc/hosts")


class Server(NamedTuple):
    pid: int
    container: str
    """Its id; '' for a process of the host."""
    working: Identity
    """The directory that it works in, Redis' ``dir``."""
    directory: str
    """The path of that in its container."""
    mounted: frozenset[Identity]


def path_of(source: str, volumes: dict[str, Json]) -> Path | None:
    """Where the data of a volume, or of a path, lies on the host; None for a volume that is not there, or elsewhere."""
    if source.startswith("/"):
        return Path(source)
    volume = volumes.get(source)
    if volume is None:
        return None
    options = volume.get("Options") or {}
    device = str(options.get("device", ""))
    if device.startswith("/") and "bind" in str(options.get("o", "")).split(","):
        return Path(device)
    return Path(volume["Mountpoint"]) if volume.get("Mountpoint") else None


def identity_of(source: str, volumes: dict[str, Json]) -> Identity:
    """Equal for two names of one place."""
    options = (volumes.get(source) or {}).get("Options") or {}
    path = path_of(source, volumes)
    if options.get("device") and options.get("type") not in (None, "", "none", "tmpfs"):
        return ("device", options["type"], options["device"])
    with suppress(OSError):
        if path is not None:
            return _inode(path)
    return ("name", os.path.realpath(source) if source.startswith("/") else source)


def _inode(path: Path) -> Identity:
    there = path.stat()
    return ("inode", there.st_dev, there.st_ino)


def running() -> list[Server]:
    """Every server on the host, in a container or not. Who may not be looked at, without root's rights, is left out."""
    servers = []
    for entry in _PROC.iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                if _SERVER.match((entry / "comm").read_text().rstrip("\n")):
                    servers.append(_server(entry))
    return servers


def _server(process: Path) -> Server:
    groups = (process / "cgroup").read_text().splitlines()
    # The longest: where the engine uses one version of control groups, the other's line may end at a container around.
    ids = max((_CONTAINER.findall(group) for group in groups), key=len, default=[])
    mounted = set()
    for line in (process / "mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        target, options = left.split()[4:6]
        if "rw" in options.split(",") and not target.startswith(_OURS) and not _REMOTE.match(right):
            with suppress(OSError):
                mounted.add(_inode(Path(f"{process}/root{_unescaped(target)}")))
    own = mounted if ids else set()  # of a process of the host every mount of the host
    cwd = process / "cwd"
    return Server(int(process.name), ids[-1] if ids else "", _inode(cwd), str(cwd.readlink()), frozenset(own))


def _unescaped(path: str) -> str:
    """The kernel writes blanks and the like of a path in octal."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)


def other(place: Identity, servers: list[Server], allowed: set[str]) -> Server | None:
    """A server on this place in none of these containers."""
    return next((one for one in servers if one.container not in allowed and place in {one.working, *one.mounted}), None)
