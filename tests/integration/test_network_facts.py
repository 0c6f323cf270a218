# SPDX-License-Identifier: GPL-3.0-or-later
"""``network_facts`` against what iproute2, brctl and docker say of the same machine (see oracle.py)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from churn import Churn
from landscape import SHARED_MAC, build, docker, pid_of, plumb, replumb, wait_in
from network_shape import (
    Facts,
    assert_container_part_of,
    assert_part_of,
    assert_true_to,
    interfaces_of,
    normal,
    read,
    sound,
)
from oracle import Oracle, bridge_link_ports, links, namespace, within
from retold_engine import GONE, retold_engine, without_top_level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

pytestmark = pytest.mark.engines

# --- one machine with one of everything ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab(machine: Host) -> Iterator[Host]:
    """The machine with the landscape on it; what the tests of this file put there on top is removed after each test."""
    before = machine.things()
    try:
        build()
        yield machine
    finally:
        machine.remove_new(before)


@pytest.fixture(scope="module")
def facts(lab: Host) -> Facts:
    return read(lab)


def test_everything_is_as_iproute2_brctl_and_docker_say(lab: Host, facts: Facts) -> None:
    assert_true_to(facts, Oracle())


def test_ports_are_those_of_bridge_link(lab: Host, facts: Facts) -> None:
    assert {name: b["ports"] for name, b in facts["bridges"].items() if b["ports"]} == bridge_link_ports()


def test_engine_is_named(lab: Host, facts: Facts) -> None:
    version = json.loads(docker("version", "--format", "{{json .Server}}"))
    assert facts["engine"] == {"version": version["Version"], "api_version": version["ApiVersion"]}


def test_netns_tells_who_shares_with_whom(lab: Host, facts: Facts) -> None:
    """Equal for those in one namespace, different for others, null for what does not run."""
    said = {name: c["netns"] for name, c in facts["containers"].items()}
    pids = {name: pid_of(name) for name in said}
    groups: dict[int, set[str]] = {}
    for name, pid in pids.items():
        if pid:
            groups.setdefault(namespace(pid), set()).add(name)
    for group in groups.values():
        assert len({said[name] for name in group}) == 1, group
    assert len({said[next(iter(group))] for group in groups.values()}) == len(groups)
    assert {said[name] for name, pid in pids.items() if not pid} == {None}


def test_gateway_is_the_next_hop_of_the_default_route(lab: Host, facts: Facts) -> None:
    oracle = Oracle()
    for name in ("web", "many", "inner", "by-default", "frozen", "twin-two", "mv", "alone"):
        assert facts["containers"][name]["gateway"] == oracle.gateway(name), name
    assert facts["containers"]["ended"]["gateway"] is None


def test_routes_are_the_hosts(lab: Host, facts: Facts) -> None:
    assert facts["routes"] == Oracle().routes()


def test_every_reading_of_an_unchanged_host_is_equal(lab: Host, facts: Facts) -> None:
    assert read(lab) == facts
    assert read(lab, check=True) == facts, "check mode reads as well"


# --- the hard cases, each by its id ----------------------------------------------------------------------------------


def test_n1_every_eth0_is_ifindex_2_and_every_veth_has_its_container(lab: Host, host: Host) -> None:
    """Bridge containers whose eth0 is as Docker 28 makes it: each is ifindex 2, every host veth reads @if2."""
    names = [f"like28-{number}" for number in range(4)]
    for number, name in enumerate(names):
        wait_in(name, "lab-two" if number % 2 else "bridge")
        if host.engine_version() < (28,):
            replumb(name, f"l28v{number}")
    inner = {name: links(*within(pid_of(name)))["eth0"] for name in names}
    assert {eth0["ifindex"] for eth0 in inner.values()} == {2}
    on_host = {link["ifindex"]: link for link in links().values()}
    outer = {name: on_host[eth0["link_index"]] for name, eth0 in inner.items()}
    assert {veth["link_index"] for veth in outer.values()} == {2}
    facts = read(lab)
    assert_true_to(facts, Oracle())
    for number, name in enumerate(names):
        veth = outer[name]["ifname"]
        assert facts["veths"][veth]["container"] == name
        eth0 = interfaces_of(facts, name)["eth0"]
        assert (eth0["ifindex"], eth0["veth"], eth0["managed_by"]) == (2, veth, "docker")
        assert eth0["network"] == ("lab-two" if number % 2 else "bridge")


def test_n2_ifindexes_are_compared_whole_and_with_their_namespace(lab: Host, facts: Facts) -> None:
    on_host = links()
    peers = {on_host[f"wire{n}"]["link_index"] for n in range(4)}
    assert peers == {2, 20, 22, 28}
    assert any(x["ifindex"] in peers for x in on_host.values()), "a link of the host has a peer's ifindex too"
    for number in range(4):
        assert facts["veths"][f"wire{number}"]["container"] == f"wired{number}"
    # A veth between two containers, with the very two numbers of wire0 and its peer.
    far = links(*within(pid_of("mirror-b")))["x-far"]
    wire0 = on_host["wire0"]
    assert (far["ifindex"], far["link_index"]) == (wire0["ifindex"], wire0["link_index"])
    assert interfaces_of(facts, "mirror-a")["x-near"]["veth"] is None
    assert interfaces_of(facts, "mirror-b")["x-far"]["veth"] is None


def test_n3_one_veth_for_each_network(lab: Host, facts: Facts) -> None:
    ends = interfaces_of(facts, "many").values()
    assert {(i["network"], i["bridge"]) for i in ends} == {
        ("lab-one", "br-one"),
        ("lab-two", next(b["name"] for b in facts["bridges"].values() if b["network"] == "lab-two")),
        ("bridge", "docker0"),
    }
    assert len({i["veth"] for i in ends}) == 3
    assert sorted(facts["containers"]["many"]["networks"]) == ["bridge", "lab-one", "lab-two"]


def test_n4_host_mode_claims_no_link(lab: Host, facts: Facts) -> None:
    container = facts["containers"]["on-host"]
    assert (container["mode"], container["interfaces"], container["published"]) == ("host", [], [])
    assert "on-host" not in {veth["container"] for veth in facts["veths"].values()}


def test_n5_a_veth_is_reported_once_on_the_donor_and_chains_are_resolved(lab: Host, facts: Facts) -> None:
    found = facts["containers"]
    assert [found[n]["joins"] for n in ("shares", "shares-too", "shares-a-sharer")] == ["web", "web", "shares"]
    assert sorted(found["web"]["joined_by"]) == ["shares", "shares-too"]
    assert found["shares"]["joined_by"] == ["shares-a-sharer"]
    for sharer in ("shares", "shares-too", "shares-a-sharer"):
        assert (found[sharer]["mode"], found[sharer]["interfaces"], found[sharer]["stale"]) == ("container", [], False)
    (eth0,) = found["web"]["interfaces"]
    assert facts["veths"][eth0["veth"]]["container"] == "web"


@pytest.mark.spread
def test_n5_an_interface_plumbed_into_a_shared_namespace_is_the_donors(lab: Host, host: Host) -> None:
    """A donor in ``none`` mode, joined by a chain: whichever the engine lists first, the veth is the donor's."""
    wait_in("bare-donor", "none")
    wait_in("bare-sharer", "container:bare-donor")
    wait_in("bare-chained", "container:bare-sharer")
    plumb("bare-sharer", "barewire", "eth0", 2, "br-hand")
    facts = read(lab)
    assert facts["veths"]["barewire"]["container"] == "bare-donor"
    assert_true_to(facts, Oracle())


