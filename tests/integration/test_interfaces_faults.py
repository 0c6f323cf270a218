# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom interfaces where something is wrong: changed by hand, refused, a record that is damaged, a run that is cut off."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Callable

import pytest
from interfaces_lab import ETH0, OPEN, UP0, inside, interrupt, pongs
from lab import IMAGE, Host, wait_until

Run = Callable[..., dict[str, Any]]
Shell = Callable[..., str]
State = Callable[[], dict[str, Any]]


@pytest.fixture
def interrupted(host: Host) -> Callable[..., str]:
    return partial(interrupt, host)


def test_what_was_changed_by_hand_is_fixed(interfaces: Run, host: Host, web: str) -> None:
    interfaces(ETH0)
    there = inside(host)
    pid = host.docker("inspect", "-f", "{{.State.Pid}}", "web")
    for by_hand in (
        "ip address flush dev eth0", "ip link set eth0 down", "ip route del default", "ip address add 10.1.1.1/8 dev eth0",
        "ip link set eth0 alias x",
    ):  # fmt: skip
        host.sh(f"nsenter -t {pid} -n {by_hand}")
        assert interfaces(ETH0)["changed"], by_hand
        assert inside(host) == there, by_hand
    host.sh("ip link set $(ls /sys/class/net/docker0/brif | head -n 1) nomaster down")
    assert interfaces(ETH0)["changed"]
    assert pongs(host, "172.17.200.5")
    assert not interfaces(ETH0)["changed"]


RECORDED = "/var/lib/netmode/interfaces.json"
DAMAGED = [
    "{",
    "[]",
    '{"version": 99, "interfaces": {}}',
    '{"version": 1}',
    '{"version": 1, "interfaces": {"web:eth0": {"container": "web", "name": "eth1", "kind": "dummy"}}}',
    '{"version": 1, "interfaces": {"web:eth0": {"container": "web", "name": "eth0"}}}',
    '{"web:eth0": 1}',
]


def test_o13_a_record_that_is_damaged_is_told_kept_aside_and_written_again(
    interfaces: Run, host: Host, web: str
) -> None:
    for number, text in enumerate(DAMAGED):
        host.sh("rm -f /var/lib/netmode/*")
        host.write(RECORDED, text)
        (warning,) = interfaces(ETH0, check=True)["warnings"]
        assert RECORDED in str(warning), number
        assert host.sh(f"cat {RECORDED}") == text
        result = interfaces(ETH0)
        assert not result.get("failed"), result
        assert RECORDED in str(result["warnings"]), number
        assert host.sh(f"cat {RECORDED}.aside") == text
        assert list(json.loads(host.sh(f"cat {RECORDED}"))["interfaces"]) == ["web:eth0"]
    assert not interfaces(ETH0).get("warnings")
    host.sh(f"rm {RECORDED}; mkfifo {RECORDED}")
    assert "not a regular file" in str(interfaces(ETH0)["warnings"])


@pytest.mark.parametrize("kind", ["macvlan", "ipvlan", "dummy"])
def test_kinds_that_the_kernel_may_lack(
    interfaces: Run, host: Host, host_state: State, web: str, uplink: None, kind: str
) -> None:
    parent = {} if kind == "dummy" else {"parent": "uplink"}
    wanted = {"container": "web", "name": "x0", "kind": kind, "addresses": ["10.91.0.3/24"], **parent}
    before, empty = host_state(), inside(host)
    result = interfaces(ETH0, wanted)
    if result.get("failed"):
        assert f"interface web:x0: kind: this host's kernel has no {kind} links (Unknown device type)" in result["msg"]
        assert f"modprobe {kind}" in result["msg"]
    else:
        assert inside(host)["x0"]["addresses"] == ["10.91.0.3/24"]
        assert not interfaces(ETH0, wanted)["changed"]
        interfaces({**ETH0, "state": "absent"}, {**wanted, "state": "absent"})
    assert inside(host) == empty, "what the run had made before is removed again"
    assert host_state() == before


def renumbered(state: dict[str, Any]) -> dict[str, Any]:
    """Without the number of the physical link: the kernel gives another where a container's link has the same."""
    state["links"].sort(key=lambda link: str(link["ifname"]))
    for link in state["links"]:
        link.pop({"uplink": "ifindex", "far": "link_index"}.get(link["ifname"], ""), None)
    return state


@pytest.mark.thorough
def test_killed_between_any_two_steps_a_second_run_converges(
    interfaces: Run, interrupted: Callable[..., str], host: Host, host_state: State, web: str, uplink: None
) -> None:
    wanted = [{**ETH0, "addresses": ["172.17.200.5/16", "fd00:17::5/64"]}, {**UP0, "mtu": 1400}]
    gone = [{**item, "state": "absent"} for item in wanted]
    before, empty = renumbered(host_state()), inside(host)
    interfaces(*wanted)
    right = {name: {**link, "ifindex": 0} if "ifindex" in link else link for name, link in inside(host).items()}
    interfaces(*gone)
    assert renumbered(host_state()) == before
    for steps in range(100):
        if interrupted("kill", steps, *wanted) != "killed":
            break
        interfaces(*wanted)
        now = inside(host)
        assert {name: {**link, "ifindex": 0} if "ifindex" in link else link for name, link in now.items()} == right, (
            steps
        )
        assert not interfaces(*wanted)["changed"], steps
        interrupted("kill", steps, *gone)
        interfaces(*gone)
        assert inside(host) == empty, steps
        assert renumbered(host_state()) == before, steps
        interrupted("kill", steps, *wanted)
        interfaces(*gone)
        assert inside(host) == empty, steps
        assert renumbered(host_state()) == before, steps
    assert 10 < steps < 99


