# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that leave a cluster, come back to it, or have failed: over a model of nodes that is interrupted anywhere."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.nodes import Memory, Node
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.plan import plan
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.state import Member
from cluster_model import FEW, Model, Models, few_slots, formed, members
from hypothesis import given, settings
from hypothesis import strategies as st


def fleet(*hosts: int, replicas: int = 1) -> Models:
    """A cluster with a key in every third slot."""
    models = Models(members(*hosts))
    formed(models, replicas)
    for one in models.of.values():
        one.stored = {slot: 1 for slot in one.slots if slot % 3 == 0}
    return models


def leave(models: Models, *names: str) -> None:
    models.members = [one._replace(leaves=one.name in names or one.leaves) for one in models.members]


def keys(models: Models) -> list[int]:
    """The slots that have some, each where it is served."""
    found = sorted(slot for one in models.of.values() for slot, many in one.stored.items() if many)
    assert all(slot in one.slots for one in models.of.values() for slot, many in one.stored.items() if many)
    return found


def of(models: Models, *, leaves: bool) -> list[Model]:
    return [models.of[one.name] for one in models.members if one.leaves is leaves]


@settings(max_examples=60, deadline=None)
@given(
    hosts=st.lists(st.integers(1, 3), min_size=3, max_size=4),
    more=st.lists(st.integers(1, 2), max_size=2),
    data=st.data(),
    replicas=st.integers(0, 1),
    atomic=st.sampled_from(["", "MIGRATESLOTS", "MIGRATION"]),
    take=st.lists(st.integers(0, FEW), max_size=16),
)
def test_who_leaves_is_drained_evenly_and_forgotten_whatever_is_interrupted(
    hosts: list[int], more: list[int], data: st.DataObject, replicas: int, atomic: str, take: list[int]
) -> None:
    first = sum(hosts)
    if first // (1 + replicas) < 3:
        return
    nodes = members(*hosts, *more)
    models = Models(nodes)
    for one in models.of.values():
        one.atomic = atomic
    late = {one.name: models.of.pop(one.name) for one in nodes[first:]}
    models.members = nodes[:first]
    gone = data.draw(st.sets(st.sampled_from([one.name for one in nodes[:first]]), max_size=first))
    with few_slots():
        formed(models, replicas)
        for one in models.of.values():
            one.stored = {slot: 1 for slot in one.slots if slot % 3 == 0}
        before = keys(models)
        models.of.update(late)
        models.members = nodes
        leave(models, *gone)
        problems = models.plan(replicas).problems
        if (len(nodes) - len(gone)) // (1 + replicas) < 3:
            assert "at least 3" in problems[0]
            return
        try:
            formed(models, replicas, take)
        except AssertionError:
            made = models.plan(replicas)
            assert "a cluster has at least 3" in made.problems[0]
            return
        again = models.plan(replicas)
    assert (again.steps, again.waits, {*again.left}) == ([], [], gone)
    assert keys(models) == before
    stay = of(models, leaves=False)
    serving = [one for one in stay if one.slots]
    assert sum(len(one.slots) for one in serving) == FEW
    assert len(serving) >= 3
    uneven = max(len(one.slots) for one in serving) - min(len(one.slots) for one in serving)
    assert uneven <= (1 if not take else 2 + FEW // len(serving) // 2)
    ids = {one.id for one in serving}
    assert all(one.master in ids for one in stay if not one.slots)
    assert not any(one.coming or one.going for one in models.of.values())
    assert not any(models.of[name].id in one.known for one in stay for name in gone)


def test_three_of_four_masters_get_as_many_slots_each_of_the_one_that_leaves() -> None:
    models = fleet(1, 1, 1, 1, replicas=0)
    before = {one.member.name: len(one.slots) for one in models.of.values()}
    leave(models, "h3/n0")
    formed(models, 0)
    after = [len(one.slots) for one in of(models, leaves=False)]
    assert (sum(after), max(after) - min(after)) == (16384, 1)
    assert all(len(models.of[f"h{number}/n0"].slots) > before[f"h{number}/n0"] for number in range(3))


def test_the_replica_of_a_master_that_leaves_takes_over_where_masters_would_be_too_few_and_nothing_is_moved() -> None:
    models = fleet(2, 2, 2, 1)
    old = next(one for one in models.of.values() if one.slots)
    leave(models, old.member.name)
    made = models.plan(1)
    assert [(step.kind, step.words) for step in made.steps] == [("lead", ("LEAD",))]
    assert models.of[made.steps[0].member].master == old.id
    formed(models, 1)
    assert not any(one.going for one in models.of.values())
    assert sorted(len(one.slots) for one in models.of.values())[-3:] == [5461, 5461, 5462]


def test_nodes_of_a_new_host_take_the_place_of_those_that_leave() -> None:
    models = Models(members(2, 2, 2, 2))
    late = {name: models.of.pop(name) for name in ("h3/n0", "h3/n1")}
    nodes, models.members = models.members, models.members[:6]
    formed(models, 1)
    models.of.update(late)
    models.members = nodes
    leave(models, "h0/n0", "h0/n1")
    formed(models, 1)
    assert {one.member.host for one in models.of.values() if one.slots} == {"h1", "h2", "h3"}
    assert models.plan(1).left == ("h0/n0", "h0/n1")
    assert models.plan(1).warnings == []


@pytest.mark.parametrize("was", ["master", "replica"])
def test_one_that_left_comes_back_and_brings_nobody_along(was: str) -> None:
    models = fleet(2, 2, 2, 2)
    name = next(one.member.name for one in models.of.values() if bool(one.slots) is (was == "master"))
    other = next(one.member.name for one in models.of.values() if one.member.name != name and not one.slots)
    leave(models, name)
    formed(models, 1)
    leave(models, other)
    formed(models, 1)
    if was == "replica":
        models.of[name].stored = {3: 7}  # what its master had
    models.members = [one._replace(leaves=one.name == other) for one in models.members]
    kinds = []
    for _ in range(20):
        made = models.plan(1)
        assert made.problems == []
        kinds += [step.kind for step in made.steps]
        for step in made.steps:
            models.take(step)
    assert kinds[0] == "forget"
    assert models.of[other].id not in {key for one in of(models, leaves=False) for key in one.known}
    assert models.plan(1).left == (other,)


BACK: dict[str, tuple[dict[str, Any], str]] = {
    "keys of its own": ({"keys": 3}, "has 3 keys and is in no cluster"),
    "another master": ({"master": "e" * 40}, "follows the node"),
    "slots of others": ({"slots": {0}, "epoch": 99}, "would take 1 slots that others have by now"),
}


@pytest.mark.parametrize("name", BACK)
def test_one_that_comes_back_with_what_would_be_lost_is_refused(name: str) -> None:
    changes, words = BACK[name]
    models = fleet(2, 2, 2, 1, replicas=1)
    back = next(one for one in models.of.values() if not one.slots)
    leave(models, back.member.name)
    formed(models, 1)
    leaver = models.of[back.member.name]
    leaver.master = ""
    for key, value in changes.items():
        setattr(leaver, key, value)
    if "master" in changes:
        models.by_id["e" * 40] = Model(Member("gone", "h9", "10.0.0.9", 7000, 17000), "e" * 40)
    models.members = [one._replace(leaves=False) for one in models.members]
    made = models.plan(1)
    assert (made.steps, len(made.problems)) == ([], 1)
    assert words in made.problems[0]


def test_a_dead_node_is_forgotten_when_it_is_named_and_only_without_slots() -> None:
    models = fleet(2, 2, 2, 1)
    dead = next(one for one in models.of.values() if not one.slots)
    at = f"{dead.member.address}:{dead.member.port}"
    models.members = [one for one in models.members if one != dead.member]
    formed(models, 1)  # another replica stands in for it
    assert "left alone" in models.plan(1).warnings[-1]
    assert "has not failed" in models.plan(1, [at]).problems[0]
    dead.failed = True
    assert f"redis_cluster_forget={at}" in models.plan(1).warnings[-1]
    assert models.plan(1).steps == []
    formed(models, 1, dead=[at])
    assert not any(dead.id in one.known for one in models.of.values())
    models = fleet(2, 2, 2, 1)
    dead = next(one for one in models.of.values() if one.slots)
    dead.failed = True
    models.members = [one for one in models.members if one is not dead.member]
    assert "slots, whose keys would be lost" in models.plan(1, [dead.id]).problems[0]


def test_one_that_others_would_be_told_of_again_is_not_forgotten() -> None:
    models = fleet(2, 2, 2, 2)
    spare, leaver = (one for one in models.of.values() if not one.slots and one.member.host in ("h2", "h3"))
    models.members = [one for one in models.members if one is not spare.member]
    leave(models, leaver.member.name)
    assert "Put that into the inventory" in models.plan(1).problems[0]


ROOM: dict[str, tuple[dict[str, Memory], list[str]]] = {
    "maxmemory": (
        {"h0/n0": Memory(0, 60 << 20, 100 << 20, 1 << 40)},
        ["h0/n0: is to get about 100 MiB", "40 MiB left of its maxmemory of 100 MiB", "Raise redis_maxmemory"],
    ),
    "its host": (
        {"h0/n0": Memory(0, 60 << 20, 0, 50 << 20)},
        ["host h0: its nodes are to get about 100 MiB more", "50 MiB free"],
    ),
}


@pytest.mark.parametrize("name", ROOM)
def test_a_node_without_room_for_what_it_is_to_get_is_named_before_the_first_slot_moves(name: str) -> None:
    given_memory, words = ROOM[name]
    models = fleet(1, 1, 1, 1, replicas=0)
    for one in models.of.values():
        one.memory = Memory(300 << 20, 310 << 20, 0, 1 << 40)
    for key, memory in given_memory.items():
        models.of[key].memory = memory
    leave(models, "h3/n0")
    made = models.plan(0)
    assert (made.steps, len(made.problems)) == ([], 1)
    assert all(word in made.problems[0] for word in words), made.problems
    models.of["h0/n0"].memory = Memory(0, 60 << 20, 200 << 20, 200 << 20)
    assert models.plan(0).problems == []


def test_nodes_that_all_have_another_address_are_met_again_by_each_other() -> None:
    models = fleet(2, 2, 2)
    views = {name: models.view(name) for name in models.of}

    def lost(node: Node) -> Node:
        apart = {"link": "disconnected", "flags": node.flags | {"fail"}, "address": "10.9.9.9"}
        return node if "myself" in node.flags else node._replace(**apart)

    models.view = lambda name: views[name]._replace(nodes=tuple(map(lost, views[name].nodes)))  # type: ignore[method-assign]
    made = models.plan(1)
    assert ({step.kind for step in made.steps}, len(made.steps)) == ({"meet"}, 30)
    met = ("MEET", "10.0.0.1", "7000", "17000")
    assert {step.member for step in made.steps if step.words == met} == {*models.of} - {"h0/n0"}


@pytest.mark.parametrize("atomic", ["MIGRATESLOTS", "MIGRATION"])
def test_where_servers_can_slots_go_at_once_and_what_was_begun_by_setslot_is_ended_so(atomic: str) -> None:
    models = fleet(1, 1, 1, 1, replicas=0)
    for one in models.of.values():
        one.atomic = atomic
    leave(models, "h3/n0")
    leaver = models.of["h3/n0"]
    slot = min(leaver.slots)
    leaver.going[slot], models.of["h0/n0"].coming[slot] = models.of["h0/n0"].id, leaver.id
    assert models.plan(0).steps[0].kind in ("migrate", "own")
    kinds: list[str] = []
    for _ in range(20):
        steps = models.plan(0).steps
        kinds += [f"{step.kind} {step.words[0]}" for step in steps]
        for step in steps:
            models.take(step)
    sent = "send EMPTY" if atomic == "MIGRATESLOTS" else "send FETCH"
    assert kinds.count(sent) == 3
    assert not any("IMPORT" in kind for kind in kinds)
    assert not leaver.slots


def test_one_server_that_cannot_is_given_slots_key_by_key() -> None:
    models = fleet(1, 1, 1, 1, replicas=0)
    for one in models.of.values():
        one.atomic = "" if one.member.name == "h0/n0" else "MIGRATESLOTS"
    leave(models, "h3/n0")
    formed(models, 0)
    assert len(models.of["h0/n0"].slots) == 5462


def test_keys_of_a_slot_that_was_on_its_way_are_not_left_behind_when_its_source_is_failed_over() -> None:
    models = fleet(2, 2, 2)
    source = next(one for one in models.of.values() if one.slots)
    replica = next(one for one in models.of.values() if one.master == source.id)
    to = next(one for one in models.of.values() if one.slots and one is not source)
    slot = min(source.slots)
    source.going[slot], to.coming[slot] = to.id, source.id
    to.stored[slot], source.stored = 5, {slot + 1: 1}
    models.fail_over(replica)
    made = models.plan(1)
    assert [(step.kind, step.member) for step in made.steps] == [("import", to.member.name)]
    formed(models, 1)
    assert (slot in to.slots, to.stored[slot], to.coming, replica.going) == (True, 5, {}, {})


def test_a_slot_that_is_on_its_way_to_one_that_failed_is_told_and_not_touched() -> None:
    models = fleet(1, 1, 1, 1, 1, replicas=0)
    dead, source = models.of["h4/n0"], models.of["h0/n0"]
    slot = min(source.slots)
    source.going[slot] = dead.id
    models.members = models.members[:-1]
    made = models.plan(0)
    assert made.steps == []
    assert f"slot {slot} is on its way" in made.problems[0]
    for one in models.of.values():
        one.known.discard(dead.id)
        one.slots |= dead.slots if one is source else set()
    dead.slots = set()
    assert [(step.kind, step.words[0]) for step in models.plan(0).steps] == [("close", "STABLE")]


def test_a_source_that_has_not_heard_yet_that_a_slot_is_another_s_is_told_so() -> None:
    models = fleet(1, 1, 1, 1, replicas=0)
    leave(models, "h3/n0")
    for _ in range(3):  # import, migrate, own
        steps = models.plan(0).steps
        stale = {name: models.view(name) for name in models.of}
        for step in steps:
            models.take(step)
    assert {step.kind for step in steps} == {"own"}
    for one in models.of.values():
        one.epoch += 10 * (one.member.name != "h3/n0")
    views = {**{name: models.view(name) for name in models.of}, "h3/n0": stale["h3/n0"]}
    made = plan(models.members, views, 0)
    assert {(step.kind, step.member) for step in made.steps} == {("give", "h3/n0")}
