# SPDX-License-Identifier: GPL-3.0-or-later
"""R14: a Redis that others than its host reach without a password is refused, unless that is said to be meant."""

from __future__ import annotations

from typing import Any

import pytest
from redis_role import isolated, plan, problems

EXPOSED = [
    ({"ports": ["6379:6379"]}, ()),
    ({"ports": ["0.0.0.0:7000:6379"]}, ()),
    ({"ports": ["192.0.2.1:6379:6379"]}, ()),
    ({"ports": ["[::]:6379:6379"]}, ()),
    ({"ports": ["6379"]}, ()),
    ({"ports": [{"target": 6379, "published": 6379, "host_ip": "::"}]}, ()),
    ({"ports": ["6000-6999:6000-6999"]}, ()),
    ({"network_mode": "host", "bind": ["*"]}, ()),
    ({"network_mode": "host", "bind": ["127.0.0.1", "192.0.2.1"]}, ()),
    ({"network_mode": "container", "donor": "web"}, ()),
    ({"network_mode": "container", "donor": "web"}, ({"name": "web", "ports": ["6379:6379"]},)),
    ({"network_mode": "container", "donor": "web"}, ({"name": "web", "network_mode": "host"},)),
    ({"networks": ["lan"]}, ()),
    ({"networks": {"backend": {}, "lan2": {"ipv4_address": "192.0.2.9"}}}, ()),
    ({"network_mode": "container", "donor": "web"}, ({"name": "web", "network_mode": "lan"},)),
    ({"network_mode": "container", "donor": "web"}, ({"name": "web", "networks": {"lan2": None}},)),
    *[
        ({"network_mode": "none", "interfaces": [{"name": "eth0", **interface}]}, ())
        for interface in (
            {"bridge": "br-own"},
            {"bridge": "lan"},
            {"kind": "macvlan", "parent": "eth1"},
            {"kind": "ipvlan", "parent": "eth1", "vlan": 7},
            {"kind": "physical", "parent": "eth1"},
        )
    ],
]
DEFINITIONS = [
    {"name": "backend", "bridge_name": "br-back"},
    {"name": "lan", "driver": "macvlan"},
    {"name": "lan2", "driver": "ipvlan"},
]
SEALED = [
    ({}, ()),
    ({"ports": ["127.0.0.1:6379:6379"]}, ()),
    ({"ports": ["[::1]:6379:6379"]}, ()),
    ({"ports": ["80:80"]}, ({"name": "web", "network_mode": "container:cache"},)),
    ({"ports": ["6379/udp"]}, ()),
    ({"ports": [{"target": 6379, "published": "6379", "host_ip": "::1"}]}, ()),
    ({"ports": ["127.0.0.1:7000-7010:6379"]}, ()),
    ({"networks": ["backend", "unknown"]}, ()),
    ({"networks": ["lan"], "bind": ["127.0.0.1"]}, ()),
    ({"network_mode": "host"}, ()),
    ({"network_mode": "host", "bind": ["127.0.0.1", "::1"]}, ()),
    ({"network_mode": "none"}, ()),
    *[
        ({"network_mode": "none", "interfaces": [{"name": "eth0", "bridge": bridge}]}, ())
        for bridge in ("docker0", "bridge", "backend", "br-back")
    ],
    ({"network_mode": "none", "interfaces": [{"name": "d0", "kind": "dummy"}]}, ()),
    ({"network_mode": "none", "interfaces": [{"name": "e0", "bridge": "br-own"}], "bind": ["127.0.0.1"]}, ()),
    ({"network_mode": "container", "donor": "web", "bind": ["127.0.0.1"]}, ()),
    ({"network_mode": "container", "donor": "web"}, ({"name": "web", "ports": ["80:80"]},)),
]


@pytest.mark.parametrize(("entry", "companions"), EXPOSED)
def test_r14_exposed_without_a_password_is_refused(entry: dict[str, Any], companions: Any) -> None:
    told = problems({"name": "cache", **entry}, companions=list(companions), definitions=DEFINITIONS)
    assert len(told) == 1
    assert "redis_allow_unauthenticated: true" in told[0]


@pytest.mark.parametrize(("entry", "companions"), EXPOSED)
@pytest.mark.parametrize("said", [{"password": "x"}, {"allow_unauthenticated": True}])
def test_r14_exposed_with_a_password_or_by_explicit_word_is_allowed(
    entry: dict[str, Any], companions: Any, said: dict[str, Any]
) -> None:
    told = plan({"name": "cache", **entry, **said}, companions=list(companions), definitions=DEFINITIONS)["problems"]
    assert told == []


@pytest.mark.parametrize(("entry", "companions"), SEALED)
def test_r14_what_only_the_host_reaches_needs_no_password(entry: dict[str, Any], companions: Any) -> None:
    assert plan({"name": "cache", **entry}, companions=list(companions), definitions=DEFINITIONS)["problems"] == []


def test_r14_the_donor_may_have_an_interface_that_lets_others_in() -> None:
    donor = {**isolated({"name": "eth0", "bridge": "br-own"})[0], "password": "x"}
    told = problems(donor, {"name": "bb", "network_mode": "container", "donor": "aa", "port": 7000})
    assert len(told) == 1
    assert "instance bb: password: none is set, and the interface eth0 on the bridge br-own" in told[0]


def test_r14_the_donor_may_be_a_redis_that_publishes_the_sharers_port() -> None:
    donor = {"name": "aa", "ports": ["7000:7000"]}
    told = problems(donor, {"name": "bb", "network_mode": "container", "donor": "aa", "port": 7000})
    assert len(told) == 1
    assert "instance bb" in told[0]


@pytest.mark.parametrize("mode", [{"network_mode": "host"}, {"network_mode": "container", "donor": "web"}])
def test_o7_instances_on_one_port_of_different_addresses(mode: dict[str, Any]) -> None:
    two = [
        {"name": name, "bind": [address], "password": "x", **mode}
        for name, address in (("aa", "127.0.0.1"), ("bb", "127.0.0.2"))
    ]
    found = plan(*two)
    assert found["problems"] == []
    assert [one["expose"] for one in found["containers"]] == [["127.0.0.1:6379"], ["127.0.0.2:6379"]]
    assert plan({"name": "aa", "bind": ["*", "-::*"], "password": "x", **mode})["containers"][0]["expose"] == [6379]
    for bind in (["127.0.0.1"], ["*"], ["10.9.9.9", "127.0.0.1"]):
        assert "is taken" in problems(two[0], {**two[1], "bind": bind})[0]
