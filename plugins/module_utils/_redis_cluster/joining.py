# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes come to know each other: those that are new, those that come back, and those that have another address. Pure.

1. ``epoch``: a node that is in no cluster gets a configuration epoch above all others, or what a dead node is told to
   have would win over it (valkey-operator PR 197).
2. ``forget``: one that comes back forgets whom the cluster does not know, or it would bring them back as well.
3. ``meet``: it is made known to the cluster. All wait until every node knows every other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .nodes import each_of
from .state import ClusterError, Plan, Step, of_steps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .nodes import Node, View
    from .state import Member


class Core(NamedTuple):
    """The cluster that the others join: the one that has slots, else the largest, else the first node."""

    ids: set[str]
    back: set[str]
    """Members that know some of it of old, and that none of it knows."""


def joined(stay: Sequence[Member], leavers: Sequence[Member], seen: Mapping[str, View]) -> Plan | None:
    """None: every node knows every other. ClusterError: they cannot be one cluster."""
    core = _core([*stay, *leavers], seen)
    for one in stay:
        _refuse_loss(one, seen, core)
    return (
        _epochs(stay, seen)
        or _strangers(stay, seen, core)
        or _meetings(stay, leavers, seen, core)
        or _known([*stay, *(one for one in leavers if seen[one.name].me.slots)], seen)
    )


# --- what there is ----------------------------------------------------------------------------------------------------


def _core(members: Sequence[Member], seen: Mapping[str, View]) -> Core:
    known = back(seen)
    own = _clusters([one.name for one in members if one.name not in known], seen)
    slotted = {node.id for name, view in seen.items() if name not in known for node in view.nodes if node.slots}
    formed = [cluster for cluster in own if cluster & slotted]
    if len(formed) > 1:
        names = {view.me.id: name for name, view in seen.items()}
        apart = ["; ".join(sorted(names[key] for key in cluster if key in names)) for cluster in formed]
        raise ClusterError(
            f"These are {len(formed)} clusters already: {' and '.join(f'({one})' for one in apart)}. All have slots, "
            "and none is dissolved here. Take the nodes of one of them out of the group, or empty and reset them by "
            "hand."
        )
    return Core(formed[0] if formed else max(own, key=len), known)


def back(seen: Mapping[str, View]) -> set[str]:
    """Those that know nodes of a cluster with slots of old, none of which knows them or one that comes with them."""
    known = {name: _known_to(view) for name, view in seen.items()}
    ids = {name: view.me.id for name, view in seen.items()}
    groups: list[set[str]] = []
    for name in seen:
        near = [group for group in groups if any(_know_each_other(name, one, known, ids) for one in group)]
        groups = [group for group in groups if group not in near] + [{name}.union(*near)]
    formed = [group for group in groups if any(node.slots for name in group for node in seen[name].nodes)]
    found: set[str] = set()
    for group in groups:
        theirs = set().union(*(known[name] for name in group))
        others = [one for one in formed if one is not group and any(ids[name] in theirs for name in one)]
        if any(not any({ids[name] for name in group} & known[name] for name in one) for one in others):
            found |= group
    return found


def _know_each_other(one: str, other: str, known: Mapping[str, set[str]], ids: Mapping[str, str]) -> bool:
    return ids[one] in known[other] and ids[other] in known[one]


def _known_to(view: View) -> set[str]:
    return {node.id for node in view.nodes if node.is_known}


def _clusters(names: Sequence[str], seen: Mapping[str, View]) -> list[set[str]]:
    clusters: list[set[str]] = []
    for name in names:
        ids = _known_to(seen[name])
        near = [cluster for cluster in clusters if cluster & ids]
        clusters = [cluster for cluster in clusters if not cluster & ids] + [ids.union(*near)]
    return clusters


