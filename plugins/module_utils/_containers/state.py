# SPDX-License-Identifier: GPL-3.0-or-later
"""What was observed of a host's containers, and the steps of a plan."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._engine import defaults as engine_defaults
from ansible_collections.netmode.docker.plugins.module_utils._engine.names import joined, resolve
from ansible_collections.netmode.docker.plugins.module_utils._engine.version import version

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

NEW_SUFFIX = ".netmode-new"
"""A container that is to take over a name, while the old one still runs."""
OLD_SUFFIX = ".netmode-old"
"""A container that was replaced and is about to be removed."""
STARTING = frozenset({"create", "recreate", "start", "restart"})
"""Actions of steps after which a container holds its ports."""


class Host(NamedTuple):
    """What was observed."""

    names: dict[str, str]
    """Container name → id."""
    modes: dict[str, str]
    """Container id → the engine's NetworkMode."""
    states: dict[str, str]
    """Container id → running, exited, created, paused, restarting, dead."""
    marks: dict[str, str]
    """Container id → the list entry's name that it was made for (label), where there is one."""
    published: dict[str, list[tuple[str, str, str]]]
    """Container id → (host address, host port, protocol) that it publishes now."""
    addresses: dict[str, dict[str, list[str]]]
    """Container id → {network: addresses that it holds there}; only a running container holds one."""
    namespaces: dict[str, int]
    """Container id → inode of its network namespace; absent where it does not run or may not be seen."""
    inspected: dict[str, Json]
    """Container id → inspect, for those that the list names, their donors and their sharers."""
    images: dict[str, Json]
    """Image reference → inspect; a missing one is not in it. A container's by its id, where the list names another."""
    networks: dict[str, Json]
    """Network name → the engine's description."""
    contents: dict[str, dict[str, tuple[str, int, int, int] | None]]
    """Container id → {path: (content, mode, uid, gid)} for the paths that ``configs`` names."""
    cpus: int = 0
    """How many CPUs the engine has; 0 where nobody asked."""
    limits_swap: bool = True
    """Whether the kernel can limit swap; looked up where a container's is not limited."""
    host_name: str = ""
    """The host's own name."""
    twins: Mapping[str, list[str]] = MappingProxyType({})
    """Network name → ids, where the engine has several of one name."""
    pending: frozenset[str] = frozenset()
    """In check mode: networks, containers and images by name that a task before this one would make or start."""
    restarted: Mapping[str, str] = MappingProxyType({})
    """Entry name → why its container is to be restarted, whether or not anything differs."""
    takes_ipv6: bool = True
    """Whether what is published on all addresses is published on those of IPv6 too."""
    defaults: engine_defaults.Defaults = engine_defaults.BUILT_IN
    """What the engine gives a container that asks for nothing."""
    version: str = ""
    """The engine's."""
    ties: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    """Container id → {id: pid, ipc or link} of those that it needs besides its network donor; see ``with_ties``."""

    def find(self, reference: str) -> str | None:
        """The id of a container by name, id or unambiguous beginning of an id, as the engine resolves it."""
        return resolve(reference, self.modes, self.names)

    def donor(self, key: str) -> str | None:
        """The id of the container that this one joins, None where it joins none or that one is gone."""
        reference = joined(self.modes.get(key, ""))
        return self.find(reference) if reference else None

    def name(self, key: str) -> str:
        return next((name for name, owner in self.names.items() if owner == key), key[:12])

    def sharers(self, key: str) -> list[str]:
        """Ids of the containers that join this one, by name for a stable order."""
        return sorted((other for other in self.modes if self.donor(other) == key), key=self.name)

    def dependants(self, key: str, *, links: bool) -> list[str]:
        """Ids of the containers that join any namespace of this one, or are linked to it, by name."""
        tied = {other for other, needs in self.ties.items() if needs.get(key) in ("pid", "ipc", links and "link")}
        return sorted({*self.sharers(key), *tied}, key=self.name)

    def vanishes(self, key: str) -> bool:
        """Whether the engine deletes the container, with its volumes that have no name, the moment that it stops."""
        found = self.inspected.get(key)
        return bool(found and found["HostConfig"].get("AutoRemove")) and self.runs(key)

    def runs(self, key: str) -> bool:
        return self.states.get(key) in ("running", "paused", "restarting")


class Step(NamedTuple):
    action: str
    """create, recreate, clone, start, restart, unpause, stop, remove, rename, update, connect, disconnect."""
    name: str
    reason: str
    container: str
    """The id it acts on; empty for create."""
    data: Json
    """create, recreate: body, endpoints, configs, start; recreate: unused and left, names of volumes; proven, nothing
    that a start judges differs from the container that runs; clone: donor, start; recreate, clone: dependants, what is
    restarted if the old one has to be put back; update: body; rename: to;
    connect: network, endpoint; recreate, stop, remove: grace, the entry's stop_grace_period in seconds or None;
    remove, rename: early, it has a name that a new container is to be given."""


class Plan(NamedTuple):
    steps: list[Step]
    differences: dict[str, dict[str, tuple[Any, Any]]]
    """Entry name → {option: (now, wanted)}."""


def started(inspect: Json) -> str:
    """When the container was started last, comparable as text: RFC 3339 in UTC with nanoseconds, zeros not cut."""
    stamp = str(inspect["State"]["StartedAt"]).rstrip("Z")
    seconds, _, fraction = stamp.partition(".")
    return f"{seconds}.{fraction:0<9}"


def restart_keeps(engine_version: str) -> bool:
    """Whether the engine's own restart keeps a container of ``docker run --rm``: before 23 not always (moby#43751)."""
    return version(engine_version) >= (23,)


def vanishes(inspect: Json) -> bool:
    """Whether the engine deletes the container, with its volumes that have no name, the moment that it stops."""
    running = inspect["State"].get("Status") in ("running", "paused", "restarting")
    return bool(inspect["HostConfig"].get("AutoRemove")) and running
