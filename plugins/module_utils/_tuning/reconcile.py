# SPDX-License-Identifier: GPL-3.0-or-later
"""``host_tuning`` from its parameters to the result: look, set, and keep for the next start of the host."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from . import host as tunables
from .look import look

if TYPE_CHECKING:
    from .host import Host, Ours
    from .plan import Plan
    from .spec import Json


def run(params: Json, *, check_mode: bool, root: Path = Path("/")) -> Json:
    """The module's work from its parameters to its result. What cannot be set is a warning."""
    host, made, told = look(params, root)
    if told["changed"] and not check_mode:
        _apply(root, host, made, told)
    return told


def _apply(root: Path, host: Host, made: Plan, told: Json) -> None:
    """What the kernel does not take is left as it was, and not kept for the next start."""
    ours: dict[str, Ours] = dict(made.ours)
    for step in made.steps:
        why = tunables.set_value(root, step.key, step.after)
        if why:
            told["warnings"].append(f"{step.key} stays {step.before}: the kernel does not take {step.after} ({why}).")
            del told["tunables"][step.key]
            ours.pop(step.key, None)
            if step.key in host.ours:
                ours[step.key] = host.ours[step.key]
    told["changed"] = bool(told["tunables"]) or not tunables.is_kept(root, ours)
    if why := tunables.keep(root, ours):
        told["warnings"].append(why)
