# SPDX-License-Identifier: GPL-3.0-or-later
"""Users that a running Redis lets in without a password, as ACL LIST says."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis import answers, listeners, ping, protocol
from ansible_collections.netmode.docker.plugins.module_utils._redis.ways import Instance, Way

if TYPE_CHECKING:
    from pathlib import Path

HEX = "f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7"


def array(*lines: str) -> bytes:
    return b"*%d\r\n" % len(lines) + b"".join(b"$%d\r\n%s\r\n" % (len(line), line.encode()) for line in lines)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (array(f"user default on #{HEX} ~* &* +@all"), []),
        (array(f"user default on #{HEX} ~* &* +@all", "user guest on nopass ~* +@all"), ["guest"]),
        (array("user default on nopass sanitize-payload ~* &* +@all"), ["default"]),
        (array("user ghost off nopass ~* +@all"), []),
        (array("user nopass on"), []),
        (array(), []),
        (b"-NOPERM this user has no permissions to run the 'acl|list' command\r\n", None),
        (b"-ERR unknown command 'ACL'\r\n", None),
        (b"*-1\r\n", None),
    ],
)
def test_o14_users_without_a_password_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes, found: list[str] | None
) -> None:
    monkeypatch.setattr(protocol, "why_not", lambda *_args, **_more: "")
    path = tmp_path / "redis.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(b"+OK\r\n+PONG\r\n$-1\r\n$-1\r\n" + said)
                peer.recv(1)

        threading.Thread(target=serve, daemon=True).start()
        answer = ping.ping(protocol.Endpoint("one", socket=str(path), password="secret"), 5)
    assert (answer["answer"], answer["open_users"]) == ("PONG", found)


@pytest.mark.parametrize(
    "lines", [[], ["ro on nopass ~* +get"], ["ro off nopass"], ["ro on nopass >word"], ["ro nopass on", "b on"]]
)
@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize("found", [[], ["ro"], ["guest", "ro"], None])
def test_o19_only_users_that_the_settings_do_not_let_in_without_a_password_are_too_many(
    monkeypatch: pytest.MonkeyPatch, lines: list[str], allowed: bool, found: list[str] | None
) -> None:
    monkeypatch.setattr(listeners, "directives", lambda given: given)
    users = listeners.open_users({"user": lines})
    instance = Instance("one", "host", 6379, "/s", may_be_open=allowed, open_users=users)
    asked = [(Way("PONG over the unix socket", "PONG", socket="/s"), {"open_users": found})]
    meant = {"ro"} if lines in (["ro on nopass ~* +get"], ["ro nopass on", "b on"]) else set()
    expected = [] if allowed else [name for name in found or [] if name not in meant]
    assert answers._open_users(instance, asked) == expected
