# SPDX-License-Identifier: GPL-3.0-or-later
"""Regular files, read and made so that nothing waits and no link is followed unless that is asked.

What lies where a file is to be may be anybody's: a symbolic link leads elsewhere, and a FIFO makes who opens it wait.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK = 1 << 20

_KINDS = (
    (stat.S_ISLNK, "symbolic link"),
    (stat.S_ISDIR, "directory"),
    (stat.S_ISFIFO, "FIFO"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)


class OtherKindError(OSError):
    """What lies there is not a regular file; ``strerror`` says what it is, and the way out."""

    def __init__(self, path: Path, mode: int) -> None:
        kind = next((word for is_kind, word in _KINDS if is_kind(mode)), "special file")
        why = f"{path} is a {kind}, not a regular file. See what it is for, and move it away."
        super().__init__(errno.EINVAL, why, str(path))

    def __str__(self) -> str:
        return str(self.strerror)


def found(path: Path) -> os.stat_result | None:
    """What lies there, not followed."""
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def refuse_other(path: Path) -> None:
    """OtherKindError for anything at ``path`` that is not a regular file."""
    there = found(path)
    if there is not None and not stat.S_ISREG(there.st_mode):
        raise OtherKindError(path, there.st_mode)


def read(path: Path, *, follow: bool = False) -> bytes | None:
    """Its content, or None where nothing is. OtherKindError, OSError as the kernel says.

    ``follow``: it may be a link to a file, where others manage it.
    """
    if not follow:
        refuse_other(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW))
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        opened = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(opened):  # it was changed in between
            raise OtherKindError(path, opened)
        return stream.read()


def opened(path: Path) -> BinaryIO:
    """A file to read. OtherKindError, FileNotFoundError, OSError as the kernel says."""
    refuse_other(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    stream = os.fdopen(descriptor, "rb")
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):  # it was changed in between
        stream.close()
        raise OtherKindError(path, mode)
    return stream


@contextmanager
def created(path: Path, owner: tuple[int, int]) -> Iterator[BinaryIO]:
    """A new file to write, which is its owner's alone once it is whole."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        yield stream
        stream.flush()
        os.fchown(descriptor, *owner)


def chunks(source: IO[bytes]) -> Iterator[bytes]:
    while chunk := source.read(_CHUNK):
        yield chunk


def free_at(directory: Path) -> int:
    """Bytes that its file system has left."""
    there = os.statvfs(directory)
    return there.f_bavail * there.f_frsize
