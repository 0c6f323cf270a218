# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's places on the engine's networks: what is refused, what differs, what fixes it while it runs."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .spec import Wanted
    from .state import Host

Json = dict[str, Any]

UNLISTED = ("Links", "DriverOpts", "GwPriority")
"""What may be asked of an endpoint that a list entry has no name for: a container that is recreated keeps it."""
_FIELDS = (("ipv4_address", "IPv4Address"), ("ipv6_address", "IPv6Address"))


class Change(NamedTuple):
    action: str
    """connect or disconnect."""
    network: str
    why: str
    spec: Json


def held(host: Host, one: Wanted) -> set[str]:
    """Ids of the containers that hold an address that the entry is to have."""
    return {
        key
        for network, spec in one.endpoints.items()
        for key, networks in host.addresses.items()
        if {spec[option] for option, _ in _FIELDS} & set(filter(None, networks.get(network, [])))
    }


def check(host: Host, one: Wanted, key: str | None, settled: Mapping[str, Wanted]) -> None:
    """Raise NetmodeError for an unknown network, an address outside of it, and one to run with that is in use.

    ``settled``: the containers that were brought to their entries before, and so may have given the address up.
    """
    for network, spec in one.endpoints.items():
        known = host.networks.get(network)
        if network in host.pending:
            continue
        if known is None:
            option = "network_mode" if network == one.network_mode else "networks"
            way = "Create it first (module netmode.docker.networks)."
            if network == "bridge":
                way = (
                    "Its engine is told to have no default bridge (bridge: none). Name a user-defined network instead."
                )
            raise NetmodeError(f"{one.where}: {option}: there is no network {network!r} on this host. {way}")
        pools = [item for item in known["IPAM"].get("Config") or [] if item.get("Subnet")]
        ranges = [item["Subnet"] for item in pools]
        for option, _ in _FIELDS:
            if spec[option]:
                where = f"{one.where}: networks: {network}: {option} {spec[option]}"
                _refuse_outside(where, spec[option], ranges)
                _refuse_reserved(where, spec[option], pools, bridge=known.get("Driver") == "bridge")
                if one.state == "started":
                    _refuse_held(where, host, network, spec[option], key, settled)


def _refuse_outside(where: str, address: str, ranges: list[str]) -> None:
    if not any(ipaddress.ip_address(address) in ipaddress.ip_network(subnet) for subnet in ranges):
        raise NetmodeError(f"{where} is outside the network's subnets ({', '.join(ranges) or 'none'}).")


def _refuse_reserved(where: str, address: str, pools: list[Json], *, bridge: bool) -> None:
    for pool in pools:
        reserved = {"the gateway": pool.get("Gateway"), **(pool.get("AuxiliaryAddresses") or {})}
        if bridge and not reserved["the gateway"]:  # an engine tells of a gateway that it chose only since 28
            reserved["the gateway"] = _first(pool)
        subnet = ipaddress.ip_network(pool["Subnet"])
        if subnet.num_addresses > 2:
            reserved["the network itself"] = str(subnet.network_address)
        if subnet.num_addresses > 2 and subnet.version == 4:
            reserved["the broadcast"] = str(subnet.broadcast_address)
        for owner, own in reserved.items():
            if own and ipaddress.ip_interface(own).ip == ipaddress.ip_address(address):
                raise NetmodeError(f"{where} is the network's own, for {owner}. Choose another.")


def _first(pool: Json) -> str:
    """The first address that a pool gives."""
    subnet = ipaddress.ip_network(pool["Subnet"])
    given = ipaddress.ip_network(pool.get("IPRange") or pool["Subnet"], strict=False)
    return str(given[0] if given[0] != subnet[0] else given[1])


def _refuse_held(
    where: str, host: Host, network: str, address: str, key: str | None, settled: Mapping[str, Wanted]
) -> None:
    for other, networks in host.addresses.items():
        entry = settled.get(other)
        gone = entry is not None and (
            entry.state != "started" or address not in entry.endpoints.get(network, {}).values()
        )
        if other != key and address in networks.get(network, []) and not gone:
            raise NetmodeError(
                f"{where} is held by the container {host.name(other)}. Give one of them another address; to exchange "
                "addresses takes a run that moves one of them to a free address first."
            )


def with_notes(one: Wanted, inspect: Json) -> Json:
    """The entry's endpoints, with what a successor of its container keeps there.

    That is, under ``kept``, what the list has no name for, and the names that a tool of Docker gave it.
    """
    # Compose calls a container by its own name and by that of its service.
    notes = {inspect["Name"].lstrip("/"), (inspect["Config"].get("Labels") or {}).get(labels.SERVICE)}
    current = inspect["NetworkSettings"].get("Networks") or {}
    found = {}
    for network, spec in one.endpoints.items():
        here = current.get(network) or {}
        noted = [alias for alias in here.get("Aliases") or [] if alias in notes]
        kept = {key: here[key] for key in UNLISTED if here.get(key)}
        found[network] = {**spec, "aliases": list(dict.fromkeys([*spec["aliases"], *noted])), "kept": kept}
    return found


def fixing(one: Wanted, inspect: Json) -> Iterator[Change]:
    """What brings a container to the networks of its entry; nothing for one that is on no network."""
    if not one.endpoints:
        return
    current = inspect["NetworkSettings"].get("Networks") or {}
    for network, spec in with_notes(one, inspect).items():
        here = current.get(network)
        why = "it is not on the network" if here is None else differs(here, spec, inspect)
        if why and here is not None:
            yield Change("disconnect", network, why, spec)
        if why:
            yield Change("connect", network, why, spec)
    for network in sorted(set(current) - set(one.endpoints)):
        yield Change("disconnect", network, "the list does not name this network", {})


def mac_differs(one: Wanted, inspect: Json) -> tuple[str, str] | None:
    """(now, wanted) where the MAC address asks for a new container: a running one is given another by no engine.

    ``Config.MacAddress`` is the one that was asked for; an engine from API 1.52 on has it no more.
    """
    first: Json = next(iter(one.endpoints.values()), {})
    given = str(inspect["Config"].get("MacAddress") or "").lower()
    if first and given and not first["mac_address"]:
        return given, ""
    late = any(change.action == "connect" and change.spec["mac_address"] for change in fixing(one, inspect))
    return ("", first["mac_address"]) if late else None


def differs(here: Json, spec: Json, inspect: Json) -> str:
    """Why a container's endpoint is not as wanted, or empty. The engine adds short id and host name to the aliases."""
    ipam = here.get("IPAMConfig") or {}
    for option, field in _FIELDS:
        if (ipam.get(field) or "") != spec[option]:
            return f"{option} is {ipam.get(field) or 'given by the engine'}"
    added = {inspect["Id"][:12], inspect["Config"].get("Hostname")}
    if set(here.get("Aliases") or []) - added != set(spec["aliases"]) - added:
        return "aliases differ"
    if spec["mac_address"] and (here.get("MacAddress") or "").lower() not in ("", spec["mac_address"]):
        return f"mac_address is {here['MacAddress']}"
    return ""
