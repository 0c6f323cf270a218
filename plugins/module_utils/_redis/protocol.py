# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of the Redis protocol (RESP2) as it takes to ask a server. Standard library only."""

from __future__ import annotations

import errno
import socket
import time
from dataclasses import dataclass
from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import with_port

from . import tls
from .peer import peer_of, why_not
from .witness import listening

MAX_REPLY = 1 << 20
"""Bytes of one reply that are read at most: INFO is some 6 KB, and what listens may be anything."""

MAX_CLIENTS = 64 << 20
"""The same for CLIENT LIST, some 400 bytes for each client."""


@dataclass(frozen=True)
class Endpoint:
    """Where a Redis may be: ``socket`` (a path), or else ``host`` and ``port``. Times are seconds."""

    name: str
    host: str | None = None
    port: int = 6379
    socket: str | None = None
    username: str | None = None
    password: str | None = None
    container: str | None = None
    """Of a socket: the id of the container that its server runs in. Nothing is sent to another process."""
    witness: Endpoint | None = None
    """A socket whose server is asked whether it sees the connection: so an address is known without a password."""
    timeout: float | None = None
    """How long this one may take, where that is less than what all others may."""
    tls: tls.Tls | None = None
    """Of an address: how it is asked over TLS; None: plain."""

    @property
    def where(self) -> str:
        """The address as a person writes it."""
        if self.socket:
            return self.socket
        return with_port(str(self.host), self.port)


class ErrorReply(str):
    """What a server said after ``-``: ``NOAUTH Authentication required.``"""

    __slots__ = ()


class NotMeantError(Exception):
    """The server of a socket is another than the one that is meant; the message says why. It was sent nothing."""


class NotRedisError(Exception):
    """The peer answered with something that is no RESP reply. The message is its first line."""


def encode(*words: str) -> bytes:
    """One command as an array of bulk strings."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word.encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


class Connection:
    """One connection with one deadline for everything that is done over it."""

    def __init__(self, endpoint: Endpoint, timeout: float, limit: int = MAX_REPLY) -> None:
        self._limit = limit
        self._deadline = time.monotonic() + timeout
        self._buffer = b""
        if endpoint.socket:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self._socket.settimeout(timeout)
                self._socket.connect(endpoint.socket)
                secret = endpoint.password is not None
                why = why_not(self._socket, endpoint.socket, endpoint.container, secret=secret)
                if why:
                    raise NotMeantError(why)
            except (OSError, NotMeantError):
                self._socket.close()
                raise
        else:
            self._socket = socket.create_connection((endpoint.host, endpoint.port), timeout)
            if endpoint.tls:
                self._socket.settimeout(self._left())
                self._socket = tls.wrap(self._socket, endpoint.tls, str(endpoint.host))

    def listening(self) -> list[str] | None:
        """Where the server of a unix socket listens for TCP."""
        return listening(self._socket) if self._socket.family == socket.AF_UNIX else None

    def process(self) -> int:
        """Of the server of a unix socket, the number of its process; 0 where that is not to be seen."""
        return peer_of(self._socket).pid

    def certificate(self) -> dict[str, Any] | None:
        """That of the server, None without TLS."""
        return tls.certificate_of(self._socket)

    def close(self) -> None:
        """Close it; the server is told nothing."""
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send all of ``data`` before the deadline."""
        self._socket.settimeout(self._left())
        try:
            self._socket.sendall(data)
        except OSError as error:
            if isinstance(error, (socket.timeout, TimeoutError)):
                raise
            self._socket.recv(1)  # over TLS, why it was closed, such as that a certificate is required, was sent before
            raise

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        return left

    def _more(self) -> None:
        if len(self._buffer) > self._limit:
            raise NotRedisError(f"more than {self._limit} bytes without an end")
        self._socket.settimeout(self._left())
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionResetError(errno.ECONNRESET, "closed by the peer")
        self._buffer += data

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._more()
        line, _end, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def tree(self) -> Any:
        """The next reply, where it is an array a list of what each of its own is."""
        line = self._line()
        is_array = line[:1] == b"*" and line[1:].isdigit() and int(line[1:]) <= self._limit
        return [self.tree() for _ in range(int(line[1:]))] if is_array else self._value(line)

    def reply(self) -> str | None:
        """The next reply: a status or bulk string, an integer as text, None for nil, ErrorReply for an error."""
        return self._value(self._line())

    def _value(self, line: bytes) -> str | None:
        kind, rest = line[:1], line[1:].decode("utf-8", "replace")
        if kind in (b"+", b":"):
            return rest
        if kind == b"-":
            return ErrorReply(rest)
        if kind != b"$" or not rest.lstrip("-").isdigit() or int(rest) > self._limit:
            raise NotRedisError(line[:80].decode("utf-8", "replace"))
        size = int(rest)
        if size < 0:
            return None
        while len(self._buffer) < size + 2:
            self._more()
        data, self._buffer = self._buffer[:size], self._buffer[size + 2 :]
        return data.decode("utf-8", "replace")

    def replies(self) -> list[str | None] | None:
        """The next reply, an array of what ``reply`` returns; None for an error or nil."""
        line = self._line()
        if line[:1] == b"-":
            return None
        if line[:1] != b"*" or not line[1:].lstrip(b"-").isdigit() or int(line[1:]) > self._limit:
            raise NotRedisError(line[:80].decode("utf-8", "replace"))
        return [self.reply() for _ in range(int(line[1:]))] if int(line[1:]) >= 0 else None

    def tables(self) -> list[dict[str, str]] | None:
        """The next reply, an array of arrays of names and values in turn; None for an error."""
        line = self._line()
        if line[:1] == b"-":
            return None
        if line[:1] != b"*" or not line[1:].isdigit() or int(line[1:]) > self._limit:
            raise NotRedisError(line[:80].decode("utf-8", "replace"))
        rows = [[word or "" for word in self.replies() or ()] for _ in range(int(line[1:]))]
        return [dict(zip(row[::2], row[1::2])) for row in rows]


def parse_info(text: str) -> dict[str, str]:
    """The ``key:value`` lines of INFO."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))
    return {key: value.strip() for key, value in pairs}


def info_of(connection: Connection, *sections: str) -> dict[str, str]:
    """What a server says of itself in these sections of INFO; of one that it may not be asked for, nothing."""
    connection.send(b"".join(encode("INFO", section) for section in sections))
    found: dict[str, str] = {}
    for _ in sections:
        found.update(parse_info(str(connection.reply())))
    return found


def authentication(endpoint: Endpoint, password: str) -> tuple[str, ...]:
    return ("AUTH", *((endpoint.username,) if endpoint.username else ()), password)


def let_in(connection: Connection, endpoint: Endpoint) -> str:
    """Give the endpoint's password, if it has one. What the server says against it; empty where it says nothing."""
    if endpoint.password is None:
        return ""
    connection.send(encode(*authentication(endpoint, endpoint.password)))
    said = connection.reply()
    return str(said) if isinstance(said, ErrorReply) else ""
