# SPDX-License-Identifier: GPL-3.0-or-later
"""Named volumes of a host: observe, plan, apply. A volume holds data, so it is made or removed, never recreated."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._compose import names as compose_names
from ansible_collections.netmode.docker.plugins.module_utils._engine import plugins
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone, undisturbed

if TYPE_CHECKING:
    from collections.abc import Collection

Volume = dict[str, Any]

_LOCAL = frozenset({"type", "device", "o", "size"})
"""Options of the driver ``local``."""
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(?:[kmgtp]i?b?|b)?", re.ASCII | re.IGNORECASE)
"""As the engine reads one (RAMInBytes of docker/go-units)."""


def user_base(info: dict[str, Any]) -> tuple[int, int]:
    """What the engine adds to the numbers of a container's user and group. ``info``: its answer to ``GET /info``.

    With userns-remap it keeps everything in a directory that is called by the first uid and gid.
    """
    if "name=userns" not in (info.get("SecurityOptions") or []):
        return (0, 0)
    uid, _, gid = str(info.get("DockerRootDir", "")).rpartition("/")[2].partition(".")
    return (int(uid), int(gid)) if uid.isdecimal() and gid.isdecimal() else (0, 0)


class Step(NamedTuple):
    action: str
    """create or remove."""
    volume: Volume


def observe(engine: Engine) -> dict[str, Volume]:
    """What the engine has: ``{name: {Driver, Options, …}}`` as it answers."""
    return {item["Name"]: item for item in (engine.get("/volumes") or {}).get("Volumes") or []}


def plan(volumes: list[Volume], current: dict[str, Volume]) -> list[Step]:
    """Raises NetmodeError for a name given twice, and for a volume that is there with another driver or options."""
    steps: list[Step] = []
    seen: set[str] = set()
    for volume in volumes:
        name = volume["name"]
        if name in seen:
            raise NetmodeError(f"volume {name}: it is in the list twice. Leave one of the entries.")
        seen.add(name)
        have = current.get(name)
        if have is None:
            _refuse_name(name)
        if volume["state"] == "absent":
            steps += [Step("remove", volume)] if have and not _spared(volume, have) else []
        elif have is None:
            steps.append(Step("create", volume))
        else:
            _refuse_difference(volume, have)
    return steps


def _spared(volume: Volume, have: Volume) -> bool:
    return bool(volume["only_made_here"]) and compose_names.MADE_LABEL not in (have.get("Labels") or {})


def left(volumes: list[Volume], before: dict[str, Volume]) -> list[str]:
    """Those that are to be absent and stay."""
    absent = [volume for volume in volumes if volume["state"] == "absent" and volume["name"] in before]
    return [volume["name"] for volume in absent if _spared(volume, before[volume["name"]])]


def _refuse_name(name: str) -> None:
    try:
        compose_names.volume(name)
    except ValueError:
        raise NetmodeError(
            f"volume {name!r}: name: no volume can be called so. Give two or more letters, digits, "
            "dots, dashes or underscores, a letter or digit first."
        ) from None


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The module's work from its parameters to its result. Raises NetmodeError."""
    volumes = params["volumes"]
    engine = Engine(params["docker_host"], params["timeout"])
    leaving = params["pending"] if check_mode else ()
    before, steps = undisturbed("containers", engine.docker_host, lambda: _planned(engine, volumes, leaving))
    if steps and not check_mode:
        engine.require_sdk()
        who = "netmode.docker.volumes: " + ", ".join(step.volume["name"] for step in steps)
        with alone("containers", who, engine.docker_host):
            before, steps = _planned(engine, volumes, ())  # whoever had the lock may have changed it
            for step in steps:
                apply(engine, step)
    return report(volumes, steps, before)


def _planned(engine: Engine, volumes: list[Volume], leaving: Collection[str]) -> tuple[dict[str, Volume], list[Step]]:
    """What the engine has, and the steps. ``leaving``: containers that a task before this one would remove."""
    before = observe(engine)
    steps = plan(volumes, before)
    for step in steps:
        if step.action == "create":
            _refuse_driver(engine, step.volume)
    in_use = users(engine, steps, leaving)
    if in_use:
        raise NetmodeError(" ".join(in_use))
    return before, steps


def _refuse_driver(engine: Engine, volume: Volume) -> None:
    """What the engine would refuse only while it makes the volume."""
    driver, where = volume["driver"], f"volume {volume['name']}"
    known = (engine.get("/info").get("Plugins") or {}).get("Volume") or []
    plugins.refuse_missing(engine, f"{where}: driver", driver, known)
    if driver == "local":
        _refuse_options(engine, where, _texts(volume))


