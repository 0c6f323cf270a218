# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients of a Redis Cluster notice of each operation: two libraries write through it, and all is counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import shapes
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.nodes import SLOTS, count, parse
from cluster_clients import Clients, Told, was_planned, writing
from cluster_writer import ANSWERS_WITHIN
from clustered import NAMES, PASSWORD, redis, remove, variables
from hosts import CONTROLLER, HOSTS, STATE, address_of, beneath, done, on, run_play, settled
from lab import Play, wait_until
from shapes import SHAPES

TIMEOUT = 5
"""cluster-node-timeout, in seconds."""
CA = STATE / "cluster-tls"
TRUSTED = STATE / "cluster-trusted.pem"
"""Of the clients, who see the directory of STATE at another path."""


class Cluster:
    """What it is to be: a change of an option is an operation."""

    def __init__(self, **more: Any) -> None:
        self.names = NAMES[:2]
        self.password = {"redis_password": PASSWORD}
        self.settings: dict[str, Any] = {"cluster-node-timeout": TIMEOUT * 1000}
        self.more = more

    def variables(self) -> dict[str, Any]:
        given = variables("host", self.names, settings=self.settings, **self.more)
        return {**given, **self.password, "redis_tls_ca_dir": str(CA)}

    def play(self, playbook: str = "cluster.yml", *options: str) -> Play:
        return run_play(playbook, *options, **self.variables())

    def done(self, playbook: str = "cluster.yml", *options: str) -> None:
        done(self.play(playbook, *options))


@pytest.fixture
def removed(fleet: object) -> Iterator[None]:
    yield
    remove()
    CONTROLLER.sh(f"rm -rf {CA} {TRUSTED}")


def trust() -> str:
    """All CAs that there are, for the clients: their file as they see it."""
    TRUSTED.write_text("".join(path.read_text() for path in sorted(CA.glob("ca-*.crt"))))
    return f"/var/tmp/lab/{TRUSTED.name}"


def clients_of(ca: str = "") -> Any:
    return writing([f"{address_of(host)}:6390" for host in HOSTS], PASSWORD, ca)


def rotate_certificates(cluster: Cluster) -> None:
    """A new CA that all trust, then certificates of it, then no trust in the old one."""
    new_ca: dict[str, Any] = {"netmode.docker.redis_certificates": {"ca_dir": str(CA), "new_ca": True}}
    done(run_play([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [new_ca]}]))
    cluster.done()
    trust()
    (CA / "ca-1.key").unlink()
    cluster.done()
    (CA / "ca-1.crt").unlink()
    trust()
    cluster.done()


@pytest.mark.thorough
@pytest.mark.parametrize("tls", ["off", "own"])
def test_two_clients_write_through_every_operation(tls: str, removed: None, capsys: pytest.CaptureFixture[str]) -> None:
    for host in HOSTS:
        shapes.make(on(host), [SHAPES["redis-8"]])
    cluster = Cluster(tls=tls)
    cluster.done()
    with clients_of(trust() if tls == "own" else "") as clients:
        wait_until(lambda: int(redis(HOSTS[0], "c0", "dbsize") or 0) > 0, "they write")
        clients.ended("before")

        cluster.names = NAMES
        cluster.done()
        was = clients.ended("a node more on each host")
        cluster.settings["tcp-backlog"] = 300
        cluster.done()
        was += clients.ended("every Redis restarted")
        cluster.more.update(image="netmode-test/redis-8", image_source="pull")
        cluster.done("upgrade.yml")
        was += clients.ended("upgrade to Redis 8")
        if tls == "own":
            rotate_certificates(cluster)
            was += clients.ended("CA and certificates rotated")
        cluster.password = {"redis_password": "another", "redis_password_previous": PASSWORD}
        cluster.done()
        clients.change("another")
        cluster.password = {"redis_password": "another"}
        cluster.done()
        was += clients.ended("password rotated")
        settled(cluster.play())
        idle = clients.ended("run again")

        clients.shown(capsys)
    clients.lost_nothing()
    was_planned(was, idle)


