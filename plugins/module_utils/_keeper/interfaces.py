# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared interfaces, made again in containers that have a new network namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._interfaces import record
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.apply import apply
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.observe import observe as observe_interfaces
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.plan import plan
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.spaces import Spaces
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.spec import parse_list

from .journal import milliseconds

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.direct import LeanEngine
    from ansible_collections.netmode.docker.plugins.module_utils._interfaces.state import Host

    from .journal import Journal
    from .plan import Look

    Facts = dict[str, Any]


def keep_interfaces(engine: LeanEngine, seen: Facts, look: Look, journal: Journal) -> None:
    """``seen``: the engine and the kernel, as the look saw them."""
    recorded, wrong = record.load()
    journal.say_trouble("record", " ".join(wrong), " ".join(wrong))
    due = _due(recorded, look, journal)
    if not due:
        return
    with Spaces() as spaces:
        host = observe_interfaces(engine, due, spaces, seen)
        for name in due:
            wrong_ones = _keep(record.items(recorded, name), host, spaces, journal, look.begun)
            journal.settle(name, wrong_ones, look.begun)


def _due(recorded: Facts, look: Look, journal: Journal) -> list[str]:
    """The containers that this look is about, that run and can have interfaces."""
    declared = {entry["container"] for entry in recorded.values()} & look.containers.keys() - journal.pace.until.keys()
    due = sorted(name for name in declared if look.concerns(name))
    due = [name for name in due if look.containers[name]["status"] in ("running", "paused")]
    return [name for name in due if _takes_interfaces(name, look.containers[name], journal)]


def _takes_interfaces(name: str, container: Facts, journal: Journal) -> bool:
    mode = container["network_mode"]
    wrong = "" if mode == "none" else f"its declared interfaces have no place in network mode {mode}"
    journal.say_trouble(f"{name}: network mode", wrong, f"{name}: {wrong}")
    return not wrong


def _keep(items: list[Facts], host: Host, spaces: Spaces, journal: Journal, begun: float) -> list[str]:
    """Why one container's interfaces could not be made. What cannot be must not keep the others from being made."""
    why = _make(items, host, spaces, journal, begun)
    if why and len(items) > 1:
        return [why for item in items if (why := _make([item], host, spaces, journal, begun))]
    return [why] if why else []


def _make(items: list[Facts], host: Host, spaces: Spaces, journal: Journal, begun: float) -> str:
    """Why they could not be made, or empty."""
    try:
        changes = plan(parse_list(items), host)
        apply(changes, spaces)
    except NetmodeError as error:
        return str(error)
    for change in changes:
        if change.commands:
            what, why = ", ".join(change.actions), "; ".join(change.reasons)
            took = milliseconds(begun)
            journal.say(f"{change.entry.container}:{change.entry.name}: {what}: {why} ({took} ms)")
    return ""
