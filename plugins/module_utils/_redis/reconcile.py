# SPDX-License-Identifier: GPL-3.0-or-later
"""``redis_config`` from its parameters to the result: look, try, set what runs, write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone

from . import (
    copied,
    files,
    modules_of_image,
    replication,
    running,
    set_live,
    tls_live,
    trial,
)
from .look import Plan, asks_anew, look, planned, result, would

if TYPE_CHECKING:
    from .drift import Drift


Json = dict[str, Any]


def reconcile(params: Json, *, check_mode: bool) -> Json:
    """The module's work from its parameters to its result. NetmodeError: nothing was changed, or a step failed."""
    if check_mode:
        return would(params)
    engine = Engine(params["docker_host"], params["timeout"])
    made = look(params, engine)
    copies: Json = {}
    who = "netmode.docker.redis_config: " + ", ".join(instance["name"] for instance in params["instances"])
    with alone("containers", who, engine.docker_host):
        asked = modules_of_image.ask(engine, made.instances)
        made = planned(params, engine, asked)  # who had the lock before may have changed what was seen
        done = _change(engine, made, params, copies)
    return result(made, done, copies)


def _change(engine: Engine, made: Plan, params: Json, copies: Json) -> dict[str, Drift]:
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
        set_live.refuse_unreadable(instance, server.asked if server else None, said.get(instance["name"]))
    replaced = [made.servers[name] for name in params["replaced"] if name in made.servers]
    copies.update(copied.refuse_failing(engine, replaced, made.around, params["wait"]))
    said.update(set_live.judge(engine, made.servers, made.judged))
    done: dict[str, Drift] = {}
    for name, server in made.servers.items():
        aimed = made.aims[name]
        if name in made.trials:
            aimed = running.aimed_at(engine, server, made.noted[name], said.get(name))
        done[name] = set_live.set_live(server, aimed, renewed=name in params["renewed"])
    for step in made.steps:
        files.apply(step, made.access, replaced=step.instance["name"] in params["replaced"])
    for instance in made.instances:
        name, asked = instance["name"], replication.asked_of(instance)
        if name in made.trials:
            of, loads = instance["loads_of"], instance["loads"]
            tried = files.Tried(made.trials[name], said.get(name), tls_live.trusted(instance), asked, of, loads)
            files.note_trial(instance, tried)
        elif name in made.noted and asks_anew(instance, made.noted[name]):
            files.note_trial(instance, made.noted[name]._replace(asked=asked))
    files.tidy(made.instances)
    return done
