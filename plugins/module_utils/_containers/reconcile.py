# SPDX-License-Identifier: GPL-3.0-or-later
"""``containers`` from the list to the outcome: observe, plan, check what only the kernel knows, apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._engine import defaults
from ansible_collections.netmode.docker.plugins.module_utils._engine.names import own_names
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._images import registry
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone

from . import options, ports, spec
from .apply import Applier
from .observe import observe, with_ties
from .plan import plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .spec import Wanted
    from .state import Host, Plan

Json = dict[str, Any]

_STOPPING = frozenset({"recreate", "clone", "restart", "start", "stop", "remove"})
"""Steps that end a run of a container, or give it a new namespace: others may depend on it."""


class Outcome(NamedTuple):
    changed: bool
    containers: Json
    others: Json
    diff: Json
    warnings: list[str]


def bring(engine: Engine, entries: list[Json], *, check: bool, pending: Iterable[str] = ()) -> Outcome:
    """Bring the host to the list, or with ``check`` tell what that would take once what is ``pending`` is there.

    NetmodeError: nothing was changed, or one step failed and the message says which.
    """
    engine.get("/version")
    wanted = spec.read(entries, engine.version)
    host = observe(engine, wanted)._replace(pending=frozenset(pending if check else ()))
    pulls = _pulls(engine, host, wanted, check=check)
    made = _planned(engine, host, wanted)
    applier = Applier(engine)
    if (made.steps or pulls) and not check:
        engine.require_sdk()
        for one in pulls:
            applier.pull(one.where, one.image)
        names = ", ".join(one.name for one in wanted)
        with alone("containers", f"netmode.docker.containers: {names}", engine.docker_host):
            # The pull took its time, and whoever had the lock may have changed what was seen.
            host = observe(engine, wanted)
            _refuse_missing(host, wanted)
            made = _planned(engine, host, wanted)
            applier.run(made.steps)
    return _outcome(engine, wanted, host, made, pulls, applier, check=check)


def _planned(engine: Engine, host: Host, wanted: list[Wanted]) -> Plan:
    """The plan, once all that can be known before its first step has been looked at. NetmodeError: a refusal."""
    ports.refuse_shared(host, wanted)
    if any(one.state != "started" and one.name in host.names for one in wanted):
        host = with_ties(engine, host)
    made = plan(host, wanted)
    if not host.ties and any(step.action in _STOPPING for step in made.steps):
        made = plan(with_ties(engine, host), wanted)
    ports.refuse_taken(host, wanted, made)
    _refuse_twins(host, wanted, made)
    _refuse_host_mode_when_remapped(engine, wanted, made)
    return made


def _refuse_twins(host: Host, wanted: list[Wanted], made: Plan) -> None:
    """An engine may have several networks of one name, and starts nothing new on such a name."""
    joining = {step.name for step in made.steps if step.action in ("create", "recreate", "connect")}
    for one in wanted:
        for network in one.endpoints if one.name in joining else ():
            if network in host.twins:
                option = "network_mode" if network == one.network_mode else "networks"
                raise NetmodeError(
                    f"{one.where}: {option}: this host has {len(host.twins[network])} networks called {network} "
                    f"({', '.join(host.twins[network])}), and the engine starts nothing on a name that means several. "
                    "Remove the odd ones by id (docker network rm ID)."
                )


def _refuse_host_mode_when_remapped(engine: Engine, wanted: list[Wanted], made: Plan) -> None:
    """An engine with userns-remap lets no container into the host's network namespace: that is another user's."""
    new = {step.name for step in made.steps if step.action in ("create", "recreate")}
    joining = [one for one in wanted if one.network_mode == "host" and one.name in new]
    if joining and "name=userns" in (engine.get("/info").get("SecurityOptions") or []):
        raise NetmodeError(
            f"{joining[0].where}: network_mode: host: this engine puts every container into a user namespace of its "
            "own (userns-remap), and such a container may not have the host's network. Use network_mode: bridge and "
            "ports, or take userns-remap out of the engine's settings."
        )


def _pulls(engine: Engine, host: Host, wanted: list[Wanted], *, check: bool) -> list[Wanted]:
    """The entries whose image is to be pulled, one for each image; in check mode where that brings another image.

    Such an image is taken out of ``host``: what it brings is not known.
    """
    found: dict[str, Wanted] = {}
    for one in wanted:
        if one.state == "absent" or one.image in host.pending:
            continue
        image = host.images.get(one.image)
        if image is None and one.pull_policy == "never":
            raise NetmodeError(
                f"{one.where}: image: {one.image!r} is not on this host and pull_policy: never forbids to pull it. "
                "Load or build it first (module netmode.docker.images)."
            )
        if one.image in found or (image is not None and one.pull_policy != "always"):
            continue
        what = f"{one.where}: image: cannot pull {one.image!r}"
        if not check or registry.has_newer(engine, what, one.image):
            found[one.image] = one
    for reference in found if check else ():
        host.images.pop(reference, None)
    return list(found.values())


def _refuse_missing(host: Host, wanted: list[Wanted]) -> None:
    for one in wanted:
        if one.state != "absent" and one.image not in host.images:
            raise NetmodeError(
                f"{one.where}: image: {one.image!r} was removed from this host while this run pulled or waited for "
                "another one. Nothing was changed; run again."
            )


def _outcome(
    engine: Engine, wanted: list[Wanted], host: Host, made: Plan, pulls: list[Wanted], applier: Applier, *, check: bool
) -> Outcome:
    pulled = {one.name for one in pulls}
    actions: dict[str, list[tuple[str, str]]] = {one.name: [] for one in wanted}
    for one in wanted:
        if one.name in pulled and (check or one.image in applier.pulled):
            actions[one.name].append(("pull", f"pull_policy: {one.pull_policy}"))
    for step in made.steps:
        actions.setdefault(step.name, []).append((step.action, step.reason))
    names, modes = host.names, host.modes
    if made.steps and not check:
        listed = engine.get("/containers/json", all=True)
        names = {name: item["Id"] for item in listed for name in own_names(item)}
        modes = {item["Id"]: item["HostConfig"].get("NetworkMode", "") for item in listed}
    containers = {}
    for one in wanted:
        key = names.get(one.name)
        done = actions.pop(one.name)
        containers[one.name] = {
            "id": key,
            "changed": bool(done),
            "actions": [action for action, _ in done],
            "reasons": [reason for _, reason in done],
            "network_mode": modes.get(key or ""),
        }
    others = {name: [action for action, _ in done] for name, done in actions.items()}
    changed = bool(made.steps) or any(item["changed"] for item in containers.values())
    return Outcome(changed, containers, others, _diff(made), [*_told(wanted, host, made), *applier.warnings])


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


def _diff(made: Plan) -> Json:
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
