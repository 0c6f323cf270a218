# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at instances: their containers, their running servers, where their data lies, and their backups."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError
from ansible_collections.netmode.docker.plugins.module_utils._redis import check, modules, operator, servers

from . import files, server
from .state import Seen

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
    from ansible_collections.netmode.docker.plugins.module_utils._redis.check import Around

    from .state import Instance, Told

Json = dict[str, Any]

_WITHIN = 10.0
"""Seconds that a server has to say what it is and has."""


def observe(engine: Engine, instances: list[Instance], backup_dir: str) -> list[Seen]:
    """NetmodeError: there can be no backups in ``backup_dir``."""
    around = check.observe(engine)
    known = modules.settled(engine, operator.with_passwords(check.on_host(instances, around)))
    return [_seen(engine, one, around, backup_dir) for one in known]


def _seen(engine: Engine, instance: Instance, around: Around, backup_dir: str) -> Seen:
    name = instance["name"]
    inspect: Json = {}
    with suppress(NotFoundError):
        inspect = engine.get(f"/containers/{quote(name, safe='')}/json")
    status = inspect["State"]["Status"] if inspect else "absent"
    told, silent = _told(instance, inspect["Id"]) if status == "running" else (None, f"its container is {status}")
    place = servers.path_of(instance["volume"], around.volumes)
    try:
        backups = files.listed(files.directory_of(backup_dir, name))
    except PermissionError as error:
        raise NetmodeError(f"{error.filename}: permission denied. Run with become: true.") from None
    there = place if place is not None and place.is_dir() else None
    return Seen(instance, inspect.get("Id", ""), status, inspect.get("Image", ""), there, told, silent, backups)


def _told(instance: Instance, container: str) -> tuple[Told | None, str]:
    try:
        with server.connected(server.endpoint_of(instance, container), _WITHIN) as own:
            return server.ask(own), ""
    except NetmodeError as error:
        return None, str(error)
