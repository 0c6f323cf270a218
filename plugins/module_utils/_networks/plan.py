# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks: from what is there and what is wanted to the steps between, with the reason for each. Pure functions.

The engine cannot change a network: any difference means to recreate it. Its containers are taken off and put back,
and a plan exists only if every one of them can be put back.
"""

from __future__ import annotations

import ipaddress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from .compare import (
    Daemon,
    default_gateway,
    differences,
)
from .spec import (
    INHIBIT_IPV4,
    TRUE,
    Entry,
    IPAddress,
    IPInterface,
    IPNetwork,
    Network,
    Pool,
    overlap,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

API_IPV6_WITHOUT_SUBNET = (1, 46)
"""Docker Engine 27: a network with IPv6 and no IPv6 subnet is given a unique local one."""
API_WITHOUT_IPV4 = (1, 48)
"""Docker Engine 28: ``EnableIPv4``."""
API_DROPS_MAC = (1, 44)
"""Docker Engine 25: MAC addresses are the endpoint's, and connecting loses them (moby/moby 48192). Before, they were
the container's, which got it again on its first network."""
API_RANDOM_MAC = (1, 48)
"""Docker Engine 28: a MAC address that was not asked for is random; before, 02:42 and the bytes of the IPv4 address."""


class Route(NamedTuple):
    subnet: IPNetwork
    link: str
    gateway: str


class Host(NamedTuple):
    """The kernel's side: routes (without the default ones) and the links' own networks, names of links."""

    routes: tuple[Route, ...]
    links: frozenset[str]
    bridges: Mapping[str, tuple[IPInterface, ...]] = MappingProxyType({})
    """Those links that are bridges, with their IPv4 addresses."""


class Attachment(NamedTuple):
    """A container on a network, running or not, with what is needed to put it back."""

    container_id: str
    container: str
    state: str
    network_mode: str
    config_mac: str
    endpoint: dict[str, Any]
    """The engine's ``NetworkSettings.Networks.<name>``."""

    @property
    def running(self) -> bool:
        return self.state in ("running", "paused")

    def static(self) -> list[IPAddress]:
        given = self.endpoint.get("IPAMConfig") or {}
        return [ipaddress.ip_address(given[key]) for key in ("IPv4Address", "IPv6Address") if given.get(key)]


class Change(NamedTuple):
    """One entry compared: ``kind`` is none, create, remove or recreate."""

    entry: Entry
    kind: str
    current: Network | None
    reasons: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.entry.network.name


class Around(NamedTuple):
    """What is there beside the list: the engine, the host, all networks, and the containers of those that go."""

    daemon: Daemon
    host: Host
    networks: list[Network]
    attachments: dict[str, tuple[Attachment, ...]]
    """By network id."""


class Step(NamedTuple):
    """A change that may be carried out, with the containers that it takes along, in the order to put them back."""

    change: Change
    attachments: tuple[Attachment, ...]

    @property
    def actions(self) -> list[str]:
        names = [item.container for item in self.attachments]
        if self.change.kind != "recreate":
            return [self.change.kind]
        return [*(f"disconnect {name}" for name in names), "remove", "create", *(f"connect {name}" for name in names)]


def compare(entries: list[Entry], networks: list[Network], daemon: Daemon) -> list[Change]:
    """One change per entry, in the list's order."""
    return [_change(entry, networks, daemon) for entry in entries]


def _change(entry: Entry, networks: list[Network], daemon: Daemon) -> Change:
    name = entry.network.name
    found = [network for network in networks if network.name == name]
    if len(found) > 1:
        ids = ", ".join(network.id[:12] for network in found)
        raise NetmodeError(
            f"network {name}: the engine has {len(found)} of this name ({ids}). Remove the odd ones by id."
        )
    current = found[0] if found else None
    if current and current.foreign:
        raise NetmodeError(f"network {name}: {current.foreign}. Leave it out of the list, or choose another name.")
    if entry.state == "absent" and current and entry.only_made_here and not current.made_here:
        return Change(entry, "none", current, ())
    if entry.state == "absent":
        return Change(entry, "remove" if current else "none", current, ("state: absent",) if current else ())
    _refuse_by_version(entry.network, daemon)
    if current is None:
        return Change(entry, "create", None, ("there is no such network",))
    reasons = differences(current, entry.network, daemon)
    if not reasons and entry.recreate == "always":
        reasons = ("recreate: always",)
    return Change(entry, "recreate" if reasons else "none", current, reasons)


