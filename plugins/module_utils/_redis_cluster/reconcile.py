# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a cluster that run on this host: what each says, the steps that are theirs, and what these bring.

Each is asked over its own socket, so that no password and no right to change the cluster leaves its host.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone
from ansible_collections.netmode.docker.plugins.module_utils._redis import copied, leaving, look
from ansible_collections.netmode.docker.plugins.module_utils._redis.of_plan import STEPS
from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import (
    ErrorReply,
    NotMeantError,
    NotRedisError,
    encode,
    info_of,
)
from ansible_collections.netmode.docker.plugins.module_utils._redis.running import connected
from ansible_collections.netmode.docker.plugins.module_utils._redis.waiting import LONGEST, turns

from . import commands, lead, probe
from .nodes import SLOTS, count, parse

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import Connection
    from ansible_collections.netmode.docker.plugins.module_utils._redis.running import Server

Json = dict[str, Any]

ARGUMENTS: Json = {
    "nodes": {"type": "list", "elements": "str", "required": True},
    "steps": STEPS,
    "waits": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "instance": {"type": "str", "required": True},
            "known": {"type": "int", "default": 1},
            "whole": {"type": "bool", "default": False},
            "lasting": {"type": "float", "default": 0},
        },
    },
    "probes": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
        },
    },
    "wait": {"type": "int", "default": 60},
    "turn": {"type": "float", "default": 3600},
}
"""The options of the module ``redis_cluster``, beside those of a plan."""

_WITHIN = 5.0
"""Seconds that a node may take to answer."""
_MOVED_WITHIN = 24 * 3600.0
"""Seconds that slots with all their keys may take to go to another node."""
_MET_WITHIN = 10.0
"""Seconds after which who comes back is met once more."""


def cluster(params: Json, parts: Json, *, check_mode: bool) -> Json:
    """Take the steps, wait until it is so, and return ``nodes``. NetmodeError: one was refused, or it does not come."""
    closed = probe.unreached(params["probes"])
    if closed:
        raise NetmodeError(
            f"not reached from this host: {'; '.join(closed)}. Nothing was changed. A node needs its port and the bus "
            "(10000 above it) open to all hosts of its cluster: look at firewalls, and at redis_bind and redis_address."
        )
    engine, steps = Engine(params["docker_host"], params["timeout"]), params["steps"]
    seen = look.observe(parts["files"], engine)
    running = {**seen.servers, **leaving.servers(seen)}
    servers = {name: one for name, one in running.items() if name in params["nodes"] and one.asked.role}
    missing = [one["instance"] for one in [*steps, *params["waits"]] if one["instance"] not in servers]
    if missing:
        raise NetmodeError(f"instance {missing[0]}: it does not run here, or does not answer. Run site.yml first.")
    try:
        said = _cluster(params, engine, servers, check_mode=check_mode)
    except (OSError, NotMeantError, NotRedisError, ValueError) as error:
        why = f"a node of {', '.join(servers)} ended while it was asked, or says what no node says: {error}."
        raise NetmodeError(f"{why} Run this again.") from error
    return {**said, "leaving": {name: state for name, state in leaving.states(seen).items() if name in params["nodes"]}}


def _cluster(params: Json, engine: Engine, servers: dict[str, Server], *, check_mode: bool) -> Json:
    steps = params["steps"]
    if not check_mode:
        with alone("containers", "netmode.docker.redis_cluster", engine.docker_host):
            for step in steps:
                _take(servers[step["instance"]], step["command"], params["turn"])
        until = time.monotonic() + params["wait"]
        for awaited in params["waits"]:
            _settle(servers[awaited["instance"]], awaited, params["wait"], until)
    said = {name: _view(servers[name]) if name in servers else None for name in params["nodes"]}
    return {"changed": bool(steps), "nodes": said}


