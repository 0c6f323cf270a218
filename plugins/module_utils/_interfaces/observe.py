# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan for interfaces needs to know, read from engine and kernel. No decisions."""

from __future__ import annotations

import ipaddress
import json
import socket
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.names import bridge_of, find_container, twins
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError
from ansible_collections.netmode.docker.plugins.module_utils._facts.build import compose
from ansible_collections.netmode.docker.plugins.module_utils._facts.observe import observe as observe_all
from ansible_collections.netmode.docker.plugins.module_utils._kernel.netlink import inside
from ansible_collections.netmode.docker.plugins.module_utils._networks.spec import parse_present

from .spaces import Spaces, process
from .spec import Route
from .state import (
    Bridge,
    Container,
    Holder,
    Host,
    HostLink,
    Link,
    former,
    is_marked,
    outer_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    Facts = dict[str, Any]

_BY_THEMSELVES = (1, 2, 9)
"""Protocols of routes that ICMP, the kernel and router advertisements bring (rtnetlink(7), rtm_protocol)."""


def observe(engine: Engine, named: Iterable[str], spaces: Spaces, seen: Facts | None = None) -> Host:
    """The host as ``network_facts`` sees it (``seen``), and the namespaces of the containers that are named in full."""
    seen = seen or observe_all(engine)
    if seen["limited"]:
        raise NetmodeError("interfaces: network namespaces may not be looked into by this user. Run with become: true.")
    facts = compose(seen)
    links = {link["name"]: _host_link(link, seen) for link in seen["links"].values()}
    found: dict[str, Container] = {}
    containers: dict[str, Container] = {}
    for word in dict.fromkeys(named):
        identifier = find_container(word, seen["containers"])
        if identifier is not None:
            if identifier not in found:
                found[identifier] = _container(engine, seen["containers"][identifier], seen, links, spaces)
            containers[word] = found[identifier]
    networks = {network["Name"]: bridge_of(network) for network in seen["networks"]}
    riders, holders = _inhabitants(seen, facts)
    return Host(
        containers=containers,
        links=links,
        bridges={name: _bridge(bridge, seen, holders) for name, bridge in facts["bridges"].items()},
        networks={name: bridge for name, bridge in networks.items() if bridge},
        holders={name: tuple(items) for name, items in holders.items()},
        riders={name: frozenset(items) for name, items in riders.items()},
        twins=twins(seen["networks"]),
    )


def _host_link(link: Facts, seen: Facts) -> HostLink:
    def name(ifindex: int | None) -> str:
        return str((seen["links"].get(ifindex) or {"name": ""})["name"])

    ipv4, ipv6 = seen["addresses"].get(link["ifindex"], ([], []))
    return HostLink(
        name=link["name"],
        kind=link["kind"],
        mac=link["mac"] or "",
        mtu=link["mtu"],
        up=link["up"],
        alias=link["alias"],
        master=name(link["master"]),
        parent=name(link["link"]) if link["link_netnsid"] is None else "",
        addresses=tuple(address for address in (*ipv4, *ipv6) if not ipaddress.ip_interface(address).is_link_local),
    )


def _bridge(bridge: Facts, seen: Facts, holders: dict[str, list[Holder]]) -> Bridge:
    """Its subnets by the kernel and by Docker's address management, whose reserved addresses become holders."""
    interfaces = [ipaddress.ip_interface(text) for text in (*bridge["ipv4"], *bridge["ipv6"])]
    subnets = [interface.network for interface in interfaces if not interface.is_link_local]
    held = holders.setdefault(bridge["name"], [])
    held += [Holder(interface.ip, "the bridge itself") for interface in interfaces]
    raw = next((network for network in seen["networks"] if network["Name"] == bridge["network"]), None)
    for pool in parse_present(raw).pools if raw else ():
        subnets.append(pool.subnet)
        if pool.gateway:
            held.append(Holder(pool.gateway, f"the gateway of the Docker network {bridge['network']}"))
        held += [
            Holder(address, f"{name}, reserved in the Docker network {bridge['network']}")
            for name, address in pool.aux.items()
        ]
    link = next(link for link in seen["links"].values() if link["name"] == bridge["name"])
    return Bridge(bridge["network"] or "", tuple(dict.fromkeys(subnets)), link["vlan"])


def _inhabitants(seen: Facts, facts: Facts) -> tuple[dict[str, set[tuple[str, str]]], dict[str, list[Holder]]]:
    """Who lies on which parent, and who has which address on which bridge or parent, of all containers that run."""
    riders: dict[str, set[tuple[str, str]]] = {}
    holders: dict[str, list[Holder]] = {}
    for link in seen["links"].values():
        ipv4, ipv6 = seen["addresses"].get(link["ifindex"], ([], []))
        if link["kind"] != "bridge":
            own = [Holder(ipaddress.ip_interface(text).ip, "the host itself") for text in (*ipv4, *ipv6)]
            holders[link["name"]] = own
    for container in facts["containers"].values():
        view = seen["views"].get(container["netns"]) or {"links": {}}
        for interface in container["interfaces"]:
            key = (container["id"], interface["name"])
            on = interface["bridge"]
            if interface["kind"] in ("macvlan", "ipvlan"):
                link = view["links"].get(interface["ifindex"], {"link": None})
                on = (seen["links"].get(link["link"]) or {"name": ""})["name"]
                riders.setdefault(on, set()).add(key)
            who = f"the container {container['name']}, on {interface['name']},"
            for text in (*interface["ipv4"], *interface["ipv6"]) if on else ():
                holders.setdefault(on, []).append(Holder(ipaddress.ip_interface(text).ip, who, key))
    for stopped in (item for item in seen["containers"].values() if not item["running"]):
        who = f"the stopped container {stopped['name']}"
        for network in seen["networks"]:
            for text in stopped["static"].get(network["Name"], ()):
                holders.setdefault(bridge_of(network) or "", []).append(Holder(ipaddress.ip_address(text), who))
    return riders, holders


def _container(engine: Engine, listed: Facts, seen: Facts, links: dict[str, HostLink], spaces: Spaces) -> Container:
    running, status, found = listed["running"], listed["status"], {}
    if running and listed["network_mode"] == "none":
        try:
            state = engine.get(f"/containers/{listed['id']}/json")["State"]
        except NotFoundError:
            state = {"Pid": 0, "Status": "removed"}
        descriptor = spaces.pin(listed["id"], state["Pid"]) if state["Pid"] else None
        running, status = descriptor is not None, state["Status"]
        if descriptor is not None:
            found = _links(listed["id"], descriptor, seen, links)
    return Container(listed["id"], listed["name"], listed["network_mode"], status, running, found)


def _links(container_id: str, descriptor: int, seen: Facts, host: dict[str, HostLink]) -> dict[str, Link]:
    with inside(descriptor) as netlink:
        links, addresses = netlink.links(), netlink.addresses()
        routes = [*netlink.routes(), *netlink.routes(socket.AF_INET6)]
    found = {}
    by_name = {link["name"]: link for link in seen["links"].values()}
    for link in links:
        if link["loopback"]:
            continue
        outer = _outer(link, by_name.get(outer_name(container_id, link["name"])), host)
        before = former(link["alias"]) if is_marked(link["alias"], container_id, link["name"]) else None
        on = seen["links"].get(link["link"], {"name": ""})["name"] if link["link_netnsid"] is not None else ""
        if link["kind"] == "veth":
            on = outer.master if outer else ""
        found[link["name"]] = Link(
            kind="physical" if before else link["kind"],
            mac=link["mac"] or "",
            mtu=link["mtu"],
            up=link["up"],
            mark=link["alias"] if is_marked(link["alias"], container_id, link["name"]) else "",
            on=before.name if before else on,
            addresses=_addresses(addresses, link["ifindex"]),
            routes=_routes(routes, link["ifindex"]),
            outer=outer,
            vlan=_pvid(outer, by_name) if outer else 0,
        )
    return found


def _outer(link: Facts, candidate: Facts | None, host: dict[str, HostLink]) -> HostLink | None:
    """The host's end of a veth: the two name each other."""
    if candidate is None or link["kind"] != "veth" or candidate["kind"] != "veth":
        return None
    paired = candidate["link"] == link["ifindex"] and link["link"] == candidate["ifindex"]
    return host[candidate["name"]] if paired else None


def _addresses(addresses: list[Facts], ifindex: int) -> frozenset[Any]:
    """Those that somebody set: not what IPv6 gives itself or a router announces."""
    mine = (item for item in addresses if item["ifindex"] == ifindex and item["permanent"])
    found = (ipaddress.ip_interface(item["address"]) for item in mine)
    return frozenset(address for address in found if address.version == 4 or not address.is_link_local)


def _routes(routes: list[Facts], ifindex: int) -> frozenset[Route]:
    return frozenset(
        Route(
            ipaddress.ip_network(route["destination"]),
            ipaddress.ip_address(route["gateway"]) if route["gateway"] else None,
        )
        for route in routes
        if route["ifindex"] == ifindex and route["protocol"] not in _BY_THEMSELVES
    )


def _pvid(outer: HostLink, by_name: dict[str, Facts]) -> int:
    """The VLAN that an untagged frame from the container gets, on a bridge that filters; iproute2 alone tells it."""
    if by_name.get(outer.master, {}).get("vlan") is None:
        return 0
    done = process(["bridge", "-j", "vlan", "show", "dev", outer.name], "", ())
    ports = json.loads(done.stdout or "[]")
    vlans = [vlan for port in ports for vlan in port.get("vlans", []) if "PVID" in vlan.get("flags", [])]
    return int(vlans[0]["vlan"]) if vlans else 0
