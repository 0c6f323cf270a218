# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of ``redis_restore`` does, from what was observed: pure. It refuses all that is known before a trial."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis import data, live
from ansible_collections.netmode.docker.plugins.module_utils._redis.files import content_of
from ansible_collections.netmode.docker.plugins.module_utils._redis.formats import why_unreadable

from . import files
from .plan import place_of, refused
from .state import Mark, mark_of
from .throwaway import check_tool

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._redis.data import Names

    from .encryption import Encrypted
    from .state import Seen

Json = dict[str, Any]

NOTHING, COMPARE, RESTORE = "nothing", "compare", "restore"
_LATEST = "latest"


class Source(NamedTuple):
    """The dump that is to be restored."""

    file: Path
    header: str
    """``REDIS0010``; '' where it is not a dump."""
    size: int
    sha256: str
    manifest: Json | None
    """None for one that was made by others."""
    encrypted: Encrypted | None = None
    """None for one that is not."""

    @property
    def keys(self) -> dict[int, int] | None:
        """Database → keys, where the manifest says so."""
        given = self.manifest and self.manifest["keys"]
        return None if given is None else {int(database): number for database, number in given.items()}


class Restored(NamedTuple):
    """What was noted of the last restore: of which dump, and of which moment of the server."""

    sha256: str
    mark: Mark


class Task(NamedTuple):
    seen: Seen
    source: Source
    place: Path
    """Where the data of the instance lies on the host."""
    names: Names
    """Of the files that its server looks for there."""
    action: str
    """nothing, compare (it has as many keys: which, only a trial tells) or restore."""
    why: str
    had: bool
    """It has data, which is kept before it is replaced."""
    relaxed: bool
    """It reads more than its version says."""


def choose(seen: Seen, named: str) -> Path:
    """The dump that is meant: ``latest``, the name of a backup of the instance, or a path. NetmodeError: none is."""
    if named.startswith("/"):
        return Path(named)
    asked = [one for one in seen.backups if one.manifest.get("why") != files.BEFORE_RESTORE]
    if named == _LATEST and asked:
        return asked[0].file
    fitting = [one for one in seen.backups if named in (one.name, one.file.stem)]
    if named and fitting:
        return fitting[0].file
    there = ", ".join(one.name for one in seen.backups[:5]) or "none"
    what = f"{named!r} is not a backup of it" if named and named != _LATEST else "none is named"
    if named == _LATEST:
        what = "it has no backup"
    raise refused(
        seen, f"redis_restore_backup: {what}. Give latest, the name of one of its backups, or the path of a dump on "
        f"this host. Its backups, the newest first: {there}.",
    )  # fmt: skip


def plan(seen: Seen, source: Source, restored: Restored | None, *, overwrite: bool, key: str = "") -> Task:
    """NetmodeError: the dump is not restored, and nothing was changed. ``key``: what opens one that is encrypted."""
    if not seen.container:
        raise refused(seen, "there is no container of this name. Deploy it first (site.yml), then restore its data.")
    place, told = place_of(seen), seen.told
    check_tool(seen.instance)
    if seen.status == "running" and told is None:
        raise refused(
            seen, f"it runs, and its Redis does not say what it has: {seen.why_silent}. Its log may say why (docker "
            f"logs {seen.name}). To replace what it has all the same, stop it first (docker stop {seen.name}).",
        )  # fmt: skip
    if told is not None and told.loading:
        raise refused(seen, "it is loading its data. Wait until it answers, and run this again.")
    if told is not None and told.role != "master":
        raise refused(
            seen, "it is a replica, so what its master has would replace what is restored. Restore the master, or make "
            "it a master first (REPLICAOF NO ONE).",
        )  # fmt: skip
    relaxed = live.directives(content_of(seen.instance)).get("rdb-version-check", [])[-1:] == [["relaxed"]]
    _refuse_unreadable(seen, source, relaxed=relaxed)
    names = data.names_of(content_of(seen.instance))
    had = bool(told.keys) if told is not None else data.loaded(names, data.scan(place)) is not None
    if source.encrypted and not key:
        raise _locked(seen, source, source.encrypted)
    action, why = _action(seen, source, restored, had=had, overwrite=overwrite)
    return Task(seen, source, place, names, action, why, had, relaxed)


def _refuse_unreadable(seen: Seen, source: Source, *, relaxed: bool) -> None:
    if source.manifest is not None and source.sha256 != source.manifest["sha256"]:
        raise refused(
            seen, f"{source.file} is not what its manifest says: its sha256 is {source.sha256[:16]}…, and was "
            f"{source.manifest['sha256'][:16]}… when it was made. It was changed, or damaged. Restore another backup.",
        )  # fmt: skip
    if not source.header:
        raise refused(seen, f"{source.file} is not a dump of Redis or Valkey.")
    if seen.told is None:
        return
    why = why_unreadable(source.header, seen.told.server, relaxed=relaxed)
    if why:
        raise refused(
            seen, f"{source.file}: {why}. Restore it into an instance with an image that reads it (redis_image)."
        )
    missing = sorted(set((source.manifest or {}).get("modules") or {}) - set(seen.told.modules))
    if missing:
        raise refused(
            seen, f"{source.file} was written with the module {', '.join(missing)}, which its server does not have, "
            "and may hold data of it. Give it an image with that module (redis_image).",
        )  # fmt: skip


def _locked(seen: Seen, source: Source, found: Encrypted) -> NetmodeError:
    """For the module's own part on the controller, which has the private key, or else tells this."""
    why = f"{source.file} is encrypted for {found.recipient}. Give that certificate's private key in redis_restore_key."
    return NetmodeError(str(refused(seen, why)), locked=found.line)


def _action(seen: Seen, source: Source, restored: Restored | None, *, had: bool, overwrite: bool) -> tuple[str, str]:
    if not had:
        return (NOTHING, "neither has a key") if source.keys == {} else (RESTORE, "it has no data")
    if _is_there(seen, source, restored):
        return NOTHING, "it has just this data, and nothing was changed since"
    if seen.told is not None and source.keys == seen.told.keys:
        return COMPARE, "it has as many keys in each database"
    if not overwrite:
        raise refused(seen, refusal_of_other_data(source))
    return RESTORE, "it has other data, which is to be overwritten"


def refusal_of_other_data(source: Source) -> str:
    made = f"of {source.manifest['time']} " if source.manifest else ""
    return (
        f"it has data that the backup {source.file.name} {made}does not have, and which would be gone. Set "
        "redis_restore_overwrite: true to restore all the same; what it has is kept as a backup then. Or restore into "
        "another instance."
    )


def _is_there(seen: Seen, source: Source, restored: Restored | None) -> bool:
    """Whether its server says that it has had this data at some moment, and has changed nothing since."""
    if seen.told is None or seen.told.changes or seen.told.busy:
        return False
    marks = [restored.mark] if restored and restored.sha256 == source.sha256 else []
    if source.manifest and source.manifest.get("mark"):
        marks.append(Mark(**source.manifest["mark"]))
    return mark_of(seen.told) in marks
