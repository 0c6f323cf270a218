# SPDX-License-Identifier: GPL-3.0-or-later
"""``netmode-keeper status``: whether the keeper runs, what it keeps, how that is now, and what it did last."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._facts.build import compose
from ansible_collections.netmode.docker.plugins.module_utils._facts.observe import observe
from ansible_collections.netmode.docker.plugins.module_utils._interfaces import record
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.observe import observe as observe_interfaces
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.plan import plan
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.spaces import Spaces
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.spec import parse_list

from . import plan as keeper_plan
from .notes import DONORS, read_names, read_state

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._interfaces.state import Host

    Facts = dict[str, Any]
    Row = tuple[str, str, str]

RIGHT, IDLE = "right", "idle"
"""What is as it is to be; and what nothing is to be done for."""


def status(docker_host: str) -> tuple[list[str], bool]:
    """The lines to be printed, and whether all is as it is to be. Changes nothing."""
    state = read_state()
    running = _runs(state)
    ready = running and bool(state.get("engine")) and state.get("looked", False)
    lines = [_first_line(state, running=running)]
    rows: list[Row] = []
    try:
        engine = Engine(docker_host, 60)
        seen = observe(engine)
        containers = compose(seen)["containers"]
        waits = state.get("waits", {}) if running else {}
        rows = [*_record(), *_interfaces(engine, containers, seen), *_sharers(containers, state.get("ignore", []))]
        lines += ["", *_table([(name, how, _waiting(name, waits, what)) for name, how, what in rows])]
    except NetmodeError as error:
        lines += ["", str(error)]
        ready = False
    if state.get("acts"):
        lines += ["", "Its last acts:", *(f"  {_clock(at)}  {line}" for at, line in state["acts"])]
    return lines, ready and all(how in (RIGHT, IDLE) for _, how, _ in rows)


def _runs(state: Facts) -> bool:
    """Whether the process that wrote the state is there: a number alone may be another's by now."""
    if not {"pid", "since", "program"} <= state.keys():
        return False
    try:
        command = Path(f"/proc/{state['pid']}/cmdline").read_bytes()
    except OSError:
        return False
    return os.fsencode(state["program"]) in command.split(b"\0")


def _first_line(state: Facts, *, running: bool) -> str:
    if not running:
        return "The keeper does not run, so nothing is brought back. Start it: service netmode-keeper start."
    listens = f"listens to Docker Engine {state['engine']}" if state.get("engine") else "waits for the Docker Engine"
    if state.get("engine") and not state.get("looked"):
        listens += ", and has not yet looked at all there is"
    return f"The keeper runs since {_clock(state['since'])} (process {state['pid']}) and {listens}."


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _record() -> list[Row]:
    return [("record", "WRONG", why) for why in record.load().wrong]


def _interfaces(engine: Engine, containers: Facts, seen: Facts) -> list[Row]:
    recorded = record.read()
    named = sorted({entry["container"] for entry in recorded.values()})
    with Spaces() as spaces:
        host = observe_interfaces(engine, named, spaces, seen)
        return [(key, *_interface(item, containers, host)) for key, item in sorted(recorded.items())]


def _interface(item: Facts, containers: Facts, host: Host) -> tuple[str, str]:
    container = containers.get(item["container"])
    addresses = ", ".join(item.get("addresses", [])) or "no address"
    where = f"{addresses} on {item.get('bridge') or item.get('parent') or 'nothing'}"
    if container is None:
        return IDLE, f"there is no container {item['container']}"
    if container["status"] not in ("running", "paused"):
        return IDLE, f"the container is {container['status']}"
    if container["network_mode"] != "none":
        return IDLE, f"the container is in network mode {container['network_mode']} now"
    try:
        (change,) = plan(parse_list([{**item, "state": "present"}]), host)
    except NetmodeError as error:
        return "WRONG", str(error)
    return ("WRONG", "; ".join(change.reasons)) if change.reasons else (RIGHT, where)


def _sharers(containers: Facts, ignored: list[str]) -> list[Row]:
    rows = []
    for name, donor in sorted(keeper_plan.donor_names(containers, read_names(DONORS)).items()):
        one = containers[name]
        if name in ignored:
            how = (IDLE, "it is to be ignored")
        elif one["status"] != "running":
            how = (IDLE, f"it is {one['status']}")
        elif one["joins"] is None and donor not in containers:
            how = (IDLE, f"there is no container {donor} for it to join")
        elif one["joins"] is None:
            how = ("STALE", "it shares the dead namespace of a container that is gone")
        elif one["stale"]:
            how = ("STALE", f"it is in a namespace that {donor} has left")
        else:
            how = (RIGHT, "it shares the namespace that its donor has")
        rows.append((f"{name} > {donor}", *how))
    return rows


def _waiting(key: str, waits: Facts, what: str) -> str:
    until = waits.get(key.partition(":")[0].partition(" ")[0], 0)
    return f"{what} (next try at {_clock(until)})" if until > time.time() else what


def _table(rows: list[Row]) -> list[str]:
    if not rows:
        return ["It has nothing to keep: no interface is recorded, and no container shares another's network."]
    wide = max(len(name) for name, _, _ in rows)
    return [f"{name:<{wide}}  {how:<5}  {what}" for name, how, what in rows]
