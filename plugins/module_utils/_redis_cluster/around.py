# SPDX-License-Identifier: GPL-3.0-or-later
"""What is around a node whose container is to go: whether the cluster is whole, and every shard has one in sync."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis import look
from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import encode
from ansible_collections.netmode.docker.plugins.module_utils._redis.running import connected
from ansible_collections.netmode.docker.plugins.module_utils._redis.waiting import turns

from . import peers
from .nodes import SLOTS, count, parse

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
    from ansible_collections.netmode.docker.plugins.module_utils._redis.running import Server

    from .nodes import Node
    from .peers import Replica, Way

Json = dict[str, Any]

WITHIN = 10.0
"""Seconds that a node of this host may take to say what it sees."""
_PATIENCE = 5.0
"""Seconds after which what is not in sync is not waited for before anything is changed."""
FIRST = 0.02
"""Seconds until it is looked at again."""


class Around(NamedTuple):
    """What a node sees, and what the replicas say."""

    nodes: tuple[Node, ...]
    is_ok: bool
    """Whether it serves: Redis' cluster_state."""
    replicas: dict[str, Replica]
    """By id."""
    way: Way

    @property
    def me(self) -> Node:
        return next(node for node in self.nodes if "myself" in node.flags)

    @property
    def successors(self) -> list[Replica]:
        """Who can take over from it, the one that has most first."""
        mine = [one for one in self.replicas.values() if one.node.master == self.me.id and not one.why]
        return sorted(mine, key=lambda one: -one.offset)


def shortcomings(around: Around, replicas: int) -> list[str]:
    """Why a node is not to go now. ``replicas``: how many each master is to have. Pure."""
    masters = [node for node in around.nodes if node.slots]
    served = sum(count(node.slots) for node in masters if not node.has_failed)
    if not masters or (served < SLOTS and len(around.nodes) == 1):
        return []  # it is in no cluster yet
    found = []
    if served < SLOTS:
        found.append(f"{SLOTS - served} of {SLOTS} slots have no master that serves them")
    elif not around.is_ok:
        found.append("its cluster is not whole as it sees it (cluster_state:fail)")
    for master in masters:
        mine = [one for one in around.replicas.values() if one.node.master == master.id]
        if around.me.master == master.id or any(not one.why for one in mine) or not (replicas or mine):
            continue
        told = "; ".join(f"{one.node.at} {one.why}" for one in mine) or "it has none"
        found.append(f"no replica of {'it' if master == around.me else master.at} is in sync ({told})")
    return found


def refuse(engine: Engine, parts: Json, going: Collection[str]) -> list[str]:
    """Of the instances whose containers would go. Returns warnings. NetmodeError: one is not to go now."""
    warnings = []
    due = [one for one in parts["cluster"]["nodes"] if one["instance"] in going]
    servers = servers_of(engine, parts) if due else {}
    for given in due:
        name = given["instance"]
        server = servers.get(name)
        if server is None:
            continue
        around, wrong = settled(server, servers, given, _PATIENCE)
        if wrong and not given["accept_gap"]:
            raise NetmodeError(
                f"instance {name}: its container is to be recreated or restarted, and now is no time for that: "
                f"{'; '.join(wrong)}. Nothing was changed on this host. Put that right (playbooks/verify.yml says what "
                "is wrong, playbooks/cluster.yml forms the cluster) and run this again; or say "
                "redis_cluster_accept_gap: true where its slots may be without a server meanwhile."
            )
        warnings += _gap(name, around, wrong)
    return warnings


def _gap(name: str, around: Around, wrong: list[str]) -> list[str]:
    if not around.me.slots or around.successors or len(around.nodes) == 1:
        return []
    why = f" ({'; '.join(wrong)})" if wrong else " (redis_cluster_replicas: 0)"
    return [f"instance {name}: nobody can take its slots over{why}. They are not served while its container is away."]


def servers_of(engine: Engine, parts: Json) -> dict[str, Server]:
    seen = look.observe(parts["files"], engine)
    return {name: one for name, one in seen.servers.items() if one.asked.role}


def settled(server: Server, servers: Mapping[str, Server], given: Json, wait: float) -> tuple[Around, list[str]]:
    """What is around it once nothing is in its way, or the time is over."""
    for _ in turns(time.monotonic() + wait, FIRST):
        around = around_of(server, servers)
        wrong = shortcomings(around, given["replicas"])
        if not wrong or given["accept_gap"]:
            break
    return around, wrong


def around_of(server: Server, servers: Mapping[str, Server]) -> Around:
    """``servers``: those of this host. NetmodeError: it does not say."""
    name, way = server.instance["name"], peers.way_of(server)
    try:
        with closing(connected(server, WITHIN)) as own:
            own.send(encode("CLUSTER", "NODES") + encode("CLUSTER", "INFO"))
            text, info = str(own.reply()), str(own.reply())
            if text.startswith("ERR "):  # it is to become a node by this very start
                text = f"{'0' * 40} :0@0 myself,master - 0 0 0 connected"
            nodes = peers.at_their_ports(own, parse(text)) if way.tls else parse(text)
            way = way._replace(here=_by_id(servers))
    except peers.NOT_TOLD as error:
        raise NetmodeError(f"instance {name}: it does not say what it sees of its cluster: {error}.") from error
    others = [node for node in nodes if node.master and "myself" not in node.flags and not node.has_failed]
    failed = [node for node in nodes if node.master and node.has_failed]
    replicas = {node.id: peers.asked(node, way) for node in others}
    replicas.update({node.id: peers.Replica(node, "has failed", 0) for node in failed})
    return Around(nodes, "cluster_state:ok" in info, replicas, way)


def _by_id(servers: Mapping[str, Server]) -> dict[str, Server]:
    """Without those that are no nodes."""
    found = {}
    for server in servers.values():
        with closing(connected(server, WITHIN)) as own:
            own.send(encode("CLUSTER", "MYID"))
            found[str(own.reply())] = server
    return found
