# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a wanted Redis must and must not answer, by its network mode and the facts of its host."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_exposure import EVERYWHERE, published
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_interfaces import interfaces_of
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_settings import Problems, check, merge

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._interfaces_spec import Interface

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Instance:
    """One wanted Redis. ``name`` is its container's, ``donor`` is set in container mode.

    ``socket`` is a path on the host, ``networks`` are Docker's, of mode bridge; ``published`` holds addresses and ports
    of the host.
    """

    name: str
    mode: str
    port: int
    socket: str
    donor: str = ""
    networks: tuple[str, ...] = ("bridge",)
    published: tuple[tuple[str, int], ...] = ()
    bind: tuple[str, ...] = ()
    password: str = ""
    state: str = "started"
    interfaces: tuple[Interface, ...] = ()
    """Those of one's own that it is reached over: its own in mode none, its donor's in mode container."""


def instance_of(settings: Mapping[str, Any], socket_dir: str) -> Instance:
    """From one entry of the role redis, merged with the role's variables and checked."""
    networks = list(settings["networks"] or [])  # names, or a mapping by name
    taken = [
        (item.ip, number)
        for item in published(settings["ports"])
        for number, inner in zip(item.host, item.inner)
        if inner == int(settings["port"])
    ]
    return Instance(
        name=str(settings["name"]),
        mode=str(settings["network_mode"]),
        port=int(settings["port"]),
        socket=f"{socket_dir}/{settings['name']}/redis.sock",
        donor=str(settings["donor"] or ""),
        networks=tuple(str(name) for name in networks) or ("bridge",),
        published=tuple(taken),
        bind=tuple(str(address) for address in settings["bind"] or []),
        password=str(settings["password"] or ""),
        state=str(settings["state"]),
        interfaces=tuple(interfaces_of(dict(settings))),
    )


def instances_of(settings: Mapping[str, Any], instances: Any, host: str, socket_dir: str) -> list[Instance]:
    """The role's variables (without ``redis_``) and ``redis_instances``, merged as the role merges them."""
    problems = Problems(host)
    merged = merge(dict(settings), instances, problems)
    for entry in merged:
        check(entry, problems)
    if problems.told:
        raise AnsibleFilterError("\n".join(problems.told))
    return _with_donors_interfaces([instance_of(entry, socket_dir) for entry in merged])


def _with_donors_interfaces(found: list[Instance]) -> list[Instance]:
    """A chain of sharers is as long as the list at most."""
    given = {instance.name: instance.interfaces for instance in found}
    for _ in found:
        given.update({item.name: given.get(item.donor, ()) for item in found if item.donor})
    return [replace(instance, interfaces=given[instance.name]) for instance in found]


@dataclass(frozen=True)
class Way:
    """One address to ask an instance at. ``pong`` is whether it must answer there."""

    label: str
    host: str | None = None
    port: int = 0
    socket: str | None = None
    pong: bool = True
    with_password: bool = True


def container_of(facts: Facts, name: str | None) -> Mapping[str, Any]:
    found = (facts.get("containers") or {}).get(name)
    return found if isinstance(found, Mapping) else {}


def owner_of(facts: Facts, name: str) -> Mapping[str, Any]:
    """The container whose namespace ``name`` is in: its own, or that at the end of its chain of donors."""
    seen: set[str] = set()
    container = container_of(facts, name)
    while container.get("joins") and container["joins"] not in seen:
        seen.add(container["joins"])
        container = container_of(facts, container["joins"])
    return container


def bare(address: str) -> str:
    return address.split("/", 1)[0]


def address_of(container: Mapping[str, Any]) -> str | None:
    """The first address of a container, IPv4 before IPv6."""
    for family in ("ipv4", "ipv6"):
        for interface in container.get("interfaces") or []:
            for address in interface.get(family) or []:
                if not ipaddress.ip_interface(address).is_link_local:
                    return bare(address)
    return None


def _loopback(bind: Sequence[str]) -> str:
    """Where a Redis that binds to ``bind`` is asked from its own host."""
    fixed = [address.lstrip("-") for address in bind if address.lstrip("-") not in EVERYWHERE]
    if not fixed or "127.0.0.1" in fixed:
        return "127.0.0.1"
    return fixed[0]


def bound(bind: Sequence[str], address: str) -> bool:
    """Whether a Redis that binds to ``bind`` is to be had at ``address``, one of its namespace."""
    plain = [item.lstrip("-") for item in bind]
    return not plain or address in plain or any(item in EVERYWHERE for item in plain)


