# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a host's Redis instances up to the plan: what there is, what it is for, and refusals."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._engine.names import own_names
from ansible_collections.netmode.docker.plugins.module_utils._images import archive
from ansible_collections.netmode.docker.plugins.module_utils._interfaces import record
from ansible_collections.netmode.docker.plugins.module_utils._lock import undisturbed

from . import check, files, leaving, modules, neighbours, operator, replication, running
from . import tried as tried_by

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .check import Around
    from .drift import Drift
    from .files import Access, Found, Instance, Step, Tried
    from .running import Aim, Server


Json = dict[str, Any]


class Seen(NamedTuple):
    around: Around
    access: Access
    instances: list[Instance]
    """As they are on this host, with the password of the role's own user."""
    current: dict[str, Found]
    servers: dict[str, Server]


class Plan(NamedTuple):
    around: Around
    access: Access
    instances: list[Instance]
    steps: list[Step]
    left: list[str]
    noted: dict[str, Tried]
    """Instance → what is known of its last trial."""
    trials: dict[str, str]
    """Instance → digest of what has not been tried."""
    leftovers: tuple[list[str], list[str]]
    """Containers and volumes of trials that a killed run has left."""
    copies: list[Path]
    """Archives of images that a killed run has left, whole or in part."""
    servers: dict[str, Server]
    aims: dict[str, Aim]

    @property
    def judged(self) -> dict[str, Aim]:
        """Of the trials those that a running Redis makes up for."""
        return {name: aimed for name, aimed in self.aims.items() if aimed.judged}


def would(params: Json) -> Json:
    """What a run would do, as the module returns it. NetmodeError: a refusal."""
    engine, renewed = Engine(params["docker_host"], params["timeout"]), params["renewed"]
    made = look(params, engine)
    done = {
        name: aimed.drift._replace(change=running.to_set(made.servers[name], aimed, renewed=name in renewed))
        for name, aimed in made.aims.items()
    }
    return result(made, done, {})


def look(params: Json, engine: Engine) -> Plan:
    """NetmodeError: a refusal."""
    return undisturbed("containers", engine.docker_host, lambda: planned(params, engine))


def result(made: Plan, done: dict[str, Drift], copies: Json) -> Json:
    """``done``: what was set of each Redis while it runs, or would be; ``copies``: what was tried on a copy of data."""
    recorded = {entry["container"] for entry in record.read().values()}
    allowed = {one["name"] for one in made.instances if one["restart_allowed"]}
    due = {name: one.restart for name, one in done.items() if one.restart} | _sentinels_to_restart(made)
    told = {
        "changes": [step.instance["name"] for step in made.steps],
        "interfaces": [one["name"] for one in made.instances if one["name"] in recorded],
        "left": made.left,
        "leftovers": [*made.leftovers[0], *made.leftovers[1], *map(str, made.copies)],
        "trials": [name for name in made.trials if name not in made.judged],
        "set_live": {name: one.change.names for name, one in done.items() if one.change.names},
        "restarts": {name: why for name, why in due.items() if name in allowed},
        "waiting": {name: why for name, why in due.items() if name not in allowed},
        "copies": copies,
        "modules": modules.loading(made.instances),
        "others": check.not_made_here(made.around),
        "volumes": check.missing_volumes(made.instances, made.around),
        "diff": [files.difference(step) for step in made.steps],
    }
    return {"changed": is_changed(told), **told}


def _sentinels_to_restart(made: Plan) -> dict[str, str]:
    """Those that run and read something else at their start than they have read."""
    run = {name for one in made.around.containers if one.get("State") == "running" for name in own_names(one)}
    return {
        step.instance["name"]: "a Sentinel reads its redis.conf and its certificate only when it starts"
        for step in made.steps
        if step.instance.get("sentinel")
        and step.after
        and step.instance["name"] in run
        and files.is_read_at_start(step)
    }


def is_changed(told: Json) -> bool:
    return any(told[part] for part in ("changes", "leftovers", "set_live"))


def waits(told: Json) -> list[str]:
    """What is left for a restart that the variables do not allow."""
    return [
        f"instance {name}: {why}. redis_restart_allowed leaves that restart to you: docker restart {name}."
        for name, why in told["waiting"].items()
    ]


def observe(params: Json, engine: Engine, asked: Mapping[str, list[str]] = MappingProxyType({})) -> Seen:
    """What is there of the instances. NetmodeError: root's rights are missing, or somebody else's lies there."""
    around = check.observe(engine)
    instances = modules.settled(engine, operator.with_passwords(check.on_host(params["instances"], around)), asked)
    access = files.access_of(instances, params["socket_group"])
    current = files.observe(instances, access)
    instances = [files.with_its_own(one, current[one["name"]]) for one in instances]
    return Seen(around, access, instances, current, running.observe(instances, current, around))


def planned(params: Json, engine: Engine, asked: Mapping[str, list[str]] = MappingProxyType({})) -> Plan:
    neighbours.refuse_reached(engine, params["instances"])
    around, access, instances, current, servers = observe(params, engine, asked)
    noted = {one["name"]: files.noted(one) for one in instances if _is_tried(one)}
    instances = [_with_role(one, current, servers, noted) for one in instances]
    servers = running.with_roles(servers, instances)
    check.refuse(instances, current, around, {name for name, one in servers.items() if one.asked.now})
    leaving.refuse(instances, around)
    for one in instances:
        replication.refuse(one, _role(one, servers), current[one["name"]].content or "")
    asked_anew = {one["name"] for one in instances if one["name"] in noted and asks_anew(one, noted[one["name"]])}
    steps = files.plan(instances, current, asked_anew)
    left = [why for one in instances if one["state"] == "absent" for why in files.gone(one).left]
    tried = {one["name"]: tried_by.digest(engine, one) for one in instances if _is_tried(one)}
    known = {one["name"] for one in instances if one["name"] in noted and one["loads_of"] == noted[one["name"]].image}
    trials = {name: digest for name, digest in tried.items() if digest != noted[name].digest or name not in known}
    leftovers = (
        tried_by.leftovers(around.containers, "Id"),
        tried_by.leftovers(around.volumes.values(), "Name"),
    )
    copies = archive.copies(params["image_dir"]) if params["image_dir"] else []
    aims = {name: running.aim(engine, server, noted[name], tried[name]) for name, server in servers.items()}
    aims.update({name: aims[name]._replace(judged={}) for name in params["renewed"] if name in aims})
    return Plan(around, access, instances, steps, left, noted, trials, leftovers, copies, servers, aims)


def _with_role(
    instance: Instance, current: dict[str, Found], servers: dict[str, Server], noted: dict[str, Tried]
) -> Instance:
    name = instance["name"]
    wanted = None
    if instance["state"] == "present" and instance["replication"]:
        asked = noted[name].asked if name in noted else ""
        wanted = replication.follows(instance, _role(instance, servers), current[name].content or "", asked)
    return replication.with_role(instance, wanted)


def _role(instance: Instance, servers: dict[str, Server]) -> replication.Role | None:
    server = servers.get(instance["name"])
    return server.asked.role if server else None


def asks_anew(instance: Instance, noted: Tried) -> bool:
    return bool(noted.digest) and noted.asked != replication.asked_of(instance)


def _is_tried(instance: Instance) -> bool:
    return instance["state"] == "present" and bool(instance["trial"]) and not instance.get("sentinel")
