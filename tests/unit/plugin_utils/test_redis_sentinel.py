# SPDX-License-Identifier: GPL-3.0-or-later
"""``redis_sentinel_of`` and ``redis_sentinel_set``: what a Sentinel is given, what is refused, and the next steps."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis.sentinel import LABEL
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_plan import make_plan
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_sentinels import next_steps
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import read_variables

Json = dict[str, Any]
DATA: Json = {"name": "cache", "sentinel_set": "main"}
WATCH: Json = {"name": "watch", "sentinel_of": ["main"]}
BOTH: Json = {"redis_password": "s3cret", "redis_bind": ["*"], "redis_instances": [DATA, WATCH]}
HOST: Json = {**BOTH, "redis_network_mode": "host"}
WEB: Json = {"name": "web", "image": "nginx", "ports": ["6379:6379", "26379:26379"]}


def plan_of(given: Json, address: str = "10.0.0.1") -> Json:
    problems: list[str] = []
    variables = read_variables("redis", {"redis_address": address, **given}, problems)
    assert problems == []
    return make_plan(variables, "r1", (), {})


def instances(watch: Json, data: Json = DATA, **more: Any) -> Json:
    return {**BOTH, **more, "redis_instances": [data, {**WATCH, **watch}]}


def test_a_sentinel_takes_nothing_over_that_its_host_says_of_data() -> None:
    of_data = {
        "redis_maxmemory": "1gb", "redis_replicas_min": 1, "redis_sentinel_set": "main", "redis_port": 6380,
        "redis_settings": {"maxclients": 99}, "redis_users": [{"name": "app", "passwords": ["x"], "rules": "+get"}],
    }  # fmt: skip
    planned = plan_of({**HOST, **of_data})
    assert planned["problems"] == []
    cache, watch = planned["files"]
    assert "maxclients 99" in cache["lines"]
    assert watch["lines"] == [
        "daemonize no", "dir /data", "bind *", "port 26379", "unixsocket /run/redis/redis.sock", "unixsocketperm 770",
        "protected-mode yes", "sentinel announce-ip 10.0.0.1", "sentinel announce-port 26379",
    ]  # fmt: skip
    assert (cache["sentinel"], watch["sentinel"]) == (None, {"username": "", "password": "s3cret"})
    assert (watch["replication"], watch["secrets"]) == (None, ["requirepass s3cret"])
    made = {one["name"]: one for one in planned["containers"]}
    assert made["watch"]["command"][-1] == "--sentinel"
    assert LABEL in made["watch"]["labels"]
    assert LABEL not in made["cache"]["labels"]
    assert (planned["cluster"], planned["sentinel"]) == ([], ["cache", "watch"])


def test_what_is_watched_announces_itself_and_can_follow_before_it_ever_does() -> None:
    (cache, _) = plan_of(HOST)["files"]
    assert {"replica-announce-ip 10.0.0.1", "replica-announce-port 6379"} <= {*cache["lines"]}
    assert "masterauth s3cret" in cache["secrets"]


ANNOUNCED: dict[str, tuple[Json, tuple[str, int]]] = {
    "host mode": (HOST, ("10.0.0.1", 26379)),
    "published": (instances({"ports": ["26379:26379"]}, {**DATA, "ports": ["6379:6379"]}), ("10.0.0.1", 26379)),
    "published at another port": (
        instances({"ports": ["8001:26379"]}, {**DATA, "ports": ["8000:6379"]}),
        ("10.0.0.1", 8001),
    ),
    "published by its donor": (
        {**BOTH, "redis_network_mode": "container", "redis_donor": "web", "redis_companions": [WEB]},
        ("10.0.0.1", 26379),
    ),
}


@pytest.mark.parametrize("name", ANNOUNCED)
def test_a_sentinel_announces_where_the_others_reach_it_in_every_mode(name: str) -> None:
    given, (address, port) = ANNOUNCED[name]
    planned = plan_of(given)
    assert planned["problems"] == []
    lines = planned["files"][1]["lines"]
    assert {f"sentinel announce-ip {address}", f"sentinel announce-port {port}"} <= {*lines}, lines


def of_host(watch: Json | None = None, data: Json | None = None, **more: Any) -> Json:
    return {**HOST, **more, "redis_instances": [{**DATA, **(data or {})}, {**WATCH, **(watch or {})}]}


REFUSED: dict[str, tuple[Json, str, tuple[str, ...]]] = {
    "not reached": (
        instances({}, {**DATA, "ports": ["6379:6379"]}),
        "10.0.0.1",
        ("watch: network_mode", "do not reach"),
    ),
    "a name": (of_host(data={"sentinel_set": ""}), "r1.example", ("watch: address", "go by addresses", "r1.example")),
    "no address": (of_host(data={"sentinel_set": ""}), "localhost", ("watch: address", "at no address but localhost")),
    "data of its own": (of_host({"appendonly": True}), "10.0.0.1", ("watch: appendonly", "no data")),
    "follows": (of_host({"replica_of": "r2"}), "10.0.0.1", ("watch: replica_of", "follows nobody")),
    "watched itself": (of_host({"sentinel_set": "main"}), "10.0.0.1", ("watch: sentinel_set", "no data")),
    "a password that it cannot read again": (
        of_host({"sentinel_password": 'pass "word"'}),
        "10.0.0.1",
        ("watch: sentinel_password", "without quotes"),
    ),
    "a node of a cluster": (of_host(data={"cluster": "c"}), "10.0.0.1", ("cache: sentinel_set", "fail over")),
    "keeps nothing": (of_host(data={"appendonly": False, "save": []}), "10.0.0.1", ("cache: save", "keeps nothing")),
    "default off": (
        of_host(data={"password": "", "users": [{"name": "default", "enabled": False}]}),
        "10.0.0.1",
        ("cache: sentinel_set", "masteruser"),
    ),
    "default off, nobody to ask as": (
        of_host(
            data={
                "password": "",
                "users": [{"name": "default", "enabled": False}],
                "settings": {"masteruser": "r", "masterauth": "p"},
            }
        ),
        "10.0.0.1",
        ("cache: sentinel_username", "+slaveof"),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_watched_or_watch_is_refused_by_its_variable_with_the_way_out(name: str) -> None:
    given, address, words = REFUSED[name]
    planned = plan_of(given, address)
    assert planned["files"] == []
    assert len(planned["problems"]) == 1, planned["problems"]
    for word in ("r1: instance ", *words):
        assert word in planned["problems"][0], planned["problems"][0]


def server(role: str = "master", master: str | None = None, link: str | None = None) -> Json:
    return {"role": {"role": role, "master": master, "link": link, "keys": 0}}


FOLLOWS = server("replica", "10.0.0.1:6379", "up")


def fleet(hosts: int = 3, **more: Json) -> tuple[Json, Json]:
    """What they say before a Sentinel watches anything, and their variables."""
    names = [f"r{number + 1}" for number in range(hosts)]
    variables = {
        name: {
            "ansible_host": f"10.0.0.{number + 1}",
            **HOST,
            **({"redis_replica_of": "r1/cache"} if number else {}),
            **more.get(name, {}),
        }
        for number, name in enumerate(names)
    }
    said = {name: {"cache": FOLLOWS if name != "r1" else server(), "watch": {"sets": {}}} for name in names}
    return said, variables


def test_each_sentinel_is_told_of_the_master_and_waits_for_all_others() -> None:
    found = next_steps(*fleet())
    assert (found["problems"], found["done"]) == ([], False)
    for host in ("r1", "r2", "r3"):
        commands = [step["command"] for step in found["steps"][host]]
        assert commands[:2] == [["MONITOR", "main", "10.0.0.1", "6379", "2"], ["ask-as", "main"]]
        assert ["SET", "main", "down-after-milliseconds", "5000"] in commands
        wait = {"instance": "watch", "set": "main", "host": "10.0.0.1", "port": 6379, "sentinels": 2, "replicas": 2}
        assert found["waits"][host] == [wait]
    assert "s3cret" not in str(found)


CANNOT: dict[str, tuple[tuple[Json, Json], tuple[str, ...]]] = {
    "another quorum": (fleet(r2={"redis_sentinel_quorum": 3}), ("redis_sentinel_quorum",)),
    "another password": (fleet(r3={"redis_password": "other"}), ("redis_password",)),
    "nobody is watched": (fleet(**{f"r{n}": {"redis_instances": [WATCH]} for n in (1, 2, 3)}), ("redis_sentinel_set",)),
    "nobody watches": (fleet(**{f"r{n}": {"redis_instances": [DATA]} for n in (1, 2, 3)}), ("redis_sentinel_of",)),
    "a host is not in the play": (({"r1": {}, "r2": {}}, fleet()[1]), ("r3", "not in this play")),
    "a quorum that cannot be": (
        fleet(**{f"r{n}": {"redis_sentinel_quorum": 4} for n in (1, 2, 3)}),
        ("redis_sentinel_quorum", "4 of 3"),
    ),
}


@pytest.mark.parametrize("name", CANNOT)
def test_what_cannot_be_watched_over_all_hosts_is_said_and_nothing_is_done(name: str) -> None:
    given, words = CANNOT[name]
    found = next_steps(*given)
    assert found["problems"], found
    for word in words:
        assert any(word in problem for problem in found["problems"]), found["problems"]
    assert not any(found["steps"].values())
    assert any(claim.startswith("FAIL main") for claim in found["claims"])
