# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a Redis that runs has another configuration than its redis.conf says or is to say, and what it takes to change.

Only what a Redis says itself counts. One that does not say takes its redis.conf over when it is restarted.
"""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import following, live, operator, saving, tls_live
from .protocol import Connection, Endpoint, NotMeantError, NotRedisError, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .data import Names
    from .replication import Role

Instance = dict[str, Any]

_WITHIN = 3.0
"""Seconds."""
_SAVED_WITHIN = 3600.0
"""Seconds that a Redis may take to write all its data."""
_NOT_TOLD = (OSError, NotMeantError, NotRedisError)


class Asked(NamedTuple):
    """What a running Redis said when it was asked."""

    now: live.Said | None = None
    """None where it does not say: it is paused, loads its data, or has no such commands."""
    refused: bool = False
    """It takes neither the password that it is to have nor the one in its redis.conf."""
    mute: bool = False
    """It answers, and never says: its redis.conf takes CONFIG or ACL away."""
    role: Role | None = None
    """None where it does not say."""


class Drift(NamedTuple):
    change: live.Change
    """What can be set while it runs."""
    restart: str
    """Why only a restart brings the rest, '' where there is no rest."""


NONE = Drift(live.Change({}, {}), "")


class Running(NamedTuple):
    """A Redis that runs, and as whom it may let in: what the variables say, then what its redis.conf says."""

    endpoint: Endpoint
    credentials: list[operator.Credentials]


def running(instance: Instance, container: str, content: str | None) -> Running | None:
    """``container``: its id. ``content``: of the redis.conf that it has. None for one that is not to be asked."""
    if not (instance["trial"] and instance["socket_directory"]):
        return None
    before = ""
    with suppress(ValueError):  # of lines that are somebody else's
        before = live.password_of(content or "")
    given = operator.all_credentials(instance, content or "", before)
    username, password = given[0] if given else (None, None)
    at = f"{instance['socket_directory']}/redis.sock"
    return Running(
        Endpoint(instance["name"], socket=at, username=username, password=password, container=container), given
    )


def ask(redis: Running) -> Asked:
    try:
        with closing(Connection(redis.endpoint, _WITHIN)) as own:
            answer = let_in(own, redis)
            if answer:
                return Asked(refused=_is_refusal(answer))
            now = live.said(own)
            return Asked(now, mute=now is None, role=live.role_of(own))
    except _NOT_TOLD:
        return Asked()


def let_in(connection: Connection, redis: Running) -> str:
    """Give it each password until one is right. What it says to PING then, '' for PONG."""
    answer = ""
    for username, password in redis.credentials:
        connection.send(encode("AUTH", username, password))
        answer = str(connection.reply())
        if answer == "OK":
            break
    connection.send(encode("PING"))  # it may need none at all
    said = connection.reply()
    return "" if said == "PONG" else answer if _is_refusal(answer) else str(said)


def _is_refusal(answer: str) -> bool:
    return answer.startswith(("WRONGPASS", "NOAUTH"))


def compare(redis: Running, instance: Instance, now: live.Said, wanted: live.Said, trusted: str = "") -> Drift:
    """``now``: what it says. ``wanted``: what it is to say. ``trusted``: digest of the CAs that it was told of."""
    change = live.difference(instance, now, wanted)
    fixed = ["rename-command or loadmodule"] if wanted.loaded and now.loaded not in ("", wanted.loaded) else []
    if change.settings or instance.get("tls"):
        try:
            with closing(Connection(redis.endpoint, _WITHIN)) as own:
                if let_in(own, redis):
                    return NONE  # it has changed meanwhile
                settings, names = live.changeable(own, change.settings)
                settings.update(tls_live.to_read_again(own, instance, now, trusted))
        except _NOT_TOLD:  # it has ended
            return NONE
        change, fixed = change._replace(settings=settings), [*names, *fixed]
    told = ", ".join(fixed)
    return Drift(change, f"its redis.conf says another {told}, which Redis reads only when it starts" if fixed else "")


def judge(redis: Running, values: Mapping[str, str]) -> live.Said | None:
    """Have a running Redis set to what is written. What it says then; None where it refuses that, and is as before."""
    try:
        with closing(Connection(redis.endpoint, _WITHIN)) as own:
            if let_in(own, redis):
                return None
            return live.said(own) if live.put(own, values) == "OK" else None
    except _NOT_TOLD:
        return None


def _set_users(own: Connection, redis: Running, change: live.Change) -> str:
    """Let in anew afterwards: who it was let in as may not do all that is asked by then, or is to go."""
    if not change.users and change.password is None:
        return ""
    goes: dict[str, str | None] = {}
    if operator.NAME in change.users and change.users[operator.NAME] is None:
        goes[operator.NAME] = None
    stay = {name: rules for name, rules in change.users.items() if name not in goes}
    why = live.set_users(own, change._replace(users=stay)) or let_in(own, redis)
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
            why = let_in(own, redis)
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
    except (*_NOT_TOLD, NetmodeError) as error:
        why = str(error)
    if why:
        option = "replica_of" if change.follow else "settings"
        raise NetmodeError(
            f"instance {name}: {option}: its {', '.join(change.names) or 'appendonly'} could not be set while it runs: "
            f"{why}. Its redis.conf is as it was, and its data is untouched. Look at its log (docker logs {name}), "
            "and run this again."
        )
    return Drift(change, f"it does not take all of its redis.conf while it runs ({refused})" if refused else "")
