# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of networks: what is a difference, what is refused and with which words, what comes first."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._networks.apply import endpoint_config
from ansible_collections.netmode.docker.plugins.module_utils._networks.compare import Daemon
from ansible_collections.netmode.docker.plugins.module_utils._networks.observe import observe_daemon
from ansible_collections.netmode.docker.plugins.module_utils._networks.plan import (
    Attachment,
    Host,
    Route,
)
from ansible_collections.netmode.docker.plugins.module_utils._networks.spec import Network, parse_list
from networks_host import (
    BARE_HOST,
    BRIDGE,
    ENGINE_20,
    ENGINE_26,
    ENGINE_28,
    ID,
    MTU,
    OWN_BRIDGE,
    container,
    entry,
    plan,
    pool,
    reasons,
    there,
)

CONFIG = {"Subnet": "10.5.0.0/16", "Gateway": "10.5.0.1"}
SAME = [
    ("nothing asked, the engine chose a subnet", {}, {"config": [CONFIG]}),
    ("gateway told though not asked", {"ipam": pool("10.5.0.0/16")}, {"config": [CONFIG]}),
    ("gateway asked, not told", {"ipam": pool("10.5.0.0/16", gateway="10.5.0.1")},
     {"config": [{"Subnet": "10.5.0.0/16"}]}),
    ("subnet kept with host bits", {"ipam": pool("10.5.0.0/16")}, {"config": [{"Subnet": "10.5.0.9/16"}]}),
    ("IPv6 in another spelling", {"enable_ipv6": True, "ipam": pool("FD00:05:0:0::/64", gateway="fd00:5:0::1")},
     {"EnableIPv6": True, "config": [CONFIG, {"Subnet": "fd00:5::/64", "Gateway": "fd00:5::1"}]}),
    ("IPv6 gateway with a prefix length", {"enable_ipv6": True, "ipam": pool("fd00:5::/64")},
     {"EnableIPv6": True, "config": [{"Subnet": "fd00:5::/64", "Gateway": "fd00:5::1/64"}]}),
    ("IPv6 subnet chosen by the engine", {"enable_ipv6": True},
     {"EnableIPv6": True, "config": [{"Subnet": "fd90::/64"}]}),
    ("families in another order",
     {"enable_ipv6": True, "ipam": {"config": [{"subnet": "fd00:5::/64"}, {"subnet": "10.5.0.0/16"}]}},
     {"EnableIPv6": True, "config": [CONFIG, {"Subnet": "fd00:5::/64"}]}),
    ("default gateway of a range, as 20.10 chooses it", {"ipam": pool("10.5.0.0/16", ip_range="10.5.7.0/24")},
     {"config": [{"Subnet": "10.5.0.0/16", "IPRange": "10.5.7.0/24", "Gateway": "10.5.7.0"}]}),
    ("range that is the whole subnet", {"ipam": pool("10.5.0.0/16", ip_range="10.5.0.0/16")}, {"config": [CONFIG]}),
    ("defaults asked for", {"icc": True, "masquerade": True, "mtu": 1500}, {}),
    ("defaults told", {}, {"options": {BRIDGE + "enable_icc": "true", MTU: "1500"}}),
    ("booleans as Go reads them", {"icc": False}, {"options": {BRIDGE + "enable_icc": "F"}}),
    ("the engine's own bridge name asked for", {"bridge_name": "br-" + ID[:12]}, {}),
    ("options that engine 28 adds", {},
     {"options": {"com.docker.network.enable_ipv4": "true", "com.docker.network.enable_ipv6": "false"}}),
    ("options as a list", {"driver_opts": [MTU + "=1400"]}, {"options": {MTU: "1400"}}),
    ("labels of other types", {"labels": {"a": 1, "b": "true"}}, {"Labels": {"b": "true", "a": "1"}}),
    ("nulls of older engines", {}, {"Labels": None, "options": None, "config": None, "ipam_options": None}),
    ("macvlan on a link of the engine's own", {"driver": "macvlan"},
     {"Driver": "macvlan", "options": {"parent": "dm-" + ID[:12]}}),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "present"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_what_the_engine_words_otherwise_is_no_difference(wanted: dict[str, Any], present: dict[str, Any]) -> None:
    assert reasons(entry(**wanted), there(**present)) == ()


FULL = {
    "Subnet": "10.5.0.0/16",
    "Gateway": "10.5.0.254",
    "IPRange": "10.5.1.0/24",
    "AuxiliaryAddresses": {"a": "10.5.9.9"},
}
OPTION = "driver_opts com.docker.network."
DIFFERENT = [
    ({"mtu": 1400}, {}, OPTION + "driver.mtu: 1500 -> 1400"),
    ({}, {"options": {MTU: "1400"}}, OPTION + "driver.mtu: 1400 -> 1500"),
    ({"icc": False}, {}, OPTION + "bridge.enable_icc: true -> false"),
    ({}, {"options": {BRIDGE + "enable_ip_masquerade": "0"}}, OPTION + "bridge.enable_ip_masquerade: false -> true"),
    ({"bridge_name": "br-x"}, {}, OPTION + "bridge.name: br-0123456789ab -> br-x"),
    ({}, {"options": {BRIDGE + "name": "br-x"}}, OPTION + "bridge.name: br-x -> br-0123456789ab"),
    ({"driver_opts": {"x": "y"}}, {}, "driver_opts x: none -> y"),
    ({"internal": True}, {}, "internal: false -> true"),
    ({}, {"Attachable": True}, "attachable: true -> false"),
    ({}, {"EnableIPv6": True}, "enable_ipv6: true -> false"),
    ({}, {"EnableIPv4": False}, "enable_ipv4: false -> true"),
    ({}, {"Labels": {"a": "b"}}, "labels a: b -> none"),
    ({"labels": ["a="]}, {}, 'labels a: none -> ""'),
    ({"driver": "macvlan"}, {}, "driver: bridge -> macvlan"),
    ({"ipam": {"driver": "null"}}, {}, "ipam.driver: default -> null"),
    ({"ipam": {"options": {"a": "b"}}}, {}, "ipam.options: {} -> {'a': 'b'}"),
    ({"ipam": pool("10.6.0.0/16")}, {"config": [CONFIG]}, "ipam.config IPv4 subnet: 10.5.0.0/16 -> 10.6.0.0/16"),
    ({"ipam": pool("10.5.0.0/16", gateway="10.5.0.2")}, {"config": [CONFIG]},
     "ipam.config 10.5.0.0/16 gateway: 10.5.0.1 -> 10.5.0.2"),
    ({"ipam": pool("10.5.0.0/16", ip_range="10.5.1.0/24", aux_addresses={"a": "10.5.9.9"})}, {"config": [FULL]},
     "ipam.config 10.5.0.0/16 gateway: 10.5.0.254 -> none"),
    ({"ipam": pool("10.5.0.0/16", gateway="10.5.0.254", aux_addresses={"a": "10.5.9.9"})}, {"config": [FULL]},
     "ipam.config 10.5.0.0/16 ip_range: 10.5.1.0/24 -> none"),
    ({"ipam": pool("10.5.0.0/16", gateway="10.5.0.254", ip_range="10.5.1.0/24")}, {"config": [FULL]},
     "ipam.config 10.5.0.0/16 aux_addresses: a=10.5.9.9 -> none"),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "present", "reason"), DIFFERENT, ids=[row[2] for row in DIFFERENT])
