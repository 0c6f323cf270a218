# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump is asked for until it is begun, and waited for until it is there, by what the server answers alone."""

from __future__ import annotations

import socketserver
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import Endpoint
from ansible_collections.netmode.docker.plugins.module_utils._redis_backup import server
from unix_server import serving

if TYPE_CHECKING:
    from pathlib import Path

IDLE = {"rdb_saves": 3, "rdb_bgsave_in_progress": 0, "rdb_last_bgsave_status": "ok", "rdb_last_save_time": 7}
BUSY = {**IDLE, "rdb_bgsave_in_progress": 1}
OURS = {**IDLE, "rdb_saves": 4, "rdb_last_save_time": 8}


class Fake:
    """What it says to each INFO persistence and each BGSAVE; the last one again and again."""

    def __init__(self, persistence: list[dict[str, Any]], saves: list[str]) -> None:
        self.persistence, self.saves, self.asked = persistence, saves, []  # type: ignore[var-annotated]

    def answer(self, words: list[str]) -> bytes:
        self.asked.append(words[0])
        if words[0] == "BGSAVE":
            return f"{self._next(self.saves)}\r\n".encode()
        if words[0] == "CONFIG":
            value = {"dir": "/data", "dbfilename": "dump.rdb"}[words[2]]
            return f"*2\r\n${len(words[2])}\r\n{words[2]}\r\n${len(value)}\r\n{value}\r\n".encode()
        found: dict[str, Any] = {
            "server": {"redis_version": "7.0.15", "run_id": "r"},
            "replication": {"role": "master"},
        }.get(words[1], {})
        if words[1] == "persistence":
            found = self._next(self.persistence)
        text = "".join(f"{key}:{value}\r\n" for key, value in found.items())
        return f"${len(text)}\r\n{text}\r\n".encode()

    @staticmethod
    def _next(several: list[Any]) -> Any:
        return several.pop(0) if len(several) > 1 else several[0]


def saved(tmp_path: Path, fake: Fake) -> server.Told:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while line := self.rfile.readline():
                words = []
                for _ in range(int(line[1:])):
                    self.rfile.readline()
                    words.append(self.rfile.readline().strip().decode())
                self.wfile.write(fake.answer(words))

    path = tmp_path / "redis.sock"
    with serving(path, Handler), server.connected(Endpoint("cache", socket=str(path)), 5) as own:
        return server.save(own)


@pytest.mark.parametrize(
    ("persistence", "saves", "times"),
    [
        ([IDLE, OURS], ["+Background saving started"], 1),
        ([IDLE, {**OURS, "rdb_bgsave_in_progress": 1}, OURS], ["+Background saving started"], 1),
        ([IDLE, IDLE, IDLE, OURS], ["+Background saving scheduled"], 1),
        ([BUSY, BUSY, IDLE, OURS], ["+Background saving started"], 1),
        ([IDLE, BUSY, IDLE, OURS], ["-ERR Background save already in progress", "+Background saving started"], 2),
    ],
    ids=["at once", "waited for", "after a rewrite of the append-only file", "one runs", "one began in between"],
)
def test_a_dump_of_ones_own_is_waited_for(
    tmp_path: Path, persistence: list[dict[str, Any]], saves: list[str], times: int
) -> None:
    fake = Fake(list(persistence), list(saves))
    told = saved(tmp_path, fake)
    assert (told.saves, told.last_save, told.run_id) == (4, 8, "r")
    assert fake.asked.count("BGSAVE") == times


@pytest.mark.parametrize(
    ("persistence", "saves", "said"),
    [
        ([IDLE, {**OURS, "rdb_last_bgsave_status": "err"}], ["+Background saving started"], "could not write its dump"),
        ([IDLE], ["-NOPERM this user has no permissions to run the 'bgsave' command"], "it answers BGSAVE with NOPERM"),
        ([IDLE], ["-MISCONF Can't BGSAVE"], "it answers BGSAVE with MISCONF"),
    ],
)
def test_a_dump_that_is_not_written_is_an_error(
    tmp_path: Path, persistence: list[dict[str, Any]], saves: list[str], said: str
) -> None:
    with pytest.raises(NetmodeError, match=said):
        saved(tmp_path, Fake(list(persistence), list(saves)))


def test_who_does_not_answer_is_named_by_the_socket(tmp_path: Path) -> None:
    with (
        pytest.raises(NetmodeError, match=r"redis.sock: .*No such file"),
        server.connected(Endpoint("cache", socket=str(tmp_path / "redis.sock")), 5),
    ):
        pass
