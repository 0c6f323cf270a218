# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of the host, found where a distribution puts them, and in words that do not depend on who runs this."""

from __future__ import annotations

import os
import subprocess

PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def call(*command: str) -> subprocess.CompletedProcess[str]:
    """OSError: there is no such program."""
    env = {**os.environ, "PATH": PATHS, "LC_ALL": "C"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)
