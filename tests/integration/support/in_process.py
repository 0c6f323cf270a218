# SPDX-License-Identifier: GPL-3.0-or-later
"""``containers`` in the test's own process: ten runs a second, and a place to step in between its check and its lock."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._containers import reconcile
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from lab import SOCKET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pytest

Json = dict[str, Any]
DEFAULTS = {"state": "started", "recreate": "auto", "pull_policy": "missing"}
"""What the module's argument spec adds to an entry."""
sys.path.append("/usr/lib/python3/dist-packages")  # the host's SDK


def bring(*entries: Json, check: bool = False, pending: Iterable[str] = ()) -> reconcile.Outcome:
    given = [{**DEFAULTS, **entry} for entry in entries]
    return reconcile.bring(Engine(f"unix://{SOCKET}", 60), given, check=check, pending=pending)


@contextmanager
def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> Iterator[None]:
    """Another actor acts the moment before a run gets the lock: after all that it has looked at without."""
    alone = reconcile.alone

    @contextmanager
    def late(*args: Any, **options: Any) -> Iterator[bool]:
        act()
        with alone(*args, **options) as held:
            yield held

    with monkeypatch.context() as patch:
        patch.setattr(reconcile, "alone", late)
        yield
