# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster-aware client that writes all the while, as a program: cluster_writer.py LIBRARY PLACES PREFIX PASSWORD [CA]

LIBRARY is redis (redis-py) or valkey (valkey-py); PLACES are ADDRESS:PORT with commas between. It follows redirections
as its library does and tries nothing again: each number is sent once, to one of a few lists that lie all over the
slots, and is either acknowledged or not. So no acknowledged number may be missing from its list in the end.

A line on its input ends a phase of that name, which is answered by a line of JSON::

    {"name": "upgrade", "sent": 5210, "answered": 5210, "gap": 0.21, "errors": {}}

``gap``: the longest time in seconds between two acknowledgements of one list, so that one shard that is away is not
hidden by the others. ``errors``: what was said instead of an acknowledgement, and how often. PASSWORD=… changes the
password for connections to come, and is no phase; neither is ANSWERED, which is answered by true once every list has
had another acknowledgement, and by false where that takes a minute. At the end of its input it reads all lists, and the last line has
how many acknowledged numbers of each phase are lost: ``{"lost": {"upgrade": 0}, "twice": 0}``.
"""

from __future__ import annotations

import importlib
import json
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

PROGRAM = str(Path(__file__).resolve())
LISTS = 12
_PAUSE = 0.002
"""Seconds between two writes: what a small machine has time for beside the nodes."""
ANSWERS_WITHIN = 3.0


class Writer(threading.Thread):
    """Writes until it is ended."""

    def __init__(self, library: str, places: list[str], prefix: str, password: str, ca: str = "") -> None:
        super().__init__(daemon=True)
        self._library, self._places, self._prefix = library, places, prefix
        self._password, self._ca = password, ca
        self._lists = [f"{prefix}-{number}" for number in range(LISTS)]
        self.acknowledged: list[tuple[int, str]] = []
        """Each number, and the phase that it is of."""
        self._lock, self._ends, self._anew = threading.Condition(), threading.Event(), threading.Event()
        self._number = 0
        self._last: dict[str, float] = {}
        self._begin()

    def _begin(self) -> None:
        self._sent = self._answered = 0
        self._gap, self._errors = 0.0, Counter[str]()

    def client(self) -> Any:
        cluster: Any = importlib.import_module(f"{self._library}.cluster")
        retry = importlib.import_module(f"{self._library}.retry").Retry
        backoff = importlib.import_module(f"{self._library}.backoff").NoBackoff
        client = getattr(cluster, "RedisCluster" if self._library == "redis" else "ValkeyCluster")
        nodes = [
            cluster.ClusterNode(host, int(port)) for host, _, port in (one.rpartition(":") for one in self._places)
        ]
        given: dict[str, Any] = {"ssl": True, "ssl_ca_certs": self._ca} if self._ca else {}
        given.update(
            {"retry": retry(backoff(), 0)} if self._library == "redis" else {"cluster_error_retry_attempts": 0}
        )
        return client(
            startup_nodes=nodes,
            password=self._password,
            socket_timeout=ANSWERS_WITHIN,
            socket_connect_timeout=1.0,
            **given,
        )

    def run(self) -> None:
        client = None
        while not self._ends.is_set():
            self._number += 1
            number, key = self._number, self._lists[self._number % LISTS]
            if self._anew.is_set():
                self._anew.clear()
                client = None
            try:
                client = client or self.client()
                client.rpush(key, str(number))
            except Exception as error:  # noqa: BLE001 (whatever a library says instead of an acknowledgement)
                with self._lock:
                    self._sent += 1
                    self._errors[f"{type(error).__name__}: {error}"[:120]] += 1
            else:
                self._take(number, key)
            self._ends.wait(_PAUSE)

    def _take(self, number: int, key: str) -> None:
        with self._lock:
            now = time.monotonic()
            self._gap = max(self._gap, now - self._last.get(key, now))
            self._last[key] = now
            self._sent += 1
            self._answered += 1
            self.acknowledged.append((number, ""))
            self._lock.notify_all()

    def phase(self, name: str) -> dict[str, Any]:
        """What has been since the last one. A gap that has not ended yet counts in both."""
        with self._lock:
            now = time.monotonic()
            gap = max([self._gap, *(now - last for last in self._last.values())])
            told = {"name": name, "sent": self._sent, "answered": self._answered, "gap": round(gap, 3)}
            told["errors"] = dict(self._errors.most_common(5))
            self.acknowledged = [(number, phase or name) for number, phase in self.acknowledged]
            self._begin()
        return told

    def answered(self) -> bool:
        since = time.monotonic()
        with self._lock:
            return self._lock.wait_for(lambda: len(self._last) == LISTS and min(self._last.values()) > since, 60)

    def change(self, password: str) -> None:
        self._password = password
        self._anew.set()

    def end(self) -> dict[str, Any]:
        self._ends.set()
        self.join(30)
        client, kept = self.client(), Counter[int]()
        for key in self._lists:
            kept.update(map(int, client.lrange(key, 0, -1)))
        lost = Counter(phase for number, phase in self.acknowledged if not kept[number])
        twice = sum(times > 1 for times in kept.values())
        return {"lost": {phase: lost[phase] for _, phase in self.acknowledged}, "twice": twice}


def main() -> None:
    library, places, prefix, password, *ca = sys.argv[1:]
    writer = Writer(library, places.split(","), prefix, password, *ca)
    writer.start()
    for line in sys.stdin:
        name = line.strip()
        if name.startswith("PASSWORD="):
            writer.change(name.partition("=")[2])
        elif name == "ANSWERED":
            print(json.dumps(writer.answered()), flush=True)
        else:
            print(json.dumps(writer.phase(name)), flush=True)
    print(json.dumps(writer.end()), flush=True)


if __name__ == "__main__":
    main()
