# SPDX-License-Identifier: GPL-3.0-or-later
"""Every format of a dump with every line of servers: what certainly cannot be read is known before anything stops."""

from __future__ import annotations

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis.formats import (
    Server,
    header_of,
    server_in,
    server_of,
    server_said,
    why_unreadable,
    written_by,
)
from hypothesis import given
from hypothesis import strategies as st

REDIS = ("6.2.22", "7.0.15", "7.2.16", "7.4.11", "8.0.6", "8.2.9", "8.4.6", "8.6.6", "8.8.2", "8.10.1", "8.12.0")
VALKEY = ("7.2.15", "8.0.12", "8.1.1", "9.0.8", "9.1.2", "9.2.0", "9.4.0")
SERVERS = [*(Server("redis", version) for version in REDIS), *(Server("valkey", version) for version in VALKEY)]
READS = {  # format: a column for each of SERVERS; R: with rdb-version-check relaxed
    "REDIS0009": "yyyyyyyyyyy yyyyyyy",
    "REDIS0010": ".yyyyyyyyyy yyyyyyy",
    "REDIS0011": "..yyyyyyyyy yyyyyyy",
    "REDIS0012": "...yyyyyyyy ...RRRR",
    "REDIS0013": ".......yyyy ...RRRR",
    "REDIS0014": "........yyy ...RRRR",
    "REDIS0015": ".........yy ...RRRR",
    "REDIS0016": "..........y ...RRRR",
    "VALKEY080": "........... ...yyyy",
    "VALKEY081": "........... ...RRyy",
    "VALKEY082": "........... ...RRRy",
}
CELLS = [
    (header, server, cell)
    for header, row in READS.items()
    for server, cell in zip(SERVERS, row.replace(" ", ""), strict=True)
]


@pytest.mark.parametrize(("header", "server", "cell"), CELLS, ids=[f"{h}-{s}" for h, s, _ in CELLS])
def test_which_server_reads_which_dump(header: str, server: Server, cell: str) -> None:
    strict, relaxed = (why_unreadable(header, server, relaxed=relaxed) for relaxed in (False, True))
    assert (not strict, not relaxed) == (cell == "y", cell in "yR")
    for why in filter(None, (strict, relaxed)):
        assert header in why
        assert str(server) in why
    assert ("relaxed" in strict) == (cell == "R" and header.startswith("REDIS"))


@given(st.binary(max_size=12))
def test_what_does_not_begin_like_a_dump_is_none(head: bytes) -> None:
    found = header_of(head)
    assert found in ("", head[:9].decode("latin-1"))
    digits = head[5:9] if head[:5] == b"REDIS" else head[6:9] if head[:6] == b"VALKEY" else b""
    assert bool(found) == (len(head) >= 9 and digits.isdigit())


@pytest.mark.parametrize(
    ("said", "server"),
    [
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d", Server("redis", "7.0.15")),
        ("Valkey server v=9.1.2 sha=00000000:0 malloc=jemalloc-5.3.1", Server("valkey", "9.1.2")),
        ("Valkey server v=9.2.0-rc2 sha=00000000:0", Server("valkey", "9.2.0-rc2")),
        ("sh: redis-server: not found", None),
    ],
)
def test_a_binary_says_its_version(said: str, server: Server | None) -> None:
    assert server_of(said) == server


def test_the_line_of_a_version_has_two_numbers() -> None:
    lines = [Server("redis", text).line for text in ("7.0.15", "8.10.1", "9", "255.255.255", "")]
    assert lines == [(7, 0), (8, 10), (9, 0), (255, 255), (0, 0)]


@pytest.mark.parametrize("server", SERVERS, ids=str)
def test_r13_every_server_reads_what_it_writes(server: Server) -> None:
    header = written_by(server)
    assert header == "" or why_unreadable(header, server) == ""
    older = [one for one in SERVERS if one.name == server.name and one.line < server.line and one.line >= (7, 0)]
    assert [str(one) for one in older if written_by(one) and why_unreadable(written_by(one), server)] == []


@pytest.mark.parametrize(
    ("info", "server"),
    [
        ({"redis_version": "7.0.15"}, Server("redis", "7.0.15")),
        ({"redis_version": "7.2.4", "server_name": "valkey", "valkey_version": "9.1.2"}, Server("valkey", "9.1.2")),
        ({"redis_version": "6.2.6", "server_name": "another"}, None),
        ({}, None),
    ],
)
def test_a_server_says_which_it_is(info: dict[str, str], server: Server | None) -> None:
    assert server_in(info) == server
    assert server_said(" ".join(server or ())) == server
