# SPDX-License-Identifier: GPL-3.0-or-later
"""What instances of one host mean for each other: ports in one namespace, published ports, and who may reach what."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.plugin_utils._redis_interfaces import bridges_of, lets_in

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.plugin_utils._redis_settings import Problems, Settings

_PORT = re.compile(
    r"(?:(?P<ip>\[[0-9a-fA-F:]+\]|[0-9.]+):)?(?:(?P<host>[0-9]+(?:-[0-9]+)?):|:)?(?P<inner>[0-9]+(?:-[0-9]+)?)(?:/(?P<protocol>tcp|udp|sctp))?\Z"
)


EVERYWHERE = ("0.0.0.0", "::", "::*", "*")  # noqa: S104 (read, not bound to)
"""What stands for every address where Redis is told what to bind to."""


class Published(NamedTuple):
    ip: str
    """The host's address; '' for all of them."""
    host: range
    """Empty where the engine chooses."""
    inner: range


def published(ports: Any) -> list[Published]:
    """Compose's short and long syntax of published TCP ports. ValueError with the entry that is neither."""
    found = []
    for port in ports or []:
        if isinstance(port, dict):
            text = f"{port.get('published', '')}:{port.get('target', '')}/{port.get('protocol', 'tcp')}"
            address = str(port.get("host_ip") or "")
            address = f"[{address}]" if ":" in address and not address.startswith("[") else address
            text = f"{address}:{text}" if address else text
        else:
            text = str(port)
        match = _PORT.match(text)
        if not match:
            raise ValueError(port)
        if match["protocol"] in ("udp", "sctp"):
            continue
        found.append(Published((match["ip"] or "").strip("[]"), _range(match["host"]), _range(match["inner"])))
    return found


def _range(text: str | None) -> range:
    if not text:
        return range(0)
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.lstrip("-")).is_loopback
    except ValueError:
        return False


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
        self.drivers = {str(item.get("name")): str(item.get("driver") or "bridge") for item in definitions}
        self.bridges = {"docker0", "bridge"} | bridges_of(definitions)
        """Those that are known to end at the host."""

    def donor_of(self, name: str) -> str | None:
        if name in self.instances:
            item = self.instances[name]
            return str(item["donor"]) if item["network_mode"] == "container" else None
        mode = str(self.companions.get(name, {}).get("network_mode") or "")
        return mode.partition(":")[2] if mode.startswith("container:") else None

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

    def knows(self, name: str) -> bool:
        return name in self.instances or name in self.companions


def check_ports(instances: list[Settings], namespaces: Namespaces, problems: Problems) -> None:
    """Two that listen on one port of one namespace, or are published on one port of the host."""
    listening: dict[tuple[str, int], str] = {}
    for instance in instances:
        name, mode = instance["name"], instance["network_mode"]
        if mode == "none" and not instance["interfaces"]:
            continue
        owner, port = namespaces.owner(name), int(instance["port"])
        other = listening.setdefault((owner, port), name)
        if other != name:
            where = "on the host" if owner == "(host)" else f"in the namespace of {owner}"
            problems.add(name, "port", f"{port} is taken {where} by instance {other}. Give one of them another port.")
    taken: list[tuple[str, str, range]] = [
        (item["name"], address.lstrip("-"), range(int(item["port"]), int(item["port"]) + 1))
        for item in instances
        if item["network_mode"] == "host"
        for address in addresses(item)
    ]
    every = {**{item["name"]: item["ports"] for item in instances}}
    every.update({name: item.get("ports") for name, item in namespaces.companions.items()})
    for name, ports in every.items():
        try:
            mine = published(ports)
        except ValueError as error:
            problems.add(
                name,
                "ports",
                f"{error.args[0]!r} is no published port. Write it like '127.0.0.1:6379:6379' or '6379:6379'.",
            )
            continue
        for item in mine:
            for number in sorted({*item.host[:1], *item.host[-1:], *item.inner[:1], *item.inner[-1:]}):
                if not 1 <= number <= 65535:
                    problems.add(name, "ports", f"{number} is not between 1 and 65535.")
            for other, address, ports_taken in taken:
                if set(item.host) & set(ports_taken) and _same_place(item.ip, address):
                    number = min(set(item.host) & set(ports_taken))
                    problems.add(
                        name, "ports", f"port {number} of the host is taken by {other}. Give one of them another."
                    )
        taken += [(name, item.ip, item.host) for item in mine]


def _same_place(one: str, other: str) -> bool:
    every = ("", "*", "0.0.0.0", "::", "::*")  # noqa: S104
    return one == other or one in every or other in every


def check_exposure(instance: Settings, namespaces: Namespaces, problems: Problems) -> None:
    """Refuse a Redis without a password that others than this host may reach, unless that is said to be meant."""
    if instance["password"] or instance["allow_unauthenticated"] or instance["state"] == "absent":
        return
    why = _exposed(instance, namespaces)
    if why:
        problems.add(
            instance["name"],
            "password",
            f"none is set, and {why}. Set redis_password, keep it to the loopback (127.0.0.1), "
            "or say redis_allow_unauthenticated: true.",
        )


def _exposed(instance: Settings, namespaces: Namespaces) -> str:
    mode, port = instance["network_mode"], int(instance["port"])
    bound = [address for address in addresses(instance) if not is_loopback(address)]
    if not bound or (mode == "none" and not instance["interfaces"]):
        return ""
    if mode == "host":
        return f"it listens on {', '.join(bound)} of the host"
    return _exposed_by(namespaces.owner(instance["name"]), instance["donor"], port, namespaces)


def _exposed_by(owner: str, donor: str, port: int, namespaces: Namespaces) -> str:
    """The owner of the namespace publishes the port, is on a network of the LAN, or is not known to the plan."""
    if owner == "(host)":
        return f"its donor {donor} is in the host's namespace"
    if not namespaces.knows(owner):
        return f"what its donor {owner} publishes is not known here, since redis_companions does not declare it"
    lan = namespaces.open_by(owner)
    if lan:
        return lan
    try:
        ports = published(namespaces.published_by(owner))
    except ValueError:
        return ""  # told already
    for item in ports:
        if port in item.inner and not is_loopback(item.ip):
            return f"its port is published on {item.ip or 'all addresses'} of the host"
    return ""
