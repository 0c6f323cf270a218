# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server reads which dump, by the nine bytes that a dump begins with and the version of the server's binary.

``rdbLoadRioWithLoadingCtx`` of both: Redis takes the magic ``REDIS`` and up to its own number. Valkey takes the numbers
from before the two parted (11 and less) and its own magic ``VALKEY``; the numbers 12 to 79, which are Redis', only with
``rdb-version-check relaxed``, which there is from 9.0 on. What a dump holds beside that only a start on it tells.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAGIC = 9
"""Bytes."""
_HEAD = re.compile(rb"(REDIS)(\d{4})|(VALKEY)(\d{3})")
_VERSION = re.compile(r"(Redis|Valkey) server v=(\d+)\.(\d+)(\S*)")

_SHARED = 11
"""The number of Redis 7.2 and of Valkey up to 8.1."""
_REDIS = (((7, 0), 9), ((7, 2), 10), ((7, 4), 11), ((8, 6), 12), ((8, 8), 13), ((8, 10), 14), ((8, 11), 15))
"""(before which version, the newest number that it reads). What is newer than the last reads at least that."""
_VALKEY = (((9, 2), 80), ((9, 3), 81))
_WRITERS = {
    9: "Redis 5.0 to 6.2", 10: "Redis 7.0", 11: "Redis 7.2 or Valkey up to 8.1", 12: "Redis 7.4 to 8.4",
    13: "Redis 8.6", 14: "Redis 8.8", 15: "Redis 8.10",
}  # fmt: skip


class Server(NamedTuple):
    """``name``: redis or valkey, as ``server_name`` of INFO says; Redis says none."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name.title()} {self.version}"

    @property
    def line(self) -> tuple[int, int]:
        """Its version up to the second number."""
        major, minor, *_ = [*map(int, re.findall(r"\d+", self.version)), 0, 0]
        return major, minor


def server_in(info: dict[str, str]) -> Server | None:
    """From INFO server. Redis says no ``server_name``, and Valkey a ``redis_version`` as well."""
    name = info.get("server_name", "redis")
    version = info.get("valkey_version") or info.get("redis_version")
    return Server(name, version) if version and name in ("redis", "valkey") else None


def server_said(text: str) -> Server | None:
    """From its name and version as one text."""
    name, _, version = text.partition(" ")
    return Server(name, version) if version else None


def server_of(said: str) -> Server | None:
    """From what a binary says to ``--version``: ``Redis server v=7.0.15 sha=…``."""
    found = _VERSION.search(said)
    return Server(found[1].lower(), f"{found[2]}.{found[3]}{found[4]}") if found else None


def written_by(server: Server) -> str:
    """The header of the dumps that it writes: the newest that it reads. '' for one that is newer than all known."""
    number = _newest(_VALKEY if server.name == "valkey" and server.line >= (9, 0) else _REDIS, server.line)
    if server.name == "valkey" and server.line < (9, 0):
        number = _SHARED
    if number is None:
        return ""
    return f"VALKEY{number:03d}" if server.name == "valkey" and server.line >= (9, 0) else f"REDIS{number:04d}"


def header_of(head: bytes) -> str:
    """``REDIS0010`` or ``VALKEY080``, or '' where it is not the beginning of a dump."""
    return head[:MAGIC].decode() if _HEAD.fullmatch(head[:MAGIC]) else ""


def why_unreadable(header: str, server: Server, *, relaxed: bool = False) -> str:
    """Why a server certainly does not read a dump, or '' where it may. ``relaxed``: its rdb-version-check."""
    found = _HEAD.fullmatch(header.encode())
    if found is None:
        return "it is not a dump of Redis or Valkey"
    magic, number = (found[1] or found[3]).decode(), int(found[2] or found[4])
    reads = _newest(_VALKEY if magic == "VALKEY" else _REDIS, server.line)
    if server.name == "valkey":
        parted = server.line >= (9, 0)
        fits = number <= _SHARED or (parted and relaxed and number < 80) if magic == "REDIS" else (
            parted and (relaxed or reads is None or number <= reads)
        )  # fmt: skip
    else:
        fits = magic == "REDIS" and (reads is None or number <= reads)
    if fits:
        return ""
    writer = _WRITERS.get(number, "a newer Redis") if magic == "REDIS" else "Valkey 9.0" if number == 80 else "Valkey 9"
    way = ""
    if server.name == "valkey" and magic == "REDIS" and server.line >= (9, 0):
        way = "; with settings rdb-version-check: relaxed it reads what holds no type of Redis' own"
    return f"its format {header} is that of {writer}, which {server} does not read{way}"


def _newest(table: tuple[tuple[tuple[int, int], int], ...], line: tuple[int, int]) -> int | None:
    """The newest number that a version reads; None for one that is newer than all that are known."""
    return next((number for before, number in table if line < before), None)
