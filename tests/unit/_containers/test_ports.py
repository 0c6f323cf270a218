# SPDX-License-Identifier: GPL-3.0-or-later
"""Which two places of listening exclude each other: our verdict is the kernel's, over addresses and protocols."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._compose import values
from ansible_collections.netmode.docker.plugins.module_utils._containers import ports as containers_ports
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import bound, overlap, takes_ipv6
from ansible_collections.netmode.docker.plugins.module_utils._kernel.sockets import listeners
from hypothesis import given, settings
from hypothesis import strategies as st
from test_plan_containers import entry, host, read, running

ADDRESSES = ["0.0.0.0", "127.0.0.1", "127.0.0.2", "::", *(["::1"] if takes_ipv6() else [])]


def opened(address: str, port: int, *, narrow: bool, udp: bool) -> socket.socket:
    kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
    one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    try:
        if ":" in address:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(narrow))
        if not udp:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((address, port))
        if not udp:
            one.listen()
    except OSError:
        one.close()
        raise
    return one


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(ADDRESSES), st.sampled_from(ADDRESSES), st.booleans(), st.sampled_from([False, True]), st.booleans()
)
def test_o7_two_places_exclude_each_other_where_the_kernel_says_so(
    first: str, second: str, narrow: bool, udp: bool, other_protocol: bool
) -> None:
    """``first`` is a process's, dual stack or not; ``second`` as the engine publishes, in its own family alone."""
    for _ in range(5):  # a port that another process of this machine has taken meanwhile says nothing
        ours, kernels = verdicts(first, second, narrow=narrow, udp=udp, same=not other_protocol)
        if ours == kernels:
            return
    raise AssertionError(f"ours: {ours}, the kernel's: {kernels}")


def verdicts(first: str, second: str, *, narrow: bool, udp: bool, same: bool) -> tuple[bool, bool]:
    with closing(opened(first, 0, narrow=narrow, udp=udp)) as there:
        port = there.getsockname()[1]
        inode = str(os.fstat(there.fileno()).st_ino)
        found = [item for item in listeners() if item.inode == inode]
        assert [(item.port, item.protocol) for item in found] == [(port, "udp" if udp else "tcp")]
        ours = same and overlap(second, found[0].at)
        try:
            opened(second, port, narrow=True, udp=udp == same).close()
        except OSError:
            return ours, True
        return ours, False


def test_o7_a_listener_that_was_read_twice_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "0: 0100007F:98AD 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 {} 1\n"
    files = {"tcp": "head\n" + line.format(7) + line.format(8) + line.format(7)}
    monkeypatch.setattr(Path, "read_text", lambda path, **_: files.get(path.name, "head\n"))
    assert [(item.port, item.inode) for item in listeners()] == [(39085, "7"), (39085, "8")]


@given(st.sampled_from(["", "0.0.0.0", "::", "127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1", "fe80::1%lo"]))
def test_an_address_excludes_itself_and_is_within_every_one(address: str) -> None:
    assert overlap(address, address)
    assert overlap(address, "")
    assert overlap("", address)


@pytest.mark.parametrize(
    ("words", "addresses"),
    [
        (["127.0.0.1", "-::1"], ["127.0.0.1", "::1"]),
        (["*", "-::*"], ["0.0.0.0", "::"]),
        (["10.0.0.1"], ["10.0.0.1"]),
        (["redis.example"], [""]),
        ([], [""]),
    ],
)
def test_what_redis_binds_to(words: list[str], addresses: list[str]) -> None:
    assert bound(words) == addresses


def refused(*entries: dict[str, Any], takes_ipv6: bool = True) -> str:
    try:
        containers_ports.refuse_shared(host(running("web"))._replace(takes_ipv6=takes_ipv6), read(*entries))
    except NetmodeError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "ports",
    [
        ["18210:80", "127.0.0.1:18210:80"],
        ["18210:80", "0.0.0.0:18210:80"],
        ["18210:80", "18210:81"],
        ["[::]:18210:80", "[::1]:18210:81"],
        ["18200-18210:80-90", "127.0.0.2:18205:80"],
        [{"target": 80, "published": "18210"}, "127.0.0.1:18210:80"],
        ["18210:80/udp", "127.0.0.1:18210:81/udp"],
        ["127.0.0.1:18210:80", "[::ffff:127.0.0.1]:18210:80"],
    ],
)
@pytest.mark.parametrize("state", ["started", "stopped"])
def test_o6_one_entry_that_conflicts_with_itself_is_refused(ports: list[Any], state: str) -> None:
    said = refused(entry("new", ports=ports, state=state))
    assert "(new): ports: " in said
    assert "Leave one of them out" in said


@pytest.mark.parametrize(
    "ports",
    [
        ["0.0.0.0:18210:80", "[::]:18210:80"],
        ["127.0.0.1:18210:80", "127.0.0.2:18210:80"],
        ["18210:80", "18210:80/udp"],
        ["18210:80", "18210:80"],
        ["127.0.0.1:18210:80", "[::]:18210:81"],
        ["18200-18210:80", "18205:81"],
        ["127.0.0.1::80", "127.0.0.1::80"],
    ],
)
def test_o7_what_the_engine_takes_is_taken(ports: list[Any]) -> None:
    assert refused(entry("new", ports=ports)) == ""


def test_o7_without_ipv6_all_addresses_are_those_of_ipv4() -> None:
    ports = ["18210:80", "[::]:18210:80"]
    assert refused(entry("new", ports=ports)) != ""
    assert refused(entry("new", ports=ports), takes_ipv6=False) == ""


@pytest.mark.parametrize("mode", ["host", "container:web"])
@pytest.mark.parametrize(
    ("one", "other", "free"),
    [
        ({"expose": [6379]}, {"expose": [6379]}, False),
        ({"expose": ["127.0.0.1:6379"]}, {"expose": ["127.0.0.2:6379"]}, True),
        ({"expose": ["127.0.0.1:6379"]}, {"expose": ["[::1]:6379"]}, True),
        ({"expose": ["127.0.0.1:6379"]}, {"expose": [6379]}, False),
        ({"expose": [6379], "command": "redis-server --bind 127.0.0.1 -::1 --port 6379"},
         {"expose": [6379], "command": ["redis-server", "--bind", "127.0.0.2"]}, True),
        ({"expose": [6379], "command": "redis-server --bind 127.0.0.1 127.0.0.2"},
         {"expose": [6379], "command": ["redis-server", "--bind", "127.0.0.2"]}, False),
        ({"expose": [6379], "command": "redis-server --bind *"}, {"expose": ["127.0.0.2:6379"]}, False),
        ({"expose": [6379]}, {"expose": ["6379/udp"]}, True),
    ],
)  # fmt: skip
def test_o7_two_in_one_namespace_on_one_port_of_different_addresses(
    mode: str, one: dict[str, Any], other: dict[str, Any], free: bool
) -> None:
    said = refused(entry("aa", network_mode=mode, **one), entry("bb", network_mode=mode, **other))
    assert (said == "") == free, said


def test_expose_with_an_address_gives_the_engine_the_port_alone() -> None:
    assert values.exposed(["127.0.0.1:6379", "[::1]:6379", "7000-7001/udp"]) == ["6379/tcp", "7000/udp", "7001/udp"]
    with pytest.raises(ValueError, match="not an IP address"):
        values.exposed(["localhost:6379"])
