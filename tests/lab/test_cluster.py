# SPDX-License-Identifier: GPL-3.0-or-later
"""A Redis Cluster over the lab's three hosts and engines: formed, found as it is, and gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.nodes import SLOTS, Node, count, parse
from hosts import HOSTS, STATE, address_of, changed, done, on, run_play
from lab import wait_until

PASSWORD = "lab-password"
NAMES = ("c0", "c1", "c2")
PORTS = {"c0": 6390, "c1": 6391, "c2": 6392}
MODES: dict[str, dict[str, dict[str, Any]]] = {
    "host": {name: {"network_mode": "host"} for name in NAMES},
    "bridge": {
        name: {"network_mode": "bridge", "ports": [f"{port}:{port}", f"{port + 10000}:{port + 10000}"]}
        for name, port in PORTS.items()
    },
}


def variables(mode: str, names: tuple[str, ...] = NAMES[:2], **more: Any) -> dict[str, Any]:
    own = {"cluster": "cache", "appendfsync": "always", "tls": "off", "tls_port": 0, "bind": ["*"], **more}
    return {
        "redis_instances": [{"name": name, "port": PORTS[name], **own, **MODES[mode][name]} for name in names],
        "redis_companions": [],
        "redis_password": PASSWORD,
        "redis_allowed_sources": [],
        "redis_tls_ca_dir": str(STATE / "redis-tls"),
        "target": "all",
    }


def redis(host: str, name: str, *words: str) -> str:
    command = ("redis-cli", "-s", f"/var/lib/netmode/redis/{name}/redis.sock", *words)
    return on(host).run(*command, env={"REDISCLI_AUTH": PASSWORD}).stdout.strip()


def client(host: str, *words: str) -> str:
    """A client that follows redirections, from a host, at the first node of the first host."""
    at = ("-h", address_of(HOSTS[0]), "-p", str(PORTS["c0"]))
    return on(host).run("redis-cli", "-c", *at, *words, env={"REDISCLI_AUTH": PASSWORD}).stdout.strip()


def nodes(host: str = HOSTS[0], name: str = "c0") -> tuple[Node, ...]:
    return parse(redis(host, name, "cluster", "nodes"))


@pytest.fixture
def removed(fleet: object) -> Iterator[None]:
    yield
    tasks: list[dict[str, Any]] = [
        {"netmode.docker.containers": {"containers": [{"name": name, "state": "absent"} for name in NAMES]}},
        {"netmode.docker.volumes": {"volumes": [{"name": f"{name}-data", "state": "absent"} for name in NAMES]}},
    ]
    done(run_play([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    for host in HOSTS:
        on(host).sh("rm -rf " + " ".join(f"/etc/netmode/redis/{name} /var/lib/netmode/redis/{name}" for name in NAMES))


@pytest.mark.parametrize("mode", [pytest.param("host", marks=pytest.mark.thorough), "bridge"])
def test_six_nodes_over_three_hosts_are_a_cluster_that_a_client_on_each_host_writes_to(
    mode: str, removed: None
) -> None:
    play = done(run_play("cluster.yml", **variables(mode)))
    assert "3 masters, 3 replicas, 16384 slots" in play.stdout
    found = nodes()
    places = {(one.address, one.port) for one in found}
    assert places == {(address_of(host), port) for host in HOSTS for port in (6390, 6391)}
    masters = {one.id: one for one in found if one.slots}
    assert (len(masters), sum(count(one.slots) for one in found)) == (3, SLOTS)
    followers = [one for one in found if one.master]
    assert sorted(one.master for one in followers) == sorted(masters)
    assert all(masters[one.master].address != one.address for one in followers)

    for host in HOSTS:  # R8: slots and redirections lead to where each of them reaches
        for number in range(20):
            assert client(host, "set", f"{host}-{number}", str(number)) == "OK"
    assert [client(HOSTS[1], "get", f"{HOSTS[2]}-{number}") for number in range(20)] == [str(n) for n in range(20)]

    again = done(run_play("cluster.yml", **variables(mode)))
    assert changed(again) == [], [task["result"] for task in again.tasks if task["result"].get("changed")]
    assert "3 masters, 3 replicas, 16384 slots" in again.stdout
    assert again.stdout.count("slots 0-5461; master of ") >= 2  # in the tree and in the matrix

    old = next(one for one in found if one.slots)
    new = next(one for one in followers if one.master == old.id)
    host = next(host for host in HOSTS if address_of(host) == new.address)
    name = next(name for name, port in PORTS.items() if port == new.port)
    assert redis(host, name, "cluster", "failover") == "OK"
    wait_until(lambda: redis(host, name, "role").splitlines()[0] == "master", "the replica has taken over")
    wait_until(lambda: "cluster_state:ok" in redis(host, name, "cluster", "info"), "the cluster is whole")
    assert changed(done(run_play("cluster.yml", **variables(mode)))) == []  # R5
    assert redis(host, name, "role").splitlines()[0] == "master"

    done(run_play("cluster.yml", "-e", "site_serial=1", **variables(mode, labels={"own.example/turn": "2"})))
    assert [client(HOSTS[1], "get", f"{HOSTS[2]}-{number}") for number in range(20)] == [str(n) for n in range(20)]

    # Nine nodes with a replica of each are four masters: slots go to a new one, with their keys.
    more = variables(mode, NAMES, labels={"own.example/turn": "2"})
    played = done(run_play("cluster.yml", **more))
    assert "slots are to come from" in played.stdout
    assert "4 masters, 5 replicas, 16384 slots" in played.stdout
    counts = [count(one.slots) for one in nodes() if one.slots]
    assert (len(counts), sum(counts), max(counts) - min(counts)) == (4, SLOTS, 0)
    assert [client(HOSTS[1], "get", f"{HOSTS[2]}-{number}") for number in range(20)] == [str(n) for n in range(20)]
    assert changed(done(run_play("cluster.yml", **more))) == []
