# SPDX-License-Identifier: GPL-3.0-or-later
"""An interface as the user writes it, in one type; what is wrong in itself is refused here. No engine, no kernel."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from ansible_collections.netmode.docker.plugins.module_utils._compose import values
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    from collections.abc import Callable

IPAddress = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
IPInterface = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]
IPNetwork = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

_IP = ("addresses", "gateway", "routes", "mtu")
TAKES: dict[str, tuple[str, ...]] = {
    "veth": ("bridge", "vlan", "mac", *_IP),
    "macvlan": ("parent", "vlan", "mac", *_IP),
    "ipvlan": ("parent", "vlan", *_IP),
    "dummy": ("addresses", "routes", "mac", "mtu"),
    "physical": ("parent", "mac", *_IP),
}
"""Which options a kind takes."""
_WHY = {
    ("ipvlan", "mac"): "it has its parent's MAC address",
    ("dummy", "gateway"): "nothing is behind it",
    ("physical", "vlan"): "it is moved as it is; make the VLAN link on the host and give that as parent",
}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}")
_MTU_RANGE, _MTU_IPV6 = (68, 65535), 1280
"""What IPv4 and IPv6 (RFC 8200, section 5) need at least, and the kernel's most."""
_VLAN_RANGE = (1, 4094)


_ROUTE = {"to": {"type": "str", "required": True}, "via": {"type": "str"}}
INTERFACE_ARGUMENTS = {
    "container": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "kind": {"type": "str", "choices": ["veth", "macvlan", "ipvlan", "dummy", "physical"], "default": "veth"},
    "bridge": {"type": "str"},
    "parent": {"type": "str"},
    "vlan": {"type": "int"},
    "addresses": {"type": "list", "elements": "str", "default": []},
    "gateway": {"type": "str"},
    "routes": {"type": "list", "elements": "dict", "default": [], "options": _ROUTE},
    "mac": {"type": "raw"},
    "mtu": {"type": "int"},
}

ARGUMENTS: dict[str, Any] = {
    "interfaces": {"type": "list", "elements": "dict", "required": True, "options": INTERFACE_ARGUMENTS},
    "purge": {"type": "list", "elements": "str", "default": []},
    "pending": {"type": "list", "elements": "str", "default": []},
}
"""The options of the module ``interfaces``, but for those that say where the engine is."""


class Route(NamedTuple):
    to: IPNetwork
    via: IPAddress | None


class Interface(NamedTuple):
    """One entry of the module's list. What was not given is empty, 0 or None."""

    container: str
    name: str
    kind: str
    bridge: str
    parent: str
    vlan: int
    addresses: tuple[IPInterface, ...]
    routes: tuple[Route, ...]
    """The gateway is among them, as the route to everywhere. Those on the link itself come first: others need them."""
    mac: str
    mtu: int
    present: bool

    @property
    def where(self) -> str:
        return f"interface {self.container}:{self.name}"

    @property
    def on(self) -> str:
        """The option that says what it is attached to, empty for a kind that is attached to nothing."""
        return {"veth": "bridge", "dummy": ""}.get(self.kind, "parent")


def absent(container: str, name: str) -> Interface:
    return Interface(container, name, "", "", "", 0, (), (), "", 0, present=False)


def parse_list(items: list[dict[str, Any]]) -> list[Interface]:
    """The whole list, or a NetmodeError that names the entry, the option, the reason and the way out."""
    return [_parse_entry(item) for item in items]


def _parse_entry(item: dict[str, Any]) -> Interface:
    where = f"interface {item['container']}:{item['name']}"
    if not _NAME.fullmatch(item["name"]) or item["name"] == "lo":
        raise NetmodeError(
            f"{where}: name: {item['name']!r} is not a name for an interface: 1 to 15 letters, digits, '_', '.' and "
            f"'-', not lo (it has {len(item['name'])}). Choose another."
        )
    if item["state"] == "absent":
        return absent(item["container"], item["name"])
    _refuse_options(where, item)
    addresses = tuple(_address(where, text) for text in item.get("addresses") or [])
    entry = Interface(
        container=item["container"],
        name=item["name"],
        kind=item["kind"],
        bridge=item.get("bridge") or "",
        parent=item.get("parent") or "",
        vlan=_within(where, "vlan", item.get("vlan"), *_VLAN_RANGE),
        addresses=addresses,
        routes=_routes(where, item),
        mac=_converted(where, "mac", values.mac, item["mac"]) if item.get("mac") else "",
        mtu=_within(where, "mtu", item.get("mtu"), _least_mtu(addresses), _MTU_RANGE[1]),
        present=True,
    )
    _refuse_addresses(entry)
    _refuse_routes(entry)
    return entry


