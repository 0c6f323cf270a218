# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose namespace, veth and interface is whose: engine and kernel joined, on hosts built of a few lines."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._engine import names
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NotFoundError
from ansible_collections.netmode.docker.plugins.module_utils._facts import observe
from ansible_collections.netmode.docker.plugins.module_utils._facts.build import compose

Facts = dict[str, Any]
HOST = 100
"""The inode of the host's own namespace."""

BRIDGE = {
    "Name": "bridge",
    "Id": "b" * 64,
    "Driver": "bridge",
    "IPAM": {"Config": [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}]},
    "Options": {
        "com.docker.network.bridge.name": "docker0",
        "com.docker.network.bridge.enable_icc": "true",
        "com.docker.network.bridge.enable_ip_masquerade": "false",
        "com.docker.network.driver.mtu": "1400",
    },
}
LAB = {"Name": "lab", "Id": "abcdef0123456789", "Driver": "bridge", "IPAM": {"Config": []}, "Options": {}}
MACVLAN = {"Name": "mv", "Id": "c" * 64, "Driver": "macvlan", "IPAM": {"Config": None}, "Options": None}
DRIVERS = {"bridge": "bridge", "lab": "bridge", "mv": "macvlan", "host": "host", "none": "null"}


def raw(name: str, network_mode: str = "default", state: str = "running", **networks: str) -> Facts:
    """An entry of /containers/json as the engine gives it; ``networks``: name=MAC."""
    return {
        "Id": name * (64 // len(name)),
        "Names": [f"/{name}"],
        "Image": "redis:8",
        "State": state,
        "HostConfig": {"NetworkMode": network_mode},
        "NetworkSettings": {
            "Networks": {
                network: {"MacAddress": mac, "Gateway": "172.17.0.1", "IPAddress": "172.17.0.2", "IPPrefixLen": 16}
                for network, mac in networks.items()
            }
        },
        "Ports": [],
    }


def container(name: str, network_mode: str = "default", inode: int | None = None, **options: Any) -> Facts:
    found = observe.listed_container(raw(name, network_mode, **options), DRIVERS)
    return {**found, "inode": inode}


def link(ifindex: int, name: str, kind: str = "veth", **more: Any) -> Facts:
    plain = {"mac": f"02:00:00:00:00:{ifindex:02x}", "mtu": 1500, "operstate": "UP", "master": None, "link": None}
    nowhere = {"link_netnsid": None, "netnsid": None, "loopback": kind == "loopback", "marked": False}
    found = {"ifindex": ifindex, "name": name, "kind": kind, **plain, **nowhere, **more}
    return {**found, "bridge_id": "8000.020000000003", "stp": False} if kind == "bridge" else found


def view(*links: Facts, **addresses: Any) -> Facts:
    return {"links": {item["ifindex"]: item for item in links}, "addresses": addresses.get("addresses", {})}


def seen(
    containers: list[Facts], links: list[Facts], views: dict[int, Facts], nsids: dict[int, int], **more: Any
) -> Facts:
    found = {
        "networks": [BRIDGE, LAB, MACVLAN],
        "containers": {item["id"]: item for item in containers},
        "links": {item["ifindex"]: item for item in links},
        "addresses": {},
        "routes": [],
        "own": HOST,
        "nsids": nsids,
        "views": views,
        "gateways": {},
        "limited": False,
    }
    return {**found, **more}


DOCKER0 = link(3, "docker0", "bridge")


# --- what the list of the engine says -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network_mode", "mode"),
    [
        ("default", "bridge"),
        ("bridge", "bridge"),
        ("lab", "bridge"),
        ("host", "host"),
        ("none", "none"),
        ("container:abc", "container"),
        ("mv", "other"),
        ("a-network-that-is-gone", "other"),
    ],
)
def test_mode(network_mode: str, mode: str) -> None:
    found = container("web", network_mode)
    assert (found["mode"], found["network_mode"]) == (mode, network_mode)


def test_what_a_stopped_container_had_is_not_told() -> None:
    found = container("web", state="exited", bridge="02:42:ac:11:00:02")
    assert (found["running"], found["endpoints"], found["networks"]) == (False, {}, ["bridge"])


def test_a_link_from_another_container_is_no_name() -> None:
    entry = {**raw("web"), "Names": ["/other/alias", "/web"]}
    assert observe.listed_container(entry, DRIVERS)["name"] == "web"


