# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host, its engine and the other interfaces forbid an interface: told before anything is changed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._kernel.netlink import OWNER_MARK

from .commands import vlan_name
from .state import Container, Host, former

if TYPE_CHECKING:
    from .spec import Interface, IPNetwork


def resolve(entry: Interface, host: Host) -> Interface:
    """The entry with the name of a Docker network replaced by that of its bridge. NetmodeError: it means several."""
    if entry.present and entry.bridge in host.twins and entry.bridge not in host.bridges:
        raise NetmodeError(
            f"{entry.where}: bridge: this host has {len(host.twins[entry.bridge])} networks called {entry.bridge} "
            f"({', '.join(host.twins[entry.bridge])}). Name the bridge itself, or remove the odd ones by id "
            "(docker network rm ID)."
        )
    return entry._replace(bridge=host.networks.get(entry.bridge, entry.bridge))


def refuse_all(entries: list[Interface], host: Host) -> None:
    seen: dict[tuple[str, str], Interface] = {}
    for entry in entries:
        container = host.containers.get(entry.container)
        _refuse_container(entry, container)
        if container is None:
            continue
        key = (container.id, entry.name)
        if key in seen:
            raise NetmodeError(f"{entry.where}: name: it is in the list twice. Join the two entries into one.")
        seen[key] = entry
        link = container.links.get(entry.name)
        if link and not link.mark and not link.outer:
            raise NetmodeError(
                f"{entry.where}: name: the container has a {link.kind} link of this name that is not marked as this "
                "module's, so somebody else owns it. Choose another name, or remove that link first."
            )
    listed = set(seen)
    present = [(host.containers[entry.container], entry) for entry in seen.values() if entry.present]
    for container, entry in present:
        _refuse_place(entry, container, host)
        _refuse_addresses(entry, host, listed)
        _refuse_routes(entry, container, listed)
    for number, (container, entry) in enumerate(present):
        for other_container, other in present[:number]:
            refuse_pair(entry, other, same=container.id == other_container.id)


def _refuse_container(entry: Interface, container: Container | None) -> None:
    where = f"{entry.where}: container"
    if container is None:
        if entry.present:
            raise NetmodeError(
                f"{where}: the engine knows no container {entry.container}. Make it first (module containers, "
                "network_mode: none), or correct the name."
            )
        return
    if not entry.present:
        return
    if container.network_mode != "none":
        raise NetmodeError(
            f"{where}: its network mode is {container.network_mode}; only a container in none mode takes custom "
            "interfaces, in any other they are Docker's, the donor's or the host's. Make it with network_mode: none."
        )
    if not container.running:
        raise NetmodeError(
            f"{where}: it is {container.status}, and only a running container has a network namespace. Start it first "
            "(module containers, state: started)."
        )


def _refuse_place(entry: Interface, container: Container, host: Host) -> None:
    if entry.kind == "veth":
        _refuse_bridge(entry, host)
    elif entry.kind in ("macvlan", "ipvlan"):
        _refuse_parent(entry, host)
        _refuse_vlan_link(entry, host)
    elif entry.kind == "physical":
        link = container.links.get(entry.name)
        before = former(link.mark) if link else None
        if before is None or before.name != entry.parent:
            _refuse_physical(entry, container, host)


def _refuse_bridge(entry: Interface, host: Host) -> None:
    bridge = host.bridges.get(entry.bridge)
    if bridge is None:
        there = ", ".join(sorted({*host.bridges, *host.networks}))
        why = (
            "is not a bridge" if entry.bridge in host.links else "is neither a bridge of this host nor a Docker network"
        )
        raise NetmodeError(f"{entry.where}: bridge: {entry.bridge} {why}. There are: {there}.")
    if entry.vlan and bridge.vlan is None:
        raise NetmodeError(
            f"{entry.where}: vlan: the bridge {entry.bridge} does not filter by VLAN, so the tag would mean nothing. "
            f"Make it filter (ip link set {entry.bridge} type bridge vlan_filtering 1), or leave vlan out."
        )
    for address in entry.addresses:
        subnets = [subnet for subnet in bridge.subnets if subnet.version == address.version]
        if not entry.vlan and subnets and not any(address.ip in subnet for subnet in subnets):
            raise NetmodeError(
                f"{entry.where}: addresses: {address} is outside the subnet of {entry.bridge} "
                f"({', '.join(map(str, subnets))}), where nothing would answer it. Choose an address within."
            )


def _refuse_parent(entry: Interface, host: Host) -> None:
    """For who lies on it."""
    link = host.links.get(entry.parent)
    if link is None:
        there = ", ".join(sorted(name for name, item in host.links.items() if not item.alias.startswith(OWNER_MARK)))
        raise NetmodeError(f"{entry.where}: parent: this host has no link {entry.parent}. Its links: {there}.")
    if not link.up:
        raise NetmodeError(
            f"{entry.where}: parent: {link.name} is down, and then nothing on it can be up. Bring it up first "
            f"(ip link set {link.name} up)."
        )


