# SPDX-License-Identifier: GPL-3.0-or-later
"""What Redis finds of its data when it starts: the names that redis.conf gives, the files that lie there, and whether
it would start empty beside them.

Redis 7 and later, ``loadDataFromDisk`` and ``aofUpgradePrepare``: with ``appendonly yes`` it reads the append-only file
of ``appenddirname`` and ``appendfilename``, or the single file that releases up to 6 kept, and never the dump; with
``appendonly no`` the dump ``dbfilename``, and never the append-only file. What it looks for and does not find is empty.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from . import formats
from .conf import words_of

DATA_AT, CONFIG_AT, SOCKET_AT = "/data", "/usr/local/etc/redis", "/run/redis"
"""Where in its container an instance has its data, its redis.conf and its socket."""
READ, WRITE, SEARCH = 4, 2, 1
"""Permissions."""
DEEP = 2
"""Directories below the top in which data is looked for: where an image kept it under a path of its own."""
_MAGIC = re.compile(rb"REDIS\d{4}|VALKEY\d{3}")
_COMMAND = re.compile(rb"\*\d+\r\n\$\d+\r\n")
HEAD = 1024
"""Bytes at the beginning of a file by which is known whether it holds data."""
_AUXILIARY, _END = 0xFA, 0xFF
_CHECKSUM = 8


class Names(NamedTuple):
    """What a redis.conf says of the files that Redis keeps."""

    aof: bool
    dump: str
    directory: str
    file: str
    saves: bool
    """Whether it writes a dump when it is stopped."""


class Kept(NamedTuple):
    """The data below a directory, each with the time of its last change. What holds no key is left out."""

    dumps: dict[str, float]
    logs: dict[tuple[str, str], float]
    """By directory and file name as in ``Names``; the directory is '' for the single file of Redis up to 6."""


NOTHING = Kept({}, {})


class Before(NamedTuple):
    """What is there before a Redis is started with another configuration."""

    had: Names | None
    """By the configuration that it has; None without one."""
    kept: Kept
    """At the place where it is to look."""
    running: bool = False
    """It runs there now, so that its dump is written when it is stopped, and holds what is in no file yet."""
    elsewhere: str = ""
    """Where the container of this name has its data now, if that is another place."""
    answers: bool = False
    """It can be changed while it runs."""


def names_of(content: str) -> Names:
    """The last line of each directive counts, as for Redis; without one its default."""
    values: dict[str, str] = {"save": "3600"}
    for line in content.splitlines():
        words = _words(line)
        if len(words) > 1:
            values[words[0].lower()] = words[1]
    return Names(
        values.get("appendonly", "no").lower() == "yes",
        values.get("dbfilename", "dump.rdb"),
        values.get("appenddirname", "appendonlydir"),
        values.get("appendfilename", "appendonly.aof"),
        bool(values["save"]),
    )


def _words(line: str) -> list[str]:
    if line.lstrip().startswith("#"):
        return []
    try:
        return words_of(line)
    except ValueError:  # Redis does not start with such a line
        return []


def may(there: os.stat_result, uid: int, gid: int, need: int) -> bool:
    """Whether a user without capabilities may do all of ``need``."""
    shift = 6 if there.st_uid == uid else 3 if there.st_gid == gid else 0
    return there.st_mode >> shift & need == need


# --- what lies there --------------------------------------------------------------------------------------------------


def scan(top: Path) -> Kept:
    kept = Kept({}, {})
    _scan(top, "", kept, DEEP)
    return kept


def _scan(directory: Path, below: str, kept: Kept, deep: int) -> None:
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    files = [entry for entry in entries if entry.is_file(follow_symlinks=False) and not entry.name.startswith("temp-")]
    manifests = [entry.name[: -len(".manifest")] for entry in files if entry.name.endswith(".manifest")]
    for file in manifests:
        parts = [entry for entry in files if entry.name.startswith(f"{file}.") and not entry.name.endswith(".manifest")]
        if any(_holds(Path(entry.path)) for entry in parts):
            kept.logs[below, file] = max(entry.stat().st_mtime for entry in parts)
    for entry in files if not manifests else ():
        head = _head(Path(entry.path))
        name = f"{below}/{entry.name}" if below else entry.name
        if _COMMAND.match(head) or (entry.name.endswith(".aof") and _holds(Path(entry.path))):
            kept.logs["", name] = entry.stat().st_mtime
        elif _MAGIC.match(head) and _holds(Path(entry.path)):
            kept.dumps[name] = entry.stat().st_mtime
    for entry in entries if deep else ():
        if entry.is_dir(follow_symlinks=False):
            _scan(Path(entry.path), f"{below}/{entry.name}" if below else entry.name, kept, deep - 1)


def headers(top: Path, names: Names) -> set[str]:
    """What the dumps begin with that a Redis of these names loads, that of an append-only file included."""
    found = [top / names.dump]
    if names.aof:
        found = [*(top / names.directory).glob(f"{names.file}.*.base.rdb"), top / names.file]
    heads = {_head(path)[: formats.MAGIC] for path in found if path.is_file()}
    return {formats.header_of(head) for head in heads if _MAGIC.match(head)}


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(HEAD)


def _holds(path: Path) -> bool:
    return holds(_head(path), path.stat().st_size)


def holds(head: bytes, size: int) -> bool:
    """Whether there is a key in a dump, or anything in an append-only file. What cannot be told counts as data."""
    if not _MAGIC.match(head):
        return size > 0
    at = 9
    try:
        while head[at] == _AUXILIARY:
            at = _skip(head, _skip(head, at + 1))
        return not (head[at] == _END and size <= at + 1 + _CHECKSUM)
    except IndexError:
        return True


def _skip(head: bytes, at: int) -> int:
    """Past one string of a dump: a length in 6 or 14 bits and so many bytes, or a number of 1, 2 or 4 bytes."""
    kind, low = head[at] >> 6, head[at] & 0x3F
    if kind == 0:
        return at + 1 + low
    if kind == 1:
        return at + 2 + (low << 8 | head[at + 1])
    if kind == 3 and low < 3:
        return at + 1 + (1 << low)
    raise IndexError


# --- what Redis would make of it --------------------------------------------------------------------------------------


def loaded(names: Names, kept: Kept) -> float | None:
    """The time of the last change of what a Redis of these names loads, or None where it starts empty."""
    if not names.aof:
        return kept.dumps.get(names.dump)
    return kept.logs.get((names.directory, names.file), kept.logs.get(("", names.file)))


def refusal(wanted: Names, before: Before) -> str:
    """Why a Redis of these names would not have its data, as ``option: reason and way out``, or nothing."""
    if before.elsewhere and loaded(wanted, before.kept) is None:
        return (
            f"volume: the container of this name has its data in {before.elsewhere}, and Redis would start without it. "
            "Name that with volume, or copy its data first. To begin with nothing, remove the container first "
            "(state: absent)."
        )
    if before.running and before.had and not before.elsewhere:
        return _of_running(before.had, wanted, answers=before.answers)
    return _of_stopped(wanted, before)


def _of_running(had: Names, wanted: Names, *, answers: bool) -> str:
    """When it is stopped, its data is in the append-only file, or else in the dump, of the names it has now."""
    if wanted.aof and not had.aof and not answers:
        return _ONLINE
    if had.aof and not wanted.aof and not had.saves:
        return (
            "appendonly: the data of the running Redis is in its append-only file alone, since save is empty, and one "
            "that starts with appendonly no does not read that: all its data would be lost. Set save (such as "
            "'3600 1') and run this, so that Redis writes a dump when it is stopped; then set appendonly: false and "
            "run it again."
        )
    pairs = (
        (("appenddirname", had.directory, wanted.directory), ("appendfilename", had.file, wanted.file))
        if wanted.aof
        else (("dbfilename", had.dump, wanted.dump),)
    )
    for option, old, new in pairs:
        if old != new:
            return (
                f"settings.{option}: the running Redis keeps its data under the name {old}, and one that looks for "
                f"{new} starts empty: all its data would be lost. Leave the name as it was, or stop the container, "
                f"rename what is called {old} on its volume to {new}, and run this again."
            )
    return ""


_ONLINE = (
    "appendonly: the running Redis keeps no append-only file, and one that starts with appendonly yes for the first "
    "time ignores its dump: all its data would be lost. It is switched on while Redis runs, which does not answer, or "
    "does not let its settings be changed. See why (docker logs), and run this again."
)


def _of_stopped(wanted: Names, before: Before) -> str:
    kept, had = before.kept, before.had
    found = loaded(wanted, kept)
    if found is None:
        return _beside(wanted, kept) if kept.dumps or kept.logs else ""
    name, newest = _rival(wanted, kept, had)
    if newest <= found + _SHUTDOWN * (had is None or had.aof):
        return ""
    return (
        f"{'appendonly' if had is None or had.aof != wanted.aof else 'settings'}: {_source(wanted)}, which Redis would "
        f"load, is older than {name} beside it: what was written since would be lost. Have it load {name}, by "
        f"appendonly and the names in settings, or move {name} away if it is not needed."
    )


_SHUTDOWN = 1.0
"""Seconds. When it is stopped, Redis writes its last commands to the append-only file and then the dump."""


def _rival(wanted: Names, kept: Kept, had: Names | None) -> tuple[str, float]:
    """What may be newer than what is loaded: what Redis has had, else what it keeps beside a dump. Copies are not."""
    if had is not None:
        same = _source(had) == _source(wanted)
        return ("", 0.0) if same else (_source(had), loaded(had, kept) or 0.0)
    if wanted.aof or not kept.logs:
        return "", 0.0
    log, time = max(kept.logs.items(), key=lambda item: item[1])
    return _path(log), time


def _source(names: Names) -> str:
    return _path((names.directory, names.file)) if names.aof else names.dump


def _path(log: tuple[str, str]) -> str:
    return "/".join(filter(None, log))


def _beside(wanted: Names, kept: Kept) -> str:
    """For data that a Redis of these names would not look at: by the names that are nearest, of these the newest."""
    sources = [(time, name, wanted._replace(aof=False, dump=name)) for name, time in kept.dumps.items()]
    for log, time in kept.logs.items():
        sources.append((time, _path(log), wanted._replace(aof=True, directory=log[0] or wanted.directory, file=log[1])))
    _, name, names = min(sources, key=lambda source: (len(_changes(wanted, source[2])), -source[0]))
    changes = _changes(wanted, names)
    way = "Run it with " + " and ".join(changes.values())
    if any("/" in word for word in (names.dump, names.directory, names.file)):
        way = f"Move {name} to the top of the volume"
    option = "appendonly" if "aof" in changes else f"settings.{_OPTIONS[next(iter(changes))]}"
    return (
        f"{option}: there is {name}, and Redis would look for {_source(wanted)} and start empty beside it, as if its "
        f"data were lost. {way}, or give it another volume."
    )


_OPTIONS = {"dump": "dbfilename", "directory": "appenddirname", "file": "appendfilename"}


def _changes(wanted: Names, names: Names) -> dict[str, str]:
    """What is to be set instead, by the field; a dump is read under its name alone, whatever the others are."""
    changes = {"aof": f"appendonly: {str(names.aof).lower()}"} if names.aof != wanted.aof else {}
    for field in ("directory", "file") if names.aof else ("dump",):
        if getattr(names, field) != getattr(wanted, field):
            changes[field] = f"settings {_OPTIONS[field]}: {getattr(names, field)}"
    return changes
