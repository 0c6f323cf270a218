# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's own program and process on this host, wherever they came from: a package, a snap, an archive."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ELSEWHERE = ("/snap/docker/current/bin/dockerd", "/opt/*/dockerd", "/opt/*/bin/dockerd", "/opt/*/sbin/dockerd")
UNITS = ("/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system")
_STARTS = re.compile(r"^ExecStart=[-@:+!]*(/\S*dockerd)\b", re.MULTILINE)


def read(path: Path) -> str:
    """A small file of the kernel's or of the init system's, empty where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


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


def find_processes() -> list[int]:
    """Every dockerd of this host: one in a PID or network namespace of its own is a container's or a rootless one."""
    own = [Path(f"/proc/self/ns/{kind}").stat().st_ino for kind in ("pid", "net")]
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        if read(entry / "comm").strip() != "dockerd":
            continue
        try:
            theirs = [(entry / "ns" / kind).stat().st_ino for kind in ("pid", "net")]
        except OSError:  # ended while it was looked at, or not ours to look at
            continue
        if theirs == own:
            found.append(int(entry.name))
    return sorted(found)


def is_installed() -> bool:
    """Whether this host has an engine at all, running or not."""
    return bool(find_processes()) or find_program() is not None
