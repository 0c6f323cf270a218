# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the files that a list entry writes into its container are there as they were written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .options import CONFIGS_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._compose.mounts import File

Json = dict[str, Any]


def label(files: Mapping[str, File]) -> str:
    """What a container remembers of them: path, mode and owner, and nothing of the content."""
    return json.dumps({path: list(file[1:]) for path, file in sorted(files.items())}) if files else ""


def written(inspect: Json) -> list[str]:
    """The paths of the files that were written into a container."""
    return list(_read(_label_of(inspect["Config"])))


def differ(wanted: Mapping[str, File], there: Mapping[str, File | None], inspect: Json, image: Json | None) -> bool:
    """``there``: the files as they are in the container; ``image``: that of the list entry, None where it is missing.

    An entrypoint may give a file to another user or take rights away: mode and owner are as wanted where they were
    written so. A label that the container has from its image was not written by us.
    """
    own = _label_of(inspect["Config"])
    before = [_read(own)] + ([{}] if image is not None and own == _label_of(image.get("Config") or {}) else [])
    return all(_differ(wanted, there, one) for one in before)


def _differ(wanted: Mapping[str, File], there: Mapping[str, File | None], written: Json) -> bool:
    if set(wanted) != set(written):
        return True
    for path, file in wanted.items():
        now = there.get(path)
        if now is None or now[0] != file[0] or (now[1:] != file[1:] and list(file[1:]) != written[path]):
            return True
    return False


def _label_of(config: Json) -> str:
    return str((config.get("Labels") or {}).get(CONFIGS_LABEL, ""))


def _read(text: str) -> Json:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    return found if isinstance(found, dict) else dict.fromkeys(text.split())
