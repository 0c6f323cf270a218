# SPDX-License-Identifier: GPL-3.0-or-later
"""The Redis of an instance that runs: what it takes for it to be what its redis.conf is going to say, and that done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._containers.state import started
from ansible_collections.netmode.docker.plugins.module_utils._engine.names import own_names
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import drift, files, live, tried
from .files import content_of
from .protocol import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .check import Around
    from .drift import Asked, Drift, Running
    from .files import Found, Instance, Tried
    from .live import Change, Said


class Server(NamedTuple):
    """A Redis that runs."""

    instance: Instance
    redis: Running
    asked: Asked
    content: str
    """Of the redis.conf that it has; '' for none."""

    @property
    def turn(self) -> tuple[str, str] | None:
        """The words of REPLICAOF where it follows another than it is to."""
        role, wanted = self.asked.role, self.instance["follows"]
        if role is None or role.follows == wanted or not self.instance["replication"]:
            return None
        return (wanted.host, str(wanted.port)) if wanted else ("no", "one")


class Aim(NamedTuple):
    """What it is to be, and how it gets there."""

    wanted: Said | None
    """What it is to say; without a trial yet as far as its redis.conf tells, and None where that is not known."""
    drift: Drift
    judged: dict[str, str]
    """Settings that it judges itself, so that they need no trial."""


def observe(instances: list[Instance], current: dict[str, Found], around: Around) -> dict[str, Server]:
    """By the name of each instance, without Sentinels."""
    return _observe([one for one in instances if not one.get("sentinel")], current, around, drift.ask)


def sentinels(instances: list[Instance], current: dict[str, Found], around: Around) -> dict[str, Server]:
    """The same of Sentinels, which are not asked for what they have not: a configuration, or data."""
    return _observe([one for one in instances if one.get("sentinel")], current, around, None)


def _observe(
    instances: list[Instance], current: dict[str, Found], around: Around, ask: Callable[[Running], Asked] | None
) -> dict[str, Server]:
    states = {name: one for one in around.containers for name in own_names(one)}
    found: dict[str, Server] = {}
    for instance in instances:
        name = instance["name"]
        state = states.get(name, {}).get("State")
        if instance["state"] != "present" or state not in ("running", "paused"):
            continue
        content = current[name].content or ""
        redis = drift.running(instance, states[name]["Id"], content)
        if redis:
            asked = ask(redis) if ask and state == "running" else drift.Asked()
            found[name] = Server(instance, redis, asked, content)
    return found


def connected(server: Server, within: float) -> Connection:
    try:
        own = Connection(server.redis.endpoint, within)
        said = drift.let_in(own, server.redis)
    except drift.NOT_TOLD as error:
        said = str(error)
    if said:
        raise NetmodeError(f"instance {server.instance['name']}: it does not answer over its socket: {said}.")
    return own


def aim(engine: Engine, server: Server, noted: Tried, digest: str) -> Aim:
    """``noted``: of the last trial; ``digest``: of the one that it is to pass."""
    now, told = server.asked.now, live.Said(*noted.said) if noted.said else None
    if digest == noted.digest:
        return aimed_at(engine, server, noted, told)
    wanted = live.predicted(server.instance, server.content, now, told) if now and server.content else None
    found = aimed_at(engine, server, noted, wanted)
    if now and told and not found.drift.restart and tried.differ_in_redis_conf(digest, noted.digest):
        found = found._replace(judged=live.judged(server.instance, server.content, now))
    return found


def aimed_at(engine: Engine, server: Server, noted: Tried, wanted: Said | None) -> Aim:
    """``wanted``: what a trial has said that it is to say; None where that is not known."""
    return Aim(wanted, _drift(engine, server, noted, wanted), {})


def _drift(engine: Engine, server: Server, noted: Tried, wanted: Said | None) -> Drift:
    asked = server.asked
    if asked.now and wanted:
        return drift.compare(server.redis, server.instance, asked.now, wanted, noted.trusted)
    if asked.refused:
        return drift.NONE._replace(restart="it has another password, which redis.conf does not say")
    if server.content != content_of(server.instance) or (asked.mute and _is_older(engine, server)):
        return drift.NONE._replace(restart="its redis.conf changes, and it does not say what it runs with")
    return drift.NONE


def _is_older(engine: Engine, server: Server) -> bool:
    """Whether a Redis was started before its redis.conf was written: never before one that is of a time to come."""
    inspected = engine.get(f"/containers/{server.redis.endpoint.container}/json")
    return started(inspected) < files.written_at(server.instance) <= files.moment(time.time_ns())


def with_roles(servers: dict[str, Server], instances: list[Instance]) -> dict[str, Server]:
    """``instances``: with whom each is to follow."""
    return {one["name"]: servers[one["name"]]._replace(instance=one) for one in instances if one["name"] in servers}


def to_set(server: Server, aimed: Aim, *, renewed: bool) -> Change:
    """What is to be set while it runs; not where a start is to come, which does that too.

    But an append-only file is begun while its Redis has the data: one that starts with it for the first time is empty.
    """
    change = aimed.drift.change
    if not (aimed.drift.restart or renewed):
        return change._replace(follow=server.turn)
    log = {key: value for key, value in change.settings.items() if (key, value) == ("appendonly", "yes")}
    return live.Change(log, {})