@pytest.mark.thorough
def test_when_any_step_fails_what_the_run_had_made_is_removed_again(
    interfaces: Run, interrupted: Callable[..., str], host: Host, host_state: State, web: str, uplink: None
) -> None:
    interfaces({**ETH0, "name": "old0", "gateway": None})
    old = {**ETH0, "name": "old0", "gateway": None, "mtu": 1450, "addresses": ["172.17.200.9/16"]}
    wanted = [{**ETH0, "addresses": ["172.17.200.6/16"]}, old, UP0]
    before, there = host_state(), inside(host)
    for steps in range(100):
        said = interrupted("fail", steps, *wanted)
        if not said:
            break
        assert "it is made to fail here. What this run had made is removed again." in said
        assert inside(host) == there, steps
        assert host_state() == before, steps
    assert 10 < steps < 99


REFUSED = [
    ({**ETH0, "container": "nobody"}, "the engine knows no container nobody"),
    ({**ETH0, "container": "ended"}, "it is exited"),
    ({**ETH0, "container": "bridged"}, "its network mode is"),
    ({**ETH0, "name": "by-hand0"}, "somebody else owns it"),
    ({"container": "web", "name": "by-hand0", "state": "absent"}, "somebody else owns it"),
    ({**ETH0, "name": "sixteen-letters-"}, "(it has 16)"),
    ({**ETH0, "bridge": "br-none"}, "neither a bridge of this host nor a Docker network"),
    ({**ETH0, "bridge": "held0"}, "held0 is not a bridge"),
    ({**ETH0, "vlan": 10}, "does not filter by VLAN"),
    ({**ETH0, "vlan": 4095}, "4095 is not from 1 to 4094"),
    ({**ETH0, "addresses": ["10.99.0.5/16"], "gateway": None}, "outside the subnet of docker0 (172.17.0.0/16)"),
    ({**ETH0, "addresses": ["172.17.0.1/16"], "gateway": None}, "in use on docker0: the bridge itself"),
    ({**ETH0, "addresses": ["172.17.0.2/16"]}, "the container bridged, on eth0, has it"),
    ({**ETH0, "addresses": ["172.17.200.77/16"]}, "the container other, on eth0, has it"),
    ({**ETH0, "bridge": "back", "addresses": ["10.62.0.8/24"], "gateway": None}, "the stopped container static has it"),
    (
        {**ETH0, "bridge": "back", "addresses": ["10.62.0.9/24"], "gateway": None},
        "a, reserved in the Docker network back",
    ),
    ({**ETH0, "gateway": "10.99.0.1"}, "gateway 10.99.0.1 cannot be reached"),
    ({**ETH0, "gateway": "172.17.200.5"}, "the interface's own address"),
    ({**ETH0, "mac": "03:00:00:00:00:01"}, "multicast"),
    ({**ETH0, "mtu": 60}, "60 is not from 68"),
    ({**ETH0, "parent": "held0"}, "kind veth has no such option"),
    ({"container": "web", "name": "x0", "kind": "macvlan", "parent": "eth77"}, "this host has no link eth77"),
    ({"container": "web", "name": "x0", "kind": "physical", "parent": "held0"}, "the host's addresses 10.72.3.1/24"),
    ({"container": "web", "name": "x0", "kind": "physical", "parent": "docker0"}, "cannot be given away"),
]


def test_what_cannot_be_is_refused_with_one_message_before_anything_changes(
    interfaces: Run, host: Host, host_state: State, docker: Shell, web: str
) -> None:
    docker("network", "create", "--subnet", "10.62.0.0/24", "--aux-address", "a=10.62.0.9", "back")
    docker("create", "--name", "static", "--network", "back", "--ip", "10.62.0.8", IMAGE)
    docker("run", "-d", "--name", "bridged", IMAGE, *OPEN)
    docker("run", "-d", "--name", "ended", "--network", "none", IMAGE, *OPEN)
    docker("stop", "-t", "0", "ended")
    docker("run", "-d", "--name", "other", "--network", "none", IMAGE, *OPEN)
    interfaces({**ETH0, "container": "other", "addresses": ["172.17.200.77/16"]})
    host.sh("ip link add held0 type veth peer name held1 && ip address add 10.72.3.1/24 dev held0")
    pid = docker("inspect", "-f", "{{.State.Pid}}", "web")
    host.sh(f"ip link add by-hand1 type veth peer name by-hand0 netns {pid} && ip link set by-hand1 up")
    wait_until(lambda: "tentative" not in host.sh("ip address show up"), "no address is on trial any more")
    before, there = host_state(), inside(host)
    for wanted, words in REFUSED:
        result = interfaces({**ETH0, "name": "first0", "gateway": None, "addresses": ["172.17.201.1/16"]}, wanted)
        assert result.get("failed"), (wanted, result)
        assert result["msg"].startswith(f"interface {wanted['container']}:{wanted['name']}: "), result["msg"]
        assert words in result["msg"]
    assert (host_state(), inside(host)) == (before, there)


def test_who_is_not_root_is_told_so(interfaces: Run, host: Host, web: str) -> None:
    host.sh("chmod 666 /var/run/docker.sock")
    try:
        result = interfaces(ETH0, user="games")
    finally:
        host.sh("chmod 660 /var/run/docker.sock")
    assert "become: true" in result["msg"]
