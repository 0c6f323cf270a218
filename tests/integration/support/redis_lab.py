# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the role redis share; their fixtures are in conftest.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import CHECKOUT

if TYPE_CHECKING:
    from lab import Host

QUICKSTART = CHECKOUT / "playbooks" / "inventory" / "quickstart.yml"
QUICKSTART_PASSWORD = Path("~/.netmode-quickstart-password").expanduser()
TEARDOWN = CHECKOUT / "playbooks" / "teardown.yml"
ROLE: list[dict[str, Any]] = [
    {"hosts": "all", "gather_facts": False, "roles": [{"role": "netmode.docker.redis"}]},
]
IMAGE = {"redis_image": "netmode-test/redis-role:1", "redis_image_source": "pull"}
"""There before the tests, so nothing is pulled. The tests of the quickstart make theirs from packages."""
ROLE_VARIABLES = {**IMAGE, "redis_keeper": False, "redis_healthcheck_interval": "1h", "redis_host_tuning": False}
"""Without a keeper, which would fix what later tests break, without checks of health, which cost their CPU, and without
what each run would say of tunables that a machine cannot set."""


AGAIN = {"another": "container"}
"""A label: what no running container can take over."""


def socket_of(name: str) -> str:
    return f"/var/lib/netmode/redis/{name}/redis.sock"


def cli(host: Host, name: str, *words: str, password: str = "") -> str:
    env = {"REDISCLI_AUTH": password} if password else {}
    return host.run("redis-cli", "-s", socket_of(name), *words, env=env).stdout.strip()


def fill(host: Host, name: str) -> str:
    """Write a thousand keys and some markers of every kind; what to compare with ``digest`` later."""
    cli(host, name, "eval", "for i=1,1000 do redis.call('set', 'key:'..i, i) end", "0")
    cli(host, name, "hset", "marker:hash", "a", "1", "b", "2")
    cli(host, name, "zadd", "marker:set", "1", "one", "2", "two")
    cli(host, name, "set", "marker:text", "it stays")
    return digest(host, name)


def digest(host: Host, name: str) -> str:
    """The number of keys, and the markers in full."""
    return "\n".join(
        cli(host, name, *words)
        for words in (
            ("dbsize",),
            ("hgetall", "marker:hash"),
            ("zrange", "marker:set", "0", "-1", "withscores"),
            ("get", "marker:text"),
            ("get", "key:777"),
        )
    )


def inspect(host: Host, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(host.docker("inspect", name))
    return found[0]


def running(host: Host) -> list[str]:
    """Every container with its start: another one, or the same one started again, is a difference."""
    return host.sh("docker inspect -f '{{.Id}} {{.Name}} {{.State.StartedAt}}' $(docker ps -aq)").splitlines()
