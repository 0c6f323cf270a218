# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that writes all the while, as a thread, or as a program on a host: writer.py SOCKET LIST PASSWORD [aloud]

It appends 1, 2, 3, … to a list, each once the one before was acknowledged. A write that was sent and not acknowledged
is looked up before it is sent again. So the list is to be the numbers up to at least the last acknowledged, each once.

As a program it ends when its input does, and prints as JSON how far it came and how long Redis was away:
``{"acknowledged": 4711, "gaps": [seconds, …]}``, gaps being the ten longest times between two acknowledgements. SOCKET
is a path or ADDRESS:PORT, or several with commas between, tried one after the other. Aloud, each number is a line as soon as it is acknowledged, for one whose host may go down,
and a hundred a second are enough.
"""

from __future__ import annotations

import itertools
import json
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


PROGRAM = str(Path(__file__).resolve())


def command(*words: str) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in (word.encode() for word in words))


class Client:
    """One connection. OSError: refused, closed, or an error is the answer, also while it loads its data."""

    def __init__(self, path: str, password: str) -> None:
        address, _, port = path.rpartition(":")
        self.socket = socket.socket(socket.AF_INET if port.isdigit() else socket.AF_UNIX)
        self.socket.settimeout(5)
        try:
            self.socket.connect((address, int(port)) if port.isdigit() else path)
            self.replies = self.socket.makefile("rb")
            if self.ask("AUTH", password) != "+OK":
                raise OSError("refused")
        except OSError:
            self.socket.close()
            raise

    def ask(self, *words: str) -> str:
        self.socket.sendall(command(*words))
        line = self.replies.readline().decode().strip()
        if not line or line.startswith("-"):
            raise OSError(line or "closed")
        return line


class Writer(threading.Thread):
    """Writes until it is ended.

    ``where``: a path or ADDRESS:PORT, asked for again for each connection; '' while there is none, None where there is
    to be none, which is no gap. ``told`` is called with each number as soon as it is acknowledged.
    """

    def __init__(
        self,
        key: str,
        where: Callable[[], str | None],
        password: str,
        pause: float = 0.0,
        told: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__(daemon=True)
        self.key, self.where, self.password, self.pause, self._told = key, where, password, pause, told
        self.sent = self.acknowledged = 0
        self.gaps: list[float] = []
        """The ten longest times between two acknowledgements, the longest first."""
        self._ends = threading.Event()
        self._last = time.monotonic()

    def run(self) -> None:
        client = None
        while not self._ends.is_set():
            try:
                if client is None:
                    client = self._connect()
                    self._take(max(self.acknowledged, int(client.ask("LLEN", self.key)[1:])))
                self.sent += 1
                client.ask("RPUSH", self.key, str(self.acknowledged + 1))
            except OSError:
                if client is not None:
                    client.socket.close()
                client = None
                self._ends.wait(0.002)
                continue
            self._take(self.acknowledged + 1)
            if self.pause:
                self._ends.wait(self.pause)

    def _connect(self) -> Client:
        place = self.where()
        if place is None:
            self._last = time.monotonic()
        if not place:
            raise OSError("nowhere")
        return Client(place, self.password)

    def _take(self, number: int) -> None:
        if number > self.acknowledged:
            now = time.monotonic()
            self.gaps = sorted([*self.gaps, now - self._last], reverse=True)[:10]
            self._last, self.acknowledged = now, number
            if self._told:
                self._told(number)

    def longest(self) -> float:
        """The longest gap since this was last asked for."""
        found, self.gaps = max(self.gaps, default=0.0), []
        return found

    def end(self) -> None:
        self._ends.set()
        self.join(30)


def main() -> None:
    path, key, password, *aloud = sys.argv[1:]
    places = itertools.cycle(path.split(","))
    writer = Writer(
        key, lambda: next(places), password, *([0.01, lambda number: print(number, flush=True)] if aloud else [])
    )
    writer.start()
    sys.stdin.read()
    writer.end()
    print(json.dumps({"acknowledged": writer.acknowledged, "gaps": [round(gap, 3) for gap in writer.gaps]}))


if __name__ == "__main__":
    main()
