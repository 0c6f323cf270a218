# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of the whole fleet: documents, caches, gather_facts, and questions about all hosts at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.filter.fleet_tables import fleet_tables
from ansible_collections.netmode.docker.plugins.filter.jmespath import search
from hosts import CHECKOUT, CONTROLLER, HOSTS, STATE, Play, done, on, run_play, settled, without_ssh
from lab import wait_until

Facts = dict[str, Any]

QUERIES = dict(
    re.findall(r"^## (.+?)\n\n```jmespath\n(.+?)```", (CHECKOUT / "docs" / "fleet-queries.md").read_text(), re.M | re.S)
)
"""Heading -> query, as the page shows them."""


@pytest.fixture(scope="module")
def oddities(fleet: tuple[Play, Play]) -> Iterator[None]:
    """One of everything that the queries look for, made manually."""
    image = on("trixie").docker("inspect", "-f", "{{.Config.Image}}", "side")
    trixie, forky = on("trixie"), on("forky")
    trixie.docker("run", "-d", "--name", "stranger", image, "redis-server")
    trixie.sh("systemctl stop netmode-keeper")  # which would not leave side behind
    trixie.docker("restart", "-t", "0", "web")
    trixie.docker("network", "create", "--subnet", "10.77.0.0/24", "-o", "com.docker.network.driver.mtu=1400", "wide")
    trixie.sh("ip link add loose type veth peer name loose-end && ip link set loose master docker0")
    bridge = trixie.sh("ip -br link | awk '/^br-/ {print $1}'")
    trixie.sh(f"ip link set {bridge} mtu 1300")
    forky.sh("ip route add 10.77.0.0/16 via 172.30.0.1")
    yield
    trixie.docker("rm", "-f", "-v", "stranger")
    trixie.docker("network", "rm", "wide")
    trixie.sh("ip link delete loose")
    forky.sh("ip route delete 10.77.0.0/16")
    trixie.sh("systemctl start netmode-keeper || { journalctl --no-pager -n 40 >&2; exit 1; }")
    wait_until(
        lambda: re.search("side > web +right", trixie.sh("netmode-keeper status", check=False)),
        "side has joined web again",
    )


@pytest.fixture(scope="module")
def documents(oddities: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("facts")
    settled_but_for_files = run_play("facts.yml", facts_dir=str(directory))
    assert settled_but_for_files.rc == 0
    return directory


def test_one_document_for_the_fleet_and_one_for_each_host(documents: Path) -> None:
    fleet = json.loads((documents / "fleet.json").read_text())
    assert sorted(fleet) == sorted(HOSTS)
    assert {path.name for path in documents.iterdir()} == {"fleet.json", *(f"{host}.json" for host in HOSTS)}
    for host in HOSTS:
        assert json.loads((documents / f"{host}.json").read_text()) == fleet[host]
        assert sorted(fleet[host]["containers"]) == sorted(
            on(host).docker("ps", "-a", "--format", "{{.Names}}").split()
        )


EXPECTED: dict[str, Any] = {
    "Which hosts have no Docker Engine?": [],
    "Which sharers were left behind by their donor?": [{"host": "trixie", "sharer": "side", "donor": "web"}],
    "Which Redis does the inventory not know?": [{"host": "trixie", "name": "stranger"}],
    "Which addresses are given twice on one host?": [],
    "Which veths belong to no container?": [{"host": "trixie", "veth": "loose", "bridge": "docker0"}],
    "Which hosts could not be read?": [],
    "Which containers are in the network of their host?": [{"host": "forky", "name": "redis"}],
    "What should run and does not?": [],
    "How many containers are in which mode?": {"bridge": 4, "container": 1, "host": 1, "none": 2},
}


@pytest.mark.parametrize("question", QUERIES)
def test_a_question_of_the_page_has_its_answer(documents: Path, question: str) -> None:
    facts = json.loads((documents / "fleet.json").read_text())
    variables = {
        "bookworm": {"redis_instances": [{"name": "cache"}, {"name": "sealed"}, {"name": "vault"}]},
        "trixie": {"redis_instances": [{"name": "side"}, {"name": "local"}], "redis_companions": [{"name": "web"}]},
        "forky": {},
    }
    found = search(fleet_tables(facts, variables), QUERIES[question])
    if question in EXPECTED:
        assert found == EXPECTED[question]
    elif question == "What is published to everybody?":
        told = {(row["host"], row["container"], row["port"]) for row in found}
        assert told == {("bookworm", "cache", 6379), ("trixie", "web", 6379), ("trixie", "web", 8080)}
    elif question == "Which bridge hides a network that another host has a route to?":
        pairs = [(ours["host"], ours["cidr"], theirs["host"], theirs["cidr"]) for ours, theirs in found]
        assert pairs == [("trixie", "10.77.0.0/24", "forky", "10.77.0.0/16")]
    elif question == "Which engine runs where?":
        assert [row["host"] for row in found] == ["bookworm", "trixie", "forky"]
    else:
        assert question == "Which bridge has another MTU than it was configured with?"
        assert [(row["host"], row["mtu"], row["configured"]) for row in found] == [("trixie", 1300, 1400)]


def test_the_playbook_asks_the_fleet(oddities: None) -> None:
    play = run_play("facts.yml", facts_query=QUERIES["Which Redis does the inventory not know?"])
    settled(play)
    assert play.task("Ask")["msg"] == [{"host": "trixie", "name": "stranger"}]


GATHERED: list[dict[str, Any]] = [
    {
        "hosts": "all",
        "gather_facts": True,
        "tasks": [{"name": "see", "ansible.builtin.debug": {"var": "ansible_facts"}}],
    }
]
CACHED: list[dict[str, Any]] = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [{"name": "see", "ansible.builtin.debug": {"var": "ansible_facts"}}],
    }
]


