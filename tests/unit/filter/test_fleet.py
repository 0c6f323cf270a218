# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of the facts of many hosts: tables to ask, and the matrix of who reaches whom."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.netmode.docker.plugins.filter.fleet_tables import fleet_tables
from ansible_collections.netmode.docker.plugins.filter.jmespath import search
from ansible_collections.netmode.docker.plugins.filter.redis_reach_endpoints import redis_reach_endpoints
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.spec import parse_list
from ansible_collections.netmode.docker.plugins.module_utils._redis.targets import addresses, name_of, targets
from ansible_collections.netmode.docker.plugins.module_utils._redis.ways import Instance
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_reach import (
    asked_by,
    cells,
    render,
)

Facts = dict[str, Any]
ADDRESS = {"one": "10.0.0.1", "two": "10.0.0.2"}
GOLDEN: Facts = json.loads((Path(__file__).parents[1] / "support" / "golden" / "facts.json").read_text())["rich"]


def container(name: str, mode: str, address: str = "", **more: Any) -> Facts:
    interfaces = [{"name": "eth0", "ipv4": [f"{address}/16"], "ipv6": []}] if address else []
    plain = {"status": "running", "joins": None, "interfaces": interfaces, "published": []}
    return {"name": name, "mode": mode, **plain, **more}


def published(port: int, host_port: int, host_ip: str = "0.0.0.0") -> Facts:
    return {"container_port": port, "protocol": "tcp", "host_ip": host_ip, "host_port": host_port}


def host(*containers: Facts) -> Facts:
    return {"containers": {item["name"]: item for item in containers}, "bridges": {}, "veths": {}}


def places(facts: Facts, *instances: Instance) -> list[tuple[str, str, bool | None, bool | None]]:
    found = targets("one", ADDRESS["one"], facts, {}, instances)
    return [(item["instance"], f"{item['address']}:{item['port']}", item["near"], item["far"]) for item in found]


# --- where each mode is to be looked for ----------------------------------------------------------------------------


def redis(mode: str, **more: Any) -> Instance:
    return Instance(**{"name": "redis", "mode": mode, "port": 6379, "socket": "/s", **more})


def on_bridges() -> Facts:
    bridges = {
        "docker0": {"name": "docker0", "network": "bridge", "ipv4": ["172.17.0.1/16"]},
        "br-own": {"name": "br-own", "network": None, "ipv4": ["192.168.7.1/24"]},
    }
    return {**host(container("redis", "none")), "bridges": bridges}


def isolated(bind: tuple[str, ...] = (), **interface: Any) -> Instance:
    plain = {"container": "redis", "name": "eth0", "kind": "veth", "state": "present", "addresses": ["172.17.0.9/16"]}
    return redis("none", bind=bind, interfaces=tuple(parse_list([{**plain, **interface}])))