def bridge_named(facts: Facts, word: str) -> Mapping[str, Any]:
    """A bridge of the host, by its name or by that of the Docker network that it carries; empty if there is none."""
    bridges: Mapping[str, Mapping[str, Any]] = facts.get("bridges") or {}
    found = (bridge for bridge in bridges.values() if bridge.get("network") == word)
    return bridges.get(word) or next(found, {})


def on_links(facts: Facts, instance: Instance) -> list[tuple[Interface, str, bool]]:
    """(interface, address, whether the host itself reaches it there) for each that Redis listens at.

    The host does where it has an address in the same subnet on the veth's bridge. It does not reach a macvlan or ipvlan
    on its own link, and of what a physical one or a VLAN leads to it knows nothing.
    """
    found = []
    for interface in instance.interfaces:
        bridge = bridge_named(facts, interface.bridge) if interface.kind == "veth" and not interface.vlan else {}
        subnets = [ipaddress.ip_interface(text).network for key in ("ipv4", "ipv6") for text in bridge.get(key) or []]
        found += [
            (interface, str(address.ip), any(address.ip in subnet for subnet in subnets))
            for address in interface.addresses
            if bound(instance.bind, str(address.ip))
        ]
    return found


def _host_addresses(facts: Facts) -> list[str]:
    """Addresses of the host that the facts know: loopback and those of its bridges."""
    bridges = facts.get("bridges") or {}
    found = [bare(address) for name in sorted(bridges) for address in bridges[name].get("ipv4") or []]
    return list(dict.fromkeys(["127.0.0.1", *found]))


def _reached_at(facts: Facts, instance: Instance) -> list[Way]:
    owner = owner_of(facts, instance.name)
    socket = Way("PONG over the unix socket", socket=instance.socket)
    if instance.mode == "none" or owner.get("mode") == "none":
        own = [
            Way(f"PONG over its {interface.name} {address}:{instance.port}", address, instance.port)
            for interface, address, near in on_links(facts, instance)
            if near
        ]
        return [*own, socket]
    if instance.mode == "host" or owner.get("mode") == "host":
        address = _loopback(instance.bind)
        return [Way(f"PONG over the host's port {address}:{instance.port}", address, instance.port), socket]
    inside = address_of(owner)
    if inside is None or not bound(instance.bind, inside):
        return [socket]
    whose = f"{owner['name']}'s address" if instance.mode == "container" else "the container's address"
    return [Way(f"PONG over {whose} {inside}:{instance.port}", inside, instance.port), socket]


def ways(facts: Facts, instance: Instance) -> list[Way]:
    """Every address that ``instance`` must or must not answer at. Nothing where it is not to run, or does not."""
    if instance.state != "started" or container_of(facts, instance.name).get("status") != "running":
        return []
    found = _reached_at(facts, instance)
    first = found[0]
    found += [
        Way(f"PONG over the published port {address}:{port}", address, port)
        for address, port in _published(facts, instance)
    ]
    if instance.password:
        label = "no answer without the password"
        found.append(Way(label, first.host, first.port, first.socket, pong=False, with_password=False))
    if instance.mode == "none":
        found += [
            Way(f"not to be had at {address}:{instance.port}", address, instance.port, pong=False)
            for address in _host_addresses(facts)
        ]
    return found


def bindings(owner: Mapping[str, Any], port: int) -> list[tuple[str, int]]:
    """(address, port) of the host for each place where ``owner``, a container, publishes its TCP ``port``."""
    return [
        (str(item.get("host_ip") or ""), int(item["host_port"]))
        for item in owner.get("published") or []
        if item.get("container_port") == port and item.get("protocol") == "tcp"
    ]


def _published(facts: Facts, instance: Instance) -> list[tuple[str, int]]:
    """What was asked for, and what the engine chose or the donor publishes; a wildcard is asked at the loopback."""
    known = bindings(owner_of(facts, instance.name), instance.port)
    every = ("0.0.0.0", "::", "", "*")  # noqa: S104 (read, not bound to)
    told = [("127.0.0.1" if address in every else address, port) for address, port in (*instance.published, *known)]
    return list(dict.fromkeys(told))


def key_of(instance: Instance, way: Way) -> str:
    return f"{instance.name}: {way.label}"


def endpoints(facts: Facts, instances: Sequence[Instance]) -> list[dict[str, Any]]:
    """The option ``endpoints`` of redis_ping for the proof of ``instances``."""
    asked = []
    for instance in instances:
        for way in ways(facts, instance):
            where = {"socket": way.socket} if way.socket else {"host": way.host, "port": way.port}
            endpoint = {"name": key_of(instance, way), **where}
            if way.with_password and instance.password:
                endpoint["password"] = instance.password
            asked.append(endpoint)
    return asked
