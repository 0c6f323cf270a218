# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's facts in the order in which they are drawn: what is plugged in where, who shares whose namespace. Pure.

Each running container stands where its network is: behind a veth of a bridge, on the host's own network, isolated, or
within the one whose namespace it shares. A text and a page are drawn from the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Optional

if TYPE_CHECKING:
    from collections.abc import Mapping

Facts = dict[str, Any]
"""``docker_network`` of module network_facts."""

RUNNING = ("running", "paused", "restarting")
ANY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 (read, not bound to)
ONLY_LO, NO_INTERFACE = "only lo", "no interface"


class Sharer(NamedTuple):
    """A container in the network namespace of another."""

    name: str
    donor: str
    """Whose it is said to have; empty where that is gone."""
    ports: tuple[int, ...]
    stale: bool
    """It is in the namespace that its donor has left."""
    donor_runs: bool
    sharers: tuple[Sharer, ...]

    @property
    def lost(self) -> str:
        """Why nobody's namespace is its; empty where its donor runs."""
        if self.donor_runs:
            return ""
        return f"its donor {self.donor} does not run" if self.donor else "its donor is gone"


class Interface(NamedTuple):
    """One interface of a running container."""

    container: str
    name: str
    """``?`` where only the engine's word is known."""
    veth: str
    kind: str
    network: str
    bridge: str
    addresses: tuple[str, ...]
    mac: str
    published: str
    """Of the container's first interface: ``*:6400→6379``."""
    notes: tuple[str, ...]
    sharers: tuple[Sharer, ...]
    """Of the container's first interface."""


class Bridge(NamedTuple):
    name: str
    addresses: tuple[str, ...]
    network: str
    """Empty: it is not Docker's."""
    interfaces: tuple[Interface, ...]
    others: tuple[tuple[str, bool], ...]
    """What else is plugged in, and whether it is a veth of no container."""


class Alone(NamedTuple):
    """A container without an interface of its own."""

    name: str
    said: str
    """What it has instead."""
    ports: tuple[int, ...]
    sharers: tuple[Sharer, ...]


class Stopped(NamedTuple):
    name: str
    status: str
    mode: str


class Host(NamedTuple):
    engine: Optional[str]  # noqa: UP045 (evaluated at run time by Python 3.9)
    """Its version, empty where it does not say; None: the host has none."""
    bridges: tuple[Bridge, ...]
    """docker0 first."""
    elsewhere: tuple[Interface, ...]
    """That hang on no bridge: macvlan, ipvlan, dummy, overlay."""
    on_host: tuple[Alone, ...]
    isolated: tuple[Alone, ...]
    orphans: tuple[Sharer, ...]
    """Whose donor is gone or does not run."""
    stopped: tuple[Stopped, ...]
    loose: tuple[str, ...]
    """Veths that belong to no container and hang on no bridge."""


def drawn(facts: Mapping[str, Any], given: Mapping[str, Any]) -> Host:
    """``given``: the ports of containers in host mode and of sharers, which the engine knows nothing of."""
    return _Drawing(facts, given).host()


class Port(NamedTuple):
    """One that a container publishes."""

    inner: int
    at: str
    """``*:6400``, ``[::1]:6400``: an IPv4 and an IPv6 wildcard are one."""
    protocol: str
    """``/udp``; empty for TCP."""
    address: str
    """As the engine has it."""


def ports(container: Mapping[str, Any]) -> list[Port]:
    found = []
    for entry in container.get("published") or []:
        if entry.get("host_port"):
            address, protocol = str(entry.get("host_ip") or ""), entry.get("protocol") or "tcp"
            shown = "*" if address in ANY_ADDRESS else f"[{address}]" if ":" in address else address
            suffix = "" if protocol == "tcp" else f"/{protocol}"
            found.append(Port(int(entry["container_port"]), f"{shown}:{entry['host_port']}", suffix, address))
    return found


def published(container: Mapping[str, Any]) -> str:
    """``*:6400→6379``, the protocol is named when it is not TCP."""
    told = {(one.inner, f"{one.at}→{one.inner}{one.protocol}") for one in ports(container)}
    return ", ".join(text for _port, text in sorted(told))


def addresses(interface: Mapping[str, Any]) -> tuple[str, ...]:
    ipv6 = [address for address in interface.get("ipv6") or [] if not address.lower().startswith("fe80:")]
    return (*(interface.get("ipv4") or []), *ipv6)


