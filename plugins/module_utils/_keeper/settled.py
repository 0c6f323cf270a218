# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether there is anything to do for the keeper of a host: its program, its service, its health. Reads only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import service
from .status import status


def is_settled(keeper: dict[str, Any]) -> bool:
    """``keeper``: options of the module. Where this cannot be known there is something to do."""
    init = service.init_system()
    try:
        options = service.options(keeper["docker_host"], keeper["ignore"])
        files = list(service.files(init, "present", Path(keeper["path"]), options, keeper["log_file"]))
        if service.plan("present", files):
            return False
        now = service.observe(init, files)
        return now.running and now.enabled and not (now.outdated or now.unread) and status(keeper["docker_host"])[1]
    except (NetmodeError, OSError):
        return False
