# SPDX-License-Identifier: GPL-3.0-or-later
"""What was asked for compared with what was observed: ports in every form, listeners, and the address of a bridge."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis.asked import (
    engines_address,
    listens_as_asked,
    published_as_asked,
)
from ansible_collections.netmode.docker.plugins.module_utils._redis.exposure import published

BOTH = [("0.0.0.0", 6379, 6379), ("::", 6379, 6379)]


def seen(*ports: tuple[str, int, int]) -> list[dict[str, Any]]:
    keys = ("host_ip", "host_port", "container_port")
    return [{**dict(zip(keys, port)), "protocol": "tcp"} for port in ports]


PORTS: list[tuple[list[Any], list[tuple[str, int, int]], list[str], bool]] = [
    (["6379:6379"], BOTH, ["0.0.0.0"], True),
    (["6379:6379"], BOTH[:1], [], True),
    (["6379:6379"], [("127.0.0.5", 6379, 6379)], ["127.0.0.5"], True),  # the daemon's ip
    (["6379:6379"], [("127.0.0.5", 6379, 6379)], ["0.0.0.0"], False),
    (["6379:6379"], BOTH, ["127.0.0.5"], False),
    (["0.0.0.0:6379:6379"], BOTH[:1], ["127.0.0.5"], True),
    (["127.0.0.1:6379:6379"], [("127.0.0.1", 6379, 6379)], [], True),
    (["127.0.0.1:6379:6379"], BOTH, [], False),
    (["127.0.0.1:6379:6379"], [], [], False),
    (["[::1]:6379:6379"], [("::1", 6379, 6379)], [], True),
    ([6379], [("0.0.0.0", 32768, 6379), ("::", 32769, 6379)], [], True),
    ([6379], [("0.0.0.0", 32768, 7000)], [], False),
    (["7000-7010:6379"], [("0.0.0.0", 7003, 6379), ("::", 7003, 6379)], [], True),
    (["7000-7010:6379"], [("0.0.0.0", 7011, 6379)], [], False),
    (["7000-7001:6379-6380"], [("0.0.0.0", 7000, 6379), ("0.0.0.0", 7001, 6380)], [], True),
    (["7000-7001:6379-6380"], [("0.0.0.0", 7000, 6379)], [], False),
    (["6379:6379", "127.0.0.1:7000:6379"], [*BOTH, ("127.0.0.1", 7000, 6379)], [], True),
    (["6379", "127.0.0.1:7000:6379"], [("0.0.0.0", 32768, 6379), ("127.0.0.1", 7000, 6379)], [], True),
    (["6379:6379"], [*BOTH, ("0.0.0.0", 80, 80)], [], False),
    ([], BOTH, [], False),
    ([], [], [], True),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "there", "host_ips", "ok"), PORTS)
def test_what_is_published_is_what_was_asked_for_and_no_more(
    asked: list[Any], there: list[tuple[str, int, int]], host_ips: list[str], ok: bool
) -> None:
    assert published_as_asked(published(asked), seen(*there), host_ips).ok is ok


@pytest.mark.parametrize(
    ("asked", "observed", "ok"),
    [
        ([("*", 6379), ("-::*", 6379)], ["0.0.0.0:6379", "[::]:6379"], True),
        ([("*", 6379), ("-::*", 6379)], ["0.0.0.0:6379"], True),  # a kernel without IPv6
        ([("*", 6379), ("-::*", 6379)], ["[::]:6379"], False),
        ([("127.0.0.1", 6379)], ["127.0.0.1:6379"], True),
        ([("127.0.0.1", 6379)], ["0.0.0.0:6379"], False),
        ([("127.0.0.1", 6379)], ["127.0.0.1:6379", "127.0.0.1:7000"], False),
        ([("0:0:0:0:0:0:0:1", 6379)], ["[::1]:6379"], True),
        ([], [], True),
        ([], ["0.0.0.0:6379"], False),
    ],
)
def test_a_listener_more_or_less_is_told(asked: list[tuple[str, int]], observed: list[str], ok: bool) -> None:
    assert listens_as_asked(asked, observed).ok is ok


@pytest.mark.parametrize(
    ("configured", "address"),
    [
        ({"subnet": "172.17.0.0/16", "gateway": None}, "172.17.0.1/16"),
        ({"subnet": "10.91.0.0/16", "ip_range": "10.91.5.0/24"}, "10.91.5.0/16"),
        ({"subnet": "10.91.0.0/16", "ip_range": "10.91.0.0/24"}, "10.91.0.1/16"),
        ({"subnet": "10.50.0.0/16", "ip_range": "10.50.4.0/24", "gateway": "10.50.0.1"}, "10.50.0.1/16"),
        ({"subnet": None}, None),
    ],
)
def test_the_address_that_the_engine_gives_to_a_bridge(configured: dict[str, Any], address: str | None) -> None:
    assert engines_address(configured) == address
