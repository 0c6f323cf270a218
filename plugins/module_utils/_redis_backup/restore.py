# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump restored into an instance: proven on a copy of it, put in place while the container is stopped, and looked at.

A server with ``appendonly yes`` ignores a dump. So a throwaway server of the instance's own image loads the dump and
writes its append-only file, a second one loads that, and both have to have the same DEBUG DIGEST, a checksum over all
keys and values. Only then is the container stopped, and what it loads is just what was proven.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils import _files
from ansible_collections.netmode.docker.plugins.module_utils._containers.reconcile import bring
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._interfaces import reconcile as interfaces
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone
from ansible_collections.netmode.docker.plugins.module_utils._redis import formats
from ansible_collections.netmode.docker.plugins.module_utils._redis.log import last_lines
from ansible_collections.netmode.docker.plugins.module_utils._redis.preview import entries, preview

from . import backup, encryption, files, server, spec, throwaway
from .observe import observe
from .plan import Step, refused
from .restore_plan import COMPARE, NOTHING, RESTORE, Restored, Source, Task, choose, plan, refusal_of_other_data
from .state import Backup, Mark, Told, mark_of
from .swap import Swap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import Connection

    from .state import Seen
    from .throwaway import Proof

Json = dict[str, Any]

_NOTE = ".restored.json"
_PAUSED = 60_000
"""Milliseconds that clients wait at most with what they want to write, while what is there is kept as a backup: where
that takes longer, the files of what is there stay as well."""
_ENDS_WITHIN = 10
"""Seconds that a server which does not come up has to end, before it is killed."""
_LOOK = 0.1
"""Seconds until a server that is starting is asked again."""


class _Done(NamedTuple):
    task: Task
    keys: dict[int, int] | None
    digest: str
    kept: Backup | None
    """What was there before."""
    left: Path | None
    """Where the files of what was there lie, if no backup has all of it."""


def reconcile(params: Json, parts: Json, *, check_mode: bool) -> Json:
    """The module's work. NetmodeError: the instance has what it had."""
    spec.refuse_odd(params)
    spec.recipient(params)
    instance = _one(parts, params["instance"])
    engine = Engine(params["docker_host"], params["timeout"])
    if check_mode:
        task = _planned(engine, instance, parts, params)[0]
        return _result(_Done(task, task.source.keys, "", None, None), check_mode=True)
    with alone(backup.SUBJECT, f"netmode.docker.redis_restore: {instance['name']}", engine.docker_host):
        _tidy(engine, instance, params)
        task, entries = _planned(engine, instance, parts, params)
        if task.action == NOTHING:
            return _result(_Done(task, task.source.keys, "", None, None), check_mode=False)
        engine.require_sdk()
        with _told_of(task.seen):
            return _result(_Restore(engine, task, entries, parts, params).run(), check_mode=False)


def _tidy(engine: Engine, instance: Json, params: Json) -> None:
    """Remove what a killed run has left: it would be taken for data of the instance."""
    (seen,) = observe(engine, [instance], params["backup_dir"])
    for place in (seen.place, files.directory_of(params["backup_dir"], seen.name)):
        for left in files.unfinished(place) if place else ():
            files.clear(left)
    throwaway.sweep(engine)


@contextmanager
def _told_of(seen: Seen) -> Iterator[None]:
    try:
        yield
    except NetmodeError as error:
        raise (error if str(error).startswith("instance ") else refused(seen, str(error))) from error
    except OSError as error:
        raise refused(seen, f"{error.filename or 'its data'}: {error.strerror}.") from error


def _one(parts: Json, named: str) -> Json:
    found: list[Json] = spec.started(parts, [named] if named else [], "redis_restore_instance")
    if len(found) > 1:
        names = ", ".join(one["name"] for one in found)
        raise NetmodeError(f"redis_restore_instance: this host has {names}. Say which of them is to be restored.")
    return found[0]


# --- observe and plan -------------------------------------------------------------------------------------------------


