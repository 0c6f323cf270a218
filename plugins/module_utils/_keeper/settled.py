# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether there is anything to do for the keeper of a host: its program, its service, its health. Reads only."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils import _files
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import service, trust
from .status import status


def is_settled(keeper: dict[str, Any]) -> bool:
    """``keeper``: options of the module, and the digest of the ``program``. What cannot be known is to be done."""
    init = service.init_system()
    try:
        options = service.options(keeper["docker_host"], keeper["ignore"])
        path = Path(keeper["path"])
        files = service.files(init, "present", path, options, keeper["log_file"], _program(path, keeper["program"]))
        if service.plan("present", files):
            return False
        now = service.observe(init, files)
        return now.running and now.enabled and not (now.outdated or now.unread) and status(keeper["docker_host"])[1]
    except (NetmodeError, OSError):
        return False


def _program(path: Path, digest: str) -> bytes:
    """What is there, if it is the program; else empty. It would take all that it consists of to make it."""
    there, first = _files.read(path) or b"", trust.first_line(trust.interpreter())
    same = there.startswith(first) and hashlib.sha256(there[len(first) :]).hexdigest() == digest
    return there if same else b""
