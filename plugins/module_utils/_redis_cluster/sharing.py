# SPDX-License-Identifier: GPL-3.0-or-later
"""Which node has which slots: those that nobody has are shared out, and those that move go their way (moves). Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from . import memory, moves
from .nodes import SLOTS, count, each_of, words_of
from .state import ClusterError, Member, Plan, Step, of_steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .nodes import View

FEWEST_MASTERS = 3
"""Fewer have no majority once one is lost."""


def masters_of(members: int, replicas: int) -> int:
    return members // (1 + replicas)


def shared(stay: Sequence[Member], leavers: Sequence[Member], seen: Mapping[str, View], replicas: int) -> Plan | None:
    """None: every slot has a master that stays. ClusterError: there is no room for what is to move."""
    begun, members = moves.opened(seen), [*stay, *leavers]
    differ = _agreed([view for name, view in seen.items() if _counts(name, leavers, view)])
    if begun:
        rest = [] if differ or _leaders(stay, leavers, seen, replicas) else _due(stay, leavers, seen, begun, replicas)
        return _moves(members, [*begun, *(one for one in rest if not _atomic(one, seen))], seen)
    return (
        differ
        or _slots(stay, seen, replicas)
        or _leaders(stay, leavers, seen, replicas)
        or _due_moves(members, _due(stay, leavers, seen, begun, replicas), seen)
    )


def _counts(name: str, leavers: Sequence[Member], view: View) -> bool:
    """What one that leaves and has nothing more says may be old: the others tell it nothing any more."""
    return bool(view.me.slots) or not any(one.name == name for one in leavers)


def _agreed(views: Iterable[View]) -> Plan | None:
    """Until all say the same of the slots."""
    several = len({_owners(view) for view in views}) > 1
    return Plan([], ["the nodes do not say the same of the slots yet"], [], []) if several else None


def _owners(view: View) -> tuple[tuple[str, tuple[tuple[int, int], ...]], ...]:
    return tuple(sorted((node.id, node.slots) for node in view.nodes if node.slots))


# --- slots that nobody has --------------------------------------------------------------------------------------------


def _slots(stay: Sequence[Member], seen: Mapping[str, View], replicas: int) -> Plan | None:
    nodes = seen[stay[0].name].nodes
    owned = {slot for node in nodes for slot in each_of(node.slots)}
    left = [slot for slot in range(SLOTS) if slot not in owned]
    if not left:
        return None
    masters = [one for one in stay if seen[one.name].me.slots]
    masters += _more(stay, masters, seen, replicas)
    steps = []
    for one, slots in zip(masters, _parts(left, [count(seen[one.name].me.slots) for one in masters])):
        if slots:
            words = ("ADDSLOTSRANGE", *words_of(slots))
            steps.append(Step("slots", one.name, words, f"{one.name}: {len(slots)} slots"))
    return Plan(steps, [], [], [])


def _parts(left: list[int], has: Sequence[int]) -> list[list[int]]:
    """To each master as many, in one piece where they are, as bring it to the same number as the others."""
    total = len(left) + sum(has)
    aims = [total // len(has) + (number < total % len(has)) for number in range(len(has))]
    found, at = [], 0
    for aim, own in zip(aims, has):
        take = min(max(aim - own, 0), len(left) - at)
        found.append(left[at : at + take])
        at += take
    found[-1] += left[at:]
    return found


def _more(stay: Sequence[Member], masters: Sequence[Member], seen: Mapping[str, View], replicas: int) -> list[Member]:
    """Who becomes a master beside those that are: of those without slots that follow nobody."""
    free = [one for one in stay if seen[one.name].me.is_master and one not in masters]
    return _spread(free, masters)[: max(masters_of(len(stay), replicas) - len(masters), 0)]


def _spread(members: Iterable[Member], has: Iterable[Member] = ()) -> list[Member]:
    """In an order in which each next one is on the host that has the fewest, ``has`` among these."""
    on = Counter(one.host for one in has)
    found = []
    left = list(members)
    while left:
        found.append(min(left, key=lambda one: on[one.host]))
        on[found[-1].host] += 1
        left.remove(found[-1])
    return found


# --- slots that move --------------------------------------------------------------------------------------------------


def _leaders(stay: Sequence[Member], leavers: Sequence[Member], seen: Mapping[str, View], replicas: int) -> Plan | None:
    """Replicas that take over from a master that leaves, as long as there would be fewer masters than are asked for.

    So nothing has to be moved, and a replica that becomes a master needs no emptying. ClusterError: too few are left.
    """
    old = {seen[one.name].me.id: one for one in leavers if seen[one.name].me.slots}
    masters = [one for one in stay if seen[one.name].me.slots]
    masters += _more(stay, masters, seen, replicas)
    if not old:
        return None
    steps: list[Step] = []
    taken: set[str] = set()
    for one in _spread([one for one in stay if seen[one.name].me.master in old], masters):
        key = seen[one.name].me.master
        if key not in taken and len(masters) + len(taken) < masters_of(len(stay), replicas):
            taken.add(key)
            steps.append(Step("lead", one.name, ("LEAD",), f"{one.name}: takes over from {old[key].name}"))
    if len(masters) + len(taken) < FEWEST_MASTERS:
        names = ", ".join(one.name for one in old.values())
        raise ClusterError(
            f"{names}: without {'it' if len(old) == 1 else 'them'} there are {len(masters) + len(taken)} masters, and "
            f"a cluster has at least {FEWEST_MASTERS}. Name as many new nodes as leave, or let fewer leave at a time."
        )
    return of_steps(steps)


def _due(
    stay: Sequence[Member],
    leavers: Sequence[Member],
    seen: Mapping[str, View],
    begun: Sequence[moves.Move],
    replicas: int,
) -> list[moves.Move]:
    """From who leaves, and to nodes without any slot, where more masters are asked for than there are."""
    masters = [one for one in stay if seen[one.name].me.slots]
    more = _more(stay, masters, seen, replicas)
    drained = [one.name for one in leavers if seen[one.name].me.slots]
    found = moves.shared(seen, [one.name for one in (*masters, *more)], drained, begun)
    memory.refuse_full(found, seen, [*stay, *leavers])
    return found


def _due_moves(members: Sequence[Member], due: Sequence[moves.Move], seen: Mapping[str, View]) -> Plan | None:
    """At once where the servers of both nodes can do that, else key by key."""
    of = {one.name: one for one in members}
    steps = [
        Step("send", name, ("STAY",), f"{name}: becomes no replica once it has no slots")
        for name in dict.fromkeys(one.source for one in due if of[one.source].leaves and _atomic(one, seen))
        if seen[name].atomic == "MIGRATION"
    ]
    for one in due:
        by, other = (one.source, one.to) if seen[one.source].atomic == "MIGRATESLOTS" else (one.to, one.source)
        told = f"{by}: {len(one.slots)} slots {'go to' if by == one.source else 'come from'} {other} with their keys"
        word = ("EMPTY" if of[by].leaves else "SEND") if by == one.source else "FETCH"
        words = (word, seen[other].me.id, *words_of(one.slots))
        if _atomic(one, seen):
            steps.append(Step("send", by, words, told))
    return of_steps(steps) or _moves(members, due, seen)


def _atomic(move: moves.Move, seen: Mapping[str, View]) -> bool:
    return bool(seen[move.source].atomic) and seen[move.source].atomic == seen[move.to].atomic


def _moves(members: Sequence[Member], due: Sequence[moves.Move], seen: Mapping[str, View]) -> Plan | None:
    of = {one.name: one for one in members}
    steps = []
    for kind, by, other, slots in moves.stages(due, seen):
        ranges, there = words_of(slots), of[other]
        words = {
            "close": ("STABLE",),
            "import": ("IMPORT", seen[other].me.id),
            "migrate": ("DRAIN" if of[by].leaves else "MIGRATE", seen[other].me.id, there.address, str(there.port)),
            "own": ("OWN", seen[by].me.id),
            "give": ("OWN", seen[other].me.id),
        }[kind]
        steps.append(Step(kind, by, (*words, *ranges), f"{by}: {_TOLD[kind].format(len(slots), other)}"))
    return of_steps(steps)


_TOLD = {
    "close": "{} slots that others have are no longer on their way to or from {}",
    "import": "{} slots are to come from {}",
    "migrate": "the keys of {} slots go to {}",
    "own": "{} slots that were {}'s are its own",
    "give": "{} slots are {}'s",
}