def test_published_ports_are_sorted_and_exposed_ones_left_out() -> None:
    ports = [
        {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"PrivatePort": 6379, "Type": "tcp"},
        {"IP": "127.0.0.1", "PrivatePort": 53, "PublicPort": 5353, "Type": "udp"},
    ]
    found = observe.listed_container({**raw("web"), "Ports": ports}, DRIVERS)["published"]
    assert [(port["container_port"], port["host_ip"], port["host_port"]) for port in found] == [
        (53, "127.0.0.1", 5353),
        (80, "0.0.0.0", 8080),
        (80, "::", 8080),
    ]


@pytest.mark.parametrize("named", ["web", "/web", "abc123def456", "abc1"])
def test_a_container_is_found_as_the_engine_finds_it(named: str) -> None:
    containers = {"abc123def456": {"name": "web"}, "abd": {"name": "other"}, "f00": {"name": "ab"}}
    assert names.find_container(named, containers) == "abc123def456"


@pytest.mark.parametrize("named", ["", "a", "gone"])
def test_an_ambiguous_or_unknown_name_finds_none(named: str) -> None:
    assert names.find_container(named, {"abc": {"name": "web"}, "abd": {"name": "other"}}) is None


def test_a_name_goes_before_the_beginning_of_an_id() -> None:
    assert names.find_container("ab", {"abc": {"name": "web"}, "f00": {"name": "ab"}}) == "f00"


@pytest.mark.parametrize(
    ("network", "bridge"),
    [(BRIDGE, "docker0"), (LAB, "br-abcdef012345"), (MACVLAN, None), ({**BRIDGE, "Options": None}, "docker0")],
)
def test_the_bridge_of_a_network(network: Facts, bridge: str | None) -> None:
    assert names.bridge_of(network) == bridge


# --- whose namespace -------------------------------------------------------------------------------------------------


def test_a_namespace_is_told_by_its_macs() -> None:
    two = container("two", bridge="02:00:00:00:00:01", lab="02:00:00:00:00:02")
    views = {1: view(link(1, "eth0"), link(2, "eth1")), 2: view(link(1, "eth0", mac="02:00:00:00:00:09"))}
    assert observe.match_by_mac([two], views) == {two["id"]: 1}


@pytest.mark.parametrize(
    ("containers", "views"),
    [
        ([container("a", bridge="02:00:00:00:00:01")], {1: view(link(1, "eth0")), 2: view(link(1, "eth0"))}),
        ([container(name, bridge="02:00:00:00:00:01") for name in "ab"], {1: view(link(1, "eth0"))}),
        ([container("a", "none")], {1: view(link(1, "eth0"))}),
        ([container("a", bridge="02:00:00:00:00:77")], {1: view(link(1, "eth0"))}),
    ],
    ids=["in two namespaces", "of two containers", "no MAC", "MAC of no namespace"],
)
def test_where_macs_cannot_tell_nothing_is_said(containers: list[Facts], views: dict[int, Facts]) -> None:
    assert observe.match_by_mac(containers, views) == {}


# --- veths and interfaces --------------------------------------------------------------------------------------------


def test_n1_every_peer_is_ifindex_2_and_every_veth_finds_its_container() -> None:
    names = ["a", "b", "c"]
    inner = {n: link(2, "eth0", link=10 + n, mac=f"02:00:00:00:01:{n:02x}") for n in range(3)}
    facts = compose(
        seen(
            [container(name, inode=200 + n, bridge=inner[n]["mac"]) for n, name in enumerate(names)],
            [DOCKER0, *(link(10 + n, f"veth{n}", link=2, link_netnsid=n, master=3) for n in range(3))],
            {200 + n: view(inner[n]) for n in range(3)},
            {200 + n: n for n in range(3)},
        )
    )
    assert [facts["veths"][f"veth{n}"]["container"] for n in range(3)] == names
    (eth0,) = facts["containers"]["b"]["interfaces"]
    assert (eth0["veth"], eth0["bridge"], eth0["network"], eth0["managed_by"]) == (
        "veth1",
        "docker0",
        "bridge",
        "docker",
    )
    assert facts["bridges"]["docker0"]["ports"] == ["veth0", "veth1", "veth2"]
    assert facts["unclaimed"] == []


