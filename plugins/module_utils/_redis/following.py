# SPDX-License-Identifier: GPL-3.0-or-later
"""A running Redis made to follow another, or none, over a connection to its socket."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from . import replication
from .protocol import encode, info_of

if TYPE_CHECKING:
    from .protocol import Connection

WITHIN = 30.0
"""Seconds that a replica is given to find its master. It may copy its data for longer."""
ANNOUNCES = frozenset({"replica-announce-ip", "replica-announce-port"})
_FOUND = ("handshake", "sync", "connected")
"""Of ROLE (``roleCommand`` in replication.c): its master may have to wait before it sends its data."""


def follow(own: Connection, whom: tuple[str, str]) -> str:
    """Why it does not, '' where it does. It follows whom it did again where the other is not found."""
    before = info_of(own, "replication")
    own.send(encode("REPLICAOF", *whom))
    answer = str(own.reply())
    if not answer.startswith("OK"):
        return answer
    if whom == ("no", "one"):
        return ""
    until = time.monotonic() + WITHIN
    while time.monotonic() < until:
        told: Any = replication.told_in(info_of(own, "replication")) or {}
        if told.get("link") in ("up", "syncing"):
            return ""
        time.sleep(0.1)
    own.send(encode("ROLE"))
    if {*(own.replies() or [])} & {*_FOUND}:
        return ""
    had = replication.role_in(before)
    back = (had.follows.host, str(had.follows.port)) if had and had.follows else ("no", "one")
    own.send(encode("REPLICAOF", *back))
    own.reply()
    return (
        f"it finds no master at {':'.join(whom)} within {WITHIN:.0f} s, and is what it was again. Its log says what "
        "it tried"
    )


def announce_again(own: Connection) -> None:
    """A master is told where its replica is when that connects to it; what it has by then it is not sent again."""
    own.send(encode("CLIENT", "KILL", "TYPE", "master"))
    own.reply()
