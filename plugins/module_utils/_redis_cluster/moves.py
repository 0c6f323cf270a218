# SPDX-License-Identifier: GPL-3.0-or-later
"""Which slots go from which master to which, and how far each has come: read from the nodes, so that it goes on. Pure.

A slot goes in four steps, as redis-cli moves it: who gets it is told to import it, who has it to migrate it and all of
its keys, then the first that it is its own, and the second. Nobody is refused meanwhile: a client is sent from one to
the other (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#live-resharding).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .nodes import each_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .nodes import View


class Move(NamedTuple):
    source: str
    """Name of the member that has the slots, or had them."""
    to: str
    slots: tuple[int, ...]


def opened(seen: Mapping[str, View]) -> list[Move]:
    """The slots that some node says are on their way."""
    names = {view.me.id: name for name, view in seen.items()}
    found: dict[tuple[str, str], set[int]] = {}
    for name, view in seen.items():
        for slot, way, other in view.me.moving:
            pair = (name, names.get(other, "")) if way == ">" else (names.get(other, ""), name)
            if all(pair):
                found.setdefault(pair, set()).add(slot)
    return [Move(source, to, tuple(sorted(slots))) for (source, to), slots in found.items()]


def shared(seen: Mapping[str, View], masters: Sequence[str]) -> list[Move]:
    """From who has the most to those of ``masters`` that have none yet, until these have as many as the others."""
    over = {name: each_of(seen[name].me.slots) for name in masters}
    total = sum(map(len, over.values()))
    aims = {name: total // len(masters) + (number < total % len(masters)) for number, name in enumerate(masters)}
    shorts = {name: max(aims[name] - len(over[name]), 0) for name in masters}
    over = {name: slots[aims[name] :] for name, slots in over.items()}
    found = []
    for name in masters:
        while shorts[name] > 0:
            source = max(over, key=lambda one: len(over[one]))
            taken, over[source] = over[source][: shorts[name]], over[source][shorts[name] :]
            found.append(Move(source, name, tuple(taken)))
            shorts[name] -= len(taken)
    return found


def stages(moves: Sequence[Move], seen: Mapping[str, View]) -> list[tuple[str, str, str, tuple[int, ...]]]:
    """The next step of each: (what is done, by whom, the other's name, slots). All of the first kind that is due."""
    kinds = ("close", "import", "migrate", "own", "give")
    found: dict[str, list[tuple[str, str, str, tuple[int, ...]]]] = {kind: [] for kind in kinds}
    holders = {slot: name for name, view in seen.items() for slot in each_of(view.me.slots)}
    for source, to, slots in moves:
        comes = {slot for slot, way, _ in seen[to].me.moving if way == "<"}
        goes = {slot for slot, way, _ in seen[source].me.moving if way == ">"}
        got, has = set(each_of(seen[to].me.slots)), set(each_of(seen[source].me.slots))
        busy = {slot for slot, keys in seen[source].left if keys}
        for slot in slots:
            if holders.get(slot, to) not in (source, to):
                kind = "close"  # neither of them has it: what was begun there was ended elsewhere
            elif slot in got:
                kind = "give" if slot in goes or slot in has else ""
            elif slot not in comes:
                kind = "import"
            elif slot in has and (slot not in goes or slot in busy):
                kind = "migrate"
            else:
                kind = "own"
            if kind:
                here = kind in ("import", "own") or (kind == "close" and slot in comes)
                by, other = (to, source) if here else (source, to)
                _add(found[kind], kind, by, other, slot)
    return next((steps for steps in found.values() if steps), [])


def _add(steps: list[tuple[str, str, str, tuple[int, ...]]], kind: str, by: str, other: str, slot: int) -> None:
    if steps and steps[-1][:3] == (kind, by, other):
        steps[-1] = (*steps[-1][:3], (*steps[-1][3], slot))
    else:
        steps.append((kind, by, other, (slot,)))
