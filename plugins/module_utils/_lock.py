# SPDX-License-Identifier: GPL-3.0-or-later
"""One changes at a time: a run of a module, another one, and the keeper would undo each other's steps half-way."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DIRECTORY = Path("/run")
"""Empty after a boot. A lock ends with the process that holds it, so nothing has to be cleaned up."""


@contextmanager
def alone(subject: str, *, patient: bool = True) -> Iterator[bool]:
    """Hold the host's lock for changes to ``subject`` (containers, interfaces). What is changed is observed within.

    Yields whether it is held: not where ``patient`` is false and somebody else has it. Who may not write to /run goes
    without.
    """
    try:
        descriptor = os.open(DIRECTORY / f"netmode-{subject}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield True
        return
    try:
        yield _take(descriptor, patient=patient)
    finally:
        os.close(descriptor)


def _take(descriptor: int, *, patient: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if patient else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
