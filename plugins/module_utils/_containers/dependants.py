# SPDX-License-Identifier: GPL-3.0-or-later
"""Who follows a container that is recreated or restarted: those that join its namespaces or are linked to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import clone
from .state import NEW_SUFFIX, OLD_SUFFIX, Host, Step

if TYPE_CHECKING:
    from .spec import Wanted


class Following:
    """The steps of a plan so far, and those by which dependants follow."""

    def __init__(self, host: Host, wanted: list[Wanted]) -> None:
        self.host = host
        self.by_name = {one.name: one for one in wanted}
        self.steps: list[Step] = []
        self.differences: dict[str, dict[str, tuple[Any, Any]]] = {}
        self.renewed: dict[str, str] = {}
        """Donor's container id → created, recreated, started, restarted: its namespace will be a new one."""
        self.born: set[str] = set()
        """Names whose container will have a new id."""

    def _add(self, action: str, name: str, reason: str, container: str, **data: Any) -> None:
        self.steps.append(Step(action, name, reason, container, data))

    def _refuse_vanishing(self, where: str, key: str, why: str, instead: str) -> None:
        """A container of ``docker run --rm`` is deleted the moment that it stops, and is gone if more fails."""
        if self.host.vanishes(key):
            raise NetmodeError(
                f"{where}: {self.host.name(key)} was started with --rm, so the engine deletes it, with its "
                f"anonymous volumes, the moment that it stops; {why}. {instead}"
            )

    def _follow(self, key: str, reason: str, *, born: bool) -> None:
        """Dependants outside the list follow their donor; those inside are met when their turn comes."""
        self.renewed[key] = reason
        for other in self.host.dependants(key, links=born):
            name = self.host.name(other)
            if name not in self.by_name and self._marked(other) not in self.by_name and not name.endswith(NEW_SUFFIX):
                self._take_along(other, name, self._donor_name(key), reason, born=born)

    def _take_along(self, key: str, name: str, donor: str, reason: str, *, born: bool) -> None:
        """One step for a dependant, after the last of those that it depends on: an earlier one is moved."""
        earlier = [step for step in self.steps if step.container == key and step.action in ("clone", "restart")]
        born = born or any(step.action == "clone" for step in earlier)
        self.steps = [step for step in self.steps if step not in earlier]
        running = self.host.runs(key)
        if born:
            self._refuse_vanishing(
                f"container {name}", key, f"{reason}, so it would have to be recreated",
                f"Remove it first (docker rm -f {name}), and start it again afterwards.",
            )  # fmt: skip
            self._sweep(name, key, NEW_SUFFIX, "never took over")
            dependants = self._running_dependants(key)
            self._add("clone", name, reason, key, donor=donor, start=running, dependants=dependants)
            self.born.add(name)
            self._follow(key, f"its donor {name} is recreated", born=True)
        elif running:
            self._restart(f"container {name}", name, key, reason)
            self._follow(key, f"its donor {name} is restarted", born=False)

    def _restart(self, where: str, name: str, key: str, reason: str) -> None:
        instead = f"Remove it first (docker rm -f {name}), and start it again afterwards."
        if "pid" in self.host.ties.get(key, {}).values():
            self._refuse_vanishing(where, key, f"{reason}, and it ends with its process namespace", instead)
        if not clone.restart_keeps(self.host.version):
            why = f"{reason}, and before Docker Engine 23 even a restart may delete it (this is {self.host.version})"
            self._refuse_vanishing(where, key, why, instead)
        self._add("restart", name, reason, key)

    def _follows(self, one: Wanted, key: str) -> bool:
        """Whether an entry's container needs, in a way that the list cannot say, one that is recreated or restarted."""
        needs = self.host.ties.get(key, {})
        renewed = [other for other in needs if other in self.renewed]
        reborn = [other for other in renewed if self.host.name(other) in self.born]
        if one.state != "started" or not [other for other in renewed if other in reborn or needs[other] != "link"]:
            return False
        donor = (reborn or renewed)[0]
        self.differences.setdefault(one.name, {})["state"] = (self.host.states[key], "started")
        self._take_along(key, one.name, self._donor_name(donor), self.renewed[donor], born=bool(reborn))
        return True

    def _running_dependants(self, key: str) -> list[tuple[str, str]]:
        """(name, id) of all that run in a namespace of the container, nearest first: restarted if it is put back."""
        found: dict[str, str] = {}
        pending = [key]
        while pending:
            near = self.host.dependants(pending.pop(0), links=False)
            new = {other: self.host.name(other) for other in near if self.host.runs(other) and other not in found}
            found.update(new)
            pending += new
        return [(name, other) for other, name in found.items()]

    def _marked(self, key: str) -> str:
        return self.host.marks.get(key, "")

    def _donor_name(self, key: str) -> str:
        name = self.host.name(key)
        return name[: -len(OLD_SUFFIX)] if name.endswith(OLD_SUFFIX) else name

    def _sweep(self, name: str, own: str | None, suffix: str, why: str) -> None:
        """What an interrupted recreate left beside a container."""
        key = self.host.names.get(name + suffix)
        if key and key != own and not any(step.container == key for step in self.steps):
            reason = f"left by an interrupted run: {name + suffix} {why}"
            self._add("remove", name, reason, key, early=suffix == NEW_SUFFIX)
