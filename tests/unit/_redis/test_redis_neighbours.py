# SPDX-License-Identifier: GPL-3.0-or-later
"""O15, O22: by which configurations of engine and host neighbours reach a Redis; what no lab engine has is here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._engine import dockerd
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis import firewall, neighbours
from redis_role import isolated, plan

if TYPE_CHECKING:
    from pathlib import Path

OLD = firewall.Filter("26.1.5+dfsg1", "ipv4", forwards=True, rules=True, drops=True, direct=False, switches=True)
NEW = OLD._replace(version="28.5.2")
MODE = "com.docker.network.bridge.gateway_mode_ipv4"
TRUSTED = {"com.docker.network.bridge.trusted_host_interfaces": "eth1"}


@pytest.mark.parametrize(
    ("one", "options", "published", "unpublished"),
    [
        (OLD, {}, "before 28.0", ""),
        (OLD._replace(version="20.10.24"), {}, "before 28.0", ""),
        (OLD._replace(drops=False), {}, "before 28.0", "policy of its chain FORWARD is ACCEPT"),
        (OLD._replace(forwards=False, drops=False), {}, "", ""),
        (OLD._replace(rules=False), {}, "", ""),
        (OLD._replace(rules=False, drops=False), {}, "this host forwards IPv4", "this host forwards IPv4"),
        (NEW, {}, "", ""),
        (NEW._replace(version="29.0.1"), {}, "", ""),
        (NEW._replace(drops=False), {}, "", ""),
        (NEW._replace(direct=True), {}, "allow-direct-routing", ""),
        (NEW._replace(rules=False, drops=False), {}, "this host forwards", "this host forwards"),
        (NEW, {MODE: "routed"}, "gateway mode routed", ""),
        (NEW, {MODE: "nat-unprotected"}, "nat-unprotected", "nat-unprotected"),
        (NEW, {MODE: "nat"}, "", ""),
        (NEW, TRUSTED, "trusted_host_interfaces", ""),
        (NEW._replace(family="ipv6"), {MODE: "routed"}, "", ""),
    ],
)
def test_o15_what_comes_through(one: firewall.Filter, options: Any, published: str, unpublished: str) -> None:
    for expected, said in ((published, True), (unpublished, False)):
        told = firewall.lets_through(one, options, published=said)
        assert bool(told) == bool(expected)
        assert expected in told


SIX = NEW._replace(family="ipv6", forwards=False, drops=False)


@pytest.mark.parametrize(
    ("one", "forwards", "drops"),
    [
        (SIX, True, True),
        (SIX._replace(version="26.1.5"), True, False),
        (SIX._replace(rules=False), True, False),
        (SIX._replace(switches=False), False, False),
        (SIX._replace(forwards=True), True, False),
        (OLD, True, True),
    ],
)
def test_o15_the_first_network_of_a_family_has_the_engine_switch_forwarding_on(
    one: firewall.Filter, forwards: bool, drops: bool
) -> None:
    assert one.with_new_network() == one._replace(forwards=forwards, drops=drops)


@pytest.mark.parametrize(
    ("arguments", "written", "expected"),
    [
        ([], None, None),
        (["--iptables=false"], None, False),
        (["--iptables=0"], '{"iptables": true}', False),
        (["--iptables"], None, True),
        (["--iptables", "false"], None, True),
        (["--iptables=true", "--iptables=false"], None, False),
        (["--ip6tables=false", "--iptables=T"], None, True),
        ([], '{"iptables": false}', False),
        (["--ip6tables=true"], '{"iptables": false}', False),
        ([], "no JSON", None),
        ([], "[]", None),
        ([], "", None),
    ],
)
def test_o15_a_switch_of_the_engine_is_that_of_its_flags_or_its_file(
    tmp_path: Path, arguments: list[str], written: str | None, expected: bool | None
) -> None:
    file = tmp_path / "daemon.json"
    if written is not None:
        file.write_text(written)
    for given in ([f"--config-file={file}"], ["--config-file", str(file)]):
        for default in (True, False):
            found = dockerd.is_on([*given, *arguments], "iptables", default=default)
            assert found is (default if expected is None else expected)


class Networks:
    """An engine of 28 with these networks."""

    version = "28.5.2"
    docker_host = "unix:///nowhere.sock"

    def __init__(self, *networks: dict[str, Any]) -> None:
        self.networks = networks

    def get(self, path: str) -> Any:
        assert path == "/networks"
        return list(self.networks)


LAN = {"Name": "lan", "Id": "a" * 64, "Driver": "macvlan", "Internal": False, "Options": {"parent": "eth0"}}
BR0 = {
    "Name": "office", "Id": "b" * 64, "Driver": "bridge", "Internal": False,
    "Options": {"com.docker.network.bridge.name": "br0"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("network", "told"),
    [
        ("lan", r"the network lan \(macvlan\) makes it one more machine of theirs"),
        ("a" * 64, r"the network lan \(macvlan\)"),
        ("a" * 12, r"the network lan \(macvlan\)"),
        ("office", "enp3s0 is a port of the bridge of its network office"),
        ("br0", "enp3s0 is a port of the bridge"),
    ],
)
def test_o22_networks_that_the_host_has_and_the_role_does_not_define_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: str, told: str
) -> None:
    (tmp_path / "br0/brif/veth1").mkdir(parents=True)
    (tmp_path / "br0/brif/enp3s0").mkdir()
    (tmp_path / "veth1").mkdir()
    (tmp_path / "enp3s0/device").mkdir(parents=True)
    monkeypatch.setattr(neighbours, "LINKS", tmp_path)
    wanted = {
        "reason": "none is set",
        "networks": [{"name": network}],
        "ports": [{"option": "port", "port": 6379, "published": []}],
    }
    with pytest.raises(NetmodeError, match=rf"instance cache: none is set, and .*{told}"):
        neighbours.refuse_reached(Networks(LAN, BR0), [{"name": "cache", "unauthenticated": wanted}])  # type: ignore[arg-type]
    neighbours.refuse_reached(Networks(LAN, BR0), [{"name": "cache", "unauthenticated": None}])  # type: ignore[arg-type]


UNPUBLISHED = {"option": "port", "port": 6379, "published": []}
PUBLISHED = {**UNPUBLISHED, "published": ["127.0.0.1"]}
TLS = {"option": "settings.tls-port", "port": 6380, "published": ["127.0.0.1"]}


@pytest.mark.parametrize(
    ("entry", "companions", "networks", "ports"),
    [
        ({}, (), ["bridge"], [UNPUBLISHED]),
        ({"ports": ["127.0.0.1:7000:6379"]}, (), ["bridge"], [PUBLISHED]),
        (
            {"networks": ["aa", "bb"], "ports": ["127.0.0.1:7000:6380"], "settings": {"tls-port": 6380}}, (),
            ["aa", "bb"], [UNPUBLISHED, TLS],
        ),
        ({"networks": {"aa": {"aliases": ["x"]}}}, (), ["aa"], [UNPUBLISHED]),
        ({"network_mode": "container", "donor": "web"}, ({"name": "web"},), ["bridge"], [UNPUBLISHED]),
        ({"network_mode": "container", "donor": "web"}, ({"name": "web", "networks": ["n"]},), ["n"], [UNPUBLISHED]),
        ({"network_mode": "none", "interfaces": [{"name": "e0", "bridge": "docker0"}]}, (), ["docker0"], [UNPUBLISHED]),
    ],
)  # fmt: skip
def test_o15_the_host_is_asked_for_every_network_and_listener_of_one_without_a_password(
    entry: dict[str, Any], companions: Any, networks: list[str], ports: list[Any]
) -> None:
    asked = plan({"name": "cache", **entry}, companions=companions)["files"][0]["unauthenticated"]
    assert [network["name"] for network in asked["networks"]] == networks
    assert asked["ports"] == ports


@pytest.mark.parametrize(
    "entry",
    [
        {"password": "x"},
        {"allow_unauthenticated": True},
        {"bind": ["127.0.0.1"]},
        {"network_mode": "host"},
        {"network_mode": "none"},
        {"state": "absent"},
        isolated({"name": "d0", "kind": "dummy", "addresses": ["10.0.0.1/24"]})[0],
    ],
)
def test_o15_nothing_is_asked_for_what_nobody_else_reaches_or_may(entry: dict[str, Any]) -> None:
    assert plan({"name": "cache", **entry})["files"][0]["unauthenticated"] is None


def test_o15_a_network_that_is_yet_to_be_made_is_told_as_it_is_defined() -> None:
    options = {MODE: "routed"}
    definition = {"name": "aa", "internal": True, "driver_opts": options, "ipam": {"config": []}}
    (file,) = plan({"name": "cache", "networks": ["aa"]}, definitions=[definition])["files"]
    assert file["unauthenticated"]["networks"] == [{"name": "aa", "internal": True, "driver_opts": options}]
