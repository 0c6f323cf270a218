# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of interfaces: the commands of each kind, and what is a difference."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.apply import _failure, apply
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.commands import Command
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.plan import Change, in_order, plan
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.spaces import Spaces
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.spec import Route, parse_list
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.state import (
    VLAN_MARK,
    Holder,
    Host,
    HostLink,
    Link,
    former,
    is_marked,
    mark,
    mark_of_former,
    outer_name,
    wanted_mac,
)
from interfaces_host import DEFAULT, ID, MAC, MARK, OUTER, VETH, entry, host, host_link, mac_of


def change(wanted: dict[str, Any], there: Host | None = None) -> Change:
    (found,) = plan(parse_list([wanted]), there or host())
    assert bool(found.commands) == bool(found.actions) == bool(found.reasons)
    return found


def words(wanted: dict[str, Any], there: Host | None = None) -> list[str]:
    """The commands; those in the container's namespace behind a ``>``."""
    return [
        f"{'> ' if command.inside else ''}{'' if command.tool == 'ip' else command.tool + ' '}{command.words}"
        for command in change(wanted, there).commands
    ]


def veth(**given: Any) -> Link:
    """The interface that ``VETH`` describes, as it is once it was made."""
    outer = host_link(OUTER, "veth", alias=MARK, master="docker0")
    made = Link(
        "veth", MAC, 1500, up=True, mark=MARK, on="docker0", outer=outer,
        addresses=frozenset({ipaddress.ip_interface("172.17.0.9/16")}),
        routes=frozenset({Route(DEFAULT, ipaddress.ip_address("172.17.0.1"))}),
    )  # fmt: skip
    return made._replace(**given)


def test_a_veth_is_made_in_the_container_and_plugged_into_the_bridge() -> None:
    assert words(entry(**VETH)) == [
        f"link add {OUTER} mtu 1500 type veth peer name eth0 address {MAC} mtu 1500 netns {{netns}}",
        f"link set dev {OUTER} mtu 1500 master docker0 alias {MARK}",
        f"link set dev {OUTER} up",
        f"> link set dev eth0 alias {MARK}",
        "> address replace 172.17.0.9/16 dev eth0",
        "> link set dev eth0 up",
        "> route replace 0.0.0.0/0 via 172.17.0.1 dev eth0",
    ]
    assert len(OUTER) <= 15
    assert int(MAC[:2], 16) & 3 == 2, "locally administered, no multicast"


def test_ipv6_is_allowed_on_the_interface_and_its_address_is_not_on_trial() -> None:
    found = words(entry(bridge="br-vlan", addresses=["fd00::9/64"], routes=[{"to": "::/0", "via": "fd00::1"}]))
    assert found[-4:] == [
        "> ipv6 eth0",
        "> address replace fd00::9/64 dev eth0 nodad",
        "> link set dev eth0 up",
        "> route replace ::/0 via fd00::1 dev eth0",
    ]


def test_a_vlan_is_the_ports_own_on_a_bridge_that_filters() -> None:
    found = words(entry(bridge="br-vlan", vlan=10))
    at = found.index(f"bridge vlan add dev {OUTER} vid 10 pvid untagged")
    assert found[at + 1 : at + 3] == [f"bridge vlan delete dev {OUTER} vid 1", f"link set dev {OUTER} up"]


def test_a_vlan_is_fixed_on_the_port_and_goes_back_to_the_bridges_own() -> None:
    outer = host_link(OUTER, "veth", alias=MARK, master="br-vlan")
    there = host({"eth0": veth(on="br-vlan", outer=outer, vlan=10)})
    on_vlan = {**VETH, "bridge": "br-vlan"}
    assert not change(entry(**on_vlan, vlan=10), there).commands
    assert words(entry(**on_vlan, vlan=20), there) == [
        f"bridge vlan add dev {OUTER} vid 20 pvid untagged",
        f"bridge vlan delete dev {OUTER} vid 10",
    ]
    assert change(entry(**on_vlan), there).reasons == ("vlan: 10 -> 1",)


