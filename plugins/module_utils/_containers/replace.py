# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets a new container take the place of the old one.

It was made beside the old: the gap is a stop and a start, and a failure brings the old one back.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import acts
from .halt import halt
from .restart import restart
from .state import OLD_SUFFIX

if TYPE_CHECKING:
    from .run import Run
    from .state import Step


def recreate(run: Run, step: Step) -> None:
    """The container of a list entry. NetmodeError: the message says what has become of the old one."""
    was_running = acts.is_running(run.engine, step.container)
    key = run.unused.pop(step.name)
    try:
        if run.watch and was_running:
            run.watch.before_stop(step.name, step.container)
        _take_over(run, step, key)
        if step.data["start"]:
            acts.start(run.engine, step.name, key)
            if run.watch and was_running:
                run.watch.started(step.name, key)
    except NetmodeError as error:
        back = _put_back(run, step, key, was_running=was_running)
        said = str(error).rstrip(".")
        raise NetmodeError(f"{said}\n{back}." if "\n" in said else f"{said}. {back}.") from error
    acts.remove(run.engine, step.name, step.container)
    for volume in step.data.get("unused", []):
        what = "remove a volume that a tmpfs hid"
        with suppress(NetmodeError), acts.changing(run.engine, step.name, what) as client:
            client.remove_volume(volume)


def clone(run: Run, step: Step) -> None:
    """The copy takes over, started or not: what the original depends on is gone, so that could not be started."""
    key, wrong = run.unused.pop(step.name), ""
    try:
        _take_over(run, step, key)
    except NetmodeError:
        _restore(run, step, key, was_running=False)
        raise
    try:
        if step.data["start"]:
            acts.start(run.engine, step.name, key)
    except NetmodeError as error:
        wrong = str(error).rstrip(".")
    acts.remove(run.engine, step.name, step.container)
    if wrong:
        raise NetmodeError(
            f"{wrong}. It was recreated as it is, for {step.reason}, but is not started: start it (docker start "
            f"{step.name}) once what it depends on runs."
        )


def _take_over(run: Run, step: Step, new: str) -> None:
    halt(run, step.name, step.container, step.data.get("grace"))
    acts.rename(run.engine, step.name, step.container, step.name + OLD_SUFFIX)
    acts.rename(run.engine, step.name, new, step.name)


def _put_back(run: Run, step: Step, new: str, *, was_running: bool) -> str:
    """What has become of the old container."""
    try:
        left = _restore(run, step, new, was_running=was_running)
    except NetmodeError as error:  # a sharer's donor may be another by now
        return f"Putting the old container back failed as well: {str(error).rstrip('.')}"
    if left:
        return (
            f"The old container is back as it was, but {', '.join(left)} could not be restarted with it: start it "
            "manually (docker restart)"
        )
    return "The old container is back as it was"


def _restore(run: Run, step: Step, new: str, *, was_running: bool) -> list[str]:
    """The names of those that depend on the old container and could not be restarted with it."""
    engine, old = run.engine, step.container
    acts.discard(engine, step.name, new)
    if str(acts.inspected(engine, old)["Name"]).lstrip("/") != step.name:
        acts.rename(engine, step.name, old, step.name)
    if not was_running or acts.is_running(engine, old):
        return []
    if run.watch:
        run.watch.put_back(step.name, old)
    acts.start(engine, step.name, old)
    return [name for name, key in step.data.get("dependants", ()) if not _is_back(run, name, key)]


def _is_back(run: Run, name: str, key: str) -> bool:
    try:
        restart(run, name, key)
    except NetmodeError:
        return False
    return True
