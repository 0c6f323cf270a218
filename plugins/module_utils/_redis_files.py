# SPDX-License-Identifier: GPL-3.0-or-later
"""redis.conf of a host's instances: observe the directories, plan what differs, write it.

The directory belongs to the user that Redis runs as, since CONFIG REWRITE writes a new file beside the old one. So what
lies in it is not to be trusted: nothing in there is followed, and a new file is made under a name nobody can guess.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import secrets
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils import _redis_access
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine import Engine

_KEY_BYTES = 32
HEADER = "# Written by Ansible (netmode.docker.redis): change the variables of the role, not this file.\n"
SECRET = frozenset(
    {"requirepass", "masterauth", "user", "sentinel", "tls-key-file-pass", "tls-client-key-file-pass", "primaryauth"}
)
"""Directives whose lines are never shown."""

Instance = dict[str, Any]


class Found(NamedTuple):
    content: str | None
    """None where there is no redis.conf."""
    right: bool
    """Owner and permissions of the directories and the file are as they are to be."""
    dump: str = ""
    """The volume's dump.rdb where the volume outlived its configuration, and has no append-only file."""
    foreign: str = ""
    """What in the volume the user may not write, where the configuration has not been that user's."""


class Step(NamedTuple):
    instance: Instance
    before: str | None
    after: str | None
    """None: the directories go."""


def content_of(instance: Instance) -> str:
    return HEADER + "".join(f"{line}\n" for line in [*instance["lines"], *instance["secrets"]])


class Access(NamedTuple):
    """Owners and modes of what an instance has on the host, and of the directories above."""

    own: dict[str, dict[Path, _redis_access.Access]]
    above: dict[Path, _redis_access.Access]
    group: int | None


def access_of(instances: list[Instance], key_file: str, socket_group: str = "") -> Access:
    """By the name of each instance. NetmodeError for a group that the host does not have."""
    group = _redis_access.group_of(socket_group)
    own = {instance["name"]: _redis_access.wanted(instance, group) for instance in instances}
    return Access(own, _redis_access.wanted_above(instances, group, key_file), group)


def observe(instances: list[Instance], engine: Engine, access: Access) -> dict[str, Found]:
    """The engine is asked only for volumes that may be older than their configuration.

    Raises NetmodeError where root's rights are missing, or something else lies where a directory is to be.
    """
    try:
        return {instance["name"]: _observe(instance, engine, access) for instance in instances}
    except PermissionError as error:
        raise NetmodeError(f"{error.filename}: permission denied. Run with become: true.") from error
    except OSError as error:
        raise NetmodeError(f"{error.filename}: {error.strerror}. Look at what lies there.") from error


def _observe(instance: Instance, engine: Engine, access: Access) -> Found:
    wanted = {**access.own[instance["name"]], **access.above}
    right = all(_redis_access.holds(path, wanted[path]) for path in wanted)
    right = right and _redis_access.socket_is_right(instance, access.group)
    file = Path(instance["directory"]) / "redis.conf"
    if not _there(file):
        data = _data(instance, engine)
        return Found(None, right, _dump(data), _foreign(data, instance))
    moved = (file.lstat().st_uid, file.lstat().st_gid) != (instance["uid"], instance["gid"])
    foreign = _foreign(_data(instance, engine), instance) if moved else ""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as stream:
        return Found(stream.read(), right, foreign=foreign)


def _data(instance: Instance, engine: Engine) -> Path | None:
    """Where the volume of an instance is on the host; None where there is none yet, or it is elsewhere."""
    if not instance["volume"] or instance["state"] == "absent":
        return None
    try:
        volume = engine.get(f"/volumes/{instance['volume']}")
    except NotFoundError:
        return None
    data = Path(volume["Mountpoint"])
    return data if data.is_dir() else None


def _dump(data: Path | None) -> str:
    if data is None or any(data.glob("appendonly*")) or not _there(data / "dump.rdb"):
        return ""
    return str(data / "dump.rdb")


def _foreign(data: Path | None, instance: Instance) -> str:
    """The engine gives an empty volume to the owner of the image's directory, so that says nothing."""
    if data is None or not any(data.iterdir()):
        return ""
    for path in (data, *sorted(data.glob("appendonly*")), *sorted(data.glob("appendonly*/*"))):
        found = path.lstat()
        mine = 0o200 if found.st_uid == instance["uid"] else 0o020 if found.st_gid == instance["gid"] else 0o002
        if not found.st_mode & mine:
            return f"{path} (of {found.st_uid}:{found.st_gid})"
    return ""


def _directories(instance: Instance) -> list[Path]:
    return [Path(path) for path in (instance["directory"], instance["socket_directory"]) if path]


