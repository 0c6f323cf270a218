# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the proof share: a Redis started manually, its socket where the role has it, and the proof of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.filter.redis_plan import redis_plan
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import read_variables
from lab import wait_until

if TYPE_CHECKING:
    from lab import Host

SOCKETS = "/var/lib/netmode/redis"
PASSWORD = "s3cret-of-the-test"


def launch(host: Host, image: str, name: str, network: str, *words: str, run: tuple[str, ...] = ()) -> None:
    """One Redis, whatever user the image steps down to."""
    server = ("redis-server", "--unixsocket", "/run/redis/redis.sock", "--unixsocketperm", "777", "--save", "")
    host.sh(f"mkdir -p -m 777 {SOCKETS}/{name} && rm -f {SOCKETS}/{name}/redis.sock")
    volume = f"{SOCKETS}/{name}:/run/redis"
    given = ("--protected-mode", "no", *words)
    host.docker("run", "-d", "--name", name, "--network", network, "-v", volume, *run, image, *server, *given)


def await_answer(host: Host, name: str) -> None:
    ask = f"redis-cli -s {SOCKETS}/{name}/redis.sock ping"
    wait_until(lambda: re.search("PONG|NOAUTH", host.sh(ask, check=False)), f"{name} answers")


def start(host: Host, image: str, name: str, network: str, *words: str, run: tuple[str, ...] = ()) -> None:
    """Ready when this returns."""
    launch(host, image, name, network, *words, run=run)
    await_answer(host, name)


def settings() -> dict[str, Any]:
    """The variables of the role redis, all at their defaults."""
    return read_variables("redis", {}, [])


def proof(host: Host, instances: list[dict[str, Any]]) -> dict[str, Any]:
    """What the play does, without ansible-playbook around it: half a second instead of three."""
    plan = redis_plan({**settings(), "instances": instances}, "this host")
    told: dict[str, Any] = host.run_module("redis_verify", {"plan": plan["proof"]})
    return told


def failed(told: dict[str, Any]) -> dict[str, list[str]]:
    """Instance -> what does not hold, as "claim (expected, observed)"."""
    found: dict[str, list[str]] = {}
    for claim in told["claims"]:
        assert bool(claim["way_out"]) is not claim["ok"], claim
        if not claim["ok"]:
            line = f"{claim['claim']} ({claim['expected']}, {claim['observed']})"
            found.setdefault(claim["instance"], []).append(line)
    return found
