# SPDX-License-Identifier: GPL-3.0-or-later
"""Data of a Redis in the file system of a container's own, which goes with the container: of one that does not run.

One that runs says itself where its data is.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._engine.archive import head_of
from ansible_collections.netmode.docker.plugins.module_utils._errors import NotFoundError

from . import data

if TYPE_CHECKING:
    from collections.abc import Collection

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

_DELETED = 2
"""A kind of change, as the engine says it."""
_SUFFIXES = (".rdb", ".aof")


def data_in(engine: Engine, key: str, names: Collection[str]) -> str:
    """The path of what holds data, or empty. ``names``: of files that may hold it beside those with Redis' suffixes."""
    for change in engine.get(f"/containers/{key}/changes") or ():
        path = PurePosixPath(change["Path"])
        may_be = change["Kind"] != _DELETED and (path.suffix in _SUFFIXES or path.name in names)
        if may_be and _holds(engine, key, path):
            return str(path)
    return ""


def _holds(engine: Engine, key: str, path: PurePosixPath) -> bool:
    try:
        return data.holds(*head_of(engine, key, str(path), data.HEAD))
    except NotFoundError:  # a link to nothing
        return False
