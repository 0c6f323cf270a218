# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom interfaces in containers of none mode, on a real kernel: made, changed in place, moved, returned, removed."""

from __future__ import annotations

from textwrap import indent
from typing import Any, Callable

import pytest
from ansible_collections.netmode.docker.plugins.modules.interfaces import EXAMPLES
from interfaces_lab import ETH0, OPEN, UP0, inside, pongs
from lab import IMAGE, Host, Play, wait_until

ENGINES = pytest.mark.engines
"""What hangs on the engine: how its containers and their namespaces come and go, and its networks."""

Run = Callable[..., dict[str, Any]]
Shell = Callable[..., str]
State = Callable[[], dict[str, Any]]

RECORD = "/var/lib/netmode/interfaces.json did not say so, and the keeper goes by that"


@pytest.mark.spread
@ENGINES
def test_a_veth_on_docker0_is_made_as_described_and_a_second_run_changes_nothing(
    interfaces: Run, host: Host, host_state: State, web: str
) -> None:
    before, empty = host_state(), inside(host)
    predicted = interfaces(ETH0, check=True, diff=True)
    assert (host_state(), inside(host)) == (before, empty)
    made = interfaces(ETH0, diff=True)
    assert predicted == made
    assert made["interfaces"] == {
        "web:eth0": {
            "changed": True,
            "actions": ["create", "record"],
            "reasons": ["there is no such interface", RECORD],
        }
    }
    assert pongs(host, "172.17.200.5")
    facts = host.run_module("network_facts")["ansible_facts"]["docker_network"]
    (eth0,) = facts["containers"]["web"]["interfaces"]
    assert (eth0["managed_by"], eth0["bridge"], eth0["ipv4"]) == ("netmode", "docker0", ["172.17.200.5/16"])
    assert eth0["veth"] in facts["bridges"]["docker0"]["ports"]
    assert facts["veths"][eth0["veth"]]["container"] == "web"
    assert facts["containers"]["web"]["gateway"] == "172.17.0.1"
    there = inside(host)
    again = interfaces(ETH0, diff=True)
    assert again["interfaces"] == {"web:eth0": {"changed": False, "actions": [], "reasons": []}}
    assert not again["changed"]
    assert inside(host) == there


@pytest.mark.spread
@ENGINES
def test_n12_second_run_removal_and_removal_of_a_default_route_leave_nothing_behind(
    interfaces: Run, host: Host, host_state: State, web: str
) -> None:
    before, empty = host_state(), inside(host)
    interfaces(ETH0)
    assert not interfaces(ETH0)["changed"]
    without = {key: value for key, value in ETH0.items() if key != "gateway"}
    result = interfaces(without)["interfaces"]["web:eth0"]
    assert result["actions"] == ["set routes", "record"]
    assert result["reasons"] == ["routes: 0.0.0.0/0 via 172.17.0.1 -> none", RECORD]
    assert inside(host)["routes"] == []
    assert not interfaces(without)["changed"]
    gone = {"container": "web", "name": "eth0", "state": "absent"}
    assert interfaces(gone, check=True)["changed"]
    assert interfaces(gone)["interfaces"]["web:eth0"]["actions"] == ["remove", "forget"]
    assert not interfaces(gone)["changed"]
    assert inside(host) == empty
    assert host_state() == before


def test_n13_a_physical_interface_is_returned_as_it_was_when_it_is_removed(
    interfaces: Run, host: Host, host_state: State, web: str, uplink: None
) -> None:
    before, empty = host_state(), inside(host)
    wanted = {**UP0, "mtu": 1400, "mac": "02:00:00:00:91:77"}
    interfaces(wanted)
    assert not interfaces(wanted)["changed"]
    up0 = inside(host)["up0"]
    assert (up0["mtu"], up0["address"], up0["addresses"]) == (1400, "02:00:00:00:91:77", ["10.91.0.2/24"])
    host.sh("ip address add 10.91.0.1/24 dev far")
    assert pongs(host, "10.91.0.2")
    host.sh("ip address del 10.91.0.1/24 dev far")
    result = interfaces({**UP0, "state": "absent"})
    assert result["interfaces"]["web:up0"]["actions"] == ["return uplink to the host", "forget"]
    assert inside(host) == empty
    assert host_state() == before


