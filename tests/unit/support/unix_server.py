# SPDX-License-Identifier: GPL-3.0-or-later
"""A server at a unix socket, for as long as a test needs it: a thread for each connection."""

from __future__ import annotations

import socketserver
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Whoever asked has gone."""


@contextmanager
def serving(path: Path, handler: type[socketserver.StreamRequestHandler]) -> Iterator[None]:
    with _Server(str(path), handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            listening.shutdown()
            thread.join()
