# SPDX-License-Identifier: GPL-3.0-or-later
"""The host lock: runs of modules and the keeper change an engine one at a time, or each would undo the other's steps.

A lock lies with the host and is root's, so whoever changes the engine takes the same one or is refused. Reads and check
mode take none, but to be sure of a refusal.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    T = TypeVar("T")

DIRECTORY = Path("/run")
"""Empty after a boot. A lock ends with the process that holds it, so nothing has to be cleaned up."""
WAIT = 120.0
"""Seconds that a run waits for another one."""


@contextmanager
def alone(subject: str, who: str, docker_host: str, *, seconds: float = WAIT, patient: bool = True) -> Iterator[bool]:
    """Hold the lock for changes to ``subject`` (containers, images, interfaces). What is changed is observed within.

    ``who`` is written into the lock, for the message of a run that waited ``seconds`` in vain. Yields whether it is
    held, which is always so unless ``patient`` is false and another process has it. NetmodeError: a user who is
    not root, and a lock that cannot be opened.
    """
    path = _path(subject, docker_host)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise NetmodeError(f"The lock {path} cannot be opened: {error.strerror}.") from error
    try:
        held = _take(descriptor, seconds if patient else 0)
        if not held and patient:
            raise NetmodeError(
                f"{_holder(descriptor)} is changing {subject} of this host and holds {path}. It was waited for "
                f"{seconds:.0f} s, and nothing was changed. Run again when it has ended."
            )
        if held:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} {who}".encode(), 0)
        yield held
        if held:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def undisturbed(subject: str, docker_host: str, look: Callable[[], T]) -> T:
    """What ``look`` finds. A refusal counts only if it is one also while nobody changes ``subject``.

    What is read without the lock may be of two states: a port of before a restart and the process of after it. So
    after a refusal ``look`` is called once more, under a lock that readers share; it makes no file, and where there is
    none nothing was changed since the boot.
    """
    try:
        return look()
    except NetmodeError as refusal:
        try:
            descriptor = os.open(_path(subject, docker_host), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except (OSError, NetmodeError):
            raise refusal from None
    try:
        _take(descriptor, WAIT, fcntl.LOCK_SH)
        return look()
    finally:
        os.close(descriptor)


def _path(subject: str, docker_host: str) -> Path:
    """One for a host, whatever way leads to its engine: a rootless engine, which is its owner's, is refused before."""
    if os.geteuid() != 0:
        raise NetmodeError(
            f"Changing {subject} of the engine at {docker_host} requires root: become: true. Reading and check mode "
            "do not."
        )
    return DIRECTORY / f"netmode-{subject}.lock"


def _take(descriptor: int, seconds: float, kind: int = fcntl.LOCK_EX) -> bool:
    """Whether the lock was had in time. The kernel has no wait for it that ends, so it is asked for again and again."""
    end, pause = time.monotonic() + seconds, 0.01
    while not _had(descriptor, kind):
        left = end - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(0.5, pause * 2)
    return True


def _had(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> str:
    """Who wrote into the lock, unless that process is gone: then what is written is of one that was killed."""
    pid, _, who = os.pread(descriptor, 4096, 0).decode(errors="replace").partition(" ")
    return f"Process {pid} ({who})" if pid.isdigit() and Path(f"/proc/{pid}").exists() else "Another process"
