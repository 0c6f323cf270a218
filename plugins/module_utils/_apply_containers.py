# SPDX-License-Identifier: GPL-3.0-or-later
"""One step of a plan for containers, done against the engine. What a failed step made is taken back."""

from __future__ import annotations

import io
import tarfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils import _known, _modes, _start_trial
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._host import NEW_SUFFIX, OLD_SUFFIX, find_image, own_names

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine import Engine
    from ansible_collections.netmode.docker.plugins.module_utils._plan_containers import Step

Json = dict[str, Any]

_MAKING = ("create", "recreate", "clone")
KILLED = 137
"""Exit status of a process ended by SIGKILL: the engine's own, once the stop period is over."""


def pull(engine: Engine, where: str, reference: str) -> None:
    """Pull by tag or digest; no tag means ``latest``. A failed pull is told in the stream, not by the status."""
    name, _, digest = reference.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = name, "latest"
    way_out = (
        "Check the name and that this host reaches the registry, or bring the image another way "
        "(module netmode.docker.images)."
    )
    try:
        with engine.changing(f"{where}: image: cannot pull {reference!r}") as client:
            for event in client.pull(repository, tag=digest or tag, stream=True, decode=True):
                if "error" in event:
                    raise NetmodeError(f"{where}: image: cannot pull {reference!r}: {event['error'].rstrip('.')}.")
    except NetmodeError as error:
        raise NetmodeError(f"{error} {way_out}") from error


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
            f"where it has nothing to save, stop it by hand (docker stop {name})."
        )
    if state["ExitCode"] in (0, _known.status_of(inspect["Config"].get("StopSignal") or "SIGTERM")):
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


