# SPDX-License-Identifier: GPL-3.0-or-later
"""The program ``netmode-keeper``: run, supervise, status."""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._engine.this_host import USUAL
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.record import load
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone

from .loop import Keeper
from .notes import read_state
from .status import status

if TYPE_CHECKING:
    from types import FrameType

SOCKET = f"unix://{USUAL}"
_PR_SET_PDEATHSIG = 1
_STEADY = 10.0
"""Seconds that a run must have lasted for the next start to be at once."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("netmode-keeper", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    asked = commands.add_parser(
        "status", help="what it keeps, how that is now, what it did last; ends with 1 if not all is right"
    )
    asked.add_argument(
        "--wait", type=float, default=0, metavar="SECONDS", help="until all is right, for as long at most"
    )
    for name, what in (("run", "in the foreground"), ("supervise", "started again whenever it fails")):
        command = commands.add_parser(name, help=f"keep interfaces and sharers, {what}")
        command.add_argument("--docker-host", default=SOCKET, help=f"the engine's socket ({SOCKET})")
        command.add_argument("--ignore", action="append", default=[], metavar="CONTAINER", help="leave it alone")
    given = parser.parse_args(arguments)
    if given.command == "status":
        lines, right = _await_right(given.wait)
        sys.stdout.write("\n".join([*lines, ""]))
        return 0 if right else 1
    keep = Keeping(given.docker_host, given.ignore)
    return keep.run() if given.command == "run" else keep.supervise()


def _await_right(seconds: float) -> tuple[list[str], bool]:
    """The status, once all is right, the time is over or, with a record that is wrong, no time will fix it."""
    end = time.monotonic() + seconds
    while True:
        lines, right = status(read_state().get("docker_host", SOCKET))
        if right or time.monotonic() >= end or load().wrong:
            return lines, right
        time.sleep(0.2)


class Keeping:
    def __init__(self, docker_host: str, ignore: list[str]) -> None:
        self.docker_host = docker_host
        self.ignore = ignore

    def run(self) -> int:
        """Does not return unless it cannot go on; says why, and never by a traceback."""
        try:
            if not self.docker_host.startswith("unix://"):
                raise NetmodeError(
                    f"--docker-host: {self.docker_host}: the keeper works on the engine's own host, by its socket. "
                    f"Give it one like {SOCKET}."
                )
            with alone("keeper", "netmode-keeper", self.docker_host, patient=False) as held:
                if not held:
                    raise NetmodeError("Another keeper runs on this host already (netmode-keeper status shows it).")
                Keeper(self.docker_host, self.ignore, _tell).run()
        except NetmodeError as error:
            _tell(str(error))
        return 1

    def supervise(self) -> int:
        """For hosts without an init system: a child does the work, and a new one when it fails."""
        child = 0

        def end(number: int, _: FrameType | None) -> None:
            if child:
                os.kill(child, number)
            raise SystemExit(0)

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        while True:
            begun = time.monotonic()
            child = os.fork()
            if child == 0:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
                os._exit(self.run())
            _, ended = os.waitpid(child, 0)
            child = 0
            _tell(f"the keeper ended (status {ended}) and is started again")
            if time.monotonic() - begun < _STEADY:
                time.sleep(_STEADY)


def _tell(line: str) -> None:
    """The journal dates what it is given; a plain log file does not."""
    journal = "JOURNAL_STREAM" in os.environ
    stamp = "" if journal else time.strftime("%Y-%m-%dT%H:%M:%S%z ")
    sys.stdout.write(f"{stamp}{line}\n")
    sys.stdout.flush()
