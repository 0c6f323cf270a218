# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the nodes say to a cluster: over a model of nodes that take the steps, all or some of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster import plan as planning
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.nodes import (
    Node,
    View,
    count,
    joined,
    parse,
)
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.plan import Member, Plan, Step, plan
from hypothesis import given, settings
from hypothesis import strategies as st


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


def _moving(one: Model) -> tuple[tuple[int, str, str], ...]:
    comes = [(slot, "<", other) for slot, other in one.coming.items()]
    return (*comes, *((slot, ">", other) for slot, other in one.going.items()))


def slots_in(words: list[str]) -> list[int]:
    ends = list(map(int, words))
    return [slot for first, last in zip(ends[::2], ends[1::2]) for slot in range(first, last + 1)]


class Models:
    def __init__(self, members: list[Member]) -> None:
        self.members = members
        self.of = {one.name: Model(one, f"{number:040x}") for number, one in enumerate(members)}
        self.by_id = {one.id: one for one in self.of.values()}

    def view(self, name: str) -> View:
        own = self.of[name]
        nodes = []
        for key in [own.id, *sorted(own.known)]:
            one = self.by_id[key]
            flags = {"master" if not one.master else "slave", *(["myself"] if one is own else [])}
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
        return View(tuple(nodes), own.keys, tuple((slot, own.stored.get(slot, 0)) for slot in own.going))

    def plan(self, replicas: int) -> Plan:
        return plan(self.members, {name: self.view(name) for name in self.of}, replicas)

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
        elif command == "MIGRATE":
            to = self.by_id[words[0]]
            assert [to.member.address, str(to.member.port)] == words[1:3]
            for slot in slots_in(words[3:]):
                assert slot in own.slots, "ERR I'm not the owner of hash slot"
                assert slot in to.coming, "MOVED"
                own.going[slot] = to.id
                to.stored[slot] = to.stored.get(slot, 0) + own.stored.pop(slot, 0)
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
            assert (own.slots, own.keys, self.by_id[words[0]].master) == (set(), 0, "")
            assert words[0] in own.known
            own.master = words[0]


FEW = 60


@contextmanager
def few_slots() -> Iterator[None]:
    """Less to count, for the sake of more examples."""
    with mock.patch.object(planning, "SLOTS", FEW):
        yield


def members(*hosts: int) -> list[Member]:
    """So many nodes on each host."""
    return [
        Member(f"h{host}/n{number}", f"h{host}", f"10.0.0.{host + 1}", 7000 + number, 17000 + number)
        for host, many in enumerate(hosts)
        for number in range(many)
    ]


def formed(models: Models, replicas: int, take: list[int] | None = None) -> int:
    """Until nothing is left to do. ``take``: how many of the steps of each plan are taken before an interruption."""
    for number in range(200):
        made = models.plan(replicas)
        assert made.problems == []
        assert len({step.kind for step in made.steps}) <= 1
        if not made.steps:
            assert made.waits == []
            return number
        many = take[number] if take and number < len(take) else len(made.steps)
        for step in made.steps[: max(many, 0)]:
            models.take(step)
    raise AssertionError("it never ends")


def test_three_hosts_with_two_nodes_each_are_three_masters_each_with_a_replica_on_another_host() -> None:
    models = Models(members(2, 2, 2))
    assert formed(models, 1) == 4  # epochs, meetings, slots, replicas
    nodes = list(models.of.values())
    masters = [one for one in nodes if one.slots]
    assert sorted(len(one.slots) for one in masters) == [5461, 5461, 5462]
    assert {one.member.host for one in masters} == {"h0", "h1", "h2"}
    followed = [models.by_id[one.master] for one in nodes if one.master]
    assert sorted(one.id for one in followed) == sorted(one.id for one in masters)
    assert all(models.by_id[one.master].member.host != one.member.host for one in nodes if one.master)
    assert sorted(one.epoch for one in nodes) == [1, 2, 3, 4, 5, 6]
    assert models.plan(1) == Plan([], [], [], [])


@settings(max_examples=150, deadline=None)
@given(
    hosts=st.lists(st.integers(1, 4), min_size=1, max_size=6),
    replicas=st.integers(0, 2),
    take=st.lists(st.integers(0, 6), max_size=12),
)
def test_r6_whatever_is_interrupted_it_ends_with_every_slot_once_and_each_master_with_its_replicas(
    hosts: list[int], replicas: int, take: list[int]
) -> None:
    nodes = members(*hosts)
    models = Models(nodes)
    masters = len(nodes) // (1 + replicas)
    if masters < 3:
        assert "at least 3" in models.plan(replicas).problems[0]
        return
    with few_slots():
        formed(models, replicas, take)
        again = models.plan(replicas)
    serving = [one for one in models.of.values() if one.slots]
    assert sum(len(one.slots) for one in serving) == FEW
    followers = {one.id: [other for other in models.of.values() if other.master == one.id] for one in serving}
    assert all(len(found) >= replicas for found in followers.values())
    assert sum(map(len, followers.values())) + len(serving) == len(nodes)
    assert (again.steps, again.waits, again.problems) == ([], [], [])


def test_a_master_that_failed_over_is_left_with_what_the_nodes_say() -> None:
    """R5: roles are those of the running servers."""
    models = Models(members(2, 2, 2))
    formed(models, 1)
    old = next(one for one in models.of.values() if one.slots)
    new = next(one for one in models.of.values() if one.master == old.id)
    new.slots, new.master, new.epoch = old.slots, "", 7
    old.slots, old.master = set(), new.id
    assert models.plan(1).steps == []