@pytest.mark.parametrize(
    ("facts", "instance", "expected"),
    [
        pytest.param(
            host(container("redis", "bridge", "172.17.0.2", published=[published(6379, 7000)])),
            redis("bridge"),
            [("172.17.0.2:6379", True, False), ("10.0.0.1:7000", True, True)],
            id="published to all",
        ),
        pytest.param(
            host(container("redis", "bridge", "172.17.0.2", published=[published(6379, 7000, "127.0.0.1")])),
            redis("bridge"),
            [("172.17.0.2:6379", True, False), ("10.0.0.1:7000", False, False)],
            id="published to the host alone",
        ),
        pytest.param(
            host(container("redis", "bridge", "172.17.0.2", published=[published(6379, 7000, "10.9.9.9")])),
            redis("bridge"),
            [("172.17.0.2:6379", True, False), ("10.9.9.9:7000", True, True)],
            id="published on one address",
        ),
        pytest.param(
            host(container("redis", "bridge", "172.17.0.2")),
            redis("bridge"),
            [("172.17.0.2:6379", True, False), ("10.0.0.1:6379", False, False)],
            id="not published",
        ),
        pytest.param(
            host(container("redis", "bridge", "172.17.0.2", published=[published(6379, 7000)])),
            redis("bridge", bind=("127.0.0.1",)),
            [("172.17.0.2:6379", False, False), ("10.0.0.1:7000", False, False)],
            id="bound to its loopback",
        ),
        pytest.param(
            host(
                container("redis", "container", joins="web"),
                container("web", "bridge", "172.17.0.3", published=[published(80, 8080), published(6379, 6379)]),
            ),
            redis("container", donor="web"),
            [("172.17.0.3:6379", True, False), ("10.0.0.1:6379", True, True)],
            id="a sharer is where its donor is",
        ),
        pytest.param(
            host(container("redis", "host")), redis("host"), [("10.0.0.1:6379", False, False)], id="host mode"
        ),
        pytest.param(
            host(container("redis", "host")),
            redis("host", bind=("*", "-::*")),
            [("10.0.0.1:6379", True, True)],
            id="host mode, all addresses",
        ),
        pytest.param(
            host(container("redis", "host")),
            redis("host", bind=("127.0.0.1", "10.0.0.7")),
            [("10.0.0.7:6379", True, True)],
            id="host mode, one address",
        ),
        pytest.param(host(container("redis", "none")), redis("none"), [("10.0.0.1:6379", False, False)], id="none"),
        pytest.param(
            on_bridges(),
            isolated(bridge="docker0"),
            [("172.17.0.9:6379", True, False), ("10.0.0.1:6379", False, False)],
            id="none, with an interface on docker0",
        ),
        pytest.param(
            on_bridges(),
            isolated(bridge="bridge"),
            [("172.17.0.9:6379", True, False), ("10.0.0.1:6379", False, False)],
            id="none, with an interface on the network bridge",
        ),
        pytest.param(
            on_bridges(),
            isolated(bridge="docker0", bind=("127.0.0.1",)),
            [("10.0.0.1:6379", False, False)],
            id="none, with an interface, bound to its loopback",
        ),
        pytest.param(
            on_bridges(),
            isolated(bridge="br-own", addresses=["192.168.7.9/24"]),
            [("192.168.7.9:6379", True, None), ("10.0.0.1:6379", False, False)],
            id="none, on a bridge of the host's own",
        ),
        pytest.param(
            on_bridges(),
            isolated(kind="macvlan", parent="eth1", addresses=["192.0.2.9/24"]),
            [("192.0.2.9:6379", None, None), ("10.0.0.1:6379", False, False)],
            id="none, on the LAN",
        ),
        pytest.param(
            on_bridges(),
            isolated(kind="dummy"),
            [("10.0.0.1:6379", False, False)],
            id="none, with an interface that leads nowhere",
        ),
        pytest.param(host(container("redis", "none", status="exited")), redis("none"), [], id="not running"),
        pytest.param(host(container("redis", "none")), redis("none", state="absent"), [], id="absent"),
    ],
)
def test_where_a_mode_is_looked_for(facts: Facts, instance: Instance, expected: list[Any]) -> None:
    assert places(facts, instance) == [("redis", *place) for place in expected]


def test_a_host_that_is_known_by_its_loopback_alone_is_not_looked_for_there() -> None:
    facts = host(container("redis", "bridge", "172.17.0.2", published=[published(6379, 6379)]))
    for address in ("localhost", "127.0.0.1", "::1"):
        assert [item["address"] for item in targets("one", address, facts, {}, [redis("bridge")])] == ["172.17.0.2"]


# --- what was found there -------------------------------------------------------------------------------------------


def answer(text: str = "NOAUTH Authentication required.", run_id: str | None = None) -> Facts:
    return {"reachable": True, "answer": text, "error": None, "server": {"run_id": run_id} if run_id else None}


SILENT = {"reachable": False, "answer": None, "error": "timeout", "server": None}
TARGET = {"to": "one", "instance": "redis", "role": "", "address": "172.17.0.2", "port": 6379}


def cell(witness: str, found: Facts, facts: Facts | None = None, **more: Any) -> tuple[str, str, bool]:
    target = {**TARGET, "near": True, "far": False, "run_id": None, "holder": None, **more}
    by_host = {"one": [target], "two": []}
    (only,) = cells(by_host, {witness: {name_of(target): found}}, {"two": addresses(facts or {})})
    return only["expected"], only["observed"], only["ok"]


