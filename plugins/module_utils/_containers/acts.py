# SPDX-License-Identifier: GPL-3.0-or-later
"""The small acts on one container that the steps of a plan are made of.

``name``: what messages call the container; ``key``: its id. A message of a NetmodeError begins with the name and what
was tried, and the engine's own words follow.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

Json = dict[str, Any]

_TASK_EXISTS = re.compile(r"\btask [0-9a-f]{64}: already exists")
"""What Docker before 24 says where it was killed in the middle of a start that containerd then finished without it."""
_LOST_TASK = (
    "The engine was killed while it started this container: containerd has its process, which the engine does not know "
    "of. Restart the engine, which takes it back, and run this again"
)


def changing(engine: Engine, name: str, what: str) -> Any:
    """A context with the client for one change."""
    return engine.changing(f"{name}: {what}")


def inspected(engine: Engine, key: str) -> Json:
    """NotFoundError: it is gone."""
    found: Json = engine.get(f"/containers/{key}/json")
    return found


def is_running(engine: Engine, key: str) -> bool:
    return bool(inspected(engine, key)["State"]["Running"])


def start(engine: Engine, name: str, key: str) -> None:
    try:
        with changing(engine, name, "start") as client:
            client.start(key)
    except NetmodeError as error:
        why = _LOST_TASK if _TASK_EXISTS.search(str(error)) else _ended_donor(engine, key)
        if not why:
            raise
        raise NetmodeError(f"{str(error).rstrip('.')}. {why}") from error


def _ended_donor(engine: Engine, key: str) -> str:
    """What is to be said of a sharer's donor that does not run: the engine names it by its id, if at all."""
    mode, _, donor = inspected(engine, key)["HostConfig"]["NetworkMode"].partition(":")
    if mode != "container":
        return ""
    try:
        found = inspected(engine, donor)
    except NotFoundError:
        return ""
    if found["State"]["Running"]:
        return ""
    name = found["Name"].lstrip("/")
    return f"Its donor {name} does not run (status {found['State']['ExitCode']}): docker logs {name} says why"


def unpause(engine: Engine, name: str, key: str) -> None:
    with changing(engine, name, "unpause") as client:
        client.unpause(key)


def rename(engine: Engine, name: str, key: str, new: str) -> None:
    with changing(engine, name, f"rename to {new}") as client:
        client.rename(key, new)


def discard(engine: Engine, name: str, key: str) -> None:
    """Remove a new container, with its volumes that have no name, which nothing was put into."""
    with changing(engine, name, "remove what could not be used") as client:
        client.remove_container(key, force=True, v=True)


def remove(engine: Engine, name: str, key: str) -> None:
    """The container goes, its volumes stay."""
    with changing(engine, name, "remove the container that was replaced") as client:
        client.remove_container(key, force=True, v=False)


def connect(engine: Engine, name: str, key: str, network: str, endpoint: Json) -> None:
    """``endpoint``: the engine's EndpointSettings."""
    body = {"Container": key, "EndpointConfig": endpoint}
    engine.post(f"{name}: connect to the network {network}", f"/networks/{network}/connect", body)


def disconnect(engine: Engine, name: str, key: str, network: str) -> None:
    with changing(engine, name, f"disconnect from the network {network}") as client:
        client.disconnect_container_from_network(key, network)
