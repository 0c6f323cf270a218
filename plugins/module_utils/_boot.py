# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that a host runs at each start, before the engine: by a unit of systemd, or as an init script."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils import _files
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._host.commands import PATHS, call

_ENABLE = (("update-rc.d", "{name}", "defaults"), ("chkconfig", "--add", "{name}"))
_UNIT = """\
# Written by Ansible: the collection netmode.docker.
[Unit]
Description={description}
# Also at each start of the engine, and after what takes away the rules of others when it starts itself.
Before=docker.service
After=nftables.service netfilter-persistent.service firewalld.service ufw.service

[Service]
Type=oneshot
ExecStart=/bin/sh {program}

[Install]
WantedBy=multi-user.target docker.service
"""


class Boot(NamedTuple):
    """``name``: that of the unit or of the init script. The program is a script of ``sh`` with a header for init."""

    name: str
    description: str
    root: Path = Path("/")

    @property
    def by_systemd(self) -> bool:
        return (self.root / "run/systemd/system").is_dir()

    @property
    def program(self) -> Path:
        return self.root / ("etc/netmode" if self.by_systemd else "etc/init.d") / self.name

    @property
    def _unit(self) -> Path:
        return self.root / f"etc/systemd/system/{self.name}.service"

    def read(self) -> str:
        """The text of the program; empty where there is none. NetmodeError for what is not a regular file."""
        return (_files.read(self.program) or b"").decode(errors="replace")

    def is_set(self, text: str) -> bool:
        """Whether the host will run a program of this text; an empty one: whether there is none of this name."""
        if not text:
            return not (self.program.exists() or self._unit.exists() or self._links())
        unit = not self.by_systemd or (_files.read(self._unit) or b"").decode(errors="replace") == self._unit_text()
        return self.read() == text and unit and bool(self._links())

    def set(self, text: str) -> str:
        """Have it run at each start from now on; a warning where this host has nothing that would, else ''."""
        self._write(self.program, text, 0o755)
        if self.by_systemd:
            self._write(self._unit, self._unit_text(), 0o644)
            _run("systemctl", "daemon-reload")
            _run("systemctl", "enable", self.name)
            return ""
        for command, *words in _ENABLE:
            if shutil.which(command, path=PATHS):
                _run(command, *(word.format(name=self.name) for word in words))
                return ""
        return f"This host has neither systemd, update-rc.d nor chkconfig: run {self.program} at each start yourself."

    def unset(self) -> None:
        if self.by_systemd and self._unit.exists():
            _run("systemctl", "disable", self.name)
        for path in (self.program, self._unit, *self._links()):
            path.unlink(missing_ok=True)
        if self.by_systemd:
            _run("systemctl", "daemon-reload")
            if self.program.parent.is_dir() and not any(self.program.parent.iterdir()):
                self.program.parent.rmdir()

    def run(self) -> None:
        """Now. NetmodeError with what it says."""
        _run("/bin/sh", str(self.program))

    def _links(self) -> list[Path]:
        """Those by which the host finds it at its start."""
        units = self.root / "etc/systemd/system"
        found = units.glob(f"*.wants/{self.name}.service"), self.root.glob(f"etc/rc[0-9S].d/[SK][0-9][0-9]{self.name}")
        return sorted(path for paths in found for path in paths)

    def _unit_text(self) -> str:
        return _UNIT.format(description=self.description, program=self.program)

    def _write(self, path: Path, text: str, mode: int) -> None:
        _files.make_directory(path.parent)
        _files.write(path, text.encode(), mode, (os.geteuid(), os.getegid()))


def _run(*command: str) -> None:
    done = call(*command)
    if done.returncode:
        raise NetmodeError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
