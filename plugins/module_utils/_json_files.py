# SPDX-License-Identifier: GPL-3.0-or-later
"""Small JSON files of this collection on a host."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils import _files
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    from pathlib import Path


def load(path: Path) -> Any:
    """FileNotFoundError where there is none, OSError or ValueError for what cannot be read."""
    try:
        content = _files.read(path)
        if content is None:
            raise FileNotFoundError(path)
        return json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except NetmodeError as error:
        raise OSError(str(error)) from None


def replace(path: Path, content: Any) -> None:
    """OSError leaves what was there."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    text = json.dumps(content, indent=2) + "\n"
    try:
        _files.write(path, text.encode(), 0o644, (os.geteuid(), os.getegid()))
    except NetmodeError as error:
        raise OSError(0, str(error), str(path)) from None
