# SPDX-License-Identifier: GPL-3.0-or-later
"""What the keeper sees of a host: the containers that it keeps, and why sharers are down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NotFoundError
from ansible_collections.netmode.docker.plugins.module_utils._facts.build import compose

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._engine.direct import LeanEngine

    Facts = dict[str, Any]

_REFUSALS = ("non running container", "No such container", "network namespace", "namespace path", "is restarting")
"""What the engine says of a sharer that it could not start without its donor."""


class Down(NamedTuple):
    refused: set[str]
    """Sharers that the engine could not start without their donor."""
    unknown: list[str]
    """Those that the engine may be about to start by itself."""


def kept(seen: Facts, ignore: Collection[str]) -> Facts:
    """The containers of ``docker_network`` but those that are to be left alone."""
    return {name: one for name, one in compose(seen)["containers"].items() if name not in ignore}


def down(engine: LeanEngine, containers: Facts, donors: Mapping[str, str], owed: Mapping[str, str]) -> Down:
    """``owed``: sharers that the keeper itself has begun to stop and start, so nobody else has stopped them."""
    why = {name: _why_down(engine, containers[name], containers.get(donors[name])) for name in donors}
    why.update({name: "refused" for name in owed.keys() & why.keys() if why[name]})
    refused = {name for name, word in why.items() if word == "refused"}
    return Down(refused, [name for name, word in why.items() if word == "unknown"])


def _why_down(engine: LeanEngine, sharer: Facts, donor: Facts | None) -> str:
    """``refused``: the engine could not start it without its donor; ``unknown``: it may try yet; ``stopped``."""
    if sharer["status"] not in ("exited", "created") or donor is None or donor["status"] != "running":
        return ""
    try:
        found = engine.get(f"/containers/{sharer['id']}/json")
    except NotFoundError:
        return ""
    if found["HostConfig"]["RestartPolicy"]["Name"] in ("", "no"):
        return "stopped"
    if any(sign in found["State"]["Error"] for sign in _REFUSALS):
        return "refused"
    return "unknown"
