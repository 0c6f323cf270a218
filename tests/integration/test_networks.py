# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks on a real engine: what the list says is what the kernel has, and no container loses its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from textwrap import indent
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.modules.networks import EXAMPLES
from lab import Host, Play, wait_until

Run = Callable[..., dict[str, Any]]
State = Callable[[], dict[str, Any]]
SUBNET = "10.61.0.0/16"
OTHER = {"config": [{"subnet": "10.62.0.0/16"}]}
OPEN = ("redis-server", "--protected-mode", "no")
"""The command of a Redis that answers other containers."""
BASE = {"name": "redis_net", "ipam": {"config": [{"subnet": SUBNET}]}}


@pytest.fixture
def far_route(sh: Callable[..., str]) -> Iterator[None]:
    """Hosts behind a router, at 10.73.0.0/16."""
    sh("ip route add 10.73.0.0/16 via 10.0.2.2")
    yield
    sh("ip route del 10.73.0.0/16")


def test_a_network_is_made_as_described_and_a_second_run_changes_nothing(
    networks: Run, docker: Callable[..., str], sh: Callable[..., str], host_state: State, image: str
) -> None:
    wanted = {
        "name": "redis_net", "bridge_name": "br-redis", "mtu": 1400, "icc": False, "masquerade": False,
        "enable_ipv6": True, "labels": {"tier": "front"},
        "ipam": {"config": [
            {"subnet": SUBNET, "gateway": "10.61.0.254", "ip_range": "10.61.7.0/24",
             "aux_addresses": {"a": "10.61.7.0"}},
            {"subnet": "FD00:61:0:0::/64"},
        ]},
    }  # fmt: skip
    before = host_state()
    predicted = networks(wanted, check=True, diff=True)
    assert host_state() == before
    made = networks(wanted, diff=True)
    assert predicted["networks"]["redis_net"] == {**made["networks"]["redis_net"], "id": ""}
    assert (predicted["changed"], predicted["diff"]) == (made["changed"], made["diff"])
    assert made["networks"]["redis_net"]["actions"] == ["create"]
    again = networks(wanted)
    assert again["networks"]["redis_net"] == {
        "id": made["networks"]["redis_net"]["id"], "changed": False, "actions": [], "reasons": [],
    }  # fmt: skip
    docker("run", "-d", "--name", "web", "--network", "redis_net", image)
    (bridge,) = json.loads(sh("ip -j address show br-redis"))
    assert {"10.61.0.254", "fd00:61::1"} <= {address["local"] for address in bridge["addr_info"]}
    (link,) = json.loads(docker("exec", "web", "ip", "-j", "address", "show", "eth0"))
    assert link["mtu"] == 1400
    assert "10.61.7.1" in [address["local"] for address in link["addr_info"]]
    assert f"-s {SUBNET} ! -o br-redis -j MASQUERADE" not in sh("iptables -t nat -S POSTROUTING")
    assert "-i br-redis -o br-redis -j DROP" in sh("iptables -S FORWARD")
    assert not networks(wanted)["changed"]


def pool(subnet: str, **given: Any) -> dict[str, Any]:
    return {"ipam": {"config": [{"subnet": subnet, **given}]}}


OPTIONS = {
    "bridge_name": {"bridge_name": "br-other"},
    "mtu": {"mtu": 1400},
    "icc": {"icc": False},
    "masquerade": {"masquerade": False},
    "internal": {"internal": True},
    "attachable": {"attachable": True},
    "labels": {"labels": {"a": "b", "n": 1, "t": "true"}},
    "driver": {"driver": "macvlan", "driver_opts": {"parent": "docker0"}},
    "driver_opts": {"driver_opts": {"com.docker.network.bridge.host_binding_ipv4": "127.0.0.1"}},
    "enable_ipv6": {"enable_ipv6": True, "ipam": {"config": [{"subnet": "10.61.9.0/24"}, {"subnet": "fd00:61::/64"}]}},
    "ip_range": pool("10.61.10.0/24", ip_range="10.61.10.128/25"),
    "gateway": pool("10.61.11.0/24", gateway="10.61.11.9"),
    "aux_addresses": pool("10.61.12.0/24", aux_addresses={"a": "10.61.12.9"}),
    "subnet": pool("10.62.0.0/16"),
}


