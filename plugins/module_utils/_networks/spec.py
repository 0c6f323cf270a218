# SPDX-License-Identifier: GPL-3.0-or-later
"""A network as the user writes it and as the engine tells it, in one type; what is wrong in itself is refused here.

Nothing in this file needs an engine or a kernel: what a list entry says is enough to refuse it.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from ansible_collections.netmode.docker.plugins.module_utils._compose import pairs
from ansible_collections.netmode.docker.plugins.module_utils._compose.names import MADE_LABEL
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    from collections.abc import Callable

IPNetwork = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
IPInterface = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]
IPAddress = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

BRIDGE_NAME = "com.docker.network.bridge.name"
MTU = "com.docker.network.driver.mtu"
CONVENIENCE = {
    "bridge_name": BRIDGE_NAME,
    "mtu": MTU,
    "icc": "com.docker.network.bridge.enable_icc",
    "masquerade": "com.docker.network.bridge.enable_ip_masquerade",
}
"""Options of this collection, each a short name for one key of ``driver_opts`` of the bridge driver."""

INHIBIT_IPV4 = "com.docker.network.bridge.inhibit_ipv4"
"""The engine gives the bridge no address, and leaves those that it has."""
BOOLEANS = (*(CONVENIENCE[name] for name in ("icc", "masquerade")), INHIBIT_IPV4)
"""Keys of ``driver_opts`` that the engine reads with Go's ``strconv.ParseBool`` once the old network is gone."""
TRUE, FALSE = ("1", "t", "true"), ("0", "f", "false")
"""Its words in small letters; it takes them also in capitals, or with the first one a capital."""
_ADDRESSES = (
    "com.docker.network.bridge.host_binding_ipv4",
    "com.docker.network.host_ipv4",
    "com.docker.network.host_ipv6",
)
_GATEWAY_MODES = ("nat", "routed", "isolated", "nat-unprotected")
_CHOICES: dict[str, dict[str, tuple[str, ...]]] = {
    "bridge": {f"com.docker.network.bridge.gateway_mode_ipv{family}": _GATEWAY_MODES for family in (4, 6)},
    "macvlan": {"macvlan_mode": ("bridge", "private", "vepa", "passthru")},
    "ipvlan": {"ipvlan_mode": ("l2", "l3", "l3s"), "ipvlan_flag": ("bridge", "private", "vepa")},
}
"""Keys of ``driver_opts`` that each driver refuses another value of (libnetwork's drivers); empty is the first."""

PREDEFINED = ("bridge", "host", "none", "default")
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_LINK_NAME = re.compile(r"[^\s/:%]{1,15}")
_MTU_RANGE = (68, 65535)
_MTU_IPV6 = 1280
"""The smallest MTU that IPv6 works with (RFC 8200, section 5)."""


_POOL = {
    "subnet": {"type": "str", "required": True},
    "gateway": {"type": "str"},
    "ip_range": {"type": "str"},
    "aux_addresses": {"type": "raw"},
}
_IPAM = {
    "driver": {"type": "str", "default": "default"},
    "options": {"type": "raw"},
    "config": {"type": "list", "elements": "dict", "options": _POOL},
}
NETWORK_ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "only_made_here": {"type": "bool", "default": False},
    "recreate": {"type": "str", "choices": ["auto", "always", "never"], "default": "auto"},
    "driver": {"type": "str", "choices": ["bridge", "macvlan", "ipvlan"], "default": "bridge"},
    "driver_opts": {"type": "raw"},
    "bridge_name": {"type": "str"},
    "mtu": {"type": "int"},
    "icc": {"type": "bool"},
    "masquerade": {"type": "bool"},
    "ipam": {"type": "dict", "options": _IPAM},
    "allow_route_overlap": {"type": "bool", "default": False},
    "internal": {"type": "bool", "default": False},
    "attachable": {"type": "bool", "default": False},
    "enable_ipv4": {"type": "bool", "default": True},
    "enable_ipv6": {"type": "bool", "default": False},
    "labels": {"type": "raw"},
}

ARGUMENTS: dict[str, Any] = {
    "networks": {"type": "list", "elements": "dict", "required": True, "options": NETWORK_ARGUMENTS},
    "pending": {"type": "list", "elements": "str", "default": []},
}
"""The options of the module ``networks``, but for those that say where the engine is."""


class Pool(NamedTuple):
    """One entry of ``ipam.config``."""

    subnet: IPNetwork
    ip_range: IPNetwork | None
    gateway: IPAddress | None
    aux: dict[str, IPAddress]


