# SPDX-License-Identifier: GPL-3.0-or-later
"""What is mounted in a container, from its inspect, in one form whichever way it was asked for.

``-v``, ``--mount``, ``--tmpfs``, Compose and the image's VOLUME each leave it in another place: HostConfig.Binds,
HostConfig.Mounts, HostConfig.Tmpfs, Config.Volumes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._compose import values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Json = dict[str, Any]
Volume = tuple[str, str, tuple[str, ...]]
"""Source (none: an anonymous volume), target, options."""

ANONYMOUS = re.compile(r"[0-9a-f]{64}")
"""The name that the engine gives to a volume that was given none."""
_NEEDLESS = {"rw", "rprivate", "consistent", "cached", "delegated"}
"""Options that say what holds without them on Linux."""
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50, "e": 2**60}


def volumes(config: Json, host: Json) -> list[Volume]:
    """Binds and volumes. One that a tmpfs lies over is none: no process of the container sees it."""
    found = [_bind(bind) for bind in host.get("Binds") or []]
    found += [mount(one) for one in host.get("Mounts") or [] if one.get("Type") in ("bind", "volume")]
    bound = {target for _, target, _ in found} | set(tmpfs(host))
    anonymous = {values.clean(path) for path in config.get("Volumes") or {}}
    return sorted([*found, *(("", path, ()) for path in anonymous - bound)])


def _bind(bind: str) -> Volume:
    source, colon, rest = bind.partition(":")
    if not colon:
        source, rest = "", bind
    target, _, options = rest.partition(":")
    return canonical((source, target, tuple(options.split(","))))


def mount(asked: Json) -> Volume:
    """One of HostConfig.Mounts, a bind or a volume."""
    options = ["ro"] if asked.get("ReadOnly") else []
    options.append((asked.get("BindOptions") or {}).get("Propagation") or "")
    options.append("nocopy" if (asked.get("VolumeOptions") or {}).get("NoCopy") else "")
    return canonical((asked.get("Source") or "", asked.get("Target") or "/", tuple(options)))


def canonical(volume: Volume) -> Volume:
    source, target, options = volume
    return (
        values.clean(source) if source.startswith("/") else source,
        values.clean(target),
        tuple(sorted(set(filter(None, options)) - _NEEDLESS)),
    )


def tmpfs(host: Json) -> dict[str, str]:
    """{target: options}, those of ``--mount type=tmpfs`` too."""
    found = {values.clean(path): options for path, options in (host.get("Tmpfs") or {}).items()}
    for mount in host.get("Mounts") or []:
        if mount.get("Type") == "tmpfs":
            given = mount.get("TmpfsOptions") or {}
            options = ["ro"] if mount.get("ReadOnly") else []
            options += [f"size={given['SizeBytes']}"] if given.get("SizeBytes") else []
            options += [f"mode={given['Mode']:o}"] if given.get("Mode") else []
            found[values.clean(mount.get("Target") or "/")] = ",".join(options)
    return found


def tmpfs_options(options: str) -> list[str]:
    """To compare: sizes in bytes, without what holds anyway."""
    return sorted({_sized(option) for option in options.split(",")} - {"", "rw", "defaults"})


def _sized(option: str) -> str:
    match = re.fullmatch(r"size=(\d+)([kmgtpe]?)", option.lower())
    return f"size={int(match[1]) * _UNITS[match[2]]}" if match else option


def is_anonymous(volume: Volume) -> bool:
    """Made by the engine for a container that asked for a volume without a name, and handed on since."""
    return bool(ANONYMOUS.fullmatch(volume[0]))


def settled(current: Iterable[Volume], wanted: Iterable[Volume], declared: set[str]) -> list[Volume]:
    """The current volumes with those that were handed on from a container before told as what is wanted there.

    An anonymous volume that was handed on is bound by its name. It is the one that is wanted at its place; where
    nothing is, and nothing of the container ``declared`` it, it holds the data of an image that asked for a volume.
    """
    wanted = set(wanted)
    places = {target for _, target, _ in wanted}
    found = []
    for volume in current:
        asked = ("", volume[1], ())
        if not is_anonymous(volume) or volume in wanted:
            found.append(volume)
        elif asked in wanted:
            found.append(asked)
        elif volume[1] in places or volume[1] in declared:
            found.append(volume)
    return sorted(found)


class Handed(NamedTuple):
    """What becomes of a container's anonymous volumes when another takes its place."""

    kept: list[str]
    """Binds of the new one."""
    unused: list[str]
    """Names of those that a tmpfs hid: nothing was ever written there."""
    left: list[str]
    """Names of those that the new one has no place for: they may hold data."""


def hand_on(inspect: Json, image: Json, wanted: Sequence[Volume], over: Mapping[str, str]) -> Handed:
    """``image``: the old container's Config of its image; ``wanted``, ``over``: volumes and tmpfs of the new container.

    A volume that the old image asked for goes along, also to an image that asks for none: it holds the data.
    """
    handed = Handed([], [], [])
    anonymous = {target for source, target, _ in wanted if not source}
    taken = {target for source, target, _ in wanted if source} | set(over)
    declared = {values.clean(path) for path in image.get("Volumes") or {}}
    asked = {values.clean(path) for path in inspect["Config"].get("Volumes") or {}}
    hidden = tmpfs(inspect["HostConfig"])
    for mount in inspect.get("Mounts") or []:
        if mount.get("Type") != "volume" or not ANONYMOUS.fullmatch(mount["Name"]):
            continue
        target = values.clean(mount["Destination"])
        if target in hidden:
            handed.unused.append(mount["Name"])
        elif target in anonymous or (target not in taken and (target in declared or target not in asked)):
            handed.kept.append(f"{mount['Name']}:{target}")
        elif (mount["Name"], target) not in {(source, at) for source, at, _ in wanted}:
            handed.left.append(mount["Name"])
    return handed
