# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the server of another image starts on the data of a Redis: tried on a copy, while the old one runs on.

Copied is what it would read: the append-only file as its manifest names it, or a dump that it writes first. A rewrite
of the append-only file replaces the manifest, and files that it names are only appended to, so a copy is whole where
the manifest is the same afterwards (Redis' own documentation of persistence). Clients write on meanwhile; what they may
have changed is allowed for.

Only what fits is copied: the run is to take seconds longer, not minutes, and neither disk nor memory may run out.
"""

from __future__ import annotations

import os
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._containers.observe import find_image
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._host import regular

from . import conf, container, data, drift, kept, operator, protocol, saving, servers, trial
from .data import SOCKET_AT
from .log import with_log
from .tried import image_of, where

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .check import Around
    from .data import Names
    from .kept import Data, Since
    from .protocol import Connection
    from .running import Server

Json = dict[str, Any]
Instance = dict[str, Any]

LARGEST = 1 << 30
"""Bytes of data that are copied at most, on disk and in memory."""
FREE, MEMORY = 3, 2
"""How many times the data the disk has to have free (a dump, the copy, what the new server writes), and the memory."""
_WITHIN = 120.0
"""Seconds for what the running server is asked, a dump included."""
_TIMES = 5
"""How often an append-only file is copied that is rewritten meanwhile."""
_SECTIONS = ("persistence", "memory", "keyspace", "commandstats", "stats")
_PAUSE = 0.1


class Tried(NamedTuple):
    keys: dict[int, int]
    """Database → keys that the new server had."""
    why_not: str = ""
    """Why it was not tried."""


class Copy(NamedTuple):
    names: Names
    had: Data
    """What the running server had before it was copied."""
    changed: Since
    """What its clients have done meanwhile."""


class NotTriedError(Exception):
    """What is in the way of a copy; the data is compared after the start all the same."""


def refuse_failing(engine: Engine, running: Iterable[Server], around: Around, wait: float) -> Json:
    """Start the new image of each that has another one on a copy of its data, one after the other.

    ``wait``: seconds that it may take to answer. NetmodeError: it does not, or not with that data. Returns for each its
    keys, or why it was not tried.
    """
    tried = {one.instance["name"]: _try(engine, one, around, wait) for one in running if _is_another(engine, one)}
    return returned(tried)


def returned(tried: dict[str, Tried]) -> Json:
    """As JSON has it."""
    return {
        name: {"keys": {str(at): number for at, number in one.keys.items()}, "why_not": one.why_not}
        for name, one in tried.items()
    }


def warnings(found: Json) -> list[str]:
    """Of what is ``returned``."""
    return [
        f"instance {name}: its new image was not tried on a copy of its data: {one['why_not']}. What it has is "
        "compared once it has started."
        for name, one in found.items()
        if one["why_not"]
    ]


def _is_another(engine: Engine, server: Server) -> bool:
    has = engine.get(f"/containers/{server.redis.endpoint.container}/json")["Image"]
    wanted = find_image(engine, image_of(server.instance))
    return wanted is not None and wanted["Id"] != has


def _try(engine: Engine, server: Server, around: Around, wait: float) -> Tried:
    instance = server.instance
    volumes, containers = [trial.make_volume(engine, instance)], list[str]()
    try:
        trial.give(volumes[0], instance)
        try:
            made = _copy(server, around, Path(volumes[0]["Mountpoint"]))
        except (NotTriedError, NetmodeError, protocol.NotMeantError, protocol.NotRedisError, OSError) as error:
            return Tried({}, str(error))
        filled = {**instance, "place": instance["place"]._replace(empty=False)}
        containers.append(trial.create(engine, filled, _lines(made.names)))
        trial.start(engine, instance, containers[0])
        return Tried(_compared(engine, instance, containers[0], made, wait))
    finally:
        trial.sweep(engine, containers, [one["Name"] for one in volumes])


# --- the copy ---------------------------------------------------------------------------------------------------------


def _copy(server: Server, around: Around, to: Path) -> Copy:
    """Of what a running server keeps. NotTriedError, and what a connection or the disk may say: there is none."""
    instance = server.instance
    place = servers.path_of(instance["volume"], around.volumes)
    if place is None or not server.asked.now:
        raise NotTriedError("its volume is not a directory of this host" if place is None else "it does not answer")
    with closing(protocol.Connection(server.redis.endpoint, _WITHIN, protocol.MAX_CLIENTS)) as own:
        refused = drift.let_in(own, server.redis)
        if refused:
            raise NotTriedError(f"it does not let the role in ({refused})")
        names = _names(own)
        before = protocol.info_of(own, *_SECTIONS)
        used = int(before.get("used_memory", 0))
        free = min(regular.free_at(place), regular.free_at(to))
        why = misfit(max(used, _size(names, place)), used, free, free_memory())
        if why:
            raise NotTriedError(why)
        if not names.aof:
            saving.dump(own, saving.state)
        copy_files(names, place, to, (instance["uid"], instance["gid"]))
        keys, expires = kept.numbers_in(before)
        return Copy(names, kept.Data(keys, expires, {}), kept.done_since(own, before))


def _names(own: Connection) -> Names:
    """What it keeps, as it says itself, once it is not about to begin an append-only file."""
    said = {name: kept.setting(own, name) for name in ("dbfilename", "appenddirname", "appendfilename", "save")}
    while (info := protocol.info_of(own, "persistence")).get("aof_rewrite_in_progress") == "1":
        time.sleep(_PAUSE)
    aof = info.get("aof_enabled") == "1"
    if not aof and not said["save"]:
        raise NotTriedError("it keeps no data (appendonly no, and save is empty)")
    return data.Names(aof, said["dbfilename"], said["appenddirname"], said["appendfilename"], bool(said["save"]))


def misfit(size: int, used: int, free: int, available: int) -> str:
    """Why so much data is not copied, or empty. In bytes; ``used``: of memory, of which so much is ``available``."""
    if size > LARGEST:
        return f"it has {_text(size)} of data, and at most {_text(LARGEST)} is copied"
    if size * FREE > free:
        return f"it has {_text(size)} of data, and {FREE} times as much has to be free, while {_text(free)} are"
    if used * MEMORY > available:
        return f"it uses {_text(used)} of memory, and a second one needs its own, while {_text(available)} are left"
    return ""


def _text(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


def free_memory() -> int:
    """Bytes that this host has for what is started next."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")), 0)


