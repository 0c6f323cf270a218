# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports: what an entry holds of its host or its namespace, and who else has that, as the engine's list tells.

A place is (address, port, protocol); an empty address is every one of both families.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._engine.names import publishes_at
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import bound, overlap

from .order import at_the_end

if TYPE_CHECKING:
    from .spec import Wanted
    from .state import Host

Place = tuple[str, str, str]

_EVERY_IPV4 = "0.0.0.0"  # noqa: S104 (compared, not bound)


def host_ports(host: Host, one: Wanted) -> list[Place]:
    """What of the host the entry holds once it runs. A range, of which the engine takes any, is not a certain place."""
    return listening(one) if one.network_mode == "host" else [place for place in published(host, one) if _sure(place)]


def published(host: Host, one: Wanted) -> list[Place]:
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


def listening(one: Wanted) -> list[Place]:
    """Where the process listens: what ``expose`` says, at the addresses that Redis is told on its command line."""
    told = _bound(one)
    return [(address, port, protocol) for ip, port, protocol in one.listens for address in ([ip] if ip else told)]


def _bound(one: Wanted) -> list[str]:
    words = [*(one.options.get("entrypoint") or []), *(one.options.get("command") or [])]
    if "--bind" not in words:
        return [""]
    given = itertools.takewhile(lambda word: not word.startswith("--"), words[words.index("--bind") + 1 :])
    return bound([item for word in given for item in word.split()])


def option_of(one: Wanted) -> str:
    return "ports" if one.options.get("ports") else "expose"


def spot(place: Place) -> str:
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
            held += [(space, *place) for place in listening(one)]
        for space, ip, port, protocol in held:
            there = holders.setdefault((space, port, protocol), [])
            for other_ip, other in there:
                if overlap(ip, other_ip) and (other is one or other.state == one.state == "started"):
                    _refuse_pair(one, other, (ip, port, protocol), other_ip, space)
            there.append((ip, one))


def _refuse_pair(one: Wanted, other: Wanted, place: Place, other_ip: str, space: str) -> None:
    if other is one:
        raise NetmodeError(
            f"{one.where}: {option_of(one)}: {spot(place)} and {spot((other_ip, *place[1:]))} are one port of {space}, "
            "which leads to one port of the container. Leave one of them out, or give it another port or address."
        )
    raise NetmodeError(
        f"{one.where}: {option_of(one)}: port {place[1]}/{place[2]} of {space} is also asked for by "
        f"{other.where}. Give one of them another port or another host address."
        + (
            ""
            if option_of(one) == "ports"
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
        if any(on_one_port(port, other) for port in host_ports(host, one) for other in there)
    }


def on_one_port(one: Place, other: tuple[str, ...]) -> bool:
    return one[1:] == other[1:] and overlap(one[0], other[0])
