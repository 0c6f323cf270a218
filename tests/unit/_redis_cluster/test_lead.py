# SPDX-License-Identifier: GPL-3.0-or-later
"""A planned failover is asked for until the other masters may vote about its master again."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster import lead

PAUSE = 0.01


class Replica:
    """One whose master hands over, where it is asked so many seconds from now."""

    def __init__(self, votes_after: float, timeout: str | None = "100", answer: str = "OK") -> None:
        self.votes_after, self.timeout, self.answer = time.monotonic() + votes_after, timeout, answer
        self.asked = 0
        self._is_master = False

    def send(self, data: bytes) -> None:
        if b"FAILOVER" in data:
            self.asked += 1
            self._is_master = self.answer == "OK" and time.monotonic() > self.votes_after

    def reply(self) -> str:
        return self.answer

    def replies(self) -> list[str] | None:
        return ["cluster-node-timeout", self.timeout] if self.timeout else None

    def tree(self) -> list[Any]:
        return ["master", "7", []] if self._is_master else ["slave", "10.0.0.1", "6379", "connected", "7"]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lead, "WITHIN", PAUSE)
    monkeypatch.setattr(lead, "_PAUSE", PAUSE / 5)


@pytest.mark.parametrize(("votes_after", "timeout"), [(0, "100"), (0.15, "100"), (0.3, "200"), (0.02, None)])
def test_it_takes_over_once_the_others_vote(votes_after: float, timeout: str | None) -> None:
    replica: Any = Replica(votes_after, timeout)
    assert lead.lead(replica) == "OK"
    assert replica.asked >= 1


def test_they_never_vote() -> None:
    replica: Any = Replica(60, "50")
    begun = time.monotonic()
    assert "does not let it take over" in lead.lead(replica)
    assert replica.asked >= lead.TIMES
    assert time.monotonic() - begun > 2 * 0.05


def test_what_it_refuses_is_not_asked_again() -> None:
    replica: Any = Replica(0, answer="ERR You should send CLUSTER FAILOVER to a replica")
    assert lead.lead(replica).startswith("ERR")
    assert replica.asked == 1


@pytest.mark.parametrize(("timeout", "seconds"), [("5000", 10), ("15000", 30), (None, 30), ("600000", lead.PATIENCE)])
def test_the_time_is_twice_that_of_the_nodes(timeout: str | None, seconds: float) -> None:
    replica: Any = Replica(0, timeout)
    assert lead.patience(replica) == seconds