def test_each_difference_is_the_one_reason(wanted: dict[str, Any], present: dict[str, Any], reason: str) -> None:
    assert reasons(entry(**wanted), there(**present)) == (reason,)


def test_what_daemon_json_adds_to_new_networks_is_no_difference(tmp_path: Any) -> None:
    file = tmp_path / "daemon.json"
    file.write_text('{"default-network-opts": {"bridge": {"com.docker.network.driver.mtu": "1450"}}}')
    daemon = observe_daemon("1.51", [f"--config-file={file}"])
    present = there(options={MTU: "1450"})
    assert reasons(entry(), present, daemon) == ()
    assert reasons(entry(), present, observe_daemon("1.51", [f"--config-file={tmp_path}/none"])) != ()
    assert reasons(entry(mtu=1400), present, daemon) == (OPTION + "driver.mtu: 1450 -> 1400",)


V4 = "10.5.0.0/16"
REFUSED = [
    ([entry("bridge")], "predefined by the engine"),
    ([entry("a b")], "is not a name of a network"),
    ([entry("a"), entry("a", state="absent")], "in the list twice"),
    ([entry(bridge_name="br-sixteen-chars")], "(it has 16)"),
    ([entry(bridge_name="br/x")], "is not a name of a link"),
    ([entry("a", bridge_name="br-x"), entry("b", bridge_name="br-x")], "also the bridge of the network a"),
    ([entry(mtu=12)], "mtu: 12 is not a number of bytes from 68"),
    ([entry(mtu=1200, enable_ipv6=True)], "IPv6 needs 1280"),
    ([entry(mtu=1400, driver_opts={MTU: "1500"})], "Say it once"),
    ([entry(driver_opts={BRIDGE + "enable_icc": "perhaps"})], "'perhaps' is neither true nor false"),
    ([entry(driver_opts={BRIDGE + "enable_icc": "tRuE"})], "'tRuE' is neither true nor false"),
    ([entry(bridge_name="br%d")], "'br%d' is not a name of a link"),
    ([entry(driver_opts={BRIDGE + "host_binding_ipv4": "nowhere"})], "host_binding_ipv4: 'nowhere' is no IP address"),
    ([entry(driver_opts={BRIDGE + "gateway_mode_ipv6": "rooted"})], "'rooted' is none of nat, routed"),
    ([entry(driver="macvlan", driver_opts={"macvlan_mode": "none-such"})], "'none-such' is none of bridge, private"),
    ([entry(driver="ipvlan", driver_opts={"ipvlan_flag": "l2"})], "ipvlan_flag: 'l2' is none of bridge"),
    ([entry(driver="macvlan", icc=True)], "icc: the driver macvlan has no such option"),
    ([entry(driver="ipvlan", mtu=1400)], "The MTU is the parent's"),
    ([entry(labels=[{"a": "b"}])], "labels: {'a': 'b'} must be text, not a dictionary"),
    ([entry(enable_ipv4=False)], "are both false"),
    ([entry(ipam=pool("10.5.0.0"))], "not a network in CIDR notation"),
    ([entry(ipam=pool("10.5.0.0/33"))], "not a network in CIDR notation"),
    ([entry(ipam=pool("ten/8"))], "not a network in CIDR notation"),
    ([entry(ipam=pool("10.5.0.9/16"))], "Write 10.5.0.0/16"),
    ([entry(ipam=pool("127.0.0.0/8"))], "cannot be given to containers"),
    ([entry(ipam=pool("0.0.0.0/0"))], "cannot be given to containers"),
    ([entry(ipam=pool("10.5.0.0/31"))], "no room for a gateway"),
    ([entry(ipam=pool(""))], "gives nothing but no subnet"),
    ([entry(ipam=pool("", gateway="10.5.0.1"))], "gives gateway but no subnet"),
    ([entry(ipam=pool(V4, gateway="10.6.0.1"))], "gateway 10.6.0.1 is not within the subnet"),
    ([entry(ipam=pool(V4, gateway="10.5.0.0"))], "network or broadcast address"),
    ([entry(ipam=pool(V4, gateway="10.5.0.1/16"))], "an address has no prefix length"),
    ([entry(ipam=pool(V4, gateway="fd00::1"))], "gateway fd00::1 is not within the subnet"),
    ([entry(ipam=pool(V4, ip_range="10.6.0.0/24"))], "ip_range 10.6.0.0/24 is not within the subnet"),
    ([entry(ipam=pool(V4, ip_range="10.0.0.0/8"))], "ip_range 10.0.0.0/8 is not within the subnet"),
    ([entry(ipam=pool(V4, ip_range="fd00::/64"))], "ip_range fd00::/64 is not within the subnet"),
    ([entry(ipam=pool(V4, ip_range="10.5.7.8/24"))], "Write 10.5.7.0/24"),
    ([entry(ipam=pool(V4, aux_addresses={"a": "10.6.0.1"}))], "aux_addresses: a 10.6.0.1 is not within"),
    ([entry(ipam=pool(V4, gateway="10.5.0.1", aux_addresses={"a": "10.5.0.1"}))], "is already the gateway"),
    ([entry(ipam=pool("fd00:5::/64"))], "needs enable_ipv6: true"),
    ([entry(ipam={"config": [{"subnet": V4}, {"subnet": "10.6.0.0/16"}]})], "one subnet per family"),
    ([entry(driver="macvlan", ipam={"config": [{"subnet": V4}, {"subnet": "10.5.1.0/24"}]})], "overlap. Give distinct"),
    ([entry("a", ipam=pool(V4)), entry("b", ipam=pool("10.5.1.0/24"))], "of the network a in the same list"),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "words"), REFUSED, ids=[row[1] for row in REFUSED])
