# SPDX-License-Identifier: GPL-3.0-or-later
"""One Redis through all four network modes, on all three engines at once, with a client writing all the while."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hosts import HOSTS, done, on, run_play
from lab import Host, wait_until
from writer import PROGRAM

PASSWORD = "lab-password"
KEY = "written"
SOCKET = "/var/lib/netmode/redis/mover/redis.sock"
ROLE: list[dict[str, Any]] = [{"hosts": "all", "gather_facts": False, "roles": ["netmode.docker.redis"]}]
ANCHOR = {"name": "anchor", "command": ["busybox", "httpd", "-f", "-p", "81", "-h", "/usr/share/doc"], "init": True}


def bring(mode: str) -> dict[str, Any]:
    """The variables of the role for the mover in one mode; what the host has besides is left alone."""
    mover: dict[str, Any] = {"name": "mover", "network_mode": mode, "appendfsync": "always", "port": 6399, "bind": []}
    mover.update(tls="off", tls_port=0)  # whatever the others of its host have
    if mode == "container":
        mover["donor"] = "anchor"
    return {"redis_instances": [mover], "redis_companions": [ANCHOR]}


def redis(host: Host, *words: str) -> str:
    return host.run("redis-cli", "-s", SOCKET, *words, env={"REDISCLI_AUTH": PASSWORD}).stdout.strip()


def written(host: Host) -> int:
    return int(redis(host, "LLEN", KEY))


def await_more(host: Host) -> None:
    """Until ten more writes have been acknowledged than now."""
    now = written(host)
    wait_until(lambda: written(host) > now + 10, "the client's writes are acknowledged")


@pytest.fixture
def mover(fleet: object) -> Iterator[None]:
    done(run_play(ROLE, **bring("bridge")))
    yield
    tasks: list[dict[str, Any]] = [
        {
            "netmode.docker.containers": {
                "containers": [{"name": name, "state": "absent"} for name in ("mover", "anchor")]
            }
        },
        {"netmode.docker.volumes": {"volumes": [{"name": "mover-data", "state": "absent"}]}},
    ]
    done(run_play([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    for host in HOSTS:
        on(host).sh("rm -rf /etc/netmode/redis/mover /var/lib/netmode/redis/mover")


def writer(host: Host) -> subprocess.Popen[str]:
    command = [*host.prefix, "/usr/bin/python3", "-B", PROGRAM, SOCKET, KEY, PASSWORD]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def told(client: subprocess.Popen[str]) -> dict[str, Any]:
    """End the client; how far it came and how long it waited."""
    said: dict[str, Any] = json.loads(client.communicate(timeout=30)[0])
    return said


def change(mode: str) -> dict[str, float]:
    """Bring every host's mover to a mode while it is written to. Host -> seconds without an acknowledgement."""
    with ExitStack() as stack:
        before = {name: written(on(name)) for name in HOSTS}
        clients = {name: stack.enter_context(writer(on(name))) for name in HOSTS}
        for name in HOSTS:
            await_more(on(name))
        done(run_play(ROLE, **bring(mode)))
        for name in HOSTS:
            await_more(on(name))
        said = {name: told(client) for name, client in clients.items()}
    for name in HOSTS:
        kept = redis(on(name), "LRANGE", KEY, "0", "-1").split("\n")
        assert kept == [str(number + 1) for number in range(len(kept))], name  # all, each once, in order
        assert len(kept) >= said[name]["acknowledged"] > before[name]
        engines_word = on(name).docker("inspect", "-f", "{{.HostConfig.NetworkMode}}", "mover")
        assert engines_word.split(":")[0].replace("default", "bridge") == mode
    return {name: said[name]["gaps"][0] for name in HOSTS}


@pytest.mark.thorough  # on one engine test_redis_machine.py changes the mode as well
def test_every_acknowledged_write_survives_every_change_of_mode(
    mover: None, capsys: pytest.CaptureFixture[str]
) -> None:
    gaps = {mode: change(mode) for mode in ("host", "container", "none", "bridge")}
    assert all(gap < 15 for of_mode in gaps.values() for gap in of_mode.values())
    with capsys.disabled():
        for name in HOSTS:
            steps = ", ".join(f"to {mode} {of_mode[name]:.2f} s" for mode, of_mode in gaps.items())
            print(f"\n{name}: the longest time without an acknowledgement, from bridge {steps}", end="")
