# SPDX-License-Identifier: GPL-3.0-or-later
"""``redis_replica_of``: at which address a master is followed in each mode, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_plan import make_plan
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import read_variables

Hosts = dict[str, dict[str, Any]]
PASSWORD = {"redis_password": "s3cret"}
OPEN = {**PASSWORD, "redis_network_mode": "host", "redis_bind": ["*"]}
LAN = {"name": "lan", "driver": "macvlan", "driver_opts": {"parent": "eth0"}}
BACK = {"name": "back", "ipam": {"config": [{"subnet": "172.31.7.0/24"}]}}
OWN = {"bridge": "br-lan", "addresses": ["10.1.0.7/24"], "name": "lan0"}


def plan_of(host: str, hosts: Hosts) -> dict[str, Any]:
    raw = {"redis_address": hosts[host].get("ansible_host", host), **hosts[host]}
    problems: list[str] = []
    variables = read_variables("redis", raw, problems)
    assert not problems
    return make_plan(variables, host, (), hosts)


def replication_of(host: str, hosts: Hosts, instance: int = 0) -> dict[str, Any]:
    planned = plan_of(host, hosts)
    assert planned["problems"] == []
    found: dict[str, Any] = planned["files"][instance]["replication"]
    return found


def refusal(host: str, hosts: Hosts) -> str:
    planned = plan_of(host, hosts)
    assert planned["files"] == []
    (only,) = planned["problems"]
    return str(only)


def fleet(master: dict[str, Any], replica: dict[str, Any] | None = None) -> Hosts:
    return {
        "r1": {"ansible_host": "10.0.0.1", **PASSWORD, **master},
        "r2": {"ansible_host": "10.0.0.2", **OPEN, "redis_replica_of": "r1", **(replica or {})},
    }


REACHED = {
    "host mode": (OPEN, "10.0.0.1:6379"),
    "host mode, a port of its own": ({**OPEN, "redis_port": 7001}, "10.0.0.1:7001"),
    "host mode, one address": ({**OPEN, "redis_bind": ["127.0.0.1", "10.5.0.1"]}, "10.5.0.1:6379"),
    "published": ({"redis_ports": ["7000:6379"]}, "10.0.0.1:7000"),
    "published at one address": ({"redis_ports": ["127.0.0.1:1:6379", "10.5.0.1:7000:6379"]}, "10.5.0.1:7000"),
    "published by its donor": (
        {
            "redis_network_mode": "container", "redis_donor": "web",
            "redis_companions": [{"name": "web", "image": "nginx", "ports": ["7005:6379"]}],
        },
        "10.0.0.1:7005",
    ),
    "its donor is in the host's namespace": (
        {
            "redis_network_mode": "container", "redis_donor": "web", "redis_bind": ["*"],
            "redis_companions": [{"name": "web", "image": "nginx", "network_mode": "host"}],
        },
        "10.0.0.1:6379",
    ),
    "an interface of its own": ({"redis_network_mode": "none", "redis_interfaces": [OWN]}, "10.1.0.7:6379"),
    "a machine of the LAN": (
        {"redis_network_definitions": [LAN], "redis_networks": {"lan": {"ipv4_address": "10.1.0.9"}}}, "10.1.0.9:6379",
    ),
    "an address of redis_address": ({**OPEN, "redis_address": "192.0.2.1"}, "192.0.2.1:6379"),
    "as it announces itself": (
        {"redis_settings": {"replica-announce-ip": "198.51.100.1", "replica-announce-port": 6400}}, "198.51.100.1:6400",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REACHED)
def test_r9_a_master_is_followed_and_a_replica_announced_where_others_reach_it_in_every_mode(case: str) -> None:
    variables, place = REACHED[case]
    hosts = fleet(variables)
    found = replication_of("r2", hosts)
    assert (found["of"], f"{found['host']}:{found['port']}") == ("r1/redis", place)
    own = replication_of("r1", hosts)
    assert f"{own['announce_host']}:{own['announce_port']}" == place
    assert "of" not in own


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"redis_ports": ["127.0.0.1:6379:6379"]},
        {"redis_network_mode": "host"},
        {"redis_network_mode": "none"},
        {"redis_network_definitions": [BACK], "redis_networks": ["back"]},
        {
            "redis_network_mode": "container",
            "redis_donor": "web",
            "redis_companions": [{"name": "web", "image": "nginx"}],
        },
        {**OPEN, "ansible_host": "localhost"},
    ],
)
def test_a_master_that_other_hosts_do_not_reach_is_refused(variables: dict[str, Any]) -> None:
    said = refusal("r2", fleet(variables))
    assert said.startswith("r2: instance redis: replica_of: r1: it does not reach r1/redis.")
    assert "redis_ports" in said


def same_host(*instances: dict[str, Any], **more: Any) -> Hosts:
    master, *replicas = instances
    following = [{"replica_of": "r1/one", **one} for one in replicas]
    return {"r1": {"ansible_host": "localhost", **PASSWORD, **more, "redis_instances": [master, *following]}}


def test_on_one_host_a_common_network_or_namespace_will_do() -> None:
    networks = {"network_definitions": [BACK]}
    back = same_host(
        {"name": "one", "networks": ["back"]},
        {"name": "two", "networks": ["back"]},
        **{f"redis_{key}": value for key, value in networks.items()},
    )
    assert replication_of("r1", back, 1)["host"] == "one"
    of_host = same_host({"name": "one", "network_mode": "host"}, {"name": "two", "network_mode": "host", "port": 6380})
    assert replication_of("r1", of_host, 1)["host"] == "127.0.0.1"
    for hosts in (
        same_host({"name": "one", "network_mode": "host"}, {"name": "two"}),
        same_host({"name": "one"}, {"name": "two"}),
        same_host({"name": "one", "networks": ["back"]}, {"name": "two"}, redis_network_definitions=[BACK]),
    ):
        assert "it does not reach r1/one." in refusal("r1", hosts)


REFUSED = [
    ({"redis_replica_of": "r7"}, {}, "there is no host 'r7' in the inventory."),
    ({"redis_replica_of": "r2"}, {}, "that is this instance itself."),
    ({"redis_replica_of": "r1/cache"}, {}, "r1 has no instance 'cache'. It has redis."),
    ({"redis_replica_of": "10.0.0.300:6379"}, {}, "'10.0.0.300' is not an IP address."),
    ({}, {"redis_replica_of": "r2"}, "circle: r2/redis -> r1/redis -> r2/redis."),
    ({"redis_password": "other"}, {}, "r1/redis has another redis_password"),
    (
        {},
        {
            "redis_appendonly": False,
            "redis_users": [{"name": "default", "passwords": ["s3cret"], "rules": "~* +ping +get"}],
        },
        "the user default of r1/redis is off or limited",
    ),
    ({}, {"redis_tls": "own"}, "r1/redis has redis_tls: own, this one off."),
    (
        {"redis_tls": "own", "redis_tls_ca_dir": "/nowhere/one"},
        {"redis_tls": "own", "redis_tls_ca_dir": "/nowhere/two"},
        "is of another CA, that of /nowhere/two (redis_tls_ca_dir), and this one's is of /nowhere/one.",
    ),
    ({}, {"redis_appendonly": False, "redis_save": []}, "r1/redis keeps nothing"),
    ({}, {"redis_state": "stopped"}, "its state is stopped."),
    ({}, {"redis_port": "many"}, "its own variables are wrong: "),
    ({}, {"redis_maxmemory": "many"}, "its own variables are wrong: r1: instance redis: maxmemory: 'many'"),
    (
        {"redis_instances": [{"name": "xx"}]},
        {"redis_instances": [{"name": "aa"}, {"name": "bb", "port": 6380}]},
        "r1 has several: aa, bb. Say which: r1/aa.",
    ),
]


@pytest.mark.parametrize(("replica", "master", "said"), REFUSED)
def test_what_cannot_be_followed_is_refused_before_a_host_is_touched(
    replica: dict[str, Any], master: dict[str, Any], said: str
) -> None:
    hosts = fleet({**OPEN, **master}, replica)
    told = refusal("r2", hosts)
    assert said in told
    assert told.startswith("r2: instance ")
    assert ": replica_of: " in told


@pytest.mark.parametrize(
    "master",
    [
        {"redis_appendonly": False},
        {"redis_save": []},
        {"redis_appendonly": False, "redis_save": [], "redis_restart": "no"},
    ],
)
def test_r11_a_master_that_keeps_something_or_stays_down_is_followed(master: dict[str, Any]) -> None:
    assert replication_of("r2", fleet({**OPEN, **master}))["of"] == "r1/redis"


def test_one_outside_of_the_inventory_is_named_by_its_address() -> None:
    found = replication_of("r2", fleet({}, {"redis_replica_of": "[fd00::5]:6400"}))
    assert (found["of"], found["host"], found["port"]) == ("[fd00::5]:6400", "fd00::5", 6400)


def test_a_chain_of_replicas_ends_at_its_master() -> None:
    hosts = {**fleet(OPEN), "r3": {"ansible_host": "10.0.0.3", **OPEN, "redis_replica_of": "r2"}}
    assert replication_of("r3", hosts)["of"] == "r2/redis"


@pytest.mark.parametrize("directive", ["replicaof", "slaveof", "min-replicas-to-write"])
def test_directives_of_the_role_are_its_variables(directive: str) -> None:
    said = refusal("r1", {"r1": {**OPEN, "redis_settings": {directive: "1 2"}}})
    assert f"settings.{directive}: set replica" in said
