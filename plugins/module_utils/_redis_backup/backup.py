# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of a host's instances: look, plan, have each write a dump, check it, keep it with its manifest."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone
from ansible_collections.netmode.docker.plugins.module_utils._redis import formats

from . import encryption, files, server, spec, throwaway
from .observe import observe
from .plan import Step, plan, refused
from .state import Backup, mark_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from .encryption import Recipient
    from .state import Told

Json = dict[str, Any]

SUBJECT = "backups"
"""What the lock of a host is for."""


def reconcile(params: Json, parts: Json, *, check_mode: bool) -> Json:
    """The module's work. NetmodeError: nothing was done, or the backup that it names was not made."""
    spec.refuse_odd(params)
    if spec.has_sentinels_alone(parts) and not params["instances"]:
        return _result({}, [])
    instances = spec.started(parts, params["instances"], "redis_backup_instances")
    recipient = spec.recipient(params)
    engine = Engine(params["docker_host"], params["timeout"])
    if check_mode:
        steps = plan(observe(engine, instances, params["backup_dir"]), params["keep"])
        return _result({step.seen.name: _planned(step, recipient) for step in steps}, steps)
    who = "netmode.docker.redis_backup: " + ", ".join(one["name"] for one in instances)
    with alone(SUBJECT, who, engine.docker_host):
        steps = plan(observe(engine, instances, params["backup_dir"]), params["keep"])
        engine.require_sdk()
        throwaway.sweep(engine)
        made: Json = {}
        for step in steps:
            for left in files.unfinished(step.place):  # only here: a restore that keeps what is there has its own in it
                _guarded(step, lambda left=left: files.clear(left))
            made[step.seen.name] = _shown(write(engine, step, params, recipient, files.ASKED_FOR))
            for old in step.removed:
                _guarded(step, lambda old=old: files.remove(old))
    return _result(made, steps)


def write(engine: Engine, step: Step, params: Json, recipient: Recipient | None, why: str) -> Backup:
    """A new backup, whole and checked. NetmodeError: there is none, and what is there is as it was."""
    directory = files.directory_of(params["backup_dir"], step.seen.name)
    found: Backup = _guarded(step, lambda: _write(engine, step, directory, params["wait"], recipient, why))
    return found


def _guarded(step: Step, act: Any) -> Any:
    try:
        return act()
    except NetmodeError as error:
        start = f"instance {step.seen.name}: "
        raise (error if str(error).startswith(start) else refused(step.seen, str(error))) from error
    except OSError as error:
        raise refused(step.seen, f"{error.filename or 'its backup'}: {error.strerror}.") from error


def _write(engine: Engine, step: Step, directory: Path, seconds: int, recipient: Recipient | None, why: str) -> Backup:
    _refuse_full(step)
    files.make(directory)
    for left in files.unfinished(directory):
        files.clear(left)
    with _staged(step, directory, recipient) as (dump, whole):
        told, size, digest, exact = take(step, dump, seconds)
        keys = keys_of(engine, step, dump, seconds)
        now = datetime.now(timezone.utc)
        name = files.new_name(directory, step.seen.name, now, files.ENCRYPTED if recipient else files.PLAIN)
        with files.opened(dump) as stream:
            header = formats.header_of(stream.read(formats.MAGIC))
            if recipient:
                files.refuse_full(directory, size + encryption.LONGEST_LINE)
                size, digest = encryption.encrypt(stream, whole, recipient, header, digest)
        manifest = {
            "written_by": files.WRITTEN_BY,
            "instance": step.seen.name,
            "file": name,
            "number": files.next_number(directory),
            "time": now.isoformat(timespec="milliseconds"),
            "why": why,
            "size": size,
            "sha256": digest,
            "encrypted_for": _for(recipient),
            "format": header,
            "server": told.server._asdict(),
            "role": told.role,
            "image": step.seen.image,
            "modules": told.modules,
            "keys": {str(database): number for database, number in sorted(keys.items())},
            "mark": mark_of(told)._asdict() if exact else None,
        }
        files.finish(whole, directory / name, manifest)
        return Backup(directory / name, manifest)


