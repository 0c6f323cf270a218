# SPDX-License-Identifier: GPL-3.0-or-later
"""O17: which hosts the playbooks work on, and that on others, also on those that nobody meant, nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab import CHECKOUT
from played import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab import Play

CHANGING = [CHECKOUT / "playbooks" / f"{name}.yml" for name in ("site", "teardown", "verify")]
ASKED = {**LOCAL, "redis_network_mode": "bridge"}


def group(name: str, **hosts: dict[str, Any]) -> dict[str, Any]:
    return {name: {"hosts": hosts}}


NOBODY: dict[str, tuple[dict[str, Any], tuple[str, ...], dict[str, Any], str]] = {
    "no group redis": (group("web", n0=ASKED), (), {}, "has no group redis"),
    "an empty group": ({**group("web", n0=ASKED), "redis": {"hosts": {}}}, (), {}, "nobody is in it"),
    "no host at all": ({"all": {"hosts": {}}}, (), {}, "has no group redis"),
    "a target that is none": (group("redis", n0=ASKED), (), {"target": "caches"}, "no host of the inventory matches caches"),
    "an intersection without hosts": (
        {**group("redis", n0=ASKED), **group("web", n1=ASKED)}, (), {"target": "redis:&web"}, "matches redis:&web",
    ),
    "a limit beside it": (
        {**group("redis", n0=ASKED), **group("web", n1=ASKED)}, ("--limit", "web"), {}, "--limit leaves no host of redis",
    ),
}  # fmt: skip


def test_o17_no_host_to_work_on_is_a_failure_that_says_so(
    play: Callable[..., Play], host_state: Callable[[], Any]
) -> None:
    before = host_state()
    site, *others = CHANGING
    for playbook, case in [*((site, case) for case in NOBODY), *((other, "no group redis") for other in others)]:
        inventory, options, variables, said = NOBODY[case]
        played = play(playbook, inventory, options, **variables)
        assert played.rc == 2, f"{case}: {played.stdout}"
        (told,) = (task["result"]["msg"] for task in played.failed)
        assert said in told, case
        assert "-e target=" in told, case
    assert host_state() == before


def test_o17_a_host_without_a_variable_of_the_role_is_left_alone_and_one_outside_is_not_contacted(
    play: Callable[..., Play], host_state: Callable[[], Any]
) -> None:
    unreachable = {"ansible_connection": "ssh", "ansible_host": "192.0.2.1", "redis_network_mode": "bridge"}
    near = {**LOCAL, "redis_exporter_port": 9121, "redisson_mode": "x"}  # of others, or of nobody
    before = host_state()
    for playbook, inventory, target in zip(
        CHANGING,
        (
            {**group("redis", n0=near, n1=LOCAL), **group("web", n2=unreachable)},
            {**group("redis", n2=unreachable), **group("web", n0=near, n1=LOCAL)},
            group("redis", n0=near, n1=LOCAL, n2=unreachable),
        ),
        ("", "web", "redis:!n2"),
    ):
        played = play(playbook, inventory, target=target)
        assert (played.rc, played.changed) == (0, 0), played.stdout
        assert {task["task"] for task in played.tasks if task["host"] == "n2"} <= {"Refuse to work on no host at all"}
        told = [task["result"]["msg"] for task in played.tasks if "are given a Redis" in task["task"]]
        assert told, played.stdout
        assert all(" for n0, n1, so " in one for one in told), told
    assert host_state() == before


def test_a_tag_runs_its_part_and_no_other(play: Callable[..., Play], image: str) -> None:
    parts = {
        "redis": {"netmode.docker.redis_preview"},
        "docker_engine": {"netmode.docker.engine_info"},
        "verify": {"netmode.docker.redis_verify"},
    }
    for tag, modules in parts.items():
        played = play(
            CHANGING[0],
            group("redis", n0={**ASKED, "redis_password": "s3cret", "redis_image": image}),
            ("--check", "--tags", tag),
        )
        assert played.rc == 0, played.stdout
        ran = {
            task["action"]
            for task in played.tasks
            if task["action"].startswith("netmode") and task["status"] != "skipped"
        }
        assert modules <= ran, (tag, ran)
        assert not ran & set().union(*(other for name, other in parts.items() if name != tag)), (tag, ran)
