# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that leave: known by no other once they have nothing, and only then removed. And those that nobody names. Pure.

What one node forgets it hears of again from any other that knows it, after a minute. So all forget it at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import joining
from .nodes import count
from .state import ClusterError, Member, Plan, Step, of_steps

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from .nodes import Node, View


def gone(members: Sequence[Member], seen: Mapping[str, View]) -> tuple[str, ...]:
    """Those that leave, have no slot, and are known by none that stays.

    What one knows that the others do not know does not count: it comes back, and knows them of old.
    """
    stay = {one.name: seen[one.name] for one in members if not one.leaves}
    back = joining.back(stay)
    known = {node.id for name, view in stay.items() if name not in back for node in view.others}
    leavers = [one.name for one in members if one.leaves]
    return tuple(name for name in leavers if seen[name].me.id not in known and not seen[name].me.slots)


def forgotten(
    stay: Sequence[Member], leavers: Sequence[Member], seen: Mapping[str, View], dead: Collection[str]
) -> Plan | None:
    """Once nobody needs them. ClusterError: one would come back, or is needed."""
    going = {seen[one.name].me.id: one.name for one in leavers}
    others = _others(stay, seen)
    alive = [node.at for node in others.values() if not node.has_failed]
    if going and alive:
        raise ClusterError(
            f"{', '.join(going.values())}: is to leave, and {', '.join(alive)}, in the cluster and not in the "
            "inventory, would tell the others of it again. Put that into the inventory, to stay or to leave as well."
        )
    going.update(_dead(others, dead))
    return of_steps([
        Step("forget", one.name, ("FORGET", key), f"{one.name}: forgets {name}")
        for one in stay
        for key, name in going.items() if key in {node.id for node in seen[one.name].others}
    ])  # fmt: skip


def _others(stay: Sequence[Member], seen: Mapping[str, View]) -> dict[str, Node]:
    """By its id whom they know beside those that are asked for."""
    ids = {view.me.id for view in seen.values()}
    return {node.id: node for one in stay for node in seen[one.name].others if node.id not in ids and node.is_known}


def _dead(others: Mapping[str, Node], dead: Collection[str]) -> dict[str, str]:
    found = {}
    for key, node in others.items():
        if not {key, node.at} & {*dead}:
            continue
        if not node.has_failed:
            raise ClusterError(
                f"redis_cluster_forget: {node.at}: has not failed. A node that runs is taken out as an instance of the "
                "inventory with the state absent."
            )
        if node.slots:
            raise ClusterError(
                f"redis_cluster_forget: {node.at}: has {count(node.slots)} slots, whose keys would be lost with it. "
                "Start it, or have its replica take over (CLUSTER FAILOVER TAKEOVER at that)."
            )
        found[key] = node.at
    return found


def strangers(stay: Sequence[Member], seen: Mapping[str, View]) -> list[str]:
    found = []
    for node in _others(stay, seen).values():
        line = f"{node.at if node.address else node.id}: is in the cluster and not in the inventory. It is left alone."
        if node.has_failed and not node.slots:
            name = node.at if node.address else node.id
            line += f" It has failed and has no slots: -e redis_cluster_forget={name} has the others forget it."
        found.append(line)
    return found
