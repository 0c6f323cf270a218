# SPDX-License-Identifier: GPL-3.0-or-later
"""``redis_allowed_sources``: which ports each instance keeps to its sources, in every mode, or why it cannot."""

from __future__ import annotations

from typing import Any

import pytest
from redis_role import plan, problems

LAN = ["10.0.0.0/8"]
WEB = {"network_mode": "container", "donor": "web"}
NET = [{"name": "back"}, {"name": "lan", "driver": "macvlan"}]


def entry(instance: dict[str, Any], *others: Any, **options: Any) -> dict[str, Any]:
    found = plan({"name": "cache", "password": "x", **instance}, *others, **options)
    assert found["problems"] == []
    assert found["proof"]["sources"] == found["parts"]["sources"]["instances"]
    return found["parts"]["sources"]["instances"][0]


def pub(*places: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"address": address, "port": port} for address, port in places]


def at(*places: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"network": network, "port": port} for network, port in places]


@pytest.mark.parametrize(
    ("instance", "companions", "published", "direct"),
    [
        ({"ports": ["7000:6379"]}, (), pub(("", 7000)), at(("bridge", 6379))),
        ({"ports": ["192.0.2.1:7000:6379", "[::1]:7001:6379"]}, (),
         pub(("192.0.2.1", 7000), ("::1", 7001)), at(("bridge", 6379))),
        ({"ports": ["0.0.0.0:7000:6379"]}, (), pub(("0.0.0.0", 7000)), at(("bridge", 6379))),
        ({"ports": ["7000:6379", "9121:9121"]}, ({"name": "web", "network_mode": "container:cache"},),
         pub(("", 7000), ("", 9121)), at(("bridge", 6379), ("bridge", 9121))),
        ({"ports": ["7000-7001:6379-6380"]}, (), pub(("", 7000), ("", 7001)), at(("bridge", 6379), ("bridge", 6380))),
        ({"ports": ["7000:6379"], "networks": ["back"]}, (), pub(("", 7000)), at(("back", 6379))),
        ({"ports": ["7000:6379", "7001:6390"], "settings": {"tls-port": 6390}}, (),
         pub(("", 7000), ("", 7001)), at(("bridge", 6379), ("bridge", 6390))),
        ({"ports": []}, (), [], []),
        ({"ports": ["7000:6379"], "state": "stopped"}, (), pub(("", 7000)), at(("bridge", 6379))),
        ({"network_mode": "host"}, (), [], []),
        ({"network_mode": "host", "bind": ["*"]}, (), pub(("0.0.0.0", 6379)), []),
        ({"network_mode": "host", "bind": ["*", "-::*"]}, (), pub(("0.0.0.0", 6379), ("::", 6379)), []),
        ({"network_mode": "host", "bind": ["127.0.0.1", "192.0.2.1"]}, (), pub(("192.0.2.1", 6379)), []),
        ({"network_mode": "none"}, (), [], []),
        (WEB, ({"name": "web", "ports": ["7000:6379", "80:80"]},), pub(("", 7000)), at(("bridge", 6379))),
        (WEB, ({"name": "web", "ports": ["80:80"]},), [], []),
        ({**WEB, "bind": ["*"]}, ({"name": "web", "network_mode": "host"},), pub(("0.0.0.0", 6379)), []),
    ],
)  # fmt: skip
def test_the_ports_of_each_mode(
    instance: dict[str, Any], companions: Any, published: list[Any], direct: list[Any]
) -> None:
    found = entry({**instance, "allowed_sources": LAN}, companions=companions, definitions=NET)
    if published:
        assert found == {"name": "cache", "sources": LAN, "published": published, "direct": direct}
    else:
        assert found["published"] == []


@pytest.mark.parametrize("instance", [{}, {"allowed_sources": LAN, "state": "absent"}])
def test_without_sources_and_absent_nothing_is_kept(instance: dict[str, Any]) -> None:
    found = entry({"ports": ["7000:6379"], **instance})
    assert found == {"name": "cache", "sources": [], "published": [], "direct": []}


def test_a_port_has_the_sources_of_the_instance_that_it_leads_to() -> None:
    sharer = {"name": "sharer", "network_mode": "container", "donor": "cache", "port": 7001, "password": "x"}
    ports = {"ports": ["6379:6379", "7001:7001"], "allowed_sources": LAN}
    both = plan({"name": "cache", "password": "x", **ports}, {**sharer, "allowed_sources": ["192.0.2.7"]})
    first, second = both["parts"]["sources"]["instances"]
    assert (first["published"], first["sources"]) == (pub(("", 6379)), LAN)
    assert (second["published"], second["sources"]) == (pub(("", 7001)), ["192.0.2.7/32"])
    alone = entry(ports, sharer)
    assert alone["published"] == pub(("", 6379), ("", 7001)), "where it has none, of the one that publishes it"


def test_the_hosts_sources_are_those_of_each_instance_that_has_none() -> None:
    given = [{"name": "aa", "ports": ["7000:6379"]}, {"name": "bb", "ports": ["7001:6379"], "allowed_sources": []}]
    found = plan(*given, password="x", allowed_sources=["192.0.2.7", "192.0.2.7/32", "fd00::/8"])
    assert [one["sources"] for one in found["parts"]["sources"]["instances"]] == [["192.0.2.7/32", "fd00::/8"], []]


@pytest.mark.parametrize(
    ("instance", "companions", "why"),
    [
        ({"ports": ["7000:6379"], "allowed_sources": ["10.1.2.3/8"]}, (),
         "allowed_sources[0]: '10.1.2.3/8' has bits of a host beside those of its network. Write 10.0.0.0/8 or "),
        ({"ports": ["7000:6379"], "allowed_sources": ["10.0.0.0/8", "office"]}, (),
         "allowed_sources[1]: 'office' is not an address or a network. Write it like 10.0.0.0/8 or 192.0.2.7."),
        ({"ports": ["6379"]}, (), "the engine chooses the port of the host, so it is not known before."),
        ({"ports": ["7000-7010:6379"]}, (), "Publish it at one, such as '6379:6379'."),
        ({"networks": ["lan"], "ports": ["7000:6379"]}, (),
         "the network lan (macvlan) of cache makes it one more machine of the LAN, and no rule of this host"),
        (WEB, (), "what its donor web publishes is not known here. Declare that one in redis_companions."),
        (WEB, ({"name": "web", "network_mode": "lan"},), "and no rule of this host is between"),
        ({"network_mode": "none", "interfaces": [{"name": "eth0", "kind": "macvlan", "parent": "eth1"}]}, (),
         "Leave it empty for this instance, or use another network."),
        ({"name": "c" * 201, "ports": ["7000:6379"]}, (), "a rule has room for a name of 200 characters"),
    ],
)  # fmt: skip
def test_sources_that_would_keep_nobody_out_are_refused(instance: dict[str, Any], companions: Any, why: str) -> None:
    told = problems(
        {"name": "cache", "password": "x", "allowed_sources": LAN, **instance}, companions=companions, definitions=NET
    )
    assert len(told) == 1
    assert why in told[0]
    assert told[0].startswith(f"web1: instance {instance.get('name', 'cache')}: allowed_sources")


def test_sources_are_no_password() -> None:
    """An address proves nothing: it can be another's, and NAT gives many machines one."""
    told = problems({"name": "cache", "ports": ["7000:6379"], "allowed_sources": LAN})
    assert "none is set, and its port is published on all addresses of the host" in told[0]