@ENGINES
def test_n13_a_physical_interface_of_a_container_that_stopped_is_put_right_and_its_loss_is_told(
    interfaces: Run, host: Host, host_state: State, docker: Shell, sh: Shell, web: str, uplink: None
) -> None:
    before = host_state()["links"]
    interfaces(UP0)
    pid = docker("inspect", "-f", "{{.State.Pid}}", "web")
    sh(f"nsenter -t {pid} -n ip link set up0 netns 1 name dev7")  # what the kernel does with a card of a dead namespace
    docker("stop", "-t", "0", "web")
    result = interfaces({**UP0, "state": "absent"})["interfaces"]["web:up0"]
    assert result["actions"] == ["return uplink to the host", "forget"]
    assert host_state()["links"] == before
    docker("start", "web")
    interfaces(UP0)
    docker("kill", "web")
    wait_until(lambda: "uplink" not in sh("ip -br link"), "the kernel removes a virtual link with its namespace")
    docker("start", "web")
    lost = interfaces(UP0)
    assert "this host has no link uplink" in lost["msg"]
    assert "the kernel lost it" in lost["msg"]
    assert interfaces({**UP0, "state": "absent"})["interfaces"]["web:up0"]["actions"] == ["forget"]
    assert not interfaces({**UP0, "state": "absent"})["changed"]


MENDS = [
    ({"mtu": 1400}, ["set mtu"]),
    ({"mac": "02:00:00:00:00:77"}, ["set mac"]),
    ({"addresses": ["172.17.200.5/16", "172.17.200.6/16", "172.17.200.7/24"]}, ["set addresses"]),
    ({"addresses": ["172.17.200.6/16"]}, ["set addresses"]),
    ({"routes": [{"to": "10.77.0.0/16", "via": "172.17.0.1"}, {"to": "10.78.0.0/16"}]}, ["set routes"]),
    ({"bridge": "br-own"}, ["set bridge"]),
]


def test_every_attribute_is_fixed_in_place_and_back(interfaces: Run, host: Host, web: str) -> None:
    host.sh("ip link add br-own type bridge && ip link set br-own up")
    interfaces({**ETH0, "mtu": 1500, "mac": "02:00:00:00:00:05"})
    plain = {**ETH0, "mtu": 1500, "mac": "02:00:00:00:00:05"}
    there = inside(host)
    for differing, actions in MENDS:
        result = interfaces({**plain, **differing})
        assert result["interfaces"]["web:eth0"]["actions"] == [*actions, "record"], result
        assert inside(host)["eth0"]["ifindex"] == there["eth0"]["ifindex"]
        assert not interfaces({**plain, **differing})["changed"], differing
        assert interfaces(plain)["interfaces"]["web:eth0"]["actions"] == [*actions, "record"]
        assert inside(host) == there, differing


@pytest.mark.spread
@ENGINES
def test_several_interfaces_two_families_and_a_docker_network_by_its_name(
    interfaces: Run, host: Host, docker: Shell, web: str
) -> None:
    docker("network", "create", "--subnet", "10.62.0.0/24", "--ip-range", "10.62.0.0/25", "back")
    docker("run", "-d", "--name", "other", "--network", "none", IMAGE, *OPEN)
    host.sh("ip link add br-own type bridge && ip link set br-own up && ip address add 10.63.0.1/24 dev br-own")
    host.sh("echo 0 >/proc/sys/net/ipv6/conf/br-own/disable_ipv6 && ip address add fd00:63::1/64 dev br-own nodad")
    wanted = [
        ETH0,
        {"container": "web", "name": "own0", "bridge": "br-own", "addresses": ["10.63.0.2/24", "fd00:63::2/64"],
         "routes": [{"to": "::/0", "via": "fd00:63::3"}]},
        {"container": "other", "name": "own0", "bridge": "br-own", "addresses": ["10.63.0.3/24", "fd00:63::3/64"]},
        {"container": "other", "name": "back0", "bridge": "back", "addresses": ["10.62.0.200/24"], "gateway": "10.62.0.1"},
    ]  # fmt: skip
    assert list(interfaces(*wanted)["interfaces"]) == ["web:eth0", "web:own0", "other:own0", "other:back0"]
    assert not interfaces(*wanted)["changed"]
    for address in ("10.63.0.2", "fd00:63::2", "10.63.0.3", "fd00:63::3", "10.62.0.200"):
        assert pongs(host, address)


