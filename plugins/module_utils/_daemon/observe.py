# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker Engine on a host: installed, configured, running, answering. Read only, and there need be none."""

from __future__ import annotations

import hashlib
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
from typing import TYPE_CHECKING, Any

from ansible.module_utils.common.sys_info import get_distribution, get_distribution_version
from ansible_collections.netmode.docker.plugins.module_utils import _files
from ansible_collections.netmode.docker.plugins.module_utils._engine import dockerd, installed
from ansible_collections.netmode.docker.plugins.module_utils._engine.dockerd import read
from ansible_collections.netmode.docker.plugins.module_utils._engine.names import bridge_of
from ansible_collections.netmode.docker.plugins.module_utils._engine.version import version
from ansible_collections.netmode.docker.plugins.module_utils._errors import (
    NetmodeError,
    NotFoundError,
    UnreachableError,
)
from ansible_collections.netmode.docker.plugins.module_utils._facts.build import configured
from ansible_collections.netmode.docker.plugins.module_utils._host.commands import PATHS
from ansible_collections.netmode.docker.plugins.module_utils._kernel.netlink import Netlink

from . import secrets

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

NOTE = Path("/run/netmode-docker-engine")
"""Where the role notes what the engine owes to a configuration that was written."""
SERVICE_INITS = ("init", "openrc-init", "runit", "s6-svscan", "procd", "upstart", "dinit")
VALIDATES_SINCE = (23,)
APPEARS_WITHIN = 5
"""Seconds."""


def observe(
    engine: Engine, config_file: str, wait: int, reloaded_since: float | None, *, with_running: bool
) -> dict[str, Any]:
    """All that the module returns, the text of the configuration included. NetmodeError for what answers and is no use.

    ``wait``: the seconds that the engine may take to answer and, given ``reloaded_since``, to reload.
    """
    until = time.monotonic() + wait
    answers = _await(engine, wait)
    reloaded = answers and reloaded_since is not None and _await_reload(engine, reloaded_since, until)
    pid, others = processes(engine.docker_host)
    program = installed.find_program(pid)
    content = _content(config_file)
    init = init_system()
    given = dockerd.command_line(pid) if pid else installed.future_arguments(program) if init == "systemd" else []
    return {
        "time": time.time(),
        "root": os.geteuid() == 0,
        "python": sys.executable,
        "distribution": get_distribution(),
        "distribution_version": get_distribution_version(),
        "init": init,
        "unit": installed.unit_of(pid),
        "dockerd": program,
        "validates": validates(program, engine.version if answers else ""),
        "pid": pid,
        "arguments": given,
        "reads": next(iter(dockerd.values(given, "--config-file")), None),
        "others": [] if answers else others,
        "docker_host": engine.docker_host,
        "answers": answers,
        "reloaded": reloaded,
        "version": engine.version if answers else None,
        "config": config(config_file, content),
        "pending": pending(content),
        "bridge": bridge(engine) if answers else None,
        "sdk": bool(importlib.util.find_spec("docker")),
        "needed": needed(installed=bool(program) or answers),
        "running": running(engine) if answers and with_running else [],
    }


def processes(docker_host: str) -> tuple[int | None, list[dict[str, Any]]]:
    """The engine's process at ``docker_host``, and those of this host's engines that listen elsewhere."""
    given = dockerd.running()
    ours = [pid for pid, arguments in given.items() if dockerd.serves(arguments, docker_host)]
    others = [{"pid": pid, "hosts": dockerd.listens(given[pid])} for pid in given if pid not in ours]
    return next(iter(ours), None), others


def _await(engine: Engine, seconds: float) -> bool:
    """Whether it answers: asked until it does, its process ends or the time is over.

    One that is started has a process within a moment: where none is seen for a while, it has ended already.
    """
    begun, seen = time.monotonic(), False
    while True:
        if _answers(engine):
            return True
        alive = processes(engine.docker_host)[0] is not None
        seen = seen or alive
        patience = seconds if alive else 0 if seen else min(seconds, APPEARS_WITHIN)
        if time.monotonic() - begun >= patience:
            return False
        time.sleep(0.1)


def _await_reload(engine: Engine, since: float, until: float) -> bool:
    """Whether the engine has taken a changed configuration: the event of that comes only when all of it was taken."""
    while True:
        kind = {"type": ["daemon"], "event": ["reload"]}
        # Up to now, so that the answer ends.
        if engine.get_bytes("/events", since=f"{since:.6f}", until=f"{time.time():.6f}", filters=kind).strip():
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(0.1)


