# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper on a real engine and kernel: interfaces and sharers are back, nobody having run Ansible."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from lab import IMAGE, Host, wait_until

pytestmark = pytest.mark.engines

Run = Callable[..., dict[str, Any]]
Shell = Callable[..., str]
OPEN = ("redis-server", "--protected-mode", "no", "--save", "")
ETH0 = {"container": "alone", "name": "eth0", "bridge": "docker0", "addresses": ["172.17.200.5/16"]}


@pytest.fixture(scope="module")
def keeper(machine: Host) -> Iterator[Host]:
    """The service, installed by the role as users do it, and removed by it."""
    role = [{"hosts": "localhost", "gather_facts": False, "roles": ["netmode.docker.keeper"]}]
    installed = machine.play(role)
    assert installed.rc == 0, installed.stdout
    yield machine
    removed = machine.play(role, keeper_state="absent")
    assert removed.rc == 0, removed.stdout


def acts(host: Host) -> list[tuple[float, str]]:
    """What the keeper said since it started: (seconds of the clock, line)."""
    found = json.loads(host.sh("cat /run/netmode/keeper.json"))["acts"]
    return [(at, line) for at, line in found]


def said(host: Host, words: str) -> str:
    return str(
        wait_until(lambda: next((line for _, line in acts(host) if words in line), ""), f"the keeper says {words}")
    )


def pongs(host: Host, address: str, port: int = 6379) -> float:
    """When Redis answered there, in seconds of the clock."""
    script = f"until redis-cli -h {address} -p {port} ping 2>/dev/null | grep -q PONG; do sleep 0.01; done; date +%s.%N"
    return float(host.sh(f"timeout 20 bash -c '{script}'"))


def start_event(host: Host, name: str, since: float) -> float:
    text = host.docker("events", "--since", f"{since:.3f}", "--until", f"{time.time():.3f}", "--filter", f"container={name}",
                       "--filter", "event=start", "--format", "{{.TimeNano}}")  # fmt: skip
    return int(text.splitlines()[-1]) / 1e9


def test_n6_a_sharer_answers_within_two_seconds_of_the_start_of_its_donor(keeper: Host, docker: Shell) -> None:
    docker("run", "-d", "--name", "web", IMAGE, "redis-server", "--port", "7000")
    docker("run", "-d", "--name", "cache", "--network", "container:web", IMAGE, *OPEN)
    begun = time.time()
    docker("restart", "-t", "0", "web")
    address = docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "web")
    answered = pongs(keeper, address)
    started = start_event(keeper, "web", begun)
    said(keeper, "cache: restarted: its donor web has a new network namespace")
    assert answered - started < 2


def test_n11_an_interface_is_back_after_its_container_was_restarted(
    keeper: Host, docker: Shell, run_module: Run
) -> None:
    docker("run", "-d", "--name", "alone", "--network", "none", IMAGE, *OPEN)
    made = run_module("interfaces", {"interfaces": [ETH0]})
    assert not made.get("failed"), made
    docker("restart", "-t", "0", "alone")
    pongs(keeper, "172.17.200.5")
    said(keeper, "alone:eth0: create: there is no such interface")