def test_every_option_is_set_kept_and_taken_back(networks: Run) -> None:
    plain = [{"name": name, **pool(f"10.61.{number}.0/24")} for number, name in enumerate(OPTIONS)]
    given = [{**network, **OPTIONS[network["name"]]} for network in plain]
    for number, wanted, actions in (
        (0, plain, ["create"]),
        (1, given, ["remove", "create"]),
        (2, plain, ["remove", "create"]),
    ):
        for again in (False, True):
            result = networks(*wanted)["networks"]
            done = {name: entry["actions"] for name, entry in result.items()}
            assert done == {name: [] if again else actions for name in OPTIONS}, (number, again)


@pytest.mark.parametrize("driver", ["macvlan", "ipvlan"])
def test_networks_on_a_parent_link(networks: Run, sh: Callable[..., str], driver: str) -> None:
    sh("ip link add parent0 type veth peer name parent1")
    wanted = {"name": "lan", "driver": driver, "driver_opts": {"parent": "parent0"}, "ipam": BASE["ipam"]}
    assert [networks(wanted)["changed"], networks(wanted)["changed"]] == [True, False]


def test_addresses_that_the_engine_chose_stay_its_choice(networks: Run) -> None:
    assert [networks({"name": "any"})["changed"], networks({"name": "any"})["changed"]] == [True, False]


def test_a_network_made_otherwise_by_hand_is_fixed(networks: Run, docker: Callable[..., str]) -> None:
    docker("network", "create", "--subnet", SUBNET, "-o", "com.docker.network.bridge.enable_icc=0", "redis_net")
    result = networks({**BASE, "icc": True})
    assert result["networks"]["redis_net"]["reasons"] == [
        "driver_opts com.docker.network.bridge.enable_icc: false -> true"
    ]


def places(host: Host) -> dict[str, Any]:
    """By container: its networks with what the user asked of each endpoint, and its addresses."""
    kept = ("IPAMConfig", "IPAddress", "MacAddress", "Links")
    found = {}
    for item in host.api("/containers/json?all=1"):
        networks = host.api(f"/containers/{item['Id']}/json")["NetworkSettings"]["Networks"]
        found[item["Names"][0]] = {
            name: {"Aliases": sorted(end["Aliases"] or []), **{key: end[key] or {} for key in kept}}
            for name, end in networks.items()
        }
    return found


def asked(found: dict[str, Any], name: str) -> Any:
    return found[f"/{name}"]["redis_net"]["IPAMConfig"]


def test_containers_keep_their_place_on_a_network_that_is_recreated(
    networks: Run, docker: Callable[..., str], host: Host, image: str
) -> None:
    back = {"name": "back", "ipam": OTHER}
    networks(BASE, back)
    on_it = ("run", "-d", "--network", "redis_net")
    docker(*on_it, "--name", "free", image, *OPEN)
    docker(*on_it, "--name", "web", "--ip", "10.61.9.9", "--network-alias", "www", "--mac-address", "02:42:0a:05:00:77",
           "-p", "8080:6379", image, *OPEN)  # fmt: skip
    docker("network", "connect", "--ip", "10.62.0.77", "--alias", "second", "--link", "free:f", "back", "web")
    docker(*on_it, "--name", "ended", "--ip", "10.61.9.11", image, *OPEN)
    docker("stop", "-t", "0", "ended")
    docker("create", "--network", "redis_net", "--name", "fresh", "--ip", "10.61.9.10", image, *OPEN)
    before = places(host)
    result = networks({**BASE, "mtu": 1400}, {**back, "mtu": 1400})
    assert result["networks"]["redis_net"]["actions"] == [
        *(f"disconnect {name}" for name in ("ended", "fresh", "web", "free")), "remove", "create",
        *(f"connect {name}" for name in ("ended", "fresh", "web", "free")),
    ]  # fmt: skip
    now = places(host)
    # The engine names a container that never ran only once it is connected: its short id is not an alias of the user's.
    assert asked(now, "fresh") == asked(before, "fresh") == {"IPv4Address": "10.61.9.10"}
    assert {**now, "/fresh": {}} == {**before, "/fresh": {}}
    docker("start", "ended", "fresh")
    for alias in ("www", "web", "ended", "fresh"):
        ping = ("exec", "free", "redis-cli", "-h", alias, "ping")
        wait_until(lambda ping=ping: "PONG" in docker(*ping, check=False), f"{alias} answers free")
    assert "PONG" in host.sh("redis-cli -h 127.0.0.1 -p 8080 ping")
    assert not networks({**BASE, "mtu": 1400})["changed"]


