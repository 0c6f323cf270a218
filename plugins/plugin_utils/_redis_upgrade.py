# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which the hosts of a fleet are upgraded, by what their running servers say. Pure.

Replicas first: a newer one reads what an older master sends, and an older one not what a newer master does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RANKS = ("replicas", "mixed", "masters")
"""In the order in which they are upgraded; mixed: a host with both."""
SENTINEL = "sentinel"
"""Which is neither, and is upgraded with what else is on its host."""
NO_SOCKET = "no socket"
"""The error of an instance that is not there, or is stopped."""


class Order(NamedTuple):
    ranks: dict[str, str]
    """Host → one of RANKS; '' for one that has no Redis that runs."""
    lines: list[str]
    problems: list[str]


def order(answers: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Order:
    """``answers``: {host: {instance: what redis_ping says of its socket}}."""
    ranks: dict[str, str] = {}
    problems: list[str] = []
    roles: dict[str, dict[str, str]] = {}
    for host, told in answers.items():
        runs = {name: one for name, one in told.items() if one.get("error") != NO_SOCKET}
        roles[host] = {name: _role(one) for name, one in runs.items()}
        silent = [name for name, role in roles[host].items() if not role]
        problems += [f"{host}: {name} {_why(told[name])}" for name in silent]
        ranks[host] = _rank(list(roles[host].values())) if runs else ""
    ordered = [host for rank in RANKS for host in ranks if ranks[host] == rank]
    lines = [f"{host}: {', '.join(f'{name} ({role})' for name, role in roles[host].items())}" for host in ordered]
    left = [host for host, rank in ranks.items() if not rank]
    lines += [f"{host}: has no Redis that runs, and is left as it is (site.yml deploys one)" for host in left]
    return Order(ranks, lines, problems)


def _role(answer: Mapping[str, Any]) -> str:
    server = answer.get("server") or {}
    if SENTINEL in (server.get("redis_mode"), server.get("server_mode")):
        return SENTINEL
    return str((answer.get("replication") or {}).get("role", ""))


def _rank(roles: Sequence[str]) -> str:
    replicas = [role == "replica" for role in roles if role != SENTINEL]
    return RANKS[0] if all(replicas) else RANKS[1] if any(replicas) else RANKS[2]


def _why(answer: Mapping[str, Any]) -> str:
    return f"does not say whether it is a master ({answer.get('answer') or answer.get('error') or 'no answer'})"
