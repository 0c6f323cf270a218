# SPDX-License-Identifier: GPL-3.0-or-later
"""A container recreated as it is: the request that makes its equal, whoever made it with whatever options, and a
comparison of the two, so that what an engine does not give again is refused before anything stops.

Pure functions over the engine's inspect (Docker Engine API, ContainerInspect and ContainerCreate).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._compose import values

from . import endpoints as ends
from . import modes, mounted
from . import options as containers_options
from .observe import links
from .state import NEW_SUFFIX, OLD_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

Json = dict[str, Any]

_JOINED = ("NetworkMode", "PidMode", "IpcMode")
"""Options of HostConfig that may be ``container:ID``."""
_DONORS_OWN = ("Hostname", "Domainname", "ExposedPorts", "MacAddress")
"""What a sharer has from its donor or its image, and may not be asked for."""
_LISTED = frozenset(option.path.rpartition(".")[2] for option in containers_options.OPTIONS if "." in option.path) | {
    "NetworkMode", "AutoRemove", "Mounts", "LogConfig", "MaskedPaths", "ReadonlyPaths", "ContainerIDFile",
    "ConsoleSize", "PublishAllPorts",
}  # fmt: skip
"""What of HostConfig is the list's, the engine's (the log driver follows its settings), or the client's."""
_NETWORKS_OWN = frozenset({"Links", "UTSMode"})
_USUAL = {"Runtime": "runc", "IpcMode": "private", "Isolation": "default"}
_NAMED_EMPTY = frozenset({"MaskedPaths", "ReadonlyPaths", "Entrypoint"})
"""Where an empty list is another value than none."""


def body(inspect: Json, image: str, replaced: Mapping[str, str], inherited: Collection[str]) -> Json:
    """The request body of ContainerCreate, without networks.

    ``image``: a name that means the container's image, or its id. ``replaced``: id and name of a container that it
    joins or links to → the id to join instead. ``inherited``: paths of mounts that ``volumes-from`` gives again.
    """
    config, host = dict(inspect["Config"]), dict(inspect["HostConfig"])
    config["Image"] = image
    config["Entrypoint"] = config.get("Entrypoint") or [""]  # none would be the image's
    rejoin(host, replaced)
    if host["NetworkMode"].startswith("container:"):
        for option in _DONORS_OWN:
            config.pop(option, None)
    if config.get("Hostname") == inspect["Id"][:12] or host.get("UTSMode") == "host":
        config.pop("Hostname", None)
    host["Links"] = [f"{replaced.get(target, target)}:{alias}" for target, alias in links(inspect)]
    host["Mounts"] = [_named(mount, inspect) for mount in host.get("Mounts") or []]
    host["Binds"] = [*(host.get("Binds") or []), *_anonymous(inspect, inherited)]
    return {**config, "HostConfig": host}


def rejoin(host: Json, replaced: Mapping[str, str]) -> None:
    """Let a HostConfig name those that take the place of the containers whose namespaces it joins."""
    for option in _JOINED:
        mode, _, reference = str(host.get(option) or "").partition(":")
        if mode == "container":
            host[option] = f"container:{replaced.get(reference, reference)}"


def _named(mount: Json, inspect: Json) -> Json:
    """A volume that was given no name has one by now, and its data under it."""
    if mount.get("Type") != "volume" or mount.get("Source"):
        return mount
    here = [one for one in inspect["Mounts"] if _clean(one["Destination"]) == _clean(mount["Target"])]
    return {**mount, "Source": here[0]["Name"]} if here else mount


def _anonymous(inspect: Json, inherited: Collection[str]) -> Iterator[str]:
    """Binds for volumes that the image or ``-v /path`` asked for: their data is under a name of the engine's."""
    host = inspect["HostConfig"]
    given = {_clean(bind.split(":")[1]) for bind in host.get("Binds") or []}
    given |= {_clean(mount.get("Target") or "/") for mount in host.get("Mounts") or []}
    for mount in inspect.get("Mounts") or []:
        target = mount["Destination"]
        if mount.get("Type") == "volume" and _clean(target) not in given | set(inherited):
            yield f"{mount['Name']}:{target}" + ("" if mount.get("RW", True) else ":ro")


def _clean(path: str) -> str:
    return str(values.clean(path))


def keep(made: Json, inspect: Json, wanted: Json) -> None:
    """Add to the request for a list entry's new container what the old one has and the list has no name for.

    ``wanted``: the entry's options as :func:`_options.expected` gives them.
    """
    host, new = inspect["HostConfig"], made["HostConfig"]
    same_kind = modes.kind(host["NetworkMode"]) == modes.kind(new["NetworkMode"])
    for key, value in host.items():
        own = key in _LISTED or (key in _NETWORKS_OWN and not same_kind) or _USUAL.get(key) == value
        if value and not own and not (key in ("CpuPeriod", "CpuQuota") and new.get("NanoCpus")):
            new.setdefault(key, value)
    for key in ("Tty", "OpenStdin", *(["Domainname"] if same_kind and not wanted["hostname"] else [])):
        if inspect["Config"].get(key):
            made.setdefault(key, inspect["Config"][key])
    _keep_mounts(new, host.get("Mounts") or [], wanted)