def test_a_network_that_cannot_be_recreated_is_put_back_with_its_containers(
    networks: Run, docker: Callable[..., str], host: Host, image: str
) -> None:
    networks({**BASE, "labels": {"a": "b"}, "mtu": 1400})
    docker(
        "run",
        "-d",
        "--name",
        "web",
        "--network",
        "redis_net",
        "--ip",
        "10.61.9.9",
        "--network-alias",
        "www",
        image,
        *OPEN,
    )
    docker("create", "--name", "fresh", "--network", "redis_net", "--ip", "10.61.9.10", image, *OPEN)
    before = places(host)
    # A host without IPv6, and without the right to switch it on: the engine finds out when the old network is gone.
    host.sh("sysctl -qw net.ipv6.conf.default.disable_ipv6=1 && mount -o bind,ro /proc/sys /proc/sys")
    try:
        result = networks(
            {**BASE, "enable_ipv6": True, "ipam": {"config": [{"subnet": SUBNET}, {"subnet": "fd00:61::/64"}]}}
        )
    finally:
        host.sh("umount /proc/sys && sysctl -qw net.ipv6.conf.default.disable_ipv6=0")
    assert result.get("failed"), result
    assert "The network is again as it was, with its containers: fresh, web." in result["msg"]
    now = places(host)
    assert (now["/web"], asked(now, "fresh")) == (before["/web"], asked(before, "fresh"))
    docker("start", "fresh")
    ping = ("exec", "fresh", "redis-cli", "-h", "www", "ping")
    wait_until(lambda: "PONG" in docker(*ping, check=False), "www answers")
    assert not networks({**BASE, "labels": {"a": "b"}, "mtu": 1400})["changed"]


def test_a_subnet_passes_from_one_network_to_another_in_one_run(networks: Run) -> None:
    networks(BASE, {"name": "old", "bridge_name": "br-old", "ipam": OTHER})
    wanted = [
        {"name": "new", "ipam": BASE["ipam"]},
        {"name": "redis_net", "bridge_name": "br-old", "ipam": OTHER},
        {"name": "old", "state": "absent"},
    ]
    result = networks(*wanted)
    assert [name for name, entry in result["networks"].items() if entry["changed"]] == ["new", "redis_net", "old"]
    assert not networks(*wanted)["changed"]


def test_absent_removes_and_is_then_content(networks: Run, sh: Callable[..., str]) -> None:
    networks({**BASE, "bridge_name": "br-redis"})
    gone = networks({"name": "redis_net", "state": "absent"})
    assert gone["networks"]["redis_net"] == {
        "id": "", "changed": True, "actions": ["remove"], "reasons": ["state: absent"],
    }  # fmt: skip
    assert "br-redis" not in sh("ip -br link")
    assert not networks({"name": "redis_net", "state": "absent"})["changed"]


def test_o17_one_that_containers_are_on_stays_where_it_was_to_go_if_it_is_only_ours(
    networks: Run, docker: Callable[..., str], image: str
) -> None:
    networks(BASE)
    docker("create", "--name", "other", "--network", "redis_net", image)
    going = {"name": "redis_net", "state": "absent"}
    assert "these containers are on it: other" in networks(going)["msg"]
    for check in (True, False):
        spared = networks({**going, "only_made_here": True}, check=check)
        assert (spared["changed"], spared["left"]) == (False, ["redis_net"])
    docker("rm", "other")
    assert networks({**going, "only_made_here": True})["networks"]["redis_net"]["actions"] == ["remove"]


def test_the_examples_of_the_documentation_run_as_written(play: Callable[..., Play]) -> None:
    text = "- hosts: localhost\n  gather_facts: false\n  tasks:\n" + indent(EXAMPLES, "    ")
    first, second = play(text), play(text)
    assert (first.rc, first.changed) == (0, 2), first.stdout
    assert (second.rc, second.changed) == (0, 0), second.stdout


