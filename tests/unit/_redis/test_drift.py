# SPDX-License-Identifier: GPL-3.0-or-later
"""A Redis that was set at run time to let in whom its redis.conf keeps out; the real one is in test_redis_access.py."""

from __future__ import annotations

import socketserver
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis import protocol
from ansible_collections.netmode.docker.plugins.module_utils._redis.drift import drifted
from unix_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINES = ["bind * -::*", "port 6379", "protected-mode yes"]
OPEN, CLOSED = "user default on nopass ~* &* +@all", "user default on #123 ~* &* +@all"


class Redis:
    """As far as it is asked; ``says`` is what it answers to a command instead."""

    def __init__(self) -> None:
        self.password = "s3cret"
        self.users = [CLOSED]
        self.config = {"bind": "* -::*", "port": "6379", "protected-mode": "yes"}
        self.says: dict[str, str] = {}

    def answer(self, words: list[str], state: dict[str, bool]) -> str:
        command = words[0]
        if command in self.says:
            return f"-{self.says[command]}\r\n"
        if command == "AUTH":
            state["in"] = words[1] == self.password
            return "+OK\r\n" if state["in"] else "-WRONGPASS invalid\r\n"
        if self.password and not state["in"]:
            return "-NOAUTH Authentication required.\r\n"
        if command == "PING":
            return "+PONG\r\n"
        items = self.users if command == "ACL" else [words[2], self.config[words[2]]]
        return f"*{len(items)}\r\n" + "".join(f"${len(item)}\r\n{item}\r\n" for item in items)


@pytest.fixture
def redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    served = Redis()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            state = {"in": False}
            while line := self.rfile.readline():
                words = [self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2] for _ in range(int(line[1:]))]
                self.wfile.write(served.answer([word.decode() for word in words], state).encode())

    monkeypatch.setattr(protocol, "why_not", lambda *_, **__: "")
    with serving(tmp_path / "redis.sock", Handler):
        yield served


def instance(directory: Path, *secrets: str, password: str = "s3cret") -> dict[str, Any]:
    given = [f"requirepass {password}"] if password else []
    return {
        "name": "cache", "socket_directory": str(directory), "lines": LINES, "secrets": [*given, *secrets],
        "trial": {"password": password},
    }  # fmt: skip


def told(directory: Path, *secrets: str, **options: str) -> str:
    return drifted([instance(directory, *secrets, **options)], {"cache": "a" * 64}).get("cache", "")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        ({"password": ""}, "it needs no password, which redis.conf does not say"),
        ({"password": "another"}, "it has another password"),
        ({"users": [CLOSED, "user guest on nopass ~* +@all"]}, "its user guest needs no password"),
        ({"users": [CLOSED, "user guest off nopass ~* +@all"]}, ""),
        ({"config": {"bind": "0.0.0.0", "port": "6379", "protected-mode": "yes"}}, "its bind is 0.0.0.0"),
        ({"config": {"bind": "* -::*", "port": "7000", "protected-mode": "yes"}}, "its port is 7000"),
        ({"config": {"bind": "* -::*", "port": "6379", "protected-mode": "no"}}, "its protected-mode is no"),
        ({"says": {"PING": "LOADING Redis is loading", "AUTH": "LOADING Redis is loading"}}, ""),
        ({"says": {"CONFIG": "ERR unknown command", "ACL": "NOPERM"}}, ""),
    ],
)
def test_what_lets_others_in_is_told(redis: Redis, tmp_path: Path, change: dict[str, Any], why: str) -> None:
    vars(redis).update(change)
    said = told(tmp_path)
    assert said.startswith(why)
    assert bool(said) is bool(why)


def test_what_redis_conf_says_is_no_drift(redis: Redis, tmp_path: Path) -> None:
    redis.users = [CLOSED, "user guest on nopass ~* +@read"]
    assert told(tmp_path, "user guest on nopass ~* +@read") == ""
    assert told(tmp_path, "aclfile /data/users.acl") == ""
    redis.password, redis.users = "", [OPEN]
    assert told(tmp_path, password="") == ""


def test_nobody_is_asked_who_does_not_run_or_does_not_answer(tmp_path: Path) -> None:
    assert drifted([instance(tmp_path)], {}) == {}
    assert drifted([instance(tmp_path)], {"cache": "a" * 64}) == {}
    assert drifted([{**instance(tmp_path), "trial": None}], {"cache": "a" * 64}) == {}
