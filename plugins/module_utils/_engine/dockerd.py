# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's own processes on this host: what they were started with, and where they listen."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._host import regular

CONFIG_FILE = "/etc/docker/daemon.json"


def read(path: Path) -> str:
    """A small file of the kernel's, the init system's or the engine's; empty where it cannot be read or is no file."""
    try:
        return (regular.read(path, follow=True) or b"").decode("utf-8", errors="replace")
    except OSError:
        return ""


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