def test_what_is_reached_as_expected() -> None:
    assert cell("one", answer()) == ("an answer", "NOAUTH", True)
    assert cell("two", SILENT) == ("no answer", "timeout", True)


def test_what_is_not_as_expected() -> None:
    assert cell("one", SILENT) == ("an answer", "timeout", False)
    assert cell("two", answer("PONG")) == ("no answer", "PONG", False)


def test_another_host_has_the_same_address_on_its_own_docker0() -> None:
    own = host(container("web", "bridge", "172.17.0.2"))
    assert cell("two", answer(), own) == ("no answer", "its own web", True)


def test_another_redis_is_known_by_its_run_id() -> None:
    assert cell("two", answer("PONG", "b"), run_id="a") == ("no answer", "another Redis", True)
    assert cell("one", answer("PONG", "b"), run_id="a") == ("an answer", "another Redis", False)
    assert cell("two", answer("PONG", "a"), run_id="a") == ("no answer", "PONG", False)


def test_over_tls_a_redis_is_known_by_its_certificate() -> None:
    certificate = {"sha256": "ab", "not_after": None}
    assert cell("two", {**answer(), "certificate": certificate}, tls="ab", far=True) == ("an answer", "NOAUTH", True)
    for shown in ({"sha256": "cd", "not_after": None}, None):
        found = {**answer(), "certificate": shown}
        assert cell("two", found, tls="ab", far=True) == ("an answer", "another certificate", False)
        assert cell("two", found, tls="ab", far=False) == ("no answer", "another certificate", True)


def test_a_redis_is_looked_for_at_both_ports_each_as_it_speaks() -> None:
    ports = [published(6379, 7000), published(7443, 7001)]
    facts = host(container("redis", "bridge", "172.17.0.2", published=ports))
    found = targets("one", ADDRESS["one"], facts, {}, [redis("bridge", tls_port=7443, certificate={"sha256": "ab"})])
    assert [(item["address"], item["port"], item["tls"]) for item in found] == [
        ("172.17.0.2", 6379, None),
        ("10.0.0.1", 7000, None),
        ("172.17.0.2", 7443, "ab"),
        ("10.0.0.1", 7001, "ab"),
    ]
    reaches = [{"host": "one", "targets": found, "witnesses": 0}]
    asked = redis_reach_endpoints(reaches)["one"]
    assert [(one["port"], one.get("tls", False), one.get("validate_certs")) for one in asked] == [
        (6379, False, None), (7000, False, None), (7443, True, False), (7001, True, False),
    ]  # fmt: skip


def test_a_port_that_leads_to_another_container_of_the_host() -> None:
    facts = host(
        container("redis", "none"), container("cache", "bridge", "172.17.0.2", published=[published(6379, 6379)])
    )
    (target,) = targets("one", ADDRESS["one"], facts, {}, [redis("none")])
    assert target["holder"] == "cache"
    assert cell("two", answer(), holder="cache") == ("no answer", "that of cache", True)


def test_where_it_is_not_known_either_is_right_and_shown() -> None:
    assert cell("two", answer(), far=None) == ("either", "NOAUTH", True)
    assert cell("two", SILENT, far=None) == ("either", "timeout", True)
    target = {**TARGET, "near": True, "far": None, "run_id": None, "holder": None}
    asked = {"one": {name_of(target): answer()}, "two": {name_of(target): SILENT}}
    lines = render(cells({"one": [target], "two": []}, asked, {}), ["one", "two"])
    assert lines[1].split()[3:] == ["yes:", "NOAUTH", "may:", "timeout"]
    assert lines[2].startswith("2 cells, all as expected (yes, no, may: ")


def test_the_matrix_has_every_cell_and_marks_what_is_wrong() -> None:
    target = {**TARGET, "near": True, "far": False, "run_id": None, "holder": None}
    found = cells(
        {"one": [target], "two": []}, {"one": {name_of(target): answer()}, "two": {name_of(target): answer()}}, {}
    )
    lines = render(found, ["one", "two"])
    assert lines[0].split() == ["to", "from", "one", "from", "two"]
    assert lines[1].split() == ["one", "redis", "172.17.0.2:6379", "yes:", "NOAUTH", "no:", "NOAUTH", "FAIL"]
    assert lines[2].startswith("2 cells, 1 not as expected")


