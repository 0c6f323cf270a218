# SPDX-License-Identifier: GPL-3.0-or-later
"""REPLICAOF and what comes of it, over a connection that says what it is set to; real ones are in the live tests."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis import following

FOLLOWS = "role:slave\r\nmaster_host:10.0.0.9\r\nmaster_port:6379\r\nmaster_link_status:"


class Own:
    """``links``: what INFO says of its link, one after the other, the last again and again."""

    def __init__(self, *links: str, before: str = "role:master", state: str = "connect", says: str = "OK") -> None:
        self.infos = [before, *(FOLLOWS + link for link in links)]
        self.state, self.says = state, says
        self.sent: list[str] = []

    def send(self, data: bytes) -> None:
        self.sent.append(" ".join(re.findall(r"\$\d+\r\n([^\r]*)\r\n", data.decode())))

    def reply(self) -> str:
        if self.sent[-1].startswith("INFO"):
            return self.infos.pop(0) if len(self.infos) > 1 else self.infos[0]
        return self.says

    def replies(self) -> list[str]:
        return ["slave", "10.0.0.9", "6379", self.state, "0"]


def follow(own: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(following, "WITHIN", 0.3)
    return following.follow(own, ("10.0.0.9", "6379"))


@pytest.mark.parametrize(
    "own", [Own("down", "up"), Own("down\r\nmaster_sync_in_progress:1"), Own("down", state="handshake")]
)
def test_one_that_finds_its_master_follows_it(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    assert follow(own, monkeypatch) == ""
    assert [word for word in own.sent if word.startswith("REPLICAOF")] == ["REPLICAOF 10.0.0.9 6379"]


@pytest.mark.parametrize(
    ("before", "back"),
    [
        ("role:master", "REPLICAOF no one"),
        ("role:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:7000", "REPLICAOF 10.0.0.1 7000"),
    ],
)
def test_one_that_does_not_find_it_is_what_it_was_again(
    before: str, back: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Own("down", before=before)
    assert follow(own, monkeypatch).startswith(
        "it finds no master at 10.0.0.9:6379 within 0 s, and is what it was again"
    )
    assert own.sent[-1] == back


def test_what_it_refuses_and_a_master_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert follow(Own(says="ERR REPLICAOF not allowed in cluster mode."), monkeypatch).startswith("ERR REPLICAOF")
    own = Own()
    assert following.follow(own, ("no", "one")) == ""  # type: ignore[arg-type]
    assert own.sent[-1] == "REPLICAOF no one"
