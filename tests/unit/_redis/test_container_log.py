# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failure quotes of a container's log."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NotFoundError
from ansible_collections.netmode.docker.plugins.module_utils._redis.log import last_lines, text_of


class Engine:
    """Has one container, with this log."""

    def __init__(self, log: bytes) -> None:
        self.log = log

    def get(self, path: str) -> Any:
        if path != "/containers/cache/json":
            raise NotFoundError(f"No such container: {path}")
        return {"State": {"Status": "restarting"}}

    def get_bytes(self, path: str, **query: Any) -> bytes:
        assert (path, query["tail"]) == ("/containers/cache/logs", 15)
        return self.log


def frame(text: str, stream: int = 1) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(text.encode()).to_bytes(4, "big") + text.encode()


def told(log: bytes, name: str = "cache") -> list[str]:
    return last_lines(Engine(log), name).splitlines()  # type: ignore[arg-type]


def test_both_streams_in_the_order_written_and_a_terminal_as_it_is() -> None:
    assert text_of(frame("one\n") + frame("zwei ü\n", 2) + frame("three\n")) == "one\nzwei ü\nthree\n"
    assert text_of(b"as written\n") == "as written\n"
    assert text_of(b"") == ""


def test_the_state_and_the_last_lines_are_told() -> None:
    lines = told(frame("".join(f"{n}\n" for n in range(40))))
    assert lines[0] == "The container cache is restarting. The end of its log:"
    assert lines[1:] == [f"  {n}" for n in range(25, 40)]
    assert told(b"")[1:] == ["  (it is empty)"]


def test_a_container_that_is_not_there_is_told_and_no_failure_of_its_own() -> None:
    (line,) = told(b"", "gone")
    assert line == "The log of the container gone cannot be read: No such container: /containers/gone/json"


@pytest.mark.parametrize("directive", ["requirepass", "user", "MasterAuth"])
def test_a_secret_line_of_redis_conf_that_redis_quotes_is_hidden(directive: str) -> None:
    lines = told(frame(f">>> '{directive} worker >s3cret'\nBad directive or wrong number of arguments\n"))
    named = f"{directive} worker" if directive == "user" else directive
    assert lines[1:] == [f"  >>> '{named} (hidden)'", "  Bad directive or wrong number of arguments"]
    assert "  >>> 'user (hidden)'" in told(frame(">>> 'user >s3cret on'\n")), "a rule in the place of a name"
    assert "  >>> 'no-such-directive 1'" in told(frame(">>> 'no-such-directive 1'\n"))
