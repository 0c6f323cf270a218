# SPDX-License-Identifier: GPL-3.0-or-later
"""What instances of one host mean for each other: ports in one namespace, published ports, and who may reach what."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._compose.values import ports as parse_ports
from ansible_collections.netmode.docker.plugins.module_utils._engine.names import joined
from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import bound, is_loopback, overlap
from ansible_collections.netmode.docker.plugins.module_utils._networks.spec import bridges_of

from .interfaces import interfaces_of, lets_in
from .listeners import listeners, open_to_all

if TYPE_CHECKING:
    from .problems import Problems, Settings

EVERYWHERE = ("0.0.0.0", "::", "::*", "*")  # noqa: S104 (read, not bound to)
"""What stands for every address where Redis is told what to bind to."""


class Published(NamedTuple):
    ip: str
    """The host's address; '' for the engine's default, which is all of them unless the network says another."""
    host: range
    """Of these the engine takes one; empty where it chooses."""
    inner: int


def published(ports: Any) -> list[Published]:
    """The published TCP ports of Compose's short and long syntax. ValueError with the reason."""
    return [
        Published(binding["HostIp"], _range(binding["HostPort"]), int(target.partition("/")[0]))
        for target, bindings in (parse_ports(ports) if ports else {}).items()
        for binding in bindings
        if target.endswith("/tcp")
    ]


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1) if first else range(0)


def addresses(instance: Settings) -> list[str]:
    """What Redis binds to. Without ``bind``: everything in a namespace of containers, the loopback in the host's."""
    if instance["bind"]:
        return [str(address) for address in instance["bind"]]
    return ["127.0.0.1", "-::1"] if instance["network_mode"] == "host" else ["*", "-::*"]


class Namespaces:
    """Whose network namespace each container of the plan uses, and which networks that is on."""

    def __init__(
        self, instances: list[Settings], companions: list[dict[str, Any]], definitions: list[dict[str, Any]]
    ) -> None:
        self.instances = {item["name"]: item for item in instances}
        self.companions = {item["name"]: item for item in companions}
        self.definitions = {str(item.get("name")): item for item in definitions}
        self.drivers = {str(item.get("name")): str(item.get("driver") or "bridge") for item in definitions}
        self.bridges = {"docker0", "bridge"} | bridges_of(definitions)
        """Those that are known to end at the host."""

    def donor_of(self, name: str) -> str | None:
        if name in self.instances:
            item = self.instances[name]
            return str(item["donor"]) if item["network_mode"] == "container" else None
        mode = str(self.companions.get(name, {}).get("network_mode") or "")
        return joined(mode) or None

    def owner(self, name: str) -> str:
        """The container whose namespace ``name`` is in; '(host)' for the host's. A cycle ends where it closes."""
        seen = {name}
        while True:
            donor = self.donor_of(name)
            if donor is None or donor in seen:
                break
            seen.add(donor)
            name = donor
        if name in self.instances:
            return "(host)" if self.instances[name]["network_mode"] == "host" else name
        return "(host)" if self.companions.get(name, {}).get("network_mode") == "host" else name

    def published_by(self, name: str) -> Any:
        """The published ports of a container of the plan; None when the plan does not know it."""
        if name in self.instances:
            return self.instances[name]["ports"]
        return self.companions[name].get("ports") if name in self.companions else None

    def open_by(self, name: str) -> str:
        """What of ``name`` is part of the host's own network, so that others reach it; '' where none is known."""
        item = self.instances.get(name) or self.companions.get(name) or {}
        for network in [item.get("network_mode"), *(item.get("networks") or [])]:
            driver = self.drivers.get(str(network), "bridge")
            if driver != "bridge":
                return f"the network {network} ({driver}) of {name} makes it one more machine of the LAN"
        own = lets_in(self.instances[name], self.bridges) if name in self.instances else ""
        return f"the interface {own} of {name} lets in others than this host" if own else ""

    def networks_of(self, name: str) -> list[str]:
        """Those of Docker's that a container of the plan is on, by name; of its own interfaces by their bridge."""
        item = self.instances.get(name) or self.companions.get(name) or {}
        given, mode = list(item.get("networks") or []), str(item.get("network_mode") or "bridge")
        if name in self.instances and mode == "none":
            return [interface.bridge for interface in interfaces_of(item) if interface.kind == "veth"]
        return [str(network) for network in given] or ["bridge" if mode == "default" else mode]

    def knows(self, name: str) -> bool:
        return name in self.instances or name in self.companions

    def has_sharers(self, name: str) -> bool:
        return any(self.owner(other) == name for other in (*self.instances, *self.companions) if other != name)


def check_ports(instances: list[Settings], namespaces: Namespaces, problems: Problems) -> None:
    """Two that listen on one port of a namespace or are published on one of the host, and ports that lead nowhere."""
    _check_listening(instances, namespaces, problems)
    taken: list[tuple[str, str, range]] = [
        (item["name"], address, range(listener.port, listener.port + 1))
        for item in instances
        if item["network_mode"] == "host"
        for listener in listeners(item)
        for address in bound(addresses(item))
    ]
    every = {**{item["name"]: item["ports"] for item in instances}}
    every.update({name: item.get("ports") for name, item in namespaces.companions.items()})
    for name, ports in every.items():
        try:
            mine = published(ports)
        except ValueError as error:
            problems.add(name, "ports", f"{error}. Write it like '127.0.0.1:6379:6379' or '6379:6379'.")
            continue
        for item in mine:
            for other, address, ports_taken in taken:
                common = range(max(item.host.start, ports_taken.start), min(item.host.stop, ports_taken.stop))
                # Of a range the engine takes what is free.
                if len(item.host) == 1 and len(ports_taken) == 1 and common and overlap(item.ip, address):
                    problems.add(
                        name, "ports", f"port {common[0]} of the host is taken by {other}. Give one of them another."
                    )
        taken += [(name, item.ip, item.host) for item in mine]
    for instance in instances:
        _check_led_to(instance, namespaces, problems)


