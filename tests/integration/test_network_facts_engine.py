# SPDX-License-Identifier: GPL-3.0-or-later
"""``network_facts`` where the engine is missing, forbidden, unfit or going away: one clear message, and empty hosts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from lab import CHECKOUT
from network_shape import assert_shape, read
from retold_engine import CLOSE, HANG, retold_engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab import Host


def test_a_reader_without_access_to_the_socket_is_told_the_way_out(host: Host) -> None:
    result = host.run_module("network_facts", {}, user="games")
    assert result["failed"]
    assert "permission denied" in result["msg"].lower()
    assert "become" in result["msg"]


def test_engine_down_is_one_clear_message(host: Host) -> None:
    result = host.run_module("network_facts", {"docker_host": "unix:///run/no-engine.sock"})
    assert result["failed"]
    assert "unix:///run/no-engine.sock" in result["msg"]
    assert "Is Docker installed and started" in result["msg"]


@pytest.mark.parametrize(
    ("headers", "word"),
    [({"api_version": "1.40", "server": "Docker/19.03.15"}, "too old"), ({"api_version": "x"}, "does not answer like")],
)
def test_an_engine_that_cannot_be_used_is_named(host: Host, headers: dict[str, str], word: str) -> None:
    with retold_engine(lambda _path, answer: answer, **headers) as url:
        result = host.run_module("network_facts", {"docker_host": url})
    assert result["failed"]
    assert word in result["msg"]


def test_an_engine_that_hangs_is_given_up_after_the_timeout(host: Host) -> None:
    with retold_engine(lambda _path, _answer: HANG) as url:
        result = host.run_module("network_facts", {"docker_host": url, "timeout": 1})
    assert result["failed"]
    assert "within 1 s" in result["msg"]


def test_an_engine_that_dies_between_two_answers_is_one_clear_message(host: Host) -> None:
    with retold_engine(lambda path, answer: CLOSE if "/networks" in path else answer) as url:
        result = host.run_module("network_facts", {"docker_host": url})
    assert result["failed"]
    assert f"the engine at {url} stopped answering" in result["msg"]
    assert url in result["msg"]


def test_an_engine_without_containers(fresh_machine: Callable[..., Host]) -> None:
    facts = read(fresh_machine())
    assert_shape(facts)
    assert facts["containers"] == facts["veths"] == {}
    assert facts["unclaimed"] == []
    assert facts["bridges"]["docker0"]["ports"] == []
    assert facts["bridges"]["docker0"]["network"] == "bridge"


FACTS = CHECKOUT / "playbooks" / "facts.yml"


def test_a_host_without_docker_is_no_failure_and_told_with_its_bridges_veths_and_routes(
    fresh_machine: Callable[..., Host],
) -> None:
    host = fresh_machine(bare=True)
    host.sh(
        "ip link add br7 type bridge; ip addr add 10.9.0.1/24 dev br7; ip link add own type veth peer name other;"
        " ip link set own master br7; ip link set br7 up"
    )
    facts = read(host)
    assert facts["engine"] is None
    assert facts["containers"] == {}
    assert (facts["bridges"]["br7"]["ipv4"], facts["bridges"]["br7"]["network"]) == (["10.9.0.1/24"], None)
    assert facts["bridges"]["br7"]["ports"] == ["own"]
    assert {"own", "other"} <= set(facts["unclaimed"])
    assert {"destination": "10.9.0.0/24", "gateway": None, "interface": "br7"} in facts["routes"]
    told = host.run_module("network_facts", {"docker_host": "tcp://127.0.0.1:2375"}, user="games")
    assert told["ansible_facts"]["docker_network"] == facts
    host.sh("/usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"/run/docker.sock\")'")
    assert read(host) == facts  # a dead socket that an engine has left
    drawn = host.play(FACTS)
    assert drawn.task("Show the networks of all hosts")["msg"].startswith("localhost  no Docker Engine")
    assert drawn.rc == 0
    written = host.play(FACTS, facts_dir="/tmp/facts")
    assert written.rc == 0
    assert json.loads(host.sh("cat /tmp/facts/fleet.json"))["localhost"] == facts


def test_an_engine_that_is_installed_and_down_is_a_failure_wherever_it_lies(fresh_machine: Callable[..., Host]) -> None:
    host = fresh_machine(bare=True)
    for program in ("/usr/sbin/dockerd", "/opt/docker/bin/dockerd", "/srv/engine/dockerd"):
        host.write(program, "#!/bin/sh\n")
        host.sh(f"chmod 755 {program}")
        if program.startswith("/srv"):  # nobody would look there, but its unit says so
            host.write("/etc/systemd/system/docker.service", f"[Service]\nExecStart={program} -H fd://\n")
        result = host.run_module("network_facts", {})
        assert result["failed"], program
        assert "Is Docker installed and started" in result["msg"]
        host.sh(f"rm {program}")
    assert read(host)["engine"] is None  # a unit that is left starts nothing