class Applier:
    """Takes the steps of one plan. ``warnings`` holds what went well enough to go on but should be known."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ids: dict[str, str] = {}
        """Name → id of what this run made, for the sharers of it."""
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
            _start_trial.refuse_failing(self.engine, steps)
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

    # A step's message begins with the container and what was tried: the engine's own words follow.
    def _changing(self, name: str, what: str) -> Any:
        return self.engine.changing(f"{name}: {what}")

    def pull(self, where: str, reference: str) -> None:
        before = find_image(self.engine, reference)
        pull(self.engine, where, reference)
        after = find_image(self.engine, reference)
        if before is None or after is None or before["Id"] != after["Id"]:
            self.pulled.add(reference)

    def _prepare(self, step: Step) -> None:
        made = self._cloned(step) if step.action == "clone" else step
        key = self._make(made, step.name if step.action == "create" else step.name + NEW_SUFFIX)
        self.ids[step.name] = self.unused[step.name] = key

    def _create(self, step: Step) -> None:
        key = self.unused.pop(step.name)
        if step.data["start"]:
            try:
                self._run(step.name, key)
            except NetmodeError:
                self._discard(step.name, key)
                raise

    def _make(self, step: Step, name: str) -> str:
        """A created container that is not started; nothing of it is left when a part of it fails."""
        body = step.data["body"]
        mode = body["HostConfig"]["NetworkMode"]
        if mode.startswith("container:@"):
            body["HostConfig"]["NetworkMode"] = f"container:{self.ids[mode[len('container:@') :]]}"
        primary = body["HostConfig"]["NetworkMode"]
        endpoints = dict(step.data["endpoints"])
        first = endpoints.pop(primary, None)
        if first is not None:
            body["NetworkingConfig"] = {"EndpointsConfig": {primary: self._endpoint(first)}}
            if first["mac_address"]:
                body["MacAddress"] = first["mac_address"]
        with self._changing(step.name, "create") as client:
            key = str(client.create_container_from_config(body, name)["Id"])
        if first and (first["ipv4_address"] or first["ipv6_address"]) and _modes.version(self.engine.version) < (25,):
            endpoints[primary] = (
                first  # joined once more for the engine to look at the address: before 25 not at create
            )
        try:
            for network, spec in endpoints.items():
                self._join(step.name, key, network, spec)
            self._write_files(step.name, key, step.data["configs"], body)
        except NetmodeError:
            self._discard(step.name, key)
            raise
        return key

    @staticmethod
    def _endpoint(spec: Json) -> Json:
        ipam = {"IPv4Address": spec["ipv4_address"], "IPv6Address": spec["ipv6_address"]}
        return {
            "IPAMConfig": {key: value for key, value in ipam.items() if value},
            "Aliases": spec["aliases"],
            **({"MacAddress": spec["mac_address"]} if spec["mac_address"] else {}),
        }

    def _join(self, name: str, key: str, network: str, spec: Json) -> None:
        body = {"Container": key, "EndpointConfig": self._endpoint(spec)}
        self.engine.post(f"{name}: connect to the network {network}", f"/networks/{network}/connect", body)

    def _write_files(self, name: str, key: str, configs: dict[str, tuple[str, int, int, int]], body: Json) -> None:
        """One archive for the root and one for each volume: the engine takes no path of a volume through the root."""
        mounted = [bind.split(":")[1] for bind in body["HostConfig"].get("Binds") or []] + list(
            body.get("Volumes") or {}
        )
        bases: dict[str, list[str]] = {}
        for path in configs:
            inside = [target for target in mounted if path.startswith(f"{target}/")]
            bases.setdefault(max(inside, key=len, default=""), []).append(path)
        for base, paths in bases.items():
            archive = io.BytesIO()
            with tarfile.open(fileobj=archive, mode="w") as tar:
                for path in paths:
                    content, mode, uid, gid = configs[path]
                    data = content.encode()
                    member = tarfile.TarInfo(path[len(base) + 1 :])
                    member.size, member.mode, member.uid, member.gid = len(data), mode, uid, gid
                    tar.addfile(member, io.BytesIO(data))
            with self._changing(name, f"write its configs into {base or '/'}") as client:
                client.put_archive(key, base or "/", archive.getvalue())

    def _run(self, name: str, key: str) -> None:
        with self._changing(name, "start") as client:
            client.start(key)

    def _discard(self, name: str, key: str) -> None:
        with self._changing(name, "remove what could not be used") as client:
            client.remove_container(key, force=True, v=True)  # v: volumes without a name, which nothing was put into

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
            self._restore(step, key, was_running=was_running)
            raise NetmodeError(f"{str(error).rstrip('.')}. The old container is back as it was.") from error
        self._discard_old(step.name, step.container)
        for volume in step.data.get("unused", []):
            with suppress(NetmodeError), self._changing(step.name, "remove a volume that a tmpfs hid") as client:
                client.remove_volume(volume)
        for volume in step.data.get("left", []):
            self.warnings.append(
                f"{step.name}: the volume {volume} of the old container is mounted no more and stays on the host. "
                "Remove it by docker volume rm if its data is not needed."
            )

    def _restore(self, step: Step, new: str, *, was_running: bool) -> None:
        self._discard(step.name, new)
        if self._name_of(step.container) != step.name:
            self._call_it(step.name, step.container, step.name)
        if was_running and not self._is_running(step.container):
            self._run(step.name, step.container)
            for item in self.engine.get("/containers/json"):
                if item["HostConfig"].get("NetworkMode") == f"container:{step.container}":
                    with suppress(NetmodeError):  # the next run finds it in a dead namespace
                        self._again(own_names(item)[0], item["Id"])

    _clone = _recreate

    def _cloned(self, step: Step) -> Step:
        """A sharer outside the list, made anew as it is against its donor's new id."""
        inspect = self.engine.get(f"/containers/{step.container}/json")
        body = {**inspect["Config"], "HostConfig": dict(inspect["HostConfig"])}
        for donors_own in ("Hostname", "Domainname", "ExposedPorts", "MacAddress"):
            body.pop(donors_own, None)
        body["HostConfig"]["NetworkMode"] = f"container:{self.ids[step.data['donor']]}"
        bound = {bind.split(":")[1] for bind in inspect["HostConfig"].get("Binds") or []}
        volumes = [
            item for item in inspect["Mounts"] if item.get("Type") == "volume" and item["Destination"] not in bound
        ]
        body["HostConfig"]["Binds"] = [
            *(inspect["HostConfig"].get("Binds") or []),
            *(f"{item['Name']}:{item['Destination']}" for item in volumes),
        ]
        return step._replace(data={**step.data, "body": body, "endpoints": {}, "configs": {}})

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
        try:
            self._halt(name, key)
        finally:
            self._run(name, key)

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
        self._halt(step.name, step.container, step.data.get("grace"))
        self._discard_old(step.name, step.container)

    def _rename(self, step: Step) -> None:
        self._call_it(step.name, step.container, step.data["to"])

    def _update(self, step: Step) -> None:
        self.engine.post(f"{step.name}: update", f"/containers/{step.container}/update", step.data["body"])

    def _connect(self, step: Step) -> None:
        self._join(step.name, step.container, step.data["network"], step.data["endpoint"])

    def _disconnect(self, step: Step) -> None:
        with self._changing(step.name, f"disconnect from the network {step.data['network']}") as client:
            client.disconnect_container_from_network(step.container, step.data["network"])
