# SPDX-License-Identifier: GPL-3.0-or-later
"""The Redis of an instance that runs: what it takes for it to be what its redis.conf is going to say, and that done."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._containers.state import started
from ansible_collections.netmode.docker.plugins.module_utils._engine.names import own_names
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import data, drift, files, formats, live, trial
from .files import content_of

if TYPE_CHECKING:
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
    """By the name of each instance."""
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
            asked = drift.ask(redis) if state == "running" else drift.Asked()
            found[name] = Server(instance, redis, asked, content)
    return found


# --- plan -------------------------------------------------------------------------------------------------------------


def aim(engine: Engine, server: Server, noted: Tried, digest: str) -> Aim:
    """``noted``: of the last trial; ``digest``: of the one that it is to pass."""
    now, told = server.asked.now, live.Said(*noted.said) if noted.said else None
    if digest == noted.digest:
        return aimed_at(engine, server, noted, told)
    wanted = live.predicted(server.instance, server.content, now, told) if now and server.content else None
    found = aimed_at(engine, server, noted, wanted)
    if now and told and not found.drift.restart and trial.differ_in_redis_conf(digest, noted.digest):
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
    """Whether a Redis was started before its redis.conf was written."""
    inspected = engine.get(f"/containers/{server.redis.endpoint.container}/json")
    return started(inspected) < files.written_at(server.instance)


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


# --- apply ------------------------------------------------------------------------------------------------------------


def refuse_unreadable(instance: Instance, asked: Asked | None, said: Said | None) -> None:
    """R13: another server that does not read what lies there, or what the one that runs writes when it is stopped."""
    new = formats.server_said(said.server) if said else None
    if said is None or new is None:
        return
    old = formats.server_said(asked.now.server) if asked and asked.now else None
    written = {formats.written_by(old)} if old else set()
    relaxed = said.settings.get("rdb-version-check") == "relaxed"
    for header in sorted(instance["headers"] | written - {""}):
        why = formats.why_unreadable(header, new, relaxed=relaxed)
        if why:
            whose = f" ({old} writes it when it is stopped)" if old and header in written else ""
            raise NetmodeError(
                f"instance {instance['name']}: image: its data cannot be kept with this one: {why}{whose}. Its "
                "configuration and its container are as they were. Name an image that reads it, or the one that it had."
            )


def judge(engine: Engine, servers: dict[str, Server], aims: dict[str, Aim]) -> dict[str, Said]:
    """What each says then. NetmodeError, in the words of a trial's log: one refuses, and the others are as before."""
    said: dict[str, Said] = {}
    for name, aimed in aims.items():
        answer = drift.judge(servers[name].redis, aimed.judged)
        before = servers[name].asked.now
        if answer and aimed.wanted and before:
            # One setting may have several names, of which redis.conf says one.
            values = {
                setting: value
                for setting, value in answer.settings.items()
                if setting in aimed.judged or before.settings.get(setting) != value
            }
            settings = {**aimed.wanted.settings, **values}
            said[name] = aimed.wanted._replace(settings=settings, server=answer.server)
            continue
        try:
            said.update(trial.refuse_failing(engine, [servers[name].instance]))
        except NetmodeError:
            for other in said:
                _put_back(servers[other], aims[other].judged)
            raise
    return said


def _put_back(server: Server, judged: dict[str, str]) -> None:
    if server.asked.now:
        drift.judge(server.redis, {name: server.asked.now.settings[name] for name in judged})


def set_live(server: Server, aimed: Aim, *, renewed: bool) -> Drift:
    """Set what can be. What was, and why a restart is to bring the rest."""
    nothing = drift.NONE._replace(restart=aimed.drift.restart)
    if not server.content or not server.asked.now:
        return nothing
    change, starts = to_set(server, aimed, renewed=renewed), renewed or bool(aimed.drift.restart)
    had, wanted = data.names_of(server.content), data.names_of(content_of(server.instance))
    begins, ends = wanted.aof and not had.aof, had.aof and not wanted.aof and not starts
    if not (change.names or begins or ends):
        return nothing
    files.write_secrets(server.instance)  # it reads its certificate when it is told its name
    done = drift.set_to(server.redis, server.instance, change, had, wanted, server.asked.now.settings)
    return done._replace(restart=aimed.drift.restart or done.restart)