class _Drawing:
    def __init__(self, facts: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        self.bridges: Mapping[str, Any] = facts.get("bridges") or {}
        self.containers: Mapping[str, Any] = facts.get("containers") or {}
        self.unclaimed = sorted(facts.get("unclaimed") or [])
        engine = facts.get("engine", {})
        self.engine = None if engine is None else str(engine.get("version") or "")
        self.given = given
        self.running = [name for name in sorted(self.containers) if self.containers[name].get("status") in RUNNING]
        self.interfaces = list(self._interfaces())

    def host(self) -> Host:
        on_bridges = {port for bridge in self.bridges.values() for port in bridge.get("ports") or []}
        order = sorted(self.bridges, key=lambda name: (name != "docker0", name))
        return Host(
            self.engine,
            tuple(self._bridge(name) for name in order),
            tuple(one for one in self.interfaces if not one.bridge),
            self._alone("", "host"),
            self._alone(ONLY_LO, "none") + self._alone(NO_INTERFACE, "bridge", "other"),
            self._orphans(),
            tuple(
                Stopped(name, str(container.get("status")), str(container.get("mode")))
                for name, container in sorted(self.containers.items())
                if name not in self.running
            ),
            tuple(name for name in self.unclaimed if name not in on_bridges),
        )

    def _ports(self, name: str) -> tuple[int, ...]:
        given = self.given.get(name) or []
        return tuple(given if isinstance(given, (list, tuple)) else [given])

    def _sharers(self, donor: str, seen: tuple[str, ...] = ()) -> tuple[Sharer, ...]:
        """Those in the namespace of ``donor``, and those in theirs. ``seen`` ends a circle that facts could hold."""
        return tuple(
            self._sharer(name, donor, (*seen, donor, name), donor_runs=True)
            for name in self.running
            if self.containers[name].get("joins") == donor and name not in seen
        )

    def _sharer(self, name: str, donor: str, seen: tuple[str, ...], *, donor_runs: bool) -> Sharer:
        stale = bool(self.containers[name].get("stale"))
        return Sharer(name, donor, self._ports(name), stale, donor_runs, self._sharers(name, seen))

    def _interfaces(self) -> Any:
        for name in self.running:
            container = self.containers[name]
            if container.get("stale"):
                continue  # what is left of its old namespace is nobody's network
            found = sorted(container.get("interfaces") or [], key=lambda item: str(item["name"]))
            for number, interface in enumerate(found):
                yield self._interface(name, interface, first=number == 0)

    def _interface(self, name: str, interface: Mapping[str, Any], *, first: bool) -> Interface:
        container, notes = self.containers[name], []
        if interface.get("managed_by") == "netmode":
            notes.append("set by netmode")
        if container.get("status") != "running":
            notes.append(str(container.get("status")))
        if interface.get("operstate") == "DOWN":
            notes.append("down")
        bridge = str(interface.get("bridge") or "")
        return Interface(
            name,
            str(interface["name"] or "?"),
            str(interface.get("veth") or "?"),
            str(interface.get("kind") or ""),
            str(interface.get("network") or ""),
            bridge if bridge in self.bridges else "",
            addresses(interface),
            str(interface.get("mac") or ""),
            published(container) if first else "",
            tuple(notes),
            self._sharers(name) if first else (),
        )

    def _bridge(self, name: str) -> Bridge:
        bridge = self.bridges[name]
        plugged = tuple(one for one in self.interfaces if one.bridge == name)
        rest = sorted(set(bridge.get("ports") or []) - {one.veth for one in plugged})
        others = tuple((port, port in self.unclaimed) for port in rest)
        return Bridge(name, addresses(bridge), str(bridge.get("network") or ""), plugged, others)

    def _in_mode(self, *modes: str) -> list[str]:
        """Running containers of these modes with no interface of their own to draw."""
        has = {one.container for one in self.interfaces}
        return [name for name in self.running if self.containers[name].get("mode") in modes and name not in has]

    def _alone(self, said: str, *modes: str) -> tuple[Alone, ...]:
        return tuple(Alone(name, said, self._ports(name), self._sharers(name)) for name in self._in_mode(*modes))

    def _orphans(self) -> tuple[Sharer, ...]:
        found = []
        for name in self._in_mode("container"):
            donor = str(self.containers[name].get("joins") or "")
            if donor not in self.running:
                found.append(self._sharer(name, donor, (), donor_runs=False))
        return tuple(found)
