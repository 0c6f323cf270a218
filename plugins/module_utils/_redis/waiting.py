# SPDX-License-Identifier: GPL-3.0-or-later
"""To ask again until it is so, or the time is over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST, LONGEST = 0.05, 0.5


def turns(until: float, first: float = FIRST, longest: float = LONGEST) -> Iterator[None]:
    """One at once, then one after each pause, which grow; the last one after ``until`` (of ``time.monotonic``)."""
    pause = first
    while True:
        yield
        if time.monotonic() > until:
            return
        time.sleep(pause)
        pause = min(2 * pause, longest)
