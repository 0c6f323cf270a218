# SPDX-License-Identifier: GPL-3.0-or-later
"""What each network mode claims of a container that runs, compared with what the kernel and the engine say.

Pure: (facts of one host, wanted instance) -> claims.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .asked import (
    Claim,
    again,
    again_or_restart,
    engines_address,
    published_as_asked,
    same,
)
from .ways import (
    Facts,
    Instance,
    bare,
    bridge_named,
    container_of,
    owner_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ansible_collections.netmode.docker.plugins.module_utils._interfaces.spec import Interface

Json = Mapping[str, Any]

_FALLBACK = frozenset("tunl0 gre0 gretap0 erspan0 ip_vti0 ip6_vti0 sit0 ip6tnl0 ip6gre0 ip6gretap0 ip6erspan0".split())
"""What the kernel puts into every namespace once the module of a kind of tunnel is loaded."""
_RECREATED = again("recreates it in its mode")


def claims_of_mode(facts: Facts, instance: Instance) -> Iterator[Claim]:
    claimed = {"bridge": _bridge, "container": _shared, "host": _on_host, "none": _isolated}[instance.mode]
    return claimed(facts, instance, container_of(facts, instance.name))


# --- bridge -----------------------------------------------------------------------------------------------------------


def _bridge(facts: Facts, instance: Instance, container: Json) -> Iterator[Claim]:
    interfaces = {item.get("network"): item for item in container.get("interfaces") or []}
    bridges = {network: _bridge_of(facts, network) for network in instance.networks}
    mode = str(container.get("mode"))
    # The first network says the mode: one that no bridge carries, such as a macvlan, is other to the engine.
    expected = "bridge" if any(bridges.values()) or mode != "other" else "other"
    yield same("it is in bridge mode", expected, mode, _RECREATED)
    gateways: list[tuple[str, str]] = []
    for network in instance.networks:
        if network not in interfaces:
            label = f"it has an interface on the network {network}"
            yield same(label, "an interface", "none", again("connects it"))
            continue
        interface, bridge = interfaces[network], bridges[network]
        if bridge:
            yield from _bridge_address(bridge)
            yield _peer(facts, instance, str(bridge["name"]), bridge, interface)
            gateways += _gateways(bridge)
        else:
            yield _unbridged(network, interface)
        yield _as_assigned(instance, interface)
    yield _no_other(instance, container)
    yield from _published(facts, instance, container)
    yield from _gateway(instance, container, gateways, alone=all(bridges.values()))


def _bridge_of(facts: Facts, network: str) -> Json | None:
    """The bridge that carries a network, whatever the container's veth is plugged into."""
    bridges: Mapping[str, Json] = facts.get("bridges") or {}
    return next((bridge for bridge in bridges.values() if bridge.get("network") == network), None)


def _bridge_address(bridge: Json) -> Iterator[Claim]:
    """Docker's own logic: the gateway that the engine was told, or the one that it takes.

    An address from elsewhere (DHCP, a hand) is another one, or stands beside it. A network without IPv4, and one
    whose options ask for it, has none.
    """
    name, configured, addresses = bridge["name"], bridge.get("configured") or {}, list(bridge.get("ipv4") or [])
    expected = engines_address(configured)
    if not addresses and (expected is None or configured.get("unaddressed")):
        return
    observed = ", ".join(addresses) or "none"
    way_out = f"Take away what else gives {name} an address (DHCP, a script), and restart the engine."
    yield same(f"{name} has {expected or 'no IPv4 address'}", expected or "none", observed, way_out)
    if expected:
        source = f"{configured.get('subnet')} of the engine's network {bridge.get('network')}"
        label = f"{name}'s address is Docker's choice from {source}, not DHCP's"
        yield Claim(label, f"{expected} alone", observed, addresses == [expected], way_out)


def _peer(facts: Facts, instance: Instance, name: str, bridge: Json, interface: Json) -> Claim:
    """Read from the bridge's end: its ports whose peer is this very interface."""
    veths = facts.get("veths") or {}
    wanted = (instance.name, interface["name"])
    ports = [port for port in bridge.get("ports") or [] if _leads_to(veths.get(port)) == wanted]
    label = f"one veth of {name} is the peer of its {interface['name']}"
    return Claim(label, "one veth", ", ".join(ports) or "none", len(ports) == 1, again_or_restart(instance.name))


