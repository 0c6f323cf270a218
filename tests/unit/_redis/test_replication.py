# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a Redis follows: over all that its variables, its file, its notes and the running server may say."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis import replication
from ansible_collections.netmode.docker.plugins.module_utils._redis.files import content_of, tried_content_of
from ansible_collections.netmode.docker.plugins.module_utils._redis.replication import Place, Role
from proof import UNIT, failed, prove

R1, R2, MOVED = Place("10.0.0.1", 6379), Place("10.0.0.2", 7000), Place("10.9.9.9", 6379)
MASTER = Role(None, 0, 0)


def instance(of: str = "", place: Place = R1, **more: Any) -> dict[str, Any]:
    given = {
        "of": of, "host": place.host if of else "", "port": place.port if of else 0, "announce_host": "10.0.0.3",
        "announce_port": 7003, "tls": False, "overwrite": False,
    }  # fmt: skip
    own = {"name": "cache", "lines": ["port 6379"], "secrets": [], "headers": set(), "trial": {"password": "s3cret"}}
    return {**own, "replication": {**given, **more}}


def noted(of: str = "", place: Place = R1) -> str:
    return replication.asked_of(instance(of, place))


def conf(place: Place | None) -> str:
    return f"# \nport 6379\n{f'replicaof {place.host} {place.port}' if place else ''}\n"


NOW = [(MASTER, conf(None)), (Role(R1, 0, 3), conf(R1)), (Role(R2, 0, 3), conf(R2)), (Role(R2, 0, 3), conf(R1))]


@pytest.mark.parametrize(("role", "content"), NOW)
@pytest.mark.parametrize("of", ["", "r1/redis"])
def test_r5_what_was_asked_for_before_leaves_the_role_as_it_runs(role: Role, content: str, of: str) -> None:
    assert replication.follows(instance(of), role, content, noted(of)) == role.follows


@pytest.mark.parametrize("written", [None, R1, R2])
@pytest.mark.parametrize("of", ["", "r1/redis"])
def test_where_it_does_not_run_its_file_has_its_role(written: Place | None, of: str) -> None:
    assert replication.follows(instance(of), None, conf(written), noted(of)) == written


@pytest.mark.parametrize(("role", "content"), [*NOW, (None, conf(R2)), (None, "")])
def test_what_is_asked_for_anew_counts(role: Role | None, content: str) -> None:
    for of, before in itertools.permutations(["", "r1/redis", "r2/redis"], 2):
        place = R2 if of == "r2/redis" else R1
        wanted = replication.follows(instance(of, place), role, content, noted(before, R2))
        assert wanted == (place if of else None), (of, before)


def test_a_first_deployment_does_as_it_is_asked() -> None:
    assert replication.follows(instance("r1/redis"), None, "", "") == R1
    assert replication.follows(instance(), None, "", "") is None


def test_r10_a_master_that_has_moved_is_followed_there_and_none_that_is_followed_no_longer() -> None:
    there = instance("r1/redis", MOVED)
    assert replication.follows(there, Role(R1, 0, 0), conf(R1), noted("r1/redis")) == MOVED
    assert replication.follows(there, Role(R2, 0, 0), conf(R2), noted("r1/redis")) == R2
    assert replication.follows(there, MASTER, conf(None), noted("r1/redis")) is None


def test_only_a_replica_has_the_lines_of_one_and_its_trial_has_none() -> None:
    replica = replication.with_role(instance("r1/redis"), R1)
    assert replica["role"] == ["replicaof 10.0.0.1 6379", "replica-announce-ip 10.0.0.3", "replica-announce-port 7003"]
    assert replica["role_secrets"] == ["masterauth s3cret"]
    assert content_of(replica).startswith(tried_content_of(replica))
    master = replication.with_role(instance("r1/redis"), None)
    assert content_of(master) == tried_content_of(master) == tried_content_of(replica)