@pytest.mark.parametrize(
    ("kind", "add"),
    [
        ("macvlan", f"link add {OUTER} link eth5 address {mac_of(addresses=['10.9.0.2/24'])} type macvlan mode bridge"),
        ("ipvlan", f"link add {OUTER} link eth5 type ipvlan mode l2"),
        ("dummy", f"link add {OUTER} address {mac_of(addresses=['10.9.0.2/24'])} type dummy"),
    ],
)
def test_other_kinds_are_made_and_marked_on_the_host_and_then_moved(kind: str, add: str) -> None:
    parent = {} if kind == "dummy" else {"parent": "eth5"}
    assert words(entry(kind=kind, addresses=["10.9.0.2/24"], **parent)) == [
        add,
        f"link set dev {OUTER} alias {MARK}",
        f"link set dev {OUTER} netns {{netns}} name eth0",
        "> address replace 10.9.0.2/24 dev eth0",
        "> link set dev eth0 up",
    ]


def test_a_vlan_link_is_made_once_for_all_who_lie_on_it_and_goes_with_the_last() -> None:
    both = [entry(kind="macvlan", parent="eth5", vlan=7, name=name) for name in ("eth0", "eth1")]
    changes = plan(parse_list(both), host())
    young = outer_name("vlan", "eth5.7")
    on_vlan = [command.words for item in changes for command in item.commands if young in command.words]
    assert on_vlan == [
        f"link add link eth5 name {young} type vlan id 7",
        f"link set dev {young} alias {VLAN_MARK}",
        f"link set dev {young} name eth5.7",
    ]
    ups = [command.words for item in changes for command in item.commands if command.words == "link set dev eth5.7 up"]
    assert len(ups) == 1
    lain = {name: Link("macvlan", mark=mark(ID, name), on="eth5.7") for name in ("eth0", "eth1")}
    vlan = host_link("eth5.7", "vlan", alias=VLAN_MARK, parent="eth5")
    riders = {"eth5.7": frozenset({(ID, "eth0"), (ID, "eth1")})}
    there = host(lain, vlan, riders=riders)
    gone = [{**item, "state": "absent"} for item in both]
    removals = [command.words for item in plan(parse_list(gone), there) for command in item.commands]
    assert removals == ["link delete eth0", "link delete eth1", "link delete eth5.7"]
    assert words(gone[0], there) == ["> link delete eth0"]


VLAN = host_link("eth5.7", "vlan", alias=VLAN_MARK, parent="eth5")


@pytest.mark.parametrize("left", [VLAN, VLAN._replace(name=outer_name("vlan", "eth5.7"), alias="")])
def test_a_vlan_link_that_a_killed_run_left_goes_with_the_next_removal(left: HostLink) -> None:
    found = change(entry(state="absent"), host(None, left))
    assert [command.words for command in found.commands] == [f"link delete {left.name}"]
    assert found.actions == (f"remove {left.name}",)
    above = host_link("mine", "macvlan", parent=left.name)
    assert not change(entry(state="absent"), host(None, left, above)).commands
    assert not change(entry(state="absent"), host(None, left._replace(name="v7", alias=""))).commands


def test_a_vlan_link_goes_with_the_last_also_where_its_container_went_first() -> None:
    found = change(entry(state="absent"), host(None, VLAN)._replace(containers={}))
    assert [command.words for command in found.commands] == ["link delete eth5.7"]
    ridden = host(None, VLAN, riders={"eth5.7": frozenset({("another", "eth0")})})
    assert not change(entry(state="absent"), ridden._replace(containers={})).commands


def test_a_vlan_link_that_a_killed_run_left_down_is_brought_up() -> None:
    found = words(entry(kind="macvlan", parent="eth5", vlan=7), host(None, VLAN._replace(up=False)))
    assert found[0] == "link set dev eth5.7 up"


def test_a_physical_interface_carries_what_it_was_and_is_given_back() -> None:
    wanted = entry(kind="physical", parent="eth5", mtu=1400)
    signed = mark_of_former(ID, "eth0", host_link("eth5", alias="the uplink"))
    there = host(None, host_link("eth5", alias="the uplink"))
    assert words(wanted, there) == [
        f"link set dev eth5 alias {signed}",
        "link set dev eth5 netns {netns} name eth0",
        "> link set dev eth0 mtu 1400",
        "> link set dev eth0 up",
    ]
    given = Link("physical", "02:00:00:00:00:05", 1400, up=True, mark=signed, on="eth5")
    assert words({**wanted, "state": "absent"}, host({"eth0": given})) == [
        "> link set dev eth0 netns {host} name eth5",
        'link set dev eth5 mtu 1500 address 02:00:00:00:00:05 up alias "the uplink"',
    ]


