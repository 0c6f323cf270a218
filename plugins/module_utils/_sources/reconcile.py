# SPDX-License-Identifier: GPL-3.0-or-later
"""``redis_sources`` from the list to the result: look, and set the rules under the lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._host.commands import call
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone

from . import rules
from .look import BOOT, Plan, listed_now, planned, result, would
from .rules import Listed
from .spec import parse_list

if TYPE_CHECKING:
    from .spec import Json

_NOTHING = Listed((), exists=False, called=False)


def run(params: Json, *, check_mode: bool) -> Json:
    """The module's work from its parameters to its result. NetmodeError: nothing was changed, or a step failed."""
    if check_mode:
        return would(params)
    instances = parse_list(params["instances"])
    engine = Engine(params["docker_host"], params["timeout"])
    made, warning = planned(engine, instances), ""
    if made.changed:
        with alone("containers", "netmode.docker.redis_sources", engine.docker_host):
            made = planned(engine, instances)  # whoever had the lock may have changed it
            warning = _apply(made)
    return result(instances, made, warning)


def _apply(made: Plan) -> str:
    if made.program:
        warning = BOOT.set(made.program)
        BOOT.run()
        return warning
    for family, command in rules.COMMAND.items():
        seen = listed_now(family) or _NOTHING
        base = [command, "-w", "5", "-t", rules.TABLE]
        steps = [[*base, "-D", "PREROUTING", *rules.CALL]] if seen.called else []
        steps += [[*base, "-F", rules.CHAIN], [*base, "-X", rules.CHAIN]] if seen.exists else []
        for step in steps:
            done = call(*step)
            if done.returncode:
                raise NetmodeError(f"{' '.join(step)}: {done.stderr.strip()}")
    BOOT.unset()
    return ""
