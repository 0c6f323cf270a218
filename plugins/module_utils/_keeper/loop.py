# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper: answers the starts of containers with what Docker does not do by itself.

A declared interface is made again in a container that has a new network namespace, and a sharer joins its donor again.
What is to be done is what the modules ``interfaces`` and ``containers`` would do; here is only when.
"""

from __future__ import annotations

import os
import queue
import select
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._containers.apply import Applier
from ansible_collections.netmode.docker.plugins.module_utils._containers.state import NEW_SUFFIX, OLD_SUFFIX
from ansible_collections.netmode.docker.plugins.module_utils._engine.direct import LeanEngine
from ansible_collections.netmode.docker.plugins.module_utils._engine.events import wait_for
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError
from ansible_collections.netmode.docker.plugins.module_utils._facts.build import compose
from ansible_collections.netmode.docker.plugins.module_utils._facts.observe import observe
from ansible_collections.netmode.docker.plugins.module_utils._interfaces import record
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.apply import Spaces, apply
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.observe import observe as observe_interfaces
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.plan import plan
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.spec import parse_list
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone

from . import plan as keeper_plan
from .notes import (
    DONORS,
    OWED,
    STATE,
    read_names,
    read_state,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Set as AbstractSet

    from ansible_collections.netmode.docker.plugins.module_utils._containers.state import Step
    from ansible_collections.netmode.docker.plugins.module_utils._engine.events import Events
    from ansible_collections.netmode.docker.plugins.module_utils._interfaces.state import Host

    Facts = dict[str, Any]

_REFUSALS = ("non running container", "No such container", "network namespace", "namespace path", "is restarting")
"""What the engine says of a sharer that it could not start without its donor."""
_ENGINE_TRIES = 1.0
"""Seconds after a donor's start by which an engine that starts has tried to start its sharers, too."""
LAST = 20
"""How many acts are remembered for ``status``."""