def test_n6_a_sharer_left_behind_by_its_donor_is_stale(lab: Host, facts: Facts) -> None:
    found = facts["containers"]
    assert {name for name, c in found.items() if c["stale"]} == {"left-behind", "orphan", "bereft"}
    assert (found["left-behind"]["joins"], found["left-behind"]["status"]) == ("donor", "running")
    assert found["left-behind"]["netns"] != found["donor"]["netns"]
    assert found["bereft"]["joins"] is None, "its donor exists no more"


@pytest.mark.spread
def test_n6_a_whole_chain_is_stale(lab: Host, host: Host) -> None:
    """The donor restarts: who joined it, and who joined that one, are left in its old namespace."""
    wait_in("chain-donor")
    wait_in("chain-b", "container:chain-donor")
    wait_in("chain-c", "container:chain-b")
    before = read(lab)["containers"]
    assert not before["chain-b"]["stale"]
    docker("restart", "--time", "0", "chain-donor")
    facts = read(lab)
    assert_true_to(facts, Oracle())
    found = facts["containers"]
    assert [found[n]["stale"] for n in ("chain-donor", "chain-b", "chain-c")] == [False, True, True]
    docker("restart", "--time", "0", "chain-b")
    found = read(lab)["containers"]
    assert (found["chain-b"]["stale"], found["chain-c"]["stale"]) == (False, True)


