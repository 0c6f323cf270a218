# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes of a Redis Cluster that take the steps of a plan, as servers do, and say what they are then."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster import sharing
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.nodes import (
    Memory,
    Node,
    View,
    joined,
    slots_in,
    words_of,
)
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.plan import plan
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.state import Member, Plan, Step

NO_MEMORY = Memory(0, 0, 0, 0)


@dataclass
class Model:
    """One node. What it knows of the others it knows at once: gossip is not what is tested."""

    member: Member
    id: str
    epoch: int = 0
    keys: int = 0
    slots: set[int] = field(default_factory=set)
    master: str = ""
    known: set[str] = field(default_factory=set)
    coming: dict[int, str] = field(default_factory=dict)
    going: dict[int, str] = field(default_factory=dict)
    stored: dict[int, int] = field(default_factory=dict)
    """Slot → keys."""
    failed: bool = False
    memory: Memory = NO_MEMORY
    atomic: str = ""


def _moving(one: Model) -> tuple[tuple[int, str, str], ...]:
    comes = [(slot, "<", other) for slot, other in one.coming.items()]
    return (*comes, *((slot, ">", other) for slot, other in one.going.items()))


class Models:
    def __init__(self, members: list[Member]) -> None:
        self.members = members
        self.all_owned = False
        self.of = {one.name: Model(one, f"{number:040x}") for number, one in enumerate(members)}
        self.by_id = {one.id: one for one in self.of.values()}

    def view(self, name: str) -> View:
        own = self.of[name]
        nodes = []
        for key in [own.id, *sorted(own.known)]:
            one = self.by_id[key]
            flags = {"master" if not one.master else "slave", *(["myself"] if one is own else [])}
            flags |= {"fail"} if one.failed else set()
            member = one.member
            nodes.append(
                Node(
                    key,
                    member.address,
                    member.port,
                    member.bus,
                    frozenset(flags),
                    one.master,
                    one.epoch,
                    "connected",
                    joined(sorted(one.slots)),
                    _moving(one) if one is own else (),
                )
            )
        open_ones = [*own.going, *own.coming]
        left = tuple((slot, own.stored.get(slot, 0)) for slot in open_ones)
        return View(tuple(nodes), own.keys + sum(own.stored.values()), left, own.memory, own.atomic)

    def plan(self, replicas: int, dead: Collection[str] = ()) -> Plan:
        return plan(self.members, {one.name: self.view(one.name) for one in self.members}, replicas, dead)

    def fail_over(self, replica: Model) -> None:
        """As it does: with an epoch of its own, and the keys."""
        old = self.by_id[replica.master]
        replica.epoch = 1 + max(one.epoch for one in self.of.values())
        replica.slots, replica.stored, replica.master = old.slots, old.stored, ""
        old.slots, old.stored, old.coming, old.going, old.master = set(), {}, {}, {}, replica.id
        for one in self.of.values():
            one.master = replica.id if one.master == old.id else one.master

    def check(self) -> None:
        """No slot is of two, and none that was given out is of nobody."""
        owned = sorted(slot for one in self.of.values() for slot in one.slots)
        assert len({*owned}) == len(owned)
        assert not self.all_owned or len(owned) == FEW
        self.all_owned = len(owned) == FEW

    def take(self, step: Step) -> None:  # noqa: C901, PLR0912 (a branch for each command)
        """As a node does, which refuses what is not for it."""
        own, (command, *words) = self.of[step.member], step.words
        if command == "SET-CONFIG-EPOCH":
            assert (own.known, own.epoch) == (set(), 0), "ERR The user can assign a config epoch only when"
            own.epoch = int(words[0])
        elif command == "MEET":
            (other,) = (one for one in self.of.values() if [one.member.address, str(one.member.port)] == words[:2])
            both = {own.id, other.id} | own.known | other.known
            for key in both:
                self.by_id[key].known = both - {key}
        elif command == "FORGET":
            assert words[0] in own.known, "ERR Unknown node"
            assert words[0] != own.master, "ERR Can't forget my master!"
            own.known.discard(words[0])
        elif command == "LEAD":
            assert own.master, "ERR You should send CLUSTER FAILOVER to a replica"
            self.fail_over(own)
        elif command == "ADDSLOTSRANGE":
            slots = set(slots_in(words))
            assert not any(slots & one.slots for one in self.of.values()), "ERR Slot is already busy"
            assert not own.master
            own.slots |= slots
        elif command == "STABLE":
            for slot in slots_in(words):
                own.coming.pop(slot, None)
                own.going.pop(slot, None)
        elif command == "IMPORT":
            for slot in slots_in(words[1:]):
                assert slot not in own.slots, "ERR I'm already the owner of hash slot"
                own.coming[slot] = words[0]
        elif command in ("MIGRATE", "DRAIN"):
            to = self.by_id[words[0]]
            assert [to.member.address, str(to.member.port)] == words[1:3]
            for slot in slots_in(words[3:]):
                assert slot in own.slots, "ERR I'm not the owner of hash slot"
                assert slot in to.coming, "MOVED"
                own.going[slot] = to.id
                to.stored[slot] = to.stored.get(slot, 0) + own.stored.pop(slot, 0)
        elif command == "STAY":
            pass
        elif command in ("SEND", "EMPTY", "FETCH"):
            other = self.by_id[words[0]]
            source, to = (other, own) if command == "FETCH" else (own, other)
            slots = {*slots_in(words[1:])}
            assert slots <= source.slots, "ERR Slots are not served by this node."
            assert not slots & {*source.going, *to.coming}, "ERR slots are in a migration"
            source.slots -= slots
            to.slots |= slots
            to.stored.update({slot: source.stored.pop(slot) for slot in slots & {*source.stored}})
        elif command == "OWN":
            for slot in slots_in(words[1:]):
                if words[0] == own.id:
                    assert slot in own.coming
                    del own.coming[slot]
                    for one in self.of.values():  # as they hear of it
                        one.slots.discard(slot)
                    own.slots.add(slot)
                else:
                    assert not own.stored.get(slot), (
                        "ERR Can't assign hashslot to a different node while I still hold keys"
                    )
                    own.going.pop(slot, None)
        else:
            assert command == "REPLICATE"
            assert self.by_id[words[0]].master == "", "ERR I can only replicate a master, not a replica"
            assert own.master or not (own.slots or own.keys or own.stored), "ERR To set a master the node must be empty"
            assert words[0] != own.id
            assert words[0] in own.known, "ERR Unknown node"
            own.keys, own.stored, own.master = 0, {}, words[0]