def _planned(engine: Engine, instance: Json, parts: Json, params: Json) -> tuple[Task, list[Json]]:
    """The task, and the containers of the host as the role has made them."""
    (seen,) = observe(engine, [instance], params["backup_dir"])
    directory = files.directory_of(params["backup_dir"], seen.name)
    file = choose(seen, params["backup"])
    with _told_of(seen):
        task = plan(seen, _source(file), _restored(directory), overwrite=params["overwrite"], key=params["key"])
        if task.source.encrypted:
            encryption.program()
    parts["images"]["ask_registries"] = False
    told = preview(parts, params["docker_host"], params["timeout"])
    if not _is_settled(told, seen):
        raise refused(
            seen, f"this host is not as its variables say ({', '.join(told['due'])}), and a restart would change that "
            "too. Run site.yml first.",
        )  # fmt: skip
    waiting = told["files"]["waiting"].get(seen.name)
    if waiting:
        raise refused(seen, f"{waiting}, which waits for a restart. Restart it first (docker restart {seen.name}).")
    return task, entries(parts, told)


def _is_settled(told: Json, seen: Seen) -> bool:
    """Nothing is to be changed, but that a container which does not run is to be started."""
    due = {name: {*one["actions"]} for name, one in told["containers"]["containers"].items() if one["actions"]}
    starting = seen.status != "running" and due.get(seen.name, set()) <= {"start", "restart", "unpause"}
    return told["due"] in ([], ["containers"]) and due.keys() <= ({seen.name} if starting else set())


def _source(file: Path) -> Source:
    try:
        with files.opened(file) as stream:
            encrypted = encryption.read(stream, file)
            stream.seek(0)
            header = encrypted.format if encrypted else formats.header_of(stream.read(formats.MAGIC))
            stream.seek(0)
            found = files.manifest_of(file.with_suffix(".json"))
            size = os.fstat(stream.fileno()).st_size
            return Source(file, header, size, files.sha256_of(stream), found, encrypted)
    except OSError as error:
        raise NetmodeError(f"redis_restore_backup: {file}: {error.strerror}.") from None


