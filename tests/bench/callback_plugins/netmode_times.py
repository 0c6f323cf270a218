# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes how long each task took on the controller, from start to result, to the file named by NETMODE_TIMES."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: netmode_times
type: notification
short_description: The duration of every task as JSON lines, for the benchmark
description: One object a line, with the task's name, its duration in seconds, and its result.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "netmode_times"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._started: dict[str, float] = {}

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002 (Ansible's)
        self._started[task._uuid] = time.perf_counter()

    def v2_runner_on_ok(self, result: Any) -> None:
        self._write("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: ARG002 (Ansible's)
        self._write("failed", result)

    def _write(self, status: str, result: Any) -> None:
        seconds = time.perf_counter() - self._started[result.task._uuid]
        line = {
            "task": result.task.get_name(),
            "seconds": seconds,
            "status": status,
            "changed": result.is_changed(),
            "result": result.result if status == "failed" or result.task.get_name().endswith("mapping") else {},
        }
        with open(os.environ["NETMODE_TIMES"], "a", encoding="utf-8") as file:  # noqa: PTH123
            file.write(json.dumps(line, default=str) + "\n")
