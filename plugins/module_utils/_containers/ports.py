# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports: whether what a plan will listen on is free, by the engine's list and the kernel's, before anything is stopped.

A place is (address, port, protocol); an empty address is every one of both families. Who holds a port is looked up only
once one is taken.
"""

from __future__ import annotations

import errno
import itertools
import socket
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._engine.names import publishes_at
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._kernel.sockets import (
    Listener,
    bound,
    holder,
    listeners,
    overlap,
)

from .order import at_the_end

if TYPE_CHECKING:
    from .spec import Wanted
    from .state import Host, Plan

Place = tuple[str, str, str]

_STARTING = ("create", "recreate", "start", "restart")
_ENDING = ("stop", "remove", "recreate")
_EVERY_IPV4 = "0.0.0.0"  # noqa: S104 (compared, not bound)


def host_ports(host: Host, one: Wanted) -> list[Place]:
    """What of the host the entry holds once it runs. A range, of which the engine takes any, is not a certain place."""
    return _listening(one) if one.network_mode == "host" else [place for place in _published(host, one) if _sure(place)]


def _published(host: Host, one: Wanted) -> list[Place]:
    unnamed = _unnamed(host, one)
    return [
        (binding["HostIp"] or unnamed, binding["HostPort"], target.partition("/")[2])
        for target, bindings in (one.options.get("ports") or {}).items()
        for binding in bindings
        if binding["HostPort"]
    ]


def _unnamed(host: Host, one: Wanted) -> str:
    """Where what names no address is published: where its networks say, on every address where they do not say one."""
    said = {publishes_at(host.networks.get(name) or {}) or _EVERY_IPV4 for name in one.endpoints}
    if len(said) == 1 and said != {_EVERY_IPV4}:
        return said.pop()
    return "" if host.takes_ipv6 else _EVERY_IPV4


def _sure(place: Place) -> bool:
    return "-" not in place[1]


def _listening(one: Wanted) -> list[Place]:
    """Where the process listens: what ``expose`` says, at the addresses that Redis is told on its command line."""
    told = _bound(one)
    return [(address, port, protocol) for ip, port, protocol in one.listens for address in ([ip] if ip else told)]


def _bound(one: Wanted) -> list[str]:
    words = [*(one.options.get("entrypoint") or []), *(one.options.get("command") or [])]
    if "--bind" not in words:
        return [""]
    given = itertools.takewhile(lambda word: not word.startswith("--"), words[words.index("--bind") + 1 :])
    return bound([item for word in given for item in word.split()])


def _option(one: Wanted) -> str:
    return "ports" if one.options.get("ports") else "expose"


def _spot(place: Place) -> str:
    """``6379/tcp``, ``127.0.0.1:6379/tcp``, ``[::1]:6379/tcp``."""
    ip = f"[{place[0]}]" if ":" in place[0] else place[0]
    return f"{ip}:{place[1]}/{place[2]}" if ip else f"{place[1]}/{place[2]}"


def refuse_shared(host: Host, wanted: list[Wanted]) -> None:
    """Raise NetmodeError for a port of the host, or of a donor's namespace, that is asked for twice."""
    holders: dict[tuple[str, str, str], list[tuple[str, Wanted]]] = {}
    for one in wanted:
        if one.state == "absent":
            continue
        held = [("the host", *place) for place in host_ports(host, one)]
        if one.network_mode != "host":
            space = f"the namespace of {at_the_end(host, wanted, one)}"
            held += [(space, *place) for place in _listening(one)]
        for space, ip, port, protocol in held:
            there = holders.setdefault((space, port, protocol), [])
            for other_ip, other in there:
                if overlap(ip, other_ip) and (other is one or other.state == one.state == "started"):
                    _refuse_pair(one, other, (ip, port, protocol), other_ip, space)
            there.append((ip, one))


def _refuse_pair(one: Wanted, other: Wanted, place: Place, other_ip: str, space: str) -> None:
    if other is one:
        raise NetmodeError(
            f"{one.where}: {_option(one)}: {_spot(place)} and {_spot((other_ip, *place[1:]))} are one port of {space}, "
            "which leads to one port of the container. Leave one of them out, or give it another port or address."
        )
    raise NetmodeError(
        f"{one.where}: {_option(one)}: port {place[1]}/{place[2]} of {space} is also asked for by "
        f"{other.where}. Give one of them another port or another host address."
        + (
            ""
            if _option(one) == "ports"
            else " Where they listen on different addresses, expose says so: ADDRESS:PORT."
        )
    )


