# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicas on one host: in each network mode, of a master in each, and what is refused so that nothing is lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from lab import wait_until
from redis_lab import ROLE, running
from shaped import DONORS, MODES, PASSWORD, ask, instance
from shapes import REDIS_SHAPES, Shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab import Host, Play

pytestmark = [pytest.mark.engines, pytest.mark.spread, pytest.mark.usefixtures("shape_images", "no_files_left")]
SHAPE = REDIS_SHAPES[0]
GATE = "172.17.0.1"
"""The address of this host that its containers reach."""
OWN: dict[str, dict[str, Any]] = {
    "bridge": {"ports": ["7100:6379"]},
    "container": {"donor": "nginx"},
    "host": {"bind": ["*"]},
    "none": {"interfaces": [{"name": "eth0", "bridge": "docker0", "addresses": ["172.17.200.5/16"]}]},
}
PLACES = {
    "bridge": f"{GATE}:7100",
    "container": f"{GATE}:7001",
    "host": f"{GATE}:7002",
    "none": "172.17.200.5:6379",
}
PROMOTE = [
    {"hosts": "all", "gather_facts": False, "tasks": [
        {"ansible.builtin.include_role": {"name": "netmode.docker.redis", "tasks_from": "promote.yml"}}
    ]}
]  # fmt: skip
CASES = [
    ("host", SHAPE),
    pytest.param("none", SHAPE, marks=pytest.mark.thorough),
    *(pytest.param("host", shape, marks=pytest.mark.thorough) for shape in REDIS_SHAPES[1:] if shape.name != "bitnami"),
]
"""Bitnami's image needs a volume of its own; its server is that of another one."""
COMPANIONS = [{**DONORS[0], "ports": ["7001:7001"]}]


def name_of(mode: str, shape: Shape = SHAPE) -> str:
    return f"{mode}-{shape.name}"


def set_of(master: str, shape: Shape = SHAPE, **more: Any) -> list[dict[str, Any]]:
    """One instance in each mode, that of ``master`` followed by the others."""
    found = []
    for number, mode in enumerate(MODES):
        own = {**OWN[mode], **({} if mode == master else {"replica_of": f"localhost/{name_of(master, shape)}"})}
        found.append({**instance(number, mode, shape), **own, **more})
    return found


def bring(
    play: Callable[..., Play],
    instances: list[dict[str, Any]],
    *options: str,
    rc: int = 0,
    what: Any = ROLE,
    **more: Any,
) -> Play:
    given = {"redis_password": PASSWORD, "redis_keeper": False, "redis_healthcheck_interval": "1h", **more}
    given.update(redis_address=GATE, redis_companions=COMPANIONS)
    played = play(what, options=options, redis_instances=instances, **given)
    assert played.rc == rc, played.stdout + played.stderr
    return played


def settled(played: Play) -> None:
    told = [task["result"] for task in played.tasks if task["status"] == "changed"]
    assert played.changed == 0, json.dumps(told)


def info(host: Host, mode: str, shape: Shape = SHAPE) -> dict[str, str]:
    lines = ask(host, name_of(mode, shape), "info", "replication").splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def seen_by(host: Host, mode: str, shape: Shape = SHAPE) -> set[str]:
    """The replicas in sync that a master sees, by the addresses that they announce."""
    lines = [value for key, value in info(host, mode, shape).items() if key[:5] == "slave" and key[5:].isdigit()]
    pairs = [dict(pair.split("=") for pair in line.split(",")) for line in lines]
    return {f"{one['ip']}:{one['port']}" for one in pairs if one["state"] == "online"}


def others(master: str) -> set[str]:
    return {place for mode, place in PLACES.items() if mode != master}


