# SPDX-License-Identifier: GPL-3.0-or-later
"""Who still needs the keeper of a host: containers with recorded interfaces, and those that share another's network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._engine.installed import is_installed
from ansible_collections.netmode.docker.plugins.module_utils._engine.names import joined, own_names
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NobodyListensError
from ansible_collections.netmode.docker.plugins.module_utils._interfaces import record

from .notes import DONORS, read_names

if TYPE_CHECKING:
    from collections.abc import Iterable


def needed_by(docker_host: str, ignore: Iterable[str]) -> list[str]:
    """Names of containers, sorted. Where the engine cannot say, those that record and keeper have noted count."""
    recorded = {entry["container"] for entry in record.read().values()}
    try:
        listed = Engine(docker_host, 60).get("/containers/json", all=True)
    except NobodyListensError:
        return sorted({*recorded, *read_names(DONORS)} - set(ignore)) if is_installed() else []
    except NetmodeError:
        return sorted({*recorded, *read_names(DONORS)} - set(ignore))
    found = set()
    for item in listed:
        shares = bool(joined(str((item.get("HostConfig") or {}).get("NetworkMode"))))
        found |= {name for name in own_names(item) if shares or name in recorded}
    return sorted(found - set(ignore))
