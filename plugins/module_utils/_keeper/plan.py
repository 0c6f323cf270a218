# SPDX-License-Identifier: GPL-3.0-or-later
"""What the keeper has to do to a host's sharers, and how soon it may do something again. Pure, without a clock.

Containers are those of ``docker_network``: {name: {id, status, mode, joins, stale, …}}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._containers.state import NEW_SUFFIX, OLD_SUFFIX, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    Containers = Mapping[str, Mapping[str, Any]]

QUICK = 10.0
"""Seconds. The engine takes a container that ran for less to be failing: its own rule for restart policies."""
_FREE = 3
"""So many quick starts in a row are answered at once."""
_LONGEST = 60.0
"""Seconds between two tries at most, as for the engine's own."""


class Look(NamedTuple):
    """One look at a host."""

    containers: dict[str, Any]
    """Those that are kept."""
    names: set[str] | None
    """Whose starts it is for; None: it is for all that there is."""
    begun: float
    """When, by the monotonic clock."""

    def concerns(self, name: str) -> bool:
        return self.names is None or name in self.names


def donor_names(containers: Containers, known: Mapping[str, str]) -> dict[str, str]:
    """{sharer: its donor's name} with what is seen now and, for a donor that is gone, what was ``known`` of it.

    A sharer keeps what is known of it through the names that it has while it is recreated.
    """
    found = {}
    for name, one in containers.items():
        own = name.removesuffix(NEW_SUFFIX).removesuffix(OLD_SUFFIX)
        names = [other for other in (own, own + OLD_SUFFIX, own + NEW_SUFFIX) if other in known]
        if one["mode"] == "container" and (one["joins"] or names):
            found[name] = one["joins"] or known[names[0]]
    return found


def still_owed(owed: Mapping[str, str], containers: Containers) -> dict[str, str]:
    """Of the sharers that were begun, those that are still down, or away since they were to be recreated."""
    return {name: donor for name, donor in owed.items() if _is_owed(name, containers)}


def _is_owed(name: str, containers: Containers) -> bool:
    if name in containers:
        return bool(containers[name]["status"] != "running")
    return any(name + suffix in containers for suffix in (NEW_SUFFIX, OLD_SUFFIX))


def to_do(
    containers: Containers, donors: Mapping[str, str], refused: AbstractSet[str], held: AbstractSet[str]
) -> list[Step]:
    """All that there is to do to sharers. Arguments as of ``due``."""
    return [*leftovers(containers), *due(containers, donors, refused, held)]


def leftovers(containers: Containers) -> list[Step]:
    """What a change of a sharer that was cut off has left, put in order: the one that ran is the one that counts."""
    steps = []
    for name, one in sorted(containers.items()):
        if one["mode"] != "container" or not name.endswith((NEW_SUFFIX, OLD_SUFFIX)):
            continue
        own = name[: -len(NEW_SUFFIX)]  # the suffixes are of one length
        replaced = name.endswith(OLD_SUFFIX)
        there = containers.get(own)
        if not replaced:
            steps.append(Step("remove", own, "it never took over", one["id"], {"early": True}))
        elif there is None:
            steps.append(Step("rename", own, f"it is called {name}", one["id"], {"to": own, "early": True}))
        else:
            if there["status"] == "created":
                steps.append(Step("start", own, "it has taken over and was not started", there["id"], {}))
            steps.append(Step("remove", name, "it was replaced", one["id"], {}))
    return steps


def due(
    containers: Containers, donors: Mapping[str, str], refused: AbstractSet[str], held: AbstractSet[str]
) -> list[Step]:
    """The steps by which sharers join their donors again, donors of a chain before those who join them.

    ``donors``: :func:`donor_names`. ``refused``: names of sharers that are down since the engine could not start them
    without their donor. ``held``: names of containers whose starts are not to be answered yet.
    """
    renewed: dict[str, bool] = {}
    """Name of a container that the steps so far give another namespace → whether its id will be another, too."""
    steps: list[Step] = []
    for name in sorted(donors, key=_depth(donors)):
        one, donor = containers[name], containers.get(donors[name])
        wanted = one["status"] == "running" or name in refused
        if donor is None or not wanted or {name, donors[name]} & held or name.endswith((NEW_SUFFIX, OLD_SUFFIX)):
            continue
        comes = donors[name] in renewed
        if not comes and (donor["status"] not in ("running", "paused") or donor["stale"]):
            continue  # it would join a dead namespace
        step = _step(name, one, donors[name], again=comes, reborn=renewed.get(donors[name], False))
        if step:
            steps.append(step)
            renewed[name] = step.action == "clone"
    return steps


def _step(name: str, one: Mapping[str, Any], donor: str, *, again: bool, reborn: bool) -> Step | None:
    if one["joins"] is None or reborn:
        return Step("clone", name, f"its donor {donor} was recreated", one["id"], {"donor": donor, "start": True})
    if one["status"] != "running":
        return Step("start", name, f"it could not be started without its donor {donor}", one["id"], {})
    if one["stale"] or again:
        return Step("restart", name, f"its donor {donor} has a new network namespace", one["id"], {})
    return None


def _depth(donors: Mapping[str, str]) -> Callable[[str], tuple[int, str]]:
    def depth(name: str) -> tuple[int, str]:
        seen = [name]
        while donors.get(seen[-1]) and donors[seen[-1]] not in seen:
            seen.append(donors[seen[-1]])
        return len(seen), name

    return depth


class Pace:
    """Who starts again and again, or fails again and again, is answered later and later. Times in seconds."""

    def __init__(self) -> None:
        self._starts: dict[str, tuple[float, int]] = {}
        self._failures: dict[str, int] = {}
        self.until: dict[str, float] = {}
        """Name → when something may be done to it again."""

    def started(self, name: str, now: float) -> float:
        """Note a start; how long to wait with what it calls for, 0 also where that is waited for already.

        What is waited for is not put off by further starts: it may be what the container fails for the want of.
        """
        last, quick = self._starts.get(name, (now - QUICK, 0))
        waiting = now - last < QUICK and name in self.until
        quick = quick if waiting else quick + 1 if now - last < QUICK else 0
        self._starts[name] = (now, quick)
        wait = 0.0 if waiting else _growing(quick - _FREE)
        if wait:
            self.until[name] = now + wait
        elif not waiting:
            self.until.pop(name, None)
        return wait

    def failed(self, name: str, now: float) -> float:
        """Note a failure; how long to wait until it is tried again."""
        self._failures[name] = self._failures.get(name, 0) + 1
        wait = _growing(self._failures[name])
        self.until[name] = now + wait
        return wait

    def succeeded(self, name: str) -> None:
        self._failures.pop(name, None)

    def over(self, now: float) -> set[str]:
        """Whose waiting has come to its end, each told once."""
        found = {name for name, until in self.until.items() if until <= now}
        for name in found:
            del self.until[name]
        return found

    def next(self, now: float) -> float | None:
        """Seconds until the first of them is due."""
        return max(0.0, min(self.until.values()) - now) if self.until else None

    def forget(self, names: AbstractSet[str]) -> None:
        """Keep nothing but these."""
        for known in (self._starts, self._failures, self.until):
            for name in [name for name in known if name not in names]:
                del known[name]


def _growing(times: int) -> float:
    """0, then 1 s, doubled with each time."""
    return min(_LONGEST, 2.0 ** (min(times, 10) - 1)) if times > 0 else 0.0
