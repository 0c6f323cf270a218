# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the keeper share: the service as its users see it, and what they ask their containers."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from lab import COLLECTIONS, IMAGE, MODULE_UTILS, Host, wait_until

Tell = Callable[[str], None]
"""Prints a measured figure past pytest's capture (fixture ``tell``)."""
ROLE = [{"hosts": "localhost", "gather_facts": False, "roles": ["netmode.docker.keeper"]}]
PROGRAM = "/usr/local/sbin/netmode-keeper"
OPEN = ("redis-server", "--protected-mode", "no", "--save", "")
"""The command of a Redis that answers others."""
LOG_FILE = "/var/log/netmode-keeper.log"
JOURNAL = "journalctl --sync; journalctl -q -o cat _SYSTEMD_UNIT=netmode-keeper.service _TRANSPORT=stdout"
MILLISECONDS = re.compile(r"\((?:decided in )?(\d+) ms")


INTERRUPTED = """
import os, signal, sys
from ansible_collections.netmode.docker.plugins.module_utils._engine.direct import LeanEngine
from ansible_collections.netmode.docker.plugins.module_utils._keeper import cli

left = int(sys.argv.pop(1))
change = LeanEngine.change

def one_by_one(*request, **query):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return change(*request, **query)

LeanEngine.change = one_by_one
cli.main(["run"])
"""
"""The keeper, killed before one of the changes that it asks the engine for: the first is number 0."""


_START = """
if [ -d /run/systemd/system ]; then systemctl enable -q netmode-keeper; else update-rc.d netmode-keeper defaults; fi
service netmode-keeper restart
"""
_END = """
[ ! -d /run/systemd/system ] || systemctl disable -q netmode-keeper
service netmode-keeper stop
"""


class Keeper:
    """The service on a host. Its log begins, for a test, where :meth:`begin` was called last."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._read = 0

    def install(self) -> None:
        """As it is by its role, without what a play costs."""
        made = self.host.run_module("keeper", {})
        assert not made.get("failed"), made
        self.host.sh(_START)
        self.host.run(PROGRAM, "status", "--wait=30")

    def remove(self) -> None:
        self.host.sh(_END, check=False)  # a test may have removed it
        gone = self.host.run_module("keeper", {"state": "absent", "force": True})
        assert not gone.get("failed"), gone

    def _log(self) -> list[str]:
        by_systemd = self.host.sh("test ! -d /run/systemd/system || echo yes")
        lines = self.host.sh(JOURNAL if by_systemd else f"cut -d' ' -f2- {LOG_FILE}", check=False).splitlines()
        return [line for line in lines if line]

    def begin(self) -> None:
        self._read = len(self._log())

    def log(self, words: str = "") -> list[str]:
        """The lines with these words, without their dates."""
        return [line for line in self._log()[self._read :] if words in line]

    def says(self, words: str, seconds: float = 20) -> str:
        """The first line with these words, waited for."""
        found: list[str] = wait_until(lambda: self.log(words), f"the keeper says {words!r}, not {self.log()}", seconds)
        return found[0]

    def pid(self) -> int:
        """Of the one that said last which it is; where it was started a moment ago that is waited for."""
        said: str = wait_until(lambda: self.host.sh("cat /run/netmode/keeper.json", check=False), "the keeper runs")
        return int(json.loads(said)["pid"])

    def processes(self) -> list[int]:
        """Those that run: the keeper, and where there is no init system its supervisor, which is the first."""
        return [int(pid) for pid in self.host.sh(f"pgrep -f '{PROGRAM} (run|supervise)'", check=False).split()]

    def status(self) -> tuple[int, str]:
        done = self.host.run(PROGRAM, "status", check=False)
        return done.returncode, done.stdout

    def is_right(self, seconds: float = 30) -> None:
        """Wait until ``status`` says that all is right."""
        wait_until(lambda: self.status()[0] == 0, f"all is right:\n{self.status()[1]}", seconds)

    def interrupted(self, change: int) -> bool:
        """Run it in the service's place until it is killed before a change; whether it came to that within 4 s."""
        self.host.write("/tmp/interrupted_keeper.py", INTERRUPTED)
        done = self.host.run(
            "timeout", "4", "/usr/bin/python3", "-B", "/tmp/interrupted_keeper.py", str(change), check=False,
            env={"PYTHONPATH": f"{COLLECTIONS}:{MODULE_UTILS}"},
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode in (-9, 137)

    def service(self, verb: str) -> None:
        self.host.run("service", "netmode-keeper", verb)


def own_time(line: str) -> int:
    """Milliseconds that the keeper itself needed for an act, as its line says."""
    found = MILLISECONDS.search(line)
    assert found, line
    return int(found[1])


def eth(container: str, last: int = 5, name: str = "eth0", **more: Any) -> dict[str, Any]:
    """An interface on docker0, for the list of the module ``interfaces``."""
    return {
        "container": container, "name": name, "bridge": "docker0", "addresses": [f"172.17.200.{last}/16"], **more
    }  # fmt: skip


def run(host: Host, name: str, *options: str, port: int = 6379, command: tuple[str, ...] = ()) -> str:
    """A container with a Redis that listens there, or with another command; its id."""
    return host.docker("run", "-d", "--name", name, *options, IMAGE, *(command or (*OPEN, "--port", str(port))))


def declare(host: Host, *wanted: dict[str, Any]) -> None:
    made = host.run_module("interfaces", {"interfaces": list(wanted)})
    assert not made.get("failed"), made["msg"]


def quickest(measure: Callable[[], tuple[float, int]], seconds: float, own: int) -> tuple[float, int]:
    """(seconds, milliseconds of the keeper's own) of the first of three tries within the limits, or of the last.

    They are limits of the keeper, not of whatever else the machine does at the moment.
    """
    for _ in range(3):
        found = measure()
        if found[0] < seconds and found[1] < own:
            break
    return found


def address(host: Host, name: str) -> str:
    """A donor's address on the default bridge."""
    return host.docker("inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", name)


def pongs(host: Host, at: str, port: int = 6379) -> float:
    """When Redis answered there, in seconds of the clock."""
    script = f"until redis-cli -h {at} -p {port} ping 2>/dev/null | grep -q PONG; do sleep 0.01; done; date +%s.%N"
    return float(host.sh(f"timeout 30 bash -c '{script}'"))


def starts(host: Host, since: float) -> list[tuple[float, str]]:
    """(seconds of the clock, container's name) of each start since then."""
    lines = host.docker(
        "events", "--since", f"{since:.3f}", "--until", f"{time.time():.3f}", "--filter", "event=start",
        "--format", "{{.TimeNano}} {{.Actor.Attributes.name}}",
    ).splitlines()  # fmt: skip
    return [(int(line.split()[0]) / 1e9, line.split()[1]) for line in lines]


def started(host: Host, name: str, since: float) -> float:
    """When a container was started last."""
    return max(at for at, who in starts(host, since) if who == name)


def counted(host: Host, since: float) -> Counter[str]:
    """Container's name → how often it was started since then."""
    return Counter(name for _, name in starts(host, since))


def restart_engine(host: Host, signal: str = "TERM") -> None:
    """End the engine and start it as the host's init system does. After KILL its containers have gone on meanwhile."""
    host.kill_engine(signal)
    host.start_engine()