@pytest.mark.thorough
def test_a_host_is_switched_off_and_on_and_replicas_have_taken_over_in_time(
    removed: None, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = Cluster()
    cluster.done()
    with clients_of() as clients:
        wait_until(lambda: int(redis(HOSTS[0], "c0", "dbsize") or 0) > 0, "they write")
        settled(cluster.play())
        idle = clients.ended("run again")
        took, told = crash(clients)
        settled(cluster.play())
        clients.ended("run again after that")
        clients.shown(capsys)
    clients.lost_nothing("a host down")
    stalled = max(one.gap for one in idle)  # by the machine itself
    # Redis pings a node at least each half of the timeout, which begins with a ping; then comes the election.
    assert took < 1.5 * TIMEOUT + 2 + stalled
    assert all(one.gap < took + ANSWERS_WITHIN + 1 + stalled for one in told), told
    for lost in clients.lost.values():  # acknowledged by a master that had not told its replica when it ended
        assert lost["a host down"] < 100


def crash(clients: Clients) -> tuple[float, list[Told]]:
    """A host is switched off and on again: after how many seconds replicas had taken over, and what clients noticed."""

    def asked(host: str, *words: str) -> str:
        return redis(host, "c0", *words)

    masters = [one.address for one in parse(asked(HOSTS[0], "cluster", "nodes")) if one.slots]
    down = min(HOSTS, key=lambda host: masters.count(address_of(host)))  # the others are a majority
    others = [host for host in HOSTS if host != down]

    def is_whole(host: str) -> bool:
        found = [one for one in parse(asked(host, "cluster", "nodes")) if not one.has_failed]
        alive = sum(count(one.slots) for one in found if one.address != address_of(down))
        return alive == SLOTS and "cluster_state:ok" in asked(host, "cluster", "info")

    def look(when: str) -> None:
        clients.notes.append(f"{when}:\n{asked(others[0], 'cluster', 'nodes')}")

    def elected(host: str) -> list[float]:
        """When replicas there took over, as their logs say: all hosts have one clock."""
        given = f"docker logs -t --since {int(since)} $name 2>&1 | grep 'Failover election won' || true"
        said = on(host).sh(f"for name in {' '.join(NAMES[:2])}; do {given}; done")
        return [datetime.fromisoformat(line[:26] + "+00:00").timestamp() for line in said.splitlines()]

    look(f"before {down} is switched off")
    beneath("docker", "kill", down)
    try:
        ended = beneath("docker", "inspect", "-f", "{{.State.FinishedAt}}", down)
        since = datetime.fromisoformat(ended[:26] + "+00:00").timestamp()
        wait_until(lambda: all(map(is_whole, others)), "replicas take over", 60)
        took = max(moment for host in others for moment in elected(host)) - since
        look(f"{took:.1f} s after that, when replicas had taken over")
        assert clients.are_answered()  # one that waits for the dead host has that in its next phase else
        told = clients.ended("a host down")
    finally:
        beneath("docker", "start", down)
    back = f"redis-cli -s /var/lib/netmode/redis/c0/redis.sock --pass {PASSWORD} info replication 2>/dev/null || true"
    wait_until(lambda: "master_link_status:up" in on(down).sh(back, check=False), "it is back", 120)
    look("once it is back")
    clients.ended("it is back")
    return took, told


def containers() -> list[str]:
    """Of all nodes: which, and since when they run."""
    return [on(host).docker("inspect", "-f", "{{.Id}} {{.State.StartedAt}}", *NAMES[:2]) for host in HOSTS]


@pytest.mark.thorough
def test_no_container_is_touched_while_a_master_has_no_replica_in_sync(removed: None) -> None:
    cluster = Cluster()
    cluster.done()
    found = parse(redis(HOSTS[0], "c0", "cluster", "nodes"))
    master = next(one for one in found if one.slots and one.address == address_of(HOSTS[0]))
    replica = next(one for one in found if one.master == master.id)
    host = next(one for one in HOSTS if address_of(one) == replica.address)
    name = "c0" if replica.port == 6390 else "c1"
    redis(host, name, "config", "set", "masterauth", "wrong")
    redis(host, name, "client", "kill", "type", "master")
    wait_until(lambda: "master_link_status:down" in redis(host, name, "info", "replication"), "its link is down")
    before = containers()

    cluster.more["labels"] = {"own.example/turn": "2"}
    refused = " ".join(cluster.play("site.yml").stdout.split())
    at = f"{replica.address}:{replica.port}"
    assert f"is in sync ({at} its link to its master is down). Nothing was changed on this host." in refused
    assert "redis_cluster_accept_gap: true" in refused
    assert containers() == before

    cluster.more["cluster_accept_gap"] = True
    done(cluster.play())
    assert not {*containers()} & {*before}
    cluster.more["cluster_accept_gap"] = False
    settled(cluster.play())


def users(**rules: str) -> list[dict[str, Any]]:
    """Of a Redis whose user default is off."""
    named = [{"name": name, "passwords": [f"{name}-password"], "rules": rule} for name, rule in rules.items()]
    return [{"name": "default", "enabled": False}, *named]


@pytest.mark.thorough
def test_nodes_whose_user_default_is_off_go_once_masteruser_may_have_a_replica_take_over(removed: None) -> None:
    def app(*words: str) -> str:
        at = ("-h", address_of(HOSTS[0]), "-p", "6390", "--user", "app")
        return on(HOSTS[1]).run("redis-cli", "-c", *at, *words, env={"REDISCLI_AUTH": "app-password"}).stdout.strip()

    cluster = Cluster()
    cluster.settings.update(masteruser="repl", masterauth="repl-password")
    least = "+psync +replconf +ping"
    cluster.password = {"redis_password": "", "redis_users": users(app="~* +@all", repl=least)}
    cluster.done()
    assert {app("set", f"k{number}", str(number)) for number in range(20)} == {"OK"}
    settled(cluster.play())

    before = containers()
    cluster.more["labels"] = {"own.example/turn": "2"}
    refused = " ".join(cluster.play("site.yml").stdout.split())
    assert "give the user repl (masteruser) +info +cluster|failover" in refused
    assert containers() == before

    repl = f"{least} +info +cluster|failover"
    cluster.password = {"redis_password": "", "redis_users": users(app="~* +@all", repl=repl)}
    cluster.more["labels"] = {}
    cluster.done()
    cluster.more["labels"] = {"own.example/turn": "2"}
    cluster.done()
    assert not {*containers()} & {*before}
    assert [app("get", f"k{number}") for number in range(20)] == [str(number) for number in range(20)]
    settled(cluster.play())