def _leads_to(veth: Any) -> tuple[Any, Any]:
    return (veth.get("container"), veth.get("interface")) if isinstance(veth, Mapping) else (None, None)


def _gateways(bridge: Json) -> list[tuple[str, str]]:
    """(whose, address) of what a container on this bridge may have as its gateway."""
    told = (bridge.get("configured") or {}).get("default_gateway")
    if told:
        return [("the engine's default-gateway", str(told))]
    return [(f"{bridge['name']}'s address", bare(address)) for address in bridge.get("ipv4") or []]


def _unbridged(network: str, interface: Json) -> Claim:
    """A network of a driver without a bridge: nothing is plugged in anywhere, so its interface is not a veth."""
    kind = str(interface.get("kind"))
    if kind == "veth":
        way_out = "Restart the engine, which makes its bridge again."
        return same(f"a bridge of the host carries the network {network}", "a bridge", "none", way_out)
    return same(f"its {interface['name']} is on the network {network}, without a bridge", kind, kind, "")


def _as_assigned(instance: Instance, interface: Json) -> Claim:
    given = interface.get("assigned") or interface
    label = f"its {interface['name']} has the MAC and the address that the engine gave it"
    way_out = again_or_restart(instance.name)
    return Claim(label, _card(given), _card(interface), not interface.get("assigned"), way_out)


def _no_other(instance: Instance, container: Json) -> Claim:
    other = [item for item in container.get("interfaces") or [] if item.get("network") not in instance.networks]
    observed = ", ".join(_not_the_kernels(other)) or "none"
    return same("it has no other interface", "none", observed, again_or_restart(instance.name))


def _published(facts: Facts, instance: Instance, container: Json) -> Iterator[Claim]:
    observed = container.get("published") or []
    host_ips = [
        (bridge.get("configured") or {}).get("host_ip")
        for bridge in (facts.get("bridges") or {}).values()
        if bridge.get("network") in instance.networks
    ]
    if instance.published or observed:
        label = "its published ports are those asked for"
        compared = published_as_asked(instance.published, observed, host_ips)
        yield Claim(label, *compared, again_or_restart(instance.name))


def _gateway(
    instance: Instance, container: Json, gateways: Sequence[tuple[str, str]], *, alone: bool
) -> Iterator[Claim]:
    """An internal network has none, so only the default bridge's must be there. ``alone``: bridges carry all."""
    observed = str(container.get("gateway") or "none")
    known = [item for item in gateways if item[1] == observed]
    if not gateways or (not known and not alone) or (observed == "none" and "bridge" not in instance.networks):
        return
    whose, expected = known[0] if known else gateways[0]
    yield same(f"its gateway is {whose}", expected, observed, again_or_restart(instance.name))


# --- container --------------------------------------------------------------------------------------------------------


def _shared(facts: Facts, instance: Instance, container: Json) -> Iterator[Claim]:
    donor_name = instance.donor
    donor = container_of(facts, donor_name)
    if not donor:
        way_out = f"Start {donor_name}, or name another donor, and run the role again."
        yield same(f"its donor {donor_name} is on this host", donor_name, "no such container", way_out)
        return
    wanted, mode, joins = f"container:{donor.get('id')}", str(container.get("network_mode")), again("joins it again")
    yield same(f"its network mode names {donor_name}'s id", wanted[:22], mode[:22], joins)
    networks = ", ".join(container.get("networks") or []) or "none"
    yield same("it has no networks of its own", "none", networks, _RECREATED)
    veths = sorted((facts.get("veths") or {}).items())
    leading = [name for name, veth in veths if _leads_to(veth)[0] == instance.name]
    yield same("no veth leads to it", "none", ", ".join(leading) or "none", joins)
    theirs, own = str(donor.get("netns")), str(container.get("netns"))
    together = theirs == own and not container.get("stale") and own != "None"
    observed = own + (" (stale)" if container.get("stale") else "")
    yield Claim(f"it is in {donor_name}'s namespace", theirs, observed, together, joins)
    owner = owner_of(facts, instance.name)
    seen = owner if together else container
    for interface in owner.get("interfaces") or []:
        label = f"its {interface['name']} has {owner['name']}'s MAC and address"
        yield same(label, _card(interface), ", ".join(map(_card, _named(seen, interface["name"]))) or "none", joins)


