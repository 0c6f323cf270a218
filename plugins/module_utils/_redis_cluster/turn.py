# SPDX-License-Identifier: GPL-3.0-or-later
"""A node whose container is to go: another takes its slots over before, and the next goes once this one is back.

So of each shard one goes at a time, always as a replica, and nothing goes while the cluster is not whole or a shard has
no replica in sync. What there is each node is asked anew before it goes.
"""

from __future__ import annotations

import time
from contextlib import closing, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.names import joined
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import encode
from ansible_collections.netmode.docker.plugins.module_utils._redis.running import connected
from ansible_collections.netmode.docker.plugins.module_utils._redis.waiting import turns

from . import lead, peers
from .around import FIRST, WITHIN, servers_of, settled
from .reconcile import unsettled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
    from ansible_collections.netmode.docker.plugins.module_utils._redis.running import Server

    from .around import Around
    from .nodes import Node

Json = dict[str, Any]


class Turn:
    """Looks after the nodes of this host while its containers are changed; see ``_containers.run.Turn``."""

    def __init__(self, engine: Engine, parts: Json) -> None:
        self._engine, self._parts = engine, parts
        self._given = {one["instance"]: one for one in parts["cluster"]["nodes"]}
        self._left: dict[str, int] = {}
        """Instance to how many nodes it saw before it went; 0 for one that was in no cluster."""
        self._away: set[str] = set()
        """Those that are not back: with a donor several go at once."""
        self.handed_over: dict[str, Json] = {}
        """Instance to ``node``, its id, ``to`` whom, ``place`` of that one, and its ``epoch`` before."""

    def leave(self, name: str, container: str) -> None:
        servers = servers_of(self._engine, self._parts) if self._given else {}
        for server in self._of(name, container, servers):
            self._leave(server, servers)

    def _of(self, name: str, container: str, servers: Mapping[str, Server]) -> Iterable[Server]:
        """The nodes that lose their network with a container: its own, and those that share it."""
        for own, server in servers.items():
            if own in self._left or own not in self._given:
                continue
            key = server.redis.endpoint.container
            mode = self._engine.get(f"/containers/{key}/json")["HostConfig"]["NetworkMode"]
            if key == container or (joined(mode) and joined(mode) in (container, name)):
                yield server

    def _leave(self, server: Server, servers: Mapping[str, Server]) -> None:
        name = server.instance["name"]
        given = self._given[name]
        around, wrong = settled(server, servers, given, self._parts["cluster"]["wait"])
        if wrong and not given["accept_gap"]:
            raise NetmodeError(
                f"instance {name}: it goes on running as it is: {'; '.join(wrong)}. This ends here; run it again once "
                "that is put right, or say redis_cluster_accept_gap: true."
            )
        if around.me.slots and around.successors:
            with suppress(NetmodeError) if given["accept_gap"] else nullcontext():
                to = _hand_over(server, around)
                told = {"node": around.me.id, "to": to.id, "place": to.at, "epoch": around.me.epoch}
                self.handed_over[name] = told
        self._away.add(name)
        alive = [node for node in around.nodes if not node.has_failed]
        self._left[name] = len(alive) if len(alive) > 1 and any(node.slots for node in alive) else 0

    def returned(self, name: str) -> None:
        """NetmodeError: it is not back in its cluster, with everything of its master."""
        self._away.discard(name)
        if not self._left.get(name):
            return
        known = self._left[name] - len(self._away)
        whole = not self._given[name]["accept_gap"]
        until, why = time.monotonic() + self._parts["cluster"]["wait"], "it does not answer"
        for _ in turns(until, FIRST):
            server = servers_of(self._engine, self._parts).get(name)
            try:
                if server:
                    with closing(connected(server, WITHIN)) as own:
                        why = unsettled(own, {"known": known if whole else 1, "whole": whole})
                    if not why:
                        return
            except (*peers.NOT_TOLD, NetmodeError) as error:
                why = str(error)
        raise NetmodeError(
            f"instance {name}: its container was changed, and it is not back in its cluster within "
            f"{self._parts['cluster']['wait']:g} s (redis_cluster_timeout): {why}. No other node is touched. Its log "
            f"says why (docker logs {name})."
        )


def _hand_over(server: Server, around: Around) -> Node:
    """Who serves its slots then. NetmodeError: nobody has taken them over, and it has them still."""
    name, said = server.instance["name"], ""
    with closing(connected(server, WITHIN)) as own:
        seconds = lead.patience(own)
    for attempt in lead.attempts(seconds):
        to = around.successors[attempt % len(around.successors)]
        try:
            with closing(peers.connected(to.node, around.way)) as other:
                other.send(encode("CLUSTER", "FAILOVER"))
                said = str(other.reply())
            with closing(connected(server, lead.WITHIN + WITHIN)) as own:
                if said == "OK" and lead.follows(own):
                    return to.node
        except peers.NOT_TOLD as error:
            said = str(error)
        if said != "OK" and attempt + 1 >= lead.TIMES:
            break
    raise NetmodeError(
        f"instance {name}: {around.successors[0].node.at} does not take its slots over"
        f"{f' ({said})' if said != 'OK' else ''}. It goes on as their master, and this ends here. The logs of both say "
        "why."
    )
