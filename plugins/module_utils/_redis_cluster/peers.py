# SPDX-License-Identifier: GPL-3.0-or-later
"""The other nodes of a cluster, asked by the host of one as that asks its master: with masterauth, over TLS."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis import drift, live, running, tls
from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import (
    Connection,
    Endpoint,
    ErrorReply,
    NotMeantError,
    NotRedisError,
    encode,
    parse_info,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._redis.operator import Credentials
    from ansible_collections.netmode.docker.plugins.module_utils._redis.running import Server

    from .nodes import Node

_DEFAULT = "default"
_WITHIN = 3.0
"""Seconds that another node may take to answer."""
NOT_TOLD = (OSError, NotMeantError, NotRedisError, ValueError, NetmodeError)


class Way(NamedTuple):
    """How they are asked."""

    credentials: list[Credentials]
    tls: tls.Tls | None
    user: str
    """``masteruser`` where that is another than the user default; else empty."""
    here: Mapping[str, Server] = MappingProxyType({})
    """Node id to the server, of those that run on this host: they are asked over their sockets."""


class Replica(NamedTuple):
    node: Node
    why: str
    """Why it is not in sync; empty where it is."""
    offset: int


def way_of(server: Server) -> Way:
    """``server``: of this host."""
    instance = server.instance
    said = live.directives("\n".join([*instance["lines"], *instance["secrets"]]))
    user = " ".join(said.get("masteruser", [[]])[-1])
    given = [(user or _DEFAULT, " ".join(said["masterauth"][-1]))] if said.get("masterauth") else []
    credentials = [*given, *(one for one in server.redis.credentials if one[0] == _DEFAULT)]
    bus = said.get("tls-cluster", [["no"]])[-1] == ["yes"] and instance["tls"]
    directory = Path(instance["directory"])
    how = tls.between(str(directory / tls.PEM), str(directory / tls.CA)) if bus else None
    return Way(list(dict.fromkeys(credentials)), how, "" if user == _DEFAULT else user)


def connected(node: Node, way: Way) -> Connection:
    """One of NOT_TOLD: why not."""
    if node.id in way.here:
        return running.connected(way.here[node.id], _WITHIN)
    own = Connection(Endpoint(node.address, host=node.address, port=node.port, tls=way.tls), _WITHIN)
    refused = drift.let_in(own, drift.Running(Endpoint(node.address), way.credentials))
    if refused:
        own.close()
        raise NotMeantError(refused)
    return own


def asked(node: Node, way: Way) -> Replica:
    """Whether a replica is in sync, and may be told to take over."""
    try:
        with closing(connected(node, way)) as own:
            own.send(encode("INFO", "replication"))
            said = own.reply()
            if not isinstance(said, ErrorReply) and way.user and node.id not in way.here:
                own.send(encode("CLUSTER", "FAILOVER", "whether-it-may"))  # which is none of its options
                may = str(own.reply())
                said = ErrorReply(may) if may.startswith("NOPERM") else said
    except NOT_TOLD as error:
        return Replica(node, f"does not answer ({error})", 0)
    if isinstance(said, ErrorReply):
        rules = f"; give the user {way.user} (masteruser) +info +cluster|failover" if way.user else ""
        return Replica(node, f"does not say whether it is in sync ({said}{rules})", 0)
    info = parse_info(str(said))
    why = "" if info.get("master_link_status") == "up" else "its link to its master is down"
    return Replica(node, why, int(info.get("slave_repl_offset", 0)))


def at_their_ports(own: Connection, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Over a socket CLUSTER NODES does not have the ports of nodes that speak TLS alone."""
    if all(node.port for node in nodes):
        return nodes
    own.send(encode("CLUSTER", "SHARDS"))
    shards, found = own.tree(), {}
    for shard in shards if isinstance(shards, list) else ():
        for one in _pairs(shard).get("nodes", ()):
            told = _pairs(one)
            found[str(told["id"])] = int(told.get("tls-port") or told.get("port") or 0)
    return tuple(node._replace(port=node.port or found.get(node.id, 0)) for node in nodes)


def _pairs(flat: list[Any]) -> dict[str, Any]:
    return dict(zip(map(str, flat[::2]), flat[1::2]))