def _answers(engine: Engine) -> bool:
    try:
        engine.get("/version")
    except UnreachableError:
        return False
    return True


def init_system() -> str:
    """systemd, service or none: by what runs as process 1, not by what is installed and may be idle in a container."""
    first = read(Path("/proc/1/comm")).strip()
    if first == "systemd" and Path("/run/systemd/system").is_dir():
        return "systemd"
    return "service" if first in SERVICE_INITS else "none"


def validates(program: str | None, running: str) -> bool:
    """Whether this dockerd can check a configuration without starting: 23.0 and later. ``running``: what answers."""
    if not program:
        return False
    if version(running) >= VALIDATES_SINCE:
        return True
    done = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    return "--validate" in done.stdout


def needed(*, installed: bool) -> list[str]:
    """Debian's packages whose work nothing on this host does yet. An engine of another make keeps what it came with."""
    names = []
    if not installed:
        names.append("docker.io")
    if not installed or Path("/var/lib/dpkg/info/docker.io.list").exists():
        if not shutil.which("iptables", path=PATHS):
            names.append("iptables")
        if not shutil.which("docker", path=PATHS):
            names.append("docker-cli")
        if not Path("/etc/ssl/certs/ca-certificates.crt").exists():
            names.append("ca-certificates")
        confined = read(Path("/sys/module/apparmor/parameters/enabled")).strip() == "Y"
        if confined and not shutil.which("apparmor_parser", path=PATHS):
            names.append("apparmor")
    if not importlib.util.find_spec("docker"):
        names.append("python3-docker")
    return names


def _content(path: str) -> bytes | None:
    """That of the engine's configuration file, None where there is none."""
    try:
        return _files.read(Path(path), follow=True)
    except NetmodeError as error:
        raise NetmodeError(f"config_file: {error}") from None
    except OSError as error:
        raise NetmodeError(f"config_file: {path} cannot be read ({error.strerror}). Root can (become: true).") from None


def config(path: str, content: bytes | None) -> dict[str, Any]:
    """The engine's configuration file. ``text`` is None where it cannot be decoded, and not to be shown if secret."""
    if content is None:
        return {"exists": False, "mode": None, "text": "", "secret": False}
    try:
        text: str | None = content.decode()
        secret = secrets.holds(json.loads(content)) if content.strip() else False
    except UnicodeDecodeError:
        text, secret = None, True
    except (ValueError, RecursionError):
        secret = True  # who knows
    mode = f"{stat.S_IMODE(Path(path).stat().st_mode):04o}"
    return {"exists": True, "mode": mode, "text": text, "secret": secret}


def pending(content: bytes | None) -> str:
    """What an interrupted run still owes the engine: none, reload or restart. ``content``: its configuration file's.

    The role leaves a note before it writes the file and removes it when the engine has taken the file. The note holds
    the file's checksum: where the file was not written after all, nothing is owed. A boot ends both. An engine that was
    down (start) reads the file by itself, whoever starts it.
    """
    action, _, checksum = read(NOTE).strip().partition(" ")
    owed = content is not None and checksum == hashlib.sha256(content).hexdigest()
    return action if owed and action in ("reload", "restart") else "none"


def bridge(engine: Engine) -> dict[str, Any] | None:
    """The default network's bridge: as the engine says, and its addresses as the kernel says. None without one."""
    try:
        network = engine.get("/networks/bridge")
    except NotFoundError:
        return None
    name, said = bridge_of(network) or "", configured(network)
    with Netlink() as kernel:
        addresses = [address for address in kernel.addresses() if address["family"] == socket.AF_INET]
    index = next((number for number, link in socket.if_nameindex() if link == name), None)
    ipv4 = [address["address"] for address in addresses if address["ifindex"] == index]
    return {"name": name, "subnet": said["subnet"], "gateway": said["gateway"], "ipv4": ipv4}


def running(engine: Engine) -> list[dict[str, str]]:
    """The containers that run, with what the engine does about them when it starts again."""
    found = []
    for entry in engine.get("/containers/json"):
        try:
            detail = engine.get(f"/containers/{entry['Id']}/json")
        except NotFoundError:
            continue
        policy = detail["HostConfig"]["RestartPolicy"]["Name"] or "no"
        found.append({"id": entry["Id"], "name": detail["Name"].lstrip("/"), "restart": policy})
    return found
