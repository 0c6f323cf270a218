# SPDX-License-Identifier: GPL-3.0-or-later
"""What the keeper says, one line for each act and each new failure, and what it writes of itself for ``status``."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .notes import SCRIPT, STATE, UNIT, read_state, stamps, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .plan import Pace

LAST = 20
"""How many acts are remembered for ``status``."""


class Journal:
    """``pace``: by which what failed is tried again. ``tell`` takes one line per act."""

    def __init__(self, docker_host: str, ignore: Iterable[str], pace: Pace, tell: Callable[[str], None]) -> None:
        self.pace = pace
        self._tell = tell
        self._trouble: dict[str, str] = {}
        self._state: dict[str, Any] = {"pid": os.getpid(), "since": time.time(), "docker_host": docker_host}
        self._state.update(program=sys.argv[0], ignore=sorted(ignore), looked=False)
        self._state.update(files=stamps([Path(sys.argv[0]), UNIT, SCRIPT]))
        self._state["acts"] = read_state().get("acts", [])  # those of a keeper before this one, since the boot

    def note(self, **state: Any) -> None:
        """Of the keeper itself, for what is written next."""
        self._state.update(state)

    def say(self, line: str) -> None:
        self._tell(line)
        self._state["acts"] = [*self._state["acts"], [time.time(), line]][-LAST:]
        self.write()

    def say_trouble(self, about: str, why: str, line: str) -> None:
        """``line`` once for as long as ``why`` is the same; without a ``why`` the trouble is over."""
        if why and self._trouble.get(about) != why:
            self.say(line)
        self._trouble.pop(about, None)
        if why:
            self._trouble[about] = why

    def settle(self, name: str, wrong: list[str], now: float) -> None:
        """A failure is told once for as long as it is the same, and tried again later and later."""
        why = " ".join(wrong)
        if why:
            wait = self.pace.failed(name, now)
            told = why if why.startswith(name) else f"{name}: {why}"
            self.say_trouble(name, why, f"{told.rstrip('.')}. It is tried again in {wait:.0f} s.")
        else:
            self.pace.succeeded(name)
            self.say_trouble(name, "", "")

    def write(self) -> None:
        offset = time.time() - time.monotonic()
        write(STATE, {**self._state, "waits": {name: until + offset for name, until in self.pace.until.items()}})


def milliseconds(begun: float) -> int:
    """Since ``begun``, a time of the monotonic clock."""
    return round((time.monotonic() - begun) * 1000)