class Network(NamedTuple):
    """A network, desired or present. ``id`` is empty for a desired one; ``pools`` of a desired one may be empty."""

    name: str
    id: str
    driver: str
    options: dict[str, str]
    ipam_driver: str
    ipam_options: dict[str, str]
    pools: tuple[Pool, ...]
    internal: bool
    attachable: bool
    ipv4: bool
    ipv6: bool
    labels: dict[str, str]
    made_here: bool = False
    """This collection has made it."""
    foreign: str = ""
    """Why this collection leaves the network alone (Swarm's, predefined); empty for one that it may change."""

    @property
    def link(self) -> str:
        """The Linux bridge of a bridge network, empty where the driver makes none or the engine has yet to name it."""
        if self.driver != "bridge":
            return ""
        return self.options.get(BRIDGE_NAME) or (f"br-{self.id[:12]}" if self.id else "")


class Entry(NamedTuple):
    """One entry of the module's list."""

    network: Network
    state: str
    recreate: str
    allow_route_overlap: bool
    only_made_here: bool = False
    """With ``absent``: another stays."""


def parse_present(raw: dict[str, Any]) -> Network:
    """A network from the engine's ``GET /networks``."""
    ipam = raw.get("IPAM") or {}
    foreign = ""
    if raw["Name"] in PREDEFINED:
        foreign = "it is one of the engine's own"
    elif raw.get("Scope", "local") != "local" or raw.get("Ingress"):
        foreign = "it belongs to Docker Swarm"
    elif raw.get("ConfigOnly") or (raw.get("ConfigFrom") or {}).get("Network"):
        foreign = "it is, or is made from, a configuration-only network"
    return Network(
        name=raw["Name"],
        id=raw["Id"],
        driver=raw.get("Driver") or "",
        options=dict(raw.get("Options") or {}),
        ipam_driver=ipam.get("Driver") or "default",
        ipam_options=dict(ipam.get("Options") or {}),
        pools=tuple(_present_pool(item) for item in ipam.get("Config") or [] if item.get("Subnet")),
        internal=bool(raw.get("Internal")),
        attachable=bool(raw.get("Attachable")),
        ipv4=bool(raw.get("EnableIPv4", True)),
        ipv6=bool(raw.get("EnableIPv6")),
        labels={key: value for key, value in (raw.get("Labels") or {}).items() if key != MADE_LABEL},
        made_here=MADE_LABEL in (raw.get("Labels") or {}),
        foreign=foreign,
    )


def _present_pool(raw: dict[str, Any]) -> Pool:
    # Engines before 25 keep host bits as they were typed, and some tell a gateway with a prefix length.
    aux = raw.get("AuxiliaryAddresses") or {}
    return Pool(
        subnet=ipaddress.ip_network(raw["Subnet"], strict=False),
        ip_range=ipaddress.ip_network(raw["IPRange"], strict=False) if raw.get("IPRange") else None,
        gateway=ipaddress.ip_address(raw["Gateway"].partition("/")[0]) if raw.get("Gateway") else None,
        aux={name: ipaddress.ip_address(address) for name, address in aux.items()},
    )


def parse_list(items: list[dict[str, Any]]) -> list[Entry]:
    """The whole list, or a NetmodeError that names the entry, the option, the reason and the way out."""
    entries = [parse_entry(item) for item in items]
    names = [entry.network.name for entry in entries]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise NetmodeError(f"network {name}: it is in the list twice. Join the two entries into one.")
    present = [entry.network for entry in entries if entry.state == "present"]
    for number, one in enumerate(present):
        for other in present[:number]:
            _refuse_collision(one, other)
    return entries


def _refuse_collision(one: Network, other: Network) -> None:
    for mine, theirs in itertools.product(one.pools, other.pools):
        if overlap(mine.subnet, theirs.subnet):
            raise NetmodeError(
                f"network {one.name}: ipam.config: subnet {mine.subnet} overlaps {theirs.subnet} of the network "
                f"{other.name} in the same list. Give one of them another subnet."
            )
    if one.link and one.link == other.link:
        raise NetmodeError(
            f"network {one.name}: bridge_name: {one.link} is also the bridge of the network {other.name} in the same "
            "list. Give each its own."
        )


def overlap(one: IPNetwork, other: IPNetwork) -> bool:
    """Like ``overlaps`` of ipaddress, for networks that may be of different families."""
    return one.version == other.version and one.overlaps(other)


