# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps are told to who looks after what is stopped: before, and after where it runs again."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._containers import apply
from ansible_collections.netmode.docker.plugins.module_utils._containers.run import Run
from ansible_collections.netmode.docker.plugins.module_utils._containers.state import Step


@pytest.mark.parametrize(
    ("action", "data", "told"),
    [
        ("recreate", {"start": True}, ["leave", "taken", "returned"]),
        ("recreate", {"start": False}, ["leave", "taken"]),
        ("clone", {"start": True}, ["leave", "taken", "returned"]),
        ("restart", {}, ["leave", "taken", "returned"]),
        ("stop", {}, ["leave", "taken"]),
        ("remove", {}, ["leave", "taken"]),
        ("start", {}, ["taken"]),
        ("update", {"body": {}}, ["taken"]),
    ],
)
def test_what_is_stopped_is_told_before_and_what_runs_again_after(
    action: str, data: dict[str, Any], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, found = Run(mock.Mock()), []
    run.turn = mock.Mock()
    run.turn.leave.side_effect = lambda *_: found.append("leave")
    run.turn.returned.side_effect = lambda *_: found.append("returned")
    monkeypatch.setitem(apply._TAKEN_BY, action, lambda *_: found.append("taken"))
    apply._take(run, Step(action, "c0", "why", "key", data))
    assert found == told