def _refuse_loss(one: Member, seen: Mapping[str, View], core: Core) -> None:
    """ClusterError: a node that joins has what it would give up, or what the cluster would take from others for it."""
    view, me = seen[one.name], seen[one.name].me
    if me.id in core.ids - {seen[name].me.id for name in core.back}:
        return
    if view.keys and not (me.master and me.master in core.ids):  # a replica has what its master has
        empty = "CLUSTER RESET, which empties a replica" if me.master else "FLUSHALL"
        raise ClusterError(
            f"{one.name}: has {view.keys} keys and is in no cluster. A node that joins one gives up what it has. "
            f"Copy its keys elsewhere, empty it ({empty}), and run this again."
        )
    if me.master and me.master not in core.ids:
        raise ClusterError(
            f"{one.name}: follows the node {me.master}, which is not in the cluster that it is to join. Have it follow "
            "nobody (CLUSTER RESET, which empties a replica), and run this again."
        )
    owners = _owners_by_slot(seen, core)
    claimed = [slot for slot in each_of(me.slots) if owners.get(slot, me).epoch <= me.epoch]
    if claimed and one.name in core.back:
        raise ClusterError(
            f"{one.name}: was in this cluster before, and would take {len(claimed)} slots that others have by now. "
            "It has no keys: have it give them up (CLUSTER RESET), and run this again."
        )


def _owners_by_slot(seen: Mapping[str, View], core: Core) -> dict[int, Node]:
    inside = [view for name, view in seen.items() if name not in core.back and view.me.id in core.ids]
    return {slot: view.me for view in inside for slot in each_of(view.me.slots)}


def cut(members: Sequence[Member], seen: Mapping[str, View]) -> list[tuple[str, str]]:
    """Who has no link to whom, by their names, of those that know each other."""
    names = {seen[one.name].me.id: one.name for one in members if one.name in seen}
    return [
        (name, names[node.id])
        for name in names.values()
        for node in seen[name].others
        if node.id in names and node.link != "connected"
    ]


# --- what is to be done -----------------------------------------------------------------------------------------------


def _epochs(stay: Sequence[Member], seen: Mapping[str, View]) -> Plan | None:
    """A node takes one only while it knows no other, and has none."""
    alone = [one for one in stay if not seen[one.name].others]
    above = max((node.epoch for view in seen.values() for node in view.nodes), default=0)
    fresh = [one for one in alone if not seen[one.name].me.epoch]
    return of_steps([
        Step("epoch", one.name, ("SET-CONFIG-EPOCH", str(above + number)), f"{one.name}: epoch {above + number}")
        for number, one in enumerate(fresh, 1)
    ])  # fmt: skip


def _strangers(stay: Sequence[Member], seen: Mapping[str, View], core: Core) -> Plan | None:
    """Not those that come back together: what a node has forgotten it does not hear of for a minute."""
    stays = core.ids | {seen[one.name].me.id for one in stay}
    return of_steps([
        Step("forget", one.name, ("FORGET", node.id), f"{one.name}: forgets {node.at}, which the cluster does not know")
        for one in stay if one.name in core.back
        for node in seen[one.name].others if node.is_known and node.id not in stays
    ])  # fmt: skip


def _meetings(stay: Sequence[Member], leavers: Sequence[Member], seen: Mapping[str, View], core: Core) -> Plan | None:
    """One that is new is met by the first, and the others hear of it. Where all have other addresses nobody is there to
    tell, so each meets those that it has no link to. The same for who comes back: it may be forgotten still.
    """
    inside = [one for one in (*stay, *leavers) if seen[one.name].me.id in core.ids and one.name not in core.back]
    steps, again = [], []
    for one in stay:
        words = ("MEET", one.address, str(one.port), str(one.bus))
        if one.name in core.back:
            again += [
                Step("return", other.name, words, f"{one.name}: is met again by {other.name}") for other in inside
            ]
            continue
        lost = [other for other in inside if other is not one and _has_lost(seen[other.name], one, seen)]
        by = lost if one in inside else inside[:1]
        steps += [Step("meet", other.name, words, f"{one.name}: is met by {other.name}") for other in by]
    return of_steps(steps or again)


def _has_lost(view: View, one: Member, seen: Mapping[str, View]) -> bool:
    """Whether a node has no link to another that is at another address than it knows."""
    known = next((node for node in view.others if node.id == seen[one.name].me.id), None)
    return known is not None and known.link != "connected" and (known.address, known.port) != (one.address, one.port)


def _known(members: Sequence[Member], seen: Mapping[str, View]) -> Plan | None:
    """Until every node knows every other."""
    ids = {one.name: seen[one.name].me.id for one in members}
    waits = []
    for one in members:
        known = _known_to(seen[one.name])
        strange = [name for name, key in ids.items() if key not in known]
        if strange:
            waits.append(f"{one.name} does not know {', '.join(strange)} yet")
    return Plan([], waits, [], []) if waits else None
