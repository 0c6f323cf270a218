# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes every task result of a play, one JSON object a line, to the file named by NETMODE_RESULTS."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: netmode_results
type: notification
short_description: Task results as JSON lines, for the integration tests
description: One object a line for every task result and one for the statistics, in the file named by NETMODE_RESULTS.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "netmode_results"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, **line: Any) -> None:
        with open(os.environ["NETMODE_RESULTS"], "a", encoding="utf-8") as file:  # noqa: PTH123
            file.write(json.dumps(line, default=str) + "\n")

    def _task(self, status: str, result: Any) -> None:
        self._write(
            host=result.host.get_name(),
            task=result.task.get_name(),
            action=result.task.action,
            status=status,
            result=result.result,
        )

    def v2_runner_on_ok(self, result: Any) -> None:
        self._task("changed" if result.is_changed() else "ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._task("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._task("skipped", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._task("unreachable", result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._write(stats={host: stats.summarize(host) for host in stats.processed})
