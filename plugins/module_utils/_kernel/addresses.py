# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that something listens at: what they stand for, and which two exclude each other on one port."""

from __future__ import annotations

import ipaddress
import socket

_EVERYWHERE = {"*": "0.0.0.0", "::*": "::"}  # noqa: S104 (compared, not bound)
"""What Redis understands beside addresses."""


def overlap(one: str, other: str) -> bool:
    """Whether two addresses exclude each other on one port, as bind(2) has it; empty is every one of both families."""
    return any(
        mine[0] == theirs[0] and (mine[1] == theirs[1] or "" in (mine[1], theirs[1]))
        for mine in _ends(one)
        for theirs in _ends(other)
    )


def _ends(address: str) -> list[tuple[int, str]]:
    """(family, address or empty for all of it) that a socket at this address takes."""
    if not address:
        return [(4, ""), (6, "")]
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    parsed = mapped or parsed
    return [(parsed.version, "" if parsed.is_unspecified else str(parsed))]


def bound(words: list[str]) -> list[str]:
    """The addresses of Redis' ``bind 127.0.0.1 -::1``, where a minus allows one to be missing; [''] if not known."""
    found = [_EVERYWHERE.get(word, word) for word in (str(word).removeprefix("-") for word in words)]
    return found if found and all(map(is_address, found)) else [""]


def with_port(address: str, port: int | str) -> str:
    """``10.0.0.1:6379``, ``[::1]:6379``."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_loopback(text: str) -> bool:
    """Of an address as the kernel, the engine or Redis' ``bind`` writes it."""
    try:
        return ipaddress.ip_address(text.lstrip("-")).is_loopback
    except ValueError:
        return False


def takes_ipv6() -> bool:
    """Whether this host has IPv6; the engine publishes on all addresses of both families only then (moby's check)."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
