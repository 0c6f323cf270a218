# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the server behind a connected unix socket is the one that is meant, before it is asked or sent a password.

Whoever may write to the directory of a socket can put another in its place: with ``redis_socket_mode: '777'`` that is
the user of the host who has the number of Redis' own. The kernel knows who listens.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_UCRED = struct.Struct("iII")
"""struct ucred of unix(7): pid, uid, gid."""
_SO_PEERPIDFD = 77
"""Linux 6.5 and newer."""
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Peer(NamedTuple):
    """Of the process that called listen(), numbered as seen here; pid 0 where it is not to be seen."""

    pid: int
    uid: int


def peer_of(connection: socket.socket) -> Peer:
    pid, uid, _gid = _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return Peer(pid, uid)


def why_not(connection: socket.socket, path: str, container: str | None, *, secret: bool) -> str:
    """Why nothing may be sent to the server of a socket at ``path``; '' where it is the one that is meant.

    ``container``: the id of the container that it runs in. Its processes are known by their control groups, whatever
    users and namespaces they have; no other user of the host gets into those. Without one, a ``secret`` goes to root,
    to the own user, and to whom the directories above the socket belong alone.
    """
    peer = peer_of(connection)
    if container is not None:
        return "" if _is_of(connection, peer.pid, container) else "not a process of its container"
    if not secret or peer.uid in (0, os.geteuid()) or _belongs_to(Path(path), peer.uid):
        return ""
    return "in a directory that others may write to"


def _is_of(connection: socket.socket, pid: int, container: str) -> bool:
    if not container or pid <= 0:
        return False
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return container in groups and _still(connection, pid)


def _still(connection: socket.socket, pid: int) -> bool:
    """Whether the number was that of the process which listened: one that ended leaves its number to another."""
    try:
        descriptor = struct.unpack("i", connection.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD, 4))[0]
    except ProcessLookupError:
        return False
    except OSError:  # an older kernel
        return True
    try:
        return f"Pid:\t{pid}\n" in Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="ascii")
    finally:
        os.close(descriptor)


def _belongs_to(path: Path, uid: int) -> bool:
    """Whether no other user than root, the own and this one could have put a socket there."""
    owners = {0, os.geteuid(), uid}
    for directory in {*path.absolute().parents, *path.resolve().parents}:
        with suppress(OSError):
            found = directory.stat()
            shared = found.st_mode & _OTHERS_WRITE and not (found.st_mode & stat.S_ISVTX and directory != path.parent)
            if found.st_uid not in owners or shared:
                return False
    return True