class Keeper:
    """``tell`` takes one line per act. ``ignore``: containers that are left alone, by name."""

    def __init__(self, docker_host: str, ignore: Iterable[str], tell: Callable[[str], None]) -> None:
        self.docker_host = docker_host
        self.engine = LeanEngine(docker_host, 60)
        self.ignore = frozenset(ignore)
        self._tell = tell
        self._pace = keeper_plan.Pace()
        self._donors = read_names(DONORS)
        self._owed = read_names(OWED)
        self._trouble: dict[str, str] = {}
        self._rejoining = False
        self._rejoined: queue.SimpleQueue[tuple[Step | None, str, str] | None] = queue.SimpleQueue()
        self._bell, self._rope = os.pipe()  # what is written to the second is heard by who waits for the first
        self._state: Facts = {"pid": os.getpid(), "since": time.time(), "docker_host": docker_host}
        self._state.update(program=sys.argv[0], ignore=sorted(self.ignore), looked=False)
        self._state["acts"] = read_state().get("acts", [])  # those of a keeper before this one, since the boot

    def run(self) -> None:
        """Until the process is ended. Whatever it was doing then is complete or completed by the next one."""
        path = self.docker_host[len("unix://") :]
        engine = f"the engine at {self.docker_host}"
        while True:
            self.engine = LeanEngine(self.docker_host, 60)
            with wait_for(self.engine, path, "start", "rename") as events:
                begun = time.monotonic()
                self._state["engine"] = self.engine.version
                self._say(f"listens to Docker Engine {self.engine.version}")
                try:
                    self._look(None, begun)
                    self._state["looked"] = True
                    self._write()
                    self._follow(events)
                except NetmodeError as error:
                    self._state["engine"] = None
                    self._say(str(error))
            # One that is there and fails is asked later and later; one that goes is waited for by the next turn.
            time.sleep(self._pace.started(engine, time.monotonic()))

    def _follow(self, events: Events) -> None:
        sources: list[Events | int] = [events, self._bell]
        while True:
            heard = select.select(sources, [], [], self._pace.next(time.monotonic()))[0]
            begun = time.monotonic()
            if self._bell in heard:
                os.read(self._bell, 1 << 10)
                self._hear(begun)
            names = {self._started(event, begun) for event in events.read()} | self._pace.over(begun)
            if names or self._bell in heard:
                self._look(names, begun)

    def _started(self, event: Facts, now: float) -> str:
        name = str(event["Actor"]["Attributes"].get("name") or event["Actor"]["ID"][:12])
        if event["Action"] == "start":
            wait = self._pace.started(name, now)
            if wait:
                self._say(f"{name}: starts again and again, so what it calls for waits {wait:.0f} s")
        return name

    # -- one look ------------------------------------------------------------------------------------------------------

    def _look(self, names: set[str] | None, begun: float) -> None:
        """See what the starts of these containers call for, or with None all that there is, and do it."""
        with alone(
            "interfaces", "netmode-keeper", self.docker_host
        ):  # so that nobody changes what is seen before it is acted on
            seen = observe(self.engine)
            if seen["limited"]:
                raise NetmodeError("The keeper may not look into network namespaces. It has to run as root.")
            containers = self._containers(seen)
            self._pace.forget(containers.keys())
            self._keep_interfaces(containers, names, seen, begun)
        if not self._rejoining:  # its end is heard, and then there is another look
            self._keep_sharers(containers, names, begun)
        self._write()

    def _containers(self, seen: Facts) -> Facts:
        return {name: one for name, one in compose(seen)["containers"].items() if name not in self.ignore}

    def _keep_interfaces(self, containers: Facts, names: set[str] | None, seen: Facts, begun: float) -> None:
        recorded = self._recorded()
        declared = {entry["container"] for entry in recorded.values()} & containers.keys() - self._pace.until.keys()
        due = sorted(name for name in declared if names is None or name in names)
        due = [name for name in due if containers[name]["status"] in ("running", "paused")]
        due = [name for name in due if self._takes_interfaces(name, containers[name])]
        if not due:
            return
        with Spaces() as spaces:
            host = observe_interfaces(self.engine, due, spaces, seen)
            for name in due:
                self._keep(name, record.items(recorded, name), host, spaces, begun)

    def _recorded(self) -> Facts:
        recorded, wrong = record.load()
        self._trouble_is("record", " ".join(wrong), " ".join(wrong))
        return recorded

    def _takes_interfaces(self, name: str, container: Facts) -> bool:
        mode = container["network_mode"]
        wrong = "" if mode == "none" else f"its declared interfaces have no place in network mode {mode}"
        self._trouble_is(f"{name}: network mode", wrong, f"{name}: {wrong}")
        return not wrong

    def _keep(self, name: str, items: list[Facts], host: Host, spaces: Spaces, begun: float) -> None:
        """One container's interfaces. What cannot be must not keep the others from being made."""
        why = self._make(items, host, spaces, begun)
        wrong = [why] if why else []
        if why and len(items) > 1:
            wrong = [why for item in items if (why := self._make([item], host, spaces, begun))]
        self._settle(name, wrong, begun)

    def _make(self, items: list[Facts], host: Host, spaces: Spaces, begun: float) -> str:
        """Why they could not be made, or empty."""
        try:
            changes = plan(parse_list(items), host)
            apply(changes, spaces)
        except NetmodeError as error:
            return str(error)
        for change in changes:
            if change.commands:
                what, why = ", ".join(change.actions), "; ".join(change.reasons)
                self._say(f"{change.entry.container}:{change.entry.name}: {what}: {why} ({_ms(begun)} ms)")
        return ""

    def _keep_sharers(self, containers: Facts, names: set[str] | None, begun: float) -> None:
        donors = keeper_plan.donor_names(containers, self._donors)
        if donors != self._donors:
            self._donors = donors
            wrong = write(DONORS, donors)
            self._trouble_is(
                "donors", wrong, f"{wrong} A donor that is recreated while no keeper runs is not known then."
            )
        self._owe({name: donor for name, donor in self._owed.items() if _is_owed(name, containers)})
        steps, perhaps = self._due(self.engine, containers, donors, self._pace.until.keys())
        for name in perhaps:
            if names is None or donors[name] in names:
                self._pace.until.setdefault(name, begun + _ENGINE_TRIES)
        if steps:
            self._rejoining = True
            work = (donors, set(self._pace.until), begun)
            threading.Thread(target=self._rejoin, args=work, daemon=True).start()

    def _due(
        self, engine: LeanEngine, containers: Facts, donors: dict[str, str], held: AbstractSet[str]
    ) -> tuple[list[Step], list[str]]:
        """The steps, and the sharers that the engine may be about to start by itself."""
        down = {name: _why_down(engine, containers[name], containers.get(donors[name])) for name in donors}
        down.update({name: "refused" for name in self._owed.keys() & down.keys() if down[name]})
        refused = {name for name, why in down.items() if why == "refused"}
        steps = [*keeper_plan.leftovers(containers), *keeper_plan.due(containers, donors, refused, held)]
        return steps, [name for name, why in down.items() if why == "unknown"]

    def _rejoin(self, donors: dict[str, str], held: set[str], begun: float) -> None:
        """In a thread of its own: a sharer with data to save takes its time, and interfaces do not wait for that.

        What is due is seen again once no run of Ansible is at it, which may have done the same.
        """
        try:
            engine = LeanEngine(self.docker_host, 60)
            with alone("containers", "netmode-keeper", self.docker_host):
                containers = self._containers(observe(engine))
                here = {name: donor for name, donor in donors.items() if name in containers}
                steps, _ = self._due(engine, containers, here, held)
                applier = Applier(engine)
                applier.ids.update({name: one["id"] for name, one in containers.items()})
                self._take(steps, applier, here, _ms(begun))
        except NetmodeError as error:
            self._post((None, str(error), ""))
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
                self._owe({**self._owed, step.name: donors.get(step.name, "")})
            try:
                applier.run([step])
                if starts:
                    self._owe({name: donor for name, donor in self._owed.items() if name != step.name})
            except NetmodeError as error:
                failed.add(step.name)
                wrong = str(error)
            told = [f"decided in {decided} ms, done in {_ms(begun)} ms", *applier.warnings]
            applier.warnings.clear()
            self._post((step, wrong, "; ".join(told)))

    def _owe(self, owed: dict[str, str]) -> None:
        if owed != self._owed:
            self._owed = owed  # in one go: the thread that listens reads it
            write(OWED, owed)

    def _post(self, outcome: tuple[Step | None, str, str] | None) -> None:
        """(step, what went wrong, times) from the thread to the one that listens; None: it has come to its end."""
        self._rejoined.put(outcome)
        os.write(self._rope, b".")

    def _hear(self, now: float) -> None:
        while not self._rejoined.empty():
            outcome = self._rejoined.get()
            if outcome is None:
                self._rejoining = False
                continue
            step, wrong, took = outcome
            if step is None:  # the engine could not be asked; who listens to it hears that, too
                self._say(wrong)
                continue
            self._settle(step.name, [wrong] if wrong else [], now)
            if not wrong:
                done = {"clone": "recreated", "rename": "renamed", "remove": "removed"}
                self._say(f"{step.name}: {done.get(step.action, step.action + 'ed')}: {step.reason} ({took})")

    # -- what is told --------------------------------------------------------------------------------------------------

    def _settle(self, name: str, wrong: list[str], now: float) -> None:
        """A failure is told once for as long as it is the same, and tried again later and later."""
        why = " ".join(wrong)
        if why:
            wait = self._pace.failed(name, now)
            told = why if why.startswith(name) else f"{name}: {why}"
            self._trouble_is(name, why, f"{told.rstrip('.')}. It is tried again in {wait:.0f} s.")
        else:
            self._pace.succeeded(name)
            self._trouble_is(name, "", "")

    def _trouble_is(self, about: str, why: str, line: str) -> None:
        if why and self._trouble.get(about) != why:
            self._say(line)
        self._trouble.pop(about, None)
        if why:
            self._trouble[about] = why

    def _say(self, line: str) -> None:
        self._tell(line)
        self._state["acts"] = [*self._state["acts"], [time.time(), line]][-LAST:]
        self._write()

    def _write(self) -> None:
        offset = time.time() - time.monotonic()
        write(STATE, {**self._state, "waits": {name: until + offset for name, until in self._pace.until.items()}})


def _why_down(engine: LeanEngine, sharer: Facts, donor: Facts | None) -> str:
    """``refused``: the engine could not start it without its donor; ``unknown``: it may try yet; ``stopped``."""
    if sharer["status"] not in ("exited", "created") or donor is None or donor["status"] != "running":
        return ""
    try:
        found = engine.get(f"/containers/{sharer['id']}/json")
    except NotFoundError:
        return ""
    if found["HostConfig"]["RestartPolicy"]["Name"] in ("", "no"):
        return "stopped"
    if any(sign in found["State"]["Error"] for sign in _REFUSALS):
        return "refused"
    return "unknown"


def _is_owed(name: str, containers: Facts) -> bool:
    """Whether a sharer that was begun is still down, or away since it was to be recreated."""
    if name in containers:
        return bool(containers[name]["status"] != "running")
    return any(name + suffix in containers for suffix in (NEW_SUFFIX, OLD_SUFFIX))


def _ms(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
