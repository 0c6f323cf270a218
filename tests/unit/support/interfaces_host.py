# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with a container in none mode, two bridges and two links, for plans of interfaces."""

from __future__ import annotations

import ipaddress
from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._interfaces.spec import parse_list
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.state import (
    Bridge,
    Container,
    Holder,
    Host,
    HostLink,
    Link,
    mark,
    outer_name,
    wanted_mac,
)

ID = "0123456789abcdef" * 4
OUTER, MARK = outer_name(ID, "eth0"), mark(ID, "eth0")
DEFAULT = ipaddress.ip_network("0.0.0.0/0")
VETH = {"bridge": "docker0", "addresses": ["172.17.0.9/16"], "gateway": "172.17.0.1"}


def entry(**given: Any) -> dict[str, Any]:
    """One entry as the module's argument spec hands it on."""
    filled = {"container": "web", "name": "eth0", "kind": "veth", "state": "present", "addresses": [], "routes": []}
    return {**filled, **given}


def mac_of(**given: Any) -> str:
    """That of an entry which says none."""
    return wanted_mac(ID, parse_list([entry(**{"kind": "dummy", **given})])[0])


MAC = mac_of(addresses=VETH["addresses"])


def host_link(name: str, kind: str = "physical", **given: Any) -> HostLink:
    plain = HostLink(name, kind, "02:00:00:00:00:05", 1500, up=True, alias="", master="", parent="", addresses=())
    return plain._replace(**given)


def host(
    links: dict[str, Link] | None = None, *more: HostLink, container: dict[str, Any] | None = None, **given: Any
) -> Host:
    web = Container(ID, "web", "none", "running", running=True, links=links or {})._replace(**(container or {}))
    listed = (
        host_link("docker0", "bridge"),
        host_link("br-vlan", "bridge"),
        host_link("eth1", addresses=("10.0.2.15/24",)),
        host_link("eth5"),
        *more,
    )
    subnet = (ipaddress.ip_network("172.17.0.0/16"),)
    there = Host(
        containers={"web": web, ID[:12]: web},
        links={link.name: link for link in listed},
        bridges={
            "docker0": Bridge("bridge", subnet, vlan=None),
            "br-vlan": Bridge("", (), vlan=1),
        },
        networks={"bridge": "docker0"},
        holders={"docker0": (Holder(ipaddress.ip_address("172.17.0.1"), "the bridge itself"),)},
        riders={},
    )
    return there._replace(**given)
