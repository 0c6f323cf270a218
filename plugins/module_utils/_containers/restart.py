# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarts a container; one of ``docker run --rm`` without the engine deleting it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError

from . import acts
from .duplicate import duplicate
from .halt import halt
from .state import restart_keeps, vanishes

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .run import Run

Json = dict[str, Any]


def restart(run: Run, name: str, key: str) -> None:
    inspect = acts.inspected(run.engine, key)
    if vanishes(inspect):
        _restart_kept(run, name, inspect)
        return
    try:
        halt(run, name, key)
        run.before_start(name)
    finally:
        acts.start(run.engine, name, key)


def _restart_kept(run: Run, name: str, inspect: Json) -> None:
    """Restart a container of ``docker run --rm``, which only the engine's own restart does not delete.

    Where it cannot be started again the engine deletes it all the same, so a copy stands ready to take its name.
    """
    engine = run.engine
    if not restart_keeps(engine.version):
        raise NetmodeError(
            f"{name}: it would have to be restarted, but it was started with --rm, and before Docker Engine 23 "
            f"even a restart may delete it (this is {engine.version}). Remove it (docker rm -f {name}) and "
            "start it again."
        )
    key, period = inspect["Id"], inspect["Config"].get("StopTimeout")
    copy = duplicate(run, name, inspect, {})
    try:
        engine.restart(f"{name}: restart", key, 10 if period is None else period)
    except NetmodeError as error:
        if _exists(engine, key):
            raise
        acts.rename(engine, name, copy, name)
        copy = ""
        raise NetmodeError(
            f"{str(error).rstrip('.')}. The engine deleted it, for it was started with --rm. A copy of it as it "
            f"was, with its volumes, has its name: start it (docker start {name})."
        ) from error
    finally:
        if copy:
            acts.discard(engine, name, copy)


def _exists(engine: Engine, key: str) -> bool:
    try:
        acts.inspected(engine, key)
    except NotFoundError:
        return False
    return True
