# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that writes all the while, run on a host: writer.py SOCKET LIST PASSWORD [aloud]

It ends when its input does.

Appends 1, 2, 3, … to a list, each once the one before was acknowledged, and prints as JSON how far it came and how long
Redis was away: ``{"acknowledged": 4711, "gaps": [seconds, …]}``, gaps being the ten longest times between two
acknowledgements. A write that was sent and not acknowledged is looked up before it is sent again.

SOCKET is a path or ADDRESS:PORT. Aloud, each number is a line as soon as it is acknowledged, for one whose host may go
down, and a hundred a second are enough.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time


def command(*words: str) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in (word.encode() for word in words))


class Client:
    def __init__(self, path: str, password: str) -> None:
        address, _, port = path.rpartition(":")
        self.socket = socket.socket(socket.AF_INET if port.isdigit() else socket.AF_UNIX)
        self.socket.settimeout(5)
        self.socket.connect((address, int(port)) if port.isdigit() else path)
        self.replies = self.socket.makefile("rb")
        if self.ask("AUTH", password) != "+OK":
            raise OSError("refused")

    def ask(self, *words: str) -> str:
        self.socket.sendall(command(*words))
        line = self.replies.readline().decode().strip()
        if not line or line.startswith("-"):
            raise OSError(line or "closed")  # also while it loads its data
        return line


def main() -> None:
    path, key, password, *aloud = sys.argv[1:]
    acknowledged, last, gaps, client = 0, time.monotonic(), [], None
    while not select.select([sys.stdin], [], [], 0)[0]:
        try:
            if client is None:
                client = Client(path, password)
                acknowledged = max(acknowledged, int(client.ask("LLEN", key)[1:]))
            client.ask("RPUSH", key, str(acknowledged + 1))
        except OSError:
            client = None
            select.select([sys.stdin], [], [], 0.002)
            continue
        acknowledged += 1
        now = time.monotonic()
        gaps = sorted([*gaps, now - last], reverse=True)[:10]
        last = now
        if aloud:
            print(acknowledged, flush=True)
            time.sleep(0.01)
    print(json.dumps({"acknowledged": acknowledged, "gaps": [round(gap, 3) for gap in gaps]}))


main()