def _restored(directory: Path) -> Restored | None:
    try:
        found = _files.read_json(directory / _NOTE)
        return Restored(str(found["sha256"]), Mark(**found["mark"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


# --- apply ------------------------------------------------------------------------------------------------------------


class _Restore:
    def __init__(self, engine: Engine, task: Task, entries: list[Json], parts: Json, params: Json) -> None:
        self.engine, self.task, self.seen = engine, task, task.seen
        self.entries, self.parts, self.params = entries, parts, params
        self.owner = (task.seen.instance["uid"], task.seen.instance["gid"])
        self.directory = files.directory_of(params["backup_dir"], task.seen.name)

    def run(self) -> _Done:
        files.make(self.directory)
        self._refuse_unreadable()
        staged = files.begin(self.task.place, self.owner)
        try:
            proof = self._stage(staged)
            if self.task.action == COMPARE:
                if self._has(proof):
                    same = self.task._replace(action=NOTHING, why="it has just this data")
                    return _Done(same, proof.keys, proof.digest, None, None)
                if not self.params["overwrite"]:
                    raise refused(self.seen, refusal_of_other_data(self.task.source))
            return self._replace(staged, proof)
        finally:
            files.clear(staged)

    def _refuse_unreadable(self) -> None:
        """Of a server that does not run, and so could not be asked, the binary says which it is."""
        if self.seen.told is None:
            found = formats.server_of(throwaway.version(self.engine, self.seen, self.params["wait"]))
            why = found and formats.why_unreadable(self.task.source.header, found, relaxed=self.task.relaxed)
            if why:
                raise refused(self.seen, f"{self.task.source.file}: {why}.")

    def _stage(self, staged: Path) -> Proof:
        """Put what the server is to load into ``staged``. NetmodeError: it is not right, or not what was backed up."""
        task, wait = self.task, self.params["wait"]
        dump = staged / task.names.dump
        with files.opened(task.source.file) as stream:
            files.refuse_full(staged, task.source.size * (2 if task.names.aof else 1))
            if task.source.encrypted:
                encryption.decrypt(stream, task.source.encrypted, self.params["key"], dump, self.owner)
            else:
                files.copy(stream, dump, self.owner)
        told = throwaway.check(self.engine, self.seen, dump, wait)
        with files.opened(dump) as stream:
            keys = files.keys_of(stream, told)
        if task.source.keys is not None and keys != task.source.keys:
            raise refused(self.seen, f"{task.source.file} has {backup.keys_text(keys)}, and its manifest says another.")
        proof = self._loaded(staged, append_only=task.names.aof)
        if proof.keys != keys:
            raise refused(
                self.seen, f"of {backup.keys_text(keys)} in {task.source.file} its server loads "
                f"{backup.keys_text(proof.keys)}.",
            )  # fmt: skip
        if task.names.aof:
            dump.unlink()
            again = self._loaded(staged, append_only=False, aof=True)
            if again != proof:
                raise refused(self.seen, "what its server has written into an append-only file is not what it loaded.")
        return proof

    def _loaded(self, directory: Path, *, append_only: bool, aof: bool = False) -> Proof:
        """What a throwaway server has of the files there; ``append_only``: it writes them anew as such a file, too."""
        lines = throwaway.overriding(self.seen.instance, self.task.names.dump, aof=aof)
        with throwaway.started(self.engine, self.seen, directory, lines, self.params["wait"]) as copy:
            if append_only:
                copy.to_append_only()
            return copy.proof()

    def _has(self, proof: Proof) -> bool:
        """Whether the running server has the same, by a dump of it on a throwaway server."""
        taken = files.begin(self.task.place if self.task.source.encrypted else self.directory, self.owner)
        try:
            backup.take(self._step(), taken / self.task.names.dump, self.params["wait"])
            return bool(proof.digest) and self._loaded(taken, append_only=False) == proof
        finally:
            files.clear(taken)

    def _step(self) -> Step:
        if self.seen.told is None:  # the plan asks for no dump of one that says nothing
            raise refused(self.seen, self.seen.why_silent)
        return Step(self.seen, self.seen.told, self.task.place, [])

    # --- the container ---

    def _replace(self, staged: Path, proof: Proof) -> _Done:
        swap = Swap(self.task.place, staged, self.task.names)
        try:
            kept, whole = None, not self.task.had
            if self.task.had and self.seen.told is not None:
                kept, whole = self._keep()
            try:
                self._restart(swap.there, f"{self.task.source.file.name} is restored")
                mark = self._loaded_all(proof)
            except NetmodeError as error:
                self._undo(swap, error)
                raise
            self._note(mark)
        finally:
            swap.close()
            if self.seen.told is not None:
                self._resume()
        if whole:
            files.clear(swap.replaced)
        return _Done(self.task, proof.keys, proof.digest, kept, None if whole else swap.replaced)

    def _keep(self) -> tuple[Backup, bool]:
        """What is there as a backup, and whether that is all of it: clients wait with what they want to write."""
        self._pause()
        encrypted = self.task.source.encrypted
        recipient = spec.recipient(self.params) or (encrypted.recipient if encrypted else None)
        made = backup.write(self.engine, self._step(), self.params, recipient, files.BEFORE_RESTORE)
        told = self._pause()
        mark = made.manifest["mark"]
        return made, mark is not None and mark_of(told) == Mark(**mark) and not told.changes

    def _pause(self) -> Told:
        """Have clients wait, and what the server says then."""
        with self._asked() as own:
            server.said(own, "CLIENT", "PAUSE", str(_PAUSED), "WRITE")
            return server.ask(own)

    @contextmanager
    def _asked(self) -> Iterator[Connection]:
        endpoint = server.endpoint_of(self.seen.instance, self.seen.container)
        with server.connected(endpoint, self.params["wait"]) as own:
            yield own

    def _resume(self) -> None:
        """Where the container was not stopped; one that was knows nothing of it."""
        with suppress(NetmodeError), self._asked() as own:
            server.said(own, "CLIENT", "UNPAUSE")

    def _restart(self, between: Callable[[], None], why: str) -> None:
        """With all that joins its namespace, and its custom interfaces."""
        name = self.seen.name
        bring(self.engine, self.entries, check=False, restarted={name: why}, between={name: between})
        wanted = self.parts["interfaces"]
        if wanted["interfaces"]:
            asked = {key: self.params[key] for key in ("docker_host", "timeout")}
            interfaces.run({**wanted, **asked}, check_mode=False)

    def _loaded_all(self, proof: Proof) -> Mark:
        """The moment of the server at which it has loaded all of it. NetmodeError: it does not."""
        until = time.monotonic() + self.params["start_timeout"]
        while True:
            told = self._says()
            if told is not None and not told.loading:
                break
            if time.monotonic() > until:
                raise NetmodeError(
                    f"with the restored data its Redis did not answer within {self.params['start_timeout']} s.\n"
                    + last_lines(self.engine, self.seen.name)
                )
            time.sleep(_LOOK)
        if told.loaded != sum(proof.keys.values()):
            raise NetmodeError(f"of {backup.keys_text(proof.keys)} its Redis has loaded {told.loaded}.")
        return mark_of(told)

    def _says(self) -> Told | None:
        with suppress(NetmodeError), self._asked() as own:
            return server.ask(own)
        return None

    def _undo(self, swap: Swap, error: NetmodeError) -> None:
        """NetmodeError: what was there is there again, or where it lies."""
        if not swap.done:
            return
        try:
            self._stop()
            self._restart(swap.back, "its data is put back")
        except NetmodeError as another:
            raise NetmodeError(f"{error}\nWhat was there lies in {swap.replaced}: {another}") from error
        swap.replaced.rmdir()
        raise NetmodeError(f"{error}\nWhat was there is back.") from error

    def _stop(self) -> None:
        """What does not come up has nothing to save, and may be started again and again by its engine."""
        with self.engine.changing(f"instance {self.seen.name}: stop") as client:
            client.stop(self.seen.container, timeout=_ENDS_WITHIN)

    def _note(self, mark: Mark) -> None:
        note = {"sha256": self.task.source.sha256, "mark": mark._asdict()}
        own = (os.geteuid(), os.getegid())
        _files.write(self.directory / _NOTE, json.dumps(note).encode(), 0o600, own)


# --- what is returned -------------------------------------------------------------------------------------------------


def _result(done: _Done, *, check_mode: bool) -> Json:
    task = done.task
    changed = task.action == RESTORE or (task.action == COMPARE and not check_mode)
    restored = {
        "instance": task.seen.name,
        "file": str(task.source.file),
        "action": task.action,
        "why": task.why,
        "keys": done.keys,
        "digest": done.digest,
        "kept": str(done.kept.file) if done.kept else None,
        "left": str(done.left) if done.left else None,
    }
    return {"changed": changed, "restored": restored, "lines": _lines(done, check_mode=check_mode)}


def _lines(done: _Done, *, check_mode: bool) -> list[str]:
    task, name, file = done.task, done.task.seen.name, done.task.source.file
    what = backup.keys_text(done.keys) if done.keys is not None else "what it has"
    if task.action == NOTHING:
        return [f"{name}: {file.name}: {task.why}, {what}"]
    if check_mode:
        would = "would be compared" if task.action == COMPARE else "would be restored"
        return [f"{name}: {file.name} {would}, {what}: {task.why}"]
    lines = [f"{name}: restored {what} from {file}"]
    if done.digest:
        lines.append(f"{name}: checksum over all keys and values {done.digest}, as of the dump")
    if done.kept:
        lines.append(f"{name}: what it had, {backup.keys_text(done.kept.manifest['keys'])}, is in {done.kept.file}")
    if done.left:
        lines.append(f"{name}: the files of what it had lie in {done.left}: remove them when they are of no use")
    return lines
