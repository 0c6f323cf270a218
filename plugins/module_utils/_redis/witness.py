# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Redis is behind an address, told without a password: by the kernel, and by the Redis behind its own socket."""

from __future__ import annotations

import re
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import with_port
from ansible_collections.netmode.docker.plugins.module_utils._kernel.sockets import listeners, open_sockets

from .peer import peer_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from typing import Callable

_SHORTEST_MARK, _LONGEST_MARK = 200, 1200
"""Bytes: what fits into one packet."""
_WITHIN, _PAUSE = 1, 0.02
"""Seconds, for a mark that came in two all the same."""
_ASKED = re.compile(r" cmd=(?:ping|NULL) ")
"""The last command of a client of CLIENT LIST; NULL where PING was renamed."""


def listening(connection: socket.socket) -> list[str] | None:
    """Where the server behind a connected unix socket listens for TCP, and what runs beside it in its control groups.

    A container is a control group, of which what was started in it later is a member too. None where the kernel does
    not tell.
    """
    pid = peer_of(connection).pid
    try:
        held = open_sockets(pid).union(*_beside(pid))
    except OSError:
        return None
    found = {(item.address, item.port) for item in listeners(pid) if item.protocol == "tcp" and item.inode in held}
    return [where(address, port) for address, port in sorted(found)]


def _beside(pid: int) -> Iterator[set[str]]:
    """The sockets of each other process of the same control groups. One that ends meanwhile is none any more."""
    own = Path(f"/proc/{pid}/cgroup").read_bytes()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int(entry.name) != pid and (entry / "cgroup").read_bytes() == own:
                yield open_sockets(entry.name)


def where(address: str, port: int) -> str:
    return with_port(address, port)


def recognised(
    ask: Callable[[bytes], object], more: Callable[[bytes], object], clients: Callable[[], str | None]
) -> bool | None:
    """Whether a server sees a connection: after a mark was sent over it, its list of clients has one that holds it.

    The mark is the beginning of a line that does not end. It goes with a PING, in one packet: once that is answered,
    the mark is there as well. Where it is found it is made longer and looked for again: another proof of the same
    moment may have drawn the same length. ``ask`` sends what it is given after a PING and awaits the answer, ``more``
    sends alone; ``clients`` gives CLIENT LIST, None where that is refused, and then here as well.
    """
    length = _drawn()
    ask(b"-" * length)
    found = _holds(clients, length)
    if found:
        further = _drawn()
        more(b"-" * further)
        found = _holds(clients, length + further)
    return found


def _drawn() -> int:
    return _SHORTEST_MARK + secrets.randbelow(_LONGEST_MARK - _SHORTEST_MARK)


def _holds(clients: Callable[[], str | None], length: int) -> bool | None:
    """A server none of whose clients has sent a PING last does not see this one, and is not waited for."""
    until = time.monotonic() + _WITHIN
    while True:
        listed = clients()
        if listed is None:
            return None
        if f" qbuf={length} " in listed:
            return True
        if not _ASKED.search(listed) or time.monotonic() > until:
            return False
        time.sleep(_PAUSE)
