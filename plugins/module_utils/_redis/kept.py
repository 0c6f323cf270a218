# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Redis has before its container is replaced, compared with what the one after it has.

Keys of each database, and a checksum of some values, which are asked for by type: DUMP differs from version to version,
and DEBUG is switched off. Who may read no key is told the numbers alone. Writes of clients wait from the first look
until the old server ends. The new one has had writes by the time it is looked at, so it says how many: what they may
have changed proves nothing.
"""

from __future__ import annotations

import hashlib
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from .protocol import ErrorReply, encode, info_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .protocol import Connection

Key = tuple[int, str]
"""Database and name."""

PAUSE = 5000
"""Milliseconds that clients wait with what they write, from the first look until the server is asked to end."""
SAMPLES = 32
"""Keys of each database that are looked at."""
LARGEST = 64 << 10
"""Bytes of a value that is looked at."""
_READ: dict[str, tuple[str, ...]] = {
    "string": ("GET",),
    "list": ("LRANGE", "0", "-1"),
    "set": ("SMEMBERS",),
    "hash": ("HGETALL",),
    "zset": ("ZRANGE", "0", "-1", "WITHSCORES"),
}
"""Type → the command that reads a value, without its key. Streams and types of modules are only counted."""
_OF_HASHES = ("listpack", "ziplist")
"""Encodings of hashes that certainly have no field with a time of its own."""
_REMOVING = ("del", "unlink", "flushall", "flushdb", "swapdb", "mset", "msetnx")
"""Commands that may change any number of keys."""
_CHANGED_BY_ONE = 2
"""Keys that any other command changes at most (RENAME)."""


class Data(NamedTuple):
    keys: dict[int, int]
    """Database → keys."""
    expires: dict[int, int]
    """Of these, those that have a time to live."""
    sample: dict[Key, str]
    """Checksum of the values of some keys that have none."""


class Since(NamedTuple):
    """What clients have done since the start."""

    writes: int
    """Keys that they may have changed."""
    removed: bool
    """They have sent a command that may have removed any number of keys."""


# --- pure -------------------------------------------------------------------------------------------------------------


def is_kept(info: Mapping[str, str], save: str, on_sigterm: str = "") -> bool:
    """Whether a Redis that ends in an orderly way starts with the same data: a replica has that of its master.

    ``info``: of INFO replication and persistence; the others are settings.
    """
    dumps = ("save" in on_sigterm.split() or bool(save)) and "nosave" not in on_sigterm.split()
    return info.get("role") == "master" and (info.get("aof_enabled") == "1" or dumps)


def numbers_in(info: Mapping[str, str]) -> tuple[dict[int, int], dict[int, int]]:
    """(keys, keys with a time to live) of each database, from ``db0:keys=9,expires=1,avg_ttl=0`` of INFO keyspace."""
    keys, expires = {}, {}
    for name, value in info.items():
        if name[:2] == "db" and name[2:].isdecimal():
            fields = dict(pair.partition("=")[::2] for pair in value.split(","))
            keys[int(name[2:])], expires[int(name[2:])] = int(fields["keys"]), int(fields.get("expires", 0))
    return keys, expires


def since(info: Mapping[str, str], writing: Sequence[str], before: Mapping[str, str] = MappingProxyType({})) -> Since:
    """``info``: of INFO commandstats and stats; ``writing``: the commands that write; ``before``: INFO from when on."""
    calls, earlier = _calls(info), _calls(before)
    numbers = {name: number - earlier.get(name, 0) for name, number in calls.items() if name in writing}
    wrote = {name: number for name, number in numbers.items() if number > 0}
    evicted = int(info.get("evicted_keys", 0)) - int(before.get("evicted_keys", 0))
    return Since(_CHANGED_BY_ONE * sum(wrote.values()) + evicted, any(name in wrote for name in _REMOVING))


def _calls(info: Mapping[str, str]) -> dict[str, int]:
    return {
        name[len("cmdstat_") :]: int(value.partition("calls=")[2].partition(",")[0])
        for name, value in info.items()
        if name.startswith("cmdstat_")
    }


def missing(before: Data, after: Data, changed: Since) -> str:
    """What is not there any more and no client can have changed, or empty."""
    if changed.removed:
        return ""
    for database, number in before.keys.items():
        has = after.keys.get(database, 0)
        if has < number - before.expires.get(database, 0) - changed.writes:
            return f"database {database} had {number} keys, and has {has}"
    differing = [key for key, checksum in before.sample.items() if after.sample.get(key) != checksum]
    if len(differing) > changed.writes:
        databases = ", ".join(map(str, sorted({database for database, _ in differing})))
        looked = f"of {len(before.sample)} keys that were looked at {len(differing)}"
        return f"{looked} have another value (database {databases})"
    return ""


def checksum(kind: str, value: str | Sequence[str | None]) -> str:
    """Of a value as its command answers, in whatever order. A score is a number: servers write it differently."""
    if kind == "zset":
        value = [repr(float(str(item))) if at % 2 else item for at, item in enumerate(value)]
    elif kind == "set":
        value = sorted(map(str, value))
    elif kind == "hash":
        value = [str(pair) for pair in sorted(zip(map(str, value[::2]), map(str, value[1::2])))]
    return hashlib.sha256(repr((kind, value)).encode()).hexdigest()[:16]


# --- asking -----------------------------------------------------------------------------------------------------------


def before(own: Connection) -> Data | None:
    """What a server has that is about to be stopped; clients wait with what they write from now on.

    None for one whose data a start does not bring back, or that does not say.
    """
    info = info_of(own, "replication", "persistence")
    if not is_kept(info, setting(own, "save"), setting(own, "shutdown-on-sigterm")):
        return None
    if isinstance(_said(own, "CLIENT", "PAUSE", str(PAUSE), "WRITE"), ErrorReply):
        return None
    keys, expires = numbers_in(info_of(own, "keyspace"))
    return Data(keys, expires, {key: value for database in keys for key, value in _sample(own, database).items()})


def after(own: Connection, had: Data) -> tuple[Data, Since]:
    """What the server after it has, of the same keys. Clients are asked for last, so that none is left out.

    One that is a replica by now has what its master has: another took over while it was away.
    """
    if info_of(own, "replication").get("role") == "slave":
        return had, Since(0, removed=True)
    sample: dict[Key, str] = {}
    for database in had.keys:
        names = [name for at, name in had.sample if at == database]
        if names and not isinstance(_said(own, "SELECT", str(database)), ErrorReply):
            kinds = dict(zip(names, map(str, _each(own, [("TYPE", name) for name in names]))))
            sample.update({(database, name): found for name, found in _values(own, kinds).items()})
            unsaid = [name for name, kind in kinds.items() if kind.startswith(_OF_A_CLUSTER)]
            sample.update({(database, name): had.sample[database, name] for name in unsaid})
    keys, expires = numbers_in(info_of(own, "keyspace"))
    return Data(keys, expires, sample), done_since(own)


def done_since(own: Connection, before: Mapping[str, str] = MappingProxyType({})) -> Since:
    """What its clients have done since the start, or since it said ``before`` (INFO commandstats and stats)."""
    own.send(encode("COMMAND", "LIST", "FILTERBY", "ACLCAT", "write"))
    writing = own.replies()
    changed = since(info_of(own, "commandstats", "stats"), [str(name) for name in writing or ()], before)
    return changed if writing else Since(0, removed=True)


def _sample(own: Connection, database: int) -> dict[Key, str]:
    if isinstance(_said(own, "SELECT", str(database)), ErrorReply):
        return {}
    drawn = _each(own, [("RANDOMKEY",)] * SAMPLES)
    # A name that is not text cannot be asked for again.
    names = [str(name) for name in dict.fromkeys(drawn) if name and not isinstance(name, ErrorReply)]
    names = [name for name in names if "\ufffd" not in name]
    asked = [(word, *words, name) for name in names for word, *words in _ABOUT]
    told = _each(own, asked)
    kinds = {}
    for at, name in enumerate(names):
        kind, left, size, encoding = told[at * len(_ABOUT) : (at + 1) * len(_ABOUT)]
        fits = left == "-1" and str(size).isdecimal() and int(str(size)) <= LARGEST
        if fits and (kind != "hash" or encoding in _OF_HASHES):
            kinds[name] = str(kind)
    return {(database, name): found for name, found in _values(own, kinds).items()}


_OF_A_CLUSTER = ("CLUSTERDOWN ", "MOVED ", "ASK ")
"""What a node says of a key instead of its value, until it sees the other nodes again, or of one that is theirs."""
_ABOUT = (("TYPE",), ("PTTL",), ("MEMORY", "USAGE"), ("OBJECT", "ENCODING"))


def _values(own: Connection, kinds: Mapping[str, str]) -> dict[str, str]:
    """Name → checksum, of those names that can be read."""
    known = {name: kind for name, kind in kinds.items() if kind in _READ}
    for name, kind in known.items():
        word, *words = _READ[kind]
        own.send(encode(word, name, *words))
    found: dict[str, str] = {}
    for name, kind in known.items():
        value = own.reply() if kind == "string" else own.replies()
        if value is not None and not isinstance(value, ErrorReply):
            found[name] = checksum(kind, value)
    return found


def _each(own: Connection, commands: Sequence[tuple[str, ...]]) -> list[str | None]:
    own.send(b"".join(encode(*words) for words in commands))
    return [own.reply() for _ in commands]


def _said(own: Connection, *words: str) -> str | None:
    own.send(encode(*words))
    return own.reply()


def setting(own: Connection, name: str) -> str:
    own.send(encode("CONFIG", "GET", name))
    answer = own.replies()
    return str(answer[1]) if answer and len(answer) == 2 else ""
