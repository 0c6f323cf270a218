# SPDX-License-Identifier: GPL-3.0-or-later
"""What the keeper does to sharers, and how soon it does something again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._keeper.plan import Pace, donor_names, due, leftovers
from ansible_collections.netmode.docker.plugins.module_utils._keeper.program import program

Containers = dict[str, dict[str, Any]]


def test_the_program_has_all_that_it_imports_and_is_always_the_same(tmp_path: Path) -> None:
    path = tmp_path / "netmode-keeper"
    path.write_bytes(program(sys.executable))
    assert path.read_bytes() == program(sys.executable)
    path.chmod(0o755)
    told = subprocess.run([path, "--help"], capture_output=True, text=True, check=True, env={}, cwd="/")
    assert "supervise" in told.stdout


def one(name: str, joins: str | None = None, **other: Any) -> dict[str, Any]:
    mode = "container" if joins or "mode" in other else "bridge"
    return {"id": f"id-{name}", "mode": mode, "joins": joins, "status": "running", "stale": False, **other}


def host(**containers: dict[str, Any]) -> Containers:
    return {name.replace("__", "."): container for name, container in containers.items()}


def acts(containers: Containers, known: dict[str, str] | None = None, **other: Any) -> list[tuple[str, str]]:
    donors = donor_names(containers, known or {})
    steps = due(containers, donors, other.get("refused", set()), other.get("held", set()))
    return [(step.name, step.action) for step in steps]


def test_a_sharer_in_the_namespace_of_its_donor_is_left_alone() -> None:
    assert acts(host(web=one("web"), cache=one("cache", "web"))) == []


def test_a_stale_sharer_is_restarted_with_the_reason() -> None:
    containers = host(web=one("web"), cache=one("cache", "web", stale=True))
    (step,) = due(containers, {"cache": "web"}, set(), set())
    assert (step.action, step.container) == ("restart", "id-cache")
    assert step.reason == "its donor web has a new network namespace"


def test_donors_of_a_chain_come_before_those_who_join_them() -> None:
    containers = host(a=one("a", "b", stale=True), b=one("b", "c", stale=True), c=one("c"))
    assert acts(containers) == [("b", "restart"), ("a", "restart")]


def test_who_joins_a_sharer_that_follows_follows_too() -> None:
    containers = host(a=one("a", "b"), b=one("b", "c", stale=True), c=one("c"))
    assert acts(containers) == [("b", "restart"), ("a", "restart")]


@pytest.mark.parametrize("donor", [{"status": "exited"}, {"status": "restarting"}, {"stale": True}])
def test_nobody_is_restarted_into_a_dead_namespace(donor: dict[str, Any]) -> None:
    assert acts(host(web=one("web", **donor), cache=one("cache", "web", stale=True))) == []


@pytest.mark.parametrize("status", ["exited", "created", "paused", "restarting", "dead"])
def test_a_sharer_that_does_not_run_is_left_alone(status: str) -> None:
    assert acts(host(web=one("web"), cache=one("cache", "web", stale=True, status=status))) == []


def test_a_sharer_that_the_engine_could_not_start_without_its_donor_is_started() -> None:
    containers = host(web=one("web"), cache=one("cache", "web", status="exited"))
    assert acts(containers, refused={"cache"}) == [("cache", "start")]


def test_a_sharer_of_a_donor_that_was_recreated_is_recreated_and_so_is_who_joins_it() -> None:
    containers = host(web=one("web"), cache=one("cache", mode="container", stale=True), tail=one("tail", "cache"))
    donors = donor_names(containers, {"cache": "web"})
    steps = due(containers, donors, set(), set())
    assert [(step.name, step.action, step.data["donor"]) for step in steps] == [
        ("cache", "clone", "web"),
        ("tail", "clone", "cache"),
    ]


def test_a_donor_that_nobody_saw_is_not_guessed() -> None:
    assert acts(host(web=one("web"), cache=one("cache", mode="container", stale=True))) == []


def test_a_circle_does_not_go_round_for_ever() -> None:
    assert acts(host(a=one("a", "b", stale=True), b=one("b", "a", stale=True))) == []


@pytest.mark.parametrize("held", ["web", "cache"])
def test_who_starts_again_and_again_is_waited_for(held: str) -> None:
    assert acts(host(web=one("web"), cache=one("cache", "web", stale=True)), held={held}) == []


def test_what_a_cut_off_change_left_is_put_in_order() -> None:
    new, old = one("n", "web"), one("o", "web")
    assert [(s.action, s.container) for s in leftovers({"cache": one("c", "web"), "cache.netmode-new": new})] == [
        ("remove", "id-n")
    ]
    (step,) = leftovers({"cache.netmode-old": old})
    assert (step.action, step.container, step.data["to"]) == ("rename", "id-o", "cache")
    taken = {"cache": one("c", "web", status="created"), "cache.netmode-old": old}
    assert [(s.action, s.container) for s in leftovers(taken)] == [("start", "id-c"), ("remove", "id-o")]
    assert leftovers({"web.netmode-old": one("w")}) == [], (
        "what is not a sharer is the business of the next run of Ansible"
    )


def test_donors_are_remembered_when_they_are_gone_and_sharers_are_not() -> None:
    before = donor_names(host(web=one("web"), cache=one("cache", "web")), {"gone": "web"})
    assert before == {"cache": "web"}
    assert donor_names(host(cache=one("cache", mode="container")), before) == before


def test_a_donor_is_remembered_through_the_names_of_a_change_that_was_cut_off() -> None:
    known = donor_names({"cache.netmode-old": one("cache", mode="container")}, {"cache": "web"})
    assert donor_names(host(cache=one("cache", mode="container")), known) == {"cache": "web"}


def test_quick_starts_are_answered_later_and_later_and_a_steady_run_is_forgiven() -> None:
    pace, now, waits = Pace(), 0.0, []
    for _ in range(12):
        wait = pace.started("web", now)
        waits.append(wait)
        now += wait + 0.5
        pace.over(now)
    assert waits[:7] == [0, 0, 0, 0, 1, 2, 4]
    assert pace.started("web", now + 11) == 0


def test_what_is_waited_for_is_not_put_off_by_further_starts() -> None:
    pace = Pace()
    for number in range(5):
        pace.started("web", number / 10)
    until = pace.until["web"]
    pace.started("web", 0.9)
    assert pace.until == {"web": until}
    assert pace.over(until) == {"web"}
    assert pace.next(until) is None


def test_failures_are_tried_again_later_and_later_up_to_a_minute() -> None:
    pace = Pace()
    assert [pace.failed("web", 0) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert pace.next(10) == 50
    pace.succeeded("web")
    assert pace.failed("web", 0) == 1
    pace.forget(set())
    assert pace.until == {}