def test_a_run_without_changes_needs_no_sdk_and_one_with_changes_says_what_is_missing(
    networks: Run, host_state: State
) -> None:
    networks(BASE)
    assert not networks(BASE, hide=("docker",))["changed"]
    before = host_state()
    result = networks({**BASE, "mtu": 1400}, hide=("docker",))
    assert "docker_engine installs it" in result["msg"]
    assert host_state() == before


REFUSED = [
    ({"name": "bridge"}, "predefined by the engine"),
    ({"name": "new", "bridge_name": "br-sixteen-chars"}, "(it has 16)"),
    ({"name": "new", "bridge_name": "docker0"}, "docker0 is the bridge of the network bridge"),
    ({"name": "new", "bridge_name": "held0"}, "held0 is a link of this host already"),
    ({"name": "new", **pool("10.70.0.1/16")}, "Write 10.70.0.0/16"),
    ({"name": "new", **pool("10.70.0.0/16", gateway="10.71.0.1")}, "gateway 10.71.0.1 is not"),
    ({"name": "new", **pool("10.70.0.0/16", ip_range="10.0.0.0/8")}, "ip_range 10.0.0.0/8 is not"),
    ({"name": "new", **pool("172.17.5.0/24")}, "overlaps 172.17.0.0/16 of the network bridge"),
    ({"name": "new", **pool("10.61.5.0/24")}, "overlaps 10.61.0.0/16 of the network redis_net"),
    ({"name": "new", **pool("10.0.2.0/25")}, "the host's network 10.0.2.0/24 on tap0"),
    ({"name": "new", **pool("10.72.0.0/16")}, "the host's network 10.72.3.0/24 on held0"),
    ({"name": "new", **pool("10.73.5.0/24")}, "route to 10.73.0.0/16 via 10.0.2.2 on tap0"),
    ({"name": "new", "enable_ipv6": True, **pool("fd00:72::/64")},
     "the host's network fd00:72::/48 on held0"),
    ({"name": "new", "driver": "macvlan", "driver_opts": {"parent": "eth77"}}, "no link eth77"),
    ({"name": "redis_net", "state": "absent"}, "these containers are on it: by_id (created), ended (exited), web"),
    ({**BASE, "mtu": 1400, "recreate": "never"}, "by_id (created), ended (exited), web"),
    ({"name": "redis_net", **pool("10.74.0.0/16")}, "web has the static address 10.61.9.9"),
    ({**BASE, "labels": {"a": "b"}}, "by_id was made with the network's id"),
]  # fmt: skip


@pytest.mark.usefixtures("far_route")
def test_what_cannot_be_is_refused_before_anything_changes(
    networks: Run, docker: Callable[..., str], sh: Callable[..., str], host_state: State, host: Host, image: str
) -> None:
    bridge = "br-" + networks(BASE)["networks"]["redis_net"]["id"][:12]
    sh(f"ip link set {bridge} type bridge forward_delay 0")  # no timer of its ports runs while states are compared
    sh("ip link add held0 type veth peer name held1; ip address add 10.72.3.1/24 dev held0")
    sh("ip -6 address add fd00:72::1/48 dev held0")
    docker("run", "-d", "--name", "web", "--network", "redis_net", "--ip", "10.61.9.9", image)
    docker("run", "-d", "--name", "ended", "--network", "redis_net", image)
    docker("stop", "-t", "0", "ended")
    wait_until(lambda: "tentative" not in sh("ip address show up"), "no address is on trial any more")
    ident = docker("network", "inspect", "-f", "{{.Id}}", "redis_net")
    docker("create", "--name", "by_id", "--network", ident, image)
    before = host_state()
    for wanted, words in REFUSED:
        result = networks({"name": "first"}, wanted)
        assert result.get("failed"), (wanted, result)
        assert words in result["msg"]
        assert sorted(host.api("/networks"), key=lambda network: str(network["Id"])) == before["networks"], wanted
    assert host_state() == before


@pytest.mark.usefixtures("far_route")
def test_an_overlap_with_a_route_can_be_meant(networks: Run) -> None:
    wanted = {"name": "new", **pool("10.73.5.0/24"), "allow_route_overlap": True}
    assert [networks(wanted)["changed"], networks(wanted)["changed"]] == [True, False]
