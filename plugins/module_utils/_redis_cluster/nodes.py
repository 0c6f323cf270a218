# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node says of its cluster: CLUSTER NODES, which each node answers from its own view.

Source: https://redis.io/docs/latest/commands/cluster-nodes/
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import with_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SLOTS = 16384

_PLACE = re.compile(r"(?P<address>.*):(?P<port>\d+)(?:@(?P<bus>\d+))?(?:,.*)?")
_MOVING = re.compile(r"\[(?P<slot>\d+)-(?P<way>[<>])-(?P<node>\w+)\]")


class Node(NamedTuple):
    id: str
    address: str
    """Empty where the node that was asked does not know it, as it may not know its own."""
    port: int
    bus: int
    flags: frozenset[str]
    master: str
    """The id of whom it follows; empty for a master."""
    epoch: int
    link: str
    slots: tuple[tuple[int, int], ...]
    """First and last of each range."""
    moving: tuple[tuple[int, str, str], ...] = ()
    """Of the node that was asked: a slot, ``<`` for one that comes or ``>`` for one that goes, and the other node."""

    @property
    def at(self) -> str:
        return with_port(self.address, self.port)

    @property
    def is_master(self) -> bool:
        return "master" in self.flags

    @property
    def has_failed(self) -> bool:
        """As the nodes have agreed; ``fail?`` is what the one that was asked thinks alone."""
        return bool(self.flags & {"fail", "noaddr"})

    @property
    def is_known(self) -> bool:
        """Whether it has answered: one that is being met has an id that it draws anew."""
        return "handshake" not in self.flags


class Memory(NamedTuple):
    """In bytes."""

    data: int
    """Of its keys alone."""
    used: int
    most: int
    """``maxmemory``; 0 for no limit."""
    free: int
    """Of its host."""


class View(NamedTuple):
    """What one node says."""

    nodes: tuple[Node, ...]
    keys: int
    """How many it has."""
    left: tuple[tuple[int, int], ...] = ()
    """Of each slot that goes from it to another node or comes, how many keys it has."""
    memory: Memory = Memory(0, 0, 0, 0)
    atomic: str = ""
    """The command that moves slots with all their keys at once: MIGRATESLOTS of Valkey, told to who has them, or
    MIGRATION of Redis, told to who gets them; empty where it has none."""

    @property
    def me(self) -> Node:
        return next(node for node in self.nodes if "myself" in node.flags)

    @property
    def others(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if "myself" not in node.flags)


def parse(text: str) -> tuple[Node, ...]:
    """The nodes of an answer. ValueError: a line is of another form."""
    return tuple(_node(line) for line in text.splitlines() if line.strip())


def _node(line: str) -> Node:
    words = line.split()
    place = _PLACE.fullmatch(words[1]) if len(words) >= 8 else None
    if place is None:
        raise ValueError(
            f"CLUSTER NODES: {line!r} has another form than id, address, flags, master, times, epoch, link"
        )
    ranges, moving = [], []
    for word in words[8:]:
        moves = _MOVING.fullmatch(word)
        if moves:
            moving.append((int(moves["slot"]), moves["way"], moves["node"]))
        else:
            first, _, last = word.partition("-")
            ranges.append((int(first), int(last or first)))
    flags = frozenset(words[2].split(","))
    return Node(
        words[0], place["address"].strip("[]"), int(place["port"]), int(place["bus"] or 0), flags - {"noflags"},
        "" if words[3] == "-" else words[3], int(words[6]), words[7], tuple(ranges), tuple(moving),
    )  # fmt: skip


def count(ranges: tuple[tuple[int, int], ...]) -> int:
    return sum(last - first + 1 for first, last in ranges)


def each_of(ranges: Iterable[tuple[int, int]]) -> list[int]:
    return [slot for first, last in ranges for slot in range(first, last + 1)]


def words_of(slots: Iterable[int]) -> tuple[str, ...]:
    """First and last of each range, as commands are given them."""
    return tuple(str(end) for pair in joined(sorted(slots)) for end in pair)


def slots_in(words: Sequence[str]) -> list[int]:
    """Of what :func:`words_of` gives."""
    ends = list(map(int, words))
    return each_of(zip(ends[::2], ends[1::2]))


def joined(slots: list[int]) -> tuple[tuple[int, int], ...]:
    """Slots in ascending order as ranges."""
    found: list[tuple[int, int]] = []
    for slot in slots:
        if found and found[-1][1] == slot - 1:
            found[-1] = (found[-1][0], slot)
        else:
            found.append((slot, slot))
    return tuple(found)
