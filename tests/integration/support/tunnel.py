# SPDX-License-Identifier: GPL-3.0-or-later
"""A tunnel to an engine's socket, as ssh or a proxy makes one: what listens is not the engine."""

from __future__ import annotations

import socket
import socketserver
import tempfile
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True


@contextmanager
def tunnel(target: str, *, tcp: bool = False, at: str = "") -> Iterator[str]:
    """The docker_host of a tunnel to the unix socket ``target``: a unix socket, perhaps ``at`` a path, or a port of this host."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as engine, suppress(OSError):
                engine.connect(target)
                threading.Thread(target=_pump, args=(engine, self.request), daemon=True).start()
                _pump(self.request, engine)

    with tempfile.TemporaryDirectory(prefix="netmode-tunnel.") as directory:
        path = at or f"{directory}/docker.sock"
        with _Tcp(("127.0.0.1", 0), Handler) if tcp else _Unix(path, Handler) as listening:
            thread = threading.Thread(target=listening.serve_forever, daemon=True)
            thread.start()
            try:
                yield f"tcp://127.0.0.1:{listening.server_address[1]}" if tcp else f"unix://{path}"
            finally:
                listening.shutdown()
                thread.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(1 << 16):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
