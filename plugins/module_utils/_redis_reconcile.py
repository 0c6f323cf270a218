# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a host's Redis instances: look at it and at what it would be used on, refuse, try, write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils import (
    _interfaces_record,
    _redis_check,
    _redis_files,
    _redis_neighbours,
    _redis_trial,
)
from ansible_collections.netmode.docker.plugins.module_utils._engine import Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._redis_check import Around
    from ansible_collections.netmode.docker.plugins.module_utils._redis_files import Access, Instance, Step

Json = dict[str, Any]


class _Plan(NamedTuple):
    around: Around
    access: Access
    instances: list[Instance]
    steps: list[Step]
    left: list[str]
    trials: dict[str, str]
    """Instance → digest of what has not been tried."""
    leftovers: tuple[list[str], list[str]]
    """Containers and volumes of trials that a killed run has left."""


def reconcile(params: Json, *, check_mode: bool) -> Json:
    """The module's work from its parameters to its result. NetmodeError: nothing was changed, or a step failed."""
    engine = Engine(params["docker_host"], params["timeout"])
    made = _plan(params, engine)
    if not check_mode:
        who = "netmode.docker.redis_files: " + ", ".join(instance["name"] for instance in params["instances"])
        with alone("containers", who, engine.docker_host):
            made = _plan(params, engine)  # who had the lock before may have changed what was seen
            _change(engine, made, params["key_file"])
    recorded = {entry["container"] for entry in _interfaces_record.read().values()}
    return {
        "changed": bool(made.steps or any(made.leftovers)),
        "changes": [step.instance["name"] for step in made.steps],
        "interfaces": [one["name"] for one in made.instances if one["name"] in recorded],
        "left": made.left,
        "leftovers": [*made.leftovers[0], *made.leftovers[1]],
        "trials": list(made.trials),
        "others": _redis_check.not_made_here(made.around),
        "volumes": _redis_check.missing_volumes(made.instances, made.around),
        "revisions": _redis_files.revisions(made.instances, params["key_file"], check_mode=check_mode),
        "diff": [_redis_files.difference(step) for step in made.steps],
    }


def _plan(params: Json, engine: Engine) -> _Plan:
    _redis_neighbours.refuse_reached(engine, params["instances"])
    around = _redis_check.observe(engine)
    instances = _redis_check.on_host(params["instances"], around)
    access = _redis_files.access_of(instances, params["key_file"], params["socket_group"])
    current = _redis_files.observe(instances, access)
    _redis_check.refuse(instances, current, around)
    steps = _redis_files.plan(instances, current, keyed=_redis_files.has_key(params["key_file"]))
    left = [why for one in instances if one["state"] == "absent" for why in _redis_files.gone(one).left]
    tried = {one["name"]: _redis_trial.digest(engine, one) for one in instances if _is_tried(one)}
    trials = {one["name"]: tried[one["name"]] for one in instances if tried.get(one["name"]) not in (None, _note(one))}
    leftovers = (
        _redis_trial.leftovers(around.containers, "Id"),
        _redis_trial.leftovers(around.volumes.values(), "Name"),
    )
    return _Plan(around, access, instances, steps, left, trials, leftovers)


def _is_tried(instance: Instance) -> bool:
    return instance["state"] == "present" and bool(instance["trial"])


def _note(instance: Instance) -> str:
    try:
        return _redis_files.tried(instance)
    except OSError as error:
        raise NetmodeError(f"instance {instance['name']}: {error.filename}: {error.strerror}.") from None


def _change(engine: Engine, made: _Plan, key_file: str) -> None:
    _redis_trial.sweep(engine, *made.leftovers)
    untried = [one for one in made.instances if one["name"] in made.trials]
    _redis_trial.refuse_failing(engine, untried)
    for step in made.steps:
        _redis_files.apply(step, made.access)
    for instance in untried:
        _redis_files.note_trial(instance, made.trials[instance["name"]])
    _redis_files.tidy(made.instances, key_file)
