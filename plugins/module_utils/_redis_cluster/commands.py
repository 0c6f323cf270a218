# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of many slots, to one node over its own socket.

Each may be given again, and what is done stays so.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import ErrorReply, encode
from ansible_collections.netmode.docker.plugins.module_utils._redis.waiting import turns

from .nodes import slots_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import Connection

_AT_ONCE = 100
"""Keys that go in one command, during which the node does nothing else."""
_WITHIN = "30000"
"""Milliseconds that the other node may take for these."""


class Around(NamedTuple):
    password: str
    """Of the other node."""
    turn: float
    """Seconds after which keys that are left are left for the next call, so that it can be said how far it is."""


def take(own: Connection, words: Sequence[str], around: Around) -> str:
    """What the node says, OK where it took all of them, or as many as go in a turn."""
    return _TAKEN_BY[words[0]](own, list(words[1:]), around)


def _import(own: Connection, words: list[str], _: Around) -> str:
    """words: who has them, first and last of each range."""
    source, *ranges = words
    return _all(own, (("SETSLOT", str(slot), "IMPORTING", source) for slot in slots_in(ranges)))


def _own(own: Connection, words: list[str], _: Around) -> str:
    """words: whose they are, first and last of each range."""
    node, *ranges = words
    return _all(own, (("SETSLOT", str(slot), "NODE", node) for slot in slots_in(ranges)))


def _stable(own: Connection, ranges: list[str], _: Around) -> str:
    """Neither comes nor goes any more."""
    return _all(own, (("SETSLOT", str(slot), "STABLE") for slot in slots_in(ranges)))


def _migrate(own: Connection, words: list[str], around: Around) -> str:
    """words: who gets them, its address and port, first and last of each range."""
    node, host, port, *ranges = words
    auth = ("AUTH", around.password) if around.password else ()
    until = time.monotonic() + around.turn
    for slot in slots_in(ranges):
        said = _all(own, [("SETSLOT", str(slot), "MIGRATING", node)])
        while said == "OK":
            own.send(encode("CLUSTER", "GETKEYSINSLOT", str(slot), str(_AT_ONCE)))
            keys = own.replies()
            if not keys:
                break
            if time.monotonic() > until:
                return "OK"
            own.send(encode("MIGRATE", host, port, "", "0", _WITHIN, *auth, "KEYS", *map(str, keys)))
            said = str(own.reply())
            said = "OK" if said == "NOKEY" else said  # their time was over
        if said != "OK":
            return said
    return "OK"


def _drain(own: Connection, words: list[str], around: Around) -> str:
    """As ``MIGRATE``, of one that leaves."""
    _stays_empty(own)
    return _migrate(own, words, around)


def _stays_empty(own: Connection) -> None:
    """Without slots it would become a replica, and be sent all keys of a master."""
    own.send(encode("CONFIG", "SET", "cluster-allow-replica-migration", "no"))
    own.reply()


def _send(own: Connection, words: list[str], around: Around) -> str:
    """words: who gets them, first and last of each range. As https://valkey.io/commands/cluster-migrateslots."""
    node, *ranges = words
    start = ("MIGRATESLOTS", "SLOTSRANGE", *ranges, "NODE", node)
    return _at_once(own, start, _Jobs(("GETSLOTMIGRATIONS",), "name", "EXPORT", "success", "message"), around.turn)


def _empty(own: Connection, words: list[str], around: Around) -> str:
    """As ``SEND``, of one that leaves."""
    _stays_empty(own)
    return _send(own, words, around)


def _stay(own: Connection, _: list[str], __: Around) -> str:
    """To one that leaves, before the others fetch its slots."""
    _stays_empty(own)
    return "OK"


def _fetch(own: Connection, words: list[str], around: Around) -> str:
    """words: who has them, first and last of each range. As https://redis.io/docs/latest/commands/cluster-migration."""
    start = ("MIGRATION", "IMPORT", *words[1:])
    return _at_once(
        own, start, _Jobs(("MIGRATION", "STATUS", "ALL"), "id", "import", "completed", "last_error"), around.turn
    )


class _Jobs(NamedTuple):
    """How a server says what it is at; in memory, so that a restart ends it."""

    asked: tuple[str, ...]
    key: str
    operation: str
    succeeded: str
    why: str

    def all(self, own: Connection) -> dict[str, dict[str, str]]:
        own.send(encode("CLUSTER", *self.asked))
        rows = own.tree()
        told = [dict(zip(row[::2], row[1::2])) for row in rows] if isinstance(rows, list) else []
        return {one[self.key]: one for one in told if one.get("operation") == self.operation}

    def goes_on(self, job: dict[str, str]) -> bool:
        return job["state"] not in (self.succeeded, "failed", "cancelled", "canceled")


def _at_once(own: Connection, start: tuple[str, ...], jobs: _Jobs, turn: float) -> str:
    """What a run that was interrupted has begun is waited for alone: what is left is seen then."""
    before = jobs.all(own)
    awaited = {key for key, job in before.items() if jobs.goes_on(job)}
    if not awaited:
        own.send(encode("CLUSTER", *start))
        said = own.reply()
        if isinstance(said, ErrorReply):
            return said
    for _ in turns(time.monotonic() + turn, 0.01):
        now = jobs.all(own)
        mine = [now[key] for key in (awaited or {*now} - {*before}) if key in now]
        if not any(map(jobs.goes_on, mine)):
            break
    return next(
        (
            f"{one['state']}: {one[jobs.why]}"
            for one in mine
            if not jobs.goes_on(one) and one["state"] != jobs.succeeded
        ),
        "OK",
    )


def _all(own: Connection, commands: Iterable[tuple[str, ...]]) -> str:
    """In one write; the first that was refused, else OK."""
    given = list(commands)
    own.send(b"".join(encode("CLUSTER", *words) for words in given))
    said = [str(own.reply()) for _ in given]
    return next((one for one in said if one != "OK"), "OK")


_TAKEN_BY: dict[str, Callable[[Connection, list[str], Around], str]] = {
    "IMPORT": _import,
    "MIGRATE": _migrate,
    "DRAIN": _drain,
    "OWN": _own,
    "STABLE": _stable,
    "SEND": _send,
    "EMPTY": _empty,
    "STAY": _stay,
    "FETCH": _fetch,
}
MANY = frozenset(_TAKEN_BY)