def _size(names: Names, place: Path) -> int:
    """Of the append-only file; a dump is yet to be written, and is smaller than what it is of."""
    size = 0
    for path in (place / names.directory).glob(f"{names.file}.*") if names.aof else ():
        with suppress(FileNotFoundError):  # a rewrite has ended
            size += path.lstat().st_size
    return size


def copy_files(names: Names, place: Path, to: Path, owner: tuple[int, int]) -> None:
    """What a server of these names loads, for that user. NotTriedError: it changes too fast."""
    if not names.aof:
        _copy_file(place / names.dump, to / names.dump, owner)
        return
    at = to / names.directory
    for _ in range(_TIMES):
        at.mkdir(mode=0o700)
        os.chown(at, *owner)
        with _opened(place / names.directory) as within, suppress(FileNotFoundError):
            manifest = regular.read(within / f"{names.file}.manifest") or b""
            for name in parts_of(manifest.decode(errors="replace")):
                _copy_file(within / name, at / name, owner)
            if manifest and regular.read(within / f"{names.file}.manifest") == manifest:
                with regular.created(at / f"{names.file}.manifest", owner) as stream:
                    stream.write(manifest)
                return
        for part in at.iterdir():
            part.unlink()
        at.rmdir()
    raise NotTriedError("its append-only file was rewritten each time that it was copied")


@contextmanager
def _opened(directory: Path) -> Iterator[Path]:
    """A directory that stays the same one, whatever its owner puts in its place; not followed."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _copy_file(path: Path, to: Path, owner: tuple[int, int]) -> None:
    with regular.opened(path) as source, regular.created(to, owner) as stream:
        for chunk in regular.chunks(source):
            stream.write(chunk)


def parts_of(manifest: str) -> list[str]:
    """The files of an append-only file, but for those that are about to be removed. NotTriedError: it is none."""
    found = []
    for line in manifest.splitlines():
        words = conf.words_of(line) if not line.startswith("#") else []
        given = dict(zip(words[::2], words[1::2]))
        if words and (not given.get("file") or "/" in given["file"]):
            raise NotTriedError(f"the manifest of its append-only file says {line!r}")
        if words and given.get("type") != "h":
            found.append(given["file"])
    return found


# --- the server on it -------------------------------------------------------------------------------------------------


def _lines(names: Names) -> list[str]:
    """Of its redis.conf: what lies there counts, however it is going to be kept, and may end amid a write."""
    return [
        f"appendonly {'yes' if names.aof else 'no'}",
        *(
            f"{directive} {conf.quoted(name)}"
            for directive, name in (
                ("dbfilename", names.dump), ("appenddirname", names.directory), ("appendfilename", names.file),
            )
        ),
        "aof-load-truncated yes",
    ]  # fmt: skip


def _compared(engine: Engine, instance: Instance, key: str, made: Copy, wait: float) -> dict[int, int]:
    """The keys of each database that it has. NetmodeError: it does not answer, or they are not those of the copy."""
    how, said = container.listen(engine, key, wait)
    if how != container.READY:
        late = f"is not ready within {wait:g} s. It may need more (redis_start_timeout)"
        why = late if how == container.LATE else "does not start"
        raise NetmodeError(with_log(_refused(instance, why), said))
    process = engine.get(f"/containers/{key}/json")["State"]["Pid"]
    at = f"/proc/{process}/root{SOCKET_AT}/redis.sock"
    endpoint = trial.endpoint_in(instance, at, operator.credentials(instance), key)
    try:
        with closing(protocol.Connection(endpoint, _WITHIN)) as own:
            protocol.let_in(own, endpoint)
            keys, expires = kept.numbers_in(protocol.info_of(own, "keyspace"))
    except (OSError, protocol.NotMeantError, protocol.NotRedisError) as error:
        raise NetmodeError(_refused(instance, f"does not say what it has ({error})")) from None
    lost = kept.missing(made.had, kept.Data(keys, expires, {}), made.changed)
    if lost:
        raise NetmodeError(_refused(instance, f"comes up without it: {lost}"))
    return keys


def _refused(instance: Instance, why: str) -> str:
    return (
        f"{where(instance)}: image: the server of {image_of(instance)} was tried on a copy of its data, "
        f"and {why}. {trial.AS_BEFORE} Name an image that reads it, or the one that it had."
    )
