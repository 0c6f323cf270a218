# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharers join their donors again, in a thread of its own: one with data to save takes its time to stop."""

from __future__ import annotations

import os
import queue
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._containers.apply import Applier
from ansible_collections.netmode.docker.plugins.module_utils._engine.direct import LeanEngine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._facts.observe import observe
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone

from . import plan
from .journal import milliseconds
from .notes import OWED, read_names, write
from .observe import down, kept

if TYPE_CHECKING:
    from collections.abc import Collection

    from ansible_collections.netmode.docker.plugins.module_utils._containers.state import Step


class Outcome(NamedTuple):
    """Of one step; without a step, of the engine, which could not be asked."""

    step: Step | None
    wrong: str
    times: str


class Rejoining:
    """One run at a time; interfaces do not wait for it. Its outcomes are heard by who waits for ``wakeup``."""

    def __init__(self, docker_host: str, ignore: Collection[str]) -> None:
        self.owed = read_names(OWED)
        self.runs = False
        self.wakeup, self._wakes = os.pipe()
        self._docker_host = docker_host
        self._ignore = ignore
        self._outcomes: queue.SimpleQueue[Outcome | None] = queue.SimpleQueue()

    def start(self, donors: dict[str, str], held: set[str], begun: float) -> None:
        self.runs = True
        threading.Thread(target=self._rejoin, args=(donors, held, begun), daemon=True).start()

    def owe(self, owed: dict[str, str]) -> None:
        if owed != self.owed:
            self.owed = owed  # in one go: the thread that listens reads it
            write(OWED, owed)

    def heard(self) -> list[Outcome]:
        """What there is to hear once ``wakeup`` can be read."""
        os.read(self.wakeup, 1 << 10)
        found = []
        while not self._outcomes.empty():
            outcome = self._outcomes.get()
            if outcome is None:
                self.runs = False
            else:
                found.append(outcome)
        return found

    def _rejoin(self, donors: dict[str, str], held: set[str], begun: float) -> None:
        """What is due is seen again once no run of Ansible is at it, which may have done the same."""
        try:
            engine = LeanEngine(self._docker_host, 60)
            with alone("containers", "netmode-keeper", self._docker_host):
                containers = kept(observe(engine), self._ignore)
                here = {name: donor for name, donor in donors.items() if name in containers}
                steps = plan.to_do(containers, here, down(engine, containers, here, self.owed).refused, held)
                applier = Applier(engine)
                applier.ids.update({name: one["id"] for name, one in containers.items()})
                self._take(steps, applier, here, milliseconds(begun))
        except NetmodeError as error:
            self._post(Outcome(None, str(error), ""))
        finally:
            self._post(None)

    def _take(self, steps: list[Step], applier: Applier, donors: dict[str, str], decided: int) -> None:
        failed: set[str] = set()
        for step in steps:
            if donors.get(step.name) in failed:
                continue
            begun, wrong = time.monotonic(), ""
            starts = step.action in ("start", "restart", "clone")
            if starts:
                self.owe({**self.owed, step.name: donors.get(step.name, "")})
            try:
                applier.run([step])
                if starts:
                    self.owe({name: donor for name, donor in self.owed.items() if name != step.name})
            except NetmodeError as error:
                failed.add(step.name)
                wrong = str(error)
            told = [f"decided in {decided} ms, done in {milliseconds(begun)} ms", *applier.warnings]
            applier.warnings.clear()
            self._post(Outcome(step, wrong, "; ".join(told)))

    def _post(self, outcome: Outcome | None) -> None:
        """From the thread to the one that listens; None: it has come to its end."""
        self._outcomes.put(outcome)
        os.write(self._wakes, b".")