def parse_entry(item: dict[str, Any]) -> Entry:
    name = item["name"]
    where = f"network {name}"
    if name in PREDEFINED:
        raise NetmodeError(
            f"{where}: name: {name} is predefined by the engine and cannot be made, changed or removed. The default "
            "bridge is set in daemon.json (role netmode.docker.docker_engine); otherwise choose another name."
        )
    if not _NAME.fullmatch(name):
        raise NetmodeError(
            f"{where}: name: {name!r} is not a name of a network. Use letters, digits, '_', '.' and '-', and begin "
            "with a letter or a digit."
        )
    ipam = item.get("ipam") or {}
    network = Network(
        name=name,
        id="",
        driver=item["driver"],
        options=_driver_options(where, item),
        ipam_driver=ipam.get("driver") or "default",
        ipam_options=_mapping(f"{where}: ipam.options", ipam.get("options"), pairs.flags),
        pools=tuple(_pool(f"{where}: ipam.config", config) for config in ipam.get("config") or []),
        internal=item["internal"],
        attachable=item["attachable"],
        ipv4=item["enable_ipv4"],
        ipv6=item["enable_ipv6"],
        labels=_mapping(f"{where}: labels", item.get("labels")),
    )
    if item["state"] == "present":
        _refuse_options(where, network)
        _refuse_pools(where, network)
    only = bool(item.get("only_made_here"))
    return Entry(network, item["state"], item["recreate"], item["allow_route_overlap"], only)


def _mapping(where: str, value: Any, read: Callable[[Any], dict[str, str]] = pairs.mapping) -> dict[str, str]:
    try:
        return read(value) if value else {}
    except ValueError as error:
        raise NetmodeError(f"{where}: {error}. Write a mapping, or a list of KEY=value.") from error


def _driver_options(where: str, item: dict[str, Any]) -> dict[str, str]:
    options = _mapping(f"{where}: driver_opts", item.get("driver_opts"), pairs.flags)
    for short, key in CONVENIENCE.items():
        value = item.get(short)
        if value is None:
            continue
        if item["driver"] != "bridge":
            way_out = "The MTU is the parent's." if short == "mtu" else "Leave it out, or use driver: bridge."
            raise NetmodeError(f"{where}: {short}: the driver {item['driver']} has no such option. {way_out}")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if options.get(key, text) != text:
            raise NetmodeError(f"{where}: {short} is {text}, but driver_opts says {key}: {options[key]}. Say it once.")
        options[key] = text
    return options


def _refuse_options(where: str, network: Network) -> None:
    link = network.options.get(BRIDGE_NAME)
    if link is not None and (not _LINK_NAME.fullmatch(link) or link in (".", "..")):
        raise NetmodeError(
            f"{where}: bridge_name: {link!r} is not a name of a link: 1 to 15 characters, no space, '/', ':' or '%' "
            f"(it has {len(link)}). Choose a shorter or plainer one."
        )
    for key in BOOLEANS:
        value = network.options.get(key, "true")
        if value.lower() not in (*TRUE, *FALSE) or value not in (value.lower(), value.upper(), value.capitalize()):
            raise NetmodeError(f"{where}: driver_opts: {key}: {network.options[key]!r} is neither true nor false.")
    for key in _ADDRESSES:
        if key in network.options:
            _address(f"{where}: driver_opts: {key}", network.options[key])
    for key, choices in _CHOICES[network.driver].items():
        if network.options.get(key, "") not in ("", *choices):
            raise NetmodeError(
                f"{where}: driver_opts: {key}: {network.options[key]!r} is none of {', '.join(choices)}."
            )
    mtu = network.options.get(MTU)
    low = _MTU_IPV6 if network.ipv6 else _MTU_RANGE[0]
    if mtu is not None and not (mtu.isdecimal() and (mtu == "0" or low <= int(mtu) <= _MTU_RANGE[1])):
        because = " (IPv6 needs 1280)" if network.ipv6 else ""
        raise NetmodeError(f"{where}: mtu: {mtu} is not a number of bytes from {low}{because} to {_MTU_RANGE[1]}.")
    if not network.ipv4 and not network.ipv6:
        raise NetmodeError(f"{where}: enable_ipv4 and enable_ipv6 are both false. A network needs one of the two.")


