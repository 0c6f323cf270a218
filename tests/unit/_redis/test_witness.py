# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server sees a connection, by what its list of clients says."""

from __future__ import annotations

from typing import Callable

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis import witness
from ansible_collections.netmode.docker.plugins.module_utils._redis.witness import recognised

OWN = "id=7 addr=/run/redis.sock:0 qbuf=26 cmd=client|list user=default\n"
LATE = "id=8 addr=172.17.0.1:4000 qbuf=0 cmd={} user=(superuser)\n"
MARKED = "id=8 addr=172.17.0.1:4000 qbuf={} cmd=ping user=(superuser)\n"


class Server:
    """Answers CLIENT LIST with these, one after the other, the last for ever, with the length of the mark."""

    def __init__(self, *lists: str | None) -> None:
        self.lists = list(lists)
        self.asked = 0
        self.length = 0

    def mark(self, mark: bytes) -> None:
        self.length += len(mark)

    def clients(self) -> str | None:
        self.asked += 1
        listed = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
        return listed and listed.replace("qbuf={}", f"qbuf={self.length}")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Server]:
    monkeypatch.setattr(witness.time, "sleep", lambda _seconds: None)
    return Server


@pytest.mark.parametrize(
    ("lists", "seen", "asked"),
    [
        ((OWN + MARKED,), True, 2),
        ((OWN + LATE.format("ping"), OWN + MARKED), True, 3),
        ((OWN + LATE.format("NULL"), OWN + MARKED), True, 3),
        ((OWN + MARKED, OWN + LATE.format("get")), False, 2),
        ((OWN + MARKED, OWN + LATE.format("ping"), OWN + LATE.format("get")), False, 3),
        ((OWN + MARKED, None), None, 2),
        ((OWN + LATE.format("get"),), False, 1),
        ((OWN + LATE.format("ping"), OWN + LATE.format("get")), False, 2),
        ((None,), None, 1),
    ],
    ids=[
        "at once",
        "in two packets",
        "PING renamed",
        "the length of another's",
        "that one goes on",
        "refused later",
        "another's client",
        "another's that goes",
        "refused",
    ],
)
def test_a_connection_is_seen_by_its_mark_and_not_waited_for_where_no_client_can_be_it(
    server: Callable[..., Server], lists: tuple[str | None, ...], seen: bool | None, asked: int
) -> None:
    asks = server(*lists)
    assert recognised(asks.mark, asks.mark, asks.clients) is seen
    assert asks.asked == asked