def test_what_its_settings_say_of_it_is_left_to_them() -> None:
    own = {
        **instance("r1/redis"),
        "lines": ["Replica-Announce-IP 1.2.3.4", 'broken "'],
        "secrets": ["masterauth other"],
    }
    replica = replication.with_role(own, R1)
    assert replica["role"] == ["replicaof 10.0.0.1 6379", "replica-announce-port 7003"]
    assert replica["role_secrets"] == []


@pytest.mark.parametrize(
    ("role", "headers", "content", "refused"),
    [
        (Role(None, 0, 5), set(), conf(None), "5 keys"),
        (MASTER, {"REDIS0011"}, conf(None), ""),
        (None, {"REDIS0011"}, conf(None), "data"),
        (None, set(), "", ""),
        (Role(R2, 0, 5), set(), conf(R2), ""),
        (None, {"REDIS0011"}, conf(R1), ""),
    ],
)
def test_nobody_loses_keys_of_its_own_by_following(
    role: Role | None, headers: set[str], content: str, refused: str
) -> None:
    own = {**replication.with_role(instance("r1/redis"), R1), "headers": headers}
    if refused:
        with pytest.raises(NetmodeError, match=rf"instance cache: replica_of: it has {refused} of its own.*r1/redis"):
            replication.refuse(own, role, content)
    else:
        replication.refuse(own, role, content)
    replication.refuse({**own, "replication": {**own["replication"], "overwrite": True}}, role, content)


@pytest.mark.parametrize("restart", ["always", "no"])
@pytest.mark.parametrize(
    "lines", [["appendonly yes", 'save ""'], ["appendonly no", "save 60 1"], ["appendonly no", 'save ""']]
)
@pytest.mark.parametrize("replicas", [0, 2])
def test_r11_a_master_that_keeps_nothing_and_comes_back_is_refused_while_it_is_followed(
    replicas: int, lines: list[str], restart: str
) -> None:
    own = {**replication.with_role(instance(), None), "lines": lines, "trial": {"container": {"restart": restart}}}
    if replicas and restart == "always" and lines == ["appendonly no", 'save ""']:
        with pytest.raises(NetmodeError, match="instance cache: appendonly: it has 2 replicas, and"):
            replication.refuse(own, Role(None, replicas, 9), "")
    else:
        replication.refuse(own, Role(None, replicas, 9), "")


INFO = {
    "role": "master", "connected_slaves": "2", "master_repl_offset": "981", "db0": "keys=3,expires=0", "db7": "keys=2",
    "slave0": "ip=10.0.0.2,port=7000,state=online,offset=981,lag=1",
    "slave1": "ip=fd00::3,port=6379,state=wait_bgsave,offset=0,lag=0",
}  # fmt: skip


def test_a_master_says_who_follows_it() -> None:
    assert replication.role_in(INFO) == Role(None, 2, 5)
    told = replication.told_in(INFO)
    assert told
    assert [one["address"] for one in told["replicas"]] == ["10.0.0.2:7000", "[fd00::3]:6379"]
    assert [one["address"] for one in replication.in_sync(told["replicas"])] == ["10.0.0.2:7000"]
    assert replication.text_of(told) == "master of 10.0.0.2:7000, [fd00::3]:6379 (wait_bgsave)"
    assert (told["role"], told["master"], told["link"], told["offset"]) == ("master", None, None, 981)


@pytest.mark.parametrize(
    ("more", "link"),
    [
        ({"master_link_status": "up"}, "up"),
        ({"master_link_status": "down", "master_sync_in_progress": "1"}, "syncing"),
        ({"master_link_status": "down", "master_sync_in_progress": "0"}, "down"),
        ({}, "down"),
    ],
)
def test_a_replica_says_whom_it_follows(more: dict[str, str], link: str) -> None:
    info = {"role": "slave", "master_host": "10.0.0.1", "master_port": "6379", "slave_repl_offset": "7", **more}
    told = replication.told_in(info)
    assert told == {
        "role": "replica",
        "master": "10.0.0.1:6379",
        "link": link,
        "offset": 7,
        "replicas": [],
        "slots": [],
    }
    assert replication.text_of(told) == f"replica of 10.0.0.1:6379, link {link}"
    assert replication.role_in(info) == Role(R1, 0, 0)


