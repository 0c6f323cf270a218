# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine that ends in the middle of an answer: so many bytes of it are sent, and the connection breaks off."""

from __future__ import annotations

import socketserver
from contextlib import contextmanager
from typing import TYPE_CHECKING

from unix_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAD = b"Api-Version: 1.43\r\nServer: Docker/24.0.7 (linux)\r\nContent-Type: application/json\r\n"


def with_length(body: bytes, status: str = "200 OK", more: bytes = b"") -> bytes:
    return b"HTTP/1.1 %s\r\n%s%sContent-Length: %d\r\n\r\n%s" % (status.encode(), HEAD, more, len(body), body)


def to_the_end(body: bytes) -> bytes:
    """As to a client of HTTP/1.0: what is long, or goes on, has no length."""
    return b"HTTP/1.0 200 OK\r\n%s\r\n%s" % (HEAD, body)


def in_chunks(*bodies: bytes) -> bytes:
    """As to a client of HTTP/1.1."""
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body), body) for body in (*bodies, b""))
    return b"HTTP/1.1 200 OK\r\n%sTransfer-Encoding: chunked\r\n\r\n%s" % (HEAD, chunks)


class BreakingEngine:
    """Each connection takes one request, whose answer is ``answer`` up to ``until``."""

    def __init__(self) -> None:
        self.answer, self.until = b"", 0


@contextmanager
def breaking_engine(directory: Path) -> Iterator[BreakingEngine]:
    engine = BreakingEngine()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            length, chunked = 0, False
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                name, _, value = line.lower().partition(b":")
                length = int(value) if name == b"content-length" else length
                chunked = chunked or name == b"transfer-encoding"
            self.rfile.read(length)
            while chunked and (size := int(self.rfile.readline(), 16) + 2) > 2:
                self.rfile.read(size)
            self.wfile.write(engine.answer[: engine.until])

    with serving(directory / "docker.sock", Handler):
        yield engine