def test_of_many_hosts_only_what_is_wrong_is_shown() -> None:
    hosts = [f"host{number}" for number in range(20)]
    wrong = {"from": "host1", "to": "host2", "instance": "redis", "where": "x:1", "expected": "an answer"}
    found = [{**wrong, "observed": "refused", "ok": False}, {**wrong, "observed": "PONG", "ok": True}]
    assert render(found, hosts) == [
        "FAIL from host1 to redis of host2 at x:1  (expected an answer, observed refused)",
        "2 cells, 1 not as expected",
    ]


def test_each_redis_has_as_many_witnesses_as_asked_for() -> None:
    by_host = {name: [{**TARGET, "to": name}] for name in "abcde"}

    def asked_with(witnesses: int) -> dict[str, list[str]]:
        found = asked_by(by_host, dict.fromkeys(by_host, witnesses))
        return {host: [item["to"] for item in of_host] for host, of_host in found.items()}

    asked = asked_with(2)
    assert asked["d"] == ["d", "e", "a"]
    assert all(sum(name in targets for targets in asked.values()) == 3 for name in by_host)
    assert asked_with(0)["b"] == asked_with(9)["b"] == ["b", "c", "d", "e", "a"]


# --- tables ---------------------------------------------------------------------------------------------------------


def test_every_row_names_its_host_and_what_is_unread_has_none() -> None:
    tables = fleet_tables({"one": GOLDEN, "two": {}})
    assert tables["hosts"] == [
        {"host": "one", "facts": True, **GOLDEN["engine"]},
        {"host": "two", "facts": False, "version": None, "api_version": None},
    ]
    assert {row["host"] for rows in tables.values() for row in rows} == {"one", "two"}
    assert len(tables["containers"]) == len(GOLDEN["containers"])
    assert len(tables["interfaces"]) == sum(len(item["interfaces"]) for item in GOLDEN["containers"].values())
    assert {row["declared"] for row in tables["containers"]} == {None}


def test_what_the_inventory_declares() -> None:
    names = sorted(GOLDEN["containers"])
    variables = {"one": {"redis_instances": [{"name": names[0]}], "redis_companions": [{"name": names[1]}]}}
    declared = {row["name"]: row["declared"] for row in fleet_tables({"one": GOLDEN}, variables)["containers"]}
    assert [name for name in names if declared[name]] == names[:2]


# --- functions for networks -----------------------------------------------------------------------------------------


def test_duplicates() -> None:
    assert search({"a": ["x", "y", "x", {"k": 1}, {"k": 1}]}, "duplicates(a)") == ["x", {"k": 1}]


def test_overlaps() -> None:
    data = {
        "a": [{"n": 1, "cidr": "172.17.0.0/16"}, {"n": 2, "cidr": None}, {"n": 3, "cidr": "fd00::/64"}],
        "b": [{"n": 4, "cidr": "172.16.0.0/12"}, {"n": 5, "cidr": "10.0.0.0/8"}],
    }
    assert search(data, "overlaps(a, b)[].n") == [1, 4]


def test_overlaps_says_what_it_wants() -> None:
    with pytest.raises(AnsibleFilterError, match=r"wants objects with a cidr such as 10.0.0.0/8"):
        search({"a": [{"cidr": "docker0"}]}, "overlaps(a, a)")


def test_a_host_without_docker_has_a_row_that_says_so_and_rows_of_its_kernel() -> None:
    tables = fleet_tables({"bare": {**GOLDEN, "engine": None, "containers": {}}, "lost": {}})
    assert tables["hosts"] == [
        {"host": "bare", "facts": True, "version": None, "api_version": None},
        {"host": "lost", "facts": False, "version": None, "api_version": None},
    ]
    assert {row["host"] for row in tables["bridges"]} == {"bare"}
    assert search(tables, "hosts[?facts && !version].host") == ["bare"]
