# SPDX-License-Identifier: GPL-3.0-or-later
"""redis.conf of a host's instances: observe the directories, plan what differs, write it, remove what was written.

The directory belongs to the user that Redis runs as, since CONFIG REWRITE writes a new file beside the old one. So what
lies in it is not to be trusted: nothing in there is followed, and a new file is made under a name nobody can guess.
What was not written here is neither taken over nor removed.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils import _files
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._host import regular

from . import access as redis_access
from . import operator, previous, sentinel, tls_files
from .rewritten import by_its_server, says_the_same
from .tls import fingerprint

if TYPE_CHECKING:
    from collections.abc import Collection

TRIED = ".tried"
"""What has been tried with success, and what it said of itself; beside redis.conf, and root's alone."""
HEADER = f"# Written by Ansible {redis_access.MARK}: change the variables of the role, not this file.\n"
SECRET = frozenset(
    {"requirepass", "masterauth", "user", "sentinel", "tls-key-file-pass", "tls-client-key-file-pass", "primaryauth"}
)
"""Directives whose lines are never shown."""

_WAYS_OUT = {errno.ENOSPC: "Free some space on this host and run again.", errno.EROFS: "Mount it writable."}
_OF_NETMODE = "netmode"
"""Directories that hold the instances' are removed below one of this name only: another is whoever's named it."""

Instance = dict[str, Any]


class Found(NamedTuple):
    content: str | None
    """None where there is no redis.conf."""
    right: bool
    """Owner and permissions of the directories and the file are as they are to be; nothing unfinished lies there."""
    moved: bool = False
    """The file has not been the user's."""
    certificate: str = ""
    """Fingerprint of the one that is there."""


class Gone(NamedTuple):
    """What is removed of an instance, and why a directory stays."""

    files: tuple[Path, ...]
    directories: tuple[Path, ...]
    left: tuple[str, ...]


class Tried(NamedTuple):
    digest: str
    """Of what was tried."""
    said: Any
    """What the trial said of its configuration (``live.Said``), as JSON has it; None where it did not say."""
    trusted: str = ""
    """Digest of the CAs that Redis was told to trust."""
    asked: str = ""
    """Whom it was asked to follow."""
    image: str = ""
    """Digest of what ``loads`` is known of."""
    loads: Any = ()
    """The arguments of ``loadmodule`` for each module that the image loads by itself."""


class Step(NamedTuple):
    instance: Instance
    before: str | None
    after: str | None
    """None: what was written goes."""
    certificate: str = ""
    """Fingerprint of the one that is there before."""


def content_of(instance: Instance) -> str:
    return instance.get("written") or tried_content_of(instance) + "".join(
        f"{line}\n" for line in [*instance.get("role", ()), *instance.get("role_secrets", ())]
    )


def tried_content_of(instance: Instance) -> str:
    """What a trial has, which follows nobody."""
    return HEADER + "".join(f"{line}\n" for line in [*instance["lines"], *instance["secrets"]])


def with_its_own(instance: Instance, found: Found) -> Instance:
    """A Sentinel with what its redis.conf is to be, which it has written into itself; any other as it is."""
    if not instance.get("sentinel") or instance["state"] == "absent":
        return instance
    asked = [*instance["lines"], *instance["secrets"]]
    return {**instance, "written": sentinel.content(HEADER, asked, instance["sentinel"], found.content)}


class Access(NamedTuple):
    """Owners and modes of what an instance has on the host, and of the directories above."""

    own: dict[str, dict[Path, redis_access.Access]]
    above: dict[Path, redis_access.Access]
    group: int | None


def access_of(instances: list[Instance], socket_group: str = "") -> Access:
    """By the name of each instance. NetmodeError for a group that the host does not have."""
    group = redis_access.group_of(socket_group)
    passed = redis_access.is_passed(instances)
    own = {instance["name"]: redis_access.wanted(instance, group, passed=passed) for instance in instances}
    return Access(own, redis_access.wanted_above(instances, group), group)


def observe(instances: list[Instance], access: Access) -> dict[str, Found]:
    """Raises NetmodeError where root's rights are missing, or something lies there that was not made here."""
    try:
        return {instance["name"]: _observe(instance, access) for instance in instances}
    except PermissionError as error:
        raise NetmodeError(f"{error.filename}: permission denied. Run with become: true.") from error
    except OSError as error:
        raise NetmodeError(f"{error.filename}: {error.strerror}. Look at what lies there.") from error


def _observe(instance: Instance, access: Access) -> Found:
    if instance["state"] == "absent":
        return Found(None, right=True)
    file = Path(instance["directory"]) / "redis.conf"
    try:
        given = _files.read(file)
    except NetmodeError as error:
        raise NetmodeError(f"instance {instance['name']}: {error}") from None
    content = None if given is None else given.decode(errors="replace")
    _refuse_taken(instance, content)
    wanted = {**access.own[instance["name"]], **access.above}
    right = all(redis_access.holds(path, wanted[path]) or _is_rewritten(content, path, wanted[path]) for path in wanted)
    right = right and redis_access.socket_is_right(instance, access.group) and not _files.unfinished(file)
    right = tls_files.are_right(instance) and operator.is_right(instance) and right
    there = regular.found(file)
    if content is None or there is None:
        return Found(None, right)
    moved = (there.st_uid, there.st_gid) != (instance["uid"], instance["gid"])
    return Found(content, right, moved, tls_files.certificate(instance))


