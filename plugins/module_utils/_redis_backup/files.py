# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups as files: a dump and its manifest beside it, in a directory of the instance that root alone may look into.

Nothing that lies where a server may write is followed. A dump has its name once it is whole and checked, and counts
once its manifest is there; what is removed is what such a manifest names.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO

from ansible_collections.netmode.docker.plugins.module_utils import _files
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._host import regular

from .state import Backup

Json = dict[str, Any]

WRITTEN_BY = "netmode.docker.redis_backup"
ASKED_FOR, BEFORE_RESTORE = "asked for", "before a restore"
"""Why a backup was made, as its manifest says."""
PLAIN, ENCRYPTED = ".rdb", ".enc"
"""How the names of dumps end."""
_UNFINISHED = re.compile(r"\.unfinished-[0-9a-f]{16}\Z")
_SELECTING = re.compile(r"\[offset (\d+)\] Selecting DB ID (\d+)")
_READ = re.compile(r"\[info\] (\d+) keys read")
_RESIZE = 0xFB
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def refuse_odd_directory(backup_dir: str) -> None:
    """NetmodeError: it is not a path that backups may have, whatever lies there."""
    odd = ":" in backup_dir or "/../" in f"{backup_dir}/" or not backup_dir.isprintable() or not backup_dir.strip("/.")
    if odd or not backup_dir.startswith("/"):
        raise NetmodeError(
            f"redis_backup_dir: {backup_dir!r} is not an absolute path without a colon. Write it like "
            "/var/backups/netmode."
        )


def directory_of(backup_dir: str, name: str) -> Path:
    """Of one instance. NetmodeError: ``backup_dir`` is not a place for backups."""
    refuse_odd_directory(backup_dir)
    above, own = Path(backup_dir), Path(backup_dir) / name
    for path in (above, own):
        there = _stat(path, follow=path is above)
        if there is None:
            break
        if not stat.S_ISDIR(there.st_mode):
            raise NetmodeError(f"redis_backup_dir: {path} is there, and is not a directory. Give another directory.")
        if there.st_uid not in (0, os.geteuid()) or there.st_mode & _OTHERS_WRITE:
            raise NetmodeError(
                f"redis_backup_dir: {path} belongs to others than root, or others may write to it, and a backup holds "
                f"all data. Give another directory, or this one to root (chown root {path}; chmod 0700 {path})."
            )
    return own


def _stat(path: Path, *, follow: bool) -> os.stat_result | None:
    try:
        return path.stat() if follow else path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NetmodeError(f"redis_backup_dir: {path}: {error.strerror}.") from None


def make(directory: Path) -> None:
    _files.make_directory(directory.parent.parent)
    for path in (directory.parent, directory):
        if not path.exists():
            path.mkdir(mode=0o700)
    directory.chmod(0o700)


def listed(directory: Path) -> list[Backup]:
    """The newest first, whatever the clock has said. What has no manifest of ours is not among them."""
    found = []
    with suppress(FileNotFoundError):
        for path in sorted(directory.iterdir()):
            manifest = manifest_of(path) if path.suffix == ".json" else None
            if manifest is not None:
                found.append(Backup(directory / manifest["file"], manifest))
    return sorted(found, key=lambda one: (one.number, one.manifest["time"], one.name), reverse=True)


def next_number(directory: Path) -> int:
    """Of the next backup: clocks are set back, and what is removed and restored goes by the order."""
    return 1 + max((one.number for one in listed(directory)), default=0)


def manifest_of(path: Path) -> Json | None:
    """None for what is not a manifest of this module."""
    try:
        found = _files.read_json(path)
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict) or found.get("written_by") != WRITTEN_BY:
        return None
    texts = all(isinstance(found.get(key), str) for key in ("file", "time", "sha256", "format"))
    whole = texts and isinstance(found.get("keys"), dict) and isinstance(found.get("modules"), dict)
    return found if whole and found["file"] in (path.stem + PLAIN, path.stem + ENCRYPTED) else None


