# SPDX-License-Identifier: GPL-3.0-or-later
"""A Redis that was set at run time to what its redis.conf does not say; real ones are in test_redis_live.py."""

from __future__ import annotations

import socketserver
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis import live, protocol
from ansible_collections.netmode.docker.plugins.module_utils._redis.drift import Drift, drifts, set_back
from unix_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINES = ["bind * -::*", "port 6379", "protected-mode yes", "maxmemory 100mb"]
OPEN, CLOSED = "user default on nopass ~* &* +@all", "user default on #123 ~* &* +@all"


class Redis:
    """As far as it is asked; ``says`` is what it answers to a command instead."""

    def __init__(self) -> None:
        self.password = "s3cret"
        self.users = [CLOSED]
        self.config = {"bind": "* -::*", "port": "6379", "protected-mode": "yes", "maxmemory": "104857600"}
        self.kept: set[str] = set()
        """What it says OK to, and stays as it is."""
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
        if words[:2] == ["CONFIG", "SET"]:
            return self.set(dict(zip(words[2::2], words[3::2])))
        if command == "PING":
            return "+PONG\r\n"
        known = words[-1] in self.config
        items = self.users if command == "ACL" else [words[2], self.config[words[2]]] if known else []
        return f"*{len(items)}\r\n" + "".join(f"${len(item)}\r\n{item}\r\n" for item in items)

    def set(self, given: dict[str, str]) -> str:
        if "databases" in given:
            return "-ERR CONFIG SET failed - can't set immutable config\r\n"
        self.config.update({name: value for name, value in given.items() if name not in self.kept})
        return "+OK\r\n"


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


MEANT = {"bind": "* -::*", "port": "6379", "protected-mode": "yes", "maxmemory": "104857600"}
"""What a Redis says that was started with LINES."""
RUNNING = {"cache": "a" * 64}


def found(directory: Path, *secrets: str, **options: str) -> Drift:
    return drifts([instance(directory, *secrets, **options)], RUNNING, {"cache": MEANT}, {}).get("cache", Drift("", {}))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        ({"password": ""}, "it needs no password, which redis.conf does not say"),
        ({"password": "another"}, "it has another password"),
        ({"users": [CLOSED, "user guest on nopass ~* +@all"]}, "its user guest needs no password"),
        ({"users": [CLOSED, "user guest off nopass ~* +@all"]}, ""),
        ({"says": {"PING": "LOADING Redis is loading", "AUTH": "LOADING Redis is loading"}}, ""),
        ({"says": {"CONFIG": "ERR unknown command", "ACL": "NOPERM"}}, ""),
    ],
)
def test_what_lets_others_in_is_told(redis: Redis, tmp_path: Path, change: dict[str, Any], why: str) -> None:
    vars(redis).update(change)
    said = found(tmp_path).lets_in
    assert said.startswith(why)
    assert bool(said) is bool(why)


def test_what_redis_conf_says_is_no_drift(redis: Redis, tmp_path: Path) -> None:
    redis.users = [CLOSED, "user guest on nopass ~* +@read"]
    assert found(tmp_path, "user guest on nopass ~* +@read") == Drift("", {})
    assert found(tmp_path, "aclfile /data/users.acl") == Drift("", {})
    redis.password, redis.users = "", [OPEN]
    assert found(tmp_path, password="") == Drift("", {})


def test_nobody_is_asked_who_does_not_run_or_does_not_answer(tmp_path: Path) -> None:
    assert drifts([instance(tmp_path)], {}, {}, {}) == {}
    assert drifts([instance(tmp_path)], RUNNING, {"cache": MEANT}, {}) == {}
    assert drifts([{**instance(tmp_path), "trial": None}], RUNNING, {}, {}) == {}


@pytest.mark.parametrize(
    "set_to",
    [{"maxmemory": "0"}, {"bind": "0.0.0.0", "protected-mode": "no"}, {"port": "7000", "maxmemory": ""}],
)
def test_every_setting_of_redis_conf_is_compared_and_set_again(
    redis: Redis, tmp_path: Path, set_to: dict[str, str]
) -> None:
    redis.config.update(set_to)
    values = found(tmp_path).values
    assert values == {name: MEANT[name] for name in set_to}
    set_back(instance(tmp_path), RUNNING, values)
    assert redis.config == MEANT
    assert found(tmp_path) == Drift("", {})


def test_what_is_not_known_of_the_trial_or_of_the_server_is_not_compared(redis: Redis, tmp_path: Path) -> None:
    redis.config["maxmemory"] = "0"
    assert drifts([instance(tmp_path)], RUNNING, {}, {}) == {}
    del redis.config["maxmemory"]
    assert found(tmp_path) == Drift("", {})


@pytest.mark.parametrize(
    ("prepare", "values", "why"),
    [
        ({"kept": {"maxmemory"}}, {"maxmemory": "1"}, "after CONFIG SET its maxmemory is 104857600"),
        ({}, {"maxmemory": "1", "databases": "3"}, "can't set immutable config"),
        ({"password": "another"}, {"maxmemory": "1"}, "WRONGPASS"),
    ],
)
def test_what_cannot_be_set_is_one_message(
    redis: Redis, tmp_path: Path, prepare: dict[str, Any], values: dict[str, str], why: str
) -> None:
    vars(redis).update(prepare)
    with pytest.raises(NetmodeError, match=f"instance cache: settings: .*{why}.*docker logs cache"):
        set_back(instance(tmp_path), RUNNING, values)
    assert redis.config == MEANT


def test_one_that_has_stopped_meanwhile_is_told(tmp_path: Path) -> None:
    with pytest.raises(NetmodeError, match="it does not run"):
        set_back(instance(tmp_path), {}, {"maxmemory": "1"})


def test_what_a_redis_is_asked_for_are_the_directives_of_its_file_but_secrets_and_what_is_its_own(
    tmp_path: Path,
) -> None:
    one = instance(tmp_path, "user default off", "masterauth abc")
    one["lines"] = [*LINES, "maxmemory 100mb", "save 60 1", "save 900 1", "loglevel warning", 'logfile ""', "dir /data"]
    assert live.compared(one) == ["maxmemory", "port", "protected-mode", "save"]
    said = {"maxmemory": "104857600", "port": "6379"}
    assert live.meant(one, said) == {**said, "bind": "* -::*", "loglevel": "warning"}
