# SPDX-License-Identifier: GPL-3.0-or-later
"""From what every node says of the cluster to the next steps towards the one that is asked for. Pure.

A plan has steps of one kind, and nothing is taken for done that the nodes do not say: they are asked again after each
kind, so a run that was interrupted goes on where the nodes are. Nothing is ever flushed or reset.

1. ``epoch``, ``meet``: nodes join, and all wait until every node knows every other (:mod:`joining`).
2. ``slots``: those that nobody has go to masters.
3. ``lead``: a replica takes over from a master that leaves, where masters would be too few.
4. ``send``, or ``import``, ``migrate``, ``own``, ``give``: slots go to new masters, and from nodes that leave
   (:mod:`moves`).
5. ``follow``: a node without slots becomes the replica of a master, on another host where there is one
   (:mod:`replicas`).
6. ``forget``: nodes that leave and have nothing more, and dead ones that are named for it (:mod:`leaving`).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from . import joining, leaving, replicas, sharing
from .nodes import SLOTS, count
from .state import ClusterError, Member, Plan

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from .nodes import View


def plan(
    members: Sequence[Member], views: Mapping[str, View | None], replicas_each: int, dead: Collection[str] = ()
) -> Plan:
    """``views``: by the name of each member; None for one that does not answer. ``replicas_each``: of each master.

    ``dead``: nodes beside the members that are to be forgotten, each by its id or as ``address:port``.
    """
    stay = [one for one in members if not one.leaves]
    problems = [f"{one.name}: {_SILENT[one.leaves]}" for one in members if views.get(one.name) is None]
    problems += refusals(stay, replicas_each)
    if problems:
        return Plan([], [], problems, [])
    seen = {one.name: view for one in members if (view := views[one.name]) is not None}
    gone = leaving.gone(members, seen)
    for name in gone:
        del seen[name]
    leavers = [one for one in members if one.leaves and one.name in seen]
    try:
        made = (
            joining.joined(stay, leavers, seen)
            or sharing.shared(stay, leavers, seen, replicas_each)
            or replicas.followers(stay, seen, replicas_each)
            or leaving.forgotten(stay, leavers, seen, dead)
            or Plan([], [], [], _warnings(stay, seen, replicas_each))
        )
    except ClusterError as error:
        made = Plan([], [], [str(error)], [])
    return made._replace(left=gone)


_SILENT = {
    False: "does not answer as a node of a cluster.",
    True: "is to leave, and does not answer, so that what it has cannot go to the others. Start it (docker start), or, "
    "where it has nothing that the others lack, remove its container manually and have them forget it "
    "(redis_cluster_forget).",
}


def refusals(members: Sequence[Member], replicas_each: int) -> list[str]:
    """What no cluster can be made of, whatever its nodes say."""
    found = []
    masters = sharing.masters_of(len(members), replicas_each)
    fewest = sharing.FEWEST_MASTERS
    if masters < fewest:
        found.append(
            f"{len(members)} nodes with {replicas_each} replica{'s' * (replicas_each != 1)} of each master are "
            f"{masters} masters. A cluster has at least {fewest}: one that loses a master has to have a majority. Name "
            f"{fewest * (1 + replicas_each)} nodes or more, or fewer replicas."
        )
    places: dict[tuple[str, int], str] = {}
    for one in members:
        other = places.setdefault((one.address, one.port), one.name)
        if other != one.name:
            found.append(f"{one.name}: is reached at {one.address}:{one.port}, as {other} is.")
    return found


def _warnings(members: Sequence[Member], seen: Mapping[str, View], replicas_each: int) -> list[str]:
    found = []
    hosts: dict[str, list[Member]] = {}
    for one in members:
        me = seen[one.name].me
        hosts.setdefault(me.id if me.slots else me.master, []).append(one)
    names = {seen[one.name].me.id: one.name for one in members}
    for key, shard in hosts.items():
        if len(shard) - 1 < replicas_each:
            found.append(f"{names.get(key, key)}: has {len(shard) - 1} of {replicas_each} replicas.")
        if len(shard) > 1 and len({one.host for one in shard}) == 1:
            found.append(
                f"{', '.join(one.name for one in shard)}: a master and its replicas are on one host, with which all of "
                "them are lost."
            )
    return found + _majorities(members, seen) + leaving.strangers(members, seen)


def _majorities(members: Sequence[Member], seen: Mapping[str, View]) -> list[str]:
    """Who takes over from a lost master the others elect, by more than half of all masters."""
    on = Counter(one.host for one in members if seen[one.name].me.slots)
    spare = (sum(on.values()) - 1) // 2
    return [
        f"{host}: {number} of {sum(on.values())} masters are on it. Once it is lost the others are no majority, and no "
        "replica takes over. Have replicas on other hosts take over from some of them (CLUSTER FAILOVER), or name more "
        "hosts."
        for host, number in on.items()
        if number > spare and len({one.host for one in members}) >= sharing.FEWEST_MASTERS
    ]


def is_owned(view: View) -> bool:
    """Whether every slot has a master, be it one that fails."""
    return sum(count(node.slots) for node in view.nodes) == SLOTS


def is_whole(view: View) -> bool:
    """Whether every slot has a master that is not failing, as one node sees it."""
    return sum(count(node.slots) for node in view.nodes if not node.has_failed) == SLOTS
