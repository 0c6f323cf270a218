# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of a Redis Cluster as containers in host mode, and the steps of the plan taken on them over TCP.

Without roles and modules, so that a minute has room for what takes a fleet a quarter of an hour.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import shapes
from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import (
    Connection,
    Endpoint,
    ErrorReply,
    encode,
)
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster import commands, reconcile
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster import plan as planning
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.nodes import Memory, View, count, parse
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.state import Member, Plan
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_clusters import _wait_of
from lab import wait_until

if TYPE_CHECKING:
    from lab import Host

PASSWORD = "lab-password"
SERVERS = {
    "redis-7": ("redis-server", shapes.BARE),
    "valkey-9": ("valkey-server", "netmode-test/root-redis-8"),
    "redis-8.6": ("redis-server", "netmode-test/root-redis-8.6"),
}
"""Key by key; by MIGRATESLOTS; by MIGRATION."""
MIB = 1 << 20


class Node(NamedTuple):
    host: str
    address: str
    port: int


class Cluster:
    def __init__(self, engine: Host, kind: str, replicas: int = 1) -> None:
        if kind == "valkey-9":
            shapes.load(engine, "valkey-9")
        elif kind == "redis-8.6":
            shapes.make(engine, [shapes.REDIS_8_6])
        self.engine, self.kind, self.replicas = engine, kind, replicas
        self.nodes: dict[str, Node] = {}
        self.leaves: set[str] = set()

    def start(self, *names: str, address: str = "127.0.0.1") -> None:
        """``h0/n1`` is on the host ``h0``, and has its directory from then on."""
        server, image = SERVERS[self.kind]
        for name in names:
            host, _, own = name.partition("/")
            port = 7000 + 10 * int(host[1:]) + int(own[1:])
            self.nodes[name] = Node(host, address, port)
            self.engine.docker(
                "run", "-d", "--network", "host", "--name", f"node-{port}", "-v", f"node-{port}:/data", "-e", "LC_ALL=C",
                "--entrypoint", server, image, "--port", str(port), "--bind", address, "--dir", "/data",
                "--cluster-enabled", "yes", "--cluster-announce-ip", address, "--cluster-node-timeout", "3000",
                "--requirepass", PASSWORD, "--masterauth", PASSWORD, "--appendonly", "yes", "--save", "",
            )  # fmt: skip

    def stop(self, *names: str) -> None:
        self.engine.docker("rm", "-f", *(f"node-{self.nodes[name].port}" for name in names))

    def end(self) -> None:
        self.engine.sh("docker ps -aq --filter name=node- | xargs -r docker rm -f; "
                       "docker volume ls -q --filter name=node- | xargs -r docker volume rm")  # fmt: skip

    def connected(self, name: str, within: float = 120.0) -> Connection:
        node = self.nodes[name]

        def connect() -> Connection | None:
            try:
                return Connection(Endpoint(name, host=node.address, port=node.port), within)
            except OSError:
                return None

        own: Connection = wait_until(connect, f"{name} is there")
        own.send(encode("AUTH", PASSWORD))
        own.reply()

        def is_loaded() -> bool:
            own.send(encode("DBSIZE"))
            return not isinstance(own.reply(), ErrorReply)

        wait_until(is_loaded, f"{name} has its data")
        return own

    def view(self, name: str) -> View:
        with closing(self.connected(name)) as own:
            said = reconcile.said_by(own)
        assert said is not None
        left = tuple((int(slot), keys) for slot, keys in said["left"].items())
        return View(parse(said["nodes"]), said["keys"], left, Memory(*said["memory"]), said["atomic"])

    def slots(self) -> list[int]:
        """How many each master has, the fewest first."""
        return sorted(many for name in self.nodes if (many := count(self.view(name).me.slots)))

    def round(self) -> Plan:
        """What one task of the role does: the next steps, and that they come about."""
        members = [
            Member(name, node.host, node.address, node.port, node.port + 10000, name in self.leaves)
            for name, node in self.nodes.items()
        ]
        views = {one.name: self.view(one.name) for one in members}
        made = planning.plan(members, views, self.replicas)
        assert made.problems == []
        for step in made.steps:
            with closing(self.connected(step.member, 600)) as own:
                said = reconcile.taken(own, list(step.words), commands.Around(PASSWORD, 10))
                assert said == "OK", (step, said)
        if made.steps or made.waits:
            there = {one.name: views[one.name] for one in members if not one.leaves or views[one.name].me.slots}
            for name in there:
                self._settle(name, _wait_of(made, there))
        return made

    def _settle(self, name: str, awaited: dict[str, int]) -> None:
        with closing(self.connected(name)) as own:
            assert reconcile.settled(own, awaited, time.monotonic() + 100) == "", (name, awaited)

    def form(self) -> list[str]:
        """Until nothing is left to do; what was done, each kind once in a row."""
        kinds: list[str] = []
        until = time.monotonic() + 240
        while time.monotonic() < until:
            made = self.round()
            if not (made.steps or made.waits):
                assert {*made.left} == self.leaves & {*self.nodes}
                return kinds
            kinds += [step.kind for step in made.steps if step.kind not in kinds[-1:]]
        raise AssertionError(f"it never ends: {kinds}")

    def fill(self, keys: int) -> int:
        return self._client("set key-{0} value-{0}", "OK", keys)

    def read(self, keys: int) -> int:
        """Of the keys, how many a client that follows redirections is given."""
        return self._client("get key-{0}", "value-", keys)

    def _client(self, command: str, said: str, keys: int) -> int:
        node = next(node for name, node in self.nodes.items() if name not in self.leaves)
        lines = "\n".join(command.format(number) for number in range(keys)) + "\n"
        argv = ("docker", "run", "--rm", "-i", "--network", "host", "-e", "REDISCLI_AUTH", "--entrypoint", "redis-cli", shapes.BARE,
                "-c", "-h", node.address, "-p", str(node.port))  # fmt: skip
        return self.engine.run(*argv, stdin=lines, env={"REDISCLI_AUTH": PASSWORD}).stdout.count(said)