def _check_listening(instances: list[Settings], namespaces: Namespaces, problems: Problems) -> None:
    listening: list[tuple[Settings, str, int, list[str]]] = []
    for instance in instances:
        owner, mine = namespaces.owner(instance["name"]), bound(addresses(instance))
        for option, port in listeners(instance):
            for other, theirs, taken, at in listening:
                both = (theirs, taken) == (owner, port) and any(overlap(one, two) for one in mine for two in at)
                if both and other["name"] == instance["name"]:
                    problems.add(instance["name"], option, f"{port} is its own port already. Give it another.")
                elif both:
                    where = "on the host" if owner == "(host)" else f"in the namespace of {owner}"
                    problems.add(
                        instance["name"], option, f"{port} is taken {where} by instance {other['name']}. "
                        "Give one of them another port.",
                    )  # fmt: skip
                if both:
                    break
            listening.append((instance, owner, port, mine))


def plain(address: str) -> str:
    """An address that Redis binds to, as the kernel knows it."""
    bare = address.lstrip("-")
    return {"*": "0.0.0.0", "::*": "::"}.get(bare) or str(ipaddress.ip_address(bare))  # noqa: S104 (read, not bound to)


def _check_led_to(instance: Settings, namespaces: Namespaces, problems: Problems) -> None:
    """Of the ports that a Redis publishes one leads to it, unless they are known to be for a sharer."""
    name, ports = instance["name"], [item.port for item in listeners(instance)]
    try:
        inner = {item.inner for item in published(instance["ports"])}
    except ValueError:
        return  # told already
    if inner and not inner & set(ports) and not namespaces.has_sharers(name):
        problems.add(
            name, "ports", f"{', '.join(map(str, sorted(inner)))} of the container is published, and Redis listens at "
            f"{', '.join(map(str, ports))}. Write it like '{ports[0]}:{ports[0]}'; what is for a container that shares "
            "its namespace needs that one in redis_companions.",
        )  # fmt: skip


def check_exposure(instance: Settings, namespaces: Namespaces, problems: Problems) -> None:
    """Refuse a Redis without a password that others than this host may reach, unless that is said to be meant."""
    if instance["allow_unauthenticated"] or instance["state"] == "absent":
        return
    why_open = open_to_all(instance)
    why = _exposed(instance, namespaces) if why_open else ""
    if why:
        option, _, reason = why_open.partition(": ")
        problems.add(
            instance["name"],
            option,
            f"{reason}, and {why}. Set redis_password, keep it to the loopback (127.0.0.1), "
            "or say redis_allow_unauthenticated: true.",
        )


_OF_A_NETWORK = ("driver", "internal", "enable_ipv6", "driver_opts")


def unauthenticated(instance: Settings, namespaces: Namespaces) -> dict[str, Any] | None:
    """For the host to look at what its engine lets through: one that needs no password, as far as others reach it.

    None for one that has a password, is meant to be open, or listens where only its own namespace is.
    """
    why = open_to_all(instance)
    owner = namespaces.owner(instance["name"])
    at = [address for address in addresses(instance) if not is_loopback(address)]
    if not why or instance["allow_unauthenticated"] or instance["state"] == "absent" or not at or owner == "(host)":
        return None
    given = namespaces.definitions
    networks = [
        {"name": name, **{key: given[name][key] for key in _OF_A_NETWORK if key in given.get(name, {})}}
        for name in namespaces.networks_of(owner)
    ]
    every = published(namespaces.published_by(owner))
    ports = [
        {"option": option, "port": port, "published": [item.ip for item in every if item.inner == port]}
        for option, port in listeners(instance)
    ]
    return {"reason": why.partition(": ")[2], "networks": networks, "ports": ports} if networks and ports else None


def _exposed(instance: Settings, namespaces: Namespaces) -> str:
    mode = instance["network_mode"]
    bound = [address for address in addresses(instance) if not is_loopback(address)]
    if not bound or (mode == "none" and not instance["interfaces"]):
        return ""
    if mode == "host":
        return f"it listens on {', '.join(bound)} of the host"
    return _exposed_by(namespaces.owner(instance["name"]), instance, namespaces)


def _exposed_by(owner: str, instance: Settings, namespaces: Namespaces) -> str:
    """The owner of the namespace publishes a port, is on a network of the LAN, or is not known to the plan."""
    if owner == "(host)":
        return f"its donor {instance['donor']} is in the host's namespace"
    if not namespaces.knows(owner):
        return f"what its donor {owner} publishes is not known here, since redis_companions does not declare it"
    lan = namespaces.open_by(owner)
    if lan:
        return lan
    try:
        ports = published(namespaces.published_by(owner))
    except ValueError:
        return ""  # told already
    options = {port: option for option, port in listeners(instance)}
    for item in ports:
        if item.inner in options and not is_loopback(item.ip):
            whose = {"port": "its port"}.get(options[item.inner], f"the port {item.inner} of {options[item.inner]}")
            return f"{whose} is published on {item.ip or 'all addresses'} of the host"
    return ""
