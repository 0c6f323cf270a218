# SPDX-License-Identifier: GPL-3.0-or-later
"""How a running Redis keeps its data: a dump that it writes now, and an append-only file until that holds all of it.

The server has no event that tells how far it is, so it is asked again and again, within the time of the connection.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from .protocol import Connection, ErrorReply, encode, info_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FIRST, _LONGEST = 0.02, 1.0
"""Seconds between two questions."""


class Saves(Protocol):
    """What is to be known of dumps."""

    @property
    def saves(self) -> int:
        """How many it has begun since it was started."""

    @property
    def busy(self) -> bool:
        """It writes one."""

    @property
    def saved(self) -> bool:
        """The last one was written."""


Asked = TypeVar("Asked", bound=Saves)


class State(NamedTuple):
    saves: int
    busy: bool
    saved: bool


def state_of(info: dict[str, str]) -> State:
    """From INFO persistence."""
    return State(
        int(info.get("rdb_saves", 0)),
        info.get("rdb_bgsave_in_progress") == "1",
        info.get("rdb_last_bgsave_status") == "ok",
    )


def state(connection: Connection) -> State:
    return state_of(info_of(connection, "persistence"))


def dump(connection: Connection, ask: Callable[[Connection], Asked]) -> Asked:
    """Have it write a dump, and wait until that is there. One that is being written already is waited for first.

    Returns what ``ask`` said at that moment. NetmodeError: it could not write it.
    """
    while True:
        before = _until(connection, ask, lambda told: not told.busy)
        connection.send(encode("BGSAVE", "SCHEDULE"))  # while a rewrite of the append-only file goes on: after that
        answer = connection.reply()
        if not isinstance(answer, ErrorReply):
            break
        if "in progress" not in answer:  # one that began meanwhile may lack the last writes
            raise NetmodeError(f"it answers BGSAVE with {answer}")
    after = _until(connection, ask, lambda told: told.saves > before.saves and not told.busy)
    if not after.saved:
        raise NetmodeError("it could not write its dump (rdb_last_bgsave_status:err): see whether its disk is full")
    return after


def _until(connection: Connection, ask: Callable[[Connection], Asked], is_so: Callable[[Asked], bool]) -> Asked:
    pauses = _pauses()
    while not is_so(told := ask(connection)):
        time.sleep(next(pauses))
    return told


def log(connection: Connection) -> None:
    """Wait until the append-only file holds all data, once it was switched on.

    NetmodeError: it does not, and is switched off again. A rewrite that fails is begun again and again as long as none
    has succeeded (``backgroundRewriteDoneHandler``).
    """
    for pause in _pauses():
        info = info_of(connection, "persistence")
        if not state_of(info).busy and info.get("aof_rewrite_in_progress") != "1":
            if info.get("aof_last_bgrewrite_status") != "ok":
                connection.send(encode("CONFIG", "SET", "appendonly", "no"))
                connection.reply()
                raise NetmodeError(
                    "it could not write its append-only file (aof_last_bgrewrite_status:err), and goes on without: see "
                    "whether its disk is full"
                )
            if info.get("aof_rewrite_scheduled") == "0":
                if info.get("aof_enabled") != "1":
                    raise NetmodeError("it keeps no append-only file")
                return
        time.sleep(pause)


def _pauses() -> Iterator[float]:
    pause = _FIRST
    while True:
        yield pause
        pause = min(_LONGEST, pause * 2)
