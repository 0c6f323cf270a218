# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reader of a fleet's networks wants to know first: what is open, and what is wrong. Pure."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import is_loopback
from ansible_collections.netmode.docker.plugins.plugin_utils._topology import ports

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ansible_collections.netmode.docker.plugins.plugin_utils._topology import Alone, Host, Interface, Sharer


class Opening(NamedTuple):
    """A port of the host that leads to a container."""

    at: str
    """``*:7000``, ``127.0.0.1:6379``, ``[::1]:53/udp``."""
    to: str
    container: str
    near: bool
    """It is open to the host itself alone."""


class Finding(NamedTuple):
    what: str
    about: str
    """The container, or the :func:`bridge`, that it is about; empty for the host."""


def bridge(name: str) -> str:
    """No container has such a name."""
    return f"@{name}"


def openings(facts: Mapping[str, Any], host: Host) -> list[Opening]:
    """What is published, and what containers on the host's own network are said to listen at."""
    found: dict[tuple[str, str, str], bool] = {}
    for name, container in sorted((facts.get("containers") or {}).items()):
        for port in ports(container):
            found[f"{port.at}{port.protocol}", str(port.inner), name] = is_loopback(port.address)
    for one in host.on_host:
        found.update({(f"*:{port}", str(port), one.name): False for port in one.ports})
    return sorted(
        (Opening(*key, near) for key, near in found.items()),
        key=lambda one: (one.near, int(one.at.rpartition(":")[2].partition("/")[0]), one),
    )


def findings(host: Host) -> list[Finding]:
    return [*_of_sharers(host), *_of_veths(host), *_of_subnets(host), *_of_addresses(host)]


def _of_sharers(host: Host) -> Iterator[Finding]:
    def within(sharers: tuple[Sharer, ...]) -> Iterator[Sharer]:
        for one in sharers:
            yield one
            yield from within(one.sharers)

    plugged = [interface for one in host.bridges for interface in one.interfaces]
    owners: list[Interface | Alone] = [*plugged, *host.elsewhere, *host.on_host, *host.isolated]
    inside = [one for owner in owners for one in within(owner.sharers)]
    for one in [*inside, *host.orphans]:
        if one.lost:
            yield Finding(f"{one.name} is without a network: {one.lost}", one.name)
        elif one.stale:
            yield Finding(f"{one.name} is no longer in {one.donor}'s namespace; restart it", one.name)


def _of_veths(host: Host) -> Iterator[Finding]:
    for one in host.bridges:
        for name, is_veth in one.others:
            if is_veth:
                yield Finding(f"{name} on {one.name} is a veth of no container", bridge(one.name))
        for interface in one.interfaces:
            if "down" in interface.notes:
                yield Finding(f"{interface.container}'s {interface.name} is down", interface.container)
    for name in host.loose:
        yield Finding(f"{name} is a veth of no container and on no bridge", "")


def _of_subnets(host: Host) -> Iterator[Finding]:
    subnets = [(one.name, ipaddress.ip_interface(address).network) for one in host.bridges for address in one.addresses]
    for (one, mine), (other, theirs) in combinations(subnets, 2):
        if mine.version == theirs.version and mine.overlaps(theirs):
            yield Finding(f"{one} and {other} overlap: {mine} and {theirs}", bridge(one))


def _of_addresses(host: Host) -> Iterator[Finding]:
    for one in host.bridges:
        has: dict[str, list[str]] = defaultdict(list)
        for interface in one.interfaces:
            for address in interface.addresses:
                has[address.partition("/")[0]].append(interface.container)
        for address, names in has.items():
            if len(names) > 1:
                yield Finding(f"{address} on {one.name} is that of {' and '.join(names)}", names[0])
