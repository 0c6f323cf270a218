# SPDX-License-Identifier: GPL-3.0-or-later
"""What was observed of an instance and of its backups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.netmode.docker.plugins.module_utils._redis.formats import Server

Json = dict[str, Any]
Instance = dict[str, Any]
"""As the module ``redis_config`` is given it, with the numbers that its user has on the host."""


class Told(NamedTuple):
    """What a running server says of itself (INFO, CONFIG GET)."""

    server: Server
    run_id: str
    role: str
    """master or slave."""
    link: bool
    """Of a replica: it is connected to its master, and has its data."""
    loading: bool
    keys: dict[int, int]
    """Database → keys, where there are any."""
    modules: dict[str, str]
    """Name → version."""
    directory: str
    dump: str
    saves: int
    """How many dumps it has begun since it was started."""
    last_save: int
    """Seconds since 1970."""
    saved: bool
    """The last dump was written."""
    busy: bool
    """It writes a dump."""
    changes: int
    """Since the last dump."""
    loaded: int
    """Keys that its last start found in its data, those included whose time was over."""


class Mark(NamedTuple):
    """One moment of one server. Where another one is equal to it, and nothing was changed since, so is the data."""

    run_id: str
    saves: int
    last_save: int


def mark_of(told: Told) -> Mark:
    return Mark(told.run_id, told.saves, told.last_save)


class Backup(NamedTuple):
    """A dump that lies on the host, and what its manifest says."""

    file: Path
    manifest: Json

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def number(self) -> int:
        """Its place in the order in which the backups of its instance were made."""
        given = self.manifest.get("number")
        return given if isinstance(given, int) else 0


class Seen(NamedTuple):
    """What was observed of one instance."""

    instance: Instance
    container: str
    """The id of its container; '' where there is none."""
    status: str
    """running, exited, … as the engine says."""
    image: str
    """The id of the image that its container was made from."""
    place: Path | None
    """Where its data lies on the host, None where that is not a directory of it."""
    told: Told | None
    why_silent: str
    """Why it says nothing; '' where it does."""
    backups: list[Backup]
    """The newest first."""

    @property
    def name(self) -> str:
        return str(self.instance["name"])