def _refuse_by_version(network: Network, daemon: Daemon) -> None:
    engine = "this engine (API " + ".".join(str(part) for part in daemon.api) + ")"
    if not network.ipv4 and daemon.api < API_WITHOUT_IPV4:
        raise NetmodeError(
            f"network {network.name}: enable_ipv4: {engine} cannot leave IPv4 out; Docker 28 (API 1.48) can. "
            "Upgrade it, or leave enable_ipv4 true."
        )
    has_ipv6 = any(pool.subnet.version == 6 for pool in network.pools)
    if network.ipv6 and not has_ipv6 and not daemon.ipv6_pools and daemon.api < API_IPV6_WITHOUT_SUBNET:
        raise NetmodeError(
            f"network {network.name}: enable_ipv6: {engine} has no IPv6 subnet to give; Docker 27 (API 1.46) has. "
            "Give one in ipam.config, such as fd00:28::/64."
        )


def steps(changes: list[Change], around: Around) -> list[Step]:
    """The changes that are due, in an order in which each finds its subnet and its bridge name free.

    Raises NetmodeError for what cannot be done, before anything is.
    """
    pending = [change for change in changes if change.kind == "remove"]
    pending += [change for change in changes if change.kind in ("create", "recreate")]
    held = list(around.networks)
    ordered = []
    while pending:
        conflicts = [_conflict(change, held, around) for change in pending]
        ready = next((number for number, conflict in enumerate(conflicts) if not conflict), None)
        if ready is None:
            raise NetmodeError(next(filter(None, conflicts)))
        change = pending.pop(ready)
        held = [network for network in held if network is not change.current]
        if change.kind != "remove":
            held.append(change.entry.network)
        ordered.append(_step(change, around))
    return ordered


def _conflict(change: Change, held: list[Network], around: Around) -> str:
    """Who holds what this change needs; empty if nobody does. ``held``: the networks that are there by then."""
    if change.kind == "remove":
        return ""
    others = [other for other in held if other is not change.current]
    taken = (_subnet_taken(change, pool, others, around) for pool in change.entry.network.pools)
    return next(filter(None, taken), "") or _link_taken(change, others, around)


def _subnet_taken(change: Change, pool: Pool, others: list[Network], around: Around) -> str:
    where = f"network {change.name}: ipam.config: subnet {pool.subnet} overlaps"
    for other in others:
        for theirs in other.pools:
            if overlap(pool.subnet, theirs.subnet):
                return (
                    f"{where} {theirs.subnet} of the network {other.name}. Choose a free subnet, or change "
                    f"{other.name} first."
                )
    kept = change.current and pool.subnet in [own.subnet for own in change.current.pools]
    if kept or change.entry.allow_route_overlap:
        return ""
    bridges = {network.link for network in around.networks} | {change.entry.network.link}
    for route in around.host.routes:
        if route.link not in bridges and overlap(pool.subnet, route.subnet):
            holder = f"route to {route.subnet} via {route.gateway}" if route.gateway else f"network {route.subnet}"
            return (
                f"{where} the host's {holder} on {route.link}: what is there would be cut off. "
                "Choose a free subnet, or, if the overlap is meant, set allow_route_overlap: true."
            )
    return ""


def _link_taken(change: Change, others: list[Network], around: Around) -> str:
    network, links = change.entry.network, around.host.links
    parent = network.options.get("parent", "").partition(".")[0] if network.driver != "bridge" else ""
    if parent and parent not in links:
        there = ", ".join(sorted(links))
        return f"network {network.name}: driver_opts: parent: this host has no link {parent}. Its links: {there}."
    wanted = network.link
    if not wanted or (change.current and change.current.link == wanted):
        return ""
    owner = next((other.name for other in others if other.link == wanted), "")
    freed = any(other.link == wanted and other not in others for other in around.networks)
    if not owner and (freed or wanted not in links):
        return ""
    if wanted in around.host.bridges and not owner:
        return _bridge_robbed(network, around.host.bridges[wanted])
    held_by = f"the bridge of the network {owner}" if owner else "a link of this host already, and no bridge"
    return f"network {network.name}: bridge_name: {wanted} is {held_by}. Choose another name, or remove that link."


def _bridge_robbed(network: Network, addresses: tuple[IPInterface, ...]) -> str:
    """An engine takes a bridge that is there, gives it the network's gateway, and takes away the address in its place.

    That is the first one of the network's subnet, or else the first (setupBridgeIPv4, selectIPv4Address of libnetwork).
    """
    if network.options.get(INHIBIT_IPV4, "false").lower() in TRUE:
        return ""
    gateways = {(pool.gateway or default_gateway(pool), pool.subnet.prefixlen) for pool in network.pools}
    subnets = [pool.subnet for pool in network.pools]
    within = [item for item in addresses if any(item.ip in subnet for subnet in subnets)]
    lost = next(iter([*within, *addresses]), None)
    if lost is None or (lost.ip, lost.network.prefixlen) in gateways:
        return ""
    return (
        f"network {network.name}: bridge_name: {network.link} is a bridge of this host with the address {lost}, which "
        f"the engine would take away. If that bridge is meant, give the network the subnet {lost.network} with the "
        f"gateway {lost.ip} (ipam.config); otherwise choose another name."
    )


