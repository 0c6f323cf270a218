# SPDX-License-Identifier: GPL-3.0-or-later
"""Another image for a fleet, host by host: the roll ends at the first host that is not healthy, and goes on there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import shapes
from hosts import HOSTS, changed, done, on, run_play
from shapes import SHAPES, File

PASSWORD = "lab-password"
NEW, BROKEN = "netmode-test/redis-8", "netmode-test/redis-8-broken"
ROLE: list[dict[str, Any]] = [{"hosts": "all", "gather_facts": False, "roles": ["netmode.docker.redis"]}]
INSTANCE: dict[str, Any] = {
    "name": "rolled",
    "network_mode": "none",
    "bind": [],
    "port": 6399,
    "tls": "off",
    "tls_port": 0,
}


def wanted(**images: str) -> dict[str, Any]:
    """The variables of a run; ``images``: by host, where that is another than it has from its inventory."""
    found: dict[str, Any] = {"redis_instances": [INSTANCE], "redis_companions": []}
    if images:
        found["redis_image"] = f"{{{{ {images!r}[inventory_hostname] }}}}"
        found["redis_image_source"] = "pull"
    return found


def redis(host: str, *words: str) -> str:
    socket = "/var/lib/netmode/redis/rolled/redis.sock"
    return on(host).run("redis-cli", "-s", socket, *words, env={"REDISCLI_AUTH": PASSWORD}).stdout.strip()


def version(host: str) -> str:
    (line,) = (line for line in redis(host, "info", "server").splitlines() if line.startswith("redis_version:"))
    return line.partition(":")[2].partition(".")[0]


def containers(host: str) -> str:
    return on(host).sh("docker inspect -f '{{.Id}} {{.Name}} {{.State.StartedAt}}' $(docker ps -aq)")


@pytest.fixture
def rolled(fleet: object) -> Iterator[None]:
    entrypoint = "usr/local/bin/docker-entrypoint.sh"
    shape = SHAPES["redis-8"]
    dies = "[ ! -e /data/appendonlydir ] || { echo 'it dies of its data'; exit 3; }"
    text = str(shape.paths[entrypoint].text).replace("set -e\n", f"set -e\n{dies}\n", 1)
    broken = shape._replace(name="redis-8-broken", paths={**shape.paths, entrypoint: File(text)})
    for host in HOSTS:
        shapes.make(on(host), [shape, *([broken] if host == HOSTS[1] else [])])
    done(run_play(ROLE, **wanted()))
    yield
    tasks: list[dict[str, Any]] = [
        {"netmode.docker.containers": {"containers": [{"name": "rolled", "state": "absent"}]}},
        {"netmode.docker.volumes": {"volumes": [{"name": "rolled-data", "state": "absent"}]}},
    ]
    done(run_play([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    for host in HOSTS:
        on(host).sh("rm -rf /etc/netmode/redis/rolled /var/lib/netmode/redis/rolled")


def test_an_upgrade_ends_at_the_first_host_that_is_not_healthy_and_goes_on_there(rolled: None) -> None:
    first, second, third = HOSTS
    for host in HOSTS:
        assert redis(host, "set", "marker", host) == "OK"
    before = {host: containers(host) for host in HOSTS}

    play = run_play("upgrade.yml", **wanted(**{first: NEW, second: BROKEN, third: NEW}))
    assert "Traceback" not in play.stdout + play.stderr
    order = "\n".join(f"{host}: rolled (master)" for host in HOSTS)
    assert order.replace("\n", "\n    ") in play.stdout.replace("\n        ", "\n    "), play.stdout
    told = " ".join(str(play.failed[-1]["result"]["msg"]).split())
    assert {task["host"] for task in play.failed} == {second}
    for words in (
        f"{second}: instance rolled: image: the server of {BROKEN} was tried on a copy of its data, and does not start",
        "it dies of its data",
        "Its configuration and its container are as they were.",
        f"Not upgraded, and as they were: {third}. Once that is put right run the same command again",
    ):
        assert words in told, told
    assert [version(host) for host in HOSTS] == ["8", "7", "7"]
    assert containers(third) == before[third]
    assert {line.split()[0] for line in containers(second).splitlines()} == {
        line.split()[0] for line in before[second].splitlines()
    }

    right, after = wanted(**dict.fromkeys(HOSTS, NEW)), containers(first)
    again = done(run_play("upgrade.yml", **right))
    assert {host for host, _ in changed(again)} == {second, third}
    assert containers(first) == after
    assert [(version(host), redis(host, "get", "marker")) for host in HOSTS] == [("8", host) for host in HOSTS]


@pytest.mark.thorough
def test_an_upgrade_begins_nothing_while_a_redis_does_not_answer_or_a_host_cannot_be_asked(rolled: None) -> None:
    first, second, third = HOSTS
    before = {host: containers(host) for host in HOSTS}
    right = wanted(**dict.fromkeys(HOSTS, NEW))
    on(second).sh("docker pause rolled")
    try:
        play = run_play("upgrade.yml", **right)
    finally:
        on(second).sh("docker unpause rolled")
    told = " ".join(str(play.failed[0]["result"]["msg"]).split())
    assert f"{second}: rolled does not say whether it is a master (timeout). Nothing was changed." in told
    assert {host: containers(host) for host in HOSTS} == before

    on(third).sh("docker stop rolled")
    play = done(run_play("upgrade.yml", **right))
    assert f"{third}: has no Redis that runs, and is left as it is" in play.stdout
    assert [version(host) for host in (first, second)] == ["8", "8"]
    assert on(third).docker("inspect", "-f", "{{.State.Status}} {{.Config.Image}}", "rolled").startswith("exited")
