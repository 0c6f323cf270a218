# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces that are refused, in themselves or by what the host has, and with which words."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.plan import plan
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.spec import Route, parse_list
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.state import (
    Link,
)
from interfaces_host import DEFAULT, ID, MAC, VETH, entry, host, host_link

REFUSED_BY_ITSELF = [
    ({"name": "sixteen-letters-"}, "name: 'sixteen-letters-' is not a name for an interface: 1 to 15"),
    ({"name": "eth 0"}, "name: 'eth 0'"),
    ({"name": "lo"}, "not lo"),
    ({"bridge": None}, "bridge: kind veth needs one"),
    ({"kind": "macvlan", "bridge": None}, "parent: kind macvlan needs one"),
    ({"parent": "eth1"}, "parent: kind veth has no such option"),
    ({"kind": "dummy"}, "bridge: kind dummy has no such option"),
    ({"kind": "dummy", "bridge": None, "gateway": "10.0.0.1"}, "nothing is behind it"),
    ({"kind": "ipvlan", "bridge": None, "parent": "eth1", "mac": MAC}, "it has its parent's MAC"),
    ({"kind": "physical", "bridge": None, "parent": "eth1", "vlan": 5}, "give that as parent"),
    ({"vlan": 4095}, "vlan: 4095 is not from 1 to 4094"),
    ({"vlan": 0}, "vlan: 0 is not from 1"),
    ({"mtu": 67}, "mtu: 67 is not from 68 to 65535"),
    ({"mtu": 1279, "addresses": ["fd00::9/64"]}, "from 1280 (IPv6 needs 1280)"),
    ({"mac": "01:00:00:00:00:01"}, "mac: '01:00:00:00:00:01' is a multicast address"),
    ({"mac": "02:00"}, "mac: '02:00' is not a MAC address"),
    ({"addresses": ["172.17.0.9"]}, "addresses: '172.17.0.9' is not an address with a prefix length"),
    ({"addresses": ["172.17.0.300/16"]}, "addresses: '172.17.0.300/16'"),
    ({"addresses": ["172.17.0.0/16"]}, "is the network or the broadcast address of 172.17.0.0/16"),
    ({"addresses": ["fe80::9/64"]}, "Leave it out"),
    ({"addresses": ["224.0.0.9/16"]}, "can be no interface's address"),
    ({"addresses": ["172.17.0.9/16", "172.17.0.9/24"]}, "172.17.0.9 is given twice"),
    ({"addresses": ["172.17.0.9/16"], "gateway": "10.0.0.1"}, "gateway 10.0.0.1 cannot be reached"),
    ({"gateway": "172.17.0.1"}, "(no address at all)"),
    ({"addresses": ["172.17.0.9/16"], "gateway": "172.17.0.9"}, "is the interface's own address"),
    ({"addresses": ["172.17.0.9/16"], "gateway": "nowhere"}, "gateway: 'nowhere' is not an IP address"),
    ({"routes": [{"to": "10.0.0.1/8"}]}, "routes: to: '10.0.0.1/8' is not a network"),
    ({"routes": [{"to": "10.0.0.0/8"}, {"to": "10.0.0.0/8"}]}, "there are two to 10.0.0.0/8"),
    ({**VETH, "routes": [{"to": "0.0.0.0/0", "via": "172.17.0.2"}]}, "there are two to 0.0.0.0/0"),
    ({**VETH, "routes": [{"to": "fd00::/64", "via": "172.17.0.2"}]}, "is of another family"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED_BY_ITSELF)
def test_what_is_wrong_in_itself_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(NetmodeError) as refused:
        parse_list([entry(**{"bridge": "docker0", **given})])
    assert message in str(refused.value)
    assert str(refused.value).startswith("interface web:")


TAKEN = Link("veth", addresses=frozenset(), routes=frozenset({Route(DEFAULT, ipaddress.ip_address("10.9.0.1"))}))
REFUSED_BY_THE_HOST = [
    ([entry(**VETH, container="nobody")], {}, "the engine knows no container nobody"),
    ([entry(**VETH)], {"container": {"running": False, "status": "exited"}}, "container: it is exited"),
    ([entry(**VETH)], {"container": {"network_mode": "bridge"}}, "its network mode is bridge"),
    ([entry(**VETH), entry(**VETH, container=ID[:12])], {}, "it is in the list twice"),
    ([entry(**VETH)], {"links": {"eth0": Link("veth")}}, "somebody else owns it"),
    ([entry(state="absent")], {"links": {"eth0": Link("veth")}}, "somebody else owns it"),
    ([entry(bridge="br9")], {}, "br9 is neither a bridge of this host nor a Docker network"),
    ([entry(bridge="eth5")], {}, "eth5 is not a bridge"),
    ([entry(bridge="docker0", vlan=5)], {}, "does not filter by VLAN"),
    ([entry(bridge="docker0", addresses=["10.1.0.9/16"])], {}, "outside the subnet of docker0 (172.17.0.0/16)"),
    ([entry(bridge="docker0", addresses=["172.17.0.1/16"])], {}, "in use on docker0: the bridge itself has it"),
    ([entry(**VETH), entry(bridge="docker0", name="eth1", addresses=["172.17.0.9/16"])], {},
     "in use by interface web:eth0 of the same list"),
    ([entry(**VETH), entry(bridge="docker0", name="eth1", addresses=["172.17.0.8/16"], gateway="172.17.0.1")], {},
     "gateway: interface web:eth0 of the same list leads to 0.0.0.0/0 already"),
    ([entry(**VETH)], {"links": {"eth9": TAKEN}}, "a route to 0.0.0.0/0 already, by eth9"),
    ([entry(kind="macvlan", parent="eth9")], {}, "this host has no link eth9"),
    ([entry(kind="macvlan", parent="eth6")], {"more": [host_link("eth6", up=False)]}, "eth6 is down"),
    ([entry(kind="macvlan", parent="eth5", vlan=4094, name="a")], {"more": [host_link("eth5.4094")]},
     "no VLAN link of eth5"),
    ([entry(kind="physical", parent="eth9")], {}, "this host has no link eth9"),
    ([entry(kind="physical", parent="docker0")], {}, "is a bridge, which cannot be given away"),
    ([entry(kind="physical", parent="eth1")], {}, "has the host's addresses 10.0.2.15/24"),
    ([entry(kind="physical", parent="eth6")], {"more": [host_link("eth6", master="docker0")]}, "a port of docker0"),
    ([entry(kind="physical", parent="eth6")], {"more": [host_link("eth6", alias="netmode:x/y")]}, "marked by this"),
    ([entry(kind="physical", parent="eth5"), entry(kind="physical", parent="eth5", name="b")], {},
     "eth5 is given to interface web:eth0"),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "there", "message"), REFUSED_BY_THE_HOST)
def test_what_the_host_forbids_is_refused(wanted: list[dict[str, Any]], there: dict[str, Any], message: str) -> None:
    seen = host(there.get("links"), *there.get("more", []), container=there.get("container"))
    with pytest.raises(NetmodeError) as refused:
        plan(parse_list(wanted), seen)
    assert message in str(refused.value)
    assert str(refused.value).startswith("interface ")
