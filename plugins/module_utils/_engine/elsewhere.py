# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine whose socket does not show where it runs is asked what it says of itself, and believed if it is so here."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError

from .names import bridge_of
from .this_host import USUAL, WAY_OUT

if TYPE_CHECKING:
    from .client import Engine


class Told(NamedTuple):
    """What an engine says of itself."""

    info: dict[str, Any]
    bridges: tuple[str, ...]
    container: str
    """The id of one that runs, or empty."""
    pid: int
    """Of that container's first process."""


class Here(NamedTuple):
    """What this host shows by itself."""

    name: str
    kernel: str
    links: frozenset[str]
    group: str
    """The control groups of the process that has the number of the told container's; empty without such a process."""
    engine: str
    """The id of the engine at the usual socket, empty where none is."""


def require_own(engine: Engine) -> None:
    """NetmodeError for an engine of another host, which says twice what is not so here: what ends between two
    questions of one round is no sign of that.
    """
    usual = _usual(engine)
    try:
        require(engine.docker_host, _told(engine), usual)
    except NetmodeError:
        require(engine.docker_host, _told(engine), usual)


def _told(engine: Engine) -> Told:
    """What a tunnel to another host's engine would tell differently."""
    bridges = tuple(bridge for network in engine.get("/networks") if (bridge := bridge_of(network)))
    return Told(engine.get("/info"), bridges, *_running(engine))


def _running(engine: Engine) -> tuple[str, int]:
    """(id, process) of the container that was made first of those that still run, or nothing."""
    for listed in reversed(engine.get("/containers/json", filters={"status": ["running"]})):
        try:
            process = int(engine.get(f"/containers/{listed['Id']}/json")["State"]["Pid"])
        except NotFoundError:  # gone since the list was made
            continue
        if process:
            return str(listed["Id"]), process
    return "", 0


def _usual(engine: Engine) -> str:
    """The id of the engine at the usual socket, where one is that is certainly this host's."""
    try:
        usual = type(engine)(f"unix://{USUAL}", engine.timeout)
        return str(usual.get("/info")["ID"]) if usual.shows_where_it_runs() else ""
    except NetmodeError:
        return ""


def require(docker_host: str, told: Told, engine: str) -> None:
    """NetmodeError unless what an engine says of itself is so on this host. ``engine``: as in :class:`Here`."""
    links = frozenset(name for _, name in socket.if_nameindex())
    try:
        group = Path(f"/proc/{told.pid}/cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        group = ""
    why = why_elsewhere(told, Here(os.uname().nodename, os.uname().release, links, group, engine))
    if why:
        raise NetmodeError(f"docker_host: what answers at {docker_host} is an engine of another host: {why}. {WAY_OUT}")


def why_elsewhere(told: Told, here: Here) -> str:
    """What of it is not so on this host, or empty."""
    name, kernel, ident = (str(told.info.get(key) or "") for key in ("Name", "KernelVersion", "ID"))
    # A name that the engine drew is not another host's; docker0 is every one's.
    drawn = [bridge for bridge in told.bridges if bridge.startswith("br-")]
    telling = drawn or told.bridges
    if ident and ident == here.engine:
        return ""
    signs = (
        (name != here.name, f"it runs on {name}, and this is {here.name}"),
        (kernel != here.kernel, f"its kernel is {kernel}, this host's is {here.kernel}"),
        (
            told.container not in here.group,
            f"this host has no process {told.pid} of its container {told.container[:12]}",
        ),
        (
            telling and not here.links.intersection(telling),
            f"its bridge {min(telling, default='')} is not a link of this host",
        ),
        (
            here.engine and not told.container and not drawn,
            f"the engine at unix://{USUAL} is another, of one host name",
        ),
    )
    return next((why for wrong, why in signs if wrong), "")