def _refuse_vlan_link(entry: Interface, host: Host) -> None:
    name = vlan_name(entry)
    if len(name) > 15:
        raise NetmodeError(
            f"{entry.where}: vlan: its link would be called {name}, which is over 15 characters. Make a VLAN link with "
            "a shorter name on the host, and give that as parent without vlan."
        )
    link = host.links.get(name)
    if entry.vlan and link and (link.kind, link.parent) != ("vlan", entry.parent):
        raise NetmodeError(
            f"{entry.where}: vlan: {name} is there and no VLAN link of {entry.parent}. Rename it, or make the VLAN "
            "link on the host under another name and give that as parent without vlan."
        )


def _refuse_physical(entry: Interface, container: Container, host: Host) -> None:
    returned = host.returned(container.id, entry.name)
    before = former(returned.alias) if returned else None
    if before and before.name == entry.parent:
        return
    if before and returned:
        raise NetmodeError(
            f"{entry.where}: parent: it was {before.name}, which is back on the host as {returned.name}. Return that "
            "one first, with state: absent."
        )
    link = host.links.get(entry.parent)
    if link is None:
        raise NetmodeError(
            f"{entry.where}: parent: this host has no link {entry.parent}. It was taken out, or, if a container had it "
            "and stopped, the kernel lost it (a virtual link dies with the namespace; a real one returns to the host). "
            "Bring it back, or name another."
        )
    where = f"{entry.where}: parent: {link.name}"
    if link.kind in ("bridge", "loopback"):
        raise NetmodeError(f"{where} is a {link.kind}, which cannot be given away. Name a network card.")
    if link.alias.startswith(OWNER_MARK):
        raise NetmodeError(f"{where} was made or is marked by this module for another interface. Name another link.")
    if link.master:
        raise NetmodeError(f"{where} is a port of {link.master}, which owns it. Take it out first, or name another.")
    if link.addresses:
        raise NetmodeError(
            f"{where} has the host's addresses {', '.join(link.addresses)}: who reaches the host over it would be cut "
            f"off. Remove them first (ip address flush dev {link.name}), or name another."
        )


def _refuse_addresses(entry: Interface, host: Host, listed: set[tuple[str, str]]) -> None:
    if entry.kind == "veth" and entry.vlan:
        return
    on = entry.bridge if entry.kind == "veth" else vlan_name(entry)
    for holder in host.holders.get(on, ()):
        for address in entry.addresses:
            if address.ip == holder.address and holder.interface not in listed:
                raise NetmodeError(
                    f"{entry.where}: addresses: {address.ip} is in use on {on}: {holder.who} has it. Choose a free one."
                )


def _refuse_routes(entry: Interface, container: Container, listed: set[tuple[str, str]]) -> None:
    """The kernel has one route to a destination; a second would push the first one out."""
    taken: dict[IPNetwork, str] = {}
    for name, link in container.links.items():
        if (container.id, name) not in listed:
            taken.update((route.to, name) for route in link.routes)
            taken.update((address.network, name) for address in link.addresses)
    taken.update((address.network, entry.name) for address in entry.addresses)
    for route in entry.routes:
        if route.to in taken:
            raise NetmodeError(
                f"{entry.where}: {'gateway' if route.to.prefixlen == 0 else 'routes'}: the container has a route to "
                f"{route.to} already, by {taken[route.to]}. Leave one of them out."
            )


def _segment(entry: Interface) -> tuple[str, int] | None:
    """What the interface shares with others: its bridge or parent and VLAN; a dummy or physical one shares nothing."""
    return (entry.bridge or entry.parent, entry.vlan) if entry.kind in ("veth", "macvlan", "ipvlan") else None


def refuse_pair(entry: Interface, other: Interface, *, same: bool) -> None:
    """Two of one list; ``same`` is whether they are of one container."""
    if _segment(entry) and _segment(entry) == _segment(other):
        both = {address.ip for address in entry.addresses} & {address.ip for address in other.addresses}
        for address in sorted(both, key=str):
            raise NetmodeError(
                f"{entry.where}: addresses: {address} is in use by {other.where} of the same list. Choose a free one."
            )
    if entry.kind == other.kind == "physical" and entry.parent == other.parent:
        raise NetmodeError(
            f"{entry.where}: parent: {entry.parent} is given to {other.where} in the same list. Name another link."
        )
    routes = {route.to for route in entry.routes} & {
        *(route.to for route in other.routes),
        *(address.network for address in other.addresses),
    }
    for to in sorted(routes, key=str) if same else ():
        raise NetmodeError(
            f"{entry.where}: {'gateway' if to.prefixlen == 0 else 'routes'}: {other.where} of the same list leads "
            f"to {to} already. Leave one of them out."
        )
