# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops a container without harm to the data that it may be saving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._compose import names
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import acts

if TYPE_CHECKING:
    from .run import Run

Json = dict[str, Any]

KILLED = 137
"""Exit status of a process ended by SIGKILL: the engine's own, once the stop period is over."""


def halt(run: Run, name: str, key: str, grace: int | None = None) -> None:
    """Stop a container that runs. ``grace``: the stop_grace_period of its list entry in seconds, or None.

    Where a period was set, by the entry or on the container, and there is a place to save to, the process may hold
    data: it is asked to end and never killed. NetmodeError if it does not end in time, or ends in an error.
    Otherwise the engine kills it at the end of the period, and a warning says so.
    """
    inspect = acts.inspected(run.engine, key)
    if not inspect["State"]["Running"]:
        return
    given = [int(period) for period in (grace, inspect["Config"].get("StopTimeout")) if period is not None]
    period = max(given, default=10)
    careful = max(given, default=0) > 0 and _saves(inspect)
    with acts.changing(run.engine, name, "stop") as client:
        if inspect["State"]["Paused"]:
            client.unpause(key)
        if careful:
            client.kill(key, signal=inspect["Config"].get("StopSignal") or "SIGTERM")
        else:
            client.stop(key, timeout=period)
    if careful:
        run.engine.wait(f"{name}: stop", key, period)
    if inspect["State"].get("Restarting"):
        return
    wrong = _ended_badly(name, acts.inspected(run.engine, key), period)
    if wrong and careful:
        raise NetmodeError(wrong)
    if wrong:
        run.warnings.append(wrong)


def _saves(inspect: Json) -> bool:
    """Whether a container has a place to save to. One that waits for its next restart has nothing to save."""
    mounts = inspect.get("Mounts") or []
    return not inspect["State"].get("Restarting") and any(
        mount.get("RW") and mount.get("Type") in ("bind", "volume") for mount in mounts
    )


def _ended_badly(name: str, inspect: Json, period: int) -> str:
    """What went wrong when a container was asked to end within so many seconds, or empty."""
    state = inspect["State"]
    if state["Running"]:
        return (
            f"{name}: stop: it did not end within its stop_grace_period of {period} s. It may still be saving, so it "
            f"was not killed. See its log (docker logs {name}), run again when it has ended, or raise the period; "
            f"where it has nothing to save, stop it manually (docker stop {name})."
        )
    if state["ExitCode"] in (0, names.status_of(inspect["Config"].get("StopSignal") or "SIGTERM")):
        return ""
    if state["ExitCode"] == KILLED:
        return (
            f"{name}: did not end within its stop_grace_period of {period} s and was killed. "
            "Raise stop_grace_period if it needs longer to save its data."
        )
    return (
        f"{name}: stop: it ended with status {state['ExitCode']} when it was asked to, so it may not have saved its "
        f"data. See its log (docker logs {name})."
    )
