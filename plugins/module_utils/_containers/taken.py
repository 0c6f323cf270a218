# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports that a plan's containers would find taken, as the kernel tells: by other containers and processes."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._kernel.sockets import Listener, holder, listeners

from .ports import listening, on_one_port, option_of, published, spot
from .state import STARTING

if TYPE_CHECKING:
    from .ports import Place
    from .spec import Wanted
    from .state import Host, Plan

_ENDING = ("stop", "remove", "recreate")
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
            if any(on_one_port(place, item) for item in there):
                return f"the container {host.name(key)} publishes it"
        for item in self.table:
            here = (item.at, str(item.port), item.protocol)
            if on_one_port(place, here) and not self._engines(here):
                pid, command, groups = holder(item.inode)
                container = next((key for key in groups if key in host.modes), "")
                if container not in self.gone:
                    who = f"the process {command} (pid {pid})" if pid else "another process"
                    who += ", left by an engine that was killed," if command == _PROXY else ""
                    who = f"the container {host.name(container)}" if container else who
                    return f"{who} listens on {spot(here).partition('/')[0]}"
        return ""

    def _engines(self, here: Place) -> bool:
        """Whether the engine listens there for a container that is ended; for IPv6 where the kernel does not tell."""
        return here in self.left or (not here[0] and ("::", *here[1:]) in self.left)


def refuse_taken(host: Host, wanted: list[Wanted], plan: Plan) -> None:
    """Raise NetmodeError when a container that the plan starts would find its port taken, naming who holds it."""
    starts: dict[str, int] = {}
    ends: dict[str, int] = {}
    for at, step in enumerate(plan.steps):
        if step.action in STARTING:
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
            _refuse(host, one, space, listening(one))


def _refuse_on_host(host: Host, one: Wanted, gone: set[str], tables: dict[int, list[Listener]]) -> None:
    places = published(host, one)
    for ip in sorted({place[0] for place in places}):
        _refuse_foreign_address(one, ip)
    places += listening(one) if one.network_mode == "host" else []
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
                f"{one.where}: {option_of(one)}: {what}: {who}. Stop it, or give one of them another port or address; "
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
