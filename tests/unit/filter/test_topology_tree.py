# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree, compared with files of golden/ that a person has looked at."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.netmode.docker.plugins.filter.topology_tree import topology_tree

GOLDEN = Path(__file__).parents[1] / "support" / "golden"


@pytest.fixture
def facts() -> dict[str, Any]:
    return dict(json.loads((GOLDEN / "facts.json").read_text()))


def golden(name: str) -> str:
    return (GOLDEN / name).read_text().rstrip("\n")


def test_the_article_s_four_modes(facts: dict[str, Any]) -> None:
    assert topology_tree(facts["article"], ports={"redis-host": 6515}, host="web1") == golden("article.txt")


def test_a_fleet_with_everything_that_a_host_may_hold_and_a_host_without_facts(facts: dict[str, Any]) -> None:
    ports = {"db2": {"h1": [6379, 6380], "first": 7001}}
    assert topology_tree({"db2": facts["rich"], "db1": None}, ports=ports) == golden("fleet.txt")


def test_the_roles_of_a_replication_stand_at_the_end(facts: dict[str, Any]) -> None:
    roles = {"redis-none": "replica of 10.0.0.1:6379, link up", "redis-bridge": "master of 10.0.0.2:6379"}
    assert topology_tree(facts["article"], host="web1", roles=roles).splitlines()[-3:] == [
        "└── replication",
        "    ├── redis-bridge  master of 10.0.0.2:6379",
        "    └── redis-none    replica of 10.0.0.1:6379, link up",
    ]


def test_the_order_of_the_facts_does_not_matter(facts: dict[str, Any]) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            keys = list(value)
            random.Random(7).shuffle(keys)
            return {key: shuffled(value[key]) for key in keys}
        if isinstance(value, list):
            return [shuffled(item) for item in reversed(value)]
        return value

    assert topology_tree(shuffled(facts["rich"])) == topology_tree(facts["rich"])


def test_every_container_and_veth_is_drawn_once(facts: dict[str, Any]) -> None:
    rich = facts["rich"]
    words = topology_tree(rich).replace(":", " ").split()
    several = {"app": 2}  # one line for each of its networks
    assert {name: words.count(name) for name in rich["veths"]} == dict.fromkeys(rich["veths"], 1)
    lines = topology_tree(rich).splitlines()
    for name in rich["containers"]:
        starts = [line for line in lines if line.lstrip("│├└─ ").replace(":", " ").split()[0] == name]
        ends = [line for line in lines if f"─ {name}:" in line]
        assert len(set(starts + ends)) == several.get(name, 1), name


def test_sharers_that_join_each_other_do_not_hang_it(facts: dict[str, Any]) -> None:
    containers = facts["article"]["containers"]
    for name, donor in (("a", "b"), ("b", "a")):
        containers[name] = copy.deepcopy(containers["redis-container"])
        containers[name].update(name=name, joins=donor)
    assert "redis-container" in topology_tree(facts["article"])


def test_a_host_without_any_container() -> None:
    empty = {"engine": {"version": "26.1.5"}, "bridges": {}, "veths": {}, "containers": {}, "unclaimed": []}
    assert topology_tree(empty, host="web1") == "web1  Docker 26.1.5"
    assert topology_tree({"web1": {}}) == "web1  no facts"
    assert topology_tree({}) == ""


def test_a_host_without_docker_is_drawn_with_the_bridges_that_it_has(facts: dict[str, Any]) -> None:
    bridge = {**facts["article"]["bridges"]["docker0"], "network": None, "ports": ["tap0"]}
    found = {"engine": None, "bridges": {"virbr0": bridge}, "veths": {}, "containers": {}, "unclaimed": []}
    drawn = topology_tree({"web1": found}).splitlines()
    assert drawn[0] == "web1  no Docker Engine"
    assert "virbr0" in drawn[1]
    assert "not Docker's" in drawn[1]
    assert "tap0" in drawn[2]
    assert topology_tree({"web1": {**found, "bridges": {}}}) == "web1  no Docker Engine"


@pytest.mark.parametrize(("data", "ports"), [("text", None), (None, None), ([], None), ({}, [6379])])
def test_what_is_no_facts_is_refused_with_the_way_out(data: Any, ports: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="topology_tree"):
        topology_tree(data, ports=ports)
