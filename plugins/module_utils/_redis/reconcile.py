# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a host's Redis instances: look at it and at what it would be used on, refuse, try, write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._containers.state import started
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._engine.names import own_names
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._images import archive
from ansible_collections.netmode.docker.plugins.module_utils._interfaces import record
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone, undisturbed

from . import check, data, drift, files, formats, live, neighbours, tls_live, trial
from .files import content_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from .check import Around
    from .drift import Asked, Drift, Running
    from .files import Access, Found, Instance, Step
    from .live import Change, Said

Json = dict[str, Any]


class _Plan(NamedTuple):
    around: Around
    access: Access
    instances: list[Instance]
    current: dict[str, Found]
    steps: list[Step]
    left: list[str]
    trials: dict[str, str]
    """Instance → digest of what has not been tried."""
    judged: dict[str, dict[str, str]]
    """Of these the settings that its running Redis judges itself, so that it needs no trial."""
    leftovers: tuple[list[str], list[str]]
    """Containers and volumes of trials that a killed run has left."""
    copies: list[Path]
    """Archives of images that a killed run has left, whole or in part."""
    running: dict[str, Running]
    asked: dict[str, Asked]
    wanted: dict[str, Said]
    """Instance → what its Redis is to say; without a trial yet as far as its redis.conf tells."""
    trusted: dict[str, str]
    """Instance → digest of the CAs that its Redis was told to trust."""
    drifts: dict[str, Drift]