@pytest.mark.spread
def test_n6_who_is_left_behind_has_what_is_left_there(lab: Host, host: Host) -> None:
    """The donor restarts; an interface of the user's own stays in the old namespace, with the sharer."""
    wait_in("own-donor", "none")
    wait_in("own-sharer", "container:own-donor")
    plumb("own-donor", "ownwire", "eth0", 2, "br-hand")
    docker("restart", "--time", "0", "own-donor")
    facts = read(lab)
    assert interfaces_of(facts, "own-donor") == {}
    assert interfaces_of(facts, "own-sharer")["eth0"]["veth"] == "ownwire"
    assert facts["veths"]["ownwire"]["container"] == "own-sharer"
    assert_true_to(facts, Oracle())


def test_n9_default_and_bridge_are_one_mode(lab: Host, facts: Facts) -> None:
    found = facts["containers"]
    assert {found[n]["mode"] for n in ("by-default", "by-bridge", "plain", "many", "inner")} == {"bridge"}
    assert found["by-default"]["networks"] == found["by-bridge"]["networks"] == ["bridge"]
    assert found["by-default"]["network_mode"] == docker("inspect", "-f", "{{.HostConfig.NetworkMode}}", "by-default")


def test_n10_an_engine_without_the_top_level_fields_gives_the_same(lab: Host, facts: Facts) -> None:
    """The real engine's answers, with what API 1.52 dropped taken out, served at another socket."""
    with retold_engine(
        lambda _path, answer: without_top_level(answer), api_version="1.52", server="Docker/29.0.0"
    ) as url:
        told = read(lab, docker_host=url)
    assert told.pop("engine") == {"version": "29.0.0", "api_version": "1.52"}
    assert told == {key: value for key, value in facts.items() if key != "engine"}


def test_published_ports_are_numbers_with_their_address(lab: Host, facts: Facts) -> None:
    found = normal(facts["containers"]["web"])["published"]
    assert {"container_port": 80, "protocol": "tcp", "host_ip": "0.0.0.0", "host_port": 18080} in found
    assert {"container_port": 81, "protocol": "udp", "host_ip": "127.0.0.1", "host_port": 18081} in found
    assert 6379 not in [port["container_port"] for port in found], "exposed only"


def test_none_mode_has_nothing_but_what_was_plumbed_by_hand(lab: Host, facts: Facts) -> None:
    assert facts["containers"]["alone"]["interfaces"] == []
    assert facts["containers"]["alone"]["mode"] == "none"
    wired = interfaces_of(facts, "wired0")["eth0"]
    assert (wired["veth"], wired["bridge"], wired["ipv4"]) == ("wire0", "br-hand", ["10.92.0.10/24"])
    assert (wired["network"], wired["managed_by"]) == (None, None)


