# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a host's Redis instances: look at it and at what it would be used on, refuse, try, write."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._images import archive
from ansible_collections.netmode.docker.plugins.module_utils._interfaces import record
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone, undisturbed

from . import check, files, modules, neighbours, operator, replication, running, tls_live, trial

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


class _Plan(NamedTuple):
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


def reconcile(params: Json, *, check_mode: bool) -> Json:
    """The module's work from its parameters to its result. NetmodeError: nothing was changed, or a step failed."""
    engine, renewed = Engine(params["docker_host"], params["timeout"]), params["renewed"]
    made = undisturbed("containers", engine.docker_host, lambda: _plan(params, engine))
    copies: Json = {}
    if check_mode:
        done = {
            name: aimed.drift._replace(change=running.to_set(made.servers[name], aimed, renewed=name in renewed))
            for name, aimed in made.aims.items()
        }
    else:
        who = "netmode.docker.redis_config: " + ", ".join(instance["name"] for instance in params["instances"])
        with alone("containers", who, engine.docker_host):
            asked = modules.ask(engine, made.instances)
            made = _plan(params, engine, asked)  # who had the lock before may have changed what was seen
            done = _change(engine, made, params, copies)
    recorded = {entry["container"] for entry in record.read().values()}
    allowed = {one["name"] for one in made.instances if one["restart_allowed"]}
    result = {
        "changes": [step.instance["name"] for step in made.steps],
        "interfaces": [one["name"] for one in made.instances if one["name"] in recorded],
        "left": made.left,
        "leftovers": [*made.leftovers[0], *made.leftovers[1], *map(str, made.copies)],
        "trials": [name for name in made.trials if name not in made.judged],
        "set_live": {name: one.change.names for name, one in done.items() if one.change.names},
        "restarts": {name: one.restart for name, one in done.items() if one.restart and name in allowed},
        "waiting": {name: one.restart for name, one in done.items() if one.restart and name not in allowed},
        "copies": copies,
        "modules": modules.loading(made.instances),
        "others": check.not_made_here(made.around),
        "volumes": check.missing_volumes(made.instances, made.around),
        "diff": [files.difference(step) for step in made.steps],
    }
    return {"changed": is_changed(result), **result}


def is_changed(result: Json) -> bool:
    return any(result[part] for part in ("changes", "leftovers", "set_live"))


def waits(result: Json) -> list[str]:
    """What is left for a restart that the variables do not allow."""
    return [
        f"instance {name}: {why}. redis_restart_allowed leaves that restart to you: docker restart {name}."
        for name, why in result["waiting"].items()
    ]


def observe(params: Json, engine: Engine, asked: Mapping[str, list[str]] = MappingProxyType({})) -> Seen:
    """What is there of the instances. NetmodeError: root's rights are missing, or somebody else's lies there."""
    around = check.observe(engine)
    instances = modules.settled(engine, operator.with_passwords(check.on_host(params["instances"], around)), asked)
    access = files.access_of(instances, params["socket_group"])
    current = files.observe(instances, access)
    return Seen(around, access, instances, current, running.observe(instances, current, around))


def _plan(params: Json, engine: Engine, asked: Mapping[str, list[str]] = MappingProxyType({})) -> _Plan:
    neighbours.refuse_reached(engine, params["instances"])
    around, access, instances, current, servers = observe(params, engine, asked)
    noted = {one["name"]: files.noted(one) for one in instances if _is_tried(one)}
    instances = [_with_role(one, current, servers, noted) for one in instances]
    servers = running.with_roles(servers, instances)
    check.refuse(instances, current, around, {name for name, one in servers.items() if one.asked.now})
    for one in instances:
        replication.refuse(one, _role(one, servers), current[one["name"]].content or "")
    asked_anew = {one["name"] for one in instances if one["name"] in noted and _asks_anew(one, noted[one["name"]])}
    steps = files.plan(instances, current, asked_anew)
    left = [why for one in instances if one["state"] == "absent" for why in files.gone(one).left]
    tried = {one["name"]: trial.digest(engine, one) for one in instances if _is_tried(one)}
    known = {one["name"] for one in instances if one["name"] in noted and one["loads_of"] == noted[one["name"]].image}
    trials = {name: digest for name, digest in tried.items() if digest != noted[name].digest or name not in known}
    leftovers = (
        trial.leftovers(around.containers, "Id"),
        trial.leftovers(around.volumes.values(), "Name"),
    )
    copies = archive.copies(params["image_dir"]) if params["image_dir"] else []
    aims = {name: running.aim(engine, server, noted[name], tried[name]) for name, server in servers.items()}
    aims.update({name: aims[name]._replace(judged={}) for name in params["renewed"] if name in aims})
    return _Plan(around, access, instances, steps, left, noted, trials, leftovers, copies, servers, aims)


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


def _asks_anew(instance: Instance, noted: Tried) -> bool:
    return bool(noted.digest) and noted.asked != replication.asked_of(instance)


def _is_tried(instance: Instance) -> bool:
    return instance["state"] == "present" and bool(instance["trial"])


def _change(engine: Engine, made: _Plan, params: Json, copies: Json) -> dict[str, Drift]:
    """In this order: what is refused changes nothing, and redis.conf never says what its data is not kept as yet.

    Returns what was set of each Redis while it runs, and why it is to be restarted.
    """
    trial.sweep(engine, *made.leftovers)
    for path in made.copies:
        path.unlink(missing_ok=True)
    untried = [one for one in made.instances if one["name"] in made.trials]
    said = trial.refuse_failing(engine, [one for one in untried if one["name"] not in made.judged])
    for instance in untried:
        server = made.servers.get(instance["name"])
        running.refuse_unreadable(instance, server.asked if server else None, said.get(instance["name"]))
    replaced = [made.servers[name] for name in params["replaced"] if name in made.servers]
    if replaced:
        from . import copied  # noqa: PLC0415 (a look need not pay for it)

        copies.update(copied.refuse_failing(engine, replaced, made.around, params["wait"]))
    said.update(running.judge(engine, made.servers, made.judged))
    done: dict[str, Drift] = {}
    for name, server in made.servers.items():
        aimed = made.aims[name]
        if name in made.trials:
            aimed = running.aimed_at(engine, server, made.noted[name], said.get(name))
        done[name] = running.set_live(server, aimed, renewed=name in params["renewed"])
    for step in made.steps:
        files.apply(step, made.access, replaced=step.instance["name"] in params["replaced"])
    for instance in made.instances:
        name, asked = instance["name"], replication.asked_of(instance)
        if name in made.trials:
            of, loads = instance["loads_of"], instance["loads"]
            tried = files.Tried(made.trials[name], said.get(name), tls_live.trusted(instance), asked, of, loads)
            files.note_trial(instance, tried)
        elif name in made.noted and _asks_anew(instance, made.noted[name]):
            files.note_trial(instance, made.noted[name]._replace(asked=asked))
    files.tidy(made.instances)
    return done
