# SPDX-License-Identifier: GPL-3.0-or-later
"""The claims of a Redis in none mode with interfaces of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from proof import UNIT, failed, prove, redis_endpoints

if TYPE_CHECKING:
    pass

LONELY = {
    "name": "lonely",
    "network_mode": "none",
    "interfaces": [
        {"name": "eth0", "bridge": "br-own", "addresses": ["192.168.7.2/24"], "gateway": "192.168.7.1"},
    ],
}


@pytest.fixture
def rich() -> dict[str, Any]:
    return dict(json.loads((UNIT / "golden" / "facts.json").read_text())["rich"])


def test_the_interfaces_that_are_declared_are_claimed_one_by_one(rich: dict[str, Any]) -> None:
    proof = prove(rich, [LONELY])
    assert failed(proof) == []
    assert [(claim["claim"], claim["observed"]) for claim in proof["claims"]][2:7] == [
        ("its eth0 is the veth on br-own that it is to have", "veth on br-own, by netmode, 192.168.7.2/24"),
        ("one veth of br-own is the peer of its eth0", "vethnm0"),
        ("it has nothing but lo and eth0", "nothing else"),
        ("its gateway is 192.168.7.1", "192.168.7.1"),
        ("PONG over its eth0 192.168.7.2:6379", "PONG"),
    ]


def test_an_interface_that_is_not_declared_is_told(rich: dict[str, Any]) -> None:
    assert failed(prove(rich, [{**LONELY, "interfaces": []}])) == [
        ("lonely", "it has nothing but lo", "nothing else", "eth0"),
        ("lonely", "it has no route", "none", "192.168.7.1"),
    ]


EXPECTED_CARD = "veth on br-own, by netmode, 192.168.7.2/24"
MISMADE: list[tuple[str, Any, str]] = [
    ("another address", {"ipv4": ["192.168.7.3/24"]}, "veth on br-own, by netmode, 192.168.7.3/24"),
    ("an address more", {"ipv6": ["fd00::2/64"]}, f"{EXPECTED_CARD}, fd00::2/64"),
    ("out of its bridge", {"bridge": None}, "veth on no bridge, by netmode, 192.168.7.2/24"),
    ("another kind", {"kind": "dummy"}, "dummy on br-own, by netmode, 192.168.7.2/24"),
    ("made manually", {"managed_by": None}, "veth on br-own, by somebody else, 192.168.7.2/24"),
]


@pytest.mark.parametrize(("changed", "observed"), [case[1:] for case in MISMADE], ids=[case[0] for case in MISMADE])
def test_an_interface_that_is_not_as_declared_is_told(rich: dict[str, Any], changed: Any, observed: str) -> None:
    rich["containers"]["lonely"]["interfaces"][0].update(changed)
    label = "its eth0 is the veth on br-own that it is to have"
    assert failed(prove(rich, [LONELY])) == [("lonely", label, EXPECTED_CARD, observed)]


def test_a_link_local_address_is_the_kernels(rich: dict[str, Any]) -> None:
    rich["containers"]["lonely"]["interfaces"][0]["ipv6"] = ["fe80::2/64"]
    assert failed(prove(rich, [LONELY])) == []


def test_an_interface_that_is_gone_is_told(rich: dict[str, Any]) -> None:
    rich["containers"]["lonely"].update(interfaces=[], gateway=None)
    assert failed(prove(rich, [LONELY]))[:2] == [
        ("lonely", "its eth0 is the veth on br-own that it is to have", EXPECTED_CARD, "none"),
        ("lonely", "its gateway is 192.168.7.1", "192.168.7.1", "none"),
    ]


def test_a_network_card_keeps_the_kind_that_it_has(rich: dict[str, Any]) -> None:
    card = {"name": "eth0", "kind": "physical", "parent": "eth1", "addresses": ["192.168.7.2/24"]}
    rich["containers"]["lonely"]["interfaces"][0].update(kind="device", bridge=None)
    rich["containers"]["lonely"]["gateway"] = None
    proof = prove(rich, [{**LONELY, "interfaces": [card]}])
    assert failed(proof) == []
    assert "it has no default route" in [claim["claim"] for claim in proof["claims"]]


OTHER_WAYS: list[tuple[str, dict[str, Any]]] = [
    ("a bridge where the host has no address", {"bridge": "virbr0"}),
    ("another subnet than the host's", {"addresses": ["192.168.8.2/24"], "gateway": None}),
    ("a VLAN", {"vlan": 7}),
    ("a macvlan", {"kind": "macvlan", "bridge": None, "parent": "eth1"}),
    ("a dummy", {"kind": "dummy", "bridge": None, "gateway": None}),
]


@pytest.mark.parametrize("changed", [case[1] for case in OTHER_WAYS], ids=[case[0] for case in OTHER_WAYS])
def test_where_the_host_itself_does_not_reach_an_interface_it_is_asked_over_the_socket(
    rich: dict[str, Any], changed: dict[str, Any]
) -> None:
    entry = {**LONELY, "interfaces": [{**LONELY["interfaces"][0], **changed}]}
    asked = redis_endpoints(rich, [entry])
    assert [end["name"] for end in asked if "PONG" in end["name"]] == ["lonely: PONG over the unix socket"]


def test_a_sharer_is_asked_over_the_interfaces_of_its_donor(rich: dict[str, Any]) -> None:
    plain = {**rich["containers"]["lonely"], "interfaces": [], "gateway": None, "mode": "container"}
    rich["containers"]["first"] = {**plain, "name": "first", "joins": "lonely", "network_mode": "container:x"}
    rich["containers"]["second"] = {**plain, "name": "second", "joins": "first", "network_mode": "container:x"}
    entries: list[dict[str, Any]] = [
        {"name": "second", "network_mode": "container", "donor": "first", "port": 7002},
        {"name": "first", "network_mode": "container", "donor": "lonely", "port": 7001},
        LONELY,
    ]
    asked = redis_endpoints(rich, entries)
    told = [f"{end['host']}:{end['port']}" for end in asked if "PONG over its eth0" in end["name"]]
    assert told == ["192.168.7.2:7002", "192.168.7.2:7001", "192.168.7.2:6379"]


def test_a_bridge_may_be_named_by_its_docker_network(rich: dict[str, Any]) -> None:
    interface = {"name": "eth0", "bridge": "back", "addresses": ["10.89.0.9/24"]}
    rich["containers"]["lonely"]["interfaces"][0].update(bridge="br-back", ipv4=["10.89.0.9/24"])
    asked = redis_endpoints(rich, [{**LONELY, "interfaces": [interface]}])
    assert asked[0]["host"] == "10.89.0.9"
    told = [
        claim
        for claim in prove(rich, [{**LONELY, "interfaces": [interface]}])["claims"]
        if "its eth0 is" in claim["claim"]
    ]
    assert [(claim["expected"], claim["ok"]) for claim in told] == [("veth on br-back, by netmode, 10.89.0.9/24", True)]
