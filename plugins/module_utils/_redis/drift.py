# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a Redis that runs was set to something that its redis.conf does not say (CONFIG SET, ACL SETUSER).

Only what a Redis says itself counts; one that is loading, does not answer or has no such command has not drifted.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import live, tls_live
from .protocol import Connection, Endpoint, NotMeantError, NotRedisError, encode, let_in, open_users

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Instance = dict[str, Any]

_WITHIN = 3.0
"""Seconds."""


class Drift(NamedTuple):
    lets_in: str
    """Whom it lets in that redis.conf keeps out. Only a restart ends that."""
    values: dict[str, str]
    """Directive → what a Redis with this redis.conf says, where this one says another."""


def drifts(
    instances: Iterable[Instance],
    running: Mapping[str, str],
    meant: Mapping[str, Mapping[str, str]],
    trusted: Mapping[str, str],
) -> dict[str, Drift]:
    """Instance → drift, where there is one.

    ``running``: container → id. ``meant``: instance → what a Redis with its redis.conf says, where that is known.
    ``trusted``: instance → digest of the CAs that it was told to trust.
    """
    found = {}
    for instance in instances:
        name = instance["name"]
        endpoint = _endpoint(instance, running)
        if endpoint is None:
            continue
        try:
            found[name] = _drift(endpoint, instance, meant.get(name, {}), trusted.get(name, ""))
        except (OSError, ValueError, NotMeantError, NotRedisError):  # also of lines that are none
            continue
    return {name: drift for name, drift in found.items() if any(drift)}


def set_back(instance: Instance, running: Mapping[str, str], values: Mapping[str, str]) -> None:
    """Set the running Redis to what its redis.conf says. NetmodeError: it could not be set."""
    endpoint = _endpoint(instance, running)
    why = "it does not run"
    if endpoint is not None:
        try:
            with closing(Connection(endpoint, _WITHIN)) as own:
                why = (
                    let_in(own, endpoint) or live.change(own, values) or tls_live.refuse_unshown(own, instance, values)
                )
        except (OSError, NotMeantError, NotRedisError) as error:
            why = str(error)
    if why:
        raise NetmodeError(
            f"instance {instance['name']}: settings: it runs with another {', '.join(values)} than its redis.conf "
            f"says, and CONFIG SET did not change that: {why}. Its data is untouched. Look at its log "
            f"(docker logs {instance['name']}), or restart it, after which redis.conf holds."
        )


def _endpoint(instance: Instance, running: Mapping[str, str]) -> Endpoint | None:
    name, trial = instance["name"], instance["trial"]
    if not (trial and instance["socket_directory"] and name in running):
        return None
    socket = f"{instance['socket_directory']}/redis.sock"
    return Endpoint(name, socket=socket, password=trial["password"] or None, container=running[name])


def _drift(endpoint: Endpoint, instance: Instance, meant: Mapping[str, str], trusted: str) -> Drift:
    if endpoint.password is not None:
        with closing(Connection(endpoint, _WITHIN)) as stranger:
            stranger.send(encode("PING"))
            if stranger.reply() == "PONG":
                return Drift("it needs no password, which redis.conf does not say", {})
    with closing(Connection(endpoint, _WITHIN)) as own:
        refused = let_in(own, endpoint)
        if refused:
            wrong = refused.startswith("WRONGPASS")
            return Drift("it has another password, which redis.conf does not say" if wrong else "", {})
        open_user = _open_user(own, live.directives(instance))
        now = live.settings(own, meant)
        again = tls_live.to_read_again(own, instance, trusted)
    return Drift(open_user, {**{name: meant[name] for name, value in now.items() if value != meant[name]}, **again})


def _open_user(own: Connection, conf: Mapping[str, list[list[str]]]) -> str:
    own.send(encode("ACL", "LIST"))
    meant = {words[0] for words in conf.get("user", []) if words and "nopass" in map(str.lower, words)}
    meant |= set() if "requirepass" in conf else {"default"}
    others = [name for name in open_users(own.replies()) or () if name not in meant]
    told = f"its user {others[0]} needs no password, which redis.conf does not say" if others else ""
    return "" if "aclfile" in conf else told