def _refuse_options(engine: Engine, where: str, options: dict[str, str]) -> None:
    unknown = set(options) - _LOCAL
    if unknown:
        has = ", ".join(sorted(_LOCAL))
        raise NetmodeError(f"{where}: driver_opts: {min(unknown)!r} is not an option of the driver local ({has}).")
    if {*options} & {"type", "device", "o"} and not {"type", "device"} <= {*options}:
        raise NetmodeError(f"{where}: driver_opts: the driver local takes type and device together, and o with both.")
    size = _SIZE.fullmatch(options.get("size", "0"))
    if not size:
        raise NetmodeError(
            f"{where}: driver_opts: size: {options['size']!r} is not a size (examples: 67108864, 64m, 1.5g)."
        )
    if float(size[1]) and not _has_quota(Path(engine.get("/info")["DockerRootDir"])):
        raise NetmodeError(
            f"{where}: driver_opts: size: it takes a file system with project quotas (xfs or "
            "ext4, mounted with prjquota) to limit a volume. Leave it out, or for a volume in memory write it into o."
        )


def _has_quota(root: Path) -> bool:
    """``root``: the engine's directory. Who may not look there leaves it to the engine."""
    try:
        device = (root / "volumes").stat().st_dev
    except OSError:
        return True
    return has_quota(Path("/proc/self/mountinfo").read_text(), device)


def has_quota(mounts: str, device: int) -> bool:
    """Whether the file system of this device number limits projects. ``mounts``: /proc/PID/mountinfo (proc(5))."""
    number = f"{os.major(device)}:{os.minor(device)}"
    lines = [line.split() for line in mounts.splitlines()]
    return any(words[2] == number and "prjquota" in words[-1].split(",") for words in lines)


def users(engine: Engine, steps: list[Step], leaving: Collection[str] = ()) -> list[str]:
    """A reason for each volume that is to go and that a container, running or not, has: the engine would refuse."""
    removed = {step.volume["name"] for step in steps if step.action == "remove"}
    holders: dict[str, list[str]] = {}
    for container in engine.get("/containers/json", all=True) if removed else []:
        name = container["Names"][0].lstrip("/")
        for mount in container.get("Mounts") or []:
            if mount.get("Name") in removed and name not in leaving:
                holders.setdefault(mount["Name"], []).append(name)
    return [
        f"volume {name}: state: absent: {', '.join(sorted(names))} {'has' if len(names) == 1 else 'have'} it. "
        "Remove what has it first (module netmode.docker.containers), or leave the volume."
        for name, names in sorted(holders.items())
    ]


def _refuse_difference(volume: Volume, have: Volume) -> None:
    pairs = (("driver", volume["driver"], have["Driver"]), ("driver_opts", _texts(volume), have.get("Options") or {}))
    for option, wanted, found in pairs:
        if wanted != found:
            raise NetmodeError(
                f"volume {volume['name']}: {option}: it is there with {found!r}, not {wanted!r}, and holds data. "
                "Copy the data to a volume of another name, or remove it first with state: absent."
            )


def _texts(volume: Volume) -> dict[str, str]:
    return {str(key): str(value) for key, value in volume["driver_opts"].items()}


def apply(engine: Engine, step: Step) -> None:
    volume, name = step.volume, step.volume["name"]
    with engine.changing(f"volume {name}: {step.action}") as client:
        if step.action == "remove":
            client.remove_volume(name)
        else:
            labels = {compose_names.MADE_LABEL: "", **{str(key): str(value) for key, value in volume["labels"].items()}}
            client.create_volume(name, driver=volume["driver"], driver_opts=_texts(volume), labels=labels)
    if step.action == "create" and volume["uid"] is not None:
        _give(engine, volume)


def _give(engine: Engine, volume: Volume) -> None:
    """The owner of what is in an image replaces this one when the volume is first mounted there."""
    base = user_base(engine.get("/info"))
    at = engine.get(f"/volumes/{volume['name']}")["Mountpoint"]
    try:
        os.chown(at, base[0] + volume["uid"], base[1] + volume["gid"])
    except OSError as error:
        raise NetmodeError(f"volume {volume['name']}: uid: {at}: {error.strerror}.") from error


def report(volumes: list[Volume], steps: list[Step], before: dict[str, Volume]) -> dict[str, Any]:
    """The module's result, the same for what was done and for what check mode would do."""
    action = {step.volume["name"]: step.action for step in steps}
    told = {
        item["name"]: {
            "changed": item["name"] in action,
            "actions": [action[item["name"]]] if item["name"] in action else [],
        }
        for item in volumes
    }
    old = "".join(f"{item['name']}: {'present' if item['name'] in before else 'absent'}\n" for item in volumes)
    stays = left(volumes, before)
    new = "".join(f"{item['name']}: {'present' if item['name'] in stays else item['state']}\n" for item in volumes)
    return {"changed": bool(steps), "volumes": told, "left": stays, "diff": {"before": old, "after": new}}
