# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's own program, process and unit on this host, wherever they came from: a package, a snap, an archive."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._host import regular
from ansible_collections.netmode.docker.plugins.module_utils._host.commands import PATHS

ELSEWHERE = ("/snap/docker/current/bin/dockerd", "/opt/*/dockerd", "/opt/*/bin/dockerd", "/opt/*/sbin/dockerd")
UNITS = ("/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system")
UNIT = "docker.service"
DEBIAN = ("-H", "fd://", "--containerd=/run/containerd/containerd.sock")
"""What the unit of Debian's and Docker's packages starts dockerd with, in every version."""
CONFIG_FILE = "/etc/docker/daemon.json"
_STARTS = re.compile(r"^ExecStart=[-@:+!]*(/\S*dockerd)\b", re.MULTILINE)


def read(path: Path) -> str:
    """A small file of the kernel's, the init system's or the engine's; empty where it cannot be read or is no file."""
    try:
        return (regular.read(path, follow=True) or b"").decode("utf-8", errors="replace")
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


def command_line(pid: int) -> list[str]:
    """What a running dockerd was started with."""
    return read(Path(f"/proc/{pid}/cmdline")).rstrip("\0").split("\0")[1:]


def values(arguments: list[str], *flags: str) -> list[str]:
    """The values of a flag that takes one, as ``--flag=VALUE`` or ``--flag VALUE``."""
    found = []
    for index, word in enumerate(arguments):
        flag, equals, value = word.partition("=")
        if flag in flags:
            found.append(value if equals else next(iter(arguments[index + 1 :]), ""))
    return found


def listens(arguments: list[str]) -> list[str]:
    """Where a dockerd with these arguments listens, as its flags or its configuration file say; empty: as usual."""
    said = configuration(arguments).get("hosts") or []
    return values(arguments, "-H", "--host") or [str(host) for host in said if isinstance(said, list)]


def configuration(arguments: list[str]) -> dict[str, Any]:
    """What a dockerd with these arguments reads from its configuration file; empty where that is none or no JSON."""
    path = next(reversed(values(arguments, "--config-file")), CONFIG_FILE)
    try:
        said = json.loads(read(Path(path)) or "{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def is_on(arguments: list[str], name: str, *, default: bool) -> bool:
    """A switch of a dockerd with these arguments, by its flag (the last one, without a value on) or in its file."""
    flags = [word.partition("=")[2] or "true" for word in arguments if word.partition("=")[0] == f"--{name}"]
    said = flags[-1] if flags else configuration(arguments).get(name, default)
    return str(said).lower() in ("true", "1", "t")


def serves(arguments: list[str], docker_host: str) -> bool:
    """Whether a dockerd with these arguments is the one at ``docker_host``."""
    hosts = listens(arguments) or ["unix:///var/run/docker.sock"]
    return any(host.startswith("fd://") or _place(host) == _place(docker_host) for host in hosts)


def running() -> dict[int, list[str]]:
    """Process → arguments of each dockerd of this host."""
    return {pid: command_line(pid) for pid in find_processes()}


def serving(docker_host: str) -> dict[int, list[str]]:
    """Those of them that are the one at ``docker_host``."""
    return {pid: arguments for pid, arguments in running().items() if serves(arguments, docker_host)}


def _place(host: str) -> str:
    """A socket by its true path. A port is told by none of the addresses that lead to it."""
    return os.path.realpath(host[len("unix://") :]) if host.startswith("unix://") else host.rpartition(":")[2]


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
