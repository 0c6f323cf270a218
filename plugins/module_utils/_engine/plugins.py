# SPDX-License-Identifier: GPL-3.0-or-later
"""Drivers that an engine has from plugins: those that it manages, and those that it finds on the host by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    from collections.abc import Collection

    from .client import Engine


def refuse_missing(engine: Engine, where: str, driver: str, known: Collection[str]) -> None:
    """NetmodeError for a driver that the engine would miss only when it uses it. ``known``: those without a plugin."""
    if driver in known or any(at.exists() for at in _places(driver)):
        return
    managed = {plugin["Name"] for plugin in engine.get("/plugins") if plugin["Enabled"]}
    if not {driver, f"{driver}:latest"} & managed:
        has = ", ".join(sorted({*known, *managed}))
        raise NetmodeError(f"{where}: {driver!r} is none that this engine has ({has}). Install its plugin first.")


def _places(driver: str) -> list[Path]:
    """Where the engine looks for a plugin that was not asked for since its start."""
    if "/" in driver:
        return []
    directories = [Path("/etc/docker/plugins"), Path("/usr/lib/docker/plugins")]
    specs = [at / f"{driver}.{kind}" for at in directories for kind in ("spec", "json")]
    return [*specs, Path(f"/run/docker/plugins/{driver}.sock"), Path(f"/run/docker/plugins/{driver}/{driver}.sock")]