def test_a_list_that_is_wrong_in_itself_is_refused(wanted: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(NetmodeError) as caught:
        parse_list(wanted)
    assert words in str(caught.value)
    assert str(caught.value).startswith("network ")


def test_an_absent_network_needs_no_valid_options() -> None:
    (parsed,) = parse_list([entry(state="absent", ipam=pool("10.5.0.0/31"))])
    assert parsed.state == "absent"


@pytest.mark.parametrize(
    ("daemon", "wanted", "words"),
    [
        (ENGINE_20, {"enable_ipv6": True}, "Give one in ipam.config"),
        (ENGINE_26, {"enable_ipv6": True}, "Give one in ipam.config"),
        (ENGINE_28, {"enable_ipv6": True}, ""),
        (Daemon((1, 41), {}, ipv6_pools=True), {"enable_ipv6": True}, ""),
        (ENGINE_26, {"enable_ipv4": False, "enable_ipv6": True, "ipam": pool("fd00::/64")}, "cannot leave IPv4 out"),
        (ENGINE_28, {"enable_ipv4": False, "enable_ipv6": True}, ""),
    ],
)
def test_what_an_engine_cannot_do_is_refused_on_that_engine(daemon: Daemon, wanted: dict[str, Any], words: str) -> None:
    if not words:
        assert [step.change.kind for step in plan([entry(**wanted)], daemon=daemon)] == ["create"]
        return
    with pytest.raises(NetmodeError, match=words):
        plan([entry(**wanted)], daemon=daemon)


def route(subnet: str, link: str, gateway: str = "") -> Host:
    return Host((Route(ipaddress.ip_network(subnet), link, gateway),), BARE_HOST.links)


OTHER = there("other", "f" * 64, config=[{"Subnet": "10.5.0.0/20"}], options={BRIDGE + "name": "br-o"})
HELD = [
    ([entry(ipam=pool("10.5.1.0/24"))], BARE_HOST, "overlaps 10.5.0.0/20 of the network other"),
    ([entry(ipam=pool("10.7.0.0/16"))], route("10.7.3.0/24", "eth0"), "the host's network 10.7.3.0/24 on eth0"),
    ([entry(ipam=pool("10.7.0.0/16"))], route("10.0.0.0/8", "eth0", "192.0.2.1"), "10.0.0.0/8 via 192.0.2.1 on eth0"),
    ([entry(bridge_name="eth0")], BARE_HOST, "eth0 is a link of this host already"),
    ([entry(bridge_name="br-own", ipam=pool("10.8.0.0/24"))], OWN_BRIDGE, "10.9.0.0/24 with the gateway 10.9.0.9"),
    ([entry(bridge_name="br-own", ipam=pool("10.9.0.0/24"))], OWN_BRIDGE, "br-own is a bridge of this host with"),
    ([entry(bridge_name="br-own", ipam=pool("10.9.0.0/16", gateway="10.9.0.9"))], OWN_BRIDGE, "would take away"),
    ([entry(bridge_name="br-own")], OWN_BRIDGE, "would take away"),
    ([entry(bridge_name="br-o")], BARE_HOST, "br-o is the bridge of the network other"),
    ([entry(driver="macvlan", driver_opts={"parent": "eth7.5"})], BARE_HOST, "no link eth7. Its links: docker0, "),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "host", "words"), HELD, ids=[row[2] for row in HELD])
