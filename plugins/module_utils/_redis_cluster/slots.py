# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of many slots, to one node over its own socket. Each may be given again, and what is done stays so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import encode

from .nodes import slots_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import Connection

_AT_ONCE = 100
"""Keys that go in one command, during which the node does nothing else."""
_WITHIN = "30000"
"""Milliseconds that the other node may take for these."""


def take(own: Connection, words: Sequence[str], password: str) -> str:
    """What the node says, OK where it took all of them. ``password``: that of the other node."""
    return _TAKEN_BY[words[0]](own, list(words[1:]), password)


def _import(own: Connection, words: list[str], _: str) -> str:
    """words: who has them, first and last of each range."""
    source, *ranges = words
    return _all(own, (("SETSLOT", str(slot), "IMPORTING", source) for slot in slots_in(ranges)))


def _own(own: Connection, words: list[str], _: str) -> str:
    """words: whose they are, first and last of each range."""
    node, *ranges = words
    return _all(own, (("SETSLOT", str(slot), "NODE", node) for slot in slots_in(ranges)))


def _stable(own: Connection, ranges: list[str], _: str) -> str:
    """Neither comes nor goes any more."""
    return _all(own, (("SETSLOT", str(slot), "STABLE") for slot in slots_in(ranges)))


def _migrate(own: Connection, words: list[str], password: str) -> str:
    """words: who gets them, its address and port, first and last of each range."""
    node, host, port, *ranges = words
    auth = ("AUTH", password) if password else ()
    for slot in slots_in(ranges):
        said = _all(own, [("SETSLOT", str(slot), "MIGRATING", node)])
        while said == "OK":
            own.send(encode("CLUSTER", "GETKEYSINSLOT", str(slot), str(_AT_ONCE)))
            keys = own.replies()
            if not keys:
                break
            own.send(encode("MIGRATE", host, port, "", "0", _WITHIN, *auth, "KEYS", *map(str, keys)))
            said = str(own.reply())
            said = "OK" if said == "NOKEY" else said  # their time was over
        if said != "OK":
            return said
    return "OK"


def _all(own: Connection, commands: Iterable[tuple[str, ...]]) -> str:
    """In one write; the first that was refused, else OK."""
    given = list(commands)
    own.send(b"".join(encode("CLUSTER", *words) for words in given))
    said = [str(own.reply()) for _ in given]
    return next((one for one in said if one != "OK"), "OK")


_TAKEN_BY: dict[str, Callable[[Connection, list[str], str], str]] = {
    "IMPORT": _import,
    "MIGRATE": _migrate,
    "OWN": _own,
    "STABLE": _stable,
}
MANY = frozenset(_TAKEN_BY)
