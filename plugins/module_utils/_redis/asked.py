# SPDX-License-Identifier: GPL-3.0-or-later
"""What was asked for compared with what was observed: published ports, listeners, the address of a bridge."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import with_port
from ansible_collections.netmode.docker.plugins.module_utils._networks.compare import default_gateway
from ansible_collections.netmode.docker.plugins.module_utils._networks.spec import Pool

from .exposure import Published, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 (read, not bound to)


class Compared(NamedTuple):
    expected: str
    observed: str
    ok: bool


class Claim(NamedTuple):
    """One line of the proof of a Redis."""

    claim: str
    expected: str
    observed: str
    ok: bool
    way_out: str
    """What to do where it does not hold."""


def same(claim: str, expected: str, observed: str, way_out: str) -> Claim:
    """A claim that holds where what is observed is what is expected."""
    return Claim(claim, expected, observed, expected == observed, way_out)


def again(what: str) -> str:
    """The way out where the role does it."""
    return f"Run the role again, which {what}."


def again_or_restart(name: str) -> str:
    """Where a start of the container takes it away, and the role may find nothing to do."""
    return f"Run the role again; where that changes nothing, restart it (docker restart {name})."


def engines_address(configured: Mapping[str, Any]) -> str | None:
    """The address that the engine gives to a bridge: its gateway, told or chosen. None for a network without IPv4."""
    if not configured.get("subnet"):
        return None
    subnet, told = ipaddress.ip_network(configured["subnet"], strict=False), configured.get("ip_range")
    pool = Pool(subnet, ipaddress.ip_network(told, strict=False) if told else None, None, {})
    return f"{configured.get('gateway') or default_gateway(pool)}/{subnet.prefixlen}"


def published_as_asked(
    asked: Sequence[Published], observed: Iterable[Mapping[str, Any]], host_ips: Iterable[str | None]
) -> Compared:
    """The TCP ports of a container, those that name an address and one port first: they are the hardest to please.

    ``host_ips``: where its networks publish what names no address (``host_binding_ipv4``, the daemon's ``ip``).
    """
    given = {address for address in host_ips if address not in (None, *_EVERYWHERE)}
    wherever = given or set(_EVERYWHERE)
    left = [
        (str(port.get("host_ip") or ""), int(port["host_port"]), int(port["container_port"]))
        for port in observed
        if port.get("protocol") == "tcp"
    ]
    shown, missing = _merged(left), False
    for item in sorted(asked, key=lambda one: (not one.ip, len(one.host) or 1 << 16)):
        mine = [port for port in left if _fits(item, port, wherever)]
        mine = mine if not item.ip else [port for port in mine if port[1] == mine[0][1]]
        missing = missing or not mine
        left = [port for port in left if port not in mine]
    return Compared(", ".join(map(_asked, asked)) or "none", shown, not missing and not left)


def _fits(item: Published, port: tuple[str, int, int], wherever: set[str]) -> bool:
    address = {port[0]} & ({item.ip} if item.ip else wherever)
    return bool(address) and item.inner == port[2] and (not item.host or port[1] in item.host)


def _asked(item: Published) -> str:
    host = str(item.host.start) if item.host else "any"
    return f"{_shown(item.ip)}{host if len(item.host) < 2 else f'{host}-{item.host.stop - 1}'}->{item.inner}"


def _merged(ports: Sequence[tuple[str, int, int]]) -> str:
    return ", ".join(dict.fromkeys(f"{_shown(ip)}{host}->{inner}" for ip, host, inner in ports)) or "none"


def _shown(ip: str) -> str:
    return "" if ip in _EVERYWHERE else f"[{ip}]:" if ":" in ip else f"{ip}:"


def listens_as_asked(asked: Iterable[tuple[str, int]], observed: Sequence[str]) -> Compared:
    """``asked``: what Redis is told to bind to; one that begins with ``-`` may be missing, where the host lacks it."""
    must: list[str] = []
    may: list[str] = []
    for address, port in asked:
        bare = plain(address)
        (may if address.startswith("-") else must).append(with_port(bare, port))
    expected = [*must, *(text for text in may if text in observed)]
    ok = set(observed) == set(expected)
    return Compared(", ".join(observed if ok else expected) or "nothing", ", ".join(observed) or "nothing", ok)
