# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of ``redis_backup`` does, from what was observed: pure. Everything that can be refused is, here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis.data import DATA_AT

from .throwaway import check_tool

if TYPE_CHECKING:
    from pathlib import Path

    from .state import Backup, Seen, Told


class Step(NamedTuple):
    """A new backup of an instance."""

    seen: Seen
    told: Told
    place: Path
    """Where its data lies on the host."""
    removed: list[Backup]
    """Those that are more than are to be kept, once it is there."""


def plan(several: list[Seen], keep: int) -> list[Step]:
    """NetmodeError: of one of them no backup can be made, so none is made of any."""
    return [step_of(seen, keep) for seen in several]


def step_of(seen: Seen, keep: int | None) -> Step:
    """``keep`` None: all older ones stay."""
    if not seen.container:
        raise refused(seen, "there is no container of this name. Deploy it first (site.yml).")
    if seen.told is None:
        raise refused(
            seen, f"its Redis does not say what it has: {seen.why_silent}. Its log may say why "
            f"(docker logs {seen.name}); where it does not run, start it (docker start {seen.name}).",
        )  # fmt: skip
    if seen.told.loading:
        raise refused(seen, "it is loading its data. Wait until it answers, and run this again.")
    if seen.told.role != "master" and not seen.told.link:
        raise refused(
            seen, "it is a replica that is not connected to its master, or does not have its data yet, so a dump of it "
            "would be old. Back up the master, or wait until master_link_status is up.",
        )  # fmt: skip
    place = place_of(seen)
    check_tool(seen.instance)
    return Step(seen, seen.told, place, [] if keep is None else seen.backups[keep - 1 :])


def place_of(seen: Seen) -> Path:
    """Where its data lies. NetmodeError: not where this host could read it."""
    volume = seen.instance["volume"]
    if seen.place is None:
        raise refused(seen, f"volume: {volume} is not a directory of this host that could be read.")
    if seen.told is not None and seen.told.directory != DATA_AT:
        raise refused(
            seen, f"it keeps its data in {seen.told.directory} (CONFIG GET dir), which is not on its volume {volume}. "
            f"Set it back (CONFIG SET dir {DATA_AT}).",
        )  # fmt: skip
    return seen.place


def refused(seen: Seen, why: str) -> NetmodeError:
    return NetmodeError(f"instance {seen.name}: {why}")