def _pool(where: str, config: dict[str, Any]) -> Pool:
    if not config.get("subnet"):
        given = ", ".join(sorted(key for key, value in config.items() if value)) or "nothing"
        raise NetmodeError(
            f"{where}: an entry gives {given} but no subnet. Give the subnet too, or leave out the entry."
        )
    subnet = _network(f"{where}: subnet", config["subnet"])
    where = f"{where}: subnet {subnet}"
    pool = Pool(
        subnet=subnet,
        ip_range=_network(f"{where}: ip_range", config["ip_range"]) if config.get("ip_range") else None,
        gateway=_address(f"{where}: gateway", config["gateway"]) if config.get("gateway") else None,
        aux={
            name: _address(f"{where}: aux_addresses: {name}", address)
            for name, address in _mapping(f"{where}: aux_addresses", config.get("aux_addresses")).items()
        },
    )
    _refuse_outside(where, pool)
    return pool


def _network(where: str, text: str) -> IPNetwork:
    try:
        loose = ipaddress.ip_network(text, strict=False)
    except ValueError:
        loose = None
    if loose is None or "/" not in text:
        raise NetmodeError(
            f"{where}: {text!r} is not a network in CIDR notation, such as 172.28.0.0/16 or fd00:28::/64."
        )
    if loose.network_address != ipaddress.ip_address(text.partition("/")[0]):
        raise NetmodeError(f"{where}: {text} is an address within a network, not a network. Write {loose}.")
    if loose.is_loopback or loose.is_multicast or loose.prefixlen == 0:
        raise NetmodeError(f"{where}: {loose} cannot be given to containers. Choose a private network.")
    return loose


def _address(where: str, text: str) -> IPAddress:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise NetmodeError(f"{where}: {text!r} is no IP address (an address has no prefix length).") from None


def _refuse_outside(where: str, pool: Pool) -> None:
    subnet = pool.subnet
    if pool.ip_range and not (pool.ip_range.version == subnet.version and pool.ip_range.subnet_of(subnet)):  # type: ignore[arg-type]
        raise NetmodeError(f"{where}: ip_range {pool.ip_range} is not within the subnet. Choose a part of it.")
    taken: dict[IPAddress, str] = {}
    named = ([("gateway", pool.gateway)] if pool.gateway else []) + [
        (f"aux_addresses: {name}", address) for name, address in pool.aux.items()
    ]
    for option, address in named:
        if address not in subnet:
            raise NetmodeError(f"{where}: {option} {address} is not within the subnet. Choose an address of it.")
        if address.version == 4 and address in (subnet.network_address, subnet.broadcast_address):
            raise NetmodeError(
                f"{where}: {option} {address} is the subnet's network or broadcast address. Choose one between them."
            )
        if address in taken:
            raise NetmodeError(f"{where}: {option} {address} is already the {taken[address]}. Give it another address.")
        taken[address] = option


def _refuse_pools(where: str, network: Network) -> None:
    where = f"{where}: ipam.config"
    for number, pool in enumerate(network.pools):
        family = f"enable_ipv{pool.subnet.version}"
        if not (network.ipv4 if pool.subnet.version == 4 else network.ipv6):
            raise NetmodeError(f"{where}: subnet {pool.subnet} needs {family}: true. Set it, or leave the subnet out.")
        if network.driver == "bridge" and pool.subnet.version == 4 and pool.subnet.prefixlen > 30:
            raise NetmodeError(
                f"{where}: subnet {pool.subnet} has no room for a gateway and a container. Use /30 at least."
            )
        for other in network.pools[:number]:
            if overlap(pool.subnet, other.subnet):
                raise NetmodeError(f"{where}: subnets {other.subnet} and {pool.subnet} overlap. Give distinct ones.")
            if network.driver == "bridge" and pool.subnet.version == other.subnet.version:
                raise NetmodeError(
                    f"{where}: subnets {other.subnet} and {pool.subnet}: a bridge network has one subnet per family. "
                    "Use one wider subnet, or a second network."
                )


def bridges_of(definitions: Iterable[Mapping[str, Any]]) -> set[str]:
    """How a veth may name the bridges of these networks, as ``networks`` is given them."""
    found: set[str] = set()
    for item in definitions:
        if str(item.get("driver") or "bridge") == "bridge":
            options = item.get("driver_opts")
            given = options.get(BRIDGE_NAME) if isinstance(options, Mapping) else None
            found.update(str(word) for word in (item.get("name"), item.get("bridge_name") or given) if word)
    return found
