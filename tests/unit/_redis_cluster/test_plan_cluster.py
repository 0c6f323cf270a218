# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the nodes say to a cluster: over a model of nodes that take the steps, all or some of them."""

from __future__ import annotations

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.nodes import View, count, parse
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.plan import plan
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.state import Plan
from cluster_model import FEW, Model, Models, few_slots, formed, members
from hypothesis import given, settings
from hypothesis import strategies as st


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
    take=st.lists(st.integers(0, FEW), max_size=12),
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
    take=st.lists(st.integers(0, FEW), max_size=16),
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
