# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper through restarts of containers, engine and host, in any order, with clients that write all the while."""

from __future__ import annotations

import json
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hosts import HOSTS, beneath, done, on, run_play
from lab import IMAGE, Host, wait_until
from writer import PROGRAM

pytestmark = pytest.mark.thorough

PASSWORD = "lab-password"
ROLE: list[dict[str, Any]] = [{"hosts": "all", "gather_facts": False, "roles": ["netmode.docker.keeper"]}]
ALONE = "172.17.200.77"
INTERFACES: list[dict[str, Any]] = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {
                "netmode.docker.interfaces": {
                    "interfaces": [
                        {
                            "container": "kept-alone",
                            "name": "eth0",
                            "bridge": "docker0",
                            "addresses": [f"{ALONE}/16"],
                            "gateway": "172.17.0.1",
                        }
                    ]
                }
            }
        ],
    }
]
FORGOTTEN: list[dict[str, Any]] = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [{"netmode.docker.interfaces": {"interfaces": [], "purge": ["kept-alone"]}}],
    }
]
REDIS = (
    "redis-server", "--protected-mode", "no", "--requirepass", PASSWORD,
    "--appendonly", "yes", "--appendfsync", "always", "--dir", "/data",
)  # fmt: skip
WRITTEN = {"kept-alone": f"{ALONE}:6379", "kept-cache": "/var/lib/lab-cache/redis.sock"}
"""The Redis that is written to, over its own interface or its socket: a sharer's address may be another each time."""
RC_LOCAL = """#!/bin/sh
for script in /etc/rc2.d/S*netmode-keeper; do "$script" start; done
setsid dockerd </dev/null >>/tmp/dockerd.log 2>&1 &
"""
"""What starts a host that has no init system. The keeper comes first, and waits for the engine."""
NAMESPACES = """
for file in /run/docker/netns/*; do [ $(stat -fc %T $file) != nsfs ] || stat -c %i $file; done
lsns -n -t net -o NS
"""
"""Those that the engine holds and those that processes are in. A file that holds none is not a leak: it is swept."""
TIMES = int(os.environ.get("NETMODE_TIMES", "10"))
"""How often each part of a host is restarted."""


class Client:
    """A client on a host, started again each time that the host comes back."""

    def __init__(self, host: Host, name: str) -> None:
        self._command = [*host.prefix, "/usr/bin/python3", "-B", PROGRAM, WRITTEN[name], "written", PASSWORD, "aloud"]
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 (more is said until the client is dropped)
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=self._said, text=True)

    def stop(self) -> None:
        """End it, or see that it has gone with its host."""
        self._process.communicate(timeout=60)

    def acknowledged(self) -> int:
        self._said.seek(0)
        return max(int(line) for line in self._said if line.strip().isdigit())


def redis(host: Host, where: str, *words: str) -> str:
    place = ("-s", where) if where.startswith("/") else ("-h", where)
    return host.run("redis-cli", *place, *words, env={"REDISCLI_AUTH": PASSWORD}, check=False).stdout.strip()


def address_of_web(host: Host) -> str:
    return host.docker("inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", "kept-web", check=False)


def is_right(host: Host) -> bool:
    return (
        host.run("netmode-keeper", "status", check=False).returncode == 0
        and redis(host, ALONE, "ping") == "PONG"
        and redis(host, address_of_web(host), "ping") == "PONG"
    )


def await_right(host: Host, after: str) -> None:
    """The keeper waits up to a minute with what was restarted over and over."""
    try:
        wait_until(lambda: is_right(host), f"all is right after {after}", 120)
    except AssertionError as error:
        status = host.run("netmode-keeper", "status", check=False)
        raise AssertionError(f"{error}\n{status.stdout}{status.stderr}\n{host.sh('docker ps -a')}") from None


def counted(host: Host) -> dict[str, Any]:
    """All that a restart could double or leak."""
    found: dict[str, Any] = {
        "links": sorted(
            link["ifname"] if not link["ifname"].startswith("veth") else "veth of " + link.get("master", "nobody")
            for link in json.loads(host.sh("ip -j link"))
        ),
        "namespaces": len({*host.sh(NAMESPACES).split()}),
        "keepers": host.sh("pgrep -fc '/usr/local/sbin/netmode-keeper (run|supervise)'"),
        "record": host.sh("cat /var/lib/netmode/interfaces.json"),
        "containers": sorted(
            host.docker("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.State}}").splitlines()
        ),
        "volumes": sorted(host.docker("volume", "ls", "-q").splitlines()),
    }
    for name in ("kept-alone", "kept-web", "kept-cache"):
        links = json.loads(host.docker("exec", name, "ip", "-j", "address"))
        found[name] = [(link["ifname"], len([a for a in link["addr_info"] if a["family"] == "inet"])) for link in links]
    found["alone has"] = host.docker("exec", "kept-alone", "ip", "-4", "-br", "address", "show", "eth0").split()[1:]
    return found


