# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of a list that are to be stopped or removed: in which order, and when that is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from .dependants import refuse_vanishing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .draft import Draft
    from .spec import Wanted


def leave(draft: Draft, wanted: list[Wanted]) -> None:
    """Add the steps that stop and remove. NetmodeError: a container that stays would lose what it depends on."""
    for one in _dependants_first(draft, wanted):
        if one.state == "absent":
            _remove(draft, one)
        else:
            _stop(draft, one)
        draft.settle(one)


def _dependants_first(draft: Draft, wanted: list[Wanted]) -> list[Wanted]:
    """The entries to stop or remove, whoever depends on another of them first, however they stand in the list."""
    left = {one.name: one for one in reversed(wanted) if one.state != "started"}
    needed = {name: _dependants_among(draft, left, one) for name, one in left.items()}
    ordered = []
    while left:
        ready = (name for name in left if not needed[name] & left.keys())
        ordered.append(left.pop(next(ready, next(iter(left)))))
    return ordered


def _dependants_among(draft: Draft, entries: Mapping[str, Wanted], one: Wanted) -> set[str]:
    """The names of the entries whose containers, or what a run left of them, depend on this one's."""
    owners = {key: other.name for other in entries.values() for key in draft.containers(other)}
    found = {owners.get(other) for key in draft.containers(one) for other in draft.host.dependants(key, links=True)}
    return {name for name in found if name and name != one.name}


def _remove(draft: Draft, one: Wanted) -> None:
    for key in draft.containers(one):
        _refuse_orphans(draft, one, key)
        draft.add("remove", one.name, "the list wants it absent", key, grace=one.grace)


def _stop(draft: Draft, one: Wanted) -> None:
    key = draft.container(one)
    if key and draft.host.runs(key):
        _refuse_orphans(draft, one, key)
        why = "stopped, it would not be there to be started again"
        instead = "Say state: absent, or recreate it first."
        refuse_vanishing(draft.host, f"{one.where}: state: stopped", key, why, instead)
        draft.add("stop", one.name, "the list wants it stopped", key, grace=one.grace)


def _refuse_orphans(draft: Draft, one: Wanted, key: str) -> None:
    host, by_name = draft.host, draft.by_name
    dependants = host.dependants(key, links=one.state == "absent")
    left = [host.name(other) for other in dependants if host.states[other] in ("running", "paused")]
    left = [name for name in left if name not in by_name or by_name[name].state == "started"]
    if left:
        raise NetmodeError(
            f"{one.where}: state: {one.state}: {', '.join(left)} would be left in a dead namespace, or without "
            f"the container that it links to, for it depends on {one.name}. "
            f"Say state: {one.state} for it in the same list."
        )
