# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a plan for containers, done against the engine. What a failed step made is taken back."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError

from . import acts, replace, trial
from .duplicate import duplicate, duplicate_dependant
from .halt import halt
from .make import endpoint_settings, make_for_entry
from .restart import restart
from .run import Run
from .state import vanishes

if TYPE_CHECKING:
    from .state import Step

_MAKING = ("create", "recreate", "clone")
_STOPPING = ("recreate", "clone", "restart", "stop", "remove")


class Applier(Run):
    """Takes the steps of one plan."""

    def run(self, steps: list[Step]) -> None:
        """Take the steps. What is new is made first: where the engine refuses one, nothing was stopped for another."""
        try:
            for step in steps:
                if step.data.get("early"):
                    _take(self, step)
            trial.refuse_failing(self.engine, steps)
            for step in steps:
                if step.action in _MAKING:
                    _prepare(self, step)
            for step in steps:
                if not step.data.get("early"):
                    _take(self, step)
        except NetmodeError:
            for name, key in self.unused.items():
                with suppress(NetmodeError):  # the next run sweeps it
                    acts.discard(self.engine, name, key)
            raise


def _prepare(run: Run, step: Step) -> None:
    key = duplicate_dependant(run, step) if step.action == "clone" else make_for_entry(run, step)
    run.ids[step.name] = run.unused[step.name] = key
    if step.container:
        run.replaced[step.container] = key


def _take(run: Run, step: Step) -> None:
    stops = run.turn and step.container and step.action in _STOPPING
    if run.turn and stops:
        run.turn.leave(step.name, step.container)
    _TAKEN_BY[step.action](run, step)
    if run.turn and stops and step.data.get("start", step.action == "restart"):
        run.turn.returned(step.name)


def _create(run: Run, step: Step) -> None:
    key = run.unused.pop(step.name)
    if step.data["start"]:
        try:
            acts.start(run.engine, step.name, key)
        except NetmodeError:
            acts.discard(run.engine, step.name, key)
            raise


def _start(run: Run, step: Step) -> None:
    run.before_start(step.name)
    acts.start(run.engine, step.name, step.container)


def _restart(run: Run, step: Step) -> None:
    restart(run, step.name, step.container)


def _stop(run: Run, step: Step) -> None:
    halt(run, step.name, step.container, step.data.get("grace"))


def _unpause(run: Run, step: Step) -> None:
    acts.unpause(run.engine, step.name, step.container)


def _remove(run: Run, step: Step) -> None:
    inspect = acts.inspected(run.engine, step.container)
    if not vanishes(inspect):
        _stop(run, step)
        acts.remove(run.engine, step.name, step.container)
        return
    holder = duplicate(run, step.name, inspect, {})  # or the engine would delete its volumes that have no name, too
    try:
        with suppress(NotFoundError):
            _stop(run, step)
        with suppress(NotFoundError):
            run.engine.wait(f"{step.name}: remove", step.container, run.engine.timeout, "removed")
    finally:
        acts.remove(run.engine, step.name, holder)


def _rename(run: Run, step: Step) -> None:
    acts.rename(run.engine, step.name, step.container, step.data["to"])


def _update(run: Run, step: Step) -> None:
    run.engine.post(f"{step.name}: update", f"/containers/{step.container}/update", step.data["body"])


def _connect(run: Run, step: Step) -> None:
    endpoint = endpoint_settings(step.data["endpoint"])
    acts.connect(run.engine, step.name, step.container, step.data["network"], endpoint)


def _disconnect(run: Run, step: Step) -> None:
    acts.disconnect(run.engine, step.name, step.container, step.data["network"])


_TAKEN_BY = {
    "create": _create,
    "recreate": replace.recreate,
    "clone": replace.clone,
    "start": _start,
    "restart": _restart,
    "unpause": _unpause,
    "stop": _stop,
    "remove": _remove,
    "rename": _rename,
    "update": _update,
    "connect": _connect,
    "disconnect": _disconnect,
}
"""Action of a step → what takes it."""