# --- host -------------------------------------------------------------------------------------------------------------


def _on_host(facts: Facts, instance: Instance, container: Json) -> Iterator[Claim]:
    yield same("it is in host mode", "host", str(container.get("mode")), _RECREATED)
    veths = facts.get("veths") or {}
    ports = [
        f"{port} of {name}"
        for name, bridge in sorted((facts.get("bridges") or {}).items())
        for port in bridge.get("ports") or []
        if (veths.get(port) or {}).get("container") == instance.name
    ]
    label = "it is not among the ports of docker0 or any bridge"
    yield same(label, "none", ", ".join(ports) or "none", _RECREATED)
    found = [str(item["name"]) for item in container.get("interfaces") or []]
    yield same("it has no interface of its own", "none", ", ".join(found) or "none", _RECREATED)
    taken = [f"{item['host_ip']}:{item['host_port']}" for item in container.get("published") or []]
    yield same("nothing is published for it", "none", ", ".join(taken) or "none", _RECREATED)


# --- none -------------------------------------------------------------------------------------------------------------


def _isolated(facts: Facts, instance: Instance, container: Json) -> Iterator[Claim]:
    yield same("it is in none mode", "none", str(container.get("mode")), _RECREATED)
    declared, way_out = instance.interfaces, again_or_restart(instance.name)
    for wanted in declared:
        yield from _own(facts, instance, container, wanted)
    names = [wanted.name for wanted in declared]
    other = [item for item in container.get("interfaces") or [] if item["name"] not in names]
    label = " and ".join(["it has nothing but lo", *names])
    yield same(label, "nothing else", ", ".join(_not_the_kernels(other)) or "nothing else", way_out)
    routes = [route for wanted in declared for route in wanted.routes if str(route.to) == "0.0.0.0/0"]
    gateway = str(routes[0].via or "none") if routes else "none"
    label = f"its gateway is {gateway}" if routes else "it has no default route" if names else "it has no route"
    yield same(label, gateway, str(container.get("gateway") or "none"), way_out)


def _own(facts: Facts, instance: Instance, container: Json, wanted: Interface) -> Iterator[Claim]:
    """A custom interface: by whom, what it is and on which bridge, as far as the host's facts tell."""
    bridge = bridge_named(facts, wanted.bridge) if wanted.bridge else {}
    on = str(bridge.get("name") or wanted.bridge)
    kind = f"{wanted.kind} on {on}" if on else wanted.kind
    expected = ", ".join([kind, "by netmode", *sorted(map(str, wanted.addresses))])
    found = _named(container, wanted.name)
    observed = _own_card(found[0], wanted) if found else "none"
    label = f"its {wanted.name} is the {kind} that it is to have"
    yield same(label, expected, observed, again("makes it as it is to be"))
    if found and wanted.kind == "veth":
        yield _peer(facts, instance, on, bridge, found[0])


def _own_card(found: Json, wanted: Interface) -> str:
    """A physical one keeps the kind that the card has on the host; a link-local address is the kernel's."""
    kind = wanted.kind if wanted.kind == "physical" else str(found.get("kind"))
    on = f"{kind} on {found.get('bridge') or 'no bridge'}" if wanted.kind == "veth" else kind
    addresses = [ipaddress.ip_interface(text) for key in ("ipv4", "ipv6") for text in found.get(key) or []]
    told = sorted(str(address) for address in addresses if address.version == 4 or not address.is_link_local)
    return ", ".join([on, f"by {found.get('managed_by') or 'somebody else'}", *told])


# --- interfaces -------------------------------------------------------------------------------------------------------


def _named(container: Json, name: str) -> list[Json]:
    return [item for item in container.get("interfaces") or [] if item["name"] == name]


def _not_the_kernels(interfaces: Iterable[Json]) -> list[str]:
    return [str(item["name"]) for item in interfaces if not _of_the_kernel(item)]


def _of_the_kernel(interface: Json) -> bool:
    addresses = [*(interface.get("ipv4") or []), *(interface.get("ipv6") or [])]
    return interface["name"] in _FALLBACK and interface.get("operstate") == "DOWN" and not addresses


def _card(interface: Json) -> str:
    kept = [address for address in interface.get("ipv6") or [] if not address.startswith("fe80:")]
    return " ".join([str(interface.get("mac")), *(interface.get("ipv4") or []), *kept])