def test_what_someone_holds_is_refused_naming_who(wanted: list[dict[str, Any]], host: Host, words: str) -> None:
    with pytest.raises(NetmodeError) as caught:
        plan(wanted, [OTHER], host)
    assert words in str(caught.value)


def test_an_overlap_with_a_route_may_be_meant() -> None:
    wanted = [entry(ipam=pool("10.7.0.0/16"), allow_route_overlap=True)]
    assert len(plan(wanted, host=route("10.0.0.0/8", "eth0", "192.0.2.1"))) == 1


def test_a_networks_own_bridge_and_route_are_not_in_its_way() -> None:
    present = there(config=[CONFIG], options={BRIDGE + "name": "br-x"})
    host = Host(route(V4, "br-x").routes, frozenset({"lo", "br-x"}))
    (step,) = plan([entry(bridge_name="br-x", mtu=1400, ipam=pool(V4))], [present], host)
    assert step.change.kind == "recreate"


def test_what_is_given_up_comes_before_what_takes_it() -> None:
    first = there("first", "a" * 64, config=[{"Subnet": V4}])
    gone = there("gone", "b" * 64, config=[{"Subnet": "10.8.0.0/16"}], options={BRIDGE + "name": "br-g"})
    host = Host((*route("10.8.0.0/16", "br-g").routes,), frozenset({"lo", "br-g"}))
    wanted = [
        entry("new", ipam=pool(V4)),
        entry("first", bridge_name="br-g", ipam=pool("10.8.0.0/16")),
        entry("gone", state="absent"),
    ]
    assert [step.change.name for step in plan(wanted, [first, gone], host)] == ["gone", "first", "new"]


