# SPDX-License-Identifier: GPL-3.0-or-later
"""A socket that retells the real engine's answers, changed: for engines and faults that cannot be had here."""

from __future__ import annotations

import http.client
import json
import socket
import socketserver
import tempfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HANG = object()
"""Returned by a retelling: the request is never answered."""

CLOSE = object()
"""Returned by a retelling: the connection is closed without an answer, as by an engine that is killed."""

GONE = object()
"""Returned by a retelling: the engine knows no such object (any more)."""

DROPPED = (
    *("Bridge", "HairpinMode", "LinkLocalIPv6Address", "LinkLocalIPv6PrefixLen", "SecondaryIPAddresses"),
    *("SecondaryIPv6Addresses", "EndpointID", "Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPAddress"),
    *("IPPrefixLen", "IPv6Gateway", "MacAddress"),
)
"""What API 1.52 no longer has directly in NetworkSettings, nor MacAddress in Config."""


def without_top_level(answer: Any) -> Any:
    """An answer of the engine as API 1.52 gives it: addresses in ``Networks`` only."""
    if isinstance(answer, list):
        return [without_top_level(entry) for entry in answer]
    if isinstance(answer, dict) and "NetworkSettings" in answer:
        settings = {key: value for key, value in answer["NetworkSettings"].items() if key not in DROPPED}
        answer = {**answer, "NetworkSettings": settings}
        if "Config" in answer:
            answer["Config"] = {key: value for key, value in answer["Config"].items() if key != "MacAddress"}
    return answer


class _Upstream(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/var/run/docker.sock")


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextmanager
def retold_engine(
    retell: Callable[[str, Any], Any], api_version: str | None = None, server: str | None = None
) -> Iterator[str]:
    """Yields the URL of a socket that anyone may use; ``retell(path, answer)`` makes the answer that it gives."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            upstream = _Upstream("localhost")
            upstream.request("GET", self.path)
            response = upstream.getresponse()
            told = retell(self.path, json.loads(response.read()))
            if told is HANG:
                ended.wait()
            if told in (HANG, CLOSE):
                self.close_connection = True
                return
            body = json.dumps({"message": "No such container"} if told is GONE else told).encode()
            self.send_response_only(404 if told is GONE else response.status)
            self.send_header("Api-Version", api_version or response.headers["Api-Version"])
            self.send_header("Server", server or response.headers["Server"])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Nothing: a test that fails says enough."""

    with tempfile.TemporaryDirectory(prefix="netmode-engine.") as directory:
        Path(directory).chmod(0o755)
        path = Path(directory) / "docker.sock"
        with _Server(str(path), Handler) as listening:
            path.chmod(0o666)
            thread = threading.Thread(target=listening.serve_forever, daemon=True)
            thread.start()
            try:
                yield f"unix://{path}"
            finally:
                ended.set()
                listening.shutdown()
                thread.join()