def _step(change: Change, around: Around) -> Step:
    attached = around.attachments.get(change.current.id, ()) if change.current else ()
    where = f"network {change.name}"
    names = ", ".join(sorted(_described(item) for item in attached))
    if change.kind == "remove" and attached:
        raise NetmodeError(
            f"{where}: state: it cannot be removed, these containers are on it: {names}. "
            "Remove them, or take them off the network, first."
        )
    if change.kind == "recreate" and change.entry.recreate == "never":
        on_it = f"; its containers would be off it for a moment: {names}" if names else ""
        raise NetmodeError(
            f"{where}: recreate: never, but only a new network can have this ({'; '.join(change.reasons)}){on_it}. "
            "Set recreate: auto, or give the options that the network has."
        )
    refusals = [why for item in attached for why in _cannot_return(item, change, around.daemon)]
    refusals += _no_room(change.entry.network, attached)
    if refusals:
        raise NetmodeError(
            f"{where}: it must be recreated ({'; '.join(change.reasons)}), and not every container on it could be put "
            f"back: {'; '.join(refusals)}. Change or remove them first, or give the network the options that it has."
        )
    return Step(change, tuple(sorted(attached, key=_by_address)))


def _described(item: Attachment) -> str:
    return item.container if item.running else f"{item.container} ({item.state})"


def _by_address(item: Attachment) -> tuple[bool, IPAddress, str]:
    """Static addresses first, that none is given away; then by address, that the engine gives the same ones again."""
    address = item.endpoint.get("IPAddress") or "0.0.0.0"  # noqa: S104 (no address is bound here)
    return (not item.static(), ipaddress.IPv4Address(address), item.container)


def _cannot_return(item: Attachment, change: Change, daemon: Daemon) -> list[str]:
    network, name = change.entry.network, item.container
    reasons = []
    for address in item.static():
        pool = next((pool for pool in network.pools if address in pool.subnet), None)
        if pool is None:
            subnets = ", ".join(str(pool.subnet) for pool in network.pools) or "a subnet that the engine would choose"
            reasons.append(f"{name} has the static address {address}, outside {subnets}")
        elif address == (pool.gateway or default_gateway(pool)) or address in pool.aux.values():
            reasons.append(f"{name} has the static address {address}, the gateway's or a reserved one")
    if change.current and item.network_mode != network.name and change.current.id.startswith(item.network_mode):
        reasons.append(f"{name} was made with the network's id, not its name, and the id will change")
    if item.state not in ("running", "paused", "exited", "created"):
        reasons.append(f"{name} is {item.state}")
    mac = _asked_mac(item, network.name, daemon)
    if mac and daemon.api >= API_DROPS_MAC:
        reasons.append(f"{name} has the MAC address {mac}, which this engine gives only to a new container")
    return reasons


def _asked_mac(item: Attachment, network: str, daemon: Daemon) -> str:
    """The MAC that the user gave. On further networks an engine from 28 on does not tell it from a random one."""
    if item.network_mode == network:
        return item.config_mac
    mac = str(item.endpoint.get("MacAddress") or "")
    if item.running and daemon.api >= API_RANDOM_MAC:
        return ""
    address = ipaddress.IPv4Address(item.endpoint.get("IPAddress") or 0)
    return "" if mac == "02:42:" + ":".join(f"{byte:02x}" for byte in address.packed) else mac


def _no_room(network: Network, attached: tuple[Attachment, ...]) -> list[str]:
    """More running containers than addresses; IPv4 only, since no host fills an IPv6 subnet."""
    pools = [pool for pool in network.pools if pool.subnet.version == 4]
    if not pools:
        return []
    running = [item for item in attached if item.running]
    dynamic = [item.container for item in running if not item.static()]
    free = sum(_free(pool, [address for item in running for address in item.static()]) for pool in pools)
    if len(dynamic) <= free:
        return []
    areas = ", ".join(str(pool.ip_range or pool.subnet) for pool in pools)
    return [f"{areas} has addresses for {free} of {', '.join(sorted(dynamic))}"]


def _free(pool: Pool, static: list[IPAddress]) -> int:
    area = pool.ip_range or pool.subnet
    used = {pool.subnet[0], pool.subnet[-1], pool.gateway or default_gateway(pool), *pool.aux.values(), *static}
    return area.num_addresses - sum(1 for address in used if address in area)