def test_a_physical_interface_whose_container_died_is_put_right_or_taken_again() -> None:
    signed = mark_of_former(ID, "eth0", host_link("eth5"))
    links = {name: link for name, link in host().links.items() if name != "eth5"}
    fallen = host(links=None)._replace(links={**links, "dev7": host_link("dev7", alias=signed, up=False)})
    assert words(entry(kind="physical", parent="eth5"), fallen)[0] == "link set dev dev7 netns {netns} name eth0"
    stopped = fallen.containers["web"]._replace(running=False, status="exited")
    assert words(entry(state="absent"), fallen._replace(containers={"web": stopped})) == [
        "link set dev dev7 down",
        "link set dev dev7 name eth5",
        'link set dev eth5 mtu 1500 address 02:00:00:00:00:05 up alias ""',
    ]


def test_a_mark_tells_whose_a_link_is() -> None:
    signed = mark_of_former(ID, "eth0", host_link("eth5", alias="a/b {c}"))
    assert former(signed) == ("eth5", True, 1500, "02:00:00:00:00:05", "a/b {c}")
    assert former(MARK) is None
    assert is_marked(MARK, ID, "eth0")
    assert is_marked(signed, ID, "eth0")
    assert not is_marked(MARK, ID, "eth")
    assert not is_marked(mark(ID, "eth01"), ID, "eth0")


def test_what_is_as_described_is_left_alone() -> None:
    assert not change(entry(**VETH), host({"eth0": veth()})).commands
    assert not change(entry(**{**VETH, "bridge": "bridge"}), host({"eth0": veth()})).commands
    assert not change(entry(state="absent")).commands
    assert not change(entry(container="gone", state="absent")).commands


MENDED = [
    ({"mtu": 1400}, "mtu: 1500 -> 1400",
     [f"link set dev {OUTER} mtu 1400 master docker0 alias {MARK}", "> link set dev eth0 mtu 1400"]),
    ({"mac": "02-AA-00-00-00-01"}, f"mac: {MAC} -> 02:aa:00:00:00:01",
     ["> link set dev eth0 address 02:aa:00:00:00:01"]),
    ({"gateway": None}, "routes: 0.0.0.0/0 via 172.17.0.1 -> none",
     ["> route delete 0.0.0.0/0 via 172.17.0.1 dev eth0"]),
    ({"routes": [{"to": "10.0.0.0/8", "via": "172.17.0.7"}]},
     "routes: 0.0.0.0/0 via 172.17.0.1 -> 0.0.0.0/0 via 172.17.0.1, 10.0.0.0/8 via 172.17.0.7",
     ["> route replace 10.0.0.0/8 via 172.17.0.7 dev eth0"]),
    # An address that goes may take others and the routes along: all that stay are given again.
    ({"addresses": ["172.17.0.8/16"], "mac": MAC}, "addresses: 172.17.0.9/16 -> 172.17.0.8/16",
     ["> address delete 172.17.0.9/16 dev eth0", "> address replace 172.17.0.8/16 dev eth0",
      "> route replace 0.0.0.0/0 via 172.17.0.1 dev eth0"]),
    ({"addresses": ["172.17.0.9/16", "172.17.0.8/16"]}, "addresses: 172.17.0.9/16 -> 172.17.0.8/16, 172.17.0.9/16",
     ["> address replace 172.17.0.8/16 dev eth0"]),
    ({"bridge": "br-vlan"}, "bridge: docker0 -> br-vlan",
     [f"link set dev {OUTER} mtu 1500 master br-vlan alias {MARK}"]),
    ({"bridge": "br-vlan", "vlan": 5}, "bridge: docker0 -> br-vlan",
     [f"link set dev {OUTER} mtu 1500 master br-vlan alias {MARK}", f"bridge vlan add dev {OUTER} vid 5 pvid untagged",
      f"bridge vlan delete dev {OUTER} vid 1"]),
]  # fmt: skip


@pytest.mark.parametrize(("differing", "reason", "commands"), MENDED)
def test_a_difference_is_fixed_in_place(differing: dict[str, Any], reason: str, commands: list[str]) -> None:
    wanted = entry(**{**VETH, **differing})
    assert words(wanted, host({"eth0": veth()})) == commands
    assert change(wanted, host({"eth0": veth()})).reasons == (reason,)


