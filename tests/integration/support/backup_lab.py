# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of backup and restore share: the servers, their data, and a client that writes meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab import CHECKOUT
from played import LOCAL
from redis_lab import ROLE, socket_of
from shapes import SHAPES, VALKEY_8
from writer import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host, Play

PASSWORD = "s3cret of the test"
BACKUPS = "/var/backups/netmode"
VARIABLES = {"redis_password": PASSWORD, "redis_keeper": False, "redis_healthcheck_interval": "1h"}
TAKEN, RESTORED = (
    "Write and check a dump of each (as long as its data takes)",
    "Restore it, and prove it (as long as its data takes)",
)


def instance(name: str, shape: str, **more: Any) -> dict[str, Any]:
    of = VALKEY_8 if shape == VALKEY_8.name else SHAPES[shape]
    return {
        "name": name, "image": of.image, "user": of.user, "server_command": of.server, "cli_command": of.cli, **more,
    }  # fmt: skip


def run(host: Host, what: str, instances: list[dict[str, Any]], options: tuple[str, ...] = (), **more: Any) -> Play:
    """``what``: the role, or the name of a playbook."""
    variables = {**VARIABLES, "redis_instances": instances}
    inventory = {"redis": {"hosts": {"localhost": {**LOCAL, **variables}}}}
    playbook: Any = ROLE
    if what != "role":
        playbook = [{"import_playbook": str(CHECKOUT / "playbooks" / f"{what}.yml")}]
    return host.play(playbook, inventory, options, **more)


def done(host: Host, what: str, instances: list[dict[str, Any]], options: tuple[str, ...] = (), **more: Any) -> Play:
    played = run(host, what, instances, options, **more)
    assert played.rc == 0, played.stdout + played.stderr
    return played


def ask(host: Host, name: str, *words: str, database: int = 0) -> str:
    way = ("-s", socket_of(name), "-n", str(database))
    return host.run("redis-cli", *way, *words, env={"REDISCLI_AUTH": PASSWORD}).stdout.strip()


def fill(host: Host, name: str) -> dict[str, int]:
    """Keys of every kind in two databases: {database: keys}."""
    ask(host, name, "eval", "for i=1,1000 do redis.call('set', 'key:'..i, i) end", "0")
    ask(host, name, "hset", "hash", "a", "1", "b", "2")
    ask(host, name, "zadd", "zset", "1", "one", "2", "two")
    ask(host, name, "sadd", "set", *map(str, range(700)), "text")
    ask(host, name, "xadd", "stream", "*", "field", "value")
    ask(host, name, "set", "volatile", "1", "ex", "3600", database=5)
    ask(host, name, "rpush", "list", "a", "b", "c", database=5)
    return {0: 1004, 5: 2}


def keys(host: Host, name: str) -> dict[int, int]:
    lines = [line.strip() for line in ask(host, name, "info", "keyspace").splitlines() if line.startswith("db")]
    return {int(line[2 : line.index(":")]): int(line.partition("keys=")[2].partition(",")[0]) for line in lines}


@contextmanager
def writing(name: str, key: str = "log") -> Iterator[dict[str, Any]]:
    """A client that writes all the while; what came of it is there afterwards."""
    words = (sys.executable, PROGRAM, socket_of(name), key, PASSWORD)
    writer = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = {}
    try:
        yield found
        out, _ = writer.communicate(timeout=30)
        found.update(json.loads(out))
    finally:
        writer.kill()
