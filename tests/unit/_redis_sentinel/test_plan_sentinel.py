# SPDX-License-Identifier: GPL-3.0-or-later
"""From what Sentinels and servers say to the next steps: the Sentinels say who the master is, the inventory never."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis.replication import Place
from ansible_collections.netmode.docker.plugins.module_utils._redis_sentinel.plan import (
    Member,
    Plan,
    Role,
    Sentinel,
    plan,
)
from ansible_collections.netmode.docker.plugins.module_utils._redis_sentinel.views import NUMBERS, Seen, View

NUMBERS_ASKED = {"quorum": 0, "down_after": 5000, "failover_timeout": 60000, "parallel_syncs": 1}
HAS = {**NUMBERS_ASKED, "quorum": 2}
HOSTS = ("r1", "r2", "r3")
SENTINELS = [Sentinel(f"{h}/w", h, Place(f"10.0.0.{n}", 26379), NUMBERS_ASKED) for n, h in enumerate(HOSTS, 1)]
MEMBERS = [Member(f"{h}/c", Place(f"10.0.0.{n}", 6379)) for n, h in enumerate(HOSTS, 1)]
UP, DOWN = frozenset({"slave"}), frozenset({"slave", "s_down"})
GONE = Place("10.0.0.9", 26379)


def view(at: int, leads: int = 0, **more: Any) -> View:
    """What the Sentinel number ``at`` says where all is well and this one is the master."""
    others = tuple(Seen(one.place, UP) for one in SENTINELS if one is not SENTINELS[at])
    replicas = tuple(Seen(one.place, UP, "ok") for one in MEMBERS if one is not MEMBERS[leads])
    seen = Seen(MEMBERS[leads].place, frozenset({"master"}))
    return View(seen, 0, HAS, True, "OK 3 usable Sentinels", others, replicas)._replace(**more)


def roles(master: int = 0, **more: Role | None) -> dict[str, Role | None]:
    found = {one.name: Role(MEMBERS[master].place, "up") for one in MEMBERS}
    return {**found, MEMBERS[master].name: Role(None, ""), **{f"{key}/c": role for key, role in more.items()}}


def planned(views: list[View | None], said: dict[str, Role | None] | None = None) -> Plan:
    by_name = {one.name: given for one, given in zip(SENTINELS, views)}
    return plan("main", SENTINELS, MEMBERS, by_name, roles() if said is None else said)


def test_r5_whoever_is_the_master_by_now_nothing_is_left_to_do() -> None:
    for master in range(3):
        found = planned([view(at, master) for at in range(3)], roles(master))
        assert found == Plan(master=MEMBERS[master].place)


def test_one_that_is_new_is_told_of_the_master_that_the_others_name() -> None:
    found = planned([view(0, 1), view(1, 1), None], roles(1))
    assert [step.instance for step in found.steps] == ["r3/w"] * 5
    assert found.steps[0].words == ("MONITOR", "main", "10.0.0.2", "6379", "2")


UNPROVEN: dict[str, tuple[dict[str, Role | None], tuple[str, ...]]] = {
    "none is a master": (
        {**roles(), "r1/c": Role(MEMBERS[1].place, "down")},
        ("cannot be proven", "none says"),
    ),
    "two are": ({**roles(), "r2/c": Role(None, "")}, ("cannot be proven", "r1/c and r2/c")),
    "one is silent": ({**roles(), "r3/c": None}, ("cannot be proven", "r3/c does not answer")),
    "one follows another": ({**roles(), "r3/c": Role(Place("10.9.9.9", 1), "down")}, ("r3/c follows 10.9.9.9:1",)),
}


@pytest.mark.parametrize("name", UNPROVEN)
def test_where_no_sentinel_knows_and_no_master_can_be_proven_nothing_is_started_and_it_says_why(name: str) -> None:
    said, words = UNPROVEN[name]
    found = planned([None, None, None], said)
    assert (found.steps, found.wait) == ((), None)
    for word in words:
        assert word in found.problems[0], found.problems


WAITS: dict[str, tuple[View, str]] = {
    "another is down for it": (view(2, sentinels=(Seen(SENTINELS[0].place, UP),)), "1 of 2 other Sentinels"),
    "a replica is": (view(2, replicas=(Seen(MEMBERS[1].place, DOWN),)), "0 of 2 replicas"),
    "it has heard of no failover": (view(2, 1), "10.0.0.2:6379"),
    "a failover is going on": (
        view(2, master=Seen(MEMBERS[0].place, frozenset({"master", "failover_in_progress"}))),
        "failover",
    ),
    "no quorum": (view(2, quorum="NOQUORUM 1 usable Sentinels"), "NOQUORUM"),
}


@pytest.mark.parametrize("name", WAITS)
def test_what_they_do_not_say_yet_is_waited_for(name: str) -> None:
    odd, word = WAITS[name]
    found = planned([view(0, epoch=1), view(1, epoch=1), odd])
    assert found.steps == ()
    assert found.wait is not None
    assert word in found.left[0], found.left


def test_numbers_and_passwords_that_differ_are_set() -> None:
    found = planned([view(0), view(1, numbers={**HAS, "down_after": 1}), view(2, asks_right=False)])
    assert [step.words for step in found.steps] == [
        ("SET", "main", "down-after-milliseconds", "5000"),
        ("ask-as", "main"),
    ]
    assert {*NUMBERS} == {*HAS}


@pytest.mark.parametrize("kind", ["sentinels", "replicas"])
def test_what_is_gone_is_forgotten_by_one_sentinel_after_the_other(kind: str) -> None:
    def knows(at: int) -> View:
        whole = view(at)
        return whole._replace(**{kind: (*getattr(whole, kind), Seen(GONE, DOWN))})

    first = planned([knows(0), knows(1), knows(2)])
    assert [(step.instance, step.words) for step in first.steps] == [("r1/w", ("RESET", "main"))]
    second = planned([view(0), knows(1), knows(2)])
    assert [step.instance for step in second.steps] == ["r2/w"]
    learning = planned([view(0, sentinels=()), knows(1), knows(2)])
    assert (learning.steps, learning.wait is None) == ((), False)


def test_one_that_is_gone_and_still_answers_is_left() -> None:
    found = planned([view(at)._replace(sentinels=(*view(at).sentinels, Seen(GONE, UP))) for at in range(3)])
    assert (found.steps, found.wait) == ((), None)


def test_a_server_that_is_known_at_two_addresses_is_forgotten_at_the_one_that_is_not_asked_for() -> None:
    def knows(at: int) -> View:
        both = (Seen(MEMBERS[1].place, UP, "ok", "id"), Seen(Place("10.9.9.9", 6379), UP, "ok", "id"))
        return view(at, replicas=(*both, Seen(MEMBERS[2].place, UP, "ok", "other")))

    found = planned([knows(at) for at in range(3)])
    assert [(step.instance, step.words) for step in found.steps] == [("r1/w", ("RESET", "main"))]


def test_too_few_sentinels_or_hosts_are_said() -> None:
    two = plan("main", SENTINELS[:2], MEMBERS, {one.name: None for one in SENTINELS[:2]}, roles())
    assert "Have 3 or more" in two.warnings[0]
    near = [one._replace(host="r1") for one in SENTINELS[:2]] + [SENTINELS[2]]
    assert "2 of its 3 Sentinels are on r1" in plan("main", near, MEMBERS, dict.fromkeys(
        one.name for one in near), roles()).warnings[0]  # fmt: skip


def test_a_server_back_at_an_address_that_no_sentinel_knows_is_had_to_follow_but_does_not_lose_keys_unasked() -> None:
    def knows(at: int) -> View:
        """Of the third server the address that it had."""
        replicas = (Seen(MEMBERS[1].place, UP, "ok"), Seen(Place("10.9.9.9", 6379), DOWN))
        return view(at, replicas=replicas)

    views = [knows(at) for at in range(3)]
    empty = planned(views, roles(r3=Role(None, "")))
    assert [(step.instance, step.words) for step in empty.steps] == [("r3/c", ("follow", "10.0.0.1", "6379"))]
    lost = planned(views, roles(r3=Role(Place("10.9.9.9", 6379), "down")))
    assert [step.words for step in lost.steps] == [("follow", "10.0.0.1", "6379")]
    full = planned(views, roles(r3=Role(None, "", 5)))
    assert full.steps == ()
    assert "redis_replica_overwrite" in full.problems[0]
    may = [*MEMBERS[:2], MEMBERS[2]._replace(may_overwrite=True)]
    named = {one.name: given for one, given in zip(SENTINELS, views)}
    assert plan("main", SENTINELS, may, named, roles(r3=Role(None, "", 5))).steps == empty.steps


def test_one_that_the_sentinels_know_is_left_to_them() -> None:
    found = planned([view(at) for at in range(3)], roles(r3=Role(None, "", 5)))
    assert (found.steps, found.problems) == ((), ())
