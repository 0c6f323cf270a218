# SPDX-License-Identifier: GPL-3.0-or-later
"""``networks`` from the list to the result: look, and apply under the lock."""

from __future__ import annotations

from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone

from .apply import apply
from .look import look, planned, result, would
from .spec import (
    parse_list,
)


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The module's work from its parameters to its result. Raises NetmodeError."""
    if check_mode:
        return would(params)
    entries = parse_list(params["networks"])
    engine = Engine(params["docker_host"], params["timeout"])
    found = look(engine, entries)
    if found.steps:
        engine.require_sdk()
        who = "netmode.docker.networks: " + ", ".join(change.name for change in found.changes)
        with alone("containers", who, engine.docker_host):  # a network that is recreated takes its containers along
            found = planned(engine, entries)  # whoever had the lock may have changed it
            found.ids.update((step.change.name, apply(engine, step)) for step in found.steps)
    return result(found)