def held(host: Host, one: Wanted) -> set[str]:
    """Ids of the containers that hold a port of the host that the entry is to have, as far as the engine knows."""
    listening = {
        key: [("", *exposed.split("/", 1)) for exposed in inspect["Config"].get("ExposedPorts") or {}]
        for key, inspect in host.inspected.items()
        if host.modes[key] == "host" and host.states[key] == "running"
    }
    return {
        key
        for ports in (host.published, listening)
        for key, there in ports.items()
        if any(_on_one_port(port, other) for port in host_ports(host, one) for other in there)
    }


def _on_one_port(one: Place, other: tuple[str, ...]) -> bool:
    return one[1:] == other[1:] and overlap(one[0], other[0])


_PROXY = "docker-proxy"
"""What the engine listens by for a port that it publishes."""


class _Space(NamedTuple):
    """A network namespace at the moment that a container starts in it."""

    what: str
    """Of what a message says that a port is taken."""
    table: list[Listener]
    published: dict[str, list[Place]]
    """Container id → what it publishes there, for those that are there by then."""
    gone: set[str]
    """Ids of the containers that are ended by then."""
    left: list[Place]
    """What those have published: their listeners are the engine's own."""

    def taken(self, host: Host, place: Place) -> str:
        """Who holds a place, or empty where it is free."""
        for key, there in self.published.items():
            if any(_on_one_port(place, item) for item in there):
                return f"the container {host.name(key)} publishes it"
        for item in self.table:
            here = (item.at, str(item.port), item.protocol)
            if _on_one_port(place, here) and not self._engines(here):
                pid, command, groups = holder(item.inode)
                container = next((key for key in groups if key in host.modes), "")
                if container not in self.gone:
                    who = f"the process {command} (pid {pid})" if pid else "another process"
                    who += ", left by an engine that was killed," if command == _PROXY else ""
                    who = f"the container {host.name(container)}" if container else who
                    return f"{who} listens on {_spot(here).partition('/')[0]}"
        return ""

    def _engines(self, here: Place) -> bool:
        """Whether the engine listens there for a container that is ended; for IPv6 where the kernel does not tell."""
        return here in self.left or (not here[0] and ("::", *here[1:]) in self.left)


def refuse_taken(host: Host, wanted: list[Wanted], plan: Plan) -> None:
    """Raise NetmodeError when a container that the plan starts would find its port taken, naming who holds it."""
    starts: dict[str, int] = {}
    ends: dict[str, int] = {}
    for at, step in enumerate(plan.steps):
        if step.action in _STARTING:
            starts.setdefault(step.name, at)
        if step.action in _ENDING:
            ends.setdefault(step.container, at)
    tables: dict[int, list[Listener]] = {}
    for one in wanted:
        if one.state != "started" or one.name not in starts:
            continue
        gone = {key for key, at in ends.items() if at < starts[one.name]}
        gone |= {step.container for step in plan.steps if step.name == one.name and step.container}
        _refuse_on_host(host, one, gone, tables)
        donor = host.find(one.donor) if one.donor else None
        pid = host.inspected[donor]["State"]["Pid"] if donor in host.inspected else 0
        if pid and donor not in ends:
            table = tables[pid] = tables.get(pid) or listeners(pid)
            space = _Space(f"the namespace of the donor {host.name(donor or '')}", table, {}, gone, [])
            _refuse(host, one, space, _listening(one))


def _refuse_on_host(host: Host, one: Wanted, gone: set[str], tables: dict[int, list[Listener]]) -> None:
    places = _published(host, one)
    for ip in sorted({place[0] for place in places}):
        _refuse_foreign_address(one, ip)
    places += _listening(one) if one.network_mode == "host" else []
    if places:
        there = {key: ports for key, ports in host.published.items() if key not in gone}
        left = [port for key, ports in host.published.items() if key in gone for port in ports]
        table = tables[0] = tables.get(0) or listeners()
        _refuse(host, one, _Space("the host", table, there, gone, left), places)


def _refuse(host: Host, one: Wanted, space: _Space, places: list[Place]) -> None:
    for ip, ports, protocol in places:
        first, _, last = ports.partition("-")
        for port in range(int(first), int(last or first) + 1):
            who = space.taken(host, (ip, str(port), protocol))
            if not who:
                break
        else:
            what = f"port {ports}/{protocol} of {space.what} is taken"
            raise NetmodeError(
                f"{one.where}: {_option(one)}: {what}: {who}. Stop it, or give one of them another port or address; "
                "to exchange ports takes a run that moves one of them to a free port first."
            )


def _refuse_foreign_address(one: Wanted, ip: str) -> None:
    """The engine publishes on addresses that the host has; a bind asks the kernel, which knows of ip_nonlocal_bind."""
    if not ip:
        return
    with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((ip, 0))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise NetmodeError(
                    f"{one.where}: ports: this host has no address {ip}. Publish on one that it has, or on all of them "
                    "by leaving the address out."
                ) from None
