# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's own program and unit on this host, wherever they came from: a package, a snap, an archive."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

from ansible_collections.netmode.docker.plugins.module_utils._host.commands import PATHS

from .dockerd import find_processes, read

ELSEWHERE = ("/snap/docker/current/bin/dockerd", "/opt/*/dockerd", "/opt/*/bin/dockerd", "/opt/*/sbin/dockerd")
UNITS = ("/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system")
UNIT = "docker.service"
DEBIAN = ("-H", "fd://", "--containerd=/run/containerd/containerd.sock")
"""What the unit of Debian's and Docker's packages starts dockerd with, in every version."""
_STARTS = re.compile(r"^ExecStart=[-@:+!]*(/\S*dockerd)\b", re.MULTILINE)


def find_program(pid: int | None = None) -> str | None:
    """Where dockerd lies: what runs (``pid``), is in the usual directories, or is started by a unit of systemd."""
    if pid:
        try:
            running = str(Path(f"/proc/{pid}/exe").readlink())
        except OSError:  # not ours to look at, or ended
            running = ""
        if Path(running).is_file():  # its file may have been replaced since, or lie in a container
            return running
    usual = shutil.which("dockerd", path=PATHS)
    if usual:
        return usual
    started = (Path(program) for unit in unit_files() for program in _STARTS.findall(read(unit)))
    placed = (path for pattern in ELSEWHERE for path in Path("/").glob(pattern.lstrip("/")))
    return next((str(path) for path in (*started, *placed) if path.is_file()), None)


def unit_files() -> list[Path]:
    """Units of systemd that may start an engine, those first that win."""
    return [path for directory in UNITS for path in sorted(Path(directory).glob("*docker*.service"))]


def is_installed() -> bool:
    """Whether this host has an engine at all, running or not."""
    return bool(find_processes()) or find_program() is not None


def unit_of(pid: int | None) -> str:
    """The unit of systemd that runs a dockerd, or would start the one that does not run."""
    groups = read(Path(f"/proc/{pid}/cgroup")) if pid else ""
    running = re.findall(r"/([^/\n]+\.service)$", groups, re.MULTILINE)
    starting = [path.name for path in unit_files() if _STARTS.search(read(path))]
    return next(iter([*running, *([UNIT] if UNIT in starting else starting)]), UNIT)


def unit_arguments(unit: str) -> list[str]:
    """What systemd would start the unit's dockerd with, drop-ins and its files of variables taken in."""
    asked = ["systemctl", "show", unit, "-p", "ExecStart", "-p", "EnvironmentFiles"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    command = re.search(r"argv\[\]=\S+ ?(.*?) ; ignore_errors=", said)
    variables: dict[str, str] = {}
    for path in re.findall(r"EnvironmentFiles=(\S+)", said):
        for line in read(Path(path)).splitlines():
            name, equals, value = line.strip().partition("=")
            if equals and not name.startswith("#"):
                variables[f"${name}"] = " ".join(_words(value))
    words = [] if command is None else command.group(1).split()
    return [word for given in words for word in (_words(variables.get(given, "")) if given[:1] == "$" else [given])]


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quotation that does not end
        return text.split()


def future_arguments(program: str | None) -> list[str]:
    """What systemd will start an engine with that does not run; Debian's unit, where none is installed yet."""
    if program:
        return unit_arguments(unit_of(None))
    own = Path(f"/etc/systemd/system/{UNIT}.d").glob("*.conf")
    return [] if any("ExecStart" in read(path) for path in own) else list(DEBIAN)
