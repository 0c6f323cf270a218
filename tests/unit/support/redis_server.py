# SPDX-License-Identifier: GPL-3.0-or-later
"""A server on a unix socket that says what it is set to, as far as the tests ask it."""

from __future__ import annotations

import hashlib
import socketserver
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from unix_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIXED = {"databases"}
ALIASES = {"hash-max-ziplist-entries": "hash-max-listpack-entries", "masterauth": "primaryauth"}
COMMANDS = ["get", "set"]


def rules(*passwords: str) -> str:
    hashes = [f"#{hashlib.sha256(word.encode()).hexdigest()}" for word in passwords] or ["nopass"]
    return f"on {' '.join(hashes)} ~* &* +@all"


class Redis:
    """As far as it is asked; ``says`` is what it answers to a command instead."""

    def __init__(self) -> None:
        self.password = "s3cret"
        self.users = {"default": rules("s3cret")}
        self.config = {
            "bind": "* -::*", "port": "6379", "protected-mode": "yes", "maxmemory": "104857600", "databases": "16",
            "appendonly": "no", "requirepass": "s3cret", "masterauth": "", "primaryauth": "", "dir": "/data",
            "hash-max-ziplist-entries": "128", "hash-max-listpack-entries": "128", "logfile": "",
        }  # fmt: skip
        self.commands = list(COMMANDS)
        self.kept: set[str] = set()
        """What it says OK to, and stays as it is."""
        self.says: dict[str, str] = {}
        self.info = {"aof_enabled": "1", "aof_last_bgrewrite_status": "ok", "rdb_last_bgsave_status": "ok"}
        self.dumps = 0
        self.asked: list[list[str]] = []

    def answer(self, words: list[str], state: dict[str, Any]) -> str:
        self.asked.append(words)
        if words[0] in self.says:
            return f"-{self.says[words[0]]}\r\n"
        if words[0] == "AUTH":
            return self.auth(words[2], state)
        if self.password and not state["in"]:
            return "-NOAUTH Authentication required.\r\n"
        return self.queues(words, state) or self.does(words)

    def auth(self, word: str, state: dict[str, Any]) -> str:
        if not self.password:
            return "+OK\r\n"
        state["in"] = state["in"] or word == self.password
        return "+OK\r\n" if word == self.password else "-WRONGPASS invalid\r\n"

    def queues(self, words: list[str], state: dict[str, Any]) -> str:
        if words[0] == "MULTI":
            state["queue"] = []
            return "+OK\r\n"
        if words[0] == "EXEC":
            answers, state["queue"] = [self.does(queued) for queued in state["queue"]], None
            return f"*{len(answers)}\r\n" + "".join(answers)
        if state.get("queue") is not None:
            state["queue"].append(words)
            return "+QUEUED\r\n"
        return ""

    def does(self, words: list[str]) -> str:
        if words[:2] == ["CONFIG", "SET"]:
            return self.set(list(zip(words[2::2], words[3::2])))
        if words[:2] == ["ACL", "SETUSER"]:
            self.users[words[2]] = " ".join([words[4], "sanitize-payload", *words[5:]])
            return "+OK\r\n"
        if words[:2] == ["ACL", "DELUSER"]:
            return f":{int(bool(self.users.pop(words[2], None)))}\r\n"
        if words[0] == "INFO":
            text = "".join(f"{key}:{value}\r\n" for key, value in {**self.info, "rdb_saves": self.dumps}.items())
            return f"${len(text)}\r\n{text}\r\n"
        lists = {
            "CONFIG": [word for pair in self.config.items() for word in pair],
            "ACL": [f"user {name} {given}" for name, given in self.users.items()],
            "COMMAND": self.commands,
        }
        if words[0] in lists:
            items = lists[words[0]]
            return f"*{len(items)}\r\n" + "".join(f"${len(item)}\r\n{item}\r\n" for item in items)
        self.dumps += words[0] == "BGSAVE"
        return "+PONG\r\n" if words[0] == "PING" else "+Background saving started\r\n"

    def set(self, given: list[tuple[str, str]]) -> str:
        """As configSetCommand does: the first that is wrong is named, and nothing is changed then."""
        for name, _ in given:
            if name not in self.config:
                return f"-ERR Unknown option or number of arguments for CONFIG SET - '{name}'\r\n"
            if name in FIXED:
                return (
                    f"-ERR CONFIG SET failed (possibly related to argument '{name}') - can't set immutable config\r\n"
                )
        for name, value in given:
            same = {name, *(one for pair in ALIASES.items() for one in pair if name in pair)}
            self.config.update(dict.fromkeys(same - self.kept, value))
            if name == "requirepass":
                self.password, self.users["default"] = value, rules(*filter(None, [value]))
        return "+OK\r\n"


@contextmanager
def listening(path: Path) -> Iterator[Redis]:
    served = Redis()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            state: dict[str, Any] = {"in": False}
            while line := self.rfile.readline():
                words = [self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2] for _ in range(int(line[1:]))]
                self.wfile.write(served.answer([word.decode() for word in words], state).encode())

    with serving(path, Handler):
        yield served
