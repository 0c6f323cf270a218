# SPDX-License-Identifier: GPL-3.0-or-later
"""An option that holds a plan is no secret as a whole: what of it is shown and what is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import hide, sealed


class Tracker:
    """As ansible-core has it since 2.22: what it holds at the end is redacted in all that the controller prints."""

    def __init__(self, *texts: str) -> None:
        self._new_secrets = set(texts)

    def flush(self) -> frozenset[str]:
        flushed, self._new_secrets = frozenset(self._new_secrets), set()
        return flushed


@pytest.mark.parametrize("tracker", [Tracker("local", "6379", "hunter2"), None])
def test_only_the_secrets_of_a_plan_are_redacted(tracker: Tracker | None) -> None:
    plan = {"name": "local", "port": "6379", "password": "hunter2"}
    module: Any = SimpleNamespace(no_log_values={"local", "6379", "hunter2"}, params={"plan": plan})
    if tracker is not None:
        module._new_secrets = tracker
    assert (sealed(module, "plan"), module.params) == (plan, {})
    hide(module, {"hunter2"})
    assert module.no_log_values == {"hunter2"}
    assert tracker is None or tracker.flush() == {"hunter2"}
