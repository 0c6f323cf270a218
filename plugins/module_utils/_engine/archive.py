# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a container, as the engine hands them out: in an archive, which has no length and may be cut off."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

    from .client import Engine


def get_archive(engine: Engine, key: str, path: str) -> bytes:
    """A whole tar archive with what is at ``path`` in a container. NotFoundError where nothing is."""
    where = f"/containers/{key}/archive"
    body = engine.get_bytes(where, path=path)
    try:
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            tar.getmembers()
    except tarfile.TarError as error:
        raise engine.stopped(f"GET {where}", error) from None
    return body


def head_of(engine: Engine, key: str, path: str, limit: int) -> tuple[bytes, int]:
    """The first bytes of a file in a container, and its size; nothing of what is not a regular file. No more is read.

    NotFoundError where nothing is.
    """
    connection, received = engine.stream(f"/containers/{key}/archive", path=path)
    with connection, io.BufferedReader(_Rest(connection, received)) as body:
        try:
            with tarfile.open(fileobj=body, mode="r|") as tar:
                member = tar.next()
                stream = tar.extractfile(member) if member and member.isreg() else None
                return (stream.read(limit), member.size) if member and stream else (b"", 0)
        except (tarfile.TarError, OSError) as error:
            raise engine.stopped(f"GET /containers/{key}/archive", error) from None


class _Rest(io.RawIOBase):
    """What comes over a connection after ``received``."""

    def __init__(self, connection: socket.socket, received: bytes) -> None:
        self._connection = connection
        self._received = received

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        given = self._received[: len(buffer)] or self._connection.recv(len(buffer))
        self._received = self._received[len(given) :]
        buffer[: len(given)] = given
        return len(given)
