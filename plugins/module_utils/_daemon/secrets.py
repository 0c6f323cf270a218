# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a daemon.json holds something like a password. On the host and on the controller, which both may show it."""

from __future__ import annotations

import re
from typing import Any

_KEY = re.compile(r"passw|secret|token|credential|access-?key", re.IGNORECASE)
_URL = re.compile(r"://[^/@\s]*:[^/@\s]*@")


def holds(value: Any) -> bool:
    """``value``: the decoded file or a part of it."""
    if isinstance(value, dict):
        return any(_KEY.search(key) or holds(item) for key, item in value.items())
    if isinstance(value, list):
        return any(holds(item) for item in value)
    return isinstance(value, str) and bool(_URL.search(value))
