# SPDX-License-Identifier: GPL-3.0-or-later
"""O22, O19, O23: every listener of the resulting configuration, who needs no password, and the one parser of ports."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._compose import values
from ansible_collections.netmode.docker.plugins.module_utils._redis.exposure import published
from hypothesis import example, given, settings
from hypothesis import strategies as st
from redis_role import plan, problems

TLS = {"tls-port": 6380}
CLUSTER = {"cluster-enabled": True}

EXPOSED: list[tuple[str, dict[str, Any], str]] = [
    ("tls-port alone", {"ports": ["6380:6380"], "settings": TLS}, "the port 6380 of settings.tls-port is published"),
    ("in capitals", {"ports": ["6380:6380"], "settings": {"TLS-PORT": "6380"}}, "the port 6380 of settings.tls-port"),
    ("of a list", {"ports": ["7:6380"], "settings": {"tls-port": [1, "6380"]}}, "the port 6380 of settings.tls-port"),
    ("the cluster bus", {"ports": ["16379:16379"], "settings": CLUSTER}, "the port 16379 of settings.cluster-enabled"),
    (
        "the bus of a TLS cluster",
        {"ports": ["16380:16380"], "settings": {**TLS, **CLUSTER, "tls-cluster": "yes"}},
        "the port 16380 of settings.cluster-enabled",
    ),
    (
        "a bus of its own port",
        {"ports": ["9:9000"], "settings": {**CLUSTER, "cluster-port": 9000}},
        "the port 9000 of settings.cluster-port",
    ),
    ("a range over tls-port", {"ports": ["6379-6380:6379-6380"], "settings": TLS}, "its port is published"),
    (
        "default needs none",
        {"ports": ["6379:6379"], "settings": {"user": "default on nopass ~* +@all"}},
        "settings.user: default needs none",
    ),
    (
        "another user needs none, beside a password",
        {"ports": ["6379:6379"], "password": "x", "settings": {"user": ["app ON NOPASS ~* +@all"]}},
        "settings.user: app needs none",
    ),
    ("tls-port of the host", {"network_mode": "host", "bind": ["*"], "settings": TLS}, "it listens on * of the host"),
]

CLOSED: list[tuple[str, dict[str, Any]]] = [
    ("tls-port at the loopback", {"ports": ["127.0.0.1:6380:6380"], "settings": TLS}),
    ("tls-port that is off", {"ports": ["127.0.0.1:6379:6379", "80:6380"], "settings": {"tls-port": 0}}),
    ("a cluster that is off", {"ports": ["127.0.0.1:6379:6379", "80:16379"], "settings": {"cluster-enabled": "no"}}),
    ("a password for all", {"ports": ["6379-6380:6379-6380"], "settings": TLS, "password": "x"}),
    ("users with passwords", {"ports": ["6379:6379"], "password": "x", "settings": {"user": "app on >y ~* +@all"}}),
    ("a user that is off", {"ports": ["6379:6379"], "password": "x", "settings": {"user": "app off nopass"}}),
    ("nopass taken back", {"ports": ["6379:6379"], "password": "x", "settings": {"user": "app on nopass >y"}}),
    (
        "default with the password",
        {"ports": ["6379:6379"], "password": "x", "settings": {"user": "default on >x ~* +@all"}},
    ),
    (
        "default with its digest",
        {
            "ports": ["6379:6379"],
            "password": "foo",
            "settings": {
                "user": "default on #2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae ~* +@all"
            },
        },
    ),
]

REFUSED: list[tuple[str, list[dict[str, Any]], str]] = [
    ("default off beside one", [{"password": "x", "settings": {"user": "default off ~* +@all"}}], "default is off, so"),
    ("a file of users", [{"settings": {"aclfile": "/x"}}], "settings.aclfile: set users instead"),
    (
        "default with another password",
        [{"password": "x", "settings": {"USER": "default on >y ~* +@all"}}],
        "settings.USER: redis_password is not among the passwords of default there",
    ),
    (
        "default without one, beside one",
        [{"password": "x", "settings": {"user": "default on nopass ~* +@all"}}],
        "redis_password would be without effect",
    ),
    ("a dead port", [{"port": 6380, "ports": ["6380:6379"]}], "ports: 6379 of the container is published, and Redis"),
    ("a dead port at the loopback", [{"ports": ["127.0.0.1:6379:6380"]}], "Write it like '6379:6379'"),
    ("a dead port in the long form", [{"ports": [{"target": 80, "published": 80}]}], "Redis listens at 6379"),
    ("a dead port by its number", [{"ports": [7000]}], "Redis listens at 6379"),
    ("tls-port where the port is", [{"settings": {"tls-port": 6379}}], "settings.tls-port: 6379 is its own port"),
    (
        "tls-port of another on the host",
        [{"network_mode": "host"}, {"network_mode": "host", "port": 7000, "settings": {"tls-port": 6379}}],
        "settings.tls-port: 6379 is taken on the host by instance r0",
    ),
    (
        "two on one port",
        [{"ports": ["127.0.0.1:7:6379"]}, {"ports": ["7:6379"], "password": "x"}],
        "port 7 of the host is taken by r0",
    ),
    ("the short form", [{"ports": ["127.0.0.1:6379:6379"]}, {"ports": ["127.0.0.1:6379:6379"]}], "is taken by r0"),
    (
        "the long form",
        [{"ports": ["127.0.0.1:7:6379"]}, {"ports": [{"target": 6379, "published": "7", "host_ip": "127.0.0.1"}]}],
        "port 7 of the host is taken by r0",
    ),
    (
        "within a range",
        [{"ports": ["127.0.0.1:7-8:6379-6380"]}, {"ports": ["127.0.0.1:8:6379"]}],
        "port 8 of the host is taken by r0",
    ),
]

TAKEN: list[tuple[str, list[dict[str, Any]]]] = [
    ("one port of two addresses", [{"ports": ["127.0.0.1:7:6379"]}, {"ports": ["127.0.0.2:7:6379"]}]),
    ("of two families", [{"ports": ["127.0.0.1:7:6379"]}, {"ports": ["[::1]:7:6379"]}]),
    ("of two protocols", [{"ports": ["127.0.0.1:7:6379"]}, {"ports": ["127.0.0.1:8:6379", "127.0.0.1:7:7/udp"]}]),
    ("two of the host at two addresses", [{"network_mode": "host", "bind": [f"127.0.0.{n}"]} for n in (1, 2)]),
    ("of a range the engine takes one", [{"ports": ["127.0.0.1:7-9:6379"]}, {"ports": ["127.0.0.1:8:6379"]}]),
]


@pytest.mark.parametrize(("entry", "told"), [case[1:] for case in EXPOSED], ids=[case[0] for case in EXPOSED])
def test_o22_every_listener_that_others_reach_without_a_password_is_refused(entry: dict[str, Any], told: str) -> None:
    (problem,) = problems({"name": "cache", **entry})
    assert told in problem
    assert "redis_allow_unauthenticated: true" in problem
    assert plan({"name": "cache", **entry, "allow_unauthenticated": True})["problems"] == []


@pytest.mark.parametrize("entry", [case[1] for case in CLOSED], ids=[case[0] for case in CLOSED])
def test_o22_what_is_closed_or_off_is_taken(entry: dict[str, Any]) -> None:
    assert plan({"name": "cache", **entry})["problems"] == []


@pytest.mark.parametrize(("entries", "told"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_o19_o23_what_redis_or_its_host_would_not_do_is_refused_once(entries: list[dict[str, Any]], told: str) -> None:
    (problem,) = problems(*({"name": f"r{number}", **entry} for number, entry in enumerate(entries)))
    assert told in problem


@pytest.mark.parametrize("entries", [case[1] for case in TAKEN], ids=[case[0] for case in TAKEN])
def test_o23_what_can_be_beside_each_other_is_taken(entries: list[dict[str, Any]]) -> None:
    assert plan(*({"name": f"r{number}", **entry} for number, entry in enumerate(entries)))["problems"] == []


PORT = st.integers(1, 65535)
ADDRESS = st.sampled_from(["", "127.0.0.1:", "0.0.0.0:", "[::1]:", "[::]:"])


@st.composite
def entries(draw: st.DrawFn) -> Any:
    """A published port in any of Compose's ways."""
    count, protocol = draw(st.integers(0, 3)), draw(st.sampled_from(["tcp", "udp", "TCP", "sctp"]))
    host, inner = (draw(st.integers(1, 65000)) for _ in "ab")
    form = draw(st.sampled_from(["target", "short", "long"]))
    if form == "target":
        return draw(st.sampled_from([inner, str(inner), f"{inner}/{protocol}"]))
    if form == "long":
        address = draw(ADDRESS).rstrip(":").strip("[]")
        return {"target": inner, "published": draw(st.sampled_from([host, str(host)])), "host_ip": address,
                "protocol": protocol}  # fmt: skip
    ports = [f"{first}-{first + count}" if count else str(first) for first in (host, inner)]
    return f"{draw(ADDRESS)}{ports[0]}:{ports[1]}/{protocol}"


@settings(max_examples=500, deadline=None)
@given(st.lists(entries(), max_size=3))
@example(["6379:6379"])
@example(["127.0.0.1::6379"])
@example([6379])
@example(["7000-7010:6379"])
def test_o23_the_proof_and_the_refusals_read_ports_as_the_module_containers_does(given_ports: list[Any]) -> None:
    try:
        bindings = values.ports(given_ports) if given_ports else {}
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            published(given_ports)
        return
    expected = [
        (int(target.partition("/")[0]), entry["HostIp"], entry["HostPort"])
        for target, there in bindings.items()
        for entry in there
        if target.endswith("/tcp")
    ]
    found = []
    for item in published(given_ports):
        numbers = [str(number) for number in item.host[:1]] + [str(number) for number in item.host[1:][-1:]]
        found.append((item.inner, item.ip, "-".join(numbers)))
    assert found == expected
