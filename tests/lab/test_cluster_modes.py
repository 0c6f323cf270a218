# SPDX-License-Identifier: GPL-3.0-or-later
"""A Redis Cluster in the network modes beside host and bridge: formed, reached from other hosts, found as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from clustered import NAMES, PASSWORD, PORTS, nodes, remove, variables
from hosts import HOSTS, address_of, done, on, run_play, settled

TWO = NAMES[:2]
SIX = tuple(f"c{number}" for number in range(6))
NETWORK = "cluster-net"


def client(host: str, at: str, *words: str) -> str:
    """A client on a host that follows redirections from the node that it asks first."""
    command = ("redis-cli", "-c", "-h", at.rpartition(":")[0], "-p", at.rpartition(":")[2], *words)
    return on(host).run(*command, env={"REDISCLI_AUTH": PASSWORD}).stdout.strip()


def formed(given: dict[str, Any], at: str, hosts: tuple[str, ...] = HOSTS) -> None:
    """By one run, for clients on all ``hosts``; a second one changes nothing."""
    assert "3 masters, 3 replicas, 16384 slots" in done(run_play("cluster.yml", **given)).stdout
    for host in hosts:
        assert {client(host, at, "set", f"{host}-{number}", str(number)) for number in range(20)} == {"OK"}
    read = [client(hosts[-1], at, "get", f"{hosts[0]}-{number}") for number in range(20)]
    assert read == [str(number) for number in range(20)]
    settled(run_play("cluster.yml", **given))


@pytest.fixture
def removed(fleet: object) -> Iterator[None]:
    yield
    remove(*SIX, "c-donor")


@pytest.mark.thorough
def test_nodes_share_a_donor_that_publishes_their_ports_and_its_buses_and_move_on_while_it_is_recreated(
    removed: None,
) -> None:
    published = [f"{port}:{port}" for name in TWO for port in (PORTS[name], PORTS[name] + 10000)]
    donor = {"name": "c-donor", "ports": published, "command": ["busybox", "httpd", "-f", "-p", "81"], "init": True}
    given = variables("host")
    for one in given["redis_instances"]:
        one.update(network_mode="container", donor="c-donor")
    given["redis_companions"] = [donor]
    at = f"{address_of(HOSTS[0])}:{PORTS['c0']}"
    formed(given, at)
    masters = {one.id for one in nodes() if one.slots}

    given["redis_companions"] = [{**donor, "labels": {"own.example/turn": "2"}}]
    done(run_play("cluster.yml", **given))
    assert {one.id for one in nodes() if one.slots} == masters
    assert client(HOSTS[1], at, "get", f"{HOSTS[0]}-7") == "7"
    settled(run_play("cluster.yml", **given))


@contextmanager
def bridged() -> Iterator[None]:
    """Each host's own interface is a port of a bridge, br-lan, which has its address."""
    there = """
        set -e
        of=$(ip -4 -o address show to {address} | awk '{{print $2}}')
        address=$(ip -4 -o address show dev $of | awk '{{print $4}}')
        ip link add br-lan address $(cat /sys/class/net/$of/address) type bridge; ip link set br-lan up
        default=$(ip -4 route show default dev $of)
        ip address del $address dev $of; ip link set $of master br-lan; ip address add $address dev br-lan
        [ -z "$default" ] || ip route replace $default dev br-lan
        iptables -I FORWARD -i br-lan -o br-lan -j ACCEPT
        echo $of $address >/run/br-lan; echo $default >>/run/br-lan
    """
    back = """
        { read of address; read default || true; } </run/br-lan
        iptables -D FORWARD -i br-lan -o br-lan -j ACCEPT
        ip link del br-lan; ip address add $address dev $of; ip link set $of up
        [ -z "$default" ] || ip route replace $default dev $of
    """
    for host in HOSTS:
        on(host).sh(there.format(address=address_of(host)))
    try:
        yield
    finally:
        for host in HOSTS:
            on(host).sh(back, check=False)


@pytest.mark.thorough
def test_nodes_without_a_network_have_an_interface_on_a_bridge_that_reaches_the_other_hosts(fleet: object) -> None:
    addresses = {
        host: {name: f"172.30.0.{100 + 10 * at + by}" for by, name in enumerate(TWO)} for at, host in enumerate(HOSTS)
    }
    given = variables("host")
    of: dict[str, list[dict[str, Any]]] = {
        host: [
            {
                **one,
                "network_mode": "none",
                "interfaces": [
                    {"name": "eth0", "bridge": "br-lan", "addresses": [f"{addresses[host][one['name']]}/24"]}
                ],
            }
            for one in given["redis_instances"]
        ]
        for host in HOSTS
    }  # fmt: skip
    given.update(of=of, redis_instances="{{ of[inventory_hostname] }}")
    with bridged():
        try:
            formed(given, f"{addresses[HOSTS[0]]['c0']}:{PORTS['c0']}")
            turned = {host: [{**one, "labels": {"own.example/turn": "2"}} for one in own] for host, own in of.items()}
            done(run_play("cluster.yml", **{**given, "of": turned}))
            assert client(HOSTS[1], f"{addresses[HOSTS[2]]['c1']}:{PORTS['c1']}", "get", f"{HOSTS[0]}-7") == "7"
            settled(run_play("cluster.yml", **{**given, "of": turned}))
        finally:
            remove(*TWO)


@pytest.mark.thorough
def test_all_nodes_are_on_one_host_with_fixed_addresses_of_a_network_of_its_own(removed: None) -> None:
    given = variables("host", TWO)
    own = [
        {
            **given["redis_instances"][0], "name": name, "network_mode": "bridge", "port": 6379,
            "networks": {NETWORK: {"ipv4_address": f"10.99.0.{10 + number}"}},
        }
        for number, name in enumerate(SIX)
    ]  # fmt: skip
    network = {"name": NETWORK, "ipam": {"config": [{"subnet": "10.99.0.0/24"}]}}
    given.update(redis_network_definitions=[network], redis_instances="{{ of[inventory_hostname] | default([]) }}")
    try:
        formed({**given, "of": {HOSTS[0]: own}, "target": HOSTS[0]}, "10.99.0.10:6379", HOSTS[:1])

        told = run_play("cluster.yml", **{**given, "of": dict.fromkeys(HOSTS, own)})
        said = " ".join((told.stdout + told.stderr).split())
        assert f"it is reached on {HOSTS[0]} alone, and {HOSTS[1]} has nodes of the cluster cache too" in said
    finally:
        remove(*SIX)
        on(HOSTS[0]).docker("network", "rm", NETWORK, check=False)