def _refuse_options(where: str, item: dict[str, Any]) -> None:
    kind = item["kind"]
    for option in sorted({option for options in TAKES.values() for option in options}):
        if item.get(option) not in (None, [], "") and option not in TAKES[kind]:
            why = _WHY.get((kind, option), f"it takes {', '.join(sorted(TAKES[kind]))}")
            raise NetmodeError(f"{where}: {option}: kind {kind} has no such option: {why}. Leave it out.")
    for option in ("bridge", "parent"):
        if option in TAKES[kind] and not item.get(option):
            example = "docker0" if option == "bridge" else "eth1"
            raise NetmodeError(f"{where}: {option}: kind {kind} needs one. Name a link of the host, such as {example}.")


def _converted(where: str, option: str, convert: Callable[[Any], Any], value: Any) -> Any:
    try:
        return convert(value)
    except ValueError as error:
        raise NetmodeError(f"{where}: {option}: {error}.") from None


def _within(where: str, option: str, value: int | None, least: int, most: int) -> int:
    if value is None:
        return 0
    if not least <= value <= most:
        because = " (IPv6 needs 1280)" if (option, least) == ("mtu", _MTU_IPV6) else ""
        raise NetmodeError(f"{where}: {option}: {value} is not from {least}{because} to {most}.")
    return value


def _least_mtu(addresses: tuple[IPInterface, ...]) -> int:
    return _MTU_IPV6 if any(address.version == 6 for address in addresses) else _MTU_RANGE[0]


def _address(where: str, text: str) -> IPInterface:
    try:
        address = ipaddress.ip_interface(text)
    except ValueError:
        address = None
    if address is None or "/" not in text:
        raise NetmodeError(
            f"{where}: addresses: {text!r} is not an address with a prefix length, such as 172.17.0.9/16 or "
            "fd00:17::9/64."
        )
    network = address.network
    if address.is_multicast or address.is_loopback or address.is_unspecified or network.prefixlen == 0:
        raise NetmodeError(f"{where}: addresses: {text} can be no interface's address. Choose one of the network's.")
    if address.version == 6 and address.is_link_local:
        raise NetmodeError(
            f"{where}: addresses: {text}: the kernel gives the interface one of this kind. Leave it out."
        )
    if address.version == 4 and network.prefixlen < 31 and address.ip in (network[0], network[-1]):
        raise NetmodeError(
            f"{where}: addresses: {text} is the network or the broadcast address of {network}. Choose one between them."
        )
    return address


def _routes(where: str, item: dict[str, Any]) -> tuple[Route, ...]:
    routes = []
    if item.get("gateway"):
        gateway = ipaddress.ip_address(_converted(where, "gateway", values.address, item["gateway"]))
        routes.append(Route(ipaddress.ip_network("0.0.0.0/0" if gateway.version == 4 else "::/0"), gateway))
    for given in item.get("routes") or []:
        try:
            to = ipaddress.ip_network(given["to"])
        except ValueError:
            raise NetmodeError(
                f"{where}: routes: to: {given['to']!r} is not a network in CIDR notation, such as 10.0.0.0/8, or it "
                "has bits beyond its prefix length."
            ) from None
        via = given.get("via")
        address = ipaddress.ip_address(_converted(where, "routes: via", values.address, via)) if via else None
        routes.append(Route(to, address))
    return tuple(sorted(routes, key=lambda route: route.via is not None))


def _refuse_addresses(entry: Interface) -> None:
    seen = set()
    for address in entry.addresses:
        if address.ip in seen:
            raise NetmodeError(f"{entry.where}: addresses: {address.ip} is given twice. Give it once.")
        seen.add(address.ip)


def _refuse_routes(entry: Interface) -> None:
    own = {address.ip for address in entry.addresses}
    seen = set()
    for to, via in entry.routes:
        option = "gateway" if to.prefixlen == 0 else f"routes: {to}: via"
        if to in seen:
            raise NetmodeError(f"{entry.where}: routes: there are two to {to}. Give one of gateway and routes.")
        seen.add(to)
        if via is None:
            continue
        if via.version != to.version:
            raise NetmodeError(f"{entry.where}: {option} {via} is of another family than {to}.")
        if via in own:
            raise NetmodeError(f"{entry.where}: {option} {via} is the interface's own address. Name the router's.")
        on_link = [address.network for address in entry.addresses]
        on_link += [route.to for route in entry.routes if route.via is None]
        neighbour = via.version == 6 and via.is_link_local
        if not neighbour and not any(via in network for network in on_link):
            networks = ", ".join(map(str, on_link)) or "no address at all"
            raise NetmodeError(
                f"{entry.where}: {option} {via} cannot be reached from the interface's networks ({networks}). "
                "Name a router in one of them, or correct the prefix length of its address."
            )
