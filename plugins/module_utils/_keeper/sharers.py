# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharers of a donor that has a new network namespace, or was recreated: when they join it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import plan
from .notes import DONORS, read_names, write
from .observe import down
from .rejoin import Rejoining

if TYPE_CHECKING:
    from collections.abc import Collection

    from ansible_collections.netmode.docker.plugins.module_utils._engine.direct import LeanEngine

    from .journal import Journal
    from .plan import Look

_ENGINE_TRIES = 1.0
"""Seconds after a donor's start by which an engine that starts has tried to start its sharers, too."""
_DONE = {"clone": "recreated", "rename": "renamed", "remove": "removed"}


class Sharers:
    def __init__(self, docker_host: str, ignore: Collection[str], journal: Journal) -> None:
        self._journal = journal
        self._donors = read_names(DONORS)
        self._rejoining = Rejoining(docker_host, ignore)
        self.wakeup = self._rejoining.wakeup
        """Can be read once there is something to hear."""

    def keep(self, engine: LeanEngine, look: Look) -> None:
        if self._rejoining.runs:  # its end is heard, and then there is another look
            return
        donors, pace = self._know(look), self._journal.pace
        self._rejoining.owe(plan.still_owed(self._rejoining.owed, look.containers))
        found = down(engine, look.containers, donors, self._rejoining.owed)
        steps = plan.to_do(look.containers, donors, found.refused, pace.until.keys())
        for name in found.unknown:
            if look.concerns(donors[name]):
                pace.until.setdefault(name, look.begun + _ENGINE_TRIES)
        if steps:
            self._rejoining.start(donors, set(pace.until), look.begun)

    def _know(self, look: Look) -> dict[str, str]:
        donors = plan.donor_names(look.containers, self._donors)
        if donors != self._donors:
            self._donors = donors
            wrong = write(DONORS, donors)
            line = f"{wrong} A donor that is recreated while no keeper runs is not known then."
            self._journal.say_trouble("donors", wrong, line)
        return donors

    def hear(self, now: float) -> None:
        for step, wrong, times in self._rejoining.heard():
            if step is None:  # the engine could not be asked; who listens to it hears that, too
                self._journal.say(wrong)
                continue
            self._journal.settle(step.name, [wrong] if wrong else [], now)
            if not wrong:
                self._journal.say(f"{step.name}: {_DONE.get(step.action, step.action + 'ed')}: {step.reason} ({times})")