def _take(server: Server, words: list[str], turn: float) -> None:
    within = _MOVED_WITHIN if words[0] in commands.MANY else lead.LONGEST + _WITHIN
    password = str((server.instance["trial"] or {}).get("password") or "")
    with closing(connected(server, within)) as own:
        said = taken(own, words, commands.Around(password, turn))
    if said != "OK":
        shown = " ".join(words if len(words) < 6 else [*words[:5], "..."])
        raise NetmodeError(
            f"instance {server.instance['name']}: CLUSTER {shown}: {said}. The cluster is as far as it was, and serves "
            "every slot; run this again once that is put right."
        )


def taken(own: Connection, words: list[str], around: commands.Around) -> str:
    """OK, or what the node says instead."""
    if words[0] in commands.MANY:
        return commands.take(own, words, around)
    if words == ["LEAD"]:
        return lead.lead(own)
    said = _ask(own, "CLUSTER", *words)
    return "OK" if words[0] == "FORGET" and "Unknown node" in said else said  # it has heard of it


def _view(server: Server) -> Json | None:
    """None for one that is no node: ``cluster-enabled`` takes a restart that has not been."""
    with closing(connected(server, _WITHIN)) as own:
        return said_by(own)


def said_by(own: Connection) -> Json | None:
    text = _ask(own, "CLUSTER", "NODES")
    if isinstance(text, ErrorReply):
        return None
    moving = [str(slot) for node in parse(text) for slot, _, _ in node.moving]
    own.send(b"".join(encode("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in moving))
    left = {slot: int(own.reply() or 0) for slot in moving}
    return {"nodes": text, "keys": int(_ask(own, "DBSIZE")), "left": left, **_abilities(own)}


def _abilities(own: Connection) -> Json:
    """``memory`` as :class:`nodes.Memory`, and ``atomic`` as :class:`nodes.View` has it."""
    info = info_of(own, "memory")
    names = ("used_memory_dataset", "used_memory", "maxmemory")
    own.send(encode("COMMAND", "LIST", "FILTERBY", "PATTERN", "cluster|migrat*"))
    atomic = "".join(str(name).partition("|")[2].upper() for name in own.replies() or ())
    return {"memory": [*(int(info.get(name) or 0) for name in names), copied.free_memory()], "atomic": atomic}


def _ask(own: Connection, *words: str) -> str:
    own.send(encode(*words))
    return own.reply() or ""


def _settle(server: Server, awaited: Json, wait: int, until: float) -> None:
    with closing(connected(server, max(until - time.monotonic(), 0) + _WITHIN)) as own:
        why = settled(own, awaited, until)
    if why:
        raise NetmodeError(
            f"instance {server.instance['name']}: {why} within {wait} s. Its log says why "
            f"(docker logs {server.instance['name']}). Are the port and the port of the bus, 10000 above it, "
            "open between all hosts of the cluster?"
        )


def settled(own: Connection, awaited: Json, until: float) -> str:
    """What is not so by then; '' once it is so, and what is to last has lasted.

    Where it is to last it is waited for _MET_WITHIN seconds alone: who comes back is met once more then.
    """
    begun = time.monotonic()
    for _ in turns(until):
        why = unsettled(own, awaited)
        if not why:
            break
        if awaited["lasting"] and time.monotonic() > begun + _MET_WITHIN:
            return ""
    else:
        return why
    lasts = time.monotonic() + awaited["lasting"]
    while time.monotonic() < lasts and not unsettled(own, awaited):
        time.sleep(LONGEST)
    return ""


def unsettled(own: Connection, awaited: Json) -> str:
    """What is not so yet, or empty."""
    nodes = parse(_ask(own, "CLUSTER", "NODES"))
    known = sum(node.is_known and node.link == "connected" for node in nodes)
    if known < awaited["known"]:
        return f"it knows {known} of {awaited['known']} nodes"
    if awaited["whole"]:
        served = sum(count(node.slots) for node in nodes)
        if served < SLOTS:
            return f"it knows of {served} of {SLOTS} slots"
        info = info_of(own, "replication")
        if info.get("role") == "slave" and info.get("master_link_status") != "up":
            return f"its link to {info.get('master_host')}:{info.get('master_port')} does not come up"
        if "cluster_state:ok" not in _ask(own, "CLUSTER", "INFO"):
            return "its cluster is not whole"
    return ""