def seen(play: Play, host: str) -> Facts:
    facts: Facts = done(play).task("see", host)["ansible_facts"]
    return facts


def test_gather_facts_brings_them_and_a_fact_cache_keeps_them(fleet: tuple[Play, Play], tmp_path: Path) -> None:
    cache = {"ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path)}
    modules = ["ansible.builtin.setup", "netmode.docker.network_facts"]
    # One after the other: side by side Ansible kills one that takes over five seconds.
    how = {"ansible_facts_modules": modules, "ansible_facts_parallel": False}
    gathered = CONTROLLER.play(GATHERED, STATE / "hosts.yml", env=cache, **how)
    cached = CONTROLLER.play(CACHED, STATE / "hosts.yml", env=cache)
    for host in HOSTS:
        facts = seen(gathered, host)
        assert facts["docker_network"]["bridges"]["docker0"]["ipv4"] == ["172.17.0.1/16"]
        assert facts["distribution"] == "Debian"
        assert seen(cached, host)["docker_network"] == facts["docker_network"]


def test_gather_facts_by_the_configuration(fleet: tuple[Play, Play]) -> None:
    env = {"ANSIBLE_FACTS_MODULES": "netmode.docker.network_facts"}
    gathered = CONTROLLER.play(GATHERED, STATE / "hosts.yml", env=env)
    assert {host: "docker_network" in seen(gathered, host) for host in HOSTS} == dict.fromkeys(HOSTS, True)


def test_hosts_that_cannot_be_read_are_named_and_fail_and_the_others_are_there(
    fleet: tuple[Play, Play], tmp_path: Path
) -> None:
    on("bookworm").sh("systemctl stop docker.socket docker.service")
    try:
        with without_ssh("forky"):
            written = run_play("facts.yml", facts_dir=str(tmp_path))
            told = run_play("facts.yml", facts_query=QUERIES["Which hosts could not be read?"])
            shown = run_play("facts.yml")
    finally:
        on("bookworm").sh("systemctl start docker.socket docker.service")
    fleet_document = json.loads((tmp_path / "fleet.json").read_text())
    assert {host: bool(facts) for host, facts in fleet_document.items()} == {
        "bookworm": False, "trixie": True, "forky": False
    }  # fmt: skip
    assert told.task("Ask")["msg"] == ["bookworm", "forky"]
    tree = shown.task("Show the networks of all hosts")["msg"].splitlines()
    assert [line for line in tree if line.endswith("no facts")] == ["bookworm  no facts", "forky  no facts"]
    for play in (written, told, shown):
        assert play.rc == 4, play.stdout
        failed = {task["host"]: task["result"]["msg"] for task in play.failed}
        assert sorted(failed) == ["bookworm", "forky"]
        assert failed["bookworm"].startswith("Cannot talk to the Docker Engine at unix:///var/run/docker.sock")
        assert "ssh" in failed["forky"]
