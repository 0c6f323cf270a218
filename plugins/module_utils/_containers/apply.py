# SPDX-License-Identifier: GPL-3.0-or-later
"""One step of a plan for containers, done against the engine. What a failed step made is taken back."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._compose import names
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError
from ansible_collections.netmode.docker.plugins.module_utils._images import registry

from . import clone, trial
from .make import Maker
from .observe import find_image
from .state import NEW_SUFFIX, OLD_SUFFIX

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .state import Step

Json = dict[str, Any]

_MAKING = ("create", "recreate", "clone")
KILLED = 137
# What Docker before 24 says where it was killed in the middle of a start that containerd then finished without it.
_TASK_EXISTS = re.compile(r"\btask [0-9a-f]{64}: already exists")
_LOST_TASK = (
    "The engine was killed while it started this container: containerd has its process, which the engine does not know "
    "of. Restart the engine, which takes it back, and run this again"
)
"""Exit status of a process ended by SIGKILL: the engine's own, once the stop period is over."""


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


class Applier(Maker):
    """Takes the steps of one plan. ``warnings`` holds what went well enough to go on but should be known."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.unused: dict[str, str] = {}
        """Name → id of what this run made and has not put into its place yet."""
        self.warnings: list[str] = []
        self.pulled: set[str] = set()
        """Image references whose pull brought something new."""

    def run(self, steps: list[Step]) -> None:
        """Take the steps. What is new is made first: where the engine refuses one, nothing was stopped for another."""
        try:
            for step in steps:
                if step.data.get("early"):
                    self._apply(step)
            trial.refuse_failing(self.engine, steps)
            for step in steps:
                if step.action in _MAKING:
                    self._prepare(step)
            for step in steps:
                if not step.data.get("early"):
                    self._apply(step)
        except NetmodeError:
            for name, key in self.unused.items():
                with suppress(NetmodeError):  # the next run sweeps it
                    self._discard(name, key)
            raise

    def _apply(self, step: Step) -> None:
        getattr(self, f"_{step.action}")(step)

    def pull(self, where: str, reference: str) -> None:
        before = find_image(self.engine, reference)
        registry.pull(self.engine, f"{where}: image: cannot pull {reference!r}", reference)
        after = find_image(self.engine, reference)
        if before is None or after is None or before["Id"] != after["Id"]:
            self.pulled.add(reference)

    def _prepare(self, step: Step) -> None:
        if step.action == "clone":
            key = self._prepare_clone(step)
        else:
            endpoints = {network: self._endpoint(spec) for network, spec in step.data["endpoints"].items()}
            name = step.name if step.action == "create" else step.name + NEW_SUFFIX
            key = self._make(step.name, name, step.data["body"], endpoints, step.data["configs"])
        self.ids[step.name] = self.unused[step.name] = key
        if step.container:
            self.replaced[step.container] = key

    def _prepare_clone(self, step: Step) -> str:
        inspect = self.engine.get(f"/containers/{step.container}/json")
        if clone.vanishes(inspect):
            raise NetmodeError(
                f"{step.name}: {step.reason}, so it would have to be recreated, but it was started with --rm: the "
                "engine deletes it the moment that it stops, and it would be gone if the new one failed. "
                f"Remove it (docker rm -f {step.name}) and start it again."
            )
        return self._copy(step.name, inspect, self._in_place_of(inspect, str(step.data.get("donor", ""))))

    def _create(self, step: Step) -> None:
        key = self.unused.pop(step.name)
        if step.data["start"]:
            try:
                self._run(step.name, key)
            except NetmodeError:
                self._discard(step.name, key)
                raise

    def _run(self, name: str, key: str) -> None:
        try:
            with self._changing(name, "start") as client:
                client.start(key)
        except NetmodeError as error:
            why = _LOST_TASK if _TASK_EXISTS.search(str(error)) else self._ended_donor(key)
            if not why:
                raise
            raise NetmodeError(f"{str(error).rstrip('.')}. {why}") from error

    def _ended_donor(self, key: str) -> str:
        """What is to be said of a sharer's donor that does not run: the engine names it by its id, if at all."""
        mode, _, donor = self.engine.get(f"/containers/{key}/json")["HostConfig"]["NetworkMode"].partition(":")
        if mode != "container":
            return ""
        try:
            found = self.engine.get(f"/containers/{donor}/json")
        except NotFoundError:
            return ""
        if found["State"]["Running"]:
            return ""
        name = found["Name"].lstrip("/")
        return f"Its donor {name} does not run (status {found['State']['ExitCode']}): docker logs {name} says why"

    def _recreate(self, step: Step) -> None:
        """The new one is made beside the old: the gap is a stop and a start, and a failure brings the old one back."""
        was_running = self._is_running(step.container)
        key = self.unused.pop(step.name)
        try:
            self._halt(step.name, step.container, step.data.get("grace"))
            self._call_it(step.name, step.container, step.name + OLD_SUFFIX)
            self._call_it(step.name, key, step.name)
            if step.data["start"]:
                self._run(step.name, key)
        except NetmodeError as error:
            back = self._put_back(step, key, was_running=was_running)
            raise NetmodeError(f"{str(error).rstrip('.')}. {back}.") from error
        self._discard_old(step.name, step.container)
        for volume in step.data.get("unused", []):
            with suppress(NetmodeError), self._changing(step.name, "remove a volume that a tmpfs hid") as client:
                client.remove_volume(volume)

    def _put_back(self, step: Step, new: str, *, was_running: bool) -> str:
        """What has become of the old container."""
        try:
            left = self._restore(step, new, was_running=was_running)
        except NetmodeError as error:  # a sharer's donor may be another by now
            return f"Putting the old container back failed as well: {str(error).rstrip('.')}"
        if left:
            return (
                f"The old container is back as it was, but {', '.join(left)} could not be restarted with it: start it "
                "manually (docker restart)"
            )
        return "The old container is back as it was"

    def _restore(self, step: Step, new: str, *, was_running: bool) -> list[str]:
        """The names of those that depend on the old container and could not be restarted with it."""
        self._discard(step.name, new)
        if self._name_of(step.container) != step.name:
            self._call_it(step.name, step.container, step.name)
        left: list[str] = []
        if was_running and not self._is_running(step.container):
            self._run(step.name, step.container)
            left = [name for name, key in step.data.get("dependants", ()) if not self._is_back(name, key)]
        return left

    def _is_back(self, name: str, key: str) -> bool:
        try:
            self._again(name, key)
        except NetmodeError:
            return False
        return True

    def _clone(self, step: Step) -> None:
        """The copy takes over, started or not: what the original depends on is gone, so that could not be started."""
        key, wrong = self.unused.pop(step.name), ""
        try:
            self._halt(step.name, step.container)
            self._call_it(step.name, step.container, step.name + OLD_SUFFIX)
            self._call_it(step.name, key, step.name)
        except NetmodeError:
            self._restore(step, key, was_running=False)
            raise
        try:
            if step.data["start"]:
                self._run(step.name, key)
        except NetmodeError as error:
            wrong = str(error).rstrip(".")
        self._discard_old(step.name, step.container)
        if wrong:
            raise NetmodeError(
                f"{wrong}. It was recreated as it is, for {step.reason}, but is not started: start it (docker start "
                f"{step.name}) once what it depends on runs."
            )

    def _is_running(self, key: str) -> bool:
        return bool(self.engine.get(f"/containers/{key}/json")["State"]["Running"])

    def _name_of(self, key: str) -> str:
        return str(self.engine.get(f"/containers/{key}/json")["Name"]).lstrip("/")

    def _call_it(self, name: str, key: str, new: str) -> None:
        with self._changing(name, f"rename to {new}") as client:
            client.rename(key, new)

    def _discard_old(self, name: str, key: str) -> None:
        """The old container goes, its volumes stay."""
        with self._changing(name, "remove the container that was replaced") as client:
            client.remove_container(key, force=True, v=False)

    def _halt(self, name: str, key: str, grace: int | None = None) -> None:
        """Stop a container that runs. ``grace``: the stop_grace_period of its list entry in seconds, or None.

        Where a period was set, by the entry or on the container, and there is a place to save to, the process may hold
        data: it is asked to end and never killed. NetmodeError if it does not end in time, or ends in an error.
        Otherwise the engine kills it at the end of the period, and a warning says so.
        """
        inspect = self.engine.get(f"/containers/{key}/json")
        if not inspect["State"]["Running"]:
            return
        given = [int(period) for period in (grace, inspect["Config"].get("StopTimeout")) if period is not None]
        period = max(given, default=10)
        careful = max(given, default=0) > 0 and _saves(inspect)
        with self._changing(name, "stop") as client:
            if inspect["State"]["Paused"]:
                client.unpause(key)
            if careful:
                client.kill(key, signal=inspect["Config"].get("StopSignal") or "SIGTERM")
            else:
                client.stop(key, timeout=period)
        if careful:
            self.engine.wait(f"{name}: stop", key, period)
        if inspect["State"].get("Restarting"):
            return
        wrong = _ended_badly(name, self.engine.get(f"/containers/{key}/json"), period)
        if wrong and careful:
            raise NetmodeError(wrong)
        if wrong:
            self.warnings.append(wrong)

    def _again(self, name: str, key: str) -> None:
        inspect = self.engine.get(f"/containers/{key}/json")
        if clone.vanishes(inspect):
            self._restart_kept(name, inspect)
            return
        try:
            self._halt(name, key)
        finally:
            self._run(name, key)

    def _restart_kept(self, name: str, inspect: Json) -> None:
        """Restart a container of ``docker run --rm``, which only the engine's own restart does not delete.

        Where it cannot be started again the engine deletes it all the same, so a copy stands ready to take its name.
        """
        if not clone.restart_keeps(self.engine.version):
            raise NetmodeError(
                f"{name}: it would have to be restarted, but it was started with --rm, and before Docker Engine 23 "
                f"even a restart may delete it (this is {self.engine.version}). Remove it (docker rm -f {name}) and "
                "start it again."
            )
        key, period = inspect["Id"], inspect["Config"].get("StopTimeout")
        copy = self._copy(name, inspect, {})
        try:
            self.engine.restart(f"{name}: restart", key, 10 if period is None else period)
        except NetmodeError as error:
            if self._is_there(key):
                raise
            self._call_it(name, copy, name)
            copy = ""
            raise NetmodeError(
                f"{str(error).rstrip('.')}. The engine deleted it, for it was started with --rm. A copy of it as it "
                f"was, with its volumes, has its name: start it (docker start {name})."
            ) from error
        finally:
            if copy:
                self._discard(name, copy)

    def _is_there(self, key: str) -> bool:
        try:
            self.engine.get(f"/containers/{key}/json")
        except NotFoundError:
            return False
        return True

    def _start(self, step: Step) -> None:
        self._run(step.name, step.container)

    def _restart(self, step: Step) -> None:
        self._again(step.name, step.container)

    def _stop(self, step: Step) -> None:
        self._halt(step.name, step.container, step.data.get("grace"))

    def _unpause(self, step: Step) -> None:
        with self._changing(step.name, "unpause") as client:
            client.unpause(step.container)

    def _remove(self, step: Step) -> None:
        inspect = self.engine.get(f"/containers/{step.container}/json")
        if not clone.vanishes(inspect):
            self._halt(step.name, step.container, step.data.get("grace"))
            self._discard_old(step.name, step.container)
            return
        holder = self._copy(step.name, inspect, {})  # or the engine would delete its volumes that have no name, too
        try:
            with suppress(NotFoundError):
                self._halt(step.name, step.container, step.data.get("grace"))
            with suppress(NotFoundError):
                self.engine.wait(f"{step.name}: remove", step.container, self.engine.timeout, "removed")
        finally:
            self._discard_old(step.name, holder)

    def _rename(self, step: Step) -> None:
        self._call_it(step.name, step.container, step.data["to"])

    def _update(self, step: Step) -> None:
        self.engine.post(f"{step.name}: update", f"/containers/{step.container}/update", step.data["body"])

    def _connect(self, step: Step) -> None:
        self._join(step.name, step.container, step.data["network"], self._endpoint(step.data["endpoint"]))

    def _disconnect(self, step: Step) -> None:
        with self._changing(step.name, f"disconnect from the network {step.data['network']}") as client:
            client.disconnect_container_from_network(step.container, step.data["network"])
