# SPDX-License-Identifier: GPL-3.0-or-later
"""Two cluster-aware clients of different libraries, who write on the machine that the lab's hosts are on.

So they reach every host over the network, and no host that goes down takes them along.
"""

from __future__ import annotations

import json
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from cluster_writer import PROGRAM
from hosts import LAB

LIBRARIES = ("redis", "valkey")


class Told(NamedTuple):
    """Of one client through one operation."""

    operation: str
    library: str
    sent: int
    answered: int
    gap: float
    errors: dict[str, int]


class Clients:
    """Both of them. Every operation that is named is a phase of theirs."""

    def __init__(self, places: list[str], password: str, ca: str = "") -> None:
        given = (",".join(places), password, *([ca] if ca else []))
        path = f"PYTHONPATH={sysconfig.get_path('purelib')}"
        command = (str(LAB), "run", "--", "env", path, "/usr/bin/python3", "-B", PROGRAM)
        self._processes = {
            library: subprocess.Popen(
                [*command, library, given[0], f"written-by-{library}", *given[1:]],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for library in LIBRARIES
        }  # fmt: skip
        self.told: list[Told] = []
        self.notes: list[str] = []
        self.lost: dict[str, dict[str, int]] = {}
        """Library to how many acknowledged writes of each operation are missing in the end."""
        self.twice: dict[str, int] = {}

    def _say(self, line: str) -> None:
        for process in self._processes.values():
            assert process.stdin
            process.stdin.write(line + "\n")
            process.stdin.flush()

    def ended(self, operation: str) -> list[Told]:
        """What came of the time since the operation before this one."""
        self._say(operation)
        found = []
        for library, process in self._processes.items():
            assert process.stdout
            said = json.loads(process.stdout.readline())
            found.append(Told(operation, library, said["sent"], said["answered"], said["gap"], said["errors"]))
        self.told += found
        return found

    def are_answered(self) -> bool:
        """Once each shard has acknowledged something to both."""
        self._say("ANSWERED")
        return all(json.loads(process.stdout.readline()) for process in self._processes.values() if process.stdout)

    def change(self, password: str) -> None:
        self._say(f"PASSWORD={password}")

    def end(self) -> None:
        for library, process in self._processes.items():
            said = json.loads(process.communicate(timeout=120)[0])
            self.lost[library], self.twice[library] = said["lost"], said["twice"]

    def kill(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def lines(self) -> list[str]:
        """For people, one for each operation and client."""
        found = []
        for one in self.told:
            lost: Any = self.lost.get(one.library, {}).get(one.operation, "?")
            errors = "".join(f"\n    {times} times {error}" for error, times in one.errors.items())
            told = f"{one.answered}/{one.sent} answered, longest gap {one.gap:.2f} s, {lost} lost"
            found.append(f"{one.operation:<28} {one.library + '-py':<10} {told}{errors}")
        return [*found, *self.notes]

    def shown(self, capsys: pytest.CaptureFixture[str]) -> None:
        """They end, and what came of it is printed."""
        self.end()
        with capsys.disabled():
            print("\n" + "\n".join(self.lines()))

    def lost_nothing(self, *but: str) -> None:
        for library, lost in self.lost.items():
            assert not any(number for operation, number in lost.items() if operation not in but), (library, lost)


def was_planned(told: list[Told], idle: list[Told]) -> None:
    """``idle``: of a time in which nothing was changed, which tells what the machine itself holds up.

    A library that asks a node for its slots just as that ends is not answered, and asks another.
    """
    least = 2 * max(one.gap for one in idle)
    for one in told:
        assert one.gap < max(1, least), (one, idle)
        assert one.answered > 100, one
        assert one.sent - one.answered <= one.sent / 1000, one


@contextmanager
def writing(places: list[str], password: str, ca: str = "") -> Iterator[Clients]:
    clients = Clients(places, password, ca)
    try:
        yield clients
    finally:
        clients.kill()
