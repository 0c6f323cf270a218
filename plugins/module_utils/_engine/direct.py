# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine for a process that stays on the host: the few changes that the keeper makes, by plain requests.

The Docker SDK would double the keeper's memory, to more than it may have, and cost its first act a tenth of a second.
The steps are those of ``_containers.apply``; only how a request is sent differs.
"""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from .client import Engine, target_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class LeanEngine(Engine):
    def require_sdk(self) -> None:
        """It is not needed."""

    @contextmanager
    def changing(self, what: str) -> Iterator[Any]:
        yield _Client(self, what)

    def wait(self, what: str, key: str, seconds: int, condition: str = "not-running") -> None:
        with suppress(TimeoutError):
            self._exchange(what, "POST", f"/containers/{key}/wait", within=seconds, condition=condition)

    def change(self, what: str, method: str, path: str, /, body: Any = None, within: int = 0, **query: Any) -> Any:
        """One request's decoded answer, given so many seconds beyond the timeout. ``what`` begins an error."""
        try:
            return self._exchange(what, method, path, body, within + self.timeout, **query)
        except TimeoutError as error:
            raise self.stopped(what, error) from error

    def _exchange(self, what: str, method: str, path: str, /, body: Any = None, within: int = 0, **query: Any) -> Any:
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        try:
            connection = self._send(target_of(path, query), method, data)
            connection.settimeout(within)
            status, reason, _, answer = self._answer(connection)
        except socket.timeout as error:  # TimeoutError itself only since Python 3.10
            raise TimeoutError from error
        except OSError as error:
            raise self.stopped(what, error) from error
        if status >= 400:
            self.refuse(what, status, reason, answer)
        return self._decoded(what, answer) if answer else None


class _Client:
    """The methods of the SDK's ``APIClient`` that a sharer's steps use, of the same names and meanings."""

    def __init__(self, engine: LeanEngine, what: str) -> None:
        self._engine = engine
        self._what = what

    def _post(self, path: str, body: Any = None, within: int = 0, **query: Any) -> Any:
        return self._engine.change(self._what, "POST", path, body, within, **query)

    def create_container_from_config(self, config: Any, name: str) -> Any:
        return self._post("/containers/create", config, name=name)

    def start(self, key: str) -> None:
        self._post(f"/containers/{key}/start")

    def stop(self, key: str, timeout: int) -> None:
        self._post(f"/containers/{key}/stop", within=timeout, t=timeout)

    def restart(self, key: str, timeout: int) -> None:
        self._post(f"/containers/{key}/restart", within=timeout, t=timeout)

    def kill(self, key: str, signal: str) -> None:
        self._post(f"/containers/{key}/kill", signal=signal)

    def unpause(self, key: str) -> None:
        self._post(f"/containers/{key}/unpause")

    def put_archive(self, key: str, path: str, data: bytes) -> None:
        self._engine.change(self._what, "PUT", f"/containers/{key}/archive", data, path=path)

    def rename(self, key: str, name: str) -> None:
        self._post(f"/containers/{key}/rename", name=name)

    def remove_container(self, key: str, *, force: bool, v: bool) -> None:
        self._engine.change(self._what, "DELETE", f"/containers/{key}", force=force, v=v)
