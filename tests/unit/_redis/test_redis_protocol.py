# SPDX-License-Identifier: GPL-3.0-or-later
"""What redis_ping makes of every kind of peer. The real Redis is asked in tests/integration/test_verify.py."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis.ping import (
    ping,
    ping_all,
    ping_until,
    refuse_odd_times,
    unmet,
)
from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import Endpoint, encode, parse_info

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def bulk(text: str) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(text), text.encode())


INFO = bulk("# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nrun_id:abc\r\nos:Linux\r\n")
ROLE = bulk("# Replication\r\nrole:master\r\n")


@pytest.fixture
def serve() -> Iterator[Callable[[list[bytes]], Endpoint]]:
    """A peer that reads once, writes the given pieces one by one, and closes."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(pieces: list[bytes]) -> Endpoint:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            peer, _address = listener.accept()
            with peer:
                peer.recv(65536)
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for piece in pieces:
                    peer.sendall(piece)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        threads.append(thread)
        return Endpoint("it", host="127.0.0.1", port=listener.getsockname()[1])

    yield start
    for thread in threads:
        thread.join(5)
    for listener in listeners:
        listener.close()


def test_a_command_is_an_array_of_bulk_strings_counted_in_bytes() -> None:
    assert encode("AUTH", "pässword") == b"*2\r\n$4\r\nAUTH\r\n$9\r\np\xc3\xa4ssword\r\n"


def test_info_lines_keep_colons_in_values() -> None:
    assert parse_info("# Server\r\nexecutable:/a:b\r\n\r\nport:1\r\n") == {"executable": "/a:b", "port": "1"}


def test_a_redis_answers_pong_and_says_what_it_is(serve: Callable[[list[bytes]], Endpoint]) -> None:
    whole = b"+PONG\r\n" + INFO + ROLE
    result = ping(serve([whole[:3], whole[3:40], whole[40:]]), 5)
    assert result["reachable"]
    assert result["answer"] == "PONG"
    assert result["error"] is None
    assert result["server"] == {
        "redis_version": "7.0.15",
        "redis_mode": "standalone",
        "role": "master",
        "run_id": "abc",
    }


NOAUTH = b"-NOAUTH Authentication required.\r\n"
WRONGPASS = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
NOPASS = b"-ERR AUTH <password> called without any password configured for the default user.\r\n"
LOADING = b"-LOADING Redis is loading the dataset in memory\r\n"


@pytest.mark.parametrize(
    ("password", "pieces", "answer", "authenticated", "server"),
    [
        (None, NOAUTH * 3, "NOAUTH Authentication required.", False, False),
        ("bad", WRONGPASS + NOAUTH * 3, "WRONGPASS invalid username-password pair or user is disabled.", False, False),
        ("good", b"+OK\r\n+PONG\r\n" + INFO + ROLE, "PONG", True, True),
        ("idle", NOPASS + b"+PONG\r\n" + INFO + ROLE, "PONG", False, True),
        (None, b"+PONG\r\n" + b"-NOPERM this user has no permissions\r\n" * 2, "PONG", False, False),
        (None, LOADING + INFO + ROLE, "LOADING Redis is loading the dataset in memory", False, True),
    ],
)
def test_answers_are_told_as_redis_gives_them(
    serve: Callable[[list[bytes]], Endpoint],
    password: str | None,
    pieces: bytes,
    answer: str,
    authenticated: bool,
    server: bool,
) -> None:
    at = serve([pieces])
    result = ping(Endpoint("it", host=at.host, port=at.port, password=password), 5)
    assert (result["reachable"], result["answer"], result["error"]) == (True, answer, None)
    assert result["authenticated"] is authenticated
    assert (result["server"] is not None) is server


@pytest.mark.parametrize(
    ("pieces", "error", "answer"),
    [
        ([b"HTTP/1.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n"], "not redis", "HTTP/1.0 400 Bad Request"),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], "not redis", "SSH-2.0-OpenSSH_9.2"),
        ([b"$-1\r\n"], "not redis", "nil in answer to PING"),
        ([b"$99999999999\r\n"], "not redis", "$99999999999"),
        ([b"+PO"], "closed", None),
        ([], "closed", None),
    ],
)
def test_what_is_no_redis_is_not_reachable(
    serve: Callable[[list[bytes]], Endpoint], pieces: list[bytes], error: str, answer: str | None
) -> None:
    result = ping(serve(pieces), 5)
    assert (result["reachable"], result["error"], result["answer"]) == (False, error, answer)


def test_a_peer_that_says_nothing_times_out_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        result = ping(Endpoint("it", host="127.0.0.1", port=listener.getsockname()[1]), 0.2)
    assert (result["reachable"], result["error"]) == (False, "timeout")
    assert 190 <= result["ms"] < 2000


def test_refused_and_missing_sockets_have_their_own_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert ping(Endpoint("it", host="127.0.0.1", port=port), 1)["error"] == "refused"
    assert ping(Endpoint("it", socket=str(tmp_path / "redis.sock")), 1)["error"] == "no socket"
    assert ping(Endpoint("it", host="no such host"), 1)["error"] == "unknown host"
    assert ping(Endpoint("it", socket="/" + "x" * 200), 1)["error"] == "AF_UNIX path too long"


def test_all_are_asked_at_once_and_told_in_order() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        port = listener.getsockname()[1]
        silent = [Endpoint(f"e{number}", host="127.0.0.1", port=port) for number in range(20)]
        results = ping_all(silent, 0.3)
    assert list(results) == [endpoint.name for endpoint in silent]
    assert all(result["error"] == "timeout" and result["ms"] < 1500 for result in results.values())
    assert ping_all([], 1) == {}


def test_an_endpoint_is_asked_again_until_it_is_as_expected() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            for pieces in (LOADING + INFO + ROLE, LOADING + INFO + ROLE, b"+PONG\r\n" + INFO + ROLE):
                peer, _address = listener.accept()
                with peer:
                    peer.recv(65536)
                    peer.sendall(pieces)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        at = Endpoint("it", host="127.0.0.1", port=listener.getsockname()[1])
        results = ping_until([at], {"it": "pong"}, 1, 10)
        thread.join(5)
    assert results["it"]["answer"] == "PONG"


@pytest.mark.parametrize(
    ("expect", "reachable", "answer", "wrong"),
    [
        (None, False, None, False),
        ("pong", True, "PONG", False),
        ("pong", True, "LOADING", True),
        ("pong", False, None, True),
        ("reachable", True, "NOAUTH", False),
        ("reachable", False, None, True),
        ("unreachable", False, None, False),
        ("unreachable", True, "PONG", True),
    ],
)
def test_expectations(expect: str | None, reachable: bool, answer: str | None, wrong: bool) -> None:
    assert unmet(expect, {"reachable": reachable, "answer": answer}) is wrong


@pytest.mark.parametrize("odd", ["nan", "inf", "1e20", "86401"])
def test_times_that_no_socket_can_be_given_are_refused_by_name(odd: str) -> None:
    with pytest.raises(NetmodeError, match=r"timeout: .* is not a time to wait\. Give seconds above 0"):
        refuse_odd_times(float(odd), 0)
    with pytest.raises(NetmodeError, match=r"wait: .* is not a time to wait"):
        refuse_odd_times(3, float(odd))


@pytest.mark.parametrize("odd", [0, -1, float("-inf")])
def test_no_time_at_all_is_refused_but_to_wait_no_longer_is_fine(odd: float) -> None:
    with pytest.raises(NetmodeError, match="timeout: "):
        refuse_odd_times(odd, 0)
    refuse_odd_times(86400, odd)
