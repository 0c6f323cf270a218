# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a wanted Redis must and must not answer, by its network mode and the facts of its host."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._facts import build

from . import replication
from .exposure import (
    EVERYWHERE,
    Published,
    addresses,
    published,
)
from .interfaces import interfaces_of
from .listeners import is_closed, listeners, open_to_all, open_users
from .operator import asked_as
from .tls import ports_of

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._interfaces.spec import Interface

    from .problems import Settings

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Instance:
    """One wanted Redis. ``name`` is its container's, ``donor`` is set in container mode.

    ``socket`` is a path on the host; ``networks``, Docker's, and ``published`` are of mode bridge.
    """

    name: str
    mode: str
    port: int
    socket: str
    donor: str = ""
    networks: tuple[str, ...] = ("bridge",)
    published: tuple[Published, ...] = ()
    bind: tuple[str, ...] = ()
    listens: tuple[tuple[str, int], ...] = ()
    """Where it binds to, as Redis is told: each address with each of its ports."""
    credentials: Mapping[str, str] | None = None
    """As whom it is asked, in the options of redis_ping; None where it needs no password."""
    closed: bool = False
    """A connection has to authenticate before it is answered."""
    open: bool = False
    """It needs no password, and that is not said to be meant: nobody else may reach it."""
    may_be_open: bool = False
    """That is said to be meant (``allow_unauthenticated``)."""
    open_users: tuple[str, ...] = ()
    """Those that its settings let in without a password."""
    is_kept: bool = False
    """Published ports are reached from allowed sources alone: from where other hosts ask is not known here."""
    state: str = "started"
    interfaces: tuple[Interface, ...] = ()
    """Custom interfaces that it is reached over: its own in mode none, its donor's in mode container."""
    tls_port: int = 0
    """Where it speaks TLS: ``port``, or one beside it; 0 for nowhere."""
    certificate: Mapping[str, Any] | None = None
    """``sha256``, ``ca``, ``name`` and ``not_after`` of the one that it is to show, and its ``file`` on the host."""
    auth_clients: str = ""
    """Whether clients need one, as ``tls-auth-clients``."""
    replica_of: str = ""
    """The host and instance that it is asked to follow, and where that is: ``r1/redis at 10.0.0.1:6379``."""
    replicas_min: int = 0
    """How many are to be in sync with it where it is the master."""

    @property
    def ports(self) -> tuple[int, ...]:
        """Where it is asked."""
        return (self.port, self.tls_port) if self.tls_port not in (0, self.port) else (self.port,)


def instance_of(settings: Mapping[str, Any], socket_dir: str) -> Instance:
    """From one entry of the role redis, merged with the role's variables and checked."""
    given = dict(settings)
    networks = list(settings["networks"] or [])  # names, or a mapping by name
    return Instance(
        name=str(settings["name"]),
        mode=str(settings["network_mode"]),
        port=int(settings["port"]),
        socket=f"{socket_dir}/{settings['name']}/redis.sock",
        donor=str(settings["donor"] or ""),
        networks=tuple(str(name) for name in networks) or ("bridge",),
        published=tuple(published(settings["ports"])),
        listens=tuple((address, port) for _, port in listeners(given) for address in addresses(given)),
        bind=tuple(str(address) for address in settings["bind"] or []),
        credentials=asked_as(given) or None,
        closed=is_closed(given),
        open=bool(open_to_all(given)) and not settings["allow_unauthenticated"],
        may_be_open=bool(settings["allow_unauthenticated"]),
        open_users=open_users(given),
        is_kept=bool(settings["allowed_sources"]),
        state=str(settings["state"]),
        interfaces=tuple(interfaces_of(given)),
        tls_port=ports_of(given).tls,
        certificate=settings.get("certificate"),
        auth_clients=str(settings["tls_auth_clients"]),
        replica_of=replication.asked_text(settings.get("replication")),
        replicas_min=int(settings["replicas_min"]),
    )


def instances_of(merged: Iterable[Settings], socket_dir: str) -> list[Instance]:
    """``merged``: the settings of each instance, checked, as the plan of the role has them."""
    return _with_donors_interfaces([instance_of(entry, socket_dir) for entry in merged])


def _with_donors_interfaces(found: list[Instance]) -> list[Instance]:
    """A chain of sharers is as long as the list at most."""
    given = {instance.name: instance.interfaces for instance in found}
    for _ in found:
        given.update({item.name: given.get(item.donor, ()) for item in found if item.donor})
    return [replace(instance, interfaces=given[instance.name]) for instance in found]


PONG, ANSWER, NOAUTH, NOPERM, NOTHING = "PONG", "an answer", "NOAUTH", "NOPERM", "no answer"


@dataclass(frozen=True)
class Way:
    """One address to ask an instance at, and what is to come of it: one of the words above.

    Whoever listens at a TCP address is asked without a password. One that has a password, or limits who has none, is to
    say so: ``an answer``.
    """

    label: str
    host: str | None = None
    port: int = 0
    socket: str | None = None
    expected: str = PONG
    tls: bool = False


def container_of(facts: Facts, name: str | None) -> Mapping[str, Any]:
    found = (facts.get("containers") or {}).get(name)
    return found if isinstance(found, Mapping) else {}


def owner_of(facts: Facts, name: str) -> Mapping[str, Any]:
    """The container whose namespace ``name`` is in, or is to be in where its donor has left that."""
    return build.owner_of(facts.get("containers") or {}, name, past_stale=True)


