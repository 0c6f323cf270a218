# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a Redis that runs lets in whom its redis.conf keeps out: what was set at run time (CONFIG SET, ACL SETUSER).

Only what a Redis says itself counts; one that is loading, does not answer or has no such command has not drifted.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from .conf import words_of
from .protocol import Connection, Endpoint, ErrorReply, NotMeantError, NotRedisError, encode, open_users

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Instance = dict[str, Any]

_WITHIN = 3.0
"""Seconds."""
_WHERE = ("port", "bind", "protected-mode")
"""Directives by which Redis says to whom it listens. Each is one line of a redis.conf that the role writes."""


def drifted(instances: Iterable[Instance], running: Mapping[str, str]) -> dict[str, str]:
    """Instance → what it was set to. ``running``: container → id, of those that run."""
    found = {}
    for instance in instances:
        name, trial = instance["name"], instance["trial"]
        if trial and instance["socket_directory"] and name in running:
            socket = f"{instance['socket_directory']}/redis.sock"
            endpoint = Endpoint(name, socket=socket, password=trial["password"] or None, container=running[name])
            try:
                found[name] = _drift(endpoint, _directives(instance))
            except (OSError, ValueError, NotMeantError, NotRedisError):  # also of lines that are none
                continue
    return {name: f"{why}, which redis.conf does not say" for name, why in found.items() if why}


def _directives(instance: Instance) -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    for words in map(words_of, [*instance["lines"], *instance["secrets"]]):
        if words:
            found.setdefault(words[0].lower(), []).append(words[1:])
    return found


def _drift(endpoint: Endpoint, conf: Mapping[str, list[list[str]]]) -> str:
    if endpoint.password is not None:
        with closing(Connection(endpoint, _WITHIN)) as stranger:
            stranger.send(encode("PING"))
            if stranger.reply() == "PONG":
                return "it needs no password"
    with closing(Connection(endpoint, _WITHIN)) as own:
        if endpoint.password is not None:
            own.send(encode("AUTH", endpoint.password))
            said = own.reply()
            if isinstance(said, ErrorReply):
                return "it has another password" if said.startswith("WRONGPASS") else ""
        return _open_user(own, conf) or _listens_else(own, conf)


def _open_user(own: Connection, conf: Mapping[str, list[list[str]]]) -> str:
    own.send(encode("ACL", "LIST"))
    meant = {words[0] for words in conf.get("user", []) if words and "nopass" in map(str.lower, words)}
    meant |= set() if "requirepass" in conf else {"default"}
    others = [name for name in open_users(own.replies()) or () if name not in meant]
    return f"its user {others[0]} needs no password" if others and "aclfile" not in conf else ""


def _listens_else(own: Connection, conf: Mapping[str, list[list[str]]]) -> str:
    for name in _WHERE:
        if name not in conf:
            continue
        own.send(encode("CONFIG", "GET", name))
        said = own.replies() or []
        if len(said) == 2 and said[1] is not None and said[1].split() != conf[name][-1]:
            return f"its {name} is {said[1]}"
    return ""
