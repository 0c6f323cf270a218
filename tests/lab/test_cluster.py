# SPDX-License-Identifier: GPL-3.0-or-later
"""A Redis Cluster over the lab's three hosts and engines: formed, found as it is, and gone on with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.nodes import SLOTS, count
from cluster_clients import was_planned, writing
from clustered import NAMES, PASSWORD, PORTS, nodes, redis, remove, variables
from hosts import HOSTS, address_of, changed, done, on, run_play, settled
from lab import wait_until


def client(host: str, *words: str) -> str:
    """A client that follows redirections, from a host, at the first node of the first host."""
    at = ("-h", address_of(HOSTS[0]), "-p", str(PORTS["c0"]))
    return on(host).run("redis-cli", "-c", *at, *words, env={"REDISCLI_AUTH": PASSWORD}).stdout.strip()


@pytest.fixture
def removed(fleet: object) -> Iterator[None]:
    yield
    remove()


@pytest.mark.parametrize("mode", [pytest.param("host", marks=pytest.mark.thorough), "bridge"])
def test_six_nodes_over_three_hosts_are_a_cluster_that_a_client_on_each_host_writes_to(
    mode: str, removed: None, capsys: pytest.CaptureFixture[str]
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

    masters_before = {one.id for one in nodes() if one.slots}
    with writing([f"{address_of(host)}:{PORTS['c0']}" for host in HOSTS], PASSWORD) as clients:
        done(run_play("cluster.yml", **variables(mode, labels={"own.example/turn": "2"})))
        told = clients.ended("every container recreated")
        settled(run_play("cluster.yml", **variables(mode, labels={"own.example/turn": "2"})))
        idle = clients.ended("run again")
        clients.shown(capsys)
    was_planned(told, idle)
    clients.lost_nothing()
    assert {one.id for one in nodes() if one.slots} == masters_before
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