def test_a_newcomer_under_an_old_number_is_not_taken_for_the_peer() -> None:
    """The namespace's link 2 points at another veth than the one that points at it."""
    facts = compose(
        seen(
            [container("a", inode=200)],
            [link(10, "veth0", link=2, link_netnsid=0)],
            {200: view(link(2, "eth0", link=77))},
            {200: 0},
        )
    )
    assert facts["veths"]["veth0"]["container"] is None
    assert facts["containers"]["a"]["interfaces"][0]["veth"] is None
    assert facts["unclaimed"] == ["veth0"]


def test_a_pair_on_the_host_belongs_to_nobody() -> None:
    pair = [link(10, "left", link=11), link(11, "right", link=10)]
    facts = compose(seen([container("a", inode=200)], pair, {200: view(link(11, "eth0", link=10))}, {200: 0}))
    assert facts["unclaimed"] == ["left", "right"]


def test_an_interface_whose_mac_was_changed_is_still_dockers() -> None:
    facts = compose(
        seen(
            [container("a", inode=200, bridge="02:00:00:00:00:55")],
            [DOCKER0, link(10, "veth0", link=2, link_netnsid=0, master=3)],
            {200: view(link(2, "eth0", link=10))},
            {200: 0},
        )
    )
    assert facts["containers"]["a"]["interfaces"][0]["network"] == "bridge"


def test_an_interface_of_this_collection_is_not_dockers_even_on_dockers_bridge() -> None:
    facts = compose(
        seen(
            [container("a", "none", inode=200)],
            [DOCKER0, link(10, "nm0", link=2, link_netnsid=0, master=3)],
            {200: view(link(1, "lo", "loopback"), link(2, "eth0", link=10, marked=True))},
            {200: 0},
        )
    )
    (eth0,) = facts["containers"]["a"]["interfaces"]
    assert (eth0["name"], eth0["managed_by"], eth0["network"], eth0["bridge"]) == ("eth0", "netmode", None, "docker0")


def test_n4_host_mode_claims_nothing() -> None:
    facts = compose(
        seen([container("h", "host", inode=HOST)], [DOCKER0, link(10, "v", link=2, link_netnsid=0)], {}, {})
    )
    assert facts["containers"]["h"]["interfaces"] == []
    assert facts["containers"]["h"]["netns"] == HOST
    assert facts["unclaimed"] == ["v"]


# --- sharers ---------------------------------------------------------------------------------------------------------


def sharing(inodes: dict[str, int | None], modes: dict[str, str], **states: str) -> Facts:
    """Facts of containers with a veth in namespace 200 (nsid 0) and none in any other."""
    return compose(
        seen(
            [container(name, modes[name], inode, state=states.get(name, "running")) for name, inode in inodes.items()],
            [DOCKER0, link(10, "veth0", link=2, link_netnsid=0, master=3)],
            {200: view(link(2, "eth0", link=10)), 300: view()},
            {200: 0, 300: -1},
        )
    )


CHAIN = {"a": "bridge", "b": "container:a", "c": "container:" + "b" * 64}


def test_n5_a_chain_shares_one_veth_that_is_the_donors() -> None:
    facts = sharing({"c": 200, "b": 200, "a": 200}, CHAIN)
    found = facts["containers"]
    assert [found[name]["joins"] for name in "abc"] == [None, "a", "b"]
    assert [found[name]["joined_by"] for name in "abc"] == [["b"], ["c"], []]
    assert [len(found[name]["interfaces"]) for name in "abc"] == [1, 0, 0]
    assert not any(found[name]["stale"] for name in "abc")
    assert facts["veths"]["veth0"]["container"] == "a"


def test_n6_a_chain_that_its_donor_left_is_stale_and_lists_the_old_namespace_once() -> None:
    facts = sharing({"a": 300, "b": 200, "c": 200}, CHAIN)
    found = facts["containers"]
    assert [found[name]["stale"] for name in "abc"] == [False, True, True]
    assert [len(found[name]["interfaces"]) for name in "abc"] == [0, 1, 0]
    assert facts["veths"]["veth0"]["container"] == "b"


