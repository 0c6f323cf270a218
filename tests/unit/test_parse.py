# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose's ways of writing a value: each accepted form, and each refusal with its reason."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from ansible_collections.netmode.docker.plugins.module_utils import _parse

BINDING = [{"HostIp": "", "HostPort": "6379"}]


@pytest.mark.parametrize(
    ("parse", "given", "engine"),
    [
        (_parse.words, "redis-server --port 6515", ["redis-server", "--port", "6515"]),
        (_parse.words, "sh -c 'a b'", ["sh", "-c", "a b"]),
        (_parse.words, ["a b", 1], ["a b", "1"]),
        (_parse.mapping, {"A": 1, "B": None, "C": True}, {"A": "1", "B": "", "C": "true"}),
        (_parse.mapping, ["A=1", "B", "C=x=y"], {"A": "1", "B": "", "C": "x=y"}),
        (_parse.size, "64m", 67108864),
        (_parse.size, "64MB", 67108864),
        (_parse.size, 67108864, 67108864),
        (_parse.size, "1.5g", 1610612736),
        (_parse.duration, "1m30s", 90 * 10**9),
        (_parse.duration, "500ms", 5 * 10**8),
        (_parse.seconds, 120, 120),
        (_parse.seconds, "2m", 120),
        (_parse.nano_cpus, "0.5", 500000000),
        (_parse.restart, False, {"Name": "no", "MaximumRetryCount": 0}),
        (_parse.restart, "on-failure:3", {"Name": "on-failure", "MaximumRetryCount": 3}),
        (_parse.ulimits, {"nofile": 1024}, [{"Name": "nofile", "Soft": 1024, "Hard": 1024}]),
        (_parse.extra_hosts, {"db": "10.0.0.5"}, ["db:10.0.0.5"]),
        (_parse.extra_hosts, ["b=::1", "a:host-gateway"], ["a:host-gateway", "b:::1"]),
        (_parse.mac, "02-42-AC-11-00-05", "02:42:ac:11:00:05"),
        (_parse.exposed, [6379, "7000-7001/udp"], ["6379/tcp", "7000/udp", "7001/udp"]),
        (_parse.ports, ["6379:6379"], {"6379/tcp": BINDING}),
        (_parse.ports, [{"target": 6379, "published": "6379"}], {"6379/tcp": BINDING}),
        (_parse.ports, ["127.0.0.1:53:5353/udp"], {"5353/udp": [{"HostIp": "127.0.0.1", "HostPort": "53"}]}),
        (_parse.ports, ["[::1]:80:80"], {"80/tcp": [{"HostIp": "::1", "HostPort": "80"}]}),
        (_parse.ports, [6379], {"6379/tcp": [{"HostIp": "", "HostPort": ""}]}),
        (_parse.ports, ["8000-9000:80"], {"80/tcp": [{"HostIp": "", "HostPort": "8000-9000"}]}),
        (_parse.volumes, ["data:/data"], [("data", "/data", ())]),
        (_parse.volumes, ["/srv/:/x/:ro,z"], [("/srv", "/x", ("ro", "z"))]),
        (_parse.volumes, ["/data"], [("", "/data", ())]),
        (
            _parse.volumes,
            [{"type": "bind", "source": "/a", "target": "/b", "read_only": True}],
            [("/a", "/b", ("ro",))],
        ),
        (_parse.tmpfs, "/run:size=1m", {"/run": "size=1m"}),
        (_parse.healthcheck, {"test": "redis-cli ping"}, {"Test": ["CMD-SHELL", "redis-cli ping"]}),
        (_parse.healthcheck, {"disable": True}, {"Test": ["NONE"]}),
    ],
)
def test_forms_that_compose_knows(parse: Callable[[Any], Any], given: Any, engine: Any) -> None:
    assert parse(given) == engine


def test_two_ports_of_a_range_stay_apart() -> None:
    assert list(_parse.ports(["7000-7001:7000-7001"])) == ["7000/tcp", "7001/tcp"]


@pytest.mark.parametrize(
    ("parse", "given", "reason"),
    [
        (_parse.words, "sh -c 'a", "split"),
        (_parse.size, "64 bananas", "not a size"),
        (_parse.duration, "soon", "not a duration"),
        (_parse.duration, "1m and a bit", "not a duration"),
        (_parse.nano_cpus, "0", "not more than 0"),
        (_parse.restart, "maybe", "unless-stopped"),
        (_parse.restart, "always:3", "unless-stopped"),
        (_parse.ulimits, {"nofile": {"soft": 1}}, "needs soft and hard"),
        (_parse.extra_hosts, ["db"], "has no address"),
        (_parse.address, "10.0.0.300", "not an IP address"),
        (_parse.mac, "02:42", "not a MAC"),
        (_parse.mac, "03:42:ac:11:00:05", "multicast"),
        (_parse.ports, ["70000:80"], "between 1 and 65535"),
        (_parse.ports, ["80:0"], "between 1 and 65535"),
        (_parse.ports, ["8000-8001:80-82"], "2 host ports for 3"),
        (_parse.ports, ["80:80/icmp"], "not tcp, udp or sctp"),
        (_parse.ports, ["localhost:80:80"], "not an IP address"),
        (_parse.ports, ["http:80"], "not a number"),
        (_parse.volumes, ["data:data"], "must be absolute"),
        (_parse.volumes, ["./data:/data"], "must be absolute"),
        (_parse.volumes, ["a:/b:rx"], "unknown option 'rx'"),
        (_parse.volumes, ["aa:/b", "cc:/b/"], "mounted twice"),
        (_parse.volumes, [{"type": "bind", "source": "name", "target": "/x"}], "absolute path as its source"),
        (_parse.tmpfs, "run", "must be absolute"),
        (_parse.healthcheck, {"test": ["redis-cli"]}, "begins with CMD"),
        (_parse.healthcheck, {"tests": "x"}, "'tests' is unknown"),
        (_parse.networks, {"a": {"ipv4_address": "fd00::1"}}, "not an IPv4 address"),
        (_parse.networks, {"a": {"alias": "x"}}, "known are"),
    ],
)
def test_refusals_say_why(parse: Callable[[Any], Any], given: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(given)
