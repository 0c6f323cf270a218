# SPDX-License-Identifier: GPL-3.0-or-later
"""Each kind of change is one line, and nothing that has not changed is told."""

from __future__ import annotations

import copy
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.netmode.docker.plugins.filter.topology_changes import topology_changes
from ansible_collections.netmode.docker.plugins.filter.topology_page import topology_page
from hypothesis import given
from hypothesis import strategies as st
from tree import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = CHECKOUT / "tests" / "unit" / "support" / "golden" / "facts.json"
FACTS: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
FLEET = {"web1": FACTS["article"], "db2": FACTS["rich"], "db1": None}


def removed(fleet: Any) -> None:
    del fleet["db2"]["containers"]["empty"]


def made(fleet: Any) -> None:
    fleet["web1"]["containers"]["new"] = {**FACTS["article"]["containers"]["redis-none"], "name": "new"}


def in_another_mode(fleet: Any) -> None:
    fleet["web1"]["containers"]["redis-bridge"].update(mode="host", published=[], interfaces=[])


def stopped(fleet: Any) -> None:
    fleet["db2"]["containers"]["h2"]["status"] = "exited"


def with_another_address(fleet: Any) -> None:
    fleet["web1"]["containers"]["httpd"]["interfaces"][0]["ipv4"] = ["172.17.0.9/16"]


def with_another_veth(fleet: Any) -> None:
    fleet["web1"]["containers"]["httpd"]["interfaces"][0]["veth"] = "veth0000001"


def opened(fleet: Any) -> None:
    fleet["web1"]["containers"]["redis-bridge"]["published"][0]["host_ip"] = "0.0.0.0"


def stale(fleet: Any) -> None:
    fleet["web1"]["containers"]["redis-container"]["stale"] = True


def a_veth_left_over(fleet: Any) -> None:
    fleet["web1"]["unclaimed"] = ["vethdead001"]


def a_bridge_with_another_subnet(fleet: Any) -> None:
    fleet["db2"]["bridges"]["br-back"]["ipv4"] = ["10.90.0.1/24"]


def a_host_that_is_lost(fleet: Any) -> None:
    fleet["web1"] = None


def another_engine(fleet: Any) -> None:
    fleet["db2"]["engine"]["version"] = "29.0.0"


CHANGES: dict[Callable[[Any], None], str] = {
    removed: "db2 - container empty  mode none",
    made: "web1 + container new  mode none",
    in_another_mode: "web1 ~ container redis-bridge  mode: bridge → host; published: 127.0.0.1:6379→6379 → none; eth0",
    stopped: "db2 ~ container h2  status: running → exited",
    with_another_address: "web1 ~ container httpd  eth0: 172.17.0.3/16 02:42:ac:11:00:03 veth3b5b11d on",
    with_another_veth: "web1 ~ container httpd  eth0: 172.17.0.3/16 02:42:ac:11:00:03 veth3b5b11d on",
    opened: "web1 ~ container redis-bridge  published: 127.0.0.1:6379→6379 → *:6379→6379",
    stale: "web1 ~ container redis-container  stale: none → yes",
    a_veth_left_over: "web1 + veth vethdead001",
    a_bridge_with_another_subnet: "db2 ~ bridge br-back  addresses: 10.89.0.1/24 → 10.90.0.1/24",
    a_host_that_is_lost: "web1 - host  Docker 20.10.24",
    another_engine: "db2 ~ host  Docker: 28.5.2 → 29.0.0",
}  # fmt: skip


def changed(*kinds: Callable[[Any], None]) -> list[str]:
    fleet = copy.deepcopy(FLEET)
    for kind in kinds:
        kind(fleet)
    return topology_changes(fleet, before=FLEET)


@pytest.mark.parametrize(("kind", "told"), CHANGES.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_each_kind_of_change_is_one_line(kind: Callable[[Any], None], told: str) -> None:
    (line,) = changed(kind)
    assert line.startswith(told)


def test_ten_changes_are_ten_lines() -> None:
    on_the_same = (a_host_that_is_lost, with_another_veth, opened)
    kinds = [kind for kind in CHANGES if kind not in on_the_same]
    assert len(changed(*kinds)) == len(kinds)


@given(st.randoms())
def test_nothing_is_told_of_the_same_facts_in_another_order(order: random.Random) -> None:
    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            keys = list(value)
            order.shuffle(keys)
            return {key: turned(value[key]) for key in keys}
        return value

    assert topology_changes(turned(FLEET), before=FLEET) == []


def test_the_page_tells_and_marks_them() -> None:
    fleet = copy.deepcopy(FLEET)
    removed(fleet)
    in_another_mode(fleet)
    page = topology_page(fleet, before=FLEET)
    assert "What has changed" in page
    assert page.count("<mark>changed</mark>") == 1
    assert "went: container <bdi>empty</bdi>" in page
    assert "What has changed" not in topology_page(fleet)


@pytest.mark.parametrize("before", [None, "text", []])
def test_what_is_no_reading_is_refused(before: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"fleet\.json"):
        topology_changes({}, before=before)