def test_stopped_containers_are_there_without_interfaces(lab: Host, facts: Facts) -> None:
    for name, status in (("ended", "exited"), ("never-started", "created"), ("never-started-sharer", "created")):
        container = facts["containers"][name]
        assert (container["status"], container["interfaces"], container["netns"]) == (status, [], None)
        assert container["stale"] is False, "what does not run has left nothing behind"


def test_one_mac_on_three_containers(lab: Host, facts: Facts) -> None:
    twins = ("twin-one", "twin-two", "twin-three")
    eth0 = [interfaces_of(facts, name)["eth0"] for name in twins]
    assert {i["mac"] for i in eth0} == {SHARED_MAC}
    assert [facts["veths"][i["veth"]]["container"] for i in eth0] == list(twins)


def test_a_macvlan_container_is_other_and_has_no_veth(lab: Host, facts: Facts) -> None:
    container = facts["containers"]["mv"]
    (eth0,) = container["interfaces"]
    assert container["mode"] == "other"
    assert (eth0["kind"], eth0["veth"], eth0["bridge"], eth0["network"]) == ("macvlan", None, None, "lab-macvlan")


def test_ipv6_addresses_are_told(lab: Host, facts: Facts) -> None:
    (eth0,) = facts["containers"]["six"]["interfaces"]
    assert (eth0["network"], eth0["ipv4"][0]) == ("lab-six", "10.91.6.2/24")
    assert "fd00:91::2/64" in eth0["ipv6"]
    assert "fd00:91::1/64" in facts["bridges"][eth0["bridge"]]["ipv6"]
    assert facts["bridges"][eth0["bridge"]]["configured"]["subnet"] == "10.91.6.0/24"


def test_a_bridge_of_the_users_own_carries_no_network(lab: Host, facts: Facts) -> None:
    bridge = facts["bridges"]["br-hand"]
    assert bridge["network"] is None
    assert set(bridge["configured"].values()) == {None}
    assert bridge["ports"] == ["hand-a", "hand-d", "mendwire", "wire0", "wire1", "wire2", "wire3"]


def test_veths_of_no_container_are_unclaimed(lab: Host, host: Host) -> None:
    """Both ends on the host; an end in a namespace that is not a container's; an end in a stopped container's: gone."""
    host.sh("ip netns add nobody; ip link add lonely type veth peer name eth0 netns nobody")
    try:
        facts = read(lab)
        assert facts["unclaimed"] == Oracle().unclaimed(), "a machine in namespaces may have a veth of its own"
    finally:
        host.sh("ip netns del nobody")
    assert {"hand-a", "hand-b", "lonely"} <= set(facts["unclaimed"])
    assert facts["veths"]["hand-a"]["netnsid"] is None
    assert facts["veths"]["lonely"]["netnsid"] == 0 or facts["veths"]["lonely"]["netnsid"] > 0


def test_a_network_given_by_its_id_is_a_bridge_all_the_same(lab: Host, facts: Facts) -> None:
    for name in ("by-id", "by-short-id"):
        container = facts["containers"][name]
        assert (container["mode"], container["networks"]) == ("bridge", ["lab-one"])
        assert interfaces_of(facts, name)["eth0"]["network"] == "lab-one"


def test_a_link_alias_is_no_containers_name(lab: Host, facts: Facts) -> None:
    """Linked to, a container is listed under more names than its own, in no order."""
    aliases = [c["Names"] for c in lab.api("/containers/json") if "/web" in c["Names"]]
    assert "/linker/alias" in aliases[0]
    assert facts["containers"]["web"]["name"] == "web"
    assert "alias" not in facts["containers"]


def test_a_sharer_of_a_host_mode_container_claims_no_link(lab: Host, facts: Facts) -> None:
    sharer = facts["containers"]["shares-host"]
    assert (sharer["mode"], sharer["joins"], sharer["interfaces"], sharer["stale"]) == (
        "container",
        "on-host",
        [],
        False,
    )
    assert sharer["netns"] == facts["containers"]["on-host"]["netns"]


