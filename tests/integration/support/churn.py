# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers and links that come and go without pause, while others look at them."""

from __future__ import annotations

import subprocess
import threading
from typing import TYPE_CHECKING

from lab import IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable


class Churn:
    """Two threads until ``stop``: one with containers (and sharers), one with veths in and out of namespaces."""

    def __init__(self) -> None:
        self.rounds = 0
        self.errors: list[str] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._over, args=(turn,)) for turn in (self._containers, self._links)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _over(self, turn: Callable[[], None]) -> None:
        while not self._ended.is_set():
            turn()
            self.rounds += 1

    def _run(self, *argv: str, stdin: str = "") -> None:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            self.errors.append(f"{' '.join(argv)}: {done.stderr}")

    def _containers(self) -> None:
        waits = ("--entrypoint", "busybox", IMAGE, "sleep", "1000000")
        self._run("docker", "run", "--detach", "--name", "churn-a", *waits)
        self._run("docker", "run", "--detach", "--name", "churn-b", "--network", "container:churn-a", *waits)
        self._run("docker", "run", "--detach", "--name", "churn-c", "--network", "none", *waits)
        self._run("docker", "kill", "churn-a")
        self._run("docker", "rm", "--force", "--volumes", "churn-b", "churn-a", "churn-c")

    def _links(self) -> None:
        """A bridge with forty ports, made and taken down; and a namespace with the far ends that goes first."""
        names = [f"churn{n}" for n in range(40)]
        make = ["link add churn-br type bridge", *(f"link add {n} type veth peer name {n}p" for n in names)]
        join = [f"link set {n} master churn-br" for n in names]
        self._run("ip", "-batch", "-", stdin="\n".join(make + join) + "\n")
        self._run("ip", "netns", "add", "churn-ns")
        self._run("ip", "-batch", "-", stdin="\n".join(f"link set {n}p netns churn-ns" for n in names[:20]) + "\n")
        self._run(
            "ip", "-netns", "churn-ns", "-batch", "-", stdin="\n".join(f"link del {n}p" for n in names[:20]) + "\n"
        )
        self._run("ip", "netns", "del", "churn-ns")
        self._run("ip", "-batch", "-", stdin="\n".join(f"link del {n}" for n in ["churn-br", *names[20:]]) + "\n")