FEW = 60


@contextmanager
def few_slots() -> Iterator[None]:
    """Less to count, for the sake of more examples."""
    with mock.patch.object(sharing, "SLOTS", FEW):
        yield


def members(*hosts: int) -> list[Member]:
    """So many nodes on each host."""
    return [
        Member(f"h{host}/n{number}", f"h{host}", f"10.0.0.{host + 1}", 7000 + number, 17000 + number)
        for host, many in enumerate(hosts)
        for number in range(many)
    ]


def part_of(step: Step, many: int) -> Step:
    """Of a step of many slots what a node has done of it that was interrupted."""
    fixed = {
        "ADDSLOTSRANGE": 1,
        "STABLE": 1,
        "IMPORT": 2,
        "OWN": 2,
        "MIGRATE": 4,
        "DRAIN": 4,
        "SEND": 2,
        "EMPTY": 2,
        "FETCH": 2,
    }.get(step.words[0])
    if fixed is None:
        return step
    return step._replace(words=(*step.words[:fixed], *words_of(slots_in(list(step.words[fixed:]))[:many])))


def formed(models: Models, replicas: int, take: list[int] | None = None, dead: Collection[str] = ()) -> int:
    """Until nothing is left to do, and how many plans that took.

    ``take``: of each plan, how many slots of all that its steps are of are done before an interruption.
    """
    for number in range(300):
        made = models.plan(replicas, dead)
        assert made.problems == []
        assert len({step.kind for step in made.steps}) <= 1
        if not made.steps:
            assert made.waits == []
            return number
        many = take[number] if take and number < len(take) else 1 << 20
        for step in made.steps:
            if many > 0:
                models.take(part_of(step, many))
            many -= max(len(slots_in([word for word in step.words if word.isdecimal()][-2:])), 1)
        models.check()
    raise AssertionError("it never ends")
