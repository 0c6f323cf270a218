# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine with userns-remap."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

_COVERED = ("/proc/sys/vm", "/sys/kernel/mm")
"""What is the whole kernel's, and read-only in the machines of the tests."""


@contextmanager
def remapped(machine: Host) -> Iterator[None]:
    """In a user namespace the kernel mounts a /proc only where nothing of that outside is covered, so it is not then."""
    covered = [place for place in _COVERED if machine.run("mountpoint", "-q", place, check=False).returncode == 0]
    for place in covered:
        machine.sh(f"umount {place}")
    try:
        with machine.engine_with("--userns-remap=default"):
            yield
    finally:
        for place in covered:
            machine.sh(f"mount --bind {place} {place} && mount -o remount,bind,ro {place}")
