# SPDX-License-Identifier: GPL-3.0-or-later
"""A Redis that runs becomes what its redis.conf is going to say: judged by itself, set in one step, read back."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import data, drift, files, following, formats, live, operator, running, saving, tls_live, trial
from .drift import Drift
from .files import content_of
from .protocol import Connection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .data import Names
    from .drift import Asked, Running
    from .files import Instance
    from .live import Said
    from .running import Aim, Server

_SAVED_WITHIN = 3600.0
"""Seconds that a Redis may take to write all its data."""


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
        answer = set_and_ask(servers[name].redis, aimed.judged)
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
        set_and_ask(server.redis, {name: server.asked.now.settings[name] for name in judged})


def set_live(server: Server, aimed: Aim, *, renewed: bool) -> Drift:
    """Set what can be. What was, and why a restart is to bring the rest."""
    nothing = drift.NONE._replace(restart=aimed.drift.restart)
    if not server.content or not server.asked.now:
        return nothing
    change, starts = running.to_set(server, aimed, renewed=renewed), renewed or bool(aimed.drift.restart)
    had, wanted = data.names_of(server.content), data.names_of(content_of(server.instance))
    begins, ends = wanted.aof and not had.aof, had.aof and not wanted.aof and not starts
    if not (change.names or begins or ends):
        return nothing
    files.write_secrets(server.instance)  # it reads its certificate when it is told its name
    done = set_to(server.redis, server.instance, change, had, wanted, server.asked.now.settings)
    return done._replace(restart=aimed.drift.restart or done.restart)


def set_and_ask(redis: Running, values: Mapping[str, str]) -> live.Said | None:
    """Have a running Redis set to what is written. What it says then; None where it refuses that, and is as before."""
    try:
        with closing(Connection(redis.endpoint, drift.WITHIN)) as own:
            if drift.let_in(own, redis):
                return None
            return live.said(own) if live.put(own, values) == "OK" else None
    except drift.NOT_TOLD:
        return None


def _set_users(own: Connection, redis: Running, change: live.Change) -> str:
    """Let in anew afterwards: who it was let in as may not do all that is asked by then, or is to go."""
    if not change.users and change.password is None:
        return ""
    goes: dict[str, str | None] = {}
    if operator.NAME in change.users and change.users[operator.NAME] is None:
        goes[operator.NAME] = None
    stay = {name: rules for name, rules in change.users.items() if name not in goes}
    why = live.set_users(own, change._replace(users=stay)) or drift.let_in(own, redis)
    return why or live.set_users(own, live.Change({}, goes))


def set_to(
    redis: Running, instance: Instance, change: live.Change, had: Names, wanted: Names, before: Mapping[str, str]
) -> Drift:
    """Set it, and have its data kept as ``wanted`` before its redis.conf says so. NetmodeError: it could not be set.

    ``had``: how redis.conf has it kept until now. ``before``: its settings, which it has again where it could not be
    set. Returns what was set, and why a restart is to bring the rest.
    """
    name, refused = redis.endpoint.name, ""
    try:
        with closing(Connection(redis.endpoint, _SAVED_WITHIN)) as own:
            why = drift.let_in(own, redis)
            if not why and change.settings:
                settings, refused = live.taken(own, change.settings)
                why = refused if settings is None else ""
                change = change._replace(settings=settings or {})
            why = (
                why
                or _set_users(own, redis, change)
                or live.unlike(own, change)
                or tls_live.refuse_unshown(own, instance, change.settings)
            )
            why = why or (following.follow(own, change.follow) if change.follow else "")
            if not why and not change.follow and following.ANNOUNCES & {*change.settings}:
                following.announce_again(own)
            turned = "appendonly" in change.settings or had.aof != wanted.aof
            if not why and turned and wanted.aof:
                saving.log(own)
            elif not why and turned and wanted.saves:
                saving.dump(own, saving.state)
            if why and change.settings:
                live.put_back(own, change.settings, before)
    except (*drift.NOT_TOLD, NetmodeError) as error:
        why = str(error)
    if why:
        option = "replica_of" if change.follow else "settings"
        raise NetmodeError(
            f"instance {name}: {option}: its {', '.join(change.names) or 'appendonly'} could not be set while it runs: "
            f"{why}. Its redis.conf is as it was, and its data is untouched. Look at its log (docker logs {name}), "
            "and run this again."
        )
    return Drift(change, f"it does not take all of its redis.conf while it runs ({refused})" if refused else "")