@settings(max_examples=60, deadline=None)
@given(
    hosts=st.lists(st.integers(1, 3), min_size=3, max_size=4),
    more=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    replicas=st.integers(0, 1),
    take=st.lists(st.integers(0, 4), max_size=16),
)
def test_more_nodes_are_masters_with_their_share_of_slots_and_no_key_is_lost_whatever_is_interrupted(
    hosts: list[int], more: list[int], replicas: int, take: list[int]
) -> None:
    nodes = members(*hosts, *more)
    first = sum(hosts)
    if first // (1 + replicas) < 3:
        return
    models = Models(nodes)
    late = {one.name: models.of.pop(one.name) for one in nodes[first:]}
    models.members = nodes[:first]
    with few_slots():
        formed(models, replicas)
        for one in models.of.values():
            one.stored = {slot: 1 for slot in one.slots if slot % 3 == 0}
        before = sorted(slot for one in models.of.values() for slot in one.stored)
        models.of.update(late)
        models.members = nodes
        formed(models, replicas, take)
        again = models.plan(replicas)
    serving = [one for one in models.of.values() if one.slots]
    assert len(serving) == max(first // (1 + replicas), len(nodes) // (1 + replicas))
    assert sum(len(one.slots) for one in serving) == FEW
    assert sorted(slot for one in serving for slot, keys in one.stored.items() if keys) == before
    assert all(slot in one.slots for one in serving for slot, keys in one.stored.items() if keys)
    assert not any(one.coming or one.going for one in models.of.values())
    assert again.steps == []


def test_a_slot_that_a_third_node_has_is_taken_from_nobody() -> None:
    models = Models(members(1, 1, 1))
    formed(models, 0)
    first, second, third = models.of.values()
    theirs, ours = min(third.slots), min(first.slots)
    first.coming, second.going = {theirs: second.id, ours + 1: second.id}, {theirs: first.id}
    first.slots.discard(ours + 1)  # this one was on its way, and the other has it
    second.slots.add(ours + 1)
    before = {one.id: set(one.slots) for one in models.of.values()}
    (kind,) = {step.kind for step in models.plan(0).steps}
    assert kind == "close"
    formed(models, 0)
    assert not any(one.coming or one.going for one in models.of.values())
    assert third.slots == before[third.id]
    assert (theirs in third.slots, ours + 1 in first.slots) == (True, True)


def test_one_more_node_becomes_a_replica_of_who_has_none() -> None:
    models = Models(members(2, 2, 1))
    models.members = members(2, 2, 1)
    assert "masters" in models.plan(1).problems[0]
    models = Models(members(2, 2, 2, 1))
    models.of.pop("h3/n0")
    models.members = models.members[:-1]
    formed(models, 1)
    late = members(2, 2, 2, 1)[-1]
    models.members.append(late)
    models.of[late.name] = Model(late, "f" * 40)
    models.by_id["f" * 40] = models.of[late.name]
    assert models.plan(1).steps[0].words == ("SET-CONFIG-EPOCH", "7")
    formed(models, 1)
    assert models.of[late.name].master


@pytest.mark.parametrize("what", ["silent", "keys", "two clusters", "one place"])
def test_what_cannot_be_is_refused_and_nothing_is_done(what: str) -> None:
    models = Models(members(2, 2, 2))
    views = {name: models.view(name) for name in models.of}
    words = {
        "silent": "h1/n0: does not answer as a node of a cluster",
        "keys": "h1/n0: has 3 keys and is in no cluster",
        "two clusters": "(h0/n0) and (h2/n1)",
        "one place": "h0/n1: is reached at 10.0.0.1:7000, as h0/n0 is",
    }[what]
    given_members = models.members
    if what == "silent":
        views["h1/n0"] = None  # type: ignore[assignment]
    elif what == "keys":
        views["h1/n0"] = views["h1/n0"]._replace(keys=3)
    elif what == "two clusters":
        models.of["h0/n0"].slots = {1}
        models.of["h2/n1"].slots = {2}
        views = {name: models.view(name) for name in models.of}
    else:
        given_members = [one._replace(port=7000) if one.name == "h0/n1" else one for one in given_members]
    made = plan(given_members, views, 1)
    assert (made.steps, len(made.problems)) == ([], 1)
    assert words in made.problems[0]


SLAVE, OTHER, LOST, OWN = ("07c37d" * 7, "67ed2d" * 7, "824fe1" * 7, "e7d1ee" * 7)
NODES = f"""\
{SLAVE} 127.0.0.1:30004@31004,hostname4 slave {OWN} 0 1426238317239 4 connected
{OTHER} [::1]:30002@31002 master - 0 1426238316232 2 connected 5461-10922 10930
{LOST} :0@0 master,noaddr - 1426238316232 0 3 disconnected
{OWN} 127.0.0.1:30001@31001,,shard-id=ab myself,master - 0 0 1 connected 0-5460 [7-<-67ed] [9->-67ed]
"""


def test_what_nodes_say_is_read() -> None:
    slave, other, lost, own = parse(NODES)
    assert (slave.is_master, slave.master, slave.address, slave.port, slave.bus) == (
        False,
        own.id,
        "127.0.0.1",
        30004,
        31004,
    )
    assert (other.address, other.slots, count(other.slots)) == ("::1", ((5461, 10922), (10930, 10930)), 5463)
    assert (lost.has_failed, lost.address, lost.link) == (True, "", "disconnected")
    assert (own.moving, View((slave, own), 0).me) == (((7, "<", "67ed"), (9, ">", "67ed")), own)
    for odd in ("x", "a b c d e f g", "a b c d e f g h i"):
        with pytest.raises(ValueError, match=r"CLUSTER NODES|invalid literal"):
            parse(odd)
