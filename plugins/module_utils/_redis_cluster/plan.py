# SPDX-License-Identifier: GPL-3.0-or-later
"""From what every node says of the cluster to the next steps towards the one that is asked for. Pure.

A plan has steps of one kind, and nothing is taken for done that the nodes do not say: they are asked again after each
kind, so a run that was interrupted goes on where the nodes are. Nothing is ever flushed, reset or forgotten.

1. ``epoch``: a node that is in no cluster gets a configuration epoch above all others, or what a dead node is told to
   have would win over it (valkey-operator PR 197).
2. ``meet``: it is made known to the cluster. All wait until every node knows every other.
3. ``slots``: those that nobody has go to masters.
4. ``import``, ``migrate``, ``own``, ``give``: slots go to new masters (:mod:`moves`).
5. ``follow``: a node without slots becomes the replica of a master, on another host where there is one.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from . import moves
from .nodes import SLOTS, count, each_of, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .nodes import View

FEWEST_MASTERS = 3
"""Fewer have no majority once one is lost."""


class Member(NamedTuple):
    """A node that is asked for."""

    name: str
    """``host/instance``."""
    host: str
    """Where it runs: a master and its replicas are on different ones."""
    address: str
    port: int
    bus: int


class Step(NamedTuple):
    kind: str
    """epoch, meet, slots, close, import, migrate, own, give or follow."""
    member: str
    """Who is told."""
    words: tuple[str, ...]
    """The command after ``CLUSTER``; STABLE, IMPORT, MIGRATE and OWN are of many slots, and stand for the commands of
    each."""
    told: str
    """For people."""


class Plan(NamedTuple):
    steps: list[Step]
    waits: list[str]
    """What is to come about by itself before anything else can be done."""
    problems: list[str]
    """What this is refused for; then there are no steps."""
    warnings: list[str]


class ClusterError(Exception):
    """The message says what is wrong, and what to do."""


def masters_of(members: int, replicas: int) -> int:
    return members // (1 + replicas)


def plan(members: Sequence[Member], views: Mapping[str, View | None], replicas: int) -> Plan:
    """``views``: by the name of each member; None for one that does not answer. ``replicas``: of each master."""
    problems = [
        f"{one.name}: does not answer as a node of a cluster." for one in members if views.get(one.name) is None
    ]
    problems += refusals(members, replicas)
    if problems:
        return Plan([], [], problems, [])
    seen = {one.name: view for one in members if (view := views[one.name]) is not None}
    try:
        core = _core(members, seen)
        return (
            _epochs(members, seen)
            or _meetings(members, seen, core)
            or _known(members, seen)
            or _moves(members, moves.opened(seen), seen)
            or _agreed(seen)
            or _slots(members, seen, replicas)
            or _moves(members, _due(members, seen, replicas), seen)
            or _followers(members, seen, replicas)
            or Plan([], [], [], _warnings(members, seen, replicas))
        )
    except ClusterError as error:
        return Plan([], [], [str(error)], [])


def refusals(members: Sequence[Member], replicas: int) -> list[str]:
    """What no cluster can be made of, whatever its nodes say."""
    found = []
    masters = masters_of(len(members), replicas)
    if masters < FEWEST_MASTERS:
        found.append(
            f"{len(members)} nodes with {replicas} replica{'s' * (replicas != 1)} of each master are {masters} "
            f"masters. A cluster has at least {FEWEST_MASTERS}: one that loses a master has to have a majority. Name "
            f"{FEWEST_MASTERS * (1 + replicas)} nodes or more, or fewer replicas."
        )
    places: dict[tuple[str, int], str] = {}
    for one in members:
        other = places.setdefault((one.address, one.port), one.name)
        if other != one.name:
            found.append(f"{one.name}: is reached at {one.address}:{one.port}, as {other} is.")
    return found


# --- what there is ----------------------------------------------------------------------------------------------------


def _core(members: Sequence[Member], seen: Mapping[str, View]) -> set[str]:
    """The ids of the cluster that the others join: the one that has slots, else the largest, else the first node."""
    clusters: list[set[str]] = []
    for one in members:
        ids = {node.id for node in seen[one.name].nodes if node.is_known}
        near = [cluster for cluster in clusters if cluster & ids]
        clusters = [cluster for cluster in clusters if not cluster & ids] + [ids.union(*near)]
    slotted = {node.id for view in seen.values() for node in view.nodes if node.slots}
    formed = [cluster for cluster in clusters if cluster & slotted]
    if len(formed) > 1:
        names = {view.me.id: name for name, view in seen.items()}
        apart = ["; ".join(sorted(names[key] for key in cluster if key in names)) for cluster in formed]
        raise ClusterError(
            f"These are {len(formed)} clusters already: {' and '.join(f'({one})' for one in apart)}. All have slots, "
            "and none is dissolved here. Take the nodes of one of them out of the group, or empty and reset them by "
            "hand."
        )
    core = formed[0] if formed else max(clusters, key=len)
    for one in members:
        view = seen[one.name]
        if view.me.id not in core and view.keys:
            raise ClusterError(
                f"{one.name}: has {view.keys} keys and is in no cluster. A node that joins one gives up what it has. "
                "Copy its keys elsewhere, empty it (FLUSHALL), and run this again."
            )
    return core


def _epochs(members: Sequence[Member], seen: Mapping[str, View]) -> Plan | None:
    """A node takes one only while it knows no other, and has none."""
    alone = [one for one in members if not seen[one.name].others]
    above = max((node.epoch for view in seen.values() for node in view.nodes), default=0)
    fresh = [one for one in alone if not seen[one.name].me.epoch]
    steps = [
        Step("epoch", one.name, ("SET-CONFIG-EPOCH", str(above + number)), f"{one.name}: epoch {above + number}")
        for number, one in enumerate(fresh, 1)
    ]
    return Plan(steps, [], [], []) if steps else None


def _meetings(members: Sequence[Member], seen: Mapping[str, View], core: set[str]) -> Plan | None:
    inside = [one for one in members if seen[one.name].me.id in core]
    first = inside[0]
    steps = [
        Step(
            "meet",
            first.name,
            ("MEET", one.address, str(one.port), str(one.bus)),
            f"{one.name}: is met by {first.name}",
        )
        for one in members
        if seen[one.name].me.id not in core
    ]
    return Plan(steps, [], [], []) if steps else None


def _known(members: Sequence[Member], seen: Mapping[str, View]) -> Plan | None:
    """Until every node knows every other."""
    ids = {one.name: seen[one.name].me.id for one in members}
    waits = []
    for one in members:
        known = {node.id for node in seen[one.name].nodes if node.is_known}
        strange = [name for name, key in ids.items() if key not in known]
        if strange:
            waits.append(f"{one.name} does not know {', '.join(strange)} yet")
    return Plan([], waits, [], []) if waits else None


def _agreed(seen: Mapping[str, View]) -> Plan | None:
    """Until all say the same of the slots."""
    several = len({_owners(view) for view in seen.values()}) > 1
    return Plan([], ["the nodes do not say the same of the slots yet"], [], []) if several else None


def _owners(view: View) -> tuple[tuple[str, tuple[tuple[int, int], ...]], ...]:
    return tuple(sorted((node.id, node.slots) for node in view.nodes if node.slots))


# --- slots ------------------------------------------------------------------------------------------------------------


def _slots(members: Sequence[Member], seen: Mapping[str, View], replicas: int) -> Plan | None:
    nodes = seen[members[0].name].nodes
    owned = {slot for node in nodes for slot in each_of(node.slots)}
    left = [slot for slot in range(SLOTS) if slot not in owned]
    if not left:
        return None
    masters = [one for one in members if seen[one.name].me.slots]
    others = [one for one in members if one not in masters and seen[one.name].me.is_master]
    masters += _spread(others, masters)[: max(masters_of(len(members), replicas) - len(masters), 0)]
    steps = []
    for one, slots in zip(masters, _shared(left, [count(seen[one.name].me.slots) for one in masters])):
        if slots:
            words = ("ADDSLOTSRANGE", *words_of(slots))
            steps.append(Step("slots", one.name, words, f"{one.name}: {len(slots)} slots"))
    return Plan(steps, [], [], [])


def _shared(left: list[int], has: Sequence[int]) -> list[list[int]]:
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


def _due(members: Sequence[Member], seen: Mapping[str, View], replicas: int) -> list[moves.Move]:
    """Where more masters are asked for than there are: to nodes without any, on the hosts that have the fewest."""
    masters = [one for one in members if seen[one.name].me.slots]
    free = [one for one in members if seen[one.name].me.is_master and one not in masters]
    more = _spread(free, masters)[: max(masters_of(len(members), replicas) - len(masters), 0)]
    return moves.shared(seen, [one.name for one in [*masters, *more]]) if more else []


def _moves(members: Sequence[Member], due: Sequence[moves.Move], seen: Mapping[str, View]) -> Plan | None:
    of = {one.name: one for one in members}
    steps = []
    for kind, by, other, slots in moves.stages(due, seen):
        ranges, there = words_of(slots), of[other]
        words = {
            "close": ("STABLE",),
            "import": ("IMPORT", seen[other].me.id),
            "migrate": ("MIGRATE", seen[other].me.id, there.address, str(there.port)),
            "own": ("OWN", seen[by].me.id),
            "give": ("OWN", seen[other].me.id),
        }[kind]
        steps.append(Step(kind, by, (*words, *ranges), f"{by}: {_TOLD[kind].format(len(slots), other)}"))
    return Plan(steps, [], [], []) if steps else None


_TOLD = {
    "close": "{} slots that others have are no longer on their way to or from {}",
    "import": "{} slots are to come from {}",
    "migrate": "the keys of {} slots go to {}",
    "own": "{} slots that were {}'s are its own",
    "give": "{} slots are {}'s",
}


# --- replicas ---------------------------------------------------------------------------------------------------------


def _followers(members: Sequence[Member], seen: Mapping[str, View], replicas: int) -> Plan | None:
    masters = {seen[one.name].me.id: one for one in members if seen[one.name].me.slots}
    free = [one for one in members if seen[one.name].me.is_master and not seen[one.name].me.slots]
    has = {key: [member.host for member in members if seen[member.name].me.master == key] for key in masters}
    pairs = _matched(free, masters, has, replicas)
    steps = [
        Step("follow", one.name, ("REPLICATE", key), f"{one.name}: follows {masters[key].name}") for one, key in pairs
    ]
    return Plan(steps, [], [], []) if steps else None


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


def _warnings(members: Sequence[Member], seen: Mapping[str, View], replicas: int) -> list[str]:
    found = []
    hosts: dict[str, list[Member]] = {}
    for one in members:
        me = seen[one.name].me
        hosts.setdefault(me.id if me.slots else me.master, []).append(one)
    names = {seen[one.name].me.id: one.name for one in members}
    for key, shard in hosts.items():
        if len(shard) - 1 < replicas:
            found.append(f"{names.get(key, key)}: has {len(shard) - 1} of {replicas} replicas.")
        if len(shard) > 1 and len({one.host for one in shard}) == 1:
            found.append(
                f"{', '.join(one.name for one in shard)}: a master and its replicas are on one host, with which all of "
                "them are lost."
            )
    found += _majorities(members, seen)
    known = {seen[one.name].me.id for one in members}
    return found + [
        f"{node.address}:{node.port}: is in the cluster and not in the inventory. It is left alone."
        for node in seen[members[0].name].nodes
        if node.id not in known
    ]


def _majorities(members: Sequence[Member], seen: Mapping[str, View]) -> list[str]:
    """Who takes over from a lost master the others elect, by more than half of all masters."""
    on = Counter(one.host for one in members if seen[one.name].me.slots)
    spare = (sum(on.values()) - 1) // 2
    return [
        f"{host}: {number} of {sum(on.values())} masters are on it. Once it is lost the others are no majority, and no "
        "replica takes over. Have replicas on other hosts take over from some of them (CLUSTER FAILOVER), or name more "
        "hosts."
        for host, number in on.items()
        if number > spare and len({one.host for one in members}) >= FEWEST_MASTERS
    ]


def is_whole(view: View) -> bool:
    """Whether every slot has a master that is not failing, as one node sees it."""
    return sum(count(node.slots) for node in view.nodes if not node.has_failed) == SLOTS