def new_name(directory: Path, name: str, now: datetime, suffix: str = PLAIN) -> str:
    """That of a dump of this moment, which none has yet."""
    stamp = now.astimezone(timezone.utc).strftime("%Y%m%dT%H%M%S")
    taken = {path.name for path in directory.iterdir()}
    stems = (f"{name}-{stamp}.{number:03d}Z" for number in range(now.microsecond // 1000, 1000))
    return next(stem + suffix for stem in stems if not {stem + PLAIN, stem + ENCRYPTED} & taken)


def unfinished(directory: Path) -> list[Path]:
    """What a killed run has left: each is a directory of its own."""
    with suppress(FileNotFoundError):
        return sorted(path for path in directory.iterdir() if _UNFINISHED.match(path.name))
    return []


def begin(directory: Path, owner: tuple[int, int]) -> Path:
    """A new directory, which a container of ``owner`` may be given, within one that nobody else gets into."""
    path = directory / f".unfinished-{secrets.token_hex(8)}"
    path.mkdir(mode=0o700)
    os.chown(path, *owner)
    return path


def clear(path: Path) -> None:
    """Remove a directory of ``begin`` with what is in it; links are not followed."""
    import shutil  # noqa: PLC0415 (some milliseconds that a module which writes nothing need not pay)

    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)


def opened(path: Path) -> BinaryIO:
    """A regular file to read, not followed. NetmodeError: it is none; OSError as the kernel says."""
    try:
        return regular.opened(path)
    except regular.OtherKindError as error:
        raise NetmodeError(str(error)) from None


def refuse_full(directory: Path, size: int) -> None:
    free = regular.free_at(directory)
    if free < size:
        raise NetmodeError(f"{directory}: {size} bytes are needed, and {free} are free. Free some space.")


def copy(source: BinaryIO, to: Path, owner: tuple[int, int]) -> tuple[int, str]:
    """(size, sha256) of what was copied into a new file, which is its owner's alone."""
    digest, size = hashlib.sha256(), 0
    with regular.created(to, owner) as stream:
        for chunk in regular.chunks(source):
            digest.update(chunk)
            size += len(chunk)
            stream.write(chunk)
        stream.flush()
        os.fsync(stream.fileno())
    return size, digest.hexdigest()


def sha256_of(source: BinaryIO) -> str:
    digest = hashlib.sha256()
    for chunk in regular.chunks(source):
        digest.update(chunk)
    return digest.hexdigest()


def finish(dump: Path, to: Path, manifest: Json) -> None:
    """Put a dump in its place and its manifest beside it, both for root alone."""
    own = (os.geteuid(), os.getegid())
    os.chown(dump, *own)
    dump.chmod(0o600)
    dump.replace(to)
    import json  # noqa: PLC0415

    _files.write(to.with_suffix(".json"), (json.dumps(manifest, indent=2) + "\n").encode(), 0o600, own)


def remove(backup: Backup) -> None:
    """The manifest last: without it nobody would know later that the dump was written here."""
    backup.file.unlink(missing_ok=True)
    backup.file.with_suffix(".json").unlink(missing_ok=True)


# --- what a dump holds ------------------------------------------------------------------------------------------------


def keys_of(dump: BinaryIO, told: str) -> dict[int, int]:
    """Database → keys, from a dump and what the check tool told of it.

    The tool says where each database begins, and there the server has written how many keys it has (opcode RESIZEDB).
    NetmodeError: the two do not agree.
    """
    found = {}
    for offset, database in _SELECTING.findall(told):
        dump.seek(int(offset))
        if dump.read(1) != bytes([_RESIZE]):
            raise NetmodeError(f"it does not say how many keys its database {database} has")
        found[int(database)] = _length(dump)
    read = _READ.search(told)
    if read is None or int(read[1]) != sum(found.values()):
        was_read = read[1] if read else "no"
        raise NetmodeError(f"it says that it has {sum(found.values())} keys, and {was_read} keys were read from it")
    return {database: keys for database, keys in found.items() if keys}


def _length(dump: BinaryIO) -> int:
    """A length of a dump, ``rdbLoadLenByRef``: 6 or 14 bits, or 4 or 8 bytes."""
    first = dump.read(1)[0]
    if first >> 6 == 0:
        return first
    if first >> 6 == 1:
        return (first & 0x3F) << 8 | dump.read(1)[0]
    return int.from_bytes(dump.read(8 if first == 0x81 else 4), "big")