def reconcile(params: Json, *, check_mode: bool) -> Json:
    """The module's work from its parameters to its result. NetmodeError: nothing was changed, or a step failed."""
    engine = Engine(params["docker_host"], params["timeout"])
    made = undisturbed("containers", engine.docker_host, lambda: _plan(params, engine))
    lives = _live(made, params["renewed"])
    if not check_mode:
        who = "netmode.docker.redis_config: " + ", ".join(instance["name"] for instance in params["instances"])
        with alone("containers", who, engine.docker_host):
            made = _plan(params, engine)  # who had the lock before may have changed what was seen
            made, lives = _change(engine, made, params["renewed"])
    recorded = {entry["container"] for entry in record.read().values()}
    restarts = {name: drift.restart for name, drift in made.drifts.items() if drift.restart}
    allowed = {one["name"] for one in made.instances if one["restart_allowed"]}
    result = {
        "changes": [step.instance["name"] for step in made.steps],
        "interfaces": [one["name"] for one in made.instances if one["name"] in recorded],
        "left": made.left,
        "leftovers": [*made.leftovers[0], *made.leftovers[1], *map(str, made.copies)],
        "trials": [name for name in made.trials if name not in made.judged],
        "set_live": {name: change.names for name, change in lives.items() if change.names},
        "restarts": {name: why for name, why in restarts.items() if name in allowed},
        "waiting": {name: why for name, why in restarts.items() if name not in allowed},
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


def _plan(params: Json, engine: Engine) -> _Plan:
    neighbours.refuse_reached(engine, params["instances"])
    around = check.observe(engine)
    instances = check.on_host(params["instances"], around)
    access = files.access_of(instances, params["socket_group"])
    current = files.observe(instances, access)
    running = _running(instances, current, around)
    paused = {name for one in around.containers if one["State"] == "paused" for name in own_names(one)}
    asked = {name: drift.Asked() if name in paused else drift.ask(redis) for name, redis in running.items()}
    check.refuse(instances, current, around, {name for name, one in asked.items() if one.now})
    steps = files.plan(instances, current)
    left = [why for one in instances if one["state"] == "absent" for why in files.gone(one).left]
    tried = {one["name"]: trial.digest(engine, one) for one in instances if _is_tried(one)}
    noted = {one["name"]: _note(one) for one in instances if one["name"] in tried}
    trials = {name: digest for name, digest in tried.items() if digest != noted[name].digest}
    wanted = _wanted(instances, current, asked, noted, trials)
    leftovers = (
        trial.leftovers(around.containers, "Id"),
        trial.leftovers(around.volumes.values(), "Name"),
    )
    copies = archive.copies(params["image_dir"]) if params["image_dir"] else []
    trusted = {name: note.trusted for name, note in noted.items()}
    made = _Plan(
        around,
        access,
        instances,
        current,
        steps,
        left,
        trials,
        {},
        leftovers,
        copies,
        running,
        asked,
        wanted,
        trusted,
        {},
    )
    made = made._replace(drifts=_drifts(engine, made))
    return made._replace(judged=_judged(made, noted, params["renewed"]))


def _is_tried(instance: Instance) -> bool:
    return instance["state"] == "present" and bool(instance["trial"])


def _note(instance: Instance) -> files.Tried:
    try:
        return files.tried(instance)
    except OSError as error:
        raise NetmodeError(f"instance {instance['name']}: {error.filename}: {error.strerror}.") from None


# --- what runs --------------------------------------------------------------------------------------------------------


def _running(instances: list[Instance], current: dict[str, Found], around: Around) -> dict[str, Running]:
    up = [one for one in around.containers if one["State"] in ("running", "paused")]
    ids = {name: one["Id"] for one in up for name in own_names(one)}
    present = [one for one in instances if one["state"] == "present" and one["name"] in ids]
    found = {one["name"]: drift.running(one, ids[one["name"]], current[one["name"]].content) for one in present}
    return {name: redis for name, redis in found.items() if redis is not None}


def _wanted(
    instances: list[Instance],
    current: dict[str, Found],
    asked: dict[str, Asked],
    noted: dict[str, files.Tried],
    trials: dict[str, str],
) -> dict[str, Said]:
    """As the last trial said. Of what is yet to be tried, as far as the lines of redis.conf say."""
    found: dict[str, Said] = {}
    for instance in instances:
        name = instance["name"]
        now, content = (asked[name].now if name in asked else None), current[name].content
        told = live.Said(*noted[name].said) if name in noted and noted[name].said else None
        if name in trials and now and content is not None:
            found[name] = live.predicted(instance, content, now, told)
        elif name not in trials and told:
            found[name] = told
    return found


def _judged(made: _Plan, noted: dict[str, files.Tried], renewed: Collection[str]) -> dict[str, dict[str, str]]:
    """Where nothing differs from what was tried last but settings that can be changed while it runs."""
    found: dict[str, dict[str, str]] = {}
    for instance in made.instances:
        name = instance["name"]
        content, now = made.current[name].content, made.asked.get(name, drift.Asked()).now
        if name not in made.trials or name in renewed or content is None or now is None:
            continue
        if not noted[name].said or not trial.differ_in_redis_conf(made.trials[name], noted[name].digest):
            continue
        if name not in made.drifts or not made.drifts[name].restart:
            found[name] = live.judged(instance, content, now)
    return {name: values for name, values in found.items() if values}


def _drifts(engine: Engine, made: _Plan) -> dict[str, Drift]:
    """Instance → drift, where there is one."""
    changing = {step.instance["name"] for step in made.steps if step.before != step.after}
    found: dict[str, Drift] = {}
    for instance in made.instances:
        name = instance["name"]
        if name not in made.running:
            continue
        asked = made.asked[name]
        if asked.now and name in made.wanted:
            found[name] = drift.compare(
                made.running[name], instance, asked.now, made.wanted[name], made.trusted.get(name, "")
            )
        elif asked.refused:
            found[name] = drift.NONE._replace(restart="it has another password, which redis.conf does not say")
        elif name in changing or (asked.mute and _is_older(engine, made.running[name], instance)):
            found[name] = drift.NONE._replace(restart="its redis.conf changes, and it does not say what it runs with")
    return {name: one for name, one in found.items() if one != drift.NONE}


def _is_older(engine: Engine, redis: Running, instance: Instance) -> bool:
    """Whether a Redis was started before its redis.conf was written."""
    inspected = engine.get(f"/containers/{redis.endpoint.container}/json")
    return started(inspected) < files.written_at(instance)


def _live(made: _Plan, renewed: Collection[str]) -> dict[str, Change]:
    """What is to be set while it runs; not where a start is to come, which does that too.

    But an append-only file is begun while its Redis has the data: one that starts with it for the first time is empty.
    """
    found: dict[str, Change] = {}
    for name, one in made.drifts.items():
        change = one.change
        if one.restart or name in renewed:
            log = {key: value for key, value in change.settings.items() if (key, value) == ("appendonly", "yes")}
            change = live.Change(log, {})
        if change.names:
            found[name] = change
    return found


# --- change it --------------------------------------------------------------------------------------------------------


def _change(engine: Engine, made: _Plan, renewed: Collection[str]) -> tuple[_Plan, dict[str, Change]]:
    """In this order: what is refused changes nothing, and redis.conf never says what its data is not kept as yet.

    Returns also what was set while it runs.
    """
    trial.sweep(engine, *made.leftovers)
    for path in made.copies:
        path.unlink(missing_ok=True)
    untried = [one for one in made.instances if one["name"] in made.trials]
    told = trial.refuse_failing(engine, [one for one in untried if one["name"] not in made.judged])
    for instance in untried:
        _refuse_unreadable(instance, made.asked.get(instance["name"]), told.get(instance["name"]))
    told.update(_judge(engine, made))
    if untried:
        known = {name: one for name, one in made.wanted.items() if name not in made.trials}
        made = made._replace(wanted={**known, **told})
        made = made._replace(drifts=_drifts(engine, made))
    changes = _live(made, renewed)
    for instance in made.instances:
        name = instance["name"]
        done = _set_live(instance, made, changes.get(name), renewed)
        if done:
            changes[name] = done.change
            made = made._replace(drifts={**made.drifts, name: done}) if done.restart else made
    for step in made.steps:
        files.apply(step, made.access)
    for instance in untried:
        name = instance["name"]
        files.note_trial(instance, files.Tried(made.trials[name], told.get(name), tls_live.trusted(instance)))
    files.tidy(made.instances)
    return made, changes


def _judge(engine: Engine, made: _Plan) -> dict[str, Said]:
    """What each says then. NetmodeError, in the words of a trial's log: one refuses, the others are as before."""
    told: dict[str, Said] = {}
    for instance in made.instances:
        name = instance["name"]
        if name not in made.judged:
            continue
        said = drift.judge(made.running[name], made.judged[name])
        if said:
            values = {setting: said.settings[setting] for setting in made.judged[name]}
            wanted = made.wanted[name]
            told[name] = wanted._replace(settings={**wanted.settings, **values}, server=said.server)
            continue
        try:
            told.update(trial.refuse_failing(engine, [instance]))
        except NetmodeError:
            for other in told:
                before = made.asked[other].now
                if before:
                    drift.judge(made.running[other], {name: before.settings[name] for name in made.judged[other]})
            raise
    return told


def _refuse_unreadable(instance: Instance, asked: Asked | None, told: Said | None) -> None:
    """R13: another server that does not read what lies there, or what the one that runs writes when it is stopped."""
    new = formats.server_said(told.server) if told else None
    if told is None or new is None:
        return
    old = formats.server_said(asked.now.server) if asked and asked.now else None
    written = {formats.written_by(old)} if old else set()
    relaxed = told.settings.get("rdb-version-check") == "relaxed"
    for header in sorted(instance["headers"] | written - {""}):
        why = formats.why_unreadable(header, new, relaxed=relaxed)
        if why:
            whose = f" ({old} writes it when it is stopped)" if old and header in written else ""
            raise NetmodeError(
                f"instance {instance['name']}: image: its data cannot be kept with this one: {why}{whose}. Its "
                "configuration and its container are as they were. Name an image that reads it, or the one that it had."
            )


def _set_live(instance: Instance, made: _Plan, change: Change | None, renewed: Collection[str]) -> Drift | None:
    name = instance["name"]
    redis, content = made.running.get(name), made.current[name].content
    if redis is None or content is None or not made.asked[name].now:
        return None
    had, wanted = data.names_of(content), data.names_of(content_of(instance))
    restarts = name in renewed or (name in made.drifts and made.drifts[name].restart)
    begins, ends = wanted.aof and not had.aof, had.aof and not wanted.aof and not restarts
    if not (change or begins or ends):
        return None
    files.write_certificate(instance)  # which it reads when it is told its name
    return drift.set_to(redis, instance, change or live.Change({}, {}), had, wanted)
