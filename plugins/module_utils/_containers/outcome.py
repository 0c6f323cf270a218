# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of ``containers`` did, or in check mode would do, as the module returns it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._engine import defaults
from ansible_collections.netmode.docker.plugins.module_utils._engine.names import own_names

from . import options

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .spec import Wanted
    from .state import Host, Plan

Json = dict[str, Any]


class Outcome(NamedTuple):
    changed: bool
    containers: Json
    others: Json
    diff: Json
    warnings: list[str]
    pulled: list[str]
    """The images that were pulled and are others than before, or in check mode would be."""


class Done(NamedTuple):
    """What a run saw, planned and did."""

    host: Host
    made: Plan
    pulled: list[Wanted]
    """The entries whose pull brought another image, or in check mode would."""
    warnings: list[str]


def outcome(engine: Engine, wanted: list[Wanted], done: Done, *, check: bool) -> Outcome:
    actions: dict[str, list[tuple[str, str]]] = {one.name: [] for one in wanted}
    for one in done.pulled:
        actions[one.name].append(("pull", f"pull_policy: {one.pull_policy}"))
    for step in done.made.steps:
        actions.setdefault(step.name, []).append((step.action, step.reason))
    names, modes = done.host.names, done.host.modes
    if done.made.steps and not check:
        listed = engine.get("/containers/json", all=True)
        names = {name: item["Id"] for item in listed for name in own_names(item)}
        modes = {item["Id"]: item["HostConfig"].get("NetworkMode", "") for item in listed}
    containers = {}
    for one in wanted:
        key = names.get(one.name)
        taken = actions.pop(one.name)
        containers[one.name] = {
            "id": key,
            "changed": bool(taken),
            "actions": [action for action, _ in taken],
            "reasons": [reason for _, reason in taken],
            "network_mode": modes.get(key or ""),
        }
    others = {name: [action for action, _ in taken] for name, taken in actions.items()}
    changed = bool(done.made.steps) or any(item["changed"] for item in containers.values())
    warnings = [*_told(wanted, done.host, done.made), *done.warnings]
    return Outcome(changed, containers, others, diff(done.made), warnings, [one.image for one in done.pulled])


def _told(wanted: list[Wanted], host: Host, made: Plan) -> list[str]:
    """What the plan leaves as it is, and the user should know: the same in check mode and in the run."""
    found = [
        f"{step.name}: the volume {volume} of the old container is mounted no more and stays on the host. "
        f"It may hold data: look into it, and remove it when it is of no use (docker volume rm {volume})."
        for step in made.steps
        for volume in step.data.get("left", ())
    ]
    new = {step.name for step in made.steps if step.action in ("recreate", "remove")}
    for one in wanted:
        inspect = host.inspected.get(host.names.get(one.name, ""))
        old = defaults.outdated(inspect, one.options, host.defaults) if inspect else []
        if old and one.name not in new:
            found.append(
                f"{one.where}: it has another {'; another '.join(old)}, as the engine's settings say for what is made "
                "now. It is left so; recreate: always recreates it with these."
            )
    return found


def diff(made: Plan) -> Json:
    """``before`` and ``after`` by container and option; what may hold a secret is told to differ, not shown."""
    sides: tuple[Json, Json] = ({}, {})
    for name, found in made.differences.items():
        for index, side in enumerate(sides):
            side[name] = {option: _shown(option, pair[index], index) for option, pair in found.items()}
    acted = {step.name for step in made.steps} - set(made.differences)
    for name in sorted(acted):
        steps = [f"{step.action}: {step.reason}" for step in made.steps if step.name == name]
        sides[0][name], sides[1][name] = {"steps": []}, {"steps": steps}
    return {"before": sides[0], "after": sides[1]}


def _shown(option: str, value: Any, index: int) -> Any:
    return ("(hidden)", "(hidden, differs)")[index] if option in options.HIDDEN else value
