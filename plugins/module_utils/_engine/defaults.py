# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine gives a container that asks for nothing: its own settings, which its API does not tell.

They are in its configuration file and on its command line. Where these cannot be read, or were changed since the engine
started, nothing is known: then only what a list entry asks for is compared.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._compose import values
from ansible_collections.netmode.docker.plugins.module_utils._host import regular

from . import dockerd

Json = dict[str, Any]

SHM_SIZE = 64 * 2**20
"""The engine's /dev/shm where no setting says another."""


class Defaults(NamedTuple):
    known: bool = True
    shm_size: int = SHM_SIZE
    ulimits: tuple[tuple[str, int, int], ...] = ()
    """(name, soft, hard)."""
    init: bool = False
    log_driver: str = "json-file"
    log_opts: tuple[tuple[str, str], ...] = ()


BUILT_IN = Defaults()
UNKNOWN = Defaults(known=False)


def told(current: Json, wanted: Json, defaults: Defaults) -> Json:
    """A container's ``shm_size``, ``ulimits`` and ``init`` as they are to be compared with what is wanted.

    A default that the entry did not ask for is told as wanted, the present one and that of an engine without settings,
    which an old container may still have.
    """
    shm_size = defaults.shm_size if current["shm_size"] is None else current["shm_size"]
    init = defaults.init if current["init"] is None else current["init"]
    usual = shm_size in (defaults.shm_size, SHM_SIZE) or not defaults.known
    return {
        "shm_size": None if not wanted["shm_size"] and usual else shm_size,
        "init": None if wanted["init"] is None and (init == defaults.init or not defaults.known) else init,
        "ulimits": _ulimits(current["ulimits"] or [], wanted["ulimits"] or [], defaults),
    }


def outdated(inspect: Json, given: Json, defaults: Defaults) -> list[str]:
    """What a container has otherwise than one that the engine would make now, where the list asks for nothing.
    It was made before the engine's settings were changed, or manually with an option that a list entry has no name for.
    ``given``: the entry's parsed options.
    """
    if not defaults.known:
        return []
    host = inspect["HostConfig"]
    log = host.get("LogConfig") or {}
    pairs: list[tuple[str, Any, Any]] = [("log driver", log.get("Type") or defaults.log_driver, defaults.log_driver)]
    if not given.get("shm_size") and host.get("ShmSize") is not None:
        pairs.append(("shm_size in bytes", host["ShmSize"], defaults.shm_size))
    if log.get("Type") == defaults.log_driver:
        options = log.get("Config") or {}
        pairs += [(f"log option {name}", options.get(name, "none"), value) for name, value in defaults.log_opts]
    return [f"{what}: {now}, not {then}" for what, now, then in pairs if now != then]


def _ulimits(current: list[Json], wanted: list[Json], defaults: Defaults) -> list[Json]:
    """Those of the container, and those that it has by default where the entry asks for the very same."""
    asked = {item["Name"]: item for item in wanted}
    there = {item["Name"]: item for item in current}
    given = {name: {"Name": name, "Soft": soft, "Hard": hard} for name, soft, hard in defaults.ulimits}
    found = [item for name, item in there.items() if name in asked or (defaults.known and item != given.get(name))]
    return found + [item for name, item in given.items() if name not in there and asked.get(name) == item]


def read(docker_host: str) -> Defaults:
    """Of the engine that is there."""
    serving = dockerd.serving(docker_host)
    if len(serving) != 1:
        return UNKNOWN
    ((pid, arguments),) = serving.items()
    path = Path((dockerd.values(arguments, "--config-file") or [dockerd.CONFIG_FILE])[-1])
    try:
        if path.stat().st_mtime > _started(pid):
            return UNKNOWN
        config = json.loads(regular.read(path, follow=True) or "{}")
    except FileNotFoundError:
        config = {}
    except (OSError, ValueError):
        return UNKNOWN
    try:
        return parse(config, arguments)
    except (ValueError, KeyError, TypeError, AttributeError):
        return UNKNOWN


def _started(pid: int) -> float:
    """When a process was started, in seconds since 1970."""
    fields = dockerd.read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    uptime = float(dockerd.read(Path("/proc/uptime")).split()[0])
    return time.time() - uptime + int(fields[19]) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def parse(config: Json, arguments: list[str]) -> Defaults:
    """From the content of daemon.json and the command line of dockerd, of which neither repeats the other."""
    ulimits = {
        name: (int(limit["Soft"]), int(limit["Hard"])) for name, limit in (config.get("default-ulimits") or {}).items()
    }
    for flag in dockerd.values(arguments, "--default-ulimit"):
        name, _, limit = flag.partition("=")
        soft, _, hard = limit.partition(":")
        ulimits[name] = int(soft), int(hard or soft)
    shm_size = [config.get("default-shm-size") or SHM_SIZE, *dockerd.values(arguments, "--default-shm-size")][-1]
    log_opts = {name: str(value) for name, value in (config.get("log-opts") or {}).items()}
    log_opts.update(flag.partition("=")[::2] for flag in dockerd.values(arguments, "--log-opt"))
    driver = [config.get("log-driver") or BUILT_IN.log_driver, *dockerd.values(arguments, "--log-driver")][-1]
    init = bool(config.get("init")) or any(flag in arguments for flag in ("--init", "--init=true"))
    limits = tuple((name, *both) for name, both in ulimits.items())
    return Defaults(True, values.size(shm_size), limits, init, driver, tuple(sorted(log_opts.items())))