def _there(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def plan(instances: list[Instance], current: dict[str, Found], *, keyed: bool = True) -> list[Step]:
    """What differs; all of it where the host is not ``keyed`` yet, since every revision is another with a new key.

    Raises NetmodeError for a change that would lose data.
    """
    steps = []
    for instance in instances:
        found = current[instance["name"]]
        if instance["state"] == "absent":
            if any(_there(path) for path in _directories(instance)):
                steps.append(Step(instance, found.content, None))
            continue
        wanted = content_of(instance)
        _refuse_foreign(instance, found)
        _refuse_loss(instance, found, wanted)
        if wanted != found.content or not found.right or not keyed:
            steps.append(Step(instance, found.content, wanted))
    return steps


def _last(content: str, directive: str) -> str:
    values = [line.split()[1:] for line in content.splitlines() if line.split()[:1] == [directive]]
    return values[-1][0].strip('"').lower() if values and values[-1] else ""


def _refuse_foreign(instance: Instance, found: Found) -> None:
    """Such a Redis would not start, or would keep nothing."""
    if found.foreign:
        user = f"{instance['uid']}:{instance['gid']}"
        raise NetmodeError(
            f"instance {instance['name']}: user: {user} may not write {found.foreign} on its volume "
            f"{instance['volume']}. Leave user as it was, stop Redis and give its data to {user} (chown -R), "
            "or give it another volume."
        )


def _refuse_loss(instance: Instance, found: Found, after: str) -> None:
    """Refuse a switch between the append-only file and the dump, whichever Redis would look for and not find."""
    name, wanted = instance["name"], _last(after, "appendonly") == "yes"
    had = _last(found.content or "", "appendonly") == "yes"
    if wanted and found.dump:
        raise NetmodeError(
            f"instance {name}: appendonly: its volume {instance['volume']} holds {found.dump} and no append-only file. "
            "A Redis that starts with appendonly yes would ignore that dump and start empty: its data would be lost. "
            "Run it with appendonly: false first, which loads the dump, or give it another volume."
        )
    if wanted and found.content and not had:
        raise NetmodeError(
            f"instance {name}: appendonly: the running Redis keeps no append-only file, and one that starts with "
            "appendonly yes for the first time ignores its dump: all its data would be lost. Switch it on in the "
            "running Redis first, then run this again: CONFIG SET appendonly yes; wait until INFO persistence says "
            "aof_rewrite_in_progress:0 and aof_rewrite_scheduled:0; CONFIG REWRITE."
        )
    if had and not wanted and not _last(found.content or "", "save"):
        raise NetmodeError(
            f"instance {name}: appendonly: the data of the running Redis is in its append-only file alone, since save "
            "is empty, and one that starts with appendonly no does not read that: all its data would be lost. "
            "Set save (such as '3600 1') and run this, so that Redis writes a dump when it is stopped; then set "
            "appendonly: false and run it again."
        )


def apply(step: Step, access: Access) -> None:
    instance = step.instance
    try:
        if step.after is None:
            for path in _directories(instance):
                if _there(path):
                    shutil.rmtree(path)
            return
        for path in _directories(instance):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir(mode=0o700, exist_ok=True)
        for path, given in {**access.above, **access.own[instance["name"]]}.items():
            if stat.S_ISDIR(given.mode):
                _redis_access.give(path, given)
        _redis_access.give_socket(instance, access.group)
        file, owner = Path(instance["directory"]) / "redis.conf", (instance["uid"], instance["gid"])
        _write(file, step.after.encode(), 0o600, owner)
    except OSError as error:
        way_out = {errno.ENOSPC: "Free some space on this host and run again.", errno.EROFS: "Mount it writable."}.get(
            error.errno or 0, "Run with become: true, and look at whether something else lies there."
        )
        raise NetmodeError(f"instance {instance['name']}: {error.filename}: {error.strerror}. {way_out}") from error


def tidy(instances: list[Instance], key_file: str) -> None:
    """Once the last instance is gone, so are the key and the directories that held nothing else."""
    if any(instance["state"] == "present" for instance in instances):
        return
    key = Path(key_file)
    for parent in {path.parent for instance in instances for path in _directories(instance)}:
        if not parent.is_dir() or set(parent.iterdir()) - {key}:
            continue
        if key.parent == parent:
            key.unlink(missing_ok=True)
        parent.rmdir()
        if parent.parent.name == "netmode" and not any(parent.parent.iterdir()):
            parent.parent.rmdir()


def _write(path: Path, content: bytes, mode: int, owner: tuple[int, int]) -> None:
    """As a whole or not at all, whenever the host is switched off."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        new.replace(path)
    except OSError as error:  # a write knows no name
        new.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from error


def revisions(instances: list[Instance], key_file: str, *, check_mode: bool) -> dict[str, str]:
    """A keyed digest of each wanted configuration: a bare hash in a label would let anyone try passwords against it."""
    present = [instance for instance in instances if instance["state"] == "present"]
    if not present:
        return {}
    key = _key(Path(key_file), check_mode=check_mode)
    if key is None:
        return {instance["name"]: "not known before the first run" for instance in present}
    return {
        instance["name"]: hmac.new(key, content_of(instance).encode(), hashlib.sha256).hexdigest()[:32]
        for instance in present
    }


def has_key(key_file: str) -> bool:
    """One that is cut short is none: with an empty key a revision could be guessed."""
    try:
        return Path(key_file).stat().st_size == _KEY_BYTES
    except OSError:  # told by what comes to read it
        return False


def _key(path: Path, *, check_mode: bool) -> bytes | None:
    try:
        if has_key(str(path)):
            return path.read_bytes()
        if check_mode:
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        key = secrets.token_bytes(_KEY_BYTES)
        _write(path, key, 0o600, (os.geteuid(), os.getegid()))
        return key
    except OSError as error:
        raise NetmodeError(f"key_file {path}: {error.strerror}. Run with become: true.") from error


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
    return {
        "before_header": file,
        "after_header": file,
        "before": "".join(before),
        "after": "".join(after),
    }