def _is_rewritten(content: str | None, path: Path, wanted: redis_access.Access) -> bool:
    """What a server writes has the permissions that its umask leaves; nobody else gets through the directory."""
    readable = wanted._replace(mode=wanted.mode | 0o044)
    return by_its_server(content) and stat.S_ISREG(wanted.mode) and redis_access.holds(path, readable)


def _directories(instance: Instance) -> list[Path]:
    return [Path(path) for path in (instance["directory"], instance["socket_directory"]) if path]


# --- whose a directory is ---------------------------------------------------------------------------------------------


def _refuse_taken(instance: Instance, content: str | None) -> None:
    """A directory of others would be given to Redis, and its owner locked out of it."""
    config, *sockets = _directories(instance)
    if content is not None and redis_access.MARK not in content.partition("\n")[0]:
        raise _taken(instance, config, "its redis.conf was written by somebody else")
    for path in (config, *sockets):
        there = regular.found(path)
        if there is None:
            continue
        if not stat.S_ISDIR(there.st_mode):
            raise _taken(instance, path, "it is not a directory")
        own, foreign = _sorted_out(path)
        mine = own or (path != config and content is not None and there.st_uid == instance["uid"])
        if foreign and not mine:
            raise _taken(instance, path, f"it holds {_some(foreign)}")


def _taken(instance: Instance, path: Path, why: str) -> NetmodeError:
    return NetmodeError(
        f"instance {instance['name']}: {path} is there, and was not made here: {why}. Give the instance another name, "
        "or the host another directory (redis_config_dir, redis_socket_dir), or move what lies there away."
    )


def _sorted_out(directory: Path) -> tuple[list[Path], list[Path]]:
    """What of a directory was made here, by us or by Redis for us, and what was not. Nothing is followed."""
    own: list[Path] = []
    foreign: list[Path] = []
    unfinished = [part for name in ("redis.conf", TRIED, previous.FILE) for part in _files.unfinished(directory / name)]
    unfinished += [*tls_files.ours(directory), *operator.ours(directory)]
    for path in sorted(directory.iterdir()):
        mode = path.lstat().st_mode
        ours = path in unfinished or (path.name == "redis.sock" and stat.S_ISSOCK(mode))
        ours = ours or (path.name in (TRIED, previous.FILE) and stat.S_ISREG(mode))
        ours = ours or (path.name == "redis.conf" and redis_access.written_here(path))
        (own if ours else foreign).append(path)
    return own, foreign


def _some(paths: list[Path]) -> str:
    names = [path.name for path in paths[:3]]
    return ", ".join(names) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def gone(instance: Instance) -> Gone:
    """Only what was written here, then the directory, if it is empty then."""
    files: list[Path] = []
    directories: list[Path] = []
    left: list[str] = []
    for path in _directories(instance):
        there = regular.found(path)
        if there is None:
            continue
        if not stat.S_ISDIR(there.st_mode):
            left.append(f"{path}: it is not a directory")
            continue
        own, foreign = _sorted_out(path)
        files += own
        if foreign:
            left.append(f"{path}: it holds {_some(foreign)}")
        elif path.is_mount():
            left.append(f"{path}: something is mounted there")
        elif own or there.st_uid == instance["uid"]:
            directories.append(path)
    return Gone(tuple(files), tuple(directories), tuple(left))


# --- plan and apply ---------------------------------------------------------------------------------------------------


def plan(instances: list[Instance], current: dict[str, Found], newly_asked: Collection[str] = ()) -> list[Step]:
    """``newly_asked``: instances of which is noted that they were asked for another role."""
    steps = []
    for instance in instances:
        found = current[instance["name"]]
        if instance["state"] == "absent":
            removal = gone(instance)
            if removal.files or removal.directories:
                steps.append(Step(instance, found.content, None))
            continue
        wanted = content_of(instance)
        is_said = says_the_same(found.content, wanted)
        if not is_said or not found.right or instance["name"] in newly_asked:
            for path in _directories(instance):
                _refuse_read_only(instance["name"], path)
            steps.append(Step(instance, found.content, wanted, found.certificate))
    return steps


def _refuse_read_only(name: str, path: Path) -> None:
    there = _files.read_only(path)
    if there:
        raise NetmodeError(f"instance {name}: {path}: {there} is on a read-only file system. {_WAYS_OUT[errno.EROFS]}")


