# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role wants to know of a host, in one process and by the standard library alone: read only, a line of JSON.

Usage: ``python3 - SOCKET CONFIG WAIT [running]``. WAIT: seconds that the engine may take to answer on SOCKET; 0 asks
once. Waiting ends early when the engine's process ends, or does not appear. With ``running`` the containers that run
are told too, each with its restart policy.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PENDING = "/run/netmode-docker-engine"
SERVICE_INITS = ("init", "openrc-init", "runit", "s6-svscan", "procd", "upstart", "dinit")
APPEARS_WITHIN = 5
"""Seconds."""
PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Connection(http.client.HTTPConnection):
    """HTTP over the engine's socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(path: str, target: str) -> Any:
    """The engine's answer to GET ``target``, None when there is none."""
    connection = Connection(path)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        body = response.read()
        return json.loads(body) if response.status == 200 else None
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def init_system() -> str:
    """systemd, service or none: by what runs as process 1, not by what is installed and may be idle in a container."""
    first = read("/proc/1/comm").strip()
    if first == "systemd" and Path("/run/systemd/system").is_dir():
        return "systemd"
    return "service" if first in SERVICE_INITS else "none"


def engine_pid() -> int | None:
    """The process of dockerd in this PID namespace: that of a nested container's engine is not this host's."""
    own = Path("/proc/self/ns/pid").stat().st_ino
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if read(str(entry / "comm")).strip() == "dockerd" and (entry / "ns/pid").stat().st_ino == own:
                return int(entry.name)
        except OSError:  # noqa: PERF203 (ended while it was looked at)
            continue
    return None


def validates(dockerd: str | None) -> bool:
    """Whether this dockerd can check a configuration without starting (23.0 and later)."""
    if not dockerd:
        return False
    done = subprocess.run([dockerd, "--help"], capture_output=True, text=True, check=False)
    return "--validate" in done.stdout


def needed(dockerd: str | None) -> list[str]:
    """Debian's packages whose work nothing on this host does yet. An engine of another make keeps what it came with."""
    names = []
    if not dockerd:
        names.append("docker.io")
    if not dockerd or Path("/var/lib/dpkg/info/docker.io.list").exists():
        if not shutil.which("iptables", path=PATHS):
            names.append("iptables")
        if not shutil.which("docker", path=PATHS):
            names.append("docker-cli")
        if not Path("/etc/ssl/certs/ca-certificates.crt").exists():
            names.append("ca-certificates")
        if read("/sys/module/apparmor/parameters/enabled").strip() == "Y" and not shutil.which(
            "apparmor_parser", path=PATHS
        ):
            names.append("apparmor")
    if not importlib.util.find_spec("docker"):
        names.append("python3-docker")
    return names


def arguments(pid: int | None) -> list[str]:
    """What the running dockerd was started with: a restart without an init system must not lose it."""
    return read(f"/proc/{pid}/cmdline").rstrip("\0").split("\0")[1:] if pid else []


def pending(config: str) -> str:
    """What an interrupted run still owes the engine: none, reload or restart.

    The role leaves a note before it writes the file and removes it when the engine has taken the file. The note holds
    the file's checksum: where the file was not written after all, nothing is owed. A boot ends both, note and debt.
    """
    action, _, checksum = read(PENDING).strip().partition(" ")
    try:
        written = hashlib.sha256(Path(config).read_bytes()).hexdigest()
    except OSError:
        return "none"
    return action if checksum == written else "none"


def mode(config: str) -> str | None:
    try:
        return f"{stat.S_IMODE(Path(config).stat().st_mode):04o}"
    except OSError:
        return None


def live(path: str) -> dict[str, Any]:
    """The settings in force as the engine tells them, by their daemon.json keys; mirrors without their last slash."""
    info = ask(path, "/info")
    if not info:
        return {}
    return {
        "debug": info["Debug"],
        "labels": info["Labels"] or [],
        "live-restore": info["LiveRestoreEnabled"],
        "registry-mirrors": [mirror.rstrip("/") for mirror in info["RegistryConfig"]["Mirrors"] or []],
    }


def running(path: str) -> list[dict[str, str]]:
    """The containers that run, with what the engine does about them when it starts again."""
    found = []
    for entry in ask(path, "/containers/json") or []:
        detail = ask(path, f"/containers/{entry['Id']}/json")
        if detail:
            policy = detail["HostConfig"]["RestartPolicy"]["Name"] or "no"
            found.append({"id": entry["Id"], "name": detail["Name"].lstrip("/"), "restart": policy})
    return found


def wait(path: str, seconds: float) -> Any:
    """The engine's version, asked for until it answers, its process ends or the time is over.

    One that is started has a process within a moment: where none is seen for a while, it has ended already.
    """
    begun, seen = time.monotonic(), False
    while True:
        answer = ask(path, "/version")
        alive = engine_pid() is not None
        seen = seen or alive
        patience = seconds if alive else 0 if seen else min(seconds, APPEARS_WITHIN)
        if answer or time.monotonic() - begun >= patience:
            return answer
        time.sleep(0.1)


def main() -> None:
    path, config, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    dockerd = shutil.which("dockerd", path=PATHS)
    version = wait(path, seconds)
    pid = engine_pid()
    picture = {
        "root": os.geteuid() == 0,
        "init": init_system(),
        "dockerd": dockerd,
        "validates": validates(dockerd),
        "pid": pid,
        "arguments": arguments(pid),
        "answers": bool(version),
        "version": version["Version"] if version else None,
        "mode": mode(config),
        "pending": pending(config),
        "live": live(path) if version else {},
        "sdk": bool(importlib.util.find_spec("docker")),
        "needed": needed(dockerd),
        "running": running(path) if "running" in sys.argv[4:] else [],
    }
    sys.stdout.write(json.dumps(picture) + "\n")


main()
