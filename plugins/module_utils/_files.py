# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the host, read and written so that nothing is followed, nothing waits, and a file is whole or not there."""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._host import regular

if TYPE_CHECKING:
    from pathlib import Path

_RANDOM = 8
"""Bytes in the name of a file that is not in its place yet."""


def read(path: Path, *, follow: bool = False) -> bytes | None:
    """As ``regular.read``, but NetmodeError for what is not a regular file."""
    try:
        return regular.read(path, follow=follow)
    except regular.OtherKindError as error:
        raise NetmodeError(str(error)) from None


def refuse_other(path: Path) -> None:
    """NetmodeError for anything at ``path`` that is not a regular file."""
    try:
        regular.refuse_other(path)
    except regular.OtherKindError as error:
        raise NetmodeError(str(error)) from None


def read_only(path: Path) -> Path | None:
    """What is there of ``path``, if it is on a read-only file system: to write there tells too late for check mode."""
    there = next(place for place in (path, *path.parents) if place.exists())
    return there if os.statvfs(there).f_flag & os.ST_RDONLY else None


def write(path: Path, content: bytes, mode: int, owner: tuple[int, int]) -> None:
    """As a whole or not at all, whenever the host is switched off. Errors as of ``read``; they name ``path``."""
    refuse_other(path)
    new = path.with_name(f".{path.name}.{secrets.token_hex(_RANDOM)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        new.replace(path)
        _sync(path.parent)
    except OSError as error:  # a write knows no name
        new.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unfinished(path: Path) -> list[Path]:
    """What ``write`` left beside ``path`` where it was killed."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{{2 * _RANDOM}}}")
    try:
        beside = [entry for entry in path.parent.iterdir() if pattern.fullmatch(entry.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(entry for entry in beside if stat.S_ISREG(entry.lstat().st_mode))


def read_json(path: Path) -> Any:
    """FileNotFoundError where there is none, OSError or ValueError for what cannot be read."""
    try:
        content = regular.read(path)
        if content is None:
            raise FileNotFoundError(path)
        return json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def make_directory(path: Path) -> None:
    """With all above it that is not there: 0755, whatever the umask of the run. OSError as the kernel says."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(exist_ok=True)
    path.chmod(0o755)


def write_json(path: Path, content: Any) -> None:
    """OSError leaves what was there."""
    make_directory(path.parent)
    text = json.dumps(content, indent=2) + "\n"
    try:
        write(path, text.encode(), 0o644, (os.geteuid(), os.getegid()))
    except NetmodeError as error:
        raise OSError(0, str(error), str(path)) from None