@ENGINES
def test_an_interface_is_back_with_the_same_mac_after_the_container_was_restarted(
    interfaces: Run, host: Host, docker: Shell, sh: Shell, web: str
) -> None:
    interfaces(ETH0)
    before = inside(host)["eth0"]["address"]
    docker("restart", "-t", "0", "web")
    assert interfaces(ETH0)["interfaces"]["web:eth0"]["actions"] == ["create"]
    assert inside(host)["eth0"]["address"] == before
    assert pongs(host, "172.17.200.5")
    wait_until(
        lambda: len(sh("ls /sys/class/net/docker0/brif").split()) == 1, "the old pair is gone, the new one there"
    )


@pytest.mark.spread
@ENGINES
def test_purge_leaves_a_container_what_the_list_has_and_forgets_one_that_is_gone(
    run_module: Run, interfaces: Run, host: Host, host_state: State, docker: Shell, web: str
) -> None:
    before, empty = host_state(), inside(host)
    back0 = {"container": "web", "name": "back0", "bridge": "docker0", "addresses": ["172.17.200.6/16"]}
    interfaces(ETH0, back0)
    purged = {"interfaces": [back0], "purge": ["web"]}
    predicted = run_module("interfaces", purged, check=True)
    result = run_module("interfaces", purged)
    assert predicted == result
    assert list(result["interfaces"]) == ["web:back0", "web:eth0"]
    assert result["interfaces"]["web:eth0"]["actions"] == ["remove", "forget"]
    assert sorted(inside(host)) == ["back0", "routes"]
    assert not run_module("interfaces", purged)["changed"]
    beginning = {"interfaces": [], "purge": [web[:6]]}  # as db is the name of one and the beginning of another's id
    assert not run_module("interfaces", beginning)["changed"]
    docker("rm", "-f", "web")
    docker("run", "-d", "--name", "web", IMAGE, *OPEN)
    gone = run_module("interfaces", {"interfaces": [], "purge": ["web"]})
    assert gone["interfaces"]["web:back0"]["actions"] == ["forget"], "in bridge mode it has none of this module's"
    assert not run_module("interfaces", {"interfaces": [], "purge": ["web", "nobody"]})["changed"]
    assert host_state()["files"] == before["files"]
    assert empty == {"routes": []}


def test_check_mode_predicts_the_interfaces_of_containers_that_are_pending(
    run_module: Run, interfaces: Run, host: Host, host_state: State, docker: Shell, web: str, uplink: None
) -> None:
    interfaces(ETH0, UP0)
    new0 = {"container": "new", "name": "new0", "bridge": "docker0", "addresses": ["172.17.200.7/16"]}
    docker("run", "-d", "--name", "new", IMAGE)
    wanted = {"interfaces": [ETH0, UP0, new0], "pending": ["web", "new", "never"]}
    expected = {"web:eth0": ["create"], "web:up0": [], "new:new0": ["create", "record"]}
    told = run_module("interfaces", wanted, check=True)["interfaces"]
    assert {name: one["actions"] for name, one in told.items()} == expected, "one of another mode"
    docker("rm", "-f", "new")
    before = host_state()
    told = run_module("interfaces", wanted, check=True)["interfaces"]
    assert {name: one["actions"] for name, one in told.items()} == expected, "one that is not there"
    outside = {**wanted, "interfaces": [{**new0, "addresses": ["10.99.0.5/24"]}]}
    assert "outside the subnet of docker0" in run_module("interfaces", outside, check=True)["msg"]
    taken = {**wanted, "interfaces": [{**new0, "addresses": ["172.17.0.1/16"]}]}
    assert "in use on docker0" in run_module("interfaces", taken, check=True)["msg"]
    assert "the engine knows no container new" in run_module("interfaces", wanted)["msg"]
    assert host_state() == before


def test_an_address_and_a_default_route_pass_from_one_interface_to_another_in_one_run(
    interfaces: Run, host: Host, web: str
) -> None:
    interfaces(ETH0)
    wanted = [{**ETH0, "name": "eth1"}, {"container": "web", "name": "eth0", "state": "absent"}]
    assert interfaces(*wanted)["changed"]
    assert not interfaces(*wanted)["changed"]
    assert pongs(host, "172.17.200.5")


def test_the_examples_of_the_documentation_run_as_written(play: Callable[..., Play], docker: Shell) -> None:
    docker("run", "-d", "--name", "redis", "--network", "none", IMAGE)
    text = "- hosts: localhost\n  gather_facts: false\n  tasks:\n" + indent(EXAMPLES, "    ")
    played = play(text)
    assert (played.rc, played.changed) == (0, 3), played.stdout
