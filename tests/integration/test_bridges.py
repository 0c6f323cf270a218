# SPDX-License-Identifier: GPL-3.0-or-later
"""O7: bridges that others made become networks where they are meant, as they are, and stay; else that is refused."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from check_subjects import pool
from keeper_lab import OPEN
from lab import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., dict[str, Any]]
    State = Callable[[], dict[str, Any]]


@pytest.mark.spread
@pytest.mark.engines
def test_o7_a_bridge_that_is_there_and_meant_is_taken_and_left(
    networks: Run, sh: Callable[..., str], docker: Callable[..., str], image: str, host_state: State
) -> None:
    for name, address in (("br-bare", ""), ("br-own", "10.66.0.9/24"), ("br-other", "10.67.0.9/24")):
        sh(
            f"ip link add {name} type bridge; ip link set {name} up; [ -z '{address}' ] || ip a add {address} dev {name}"
        )
    wanted = [
        {"name": "bare", "bridge_name": "br-bare", **pool("10.65.0.0/24")},
        {"name": "own", "bridge_name": "br-own", **pool("10.66.0.0/24", gateway="10.66.0.9")},
    ]
    assert networks(*wanted)["changed"]
    assert not networks(*wanted)["changed"]
    assert "10.66.0.9/24" in sh("ip -4 -br address show br-own")
    docker("run", "-d", "--name", "on-it", "--network", "own", image)
    assert "on-it" in sh("docker network inspect own")
    docker("rm", "-f", "on-it")
    assert networks({**wanted[1], "mtu": 1400})["networks"]["own"]["actions"] == ["remove", "create"]
    before = host_state()
    for refused in (pool("10.67.0.0/24"), pool("10.68.0.0/24"), {}):
        said = networks({"name": "robber", "bridge_name": "br-other", **refused})["msg"]
        assert "br-other" in said
        assert "10.67.0.9" in said
    assert host_state() == before
    assert networks(*({"name": name, "state": "absent"} for name in ("bare", "own")))["changed"]
    assert sh("ip -br link show br-own")
    assert "10.66.0.9/24" in sh("ip -4 -br address show br-own"), "what was there is left"


BY_HAND = {
    "down": "",
    "with-a-port": "ip link add nmh-port type veth peer name nmh-far; ip link set nmh-port up master {}",
    "of-a-spanning-tree": "ip link set {} type bridge stp_state 1 forward_delay 200; ip link set {} up",
    "with-two-addresses": "ip address add 10.69.3.9/24 dev {}; ip address add 10.70.0.9/24 dev {}; ip link set {} up",
    "filters-vlans": "ip link set {} type bridge vlan_filtering 1; ip link set {} up",
}
"""Bridges that others made before, as for virtual machines: what is done after they were added."""


@pytest.mark.spread
@pytest.mark.engines
def test_o7_bridges_that_others_made_become_networks_as_they_are_and_stay(
    networks: Run, sh: Callable[..., str], docker: Callable[..., str], image: str
) -> None:
    bridges = {name: f"nmh{number}" for number, name in enumerate(BY_HAND)}
    for name, bridge in bridges.items():
        sh(f"ip link add {bridge} type bridge; " + BY_HAND[name].replace("{}", bridge))
    before = {name: look_at(sh, bridge) for name, bridge in bridges.items()}
    wanted = [
        {"name": name, "bridge_name": bridge, **pool(f"10.69.{number}.0/24", gateway=f"10.69.{number}.9")}
        for number, (name, bridge) in enumerate(bridges.items())
    ]
    predicted = networks(*wanted, check=True)
    assert predicted.get("changed"), predicted
    assert networks(*wanted)["changed"]
    assert not networks(*wanted)["changed"]
    for name, bridge in bridges.items():
        docker("run", "-d", "--name", f"on-{name}", "--network", name, image, *OPEN)
        address = docker(
            "inspect", "-f", f"{{{{(index .NetworkSettings.Networks {json.dumps(name)}).IPAddress}}}}", f"on-{name}"
        )
        wait_until(
            lambda address=address: sh(f"redis-cli -h {address} ping", check=False) == "PONG", f"{name} is reached"
        )
        docker("rm", "-f", f"on-{name}")
        assert look_at(sh, bridge) == before[name], "it is as it was"
    assert networks(*({"name": name, "state": "absent"} for name in bridges))["changed"]
    assert {name: look_at(sh, bridge) for name, bridge in bridges.items()} == before


AT = ("10.69.9.9/24", "10.69.9.5/24", "10.70.9.9/24", "10.69.9.9/16")
"""Addresses of a bridge, the first of them the network's gateway."""


@pytest.mark.spread
@pytest.mark.engines
def test_o7_a_bridge_is_refused_exactly_where_the_engine_would_take_an_address_away(
    networks: Run, sh: Callable[..., str]
) -> None:
    """The module's verdict, and what becomes of the bridge once the engine has the network on it."""
    look = "ip -4 -o address show nmh9 | awk '{print $4}'"
    for there in [(), *itertools.chain(*(itertools.permutations(*some) for some in ((AT, 1), (AT[:3], 2))))]:
        sh("ip link add nmh9 type bridge; ip link set nmh9 up")
        for address in there:
            sh(f"ip address add {address} dev nmh9")
        told = networks({"name": "nmh", "bridge_name": "nmh9", **pool("10.69.9.0/24", gateway="10.69.9.9")}, check=True)
        by_hand = (
            "docker network create -o com.docker.network.bridge.name=nmh9 --subnet 10.69.9.0/24 --gateway 10.69.9.9 nmh"
        )
        sh(by_hand, check=False)
        assert bool(told.get("failed")) == bool({*there} - {*sh(look).split()}), (there, told.get("msg"))
        sh("docker network rm nmh", check=False)
        sh("ip link delete nmh9")


def look_at(sh: Callable[..., str], bridge: str) -> Any:
    """What the bridge is besides its addresses, and which ports it has."""
    (link,) = json.loads(sh(f"ip -j -d link show {bridge}"))
    data = link["linkinfo"]["info_data"]
    ports = [port["ifname"] for port in json.loads(sh(f"ip -j link show master {bridge}") or "[]")]
    return data["stp_state"], data["forward_delay"], data["vlan_filtering"], ports
