# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom interfaces in containers of none mode, on a real kernel: made, fixed, removed, refused, interrupted."""

from __future__ import annotations

import json
from functools import partial
from textwrap import indent
from typing import Any, Callable

import pytest
from ansible_collections.netmode.docker.plugins.modules.interfaces import EXAMPLES
from interfaces_lab import inside, interrupt
from lab import IMAGE, Host, Play, wait_until

ENGINES = pytest.mark.engines
"""What hangs on the engine: how its containers and their namespaces come and go, and its networks."""

Run = Callable[..., dict[str, Any]]
Shell = Callable[..., str]
State = Callable[[], dict[str, Any]]

OPEN = ("redis-server", "--protected-mode", "no")
"""The command of a Redis that answers others."""
ETH0 = {
    "container": "web",
    "name": "eth0",
    "bridge": "docker0",
    "addresses": ["172.17.200.5/16"],
    "gateway": "172.17.0.1",
}
RECORD = "/var/lib/netmode/interfaces.json did not say so, and the keeper goes by that"
UP0 = {"container": "web", "name": "up0", "kind": "physical", "parent": "uplink", "addresses": ["10.91.0.2/24"]}
UPLINK = "02:00:00:00:91:01"


@pytest.fixture
def interfaces(run_module: Run) -> Run:
    """The module over a list of interfaces; further words go to ``run_module``."""

    def run(*wanted: dict[str, Any], **how: Any) -> dict[str, Any]:
        return run_module("interfaces", {"interfaces": list(wanted)}, **how)

    return run


@pytest.fixture
def web(docker: Shell) -> str:
    return docker("run", "-d", "--name", "web", "--network", "none", IMAGE, *OPEN)


@pytest.fixture
def uplink(sh: Shell) -> None:
    """A link of the host that stands for a network card: one end of a pair, with something to be given back."""
    sh(
        f"ip link add uplink address {UPLINK} mtu 1460 type veth peer name far && ip link set uplink up alias 'the uplink'"
    )
    sh("ip link set far up")


@pytest.fixture
def interrupted(host: Host) -> Callable[..., str]:
    return partial(interrupt, host)


def pongs(host: Host, address: str) -> bool:
    return wait_until(
        lambda: "PONG" in host.sh(f"timeout 2 redis-cli -h {address} ping", check=False), f"PONG from {address}"
    )


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


def test_an_address_and_a_default_route_pass_from_one_interface_to_another_in_one_run(
    interfaces: Run, host: Host, web: str
) -> None:
    interfaces(ETH0)
    wanted = [{**ETH0, "name": "eth1"}, {"container": "web", "name": "eth0", "state": "absent"}]
    assert interfaces(*wanted)["changed"]
    assert not interfaces(*wanted)["changed"]
    assert pongs(host, "172.17.200.5")


def test_who_is_not_root_is_told_so(interfaces: Run, host: Host, web: str) -> None:
    host.sh("chmod 666 /var/run/docker.sock")
    try:
        result = interfaces(ETH0, user="games")
    finally:
        host.sh("chmod 660 /var/run/docker.sock")
    assert "become: true" in result["msg"]


def test_the_examples_of_the_documentation_run_as_written(play: Callable[..., Play], docker: Shell) -> None:
    docker("run", "-d", "--name", "redis", "--network", "none", IMAGE)
    text = "- hosts: localhost\n  gather_facts: false\n  tasks:\n" + indent(EXAMPLES, "    ")
    played = play(text)
    assert (played.rc, played.changed) == (0, 3), played.stdout
