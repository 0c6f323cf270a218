# SPDX-License-Identifier: GPL-3.0-or-later
"""The Sentinels of this host, and the servers that Sentinels watch: what each says, the steps that are theirs, a wait.

Each is asked over its own socket, so that no password leaves its host.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone
from ansible_collections.netmode.docker.plugins.module_utils._redis import (
    following,
    look,
    reconcile,
    running,
)
from ansible_collections.netmode.docker.plugins.module_utils._redis.conf import words_of
from ansible_collections.netmode.docker.plugins.module_utils._redis.of_plan import STEPS
from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import (
    NotMeantError,
    NotRedisError,
    encode,
    info_of,
)
from ansible_collections.netmode.docker.plugins.module_utils._redis.replication import Place, told_in
from ansible_collections.netmode.docker.plugins.module_utils._redis.waiting import turns

from .hand_over import hand_over, masters_among
from .plan import ASK_AS, FOLLOW, Wait, unlike
from .views import view_of

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import Connection
    from ansible_collections.netmode.docker.plugins.module_utils._redis.running import Server

Json = dict[str, Any]

ARGUMENTS: Json = {
    "instances": {"type": "list", "elements": "str", "required": True},
    "steps": STEPS,
    "waits": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "instance": {"type": "str", "required": True},
            "set": {"type": "str", "required": True},
            "host": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "sentinels": {"type": "int", "required": True},
            "replicas": {"type": "int", "required": True},
        },
    },
    "hand_over": {"type": "list", "elements": "str", "default": []},
    "wait": {"type": "int", "default": 60},
}
"""The options of the module ``redis_sentinel``, beside those of a plan."""

_WITHIN = 5.0
"""Seconds that one may take to answer."""
_ROWS = {"sentinels": "SENTINELS", "replicas": "REPLICAS"}


def sentinel(params: Json, parts: Json, *, check_mode: bool) -> Json:
    """Take the steps, wait, and return what each says. NetmodeError: one was refused, or it does not come about."""
    engine, steps = Engine(params["docker_host"], params["timeout"]), params["steps"]
    seen = look.observe(parts["files"], engine)
    servers = running.sentinels(seen.instances, seen.current, seen.around)
    there = {*servers, *seen.servers}
    missing = [one["instance"] for one in [*steps, *params["waits"]] if one["instance"] not in there]
    if missing:
        raise NetmodeError(f"instance {missing[0]}: it does not run here. Run site.yml first.")
    contents = {one["name"]: seen.current[one["name"]].content or "" for one in seen.instances}
    masters = masters_among(params["hand_over"], servers, seen.servers)
    try:
        if not check_mode:
            for name, (watch, of) in masters.items():
                hand_over(seen.servers[name], watch, of, params["wait"])
            _take_all(steps, servers, seen.servers, engine)
            if any(step["command"][0] == FOLLOW for step in steps):  # their redis.conf says so too
                given = {**parts["files"], "docker_host": params["docker_host"], "timeout": params["timeout"]}
                reconcile.reconcile(given, check_mode=False)
            until = time.monotonic() + params["wait"]
            for awaited in params["waits"]:
                _settle(servers[awaited["instance"]], awaited, params["wait"], until)
            contents.update(_read_again(parts, engine, servers) if steps else {})
        said: Json = {}
        for name in params["instances"]:
            said[name] = _said(name, servers, seen.servers, contents)
    except (OSError, NotMeantError, NotRedisError, ValueError) as error:
        raise NetmodeError(
            f"a Sentinel ended while it was asked, or says what none says: {error}. Run this again."
        ) from error
    return {"changed": bool(steps or masters), "said": said}


def _take_all(steps: list[Json], servers: dict[str, Server], data: dict[str, Server], engine: Engine) -> None:
    with alone("containers", "netmode.docker.redis_sentinel", engine.docker_host):
        for step in steps:
            if step["command"][0] == FOLLOW:
                _follow(data[step["instance"]], step["command"])
            else:
                _take(servers[step["instance"]], step["command"])


def _read_again(parts: Json, engine: Engine, servers: dict[str, Server]) -> dict[str, str]:
    seen = look.observe(parts["files"], engine)
    return {name: seen.current[name].content or "" for name in servers}


def _said(name: str, servers: dict[str, Server], data: dict[str, Server], contents: dict[str, str]) -> Json | None:
    """Of a Sentinel its sets, of any other its role; None where it does not run, or does not answer."""
    try:
        if name in servers:
            with closing(running.connected(servers[name], _WITHIN)) as own:
                return {"sets": _sets(own, servers[name], contents[name])}
        role = data[name].asked.role if name in data else None
        if role:
            with closing(running.connected(data[name], _WITHIN)) as own:
                told = told_in(info_of(own, "replication"))
                return {"role": {**told, "keys": role.keys} if told else None}
    except (OSError, NetmodeError):
        return None
    return None


def _sets(own: Connection, server: Server, content: str) -> Json:
    own.send(encode("SENTINEL", "MASTERS"))
    found: Json = {}
    for master in own.tables() or ():
        name = master.get("name", "")
        found[name] = {**_view(own, name, master), "asks_right": _asked_as(content, name) == _asks_as(server)}
    return found


def _view(own: Connection, name: str, master: Json) -> Json:
    found: Json = {"master": master, "quorum": _ask(own, "CKQUORUM", name)}
    for key, word in _ROWS.items():
        own.send(encode("SENTINEL", word, name))
        found[key] = own.tables() or []
    return found


def _asks_as(server: Server) -> tuple[str, str]:
    given = server.instance["sentinel"]
    return given["username"], given["password"]


def _asked_as(content: str, name: str) -> tuple[str, str]:
    """As its redis.conf says, which it has written: it says it nowhere else."""
    found = {"auth-user": "", "auth-pass": ""}
    for line in content.splitlines():
        try:
            words = words_of(line)
        except ValueError:
            continue
        if len(words) == 4 and words[0] == "sentinel" and words[2] == name and words[1] in found:
            found[words[1]] = words[3]
    return found["auth-user"], found["auth-pass"]


def _follow(server: Server, words: list[str]) -> None:
    with closing(running.connected(server, following.WITHIN + _WITHIN)) as own:
        why = following.follow(own, (words[1], words[2]))
    if why:
        raise NetmodeError(f"instance {server.instance['name']}: {why}. It is what it was.")


def _take(server: Server, words: list[str]) -> None:
    with closing(running.connected(server, _WITHIN)) as own:
        if words[0] == ASK_AS:
            user, password = _asks_as(server)
            asked = ["SET", words[1], "auth-user", user, "auth-pass", password]
            words = [*words, "..."]
        else:
            asked = words
        said = _ask(own, *asked)
    if said not in ("OK", "1"):
        raise NetmodeError(
            f"instance {server.instance['name']}: SENTINEL {' '.join(words)}: {said}. It watches what it did; run this "
            "again once that is put right."
        )


def _ask(own: Connection, *words: str) -> str:
    own.send(encode("SENTINEL", *words))
    return own.reply() or ""


def _settle(server: Server, awaited: Json, wait: int, until: float) -> None:
    name = awaited["set"]
    asked = Wait(Place(awaited["host"], awaited["port"]), awaited["sentinels"], awaited["replicas"])
    with closing(running.connected(server, max(until - time.monotonic(), 0) + _WITHIN)) as own:
        for _ in turns(until):
            why = _unsettled(own, name, asked)
            if not why:
                return
    raise NetmodeError(
        f"instance {server.instance['name']}: {name}: {why} within {wait} s. Its log says why (docker logs "
        f"{server.instance['name']}). Are the ports of the set and of its Sentinels open between all hosts?"
    )


def _unsettled(own: Connection, name: str, asked: Wait) -> str:
    own.send(encode("SENTINEL", "MASTERS"))
    masters = [one for one in own.tables() or () if one.get("name") == name]
    if not masters:
        return "it does not watch it"
    return unlike(view_of({**_view(own, name, masters[0]), "asks_right": True}), asked)
