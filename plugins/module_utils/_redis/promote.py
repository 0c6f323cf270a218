# SPDX-License-Identifier: GPL-3.0-or-later
"""A planned switch of the master: on each host what its running servers are, and the steps that are its own.

The server does it (FAILOVER, Redis 6.2 and later): it holds writes back, waits until its replica has all of them, and
changes roles with it. So no write that was acknowledged is lost, and where it does not come about all is as before.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone

from . import following, live, look, reconcile, replication
from .protocol import encode, info_of
from .replication import Place
from .running import connected

if TYPE_CHECKING:
    from collections.abc import Callable

    from .protocol import Connection
    from .running import Server

Json = dict[str, Any]

STEPS: Json = {
    "steps": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "instance": {"type": "str", "required": True},
            "step": {"type": "str", "required": True, "choices": ["hand_over", "lead", "follow"]},
            "host": {"type": "str", "default": ""},
            "port": {"type": "int", "default": 0},
        },
    },
    "wait": {"type": "int", "default": 10},
}
"""The options of the module ``redis_promote``, beside those of a plan."""

_NEARLY = 1 << 20
"""Bytes that a replica may be behind when writes begin to be held back for it."""
_SAYS_EVERY, _BEFORE = 1.0, 0.15
"""Seconds between two messages of a replica that say how far it is (``replicationCron``), and before the next of them
that writes begin to be held back, which goes on until it says that it has all."""
_ANSWERS_WITHIN = 3.0
"""Seconds that a server may take beyond what is waited for."""


def promote(params: Json, parts: Json, *, check_mode: bool) -> Json:
    """Take the steps, have redis.conf say what runs, and return ``roles``. NetmodeError: one did not come about."""
    engine = Engine(params["docker_host"], params["timeout"])
    servers, steps = _servers(engine, parts), params["steps"]
    for step in steps:
        if step["instance"] not in servers:
            raise NetmodeError(
                f"instance {step['instance']}: it does not run here, or does not answer. Run site.yml first."
            )
    if check_mode or not steps:
        return {"changed": bool(steps), "roles": _roles(servers)}
    with alone("containers", "netmode.docker.redis_promote", engine.docker_host):
        for step in steps:
            _take(servers[step["instance"]], step, params["wait"])
    given = {**parts["files"], "docker_host": params["docker_host"], "timeout": params["timeout"]}
    reconcile.reconcile(given, check_mode=False)
    return {"changed": True, "roles": _roles(servers)}


def _servers(engine: Engine, parts: Json) -> dict[str, Server]:
    seen = look.observe(parts["files"], engine)
    return {name: one for name, one in seen.servers.items() if one.asked.role}


def _roles(servers: dict[str, Server]) -> Json:
    """By instance what it says of its role, and ``place``, where others reach it; null where that is not known."""
    found: Json = {}
    for name, server in servers.items():
        given = server.instance["replication"] or {}
        place = Place(given["announce_host"], given["announce_port"]) if given.get("announce_host") else None
        with closing(connected(server, _ANSWERS_WITHIN)) as own:
            told = replication.told_in(info_of(own, "replication")) or {}
        found[name] = {**told, "place": str(place) if place else None}
    return found


def _take(server: Server, step: Json, wait: int) -> None:
    name, to = server.instance["name"], Place(step["host"], step["port"])
    if step["step"] == "lead":
        if server.asked.role and server.asked.role.follows:
            raise NetmodeError(f"instance {name}: it follows {server.asked.role.follows}, and was not handed over to.")
        return
    with closing(connected(server, following.WITHIN + 2 * wait + _ANSWERS_WITHIN)) as own:
        prepared = _prepare(own, server, to)
        follows = step["step"] == "follow"
        why = following.follow(own, (to.host, str(to.port))) if follows else _hand_over(own, to, wait)
        if why and server.asked.now:
            live.put_back(own, prepared, server.asked.now.settings)
    if why:
        raise NetmodeError(f"instance {name}: {why}. It is what it was, and no write is lost.")


def _prepare(own: Connection, server: Server, to: Place) -> dict[str, str]:
    """What a replica's redis.conf says beside its master, set before it becomes one."""
    replica = replication.with_role(server.instance, to)
    values = {
        name: lines[-1][0]
        for name, lines in live.directives("\n".join([*replica["role"], *replica["role_secrets"]])).items()
        if name not in replication.FOLLOWS
    }
    said = live.put(own, values) if values else "OK"
    if said != "OK":
        raise NetmodeError(f"instance {server.instance['name']}: {', '.join(values)}: {said}. Nothing was changed.")
    return values


def _hand_over(own: Connection, to: Place, wait: int) -> str:
    """Why it did not come about, '' where it did."""
    until = time.monotonic() + wait
    while True:
        offset, replica = _offsets(own, to)
        if replica is not None and offset - replica <= _NEARLY:
            break
        if time.monotonic() > until:
            far = "not in sync" if replica is None else f"{offset - replica} bytes behind"
            return f"its replica at {to} is {far} after {wait} s"
        time.sleep(0.05)
    _until_it_speaks(own, to, replica)
    own.send(encode("FAILOVER", "TO", to.host, str(to.port), "TIMEOUT", str(wait * 1000)))
    said = str(own.reply())
    if said != "OK":
        return f"it answers FAILOVER with {said}"
    until = time.monotonic() + 2 * wait
    while time.monotonic() < until:
        info = info_of(own, "replication")
        told = replication.told_in(info) or {}
        if told.get("role") == "replica" and told.get("link") == "up":
            return ""
        if told.get("role") == "master" and info.get("master_failover_state") == "no-failover":
            return f"its replica at {to} did not have everything within {wait} s, so it goes on as the master"
        time.sleep(0.02)
    own.send(encode("FAILOVER", "ABORT"))
    own.reply()
    return f"{to} does not let it follow within {2 * wait} s (its log says why), so it goes on as the master"


def _offsets(own: Connection, to: Place) -> tuple[int, int | None]:
    """How far the master is and, as it has said, its replica; None where that is not in sync."""
    told = replication.told_in(info_of(own, "replication")) or {"replicas": [], "offset": 0}
    found = [one["offset"] for one in replication.in_sync(told["replicas"]) if one["address"] == str(to)]
    return told["offset"], found[0] if found else None


def _until_it_speaks(own: Connection, to: Place, said: int) -> None:
    """Wait until the replica is about to say how far it is; where nobody writes it says nothing new, and none waits."""
    _until_another(lambda: _offsets(own, to)[1], said)


def until_one_speaks(own: Connection) -> None:
    """The same of all replicas, of which the one that is the furthest counts."""

    def furthest() -> int:
        told = replication.told_in(info_of(own, "replication")) or {"replicas": []}
        return max((one["offset"] for one in replication.in_sync(told["replicas"])), default=0)

    _until_another(furthest, furthest())


def _until_another(offset: Callable[[], int | None], said: int) -> None:
    until = time.monotonic() + _SAYS_EVERY + _BEFORE
    while time.monotonic() < until:
        if offset() != said:
            time.sleep(_SAYS_EVERY - _BEFORE)
            return
        time.sleep(0.01)
