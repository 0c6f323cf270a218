# SPDX-License-Identifier: GPL-3.0-or-later
"""Which slots go from which master to which, and how far each has come: read from the nodes, so that it goes on. Pure.

A slot goes in four steps, as redis-cli moves it: who gets it is told to import it, who has it to migrate it and all of
its keys, then the first that it is its own, and the second. Nobody is refused meanwhile: a client is sent from one to
the other (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#live-resharding).
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

from .nodes import each_of
from .state import ClusterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .nodes import View


LOW = 0.9
"""Of its share, below which a master is filled up."""


class Move(NamedTuple):
    source: str
    """Name of the member that has the slots, or had them."""
    to: str
    slots: tuple[int, ...]


def opened(seen: Mapping[str, View]) -> list[Move]:
    """The slots that some node says are on their way. ClusterError: to or from one that has failed.

    One that has been taken over from meanwhile stands for who took over: what was moved until then is there.
    """
    found: dict[tuple[str, str], set[int]] = {}
    holders = _holders(seen)
    for name, view in seen.items():
        for slot, way, other in view.me.moving:
            there = _present(seen, name, slot, other)
            holder = holders.get(slot, there)
            if not there and way == ">":
                pair = (name, name)
            elif way == ">":
                pair = (name, there)
            elif holder and holder != there and dict(view.left).get(slot):
                pair = (holder, name)  # it has keys of that slot, which would be lost to clients
            else:
                pair = (there or name, name)
            found.setdefault(pair, set()).add(slot)
    return [Move(source, to, tuple(sorted(slots))) for (source, to), slots in found.items()]


def _holders(seen: Mapping[str, View]) -> dict[int, str]:
    """Of two that say that they have a slot, the one with the higher epoch: the other has not heard of that yet."""
    by_epoch = sorted(seen, key=lambda name: seen[name].me.epoch)
    return {slot: name for name in by_epoch for slot in each_of(seen[name].me.slots)}


def _present(seen: Mapping[str, View], name: str, slot: int, other: str) -> str:
    """The member that a node has a slot from or for; empty where nobody knows it any more."""
    names = {view.me.id: one for one, view in seen.items()}
    if other in names:
        master = seen[names[other]].me.master
        return names.get(master, "") if master else names[other]
    known = [node for view in seen.values() for node in view.others if node.id == other]
    if known:
        raise ClusterError(
            f"{name}: slot {slot} is on its way between it and {known[0].at}, which is not among the nodes that "
            f"answer, and which may have keys of it. Start that one; where it is lost, CLUSTER SETSLOT {slot} STABLE "
            f"at {name} leaves the slot where it is."
        )
    return ""


def shared(
    seen: Mapping[str, View], masters: Sequence[str], leaving: Sequence[str], begun: Sequence[Move]
) -> list[Move]:
    """All that those have that are ``leaving``, to the masters that have the fewest; and from who has the most to those
    that are far below their share, until they have as many as the others.

    Those are new, or were to get it when a run was interrupted. ``begun``: what is on its way is counted as there.
    """
    own = {name: each_of(seen[name].me.slots) for name in (*masters, *leaving)}
    sizes = {name: len(slots) for name, slots in own.items()}
    for source, to, slots in begun:
        moved = {*own.get(source, ())} & {*slots} if source != to and to in own else set()
        own[source] = [slot for slot in own.get(source, ()) if slot not in moved]
        sizes[source], sizes[to] = sizes.get(source, 0) - len(moved), sizes.get(to, 0) + len(moved)
    left = [(name, slot) for name in leaving for slot in own[name]]
    gets = _levelled({name: sizes[name] for name in masters}, len(left))
    found = []
    for to, many in gets.items():
        taken, left = left[:many], left[many:]
        sources = dict.fromkeys(source for source, _ in taken)
        found += [Move(source, to, tuple([slot for name, slot in taken if name == source])) for source in sources]
        sizes[to] += many
    fresh = [name for name in masters if not seen[name].me.slots]
    return found + _evened({name: own[name] for name in masters}, sizes, fresh)


def _levelled(sizes: Mapping[str, int], many: int) -> dict[str, int]:
    """Of so many slots, how many each gets if each goes to who has the fewest then."""
    heap = [(size, number, name) for number, (name, size) in enumerate(sizes.items())]
    heapq.heapify(heap)
    gets = dict.fromkeys(sizes, 0)
    for _ in range(many):
        size, number, name = heap[0]
        gets[name] += 1
        heapq.heapreplace(heap, (size + 1, number, name))
    return gets


def _evened(own: Mapping[str, Sequence[int]], sizes: Mapping[str, int], fresh: Sequence[str]) -> list[Move]:
    """``own``: the slots of each master that are there, of ``sizes`` with what is on its way."""
    total = sum(sizes[name] for name in own)
    low = [name for name in own if name in fresh or sizes[name] < LOW * (total // len(own))]
    names = sorted(own, key=lambda name: name in low)
    aims = {name: total // len(names) + (number < total % len(names)) for number, name in enumerate(names)}
    over = {name: list(slots)[len(slots) - max(sizes[name] - aims[name], 0) :] for name, slots in own.items()}
    found = []
    for name in low:
        short = aims[name] - sizes[name]
        while short > 0 and any(over.values()):
            source = max(over, key=lambda one: len(over[one]))
            taken, over[source] = over[source][:short], over[source][short:]
            found.append(Move(source, name, tuple(taken)))
            short -= len(taken)
    return found


Stage = tuple[str, str, str, tuple[int, ...]]
"""What is done, by whom, the other's name, slots."""


def stages(moves: Sequence[Move], seen: Mapping[str, View]) -> list[Stage]:
    """The next step of each. All of the first kind that is due."""
    found: dict[str, list[Stage]] = {kind: [] for kind in ("close", "import", "migrate", "own", "give")}
    holders = _holders(seen)
    for source, to, slots in moves:
        comes = {slot for slot, way, other in seen[to].me.moving if (way, other) == ("<", seen[source].me.id)}
        goes = {slot for slot, way, other in seen[source].me.moving if (way, other) == (">", seen[to].me.id)}
        busy = {slot for slot, keys in seen[source].left if keys}
        has = {*each_of(seen[source].me.slots)}
        for slot in slots:
            holder = holders.get(slot, to)
            if source == to or holder not in (source, to):
                kind = "close"  # neither of them has it: what was begun there was ended elsewhere
            elif holder == to and slot not in comes:
                kind = "give" if slot in goes or slot in has else ""
            elif slot not in comes:
                kind = "import"
            else:
                kind = "migrate" if holder == source and (slot not in goes or slot in busy) else "own"
            if kind:
                here = kind in ("import", "own") or (kind == "close" and slot in comes)
                by, other = (to, source) if here else (source, to)
                _add(found[kind], kind, by, other, slot)
    return next((steps for steps in found.values() if steps), [])


def _add(steps: list[Stage], kind: str, by: str, other: str, slot: int) -> None:
    if steps and steps[-1][:3] == (kind, by, other):
        steps[-1] = (*steps[-1][:3], (*steps[-1][3], slot))
    else:
        steps.append((kind, by, other, (slot,)))