@pytest.mark.parametrize(
    ("inodes", "states", "stale"),
    [
        ({"a": None, "b": 200}, {"a": "exited"}, True),
        ({"a": 200, "b": None}, {"b": "exited"}, False),
        ({"a": None, "b": None}, {"a": "exited", "b": "exited"}, False),
        ({"b": 200}, {}, True),
    ],
    ids=["donor stopped", "sharer stopped", "both stopped", "donor gone"],
)
def test_stale(inodes: dict[str, int | None], states: dict[str, str], stale: bool) -> None:
    assert sharing(inodes, CHAIN, **states)["containers"]["b"]["stale"] is stale


def test_containers_that_name_each_other_do_not_hang() -> None:
    found = sharing({"a": 200, "b": 200}, {"a": "container:b", "b": "container:a"})["containers"]
    assert [(found[name]["joins"], found[name]["stale"]) for name in "ab"] == [("b", True), ("a", True)]


# --- what the engine says of bridges ---------------------------------------------------------------------------------


def test_what_is_configured_has_its_true_type() -> None:
    configured = compose(seen([], [DOCKER0], {}, {}))["bridges"]["docker0"]["configured"]
    known = {"subnet": "172.17.0.0/16", "gateway": "172.17.0.1", "mtu": 1400, "icc": True, "masquerade": False}
    unknown = {"ip_range": None, "default_gateway": None, "host_ip": None, "unaddressed": False}
    assert configured == {**known, **unknown}


def test_a_bridge_of_the_users_own_has_the_same_keys() -> None:
    bridge = compose(seen([], [link(3, "br0", "bridge")], {}, {}))["bridges"]["br0"]
    assert bridge["network"] is None
    keys = "subnet ip_range gateway default_gateway host_ip unaddressed mtu icc masquerade"
    assert bridge["configured"] == dict.fromkeys(keys.split())


# --- without root ----------------------------------------------------------------------------------------------------


def test_without_root_the_engines_word_is_given_and_no_veth_is_called_unclaimed() -> None:
    web = container("web", bridge="02:42:ac:11:00:02")
    facts = compose(seen([web], [DOCKER0, link(10, "veth0", link=2, link_netnsid=0)], {}, {}, limited=True))
    (interface,) = facts["containers"]["web"]["interfaces"]
    assert (interface["mac"], interface["ipv4"], interface["network"]) == (
        "02:42:ac:11:00:02",
        ["172.17.0.2/16"],
        "bridge",
    )
    assert (interface["name"], interface["veth"], interface["bridge"]) == (None, None, "docker0")
    assert facts["containers"]["web"]["gateway"] == "172.17.0.1"
    assert facts["unclaimed"] == []


@pytest.mark.parametrize(("donor", "sharer", "stale"), [("06.1", "06.12", False), ("07", "06.999", True)])
def test_without_root_the_times_of_the_starts_tell_who_is_stale(donor: str, sharer: str, stale: bool) -> None:
    day = "2026-11-23T23:24:"
    both = [{**container("a"), "started": day + donor}, {**container("b", "container:a"), "started": day + sharer}]
    assert compose(seen(both, [], {}, {}, limited=True))["containers"]["b"]["stale"] is stale


# --- containers that vanish ------------------------------------------------------------------------------------------


class Answers(Engine):
    """An engine that answers an inspect with what it is given, None: no such container."""

    def __init__(self, answer: Facts | None) -> None:
        super().__init__("unix:///nowhere.sock", 1)
        self.answer = answer

    def get(self, path: str, /, **_query: Any) -> Any:
        if self.answer is None:
            raise NotFoundError(path)
        return self.answer


def test_n15_a_container_that_is_gone_by_the_time_of_its_inspect_is_left_out() -> None:
    containers = {item["id"]: item for item in [container("a", "none")]}
    assert observe._inspect(Answers(None), containers, next(iter(containers))) is None
    assert containers == {}


def test_n15_a_container_that_ended_meanwhile_is_told_as_ended() -> None:
    containers = {item["id"]: item for item in [container("a", bridge="02:00:00:00:00:01")]}
    state = {"Status": "exited", "Running": False, "Pid": 0, "StartedAt": "2026-11-23T23:24:06Z"}
    (identifier,) = containers
    assert observe._inspect(Answers({"State": state}), containers, identifier) is None
    assert (containers[identifier]["status"], containers[identifier]["endpoints"]) == ("exited", {})