NODES = """\
07c3 10.0.0.1:7000@17000,r1 myself,master - 0 0 1 connected 0-5460 6000 [6000->-67ed]
67ed 10.0.0.2:7000@17000 master - 0 1 2 connected 5461-5999
"""


@pytest.mark.parametrize(
    ("followed", "nodes", "text"),
    [
        ({}, "", ""),
        ({}, NODES, "slots 0-5460, 6000"),
        ({"connected_slaves": "1", "slave0": "ip=10.0.0.2,port=7001,state=online,offset=7,lag=0"}, NODES,
         "slots 0-5460, 6000; master of 10.0.0.2:7001"),
        ({}, NODES.replace("myself,", ""), ""),
    ],
)  # fmt: skip
def test_a_node_of_a_cluster_says_its_slots(followed: dict[str, str], nodes: str, text: str) -> None:
    told = replication.told_in({"role": "master", **followed}, nodes)
    assert told
    assert replication.text_of(told) == text


@pytest.mark.parametrize("info", [{}, {"redis_version": "7.0.15"}])
def test_who_does_not_say_has_no_role(info: dict[str, str]) -> None:
    assert replication.told_in(info) is None
    assert replication.role_in(info) is None


@pytest.fixture
def facts() -> dict[str, Any]:
    return dict(json.loads((UNIT / "golden" / "facts.json").read_text())["article"])


ONLINE = {"address": "10.0.0.2:6379", "state": "online", "offset": 9, "lag": 0}
FOLLOWS = {"role": "replica", "master": "10.0.0.1:6379", "link": "up", "offset": 9, "replicas": []}
LEADS = {"role": "master", "master": None, "link": None, "offset": 9, "replicas": [ONLINE]}
ROLES: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    (LEADS, {}, []),
    (FOLLOWS, {}, ["ok it follows 10.0.0.1:6379, its link is up (up)"]),
    ({**FOLLOWS, "link": "syncing"}, {}, ["FAIL it follows 10.0.0.1:6379, its link is up (syncing)"]),
    ({**LEADS, "replicas": []}, {"replicas_min": 1}, ["FAIL at least 1 of its replicas are in sync (0)"]),
    (LEADS, {"replicas_min": 1}, ["ok at least 1 of its replicas are in sync (1)"]),
    (
        {**LEADS, "replicas": [{**ONLINE, "lag": 11}, {**ONLINE, "state": "wait_bgsave"}]},
        {"replicas_min": 1},
        ["FAIL at least 1 of its replicas are in sync (0)"],
    ),
    (FOLLOWS, {"replicas_min": 1}, ["ok it follows 10.0.0.1:6379, its link is up (up)"]),
]


@pytest.mark.parametrize(("told", "changed", "claimed"), ROLES)
def test_the_role_that_a_redis_has_is_proven_and_not_the_one_that_it_was_given(
    facts: dict[str, Any], told: dict[str, Any], changed: dict[str, Any], claimed: list[str]
) -> None:
    def change(answers: dict[str, Any]) -> None:
        answers["redis-none: PONG over the unix socket"]["replication"] = told

    proof = prove(facts, [{"name": "redis-none", "network_mode": "none"}], change, **changed)
    words = ("follows", "replicas")
    found = [claim for claim in proof["claims"] if any(word in claim["claim"] for word in words)]
    assert [f"{'ok' if claim['ok'] else 'FAIL'} {claim['claim']} ({claim['observed']})" for claim in found] == claimed
    failed(proof)
