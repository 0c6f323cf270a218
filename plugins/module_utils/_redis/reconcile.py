# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a host's Redis instances: look at it and at what it would be used on, refuse, try, write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._engine.names import own_names
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._images import archive
from ansible_collections.netmode.docker.plugins.module_utils._interfaces import record
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone, undisturbed

from . import check, drift, files, neighbours, tls_live, trial

if TYPE_CHECKING:
    from pathlib import Path

    from .check import Around
    from .drift import Drift
    from .files import Access, Instance, Step

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
    copies: list[Path]
    """Archives of images that a killed run has left, whole or in part."""
    running: dict[str, str]
    """Container → id."""
    drifts: dict[str, Drift]


def reconcile(params: Json, *, check_mode: bool) -> Json:
    """The module's work from its parameters to its result. NetmodeError: nothing was changed, or a step failed."""
    engine = Engine(params["docker_host"], params["timeout"])
    made = undisturbed("containers", engine.docker_host, lambda: _plan(params, engine))
    if not check_mode:
        who = "netmode.docker.redis_config: " + ", ".join(instance["name"] for instance in params["instances"])
        with alone("containers", who, engine.docker_host):
            made = _plan(params, engine)  # who had the lock before may have changed what was seen
            _change(engine, made, params["key_file"])
    recorded = {entry["container"] for entry in record.read().values()}
    return {
        "changed": bool(made.steps or any(made.leftovers) or made.copies or _set_again(made)),
        "changes": [step.instance["name"] for step in made.steps],
        "interfaces": [one["name"] for one in made.instances if one["name"] in recorded],
        "left": made.left,
        "leftovers": [*made.leftovers[0], *made.leftovers[1], *map(str, made.copies)],
        "trials": list(made.trials),
        "set_again": {name: sorted(values) for name, values in _set_again(made).items()},
        "drifted": {name: drift.lets_in for name, drift in made.drifts.items() if drift.lets_in},
        "others": check.not_made_here(made.around),
        "volumes": check.missing_volumes(made.instances, made.around),
        "revisions": files.revisions(made.instances, params["key_file"], check_mode=check_mode),
        "diff": [files.difference(step) for step in made.steps],
    }


def _plan(params: Json, engine: Engine) -> _Plan:
    neighbours.refuse_reached(engine, params["instances"])
    around = check.observe(engine)
    instances = check.on_host(params["instances"], around)
    access = files.access_of(instances, params["key_file"], params["socket_group"])
    current = files.observe(instances, access)
    check.refuse(instances, current, around)
    steps = files.plan(instances, current, keyed=files.has_key(params["key_file"]))
    left = [why for one in instances if one["state"] == "absent" for why in files.gone(one).left]
    tried = {one["name"]: trial.digest(engine, one) for one in instances if _is_tried(one)}
    noted = {one["name"]: _note(one) for one in instances if one["name"] in tried}
    trials = {name: digest for name, digest in tried.items() if digest != noted[name].digest}
    meant = {name: note.settings for name, note in noted.items() if name not in trials}
    leftovers = (
        trial.leftovers(around.containers, "Id"),
        trial.leftovers(around.volumes.values(), "Name"),
    )
    copies = archive.copies(params["image_dir"]) if params["image_dir"] else []
    running = {name: one["Id"] for one in around.containers if one["State"] == "running" for name in own_names(one)}
    present = [one for one in instances if one["state"] == "present"]
    found = drift.drifts(present, running, meant, {name: note.trusted for name, note in noted.items()})
    return _Plan(around, access, instances, steps, left, trials, leftovers, copies, running, found)


def _set_again(made: _Plan) -> dict[str, dict[str, str]]:
    """Instance → what is to be set while it runs; not where a restart is to come, which does that too."""
    return {name: found.values for name, found in made.drifts.items() if found.values and not found.lets_in}


def _is_tried(instance: Instance) -> bool:
    return instance["state"] == "present" and bool(instance["trial"])


def _note(instance: Instance) -> files.Tried:
    try:
        return files.tried(instance)
    except OSError as error:
        raise NetmodeError(f"instance {instance['name']}: {error.filename}: {error.strerror}.") from None


def _change(engine: Engine, made: _Plan, key_file: str) -> None:
    trial.sweep(engine, *made.leftovers)
    for path in made.copies:
        path.unlink(missing_ok=True)
    untried = [one for one in made.instances if one["name"] in made.trials]
    told = trial.refuse_failing(engine, untried)
    for step in made.steps:
        files.apply(step, made.access)
    again = _set_again(made)
    for instance in made.instances:
        if instance["name"] in again:
            drift.set_back(instance, made.running, again[instance["name"]])
    for instance in untried:  # last, so that what was not told to a Redis is told to it by the next run
        name = instance["name"]
        noted = files.Tried(made.trials[name], told.get(name, {}), tls_live.trusted(instance))
        files.note_trial(instance, noted)
    files.tidy(made.instances, key_file)
