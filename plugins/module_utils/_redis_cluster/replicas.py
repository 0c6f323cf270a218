# SPDX-License-Identifier: GPL-3.0-or-later
"""Who follows whom: nodes without slots are shared out to the masters, on other hosts where there are some. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .state import Member, Plan, Step, of_steps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .nodes import View


def followers(stay: Sequence[Member], seen: Mapping[str, View], replicas: int) -> Plan | None:
    masters = {seen[one.name].me.id: one for one in stay if seen[one.name].me.slots}
    of = {key: [one for one in stay if seen[one.name].me.master == key] for key in masters}
    served = {node.id for one in stay for node in seen[one.name].nodes if node.slots}  # also by one that has failed
    free = [one for one in stay if not seen[one.name].me.slots and seen[one.name].me.master not in served]
    free += _spare(of, masters, replicas, len(free))
    has = {key: [one.host for one in found if one not in free] for key, found in of.items()}
    pairs = _matched(free, masters, has, replicas)
    return of_steps([
        Step("follow", one.name, ("REPLICATE", key), f"{one.name}: follows {masters[key].name}")
        for one, key in pairs if seen[one.name].me.master != key
    ])  # fmt: skip


def _spare(of: Mapping[str, list[Member]], masters: Mapping[str, Member], replicas: int, free: int) -> list[Member]:
    """Of those that have more than are asked for, as many as others lack beyond those that are ``free``.

    First who is on the host of its master.
    """
    lacking = sum(max(replicas - len(found), 0) for found in of.values()) - free
    beyond = []
    for key, found in of.items():
        there = sorted(found, key=lambda one: one.host != masters[key].host)
        beyond += there[: max(len(found) - replicas, 0)]
    return beyond[: max(lacking, 0)]


def _matched(
    free: Sequence[Member], masters: Mapping[str, Member], has: Mapping[str, Sequence[str]], replicas: int
) -> list[tuple[Member, str]]:
    """Each with whom it follows: on another host than that and its other replicas, for as many as that can be.

    By augmenting paths (https://en.wikipedia.org/wiki/Hopcroft-Karp_algorithm has the history): taking them one by one
    would leave the last with the master of its own host.
    """
    seats = [key for key in masters for _ in range(max(replicas - len(has[key]), 0))]
    taken: dict[int, Member] = {}

    def sits(one: Member, tried: set[int]) -> bool:
        for number, key in enumerate(seats):
            if number in tried or one.host in (masters[key].host, *has[key]):
                continue
            tried.add(number)
            if number not in taken or sits(taken[number], tried):
                taken[number] = one
                return True
        return False

    rest = [one for one in free if not sits(one, set())]
    empty = [number for number in range(len(seats)) if number not in taken]
    taken.update(zip(empty, rest))
    beyond = rest[len(empty) :]  # more than are asked for: to who has the fewest
    keys = list(masters)
    return [(one, seats[number]) for number, one in taken.items()] + [
        (one, keys[number % len(keys)]) for number, one in enumerate(beyond)
    ]