def restart(host: Host, name: str, what: str, client: dict[str, Client], choose: random.Random) -> None:
    if what == "container":
        host.docker(
            "restart", "-t", "0", choose.choice(["kept-alone", "kept-web", "kept-cache"]), check=False
        )  # cache may have no donor yet
    elif what == "engine" and name == "forky":
        host.kill_engine("TERM")
        host.start_engine()
    elif what == "engine":
        host.sh("systemctl reset-failed docker.service docker.socket; systemctl restart docker")
    else:
        beneath("docker", "restart", "-t", "0", name)
        for one in client.values():
            one.stop()
            one.start()
        wait_until(host.engine_is_up, f"the engine of {name} answers after its boot", 120)


def restarts(name: str, seed: int) -> tuple[dict[str, Any], dict[str, Any], float]:
    """Restart the host's parts in a random order; what was counted before and after, and how long it took."""
    host, choose, begun = on(name), random.Random(f"{name} {seed}"), time.monotonic()
    await_right(host, "the start")
    before = counted(host)
    order = ["container", "engine", "host"] * TIMES
    choose.shuffle(order)
    client = {which: Client(host, which) for which in WRITTEN}
    try:
        for number, what in enumerate(order):
            restart(host, name, what, client, choose)
            if choose.random() < 0.5:  # otherwise the next one comes in the middle of it
                await_right(host, f"{name}: {order[: number + 1]}")
        await_right(host, f"{name}: {order}")
    finally:
        for one in client.values():
            one.stop()
    for which, one in client.items():
        where = ALONE if which == "kept-alone" else WRITTEN[which]
        kept = redis(host, where, "LRANGE", "written", "0", "-1").split()
        assert kept == [str(number + 1) for number in range(len(kept))], (name, which)  # all, each once, in order
        assert len(kept) >= one.acknowledged() > 0, (name, which)
    wait_until(lambda: counted(host) == before, f"{name}: {before} is {counted(host)}")
    return before, counted(host), time.monotonic() - begun


def prepare(name: str) -> None:
    host = on(name)
    if not host.engine_is_up():
        host.start_engine()
    host.import_image()
    kept = ("-d", "--restart", "always")
    host.docker("run", *kept, "--name", "kept-web", "--init", IMAGE, "busybox", "httpd", "-f", "-p", "80", "-h", "/etc")
    host.docker(
        "run", *kept, "--name", "kept-cache", "--network", "container:kept-web",
        "-v", "kept-cache:/data", "-v", "/var/lib/lab-cache:/sock", IMAGE, *REDIS, "--unixsocket", "/sock/redis.sock",
    )  # fmt: skip
    host.docker("run", *kept, "--name", "kept-alone", "--network", "none", "-v", "kept-alone:/data", IMAGE, *REDIS)
    if name == "forky":
        host.write("/etc/rc.local", RC_LOCAL)
        host.sh("chmod 755 /etc/rc.local")


def remove(name: str) -> None:
    host = on(name)
    wait_until(host.engine_is_up, "the engine answers", 60)
    host.docker("rm", "-f", "kept-cache", "kept-web", "kept-alone", check=False)
    host.docker("volume", "rm", "kept-cache", "kept-alone", check=False)
    host.sh("rm -rf /var/lib/lab-cache /etc/rc.local")


@pytest.fixture
def kept() -> Iterator[None]:
    """On each host a donor with its sharer, a container in none mode with an interface, and the keeper."""
    with ThreadPoolExecutor() as hosts:
        try:
            list(hosts.map(prepare, HOSTS))
            done(run_play(ROLE))
            done(run_play(INTERFACES))
            yield
        finally:
            list(hosts.map(remove, HOSTS))
            done(run_play(FORGOTTEN))
            done(run_play(ROLE, keeper_state="absent"))


def test_all_is_right_after_restarts_of_container_engine_and_host_in_a_random_order(
    kept: None, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("NETMODE_SEED", random.randrange(10**6)))
    with capsys.disabled():
        print(f"\n    NETMODE_SEED={seed}", end="", flush=True)
    with ThreadPoolExecutor() as hosts:
        outcomes = dict(zip(HOSTS, hosts.map(lambda name: restarts(name, seed), HOSTS)))
    with capsys.disabled():
        for name, (_, _, took) in outcomes.items():
            print(f"\n    {name}: {3 * TIMES} restarts in {took:.0f} s", end="")