def test_links_are_told_as_they_are_not_as_the_engine_believes(lab: Host, facts: Facts) -> None:
    """Its only link deleted, its network disconnected, or one of the user's own beside Docker's."""
    assert facts["containers"]["cut"]["interfaces"] == []
    assert facts["containers"]["cut"]["networks"] == ["bridge"]
    assert facts["containers"]["unplugged"]["interfaces"] == facts["containers"]["unplugged"]["networks"] == []
    fixed = interfaces_of(facts, "fixed")
    assert [fixed[n]["managed_by"] for n in ("eth0", "eth7")] == ["docker", None]
    assert (fixed["eth0"]["operstate"], fixed["eth7"]["veth"]) == ("DOWN", "mendwire")


# --- who may read ----------------------------------------------------------------------------------------------------


def test_a_reader_who_is_not_root_is_told_nothing_wrong(lab: Host, facts: Facts) -> None:
    """Through a socket he may use. What the kernel hides from him is null; what he is told is what root is told."""
    with retold_engine(lambda _path, answer: answer) as url:
        result = lab.run_module("network_facts", {"docker_host": url}, user="games")
    assert not result.get("failed"), result.get("msg")
    assert any("become" in str(warning) for warning in result["warnings"]), "he is told what is missing and why"
    told = result["ansible_facts"]["docker_network"]
    assert told["bridges"] == facts["bridges"]
    assert set(told["unclaimed"]) <= set(facts["unclaimed"])
    assert set(told["veths"]) == set(facts["veths"])
    for name, veth in told["veths"].items():
        assert_part_of(veth, facts["veths"][name])
    assert set(told["containers"]) == set(facts["containers"])
    for name, container in told["containers"].items():
        assert_container_part_of(container, facts["containers"][name])


# --- N15: many, and all of it moving ---------------------------------------------------------------------------------


@pytest.mark.thorough
@pytest.mark.spread
def test_n15_500_veths(lab: Host, host: Host) -> None:
    """Five hundred veths, half of them into containers' namespaces, all told as ip tells them."""
    targets = {name: pid_of(name) for name in ("web", "alone", "wired0", "many")}
    pids = list(targets.values())
    inner = [f"link add m{n} group 15 type veth peer name p{n} netns {pids[n % 4]}" for n in range(250)]
    outer = [f"link add m{n} group 15 type veth peer name q{n}" for n in range(250, 375)]
    host.run("ip", "-batch", "-", stdin="\n".join(inner + outer) + "\n")
    try:
        facts = read(lab)
        assert len(facts["veths"]) >= 500
        assert_true_to(facts, Oracle())
    finally:
        host.run("ip", "link", "del", "group", "15")  # at once: one by one the kernel waits after each


@pytest.mark.spread
def test_n15_containers_gone_between_the_list_and_a_closer_look(lab: Host, facts: Facts) -> None:
    """Every closer look finds nothing: no failure, nothing made up, and all that needs no closer look is told right."""
    with retold_engine(lambda _path, answer: GONE if "HostConfig" in answer and "State" in answer else answer) as url:
        told = sound(read(lab, docker_host=url))
    for name in ("web", "plain", "many", "inner", "six", "ended", "never-started"):
        known = {**facts["containers"][name], "joined_by": told["containers"][name]["joined_by"]}
        assert told["containers"][name] == known
    for name, veth in told["veths"].items():
        assert veth["container"] in (None, facts["veths"][name]["container"])


@pytest.mark.spread
def test_n15_links_and_containers_vanish_during_the_scan(lab: Host, host: Host, facts: Facts) -> None:
    """Never a failure; every answer is consistent in itself; what stands still is told right every time."""
    churn = Churn()
    churn.start()
    try:
        for _ in range(20):
            told = sound(read(lab))
            for name, container in facts["containers"].items():
                assert told["containers"][name] == container, name
            for name, veth in facts["veths"].items():
                assert told["veths"][name] == veth, name
    finally:
        churn.stop()
    assert churn.rounds > 3, "nothing vanished during the scans"
    assert not churn.errors, churn.errors
