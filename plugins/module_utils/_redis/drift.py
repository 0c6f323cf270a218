# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a Redis that runs has another configuration than its redis.conf says or is to say, and what it takes to change.

Only what a Redis says itself counts. One that does not say takes its redis.conf over when it is restarted.
"""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from . import live, operator, tls_live
from .protocol import Connection, Endpoint, NotMeantError, NotRedisError, encode

if TYPE_CHECKING:
    from .replication import Role


Instance = dict[str, Any]

WITHIN = 3.0
"""Seconds."""
NOT_TOLD = (OSError, NotMeantError, NotRedisError)


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
    return as_written(instance, container, content) if instance["trial"] and instance["socket_directory"] else None


def as_written(instance: Instance, container: str, content: str | None) -> Running:
    """Also one that is to be absent, as whom its redis.conf lets in."""
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
        with closing(Connection(redis.endpoint, WITHIN)) as own:
            answer = let_in(own, redis)
            if answer:
                return Asked(refused=_is_refusal(answer))
            now = live.said(own)
            return Asked(now, mute=now is None, role=live.role_of(own))
    except NOT_TOLD:
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
            with closing(Connection(redis.endpoint, WITHIN)) as own:
                if let_in(own, redis):
                    return NONE  # it has changed meanwhile
                settings, names = live.changeable(own, change.settings)
                settings.update(tls_live.to_read_again(own, instance, now, trusted))
        except NOT_TOLD:  # it has ended
            return NONE
        change, fixed = change._replace(settings=settings), [*names, *fixed]
    told = ", ".join(fixed)
    return Drift(change, f"its redis.conf says another {told}, which Redis reads only when it starts" if fixed else "")
