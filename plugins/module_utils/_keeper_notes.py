# SPDX-License-Identifier: GPL-3.0-or-later
"""What the keeper notes on its host, for itself and for who asks for its status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Facts = dict[str, Any]

STATE = Path("/run/netmode/keeper.json")
"""What the running keeper says of itself, for ``status``; gone with a boot."""
DONORS = Path("/var/lib/netmode/donors.json")
"""{sharer: its donor's name}: a sharer knows its donor by id only, and that is gone once the donor is made anew."""
OWED = Path("/var/lib/netmode/owed.json")
"""{sharer: its donor's name}: whom the keeper has begun to stop and start, until that is done. So one whose
start failed, or before whose start the keeper was killed, is not taken for one that a user has stopped."""
NOTES = (STATE, DONORS, OWED)


def read(path: Path) -> Facts:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # it can be learnt anew, but for donors that are gone by now
        return {}
    return found if isinstance(found, dict) else {}


def write(path: Path, content: Facts) -> str:
    """Why it could not be written, or empty."""
    young = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        young.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        young.replace(path)
    except OSError as error:
        return f"{path} cannot be written ({error.strerror})."
    return ""