def apply(step: Step, access: Access, *, replaced: bool = False) -> None:
    """``replaced``: its container is going to be, and comes back with the redis.conf that it has where that fails."""
    instance = step.instance
    try:
        if step.after is None:
            removal = gone(instance)
            for path in removal.files:
                path.unlink()
            for path in removal.directories:
                path.rmdir()
            return
        for path in _directories(instance):
            _files.make_directory(path.parent)
            path.mkdir(mode=0o700, exist_ok=True)
        for path, given in {**access.above, **access.own[instance["name"]]}.items():
            if stat.S_ISDIR(given.mode):
                redis_access.give(path, given)
        redis_access.give_socket(instance, access.group)
        file, owner = Path(instance["directory"]) / "redis.conf", (instance["uid"], instance["gid"])
        tls_files.write(instance, _write)
        operator.write(instance, _write)
        previous.keep(instance, step.before if replaced else None, _write)
        _write(file, step.after.encode(), owner)
        tls_files.remove_unwanted(instance)
        operator.remove_unwanted(instance, (step.before or "") if replaced else "")
    except OSError as error:
        way_out = _WAYS_OUT.get(
            error.errno or 0, "Run with become: true, and look at whether something else lies there."
        )
        where = error.filename or instance["directory"]  # a descriptor has no name
        raise NetmodeError(f"instance {instance['name']}: {where}: {error.strerror}. {way_out}") from error


def write_secrets(instance: Instance) -> None:
    """What redis.conf names, or has a digest of, before it does. NetmodeError: it could not be written."""
    try:
        tls_files.write(instance, _write)
        operator.write(instance, _write)
    except OSError as error:
        raise NetmodeError(f"instance {instance['name']}: {error.filename}: {error.strerror}.") from error


def _write(path: Path, content: bytes, owner: tuple[int, int]) -> None:
    """In place of what a killed run has left unfinished: under the lock nobody else writes there."""
    for unfinished in _files.unfinished(path):
        unfinished.unlink()
    _files.write(path, content, 0o600, owner)


def tidy(instances: list[Instance]) -> None:
    """Once the last instance is gone, so are empty directories of this collection's name."""
    if any(instance["state"] == "present" for instance in instances):
        return
    parents = {path.parent for instance in instances for path in _directories(instance)}
    for parent in parents:
        for path in (parent, parent.parent):
            ours = _OF_NETMODE in path.parts and path.is_dir() and not path.is_symlink() and not path.is_mount()
            if ours and not any(path.iterdir()):
                path.rmdir()


# --- trials -----------------------------------------------------------------------------------------------------------


def tried(instance: Instance) -> Tried:
    """What was noted of the last trial; nothing where none was, or what is there was not written here."""
    try:
        noted = Tried(*json.loads(_files.read(Path(instance["directory"]) / TRIED) or b""))
        settings, users, *words = noted.said or ({}, {}, "", "")
    except (ValueError, TypeError):
        return Tried("", None)
    whole = isinstance(settings, dict) and isinstance(users, dict)
    words += [noted.digest, noted.trusted, noted.asked, noted.image, *noted.loads]
    return noted if whole and all(isinstance(word, str) for word in words) else Tried("", None)


def noted(instance: Instance) -> Tried:
    """The same. NetmodeError: what is there cannot be read."""
    try:
        return tried(instance)
    except OSError as error:
        raise NetmodeError(f"instance {instance['name']}: {error.filename}: {error.strerror}.") from None


def note_trial(instance: Instance, made: Tried) -> None:
    _write(Path(instance["directory"]) / TRIED, json.dumps(made).encode(), (os.geteuid(), os.getegid()))


def written_at(instance: Instance) -> str:
    """When its redis.conf was written last."""
    return moment((Path(instance["directory"]) / "redis.conf").stat().st_mtime_ns)


def moment(nanoseconds: int) -> str:
    """RFC 3339 in UTC with nanoseconds, as the engine has its times."""
    seconds, nano = divmod(nanoseconds, 10**9)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}.{nano:09d}"


def is_read_at_start(step: Step) -> bool:
    """Whether it changes what a server reads, and not only whose that is."""
    return step.before != step.after or step.certificate != _certificate_of(step.instance)


def _certificate_of(instance: Instance) -> str:
    return fingerprint((instance.get("tls") or {}).get("pem", ""))


def _shown(content: str | None) -> list[str]:
    return [
        f"{line.split()[0]} (hidden)\n" if line.split()[:1] and line.split()[0].lower() in SECRET else f"{line}\n"
        for line in (content or "").splitlines()
    ]


def difference(step: Step) -> dict[str, str]:
    """For --diff: without the secrets, and with a word where one of them changes."""
    file = f"{step.instance['directory']}/redis.conf"
    before, after = _shown(step.before), _shown(step.after)
    if step.before != step.after and before == after:
        after.append("(a secret changes)\n")
    certificate = _certificate_of(step.instance)
    if step.after is not None and certificate != step.certificate:
        before += [f"(certificate {step.certificate})\n"] if step.certificate else []
        after += [f"(certificate {certificate})\n"] if certificate else []
    return {
        "before_header": file,
        "after_header": file,
        "before": "".join(before),
        "after": "".join(after),
    }