def test_two_networks_cannot_exchange_subnets_in_one_run() -> None:
    one = there("one", "a" * 64, config=[{"Subnet": "10.1.0.0/16"}])
    two = there("two", "b" * 64, config=[{"Subnet": "10.2.0.0/16"}])
    with pytest.raises(NetmodeError, match="change two first"):
        plan([entry("one", ipam=pool("10.2.0.0/16")), entry("two", ipam=pool("10.1.0.0/16"))], [one, two])


STATIC = {"IPAMConfig": {"IPv4Address": "10.5.9.9"}}


def test_containers_come_back_those_with_static_addresses_first() -> None:
    attached = (
        container("late", endpoint={"IPAddress": "10.5.0.10"}),
        container("early", endpoint={"IPAddress": "10.5.0.9"}),
        container("fixed", endpoint={"IPAddress": "10.5.9.9", **STATIC}),
    )
    (step,) = plan([entry(mtu=1400, ipam=pool(V4))], [there(config=[CONFIG])], attached={ID: attached})
    assert step.actions == [
        "disconnect fixed", "disconnect early", "disconnect late", "remove", "create",
        "connect fixed", "connect early", "connect late",
    ]  # fmt: skip


CANNOT = [
    (container("c", endpoint=STATIC), pool("10.6.0.0/16"), "c has the static address 10.5.9.9, outside 10.6.0.0/16"),
    (container("c", endpoint=STATIC), {}, "outside a subnet that the engine would choose"),
    (container("c", endpoint=STATIC), pool(V4, gateway="10.5.9.9"), "the gateway's or a reserved one"),
    (container("c", state="exited", endpoint=STATIC), pool("10.6.0.0/16"), "c has the static address"),
    (container("c", network_mode=ID), pool(V4), "made with the network's id"),
    (container("c", state="restarting"), pool(V4), "c is restarting"),
    (container("c", config_mac="02:42:0a:05:00:77"), pool(V4), "c has the MAC address 02:42:0a:05:00:77"),
    (container("c"), pool("10.5.0.0/30", gateway="10.5.0.1", aux_addresses={"a": "10.5.0.2"}), "addresses for 0 of c"),
]


@pytest.mark.parametrize(("attached", "ipam", "words"), CANNOT, ids=[row[2] for row in CANNOT])
def test_a_container_that_could_not_come_back_is_named(attached: Attachment, ipam: dict[str, Any], words: str) -> None:
    with pytest.raises(NetmodeError) as caught:
        plan([entry(mtu=1400, ipam=ipam)], [there(config=[CONFIG])], attached={ID: (attached,)})
    assert words in str(caught.value)
    assert "mtu: 1500 -> 1400" in str(caught.value)


def test_a_mac_address_comes_back_on_engines_that_keep_it_with_the_container() -> None:
    attached = container("c", config_mac="02:42:0a:05:00:77")
    (step,) = plan([entry(mtu=1400)], [there()], attached={ID: (attached,)}, daemon=ENGINE_20)
    assert step.attachments == (attached,)


@pytest.mark.parametrize(
    ("daemon", "state", "mac", "refused"),
    [
        (ENGINE_26, "running", "02:42:0a:05:00:09", False),  # made from the address
        (ENGINE_26, "running", "02:42:0a:05:00:77", True),
        (ENGINE_28, "running", "3a:a3:b3:32:a2:85", False),  # random, or not: nothing tells
        (ENGINE_28, "created", "3a:a3:b3:32:a2:85", True),  # never started: it can only have been asked for
    ],
)
def test_a_mac_address_on_a_further_network(daemon: Daemon, state: str, mac: str, refused: bool) -> None:
    endpoint = {"IPAddress": "10.5.0.9", "MacAddress": mac}
    attached = {ID: (container("c", state=state, network_mode="elsewhere", endpoint=endpoint),)}
    if not refused:
        assert len(plan([entry(mtu=1400)], [there()], attached=attached, daemon=daemon)) == 1
        return
    with pytest.raises(NetmodeError, match="c has the MAC address"):
        plan([entry(mtu=1400)], [there()], attached=attached, daemon=daemon)