def test_the_mac_address_goes_with_the_first_address_so_that_nobody_has_to_learn_another() -> None:
    recreated = parse_list([entry(**VETH)])[0]
    assert wanted_mac("another id", recreated) == MAC
    assert mac_of(addresses=["172.17.0.9/24", "172.17.0.1/16"]) == MAC
    moved = change(entry(**{**VETH, "addresses": ["172.17.0.8/16"]}), host({"eth0": veth()}))
    other = mac_of(addresses=["172.17.0.8/16"])
    assert moved.actions == ("set mac", "set addresses")
    assert moved.commands[0].words == f"link set dev eth0 address {other}", "no two have one MAC address"
    nameless = parse_list([entry(kind="dummy")])[0]
    assert wanted_mac("one", nameless) != wanted_mac("another", nameless)
    assert mac_of(kind="ipvlan", parent="eth5") == mac_of(kind="physical", parent="eth5") == ""


HALF_MADE = [
    (veth(mark=""), [f"> link set dev eth0 alias {MARK}"]),
    (veth(outer=host_link(OUTER, "veth", alias=MARK, master="docker0", up=False)), [f"link set dev {OUTER} up"]),
    (veth(up=False, routes=frozenset()),
     ["> link set dev eth0 up", "> route replace 0.0.0.0/0 via 172.17.0.1 dev eth0"]),
]  # fmt: skip


@pytest.mark.parametrize(("there", "commands"), HALF_MADE)
def test_what_a_killed_run_left_is_known_for_ours_and_completed(there: Link, commands: list[str]) -> None:
    assert words(entry(**VETH), host({"eth0": there})) == commands


def test_a_link_that_never_reached_the_container_is_made_again() -> None:
    found = words(entry(kind="dummy"), host(None, host_link(OUTER, "dummy")))
    assert found[0] == f"link delete {OUTER}"
    assert words(entry(state="absent"), host(None, host_link(OUTER, "dummy"))) == [f"link delete {OUTER}"]


def test_another_kind_or_parent_is_recreated_and_a_veth_goes_by_its_end_on_the_host() -> None:
    there = host({"eth0": veth()}, host_link(OUTER, "veth", alias=MARK))
    found = change(entry(kind="dummy"), there)
    assert found.actions == ("remove", "create")
    assert [command.words for command in found.commands[:2]] == [
        f"link delete {OUTER}", f"link add {OUTER} address {mac_of()} type dummy"
    ]  # fmt: skip
    lain = Link("macvlan", mac_of(), 1500, up=True, mark=MARK, on="eth5")
    assert change(entry(kind="macvlan", parent="eth1"), host({"eth0": lain})).reasons == ("parent: eth5 -> eth1",)


def test_every_command_that_makes_something_is_taken_back_by_another() -> None:
    for wanted in (entry(**VETH), entry(kind="macvlan", parent="eth5", vlan=7), entry(kind="physical", parent="eth5")):
        made = [command for command in change(wanted).commands if " add " in command.words or "netns" in command.words]
        assert made
        assert all(command.undo for command in made), wanted


def test_removals_come_first_and_a_freed_address_may_be_given_on() -> None:
    held = (Holder(ipaddress.ip_address("172.17.0.9"), "the container web", (ID, "eth0")),)
    there = host({"eth0": veth()}, holders={"docker0": held})
    changes = plan(parse_list([entry(**{**VETH, "name": "eth1"}), entry(state="absent")]), there)
    assert [item.entry.name for item in in_order(changes)] == ["eth0", "eth1"]


def test_a_kind_that_the_kernel_lacks_is_told_with_the_way_out() -> None:
    (wanted,) = parse_list([entry(kind="macvlan", parent="eth5")])
    command = Command("ip", "link add x link eth5 type macvlan mode bridge")
    message = _failure(wanted, command, "Unknown device type")
    assert message.startswith("interface web:eth0: kind: this host's kernel has no macvlan links")
    assert "modprobe macvlan" in message


def test_a_link_that_went_by_itself_meanwhile_counts_as_deleted() -> None:
    """The kernel ends the pair of a container that was restarted whenever it comes to it."""
    ran: list[str] = []

    def batch(_: Spaces, __: str, commands: list[Command]) -> tuple[int, str]:
        ran.extend(command.words for command in commands)
        gone = commands[0].words.startswith("link delete")
        return (0, f"Cannot find device {OUTER}") if gone else (len(commands), "")

    with Spaces() as spaces:
        there = host(None, host_link(OUTER, "veth"))
        apply(plan(parse_list([entry(**VETH)]), there), spaces, batch)
    assert ran.count(f"link set dev {OUTER} up") == 2, "once in the batch that ended at its first command, once after"