def bare(address: str) -> str:
    return address.split("/", 1)[0]


def addresses_of(facts: Facts, container: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Every address of a container with whether its host reaches it there, IPv4 before IPv6.

    The host does not on a macvlan or ipvlan, nor on a bridge without an address of the same subnet.
    """
    found = []
    for family in ("ipv4", "ipv6"):
        for interface in container.get("interfaces") or []:
            bridge = bridge_named(facts, str(interface.get("network") or interface.get("bridge")))
            near = [ipaddress.ip_interface(text).network for text in bridge.get(family) or []]
            plugged = interface.get("kind") in ("veth", None)
            for address in map(ipaddress.ip_interface, interface.get(family) or []):
                if not address.is_link_local:
                    reached = plugged and (not bridge or any(address.ip in network for network in near))
                    found.append((str(address.ip), reached))
    return found


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

    def at(where: str, address: str) -> list[Way]:
        return [_way(instance, f"{where} {address}:{port}", address, port, port) for port in instance.ports]

    if instance.mode == "none" or owner.get("mode") == "none":
        near = [(item, address) for item, address, reached in on_links(facts, instance) if reached]
        return [way for item, address in near for way in at(f"its {item.name}", address)]
    if instance.mode == "host" or owner.get("mode") == "host":
        return at("the host's port", _loopback(instance.bind))
    inside = next((address for address, reached in addresses_of(facts, owner) if reached), None)
    if inside is None or not bound(instance.bind, inside):
        return []
    return at(f"{owner['name']}'s address" if instance.mode == "container" else "the container's address", inside)


def _way(instance: Instance, where: str, address: str, port: int, inner: int) -> Way:
    """``inner``: the port of Redis that is behind ``port``."""
    expected, tls = ANSWER if instance.credentials else PONG, inner == instance.tls_port
    return Way(f"{expected} over {'TLS at ' if tls else ''}{where}", address, port, expected=expected, tls=tls)


def ways(facts: Facts, instance: Instance) -> list[Way]:
    """Every address that ``instance`` must or must not answer at. Nothing where it is not to run, or does not."""
    if instance.state != "started" or container_of(facts, instance.name).get("status") != "running":
        return []
    found = [*_reached_at(facts, instance), Way("PONG over the unix socket", socket=instance.socket)]
    found += [
        _way(instance, f"the published port {address}:{port}", address, port, inner)
        for inner in instance.ports
        for address, port in _published(facts, instance, inner)
    ]
    if instance.closed:
        found.append(Way("no answer without the password", socket=instance.socket, expected=NOAUTH))
    if instance.mode == "none":
        found += [
            Way(f"it does not answer at {address}:{port}", address, port, expected=NOTHING)
            for address in _host_addresses(facts)
            for port in instance.ports
        ]
    return found


def bindings(owner: Mapping[str, Any], port: int) -> list[tuple[str, int]]:
    """(address, port) of the host for each place where ``owner``, a container, publishes its TCP ``port``."""
    return [
        (str(item.get("host_ip") or ""), int(item["host_port"]))
        for item in owner.get("published") or []
        if item.get("container_port") == port and item.get("protocol") == "tcp"
    ]


def _published(facts: Facts, instance: Instance, inner: int) -> list[tuple[str, int]]:
    """Where the engine publishes its port ``inner``. A wildcard is asked at the loopback, IPv6's where it is alone."""
    found = bindings(owner_of(facts, instance.name), inner)
    every = {port for address, port in found if address in ("0.0.0.0", "", "*")}  # noqa: S104 (read, not bound to)
    asked = {"::": "::1", "0.0.0.0": "127.0.0.1", "": "127.0.0.1", "*": "127.0.0.1"}  # noqa: S104
    places = [(asked.get(address, address), port) for address, port in found if not (address == "::" and port in every)]
    return list(dict.fromkeys(places))


def key_of(instance: Instance, way: Way) -> str:
    return f"{instance.name}: {way.label}"


def asked_over_tls(instance: Instance) -> dict[str, Any]:
    """How its own host asks: with the fleet's CA and, where Redis wants one, the certificate that it has itself."""
    given = instance.certificate
    if not given:
        return {"tls": True, "validate_certs": False}
    own = {"client_cert_file": given["file"]} if instance.auth_clients == "yes" else {}
    return {"tls": True, "ca_certs": given["ca"], "server_name": given["name"], **own}


def endpoints(facts: Facts, instances: Sequence[Instance]) -> list[dict[str, Any]]:
    """The option ``endpoints`` of redis_ping for the proof of ``instances``.

    A password goes over the instance's own socket alone, to a process of its container. At an address anyone may
    listen: there the Redis behind the socket says whether it is itself.
    """
    asked = []
    for instance in instances:
        for way in ways(facts, instance):
            endpoint: dict[str, Any] = {"name": key_of(instance, way)}
            if way.socket:
                endpoint.update(socket=way.socket, container=container_of(facts, instance.name)["id"])
            else:
                endpoint.update(host=way.host, port=way.port)
            if way.tls:
                endpoint.update(asked_over_tls(instance))
            if instance.open and way.socket and way.expected == PONG:
                endpoint["neighbours"] = True
            if instance.credentials and not way.socket:
                endpoint["witness"] = f"{instance.name}: PONG over the unix socket"
            elif way.expected == PONG:
                endpoint.update(instance.credentials or {})
            asked.append(endpoint)
    return asked
