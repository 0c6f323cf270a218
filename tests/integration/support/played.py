# SPDX-License-Identifier: GPL-3.0-or-later
"""What is played and what came of it: inventories of this machine under several names, and the outcome of a play."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

LOCAL: dict[str, Any] = {"ansible_connection": "local"}
"""The variables of an inventory's host that is the very machine that the play runs on."""


def aliases(variables: list[dict[str, Any]]) -> dict[str, Any]:
    """An inventory of this machine under the names n0, n1 and so on, each with these variables of its own."""
    return {"redis": {"hosts": {f"n{number}": {**LOCAL, **own} for number, own in enumerate(variables)}}}


@dataclass
class Play:
    """What a run of ansible-playbook did. ``tasks`` are dicts: host, task, action, status, result."""

    rc: int
    stdout: str
    stderr: str
    tasks: list[dict[str, Any]] = field(default_factory=list)
    stats: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        """How many tasks changed something, on all hosts."""
        return sum(stats["changed"] for stats in self.stats.values())

    @property
    def failed(self) -> list[dict[str, Any]]:
        return [task for task in self.tasks if task["status"] in ("failed", "unreachable")]

    def refusals(self) -> dict[str, str]:
        """Host -> the message of the one task that failed on it, with what a program that it ran said; a line."""
        assert self.rc == 2, self.stdout + self.stderr
        assert "Traceback" not in self.stdout + self.stderr
        told = {
            task["host"]: " ".join(f"{task['result']['msg']} {task['result'].get('stderr', '')}".split())
            for task in self.failed
        }
        assert len(told) == len(self.failed), self.stdout
        return told

    def task(self, name: str, host: str | None = None) -> dict[str, Any]:
        """The result of the one task whose name ends with ``name``."""
        found = [t for t in self.tasks if t["task"].endswith(name) and host in (None, t["host"])]
        assert len(found) == 1, f"{len(found)} results of a task named {name!r} among {[t['task'] for t in self.tasks]}"
        result: dict[str, Any] = found[0]["result"]
        return result
