# SPDX-License-Identifier: GPL-3.0-or-later
"""The redis.conf of a container that is about to be replaced, which goes back with it: its server may know no other."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils import _files
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._host import regular

if TYPE_CHECKING:
    from collections.abc import Callable

Instance = dict[str, Any]

FILE = ".before"
"""Beside redis.conf, and root's alone."""


def keep(instance: Instance, content: str | None, write: Callable[[Path, bytes, tuple[int, int]], None]) -> None:
    """``content``: of the redis.conf that it has; None where its container is not going to be replaced."""
    if content is None:
        forget(instance)
    else:
        write(_path(instance), content.encode(), (os.geteuid(), os.getegid()))


def put_back(instance: Instance) -> None:
    """NetmodeError: it cannot be written."""
    conf = Path(instance["directory"]) / "redis.conf"
    try:
        content = _kept(instance)
        if content is not None:
            _files.write(conf, content, 0o600, (instance["uid"], instance["gid"]))
            forget(instance)
    except OSError as error:
        raise NetmodeError(f"instance {instance['name']}: {error.filename}: {error.strerror}.") from error


def content(instance: Instance) -> str:
    """The redis.conf that a container has been started with which is about to be replaced; '' where there is none.

    NetmodeError: it cannot be read.
    """
    try:
        found = _kept(instance)
        if found is None:
            found = _files.read(Path(instance["directory"]) / "redis.conf")
    except OSError as error:
        raise NetmodeError(f"instance {instance['name']}: {error.filename}: {error.strerror}.") from error
    return (found or b"").decode(errors="replace")


def _kept(instance: Instance) -> bytes | None:
    path = _path(instance)
    there = regular.found(path)
    # The directory is the container's as well: what somebody else has put there is not what was kept.
    if there is None or (there.st_mode, there.st_uid) != (stat.S_IFREG | 0o600, os.geteuid()):
        return None
    return _files.read(path)


def forget(instance: Instance) -> None:
    _path(instance).unlink(missing_ok=True)


def _path(instance: Instance) -> Path:
    return Path(instance["directory"]) / FILE
