# SPDX-License-Identifier: GPL-3.0-or-later
"""A Redis asked over TLS: what comes of each kind of peer and certificate. The real one is in tests/integration."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis import tls
from ansible_collections.netmode.docker.plugins.module_utils._redis.ping import ping
from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import Endpoint
from certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FLEET, OTHER = Authority("fleet"), Authority("other")
PONG = b"+PONG\r\n-NOPERM\r\n-NOPERM\r\n"


def asked(port: int, **options: Any) -> dict[str, Any]:
    given = {name: spec.get("default") for name, spec in tls.OPTIONS.items()}
    given.update({"tls": True, "ca_certs": FLEET.pem, **options})
    return ping(Endpoint("it", host="127.0.0.1", port=port, tls=tls.read(given, "endpoint it")), 5)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """A peer that speaks TLS (or not), reads once, answers and closes; its port."""
    threads: list[threading.Thread] = []

    def start(pair: tuple[str, str] | None, *, clients: str = "", answer: bytes = PONG) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        context = None
        if pair:
            (tmp_path / "server.pem").write_text("".join(pair))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tmp_path / "server.pem")
            if clients:
                context.load_verify_locations(cadata=clients)
                context.verify_mode = ssl.CERT_REQUIRED

        def run() -> None:
            peer, _ = listener.accept()
            listener.close()
            with suppress(OSError), context.wrap_socket(peer, server_side=True) if context else peer as spoken:
                spoken.recv(65536)
                spoken.sendall(answer)
                spoken.recv(65536)
            peer.close()

        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()
        return int(listener.getsockname()[1])

    yield start
    for thread in threads:
        thread.join(5)


def test_the_answer_comes_with_the_fingerprint_and_the_end_of_its_certificate(serve: Callable[..., int]) -> None:
    pair = FLEET.issue("127.0.0.1")
    found = asked(serve(pair))
    assert (found["answer"], found["reachable"], found["error"]) == ("PONG", True, None)
    assert found["certificate"]["sha256"] == tls.fingerprint(pair[0])
    assert found["certificate"]["not_after"].endswith("GMT")


REFUSED = [
    ("another CA", OTHER.issue("127.0.0.1"), {}, "certificate refused: unable to get local issuer certificate"),
    ("expired", FLEET.issue("127.0.0.1", days=(-3, -1)), {}, "certificate refused: certificate has expired"),
    ("another name", FLEET.issue("db"), {}, "certificate refused: IP address mismatch"),
    (
        "not the name that is asked for",
        FLEET.issue("db"),
        {"server_name": "web"},
        "certificate refused: Hostname mismatch",
    ),
]


@pytest.mark.parametrize(("pair", "options", "why"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_certificate_is_verified(serve: Callable[..., int], pair: Any, options: dict[str, Any], why: str) -> None:
    found = asked(serve(pair), **options)
    assert not found["reachable"]
    assert found["error"].startswith(why)
    port = serve(pair)
    assert asked(port, **options, validate_certs=False)["answer"] == "PONG"


def test_a_name_of_the_certificate_may_be_asked_for(serve: Callable[..., int]) -> None:
    assert asked(serve(FLEET.issue("db")), server_name="db")["answer"] == "PONG"


def test_one_that_needs_a_certificate_of_its_clients_is_reached_and_says_so(
    serve: Callable[..., int], tmp_path: Path
) -> None:
    pair = FLEET.issue("127.0.0.1")
    found = asked(serve(pair, clients=FLEET.pem))
    assert (found["answer"], found["reachable"], found["error"]) == ("certificate required", True, None)
    (tmp_path / "own.pem").write_text("".join(FLEET.issue("me")))
    assert asked(serve(pair, clients=FLEET.pem), client_cert_file=str(tmp_path / "own.pem"))["answer"] == "PONG"


def test_one_that_speaks_no_tls(serve: Callable[..., int]) -> None:
    found = asked(serve(None, answer=b"-ERR Protocol error\r\n"))
    assert (found["reachable"], found["error"], found["certificate"]) == (False, "no TLS", None)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert asked(port)["error"] == "refused"


def test_one_that_says_nothing_is_a_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        given = {**{name: spec.get("default") for name, spec in tls.OPTIONS.items()}, "tls": True}
        endpoint = Endpoint("it", "127.0.0.1", listener.getsockname()[1], tls=tls.read(given, "it"))
        assert ping(endpoint, 0.2)["error"] == "timeout"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"ca_certs": "/nowhere.pem"}, "endpoint it: ca_certs /nowhere.pem: No such file or directory"),
        ({"client_cert_file": "/nowhere.pem"}, "endpoint it: ca_certs, client_cert_file /nowhere.pem: No such file"),
        ({"ca_certs": "-----BEGIN NOTHING"}, "endpoint it: ca_certs: "),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(options: dict[str, Any], why: str) -> None:
    with pytest.raises(NetmodeError, match=why.replace("[", r"\[")):
        asked(1, **options)