def _keep_mounts(new: Json, mounts: list[Json], wanted: Json) -> None:
    """A mount that the entry asks for keeps its further options; a kind that it has no name for is kept."""
    for mount in mounts:
        if mount.get("Type") in ("bind", "volume"):
            source, target, options = volume = mounted.mount(mount)
            bind = ":".join(filter(None, (source, target, ",".join(options))))
            if volume not in wanted["volumes"] or bind not in new["Binds"] or not source:
                continue
            new["Binds"].remove(bind)
        elif mount.get("Type") == "tmpfs":
            continue
        new.setdefault("Mounts", []).append(mount)


def inherited(inspect: Json, sources: list[Json]) -> set[str]:
    """Paths of the mounts that a container has from those of ``volumes-from``, given these by their inspect."""
    own = {_clean(bind.split(":")[1]) for bind in inspect["HostConfig"].get("Binds") or []}
    here = {_clean(mount["Destination"]): mount for mount in inspect.get("Mounts") or []}
    found = set()
    for source in sources:
        for mount in source.get("Mounts") or []:
            path = _clean(mount["Destination"])
            same = all(here.get(path, {}).get(key) == mount.get(key) for key in ("Type", "Name", "Source"))
            if same and path not in own:
                found.add(path)
    return found


def endpoints(inspect: Json) -> dict[str, Json]:
    """Network → what was asked of the endpoint, the first network first; what the engine gave it gives again."""
    mode = inspect["HostConfig"]["NetworkMode"]
    if modes.kind(mode) not in ("bridge", "network"):
        return {}
    found = {}
    for name, end in (inspect["NetworkSettings"].get("Networks") or {}).items():
        asked = {key: end[key] for key in ("IPAMConfig", *ends.UNLISTED) if end.get(key)}
        asked["Aliases"] = [alias for alias in end.get("Aliases") or [] if alias != inspect["Id"][:12]]
        found[name] = {key: value for key, value in asked.items() if value}
    first = next((name for name in found if _is_first(mode, name, inspect)), next(iter(found), ""))
    if first and inspect["Config"].get("MacAddress"):
        found[first]["MacAddress"] = inspect["Config"]["MacAddress"]
    return {first: found.pop(first), **found} if first else {}


def _is_first(mode: str, name: str, inspect: Json) -> bool:
    """A NetworkMode may be the network's name or its id, and ``default`` is ``bridge``."""
    if modes.kind(mode) == "bridge":
        return name == "bridge"
    return name == mode or str(inspect["NetworkSettings"]["Networks"][name].get("NetworkID") or "-").startswith(mode)


def lost(before: Json, after: Json, replaced: Mapping[str, str]) -> list[str]:
    """What the second, made by :func:`body` and not started yet, has otherwise than the first: ``HostConfig.Runtime``.

    Times, ids, and the namespaces that :func:`body` has replaced are no difference.
    """
    found = [] if before["Image"] == after["Image"] else ["Image"]
    old, new = _told(before, replaced), _told(after, {})
    return found + [key for key in sorted({*old, *new}) if not _same(key, old.get(key), new.get(key))]


def _same(key: str, one: Any, other: Any) -> bool:
    """No list and an empty one are the same for nearly all options; no number and 0 are not."""
    if key.rpartition(".")[2] not in _NAMED_EMPTY:
        one, other = (None if value in ([], {}, "") else value for value in (one, other))
    return bool(one == other) and (one is None) == (other is None)


def _told(inspect: Json, replaced: Mapping[str, str]) -> Json:
    """Everything that was asked for, by its path."""
    shares = inspect["HostConfig"]["NetworkMode"].startswith("container:")
    config = {key: value for key, value in inspect["Config"].items() if key != "Image"}
    if shares or inspect["HostConfig"].get("UTSMode") == "host" or config.get("Hostname") == inspect["Id"][:12]:
        config.pop("Hostname", None)
    if shares:
        config = {key: value for key, value in config.items() if key not in _DONORS_OWN}
    host = dict(inspect["HostConfig"])
    rejoin(host, replaced)
    host["Links"] = sorted((_final(target), alias) for target, alias in links(inspect))
    host["Binds"] = sorted(bind for bind in host.get("Binds") or [] if not mounted.ANONYMOUS.match(bind))
    host["Mounts"] = [_without_anonymous(mount) for mount in host.get("Mounts") or []]
    found = {f"Config.{key}": value for key, value in config.items()}
    found.update({f"HostConfig.{key}": value for key, value in host.items()})
    for mount in inspect.get("Mounts") or []:
        kept = {key: mount.get(key) for key in ("Type", "Name", "Source", "Driver", "RW", "Propagation")}
        found[f"Mounts: {_clean(mount['Destination'])}"] = kept
    for network, asked in endpoints(inspect).items():
        found[f"Networks: {network}"] = {**asked, "there": True}
    return found


def _without_anonymous(mount: Json) -> Json:
    named = not mounted.ANONYMOUS.fullmatch(mount.get("Source") or "")
    return mount if named else {key: value for key, value in mount.items() if key != "Source"}


def _final(name: str) -> str:
    """The name that a container has once it took over."""
    return name.removesuffix(NEW_SUFFIX).removesuffix(OLD_SUFFIX)