@pytest.mark.parametrize(("master", "shape"), CASES)
def test_r9_each_mode_is_followed_and_follows_and_the_master_sees_where_its_replicas_are(
    host: Host, play: Callable[..., Play], master: str, shape: Shape
) -> None:
    bring(play, set_of(master, shape))
    wait_until(lambda: seen_by(host, master, shape) == others(master), "all are in sync")
    assert ask(host, name_of(master, shape), "set", "marker", "it stays") == "OK"
    assert ask(host, name_of(master, shape), "wait", "3", "5000") == "3"
    settled(bring(play, set_of(master, shape)))
    before = running(host)

    assert bring(play, set_of(master, shape, replicas_min=3, settings={"repl-backlog-size": "2mb"})).changed > 0
    assert ask(host, name_of(master, shape), "config", "get", "min-replicas-to-write").split()[-1] == "3"
    assert running(host) == before

    same = set_of(master, shape, replicas_min=3, settings={"repl-backlog-size": "2mb"})
    bring(play, same, what=PROMOTE, redis_promote=f"localhost/{name_of('container', shape)}")
    wait_until(lambda: seen_by(host, "container", shape) == others("container"), "they follow the one that is promoted")
    settled(bring(play, same))

    ask(host, name_of("bridge", shape), "replicaof", "no", "one")  # a failover by somebody else
    for mode in ("host", "container", "none"):
        ask(host, name_of(mode, shape), "config", "set", "masterauth", PASSWORD)
        ask(host, name_of(mode, shape), "replicaof", *PLACES["bridge"].split(":"))
    bring(play, same)
    settled(bring(play, same))
    wait_until(lambda: seen_by(host, "bridge", shape) == others("bridge"), "r5: the roles are as a hand changed them")
    assert running(host) == before
    host.docker("restart", *(name_of(mode, shape) for mode in ("bridge", "host")))
    wait_until(
        lambda: others("bridge") - {PLACES["none"]} <= seen_by(host, "bridge", shape), "and so they are after a restart"
    )
    assert ask(host, name_of("bridge", shape), "get", "marker") == "it stays"


def test_a_redis_that_has_keys_becomes_a_replica_only_where_that_is_said(host: Host, play: Callable[..., Play]) -> None:
    master, other = ({**instance(2, "host", SHAPE), **OWN["host"]}, {**instance(0, "bridge", SHAPE), **OWN["bridge"]})
    bring(play, [master, other])
    for mode in ("host", "bridge"):
        ask(host, name_of(mode), "set", "marker", mode)
    replica = {**other, "replica_of": f"localhost/{name_of('host')}"}
    for options in (("--check",), ()):
        refused = bring(play, [master, replica], *options, rc=2)
        assert "replica_of: it has 1 key of its own, which a replica of" in refused.stdout
    assert ask(host, name_of("bridge"), "get", "marker") == "bridge"
    before = running(host)
    bring(play, [master, {**replica, "replica_overwrite": True}])
    wait_until(lambda: ask(host, name_of("bridge"), "get", "marker") == "host", "it follows")
    assert running(host) == before
    settled(bring(play, [master, replica]))

    keeps_nothing = {"appendonly": False, "save": []}
    refused = bring(play, [{**master, **keeps_nothing}, replica], rc=2)
    assert "keeps nothing" in refused.stdout
    refused = bring(play, [{**master, **keeps_nothing}], rc=2)  # which does not know of its replica by its variables
    assert "appendonly: it has 1 replica, and" in refused.stdout
    assert bring(play, [master, other]).changed > 0  # replica_of was taken out
    assert info(host, "bridge")["role"] == "master"
    assert ask(host, name_of("bridge"), "get", "marker") == "host"


@pytest.mark.thorough
def test_a_master_that_is_not_there_leaves_a_replica_as_it_was(host: Host, play: Callable[..., Play]) -> None:
    own = {**instance(0, "bridge", SHAPE), **OWN["bridge"]}
    bring(play, [own])
    refused = bring(play, [{**own, "replica_of": "172.17.0.1:9"}], rc=2)
    assert "it finds no master at 172.17.0.1:9" in json.dumps(refused.stdout)
    assert info(host, "bridge")["role"] == "master"
    settled(bring(play, [own]))
