# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes that are asked for, and the steps towards their cluster."""

from __future__ import annotations

from typing import NamedTuple


class Member(NamedTuple):
    """A node that is asked for, or one that is to leave."""

    name: str
    """``host/instance``."""
    host: str
    """Where it runs: a master and its replicas are on different ones."""
    address: str
    port: int
    bus: int
    leaves: bool = False
    """What it has goes to the others, which then forget it."""


class Step(NamedTuple):
    kind: str
    """epoch, meet, return, slots, close, import, migrate, own, give, send, lead, follow or forget."""
    member: str
    """Who is told."""
    words: tuple[str, ...]
    """The command after ``CLUSTER``; those in :mod:`commands` are of many slots or wait for what they bring, and stand
    for the commands that this takes."""
    told: str
    """For people."""


class Plan(NamedTuple):
    steps: list[Step]
    waits: list[str]
    """What is to come about by itself before anything else can be done."""
    problems: list[str]
    """What this is refused for; then there are no steps."""
    warnings: list[str]
    left: tuple[str, ...] = ()
    """Members that no other knows any more and that have no slot."""


class ClusterError(Exception):
    """The message says what is wrong, and what to do."""


def of_steps(steps: list[Step]) -> Plan | None:
    """None: nothing of that kind is left to do."""
    return Plan(steps, [], [], []) if steps else None
