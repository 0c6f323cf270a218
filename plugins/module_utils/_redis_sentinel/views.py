# SPDX-License-Identifier: GPL-3.0-or-later
"""What one Sentinel says of a set that it watches: its master, the replicas, and the other Sentinels.

Source: https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._redis.replication import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

_DOWN = frozenset(("s_down", "o_down", "disconnected"))


class Seen(NamedTuple):
    """A server that a Sentinel knows."""

    place: Place
    flags: frozenset[str]
    link: str = ""
    """Of a replica, to its master, ``ok`` where it is up."""
    run_id: str = ""
    """Which process it is, whatever its address."""

    @property
    def is_down(self) -> bool:
        return bool(self.flags & _DOWN)


class View(NamedTuple):
    master: Seen
    epoch: int
    """Of the failover that made it the master."""
    numbers: Mapping[str, int]
    """``quorum``, ``down_after``, ``failover_timeout``, ``parallel_syncs``."""
    asks_right: bool
    """It has the user and the password that it is to have."""
    quorum: str
    """What it says to CKQUORUM."""
    sentinels: tuple[Seen, ...]
    """The others."""
    replicas: tuple[Seen, ...]

    @property
    def is_failing_over(self) -> bool:
        return "failover_in_progress" in self.master.flags


NUMBERS = {
    "quorum": "quorum",
    "down_after": "down-after-milliseconds",
    "failover_timeout": "failover-timeout",
    "parallel_syncs": "parallel-syncs",
}
"""Each with its name in SENTINEL MASTERS and SENTINEL SET."""


def view_of(said: Json) -> View:
    """From what the module says."""
    master = said["master"]
    return View(
        _seen(master),
        _number(master.get("config-epoch")),
        {key: _number(master.get(name)) for key, name in NUMBERS.items()},
        bool(said["asks_right"]),
        str(said["quorum"]),
        tuple(map(_seen, said["sentinels"])),
        tuple(map(_seen, said["replicas"])),
    )


def _seen(row: Mapping[str, str]) -> Seen:
    flags = frozenset(row.get("flags", "").split(","))
    return Seen(
        Place(row.get("ip", ""), _number(row.get("port"))),
        flags,
        row.get("master-link-status", ""),
        row.get("runid", ""),
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
