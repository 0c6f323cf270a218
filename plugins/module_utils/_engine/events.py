# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine tells as it happens, and the moment at which an engine that was away is there again.

Nothing is asked again and again: the events come over an open connection, and the engine's socket is watched for by
inotify(7), which the standard library has no module for.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    from .client import Engine

_IN_CLOEXEC = 0o2000000
_IN_CREATE, _IN_MOVED_TO, _IN_ATTRIB = 0x100, 0x80, 0x4
_LISTENS_WITHIN = 5.0
"""Seconds between the moment that an engine makes its socket and the one that it listens there."""
_LONGEST = 30.0
"""Seconds after which an engine that does not answer, though its socket is there, is asked again."""


class Events:
    """The engine's events of containers from now on, as dicts of its API (type, Action, Actor, timeNano)."""

    def __init__(self, engine: Engine, *actions: str) -> None:
        self._engine = engine
        self._connection, self._rest = engine.stream("/events", filters={"type": ["container"], "event": list(actions)})
        self._connection.setblocking(False)

    def fileno(self) -> int:
        return self._connection.fileno()

    def read(self) -> list[dict[str, Any]]:
        """What has come since. UnreachableError once the connection has ended."""
        while True:
            try:
                chunk = self._connection.recv(1 << 16)
            except BlockingIOError:
                break
            except OSError as error:
                raise self._engine.stopped("listen to its events", error) from error
            if not chunk:
                raise self._engine.stopped("listen to its events", EOFError())
            self._rest += chunk
        *lines, self._rest = self._rest.split(b"\n")
        return [json.loads(line) for line in lines if line.strip()]

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def wait_for(engine: Engine, path: str, *actions: str) -> Events:
    """The events of an engine that may be away: as soon as it listens at the unix socket ``path``."""
    libc = ctypes.CDLL(None, use_errno=True)
    watching = libc.inotify_init1(_IN_CLOEXEC)
    if watching < 0:
        raise NetmodeError(f"inotify_init1: {os.strerror(ctypes.get_errno())}")
    try:
        directory = os.fsencode(Path(path).parent)
        if libc.inotify_add_watch(watching, directory, _IN_CREATE | _IN_MOVED_TO | _IN_ATTRIB) < 0:
            raise NetmodeError(f"{Path(path).parent}: {os.strerror(ctypes.get_errno())}")
        until = time.monotonic() + _LISTENS_WITHIN
        while True:
            try:
                return Events(engine, *actions)
            except NetmodeError:
                # Made and not listening yet: within moments. Otherwise something has to happen in its directory.
                young = time.monotonic() < until
            if select.select([watching], [], [], 0.05 if young else _LONGEST)[0]:
                os.read(watching, 1 << 16)
                until = time.monotonic() + _LISTENS_WITHIN
    finally:
        os.close(watching)