def _refuse_full(step: Step) -> None:
    """A dump that does not fit fails, and by its default a server that saves refuses writes until one has succeeded.

    The last dump is the measure; where there is none the server is let try.
    """
    last = step.place / step.told.dump
    if last.is_file() and not last.is_symlink():
        files.refuse_full(step.place, last.stat().st_size)


@contextmanager
def _staged(step: Step, directory: Path, recipient: Recipient | None) -> Iterator[tuple[Path, Path]]:
    """Where the dump is taken to, and what becomes the backup: the same, or it encrypted.

    What is to be encrypted is beside the server's own dump until then: backups may lie where nobody is to have it.
    """
    owner = (step.seen.instance["uid"], step.seen.instance["gid"])
    with ExitStack() as gone:

        def begun(place: Path) -> Path:
            staged = files.begin(place, owner)
            gone.callback(files.clear, staged)
            return staged / "dump.rdb"

        dump = begun(step.place if recipient else directory)
        yield dump, begun(directory) if recipient else dump


def take(step: Step, to: Path, seconds: int) -> tuple[Told, int, str, bool]:
    """Have the server write a dump, and copy it: (what the server said then, size, sha256, whether it is that dump).

    A dump that the server writes by itself in the moment before the copy is as good, and newer than what it said.
    """
    instance = step.seen.instance
    with server.connected(server.endpoint_of(instance, step.seen.container), seconds) as own:
        told = server.save(own)
        with files.opened(step.place / told.dump) as stream:
            exact = server.ask(own).saves == told.saves
            files.refuse_full(to.parent, os.fstat(stream.fileno()).st_size)
            size, digest = files.copy(stream, to, (instance["uid"], instance["gid"]))
    return told, size, digest, exact


def keys_of(engine: Engine, step: Step, dump: Path, seconds: int) -> dict[int, int]:
    """Database → keys of a dump that its check tool finds right."""
    told = throwaway.check(engine, step.seen, dump, seconds)
    with files.opened(dump) as stream:
        return files.keys_of(stream, told)


# --- what is returned -------------------------------------------------------------------------------------------------


def _planned(step: Step, recipient: Recipient | None) -> Json:
    return {
        "file": None, "keys": step.told.keys, "server": str(step.told.server), "encrypted_for": _for(recipient),
    }  # fmt: skip


def _for(recipient: Recipient | None) -> Json | None:
    return {"subject": recipient.subject, "sha256": recipient.fingerprint} if recipient else None


def _shown(backup: Backup) -> Json:
    manifest = backup.manifest
    given = {key: manifest[key] for key in ("keys", "size", "sha256", "format", "time", "encrypted_for")}
    return {"file": str(backup.file), "manifest": str(backup.file.with_suffix(".json")), **given} | {
        "server": str(formats.Server(**manifest["server"]))
    }


def _result(made: Json, steps: list[Step]) -> Json:
    removed = {step.seen.name: [one.name for one in step.removed] for step in steps}
    return {
        "changed": bool(made),
        "backups": made,
        "removed": removed,
        "lines": [line_of(name, one, removed[name]) for name, one in made.items()],
    }


def line_of(name: str, one: Json, removed: list[str]) -> str:
    """``cache: 1000 keys (db0 1000) of Redis 7.0.15, 12 kB, to /var/backups/netmode/cache/cache-….rdb``"""
    what = f"{name}: {keys_text(one['keys'])} of {one['server']}"
    where = f", {size_text(one['size'])}" if one["file"] else ", would be backed up"
    if one["encrypted_for"]:
        where += f", encrypted for {one['encrypted_for']['subject']}"
    where += f", in {one['file']}" if one["file"] else ""
    gone = f"; removed {', '.join(removed)}" if removed else ""
    return what + where + (gone if one["file"] else gone.replace("removed", "would remove", 1))


def keys_text(keys: Mapping[Any, int]) -> str:
    total = sum(keys.values())
    several = ", ".join(f"db{database} {number}" for database, number in keys.items())
    return f"{total} key{'' if total == 1 else 's'}" + (f" ({several})" if len(keys) > 1 else "")


def size_text(size: int) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000  # type: ignore[assignment]
    return f"{size:.1f} GB"
