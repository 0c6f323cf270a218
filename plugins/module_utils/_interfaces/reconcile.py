# SPDX-License-Identifier: GPL-3.0-or-later
"""``interfaces`` from the list to the result: look, apply, and record what the keeper is to bring back."""

from __future__ import annotations

from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone

from . import record
from .apply import apply
from .look import look, planned, would
from .spaces import Spaces


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The module's work from its parameters to its result. Raises NetmodeError."""
    if check_mode:
        return would(params)
    found = look(params, [])
    if not found.due:
        return found.result
    engine = Engine(params["docker_host"], params["timeout"])
    who = "netmode.docker.interfaces: " + ", ".join(sorted({entry.container for entry in found.entries}))
    with alone("interfaces", who, engine.docker_host), Spaces() as spaces:
        found = planned(params, [], engine, spaces)  # whoever had the lock may have changed it
        apply(found.changes, spaces)
        if found.wanted != found.recorded:
            record.write(found.wanted, aside=bool(found.wrong))
    return found.result
