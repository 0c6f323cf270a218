# SPDX-License-Identifier: GPL-3.0-or-later
"""What is there, as a plan of interfaces needs it, and the names by which this collection knows its links again."""

from __future__ import annotations

import hashlib
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote

from ansible_collections.netmode.docker.plugins.module_utils._kernel.netlink import OWNER_MARK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .spec import (
        Interface,
        IPAddress,
        IPInterface,
        IPNetwork,
        Route,
    )

VLAN_MARK = OWNER_MARK + "vlan"
"""The alias of a VLAN link that was made for macvlan or ipvlan interfaces."""


class HostLink(NamedTuple):
    """A link of the host."""

    name: str
    kind: str
    mac: str
    mtu: int
    up: bool
    alias: str
    master: str
    """The bridge that it is a port of, or empty."""
    parent: str
    """The link that it lies on (vlan), or empty."""
    addresses: tuple[str, ...]


class Former(NamedTuple):
    """What a physical interface was on the host; its mark carries it, so that it can be given back."""

    name: str
    up: bool
    mtu: int
    mac: str
    alias: str


class Link(NamedTuple):
    """An interface of a container. ``on`` is its bridge or parent; ``outer`` the host's end of a veth."""

    kind: str
    mac: str = ""
    mtu: int = 0
    up: bool = False
    mark: str = ""
    on: str = ""
    addresses: frozenset[IPInterface] = frozenset()
    routes: frozenset[Route] = frozenset()
    outer: HostLink | None = None
    vlan: int = 0
    """The VLAN of the host's end on a bridge that filters by VLAN, 0 without one and elsewhere."""


class Container(NamedTuple):
    id: str
    name: str
    network_mode: str
    status: str
    running: bool
    links: dict[str, Link]


class Holder(NamedTuple):
    """Who has an address: ``interface`` is (container id, name), None for what is not a container's."""

    address: IPAddress
    who: str
    interface: tuple[str, str] | None = None


class Bridge(NamedTuple):
    network: str
    subnets: tuple[IPNetwork, ...]
    vlan: int | None
    """The VLAN of a new port; None if the bridge does not filter by VLAN."""


class Host(NamedTuple):
    """``containers`` by the word that the list names them with; ``networks``: Docker's, each with its bridge."""

    containers: dict[str, Container]
    links: dict[str, HostLink]
    bridges: dict[str, Bridge]
    networks: dict[str, str]
    holders: dict[str, tuple[Holder, ...]]
    """Bridge or parent → the addresses that are in use there."""
    riders: dict[str, frozenset[tuple[str, str]]]
    """Parent → the (container id, interface) of the macvlan and ipvlan interfaces on it."""
    twins: Mapping[str, list[str]] = MappingProxyType({})
    """Network name → ids, where the engine has several of one name."""

    def returned(self, container_id: str, name: str) -> HostLink | None:
        """A physical interface of the container that is on the host: its namespace died, or a run was killed."""
        links = (link for link in self.links.values() if is_marked(link.alias, container_id, name))
        return next((link for link in links if former(link.alias)), None)


def outer_name(container_id: str, name: str) -> str:
    """The host's end of an interface, and what a half-made one is called: 14 characters, always the same."""
    return "nm" + hashlib.sha256(f"{container_id}/{name}".encode()).hexdigest()[:12]


def is_derived(name: str) -> bool:
    """Whether a link's name is one that :func:`outer_name` makes."""
    return re.fullmatch("nm[0-9a-f]{12}", name) is not None


def wanted_mac(container_id: str, entry: Interface) -> str:
    """What the entry says, else one by its first address, as Docker's are; empty for a link that has one by itself.

    A container that is recreated has another id: by that, whoever knew its address (the host, its neighbours) would go
    on sending to a MAC address that is gone.
    """
    if entry.mac or entry.kind in ("ipvlan", "physical"):
        return entry.mac
    subject = str(entry.addresses[0].ip) if entry.addresses else f"{container_id}/{entry.name}"
    digest = hashlib.sha256(f"mac/{subject}".encode()).hexdigest()
    return ":".join(["02", *(digest[at : at + 2] for at in range(0, 10, 2))])


def mark(container_id: str, name: str) -> str:
    return f"{OWNER_MARK}{container_id[:12]}/{name}"


def mark_of_former(container_id: str, name: str, link: HostLink) -> str:
    """No name of a link has a slash in it; the alias, which may have anything, is quoted."""
    state = "up" if link.up else "down"
    fields = (mark(container_id, name), link.name, state, str(link.mtu), link.mac, quote(link.alias, safe=""))
    return "/".join(fields)


def former(alias: str) -> Former | None:
    """What the mark of a physical interface says, None for any other mark."""
    fields = alias.split("/")
    if len(fields) != 7 or not fields[4].isdigit():
        return None
    return Former(fields[2], fields[3] == "up", int(fields[4]), fields[5], unquote(fields[6]))


def is_marked(alias: str, container_id: str, name: str) -> bool:
    own = mark(container_id, name)
    return alias == own or alias.startswith(own + "/")