def test_never_names_what_differs_and_who_is_on_it() -> None:
    attached = {ID: (container("d", state="exited"), container("c"))}
    with pytest.raises(NetmodeError, match=r"recreate: never.*mtu: 1500 -> 1400.*: c, d \(exited\)"):
        plan([entry(mtu=1400, recreate="never")], [there()], attached=attached)
    assert plan([entry(recreate="never")], [there()]) == []


def test_always_is_a_reason_of_its_own() -> None:
    (step,) = plan([entry(recreate="always")], [there()])
    assert step.change.reasons == ("recreate: always",)


def test_a_network_in_use_is_not_removed() -> None:
    attached = {ID: (container("d", state="exited"), container("c"))}
    with pytest.raises(NetmodeError, match=r"cannot be removed, these containers are on it: c, d \(exited\)"):
        plan([entry(state="absent")], [there()], attached=attached)
    assert [step.actions for step in plan([entry(state="absent")], [there()])] == [["remove"]]
    assert plan([entry(state="absent")], []) == []


@pytest.mark.parametrize(
    ("present", "words"),
    [
        ([there(Scope="swarm")], "belongs to Docker Swarm"),
        ([there(ConfigOnly=True)], "configuration-only"),
        ([there(), there(ident="e" * 64)], r"2 of this name \(0123456789ab, eeeeeeeeeeee\)"),
    ],
)
def test_networks_that_are_not_ours_to_change_are_left_alone(present: list[Network], words: str) -> None:
    with pytest.raises(NetmodeError, match=words):
        plan([entry()], present)


def test_an_endpoint_goes_back_as_it_was_asked_for() -> None:
    asked = {"IPAMConfig": {"IPv4Address": "10.5.9.9"}, "Links": ["db:d"], "DriverOpts": {"a": "b"}, "GwPriority": 3}
    item = container("c", "c" * 64, endpoint={**asked, "Aliases": ["web", "c" * 12], "IPAddress": "10.5.9.9"})
    assert endpoint_config(item) == {**asked, "Aliases": ["web"]}


@pytest.mark.parametrize(
    "given",
    [
        {"bridge_name": "br-own", "ipam": pool("10.9.0.0/24", gateway="10.9.0.9")},
        {"bridge_name": "br-own", "driver_opts": {f"{BRIDGE}inhibit_ipv4": "true"}, "ipam": pool("10.9.0.0/24")},
        {"bridge_name": "br-bare", "ipam": pool("10.7.0.0/24")},
        {"bridge_name": "br-bare"},
    ],
)
def test_o7_a_bridge_that_is_there_and_meant_is_taken(given: dict[str, Any]) -> None:
    assert [step.actions for step in plan([entry(**given)], [], OWN_BRIDGE)] == [["create"]]


@pytest.mark.parametrize(
    ("addresses", "lost"),
    [
        (["10.9.0.9/24"], ""),
        (["10.9.0.9/24", "10.6.0.1/24"], ""),
        (["10.6.0.1/24", "10.9.0.9/24"], ""),
        (["10.9.0.9/24", "10.9.0.5/24"], ""),
        (["10.9.0.5/24", "10.9.0.9/24"], "10.9.0.5/24"),
        (["10.9.0.9/16"], "10.9.0.9/16"),
        (["10.6.0.1/24"], "10.6.0.1/24"),
    ],
)
def test_o7_a_bridge_of_several_addresses_loses_the_one_in_the_place_of_the_gateway(
    addresses: list[str], lost: str
) -> None:
    host = OWN_BRIDGE._replace(bridges={"br-own": tuple(map(ipaddress.ip_interface, addresses))})
    wanted = [entry(bridge_name="br-own", ipam=pool("10.9.0.0/24", gateway="10.9.0.9"))]
    if not lost:
        assert plan(wanted, [], host)
        return
    with pytest.raises(NetmodeError, match=f"with the address {lost}, which the engine would take away"):
        plan(wanted, [], host)
