# SPDX-License-Identifier: GPL-3.0-or-later
"""``redis_cluster``: where a node announces itself in each mode, what is refused, and the next steps of each host."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_cluster import settings_of as made
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_clusters import led_before
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_clusters import next_steps as from_results
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_plan import make_plan
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import read_variables

Json = dict[str, Any]
MEMORY = [0, 0, 0, 0]
NODE: Json = {"redis_password": "s3cret", "redis_bind": ["*"], "redis_cluster": "cache", "redis_port": 7000}
HOST: Json = {**NODE, "redis_network_mode": "host"}
WEB: Json = {"name": "web", "image": "nginx", "ports": ["7000:7000", "17000:17000"]}
LAN0: Json = {"bridge": "br-lan", "addresses": ["10.1.0.7/24"], "name": "lan0"}


FIXED: Json = {"net": {"ipv4_address": "10.9.0.7"}}


def plan_of(given: Json, address: str = "10.0.0.1") -> Json:
    problems: list[str] = []
    variables = read_variables("redis", {"redis_address": address, **given}, problems)
    assert problems == []
    return make_plan(variables, "r1", (), {})


ANNOUNCED: dict[str, tuple[Json, tuple[str, int, int]]] = {
    "host mode": (HOST, ("10.0.0.1", 7000, 17000)),
    "host mode, one address": ({**HOST, "redis_bind": ["127.0.0.1", "10.5.0.1"]}, ("10.5.0.1", 7000, 17000)),
    "a bus of its own": ({**HOST, "redis_settings": {"cluster-port": 9000}}, ("10.0.0.1", 7000, 9000)),
    "published": ({**NODE, "redis_ports": ["7000:7000", "17000:17000"]}, ("10.0.0.1", 7000, 17000)),
    "published at other ports": ({**NODE, "redis_ports": ["8000:7000", "8001:17000"]}, ("10.0.0.1", 8000, 8001)),
    "published by its donor": (
        {**NODE, "redis_network_mode": "container", "redis_donor": "web", "redis_companions": [WEB]},
        ("10.0.0.1", 7000, 17000),
    ),
    "at a fixed address of a network": ({**NODE, "redis_networks": FIXED}, ("10.9.0.7", 7000, 17000)),
    "by an interface": (
        {**NODE, "redis_network_mode": "none", "redis_interfaces": [LAN0]},
        ("10.1.0.7", 7000, 17000),
    ),
}


@pytest.mark.parametrize("name", ANNOUNCED)
def test_r8_a_node_announces_where_the_others_reach_it_in_every_mode(name: str) -> None:
    given, (address, port, bus) = ANNOUNCED[name]
    planned = plan_of(given)
    assert planned["problems"] == []
    (files,) = planned["files"]
    lines = files["lines"]
    for line in (
        "cluster-enabled yes",
        f"cluster-announce-ip {address}",
        f"cluster-announce-port {port}",
        f"cluster-announce-bus-port {bus}",
    ):
        assert line in lines, lines
    assert "masterauth s3cret" in files["secrets"]
    assert files["replication"] is None  # or redis.conf of a replica would say replicaof, with which no node starts
    assert planned["cluster"] == ["redis"]


def test_a_node_that_somebody_made_by_settings_is_no_replica_by_redis_conf_either() -> None:
    given = {**HOST, "redis_cluster": "", "redis_settings": {"cluster-enabled": True}}
    (files,) = plan_of(given)["files"]
    assert files["replication"] is None


@pytest.mark.parametrize(("beside", "plain"), [(0, 0), (7443, 7000)], ids=["TLS alone", "TLS beside"])
def test_with_tls_the_bus_and_the_replication_speak_it_too(beside: int, plain: int) -> None:
    instance = {
        "tls": "own", "port": 7000, "tls_port": beside, "password": "", "settings": {}, "network_mode": "host",
        "interfaces": [],
    }  # fmt: skip
    node = {"address": "10.0.0.1", "port": beside or 7000, "bus": 17000, "tls": True}
    found = made(instance, node)
    assert (found["tls-cluster"], found["tls-replication"]) == ("yes", "yes")
    assert found["cluster-announce-tls-port"] == (beside or 7000)
    assert found.get("cluster-announce-port", plain) in (0, plain)


REFUSED: dict[str, tuple[Json, str, tuple[str, ...]]] = {
    "not reached": ({**NODE}, "10.0.0.1", ("network_mode", "do not reach it", "17000")),
    "the loopback": ({**HOST, "redis_bind": ["127.0.0.1"]}, "10.0.0.1", ("network_mode", "do not reach it")),
    "the bus is not published": ({**NODE, "redis_ports": ["7000:7000"]}, "10.0.0.1", ("ports", "not its bus", "17000")),
    "no fixed address": (
        {**NODE, "redis_networks": {"net": {}}},
        "10.0.0.1",
        ("cluster", "go by addresses", "'redis'", "ipv4_address in redis_networks"),
    ),
    "no address": (HOST, "localhost", ("cluster", "at no address but localhost", "redis_address of r1")),
    "a name": (HOST, "r1.example", ("cluster", "go by addresses", "r1.example")),
    "a port too high": ({**HOST, "redis_port": 60000}, "10.0.0.1", ("port", "60000", "55535")),
    "a replica by hand": ({**HOST, "redis_replica_of": "10.0.0.9:6379"}, "10.0.0.1", ("replica_of", "share out")),
    "keeps nothing": (
        {**HOST, "redis_appendonly": False, "redis_save": []},
        "10.0.0.1",
        ("save", "keeps nothing", "redis_restart"),
    ),
    "default off": (
        {**HOST, "redis_password": "", "redis_users": [{"name": "default", "enabled": False}]},
        "10.0.0.1",
        ("cluster", "masteruser"),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_r8_what_cannot_be_a_node_is_refused_by_its_variable_with_the_way_out(name: str) -> None:
    given, address, words = REFUSED[name]
    planned = plan_of(given, address)
    assert planned["files"] == []
    (told,) = planned["problems"]
    for word in ("r1: instance redis: ", *words):
        assert word in told, told


def test_r8_a_network_of_one_host_is_no_way_to_nodes_on_others() -> None:
    problems: list[str] = []
    given = {**NODE, "redis_networks": FIXED, "redis_address": "10.0.0.1"}
    variables = read_variables("redis", given, problems)
    for other, named in (({"redis_instances": [{"name": "a", "cluster": "cache"}]}, True), ({}, False)):
        planned = make_plan(variables, "r1", (), {"r1": given, "r2": other})
        assert bool(planned["problems"]) is named, planned["problems"]
        assert all("r1 alone, and r2 has nodes of the cluster cache too" in one for one in planned["problems"])


def said(number: int) -> Json:
    """A node that knows itself alone."""
    return {
        "redis": {
            "nodes": f"{number:040x} :7000@17000 myself,master - 0 0 0 connected",
            "keys": 0,
            "left": {},
            "memory": MEMORY,
            "atomic": "",
        }
    }


def fleet(*, hosts: int = 3, replicas: int = 0, **more: Json) -> tuple[Json, Json]:
    names = [f"r{number}" for number in range(hosts)]
    variables = {
        name: {
            "ansible_host": f"10.0.0.{number + 1}",
            **HOST,
            "redis_cluster_replicas": replicas,
            **more.get(name, {}),
        }
        for number, name in enumerate(names)
    }
    return {name: said(number) for number, name in enumerate(names)}, variables


def next_steps(nodes: Json, variables: Json, leaving: Json | None = None, **more: Json) -> Json:
    found = {host: {"nodes": said, "leaving": (leaving or {}).get(host, {})} for host, said in nodes.items()}
    return from_results(found, variables, **more)


def test_each_host_is_given_the_steps_of_its_own_nodes() -> None:
    nodes, variables = fleet()
    found = next_steps(nodes, {**variables, "other": {"ansible_host": "10.0.0.9"}})
    assert found["problems"] == []
    assert found["steps"] == {
        f"r{number}": [{"instance": "redis", "command": ["SET-CONFIG-EPOCH", str(number + 1)]}] for number in range(3)
    }
    assert found["done"] is False
    assert found["claims"][0].startswith("FAIL cache  each node has an epoch of its own  (left to do:")


UNLIKE: dict[str, tuple[Json, str]] = {
    "another password": ({"r1": {"redis_password": "other"}}, "r0/redis and r1/redis have another redis_password"),
    "other replicas": (
        {"r2": {"redis_cluster_replicas": 1}},
        "r0/redis and r2/redis have another redis_cluster_replicas",
    ),
}


@pytest.mark.parametrize("name", UNLIKE)
def test_nodes_of_one_cluster_that_are_unlike_are_refused_by_name_and_no_secret_is_shown(name: str) -> None:
    more, words = UNLIKE[name]
    nodes, variables = fleet(**more)
    found = next_steps(nodes, variables)
    assert any(words in problem for problem in found["problems"]), found["problems"]
    assert not any(found["steps"].values())
    assert "s3cret" not in str(found)


def test_a_host_that_is_left_out_and_too_few_nodes_are_told() -> None:
    nodes, variables = fleet()
    del nodes["r2"]
    assert "r2: has nodes of it and is not in this play" in next_steps(nodes, variables)["problems"][0]
    nodes, variables = fleet(replicas=1)
    assert "at least 3" in next_steps(nodes, variables)["problems"][0]


def test_two_clusters_of_one_play_are_two() -> None:
    own = {f"r{number}": {"redis_cluster": "a" if number < 3 else "b"} for number in range(6)}
    nodes, variables = fleet(hosts=6, **own)
    found = next_steps(nodes, variables)
    assert found["problems"] == []
    assert [line.split(":")[0] for line in found["lines"]] == ["cluster a"] * 3 + ["cluster b"] * 3


def waits(found: Json) -> set[tuple[int, bool]]:
    return {(one["known"], one["whole"]) for own in found["waits"].values() for one in own}


def answers(ids: list[str], me: int, slots: list[str]) -> Json:
    """What a node of a cluster says that knows all others of ``ids``."""
    lines = [
        f"{key} 10.0.0.{at + 1}:7000@17000 {'myself,' * (at == me)}master - 0 0 {at + 1} connected {slots[at]}"
        for at, key in enumerate(ids)
    ]
    return {"redis": {"nodes": "\n".join(lines), "keys": 0, "left": {}, "memory": MEMORY, "atomic": ""}}


def test_a_node_that_joins_a_cluster_sees_it_whole_before_any_slot_goes_to_it() -> None:
    nodes, variables = fleet(hosts=4)
    assert waits(next_steps(nodes, variables)) == {(1, False)}  # the epochs of a cluster that is yet to be
    ids, slots = [f"{number:040x}" for number in range(4)], ["0-5461", "5462-10922", "10923-16383", ""]
    three = {f"r{at}": answers(ids[:3], at, slots) for at in range(3)}
    alone = {"r3": {"redis": {**said(3)["redis"], "nodes": said(3)["redis"]["nodes"].replace("0 0 0", "0 0 4")}}}
    meets = next_steps({**three, **alone}, variables)
    assert meets["steps"]["r0"][0]["command"][0] == "MEET"
    assert waits(meets) == {(4, True)}
    joined = next_steps({f"r{at}": answers(ids, at, slots) for at in range(4)}, variables)
    assert joined["steps"]["r3"][0]["command"][0] == "IMPORT"
    assert waits(joined) == {(4, True)}


def test_what_one_cluster_waits_for_is_not_asked_of_the_nodes_of_another() -> None:
    """Two on the same hosts, one of which is formed and grows while the other begins."""
    ids, slots = [f"{number:040x}" for number in range(4)], ["0-5461", "5462-10922", "10923-16383", ""]
    own = [{"name": "redis"}, {"name": "late", "cluster": "other", "port": 8000}]
    nodes = {f"r{at}": {**answers(ids, at, slots), "late": said(9 + at)["redis"]} for at in range(4)}
    _, variables = fleet(hosts=4, **{f"r{at}": {"redis_instances": own} for at in range(4)})
    found = next_steps(nodes, variables)
    assert found["problems"] == []
    for told in found["waits"].values():
        assert [(one["instance"], one["known"], one["whole"]) for one in told] == [
            ("redis", 4, True),
            ("late", 1, False),
        ]


def test_one_that_is_to_leave_takes_part_until_it_has_nothing_and_is_then_let_go() -> None:
    ids = [f"{number:040x}" for number in range(4)]
    absent = {"r3": {"redis_instances": [{"name": "redis", "state": "absent"}]}}
    _, variables = fleet(hosts=4, **absent)
    runs = {"r3": {"redis": "runs"}}

    def nodes(*slots: str) -> Json:
        return {f"r{at}": answers(ids, at, [*slots]) for at in range(4)}

    moves = next_steps(nodes("0-4095", "4096-8191", "8192-12287", "12288-16383"), variables, runs)
    assert [one["command"][0] for host in ("r0", "r1", "r2") for one in moves["steps"][host]] == ["IMPORT"] * 3
    assert waits(moves) == {(4, True)}
    drained = nodes("0-5461", "5462-10922", "10923-16383", "")
    forgets = next_steps(drained, variables, runs)
    assert {host: [one["command"] for one in steps] for host, steps in forgets["steps"].items()} == {
        **{host: [["FORGET", ids[3]]] for host in ("r0", "r1", "r2")},
        "r3": [],
    }
    assert forgets["waits"]["r3"] == []
    for at in range(3):
        said_by = drained[f"r{at}"]["redis"]
        said_by["nodes"] = "\n".join(line for line in said_by["nodes"].splitlines() if ids[3] not in line)
    left = next_steps(drained, variables, runs)
    assert (left["done"], left["left"]["r3"]) == (True, ["redis"])
    assert any(line.endswith("nodes that left are forgotten") for line in left["claims"])
    nothing = next_steps({**drained, "r3": {"redis": None}}, variables, {"r3": {"redis": "gone"}})
    assert (nothing["done"], nothing["left"]["r3"]) == (True, [])
    stopped = next_steps({**drained, "r3": {"redis": None}}, variables, {"r3": {"redis": "stopped"}})
    assert "r3/redis: is to leave, and does not answer" in stopped["problems"][0]


def test_what_is_no_node_of_a_cluster_may_go_and_a_whole_cluster_does_not_leave() -> None:
    nodes, variables = fleet(**{f"r{at}": {"redis_state": "absent"} for at in range(3)})
    left = next_steps(nodes, variables, {f"r{at}": {"redis": ""} for at in range(3)})
    assert (left["problems"], left["left"]) == ([], {f"r{at}": ["redis"] for at in range(3)})
    runs = {f"r{at}": {"redis": "runs"} for at in range(3)}
    assert "these are all of its nodes" in next_steps(nodes, variables, runs)["problems"][0]


def test_nodes_that_never_agree_are_told_in_the_end_and_a_turn_becomes_longer() -> None:
    ids, slots = [f"{number:040x}" for number in range(3)], ["0-5461", "5462-10922", "10923-16383"]
    _, variables = fleet()
    other = {"r0": answers(ids, 0, ["0-5460", *slots[1:]])}
    nodes = {**{f"r{at}": answers(ids, at, slots) for at in range(3)}, **other}
    found = next_steps(nodes, variables)
    assert (found["turn"], found["waited"]) == (10.0, 1)
    for _ in range(15):
        assert found["problems"] == []
        found = next_steps(nodes, variables, before=found)
    assert "do not say the same of the slots" in found["problems"][0]
    assert found["turn"] > 200


def test_what_is_to_leave_is_left_out_of_the_plan_until_its_cluster_has_let_it_go() -> None:
    given: Json = {**HOST, "redis_instances": [{"name": "c0"}, {"name": "c1", "state": "absent"}]}
    variables = read_variables("redis", {"redis_address": "10.0.0.1", **given}, [])
    alone = make_plan(variables, "r1", (), {}, left=None)
    assert alone["problems"] == []
    assert ([one["name"] for one in alone["files"]], alone["leaving"]) == (["c0"], ["c1"])
    assert [one["name"] for one in alone["proof"]["instances"]] == ["c0"]
    for left in ((), ("c1",)):
        planned = make_plan(variables, "r1", (), {}, left=left)
        assert [(one["name"], one["left"]) for one in planned["files"]] == [("c0", False), ("c1", bool(left))]


def handed(node: str, to: str, epoch: int) -> Json:
    return {"node": node, "to": to, "place": "10.0.0.1:7000", "epoch": epoch}


def test_who_led_before_a_run_leads_again_and_not_who_got_slots_during_it() -> None:
    there_and_back = {"r1": {"c0": handed("a", "b", 1)}, "r2": {"c1": handed("b", "a", 7)}}
    again = {"steps": [{"instance": "c0", "command": ["LEAD"]}], "waits": [{"instance": "c0", "whole": True}]}
    assert led_before(there_and_back) == {"r1": again, "r2": {"steps": [], "waits": []}}
    in_a_ring = {
        "r1": {"c0": handed("a", "b", 1)},
        "r2": {"c0": handed("b", "c", 7)},
        "r3": {"c0": handed("x", "y", 3)},
    }
    assert [host for host, told in led_before(in_a_ring).items() if told["steps"]] == ["r1", "r3"]
