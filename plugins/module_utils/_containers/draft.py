# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan while it is made: the steps so far, and what they do to the containers that later ones depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .state import NEW_SUFFIX, OLD_SUFFIX, Host, Step

if TYPE_CHECKING:
    from .spec import Wanted


class Draft:
    """What the functions that plan add to. ``host`` and ``by_name`` stay as they are."""

    def __init__(self, host: Host, wanted: list[Wanted]) -> None:
        self.host = host
        self.by_name = {one.name: one for one in wanted}
        self.steps: list[Step] = []
        self.differences: dict[str, dict[str, tuple[Any, Any]]] = {}
        """Entry name → {option: (now, wanted)}."""
        self.renewed: dict[str, str] = {}
        """Id of a container whose namespace will be a new one → why: it is created, recreated, started, restarted."""
        self.born: set[str] = set()
        """Names whose container will have a new id."""
        self.settled: dict[str, Wanted] = {}
        """Id of a container that the steps so far bring to its entry → that entry."""

    def add(self, action: str, name: str, reason: str, container: str, **data: Any) -> None:
        self.steps.append(Step(action, name, reason, container, data))

    def differ(self, one: Wanted, option: str, now: Any, wanted: Any) -> None:
        self.differences.setdefault(one.name, {})[option] = (now, wanted)

    def settle(self, one: Wanted) -> None:
        key = self.container(one)
        if key:
            self.settled[key] = one

    def container(self, one: Wanted) -> str | None:
        """The container of an entry: by its name, by what an interrupted recreate left, by its label."""
        names = self.host.names
        if one.name in names:
            return names[one.name]
        if one.name + OLD_SUFFIX in names:
            return names[one.name + OLD_SUFFIX]
        marked = [key for key, mark in self.host.marks.items() if mark == one.name]
        marked = [key for key in marked if self.host.name(key) not in self.by_name]
        return marked[0] if len(marked) == 1 else None

    def containers(self, one: Wanted) -> list[str]:
        """The containers that are the entry's: its own, and what an interrupted run left beside it."""
        names = (one.name, one.name + NEW_SUFFIX, one.name + OLD_SUFFIX)
        keys = [self.host.names[name] for name in names if name in self.host.names]
        own = self.container(one)
        return [*keys, own] if own and own not in keys else keys

    def sweep(self, name: str, own: str | None, suffix: str, why: str) -> None:
        """Remove what an interrupted recreate left beside a container, ``own``."""
        key = self.host.names.get(name + suffix)
        if key and key != own and not any(step.container == key for step in self.steps):
            reason = f"left by an interrupted run: {name + suffix} {why}"
            self.add("remove", name, reason, key, early=suffix == NEW_SUFFIX)
