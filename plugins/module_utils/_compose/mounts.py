# SPDX-License-Identifier: GPL-3.0-or-later
"""What is mounted into a container and written into it: volumes, tmpfs and configs, in Compose's ways of writing them.

An engine looks at these only while it creates or starts a container. Errors are ValueError with the reason.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import names
from .numbers import permissions
from .values import boolean, fields, path, strings, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

File = tuple[str, int, int, int]
"""Content, mode, uid, gid."""

_OPTIONS = {
    "access": ("ro", "rw"),
    "label": ("z", "Z"),
    "consistency": ("consistent", "cached", "delegated"),
    "copy": ("nocopy",),
    "propagation": ("private", "rprivate", "shared", "rshared", "slave", "rslave"),
}
"""Kind → options of a mount, of which one at most may be given: moby, volume/mounts/linux_parser.go."""
_OF_VOLUMES, _OF_BINDS = "copy", "propagation"

_TMPFS_FLAGS = frozenset(
    """defaults ro rw suid nosuid dev nodev exec noexec sync async dirsync mand nomand atime noatime diratime nodiratime
    relatime norelatime strictatime nostrictatime private rprivate shared rshared slave rslave unbindable
    runbindable""".split()
)
_TMPFS_VALUES = {
    "size": r"\d+([kmgtpe]|%)?", "mode": r"[0-7]{1,4}", "uid": r"\d+", "gid": r"\d+",
    "nr_inodes": r"\d+[kmgtpe]?", "nr_blocks": r"\d+[kmgtpe]?", "mpol": r".+",
}  # fmt: skip
"""Options that tmpfs(5) has a value for → what the kernel takes for it."""

_MADE_AT_START = ("/proc", "/sys", "/dev")
_NO_ID = 2**32 - 1


def volumes(value: Any) -> list[tuple[str, str, tuple[str, ...]]]:
    """Compose's volumes, short or long, as (source, target, options); no source: an anonymous volume.

    ``rw`` is the default and left out. Relative sources are refused: a playbook has no project directory on the host.
    """
    found = []
    for item in value if isinstance(value, list) else [value]:
        source, target, options = _long_volume(item) if isinstance(item, dict) else _short_volume(text(item))
        if source.startswith((".", "~")):
            raise ValueError(f"{item!r}: the path on the host must be absolute")
        _refuse_options(item, source, options)
        if source and not source.startswith("/"):
            names.volume(source)
        found.append((source.rstrip("/") or source, _place(target), tuple(sorted(set(options) - {"rw"}))))
    _refuse_twice(target for _, target, _ in found)
    return sorted(found)


def _place(given: str) -> str:
    """Where in the container something is mounted."""
    target = path(given)
    if target == "/":
        raise ValueError(f"{given!r}: nothing can be mounted over the container's whole root")
    if ":" in target:
        raise ValueError(f"{given!r}: the engine takes no path with a colon")
    return target


def _refuse_twice(targets: Iterable[str]) -> None:
    seen: set[str] = set()
    for target in targets:
        if target in seen:
            raise ValueError(f"{target} is mounted twice")
        seen.add(target)


def _refuse_options(item: Any, source: str, options: list[str]) -> None:
    kinds = {option: kind for kind, all_ in _OPTIONS.items() for option in all_}
    seen: dict[str, str] = {}
    for option in options:
        kind = kinds.get(option, "")
        if not kind:
            raise ValueError(f"{item!r}: unknown option {option!r}")
        if not source:
            raise ValueError(f"{item!r}: an anonymous volume takes no option: give it a name or leave {option!r} out")
        if kind == (_OF_VOLUMES if source.startswith("/") else _OF_BINDS):
            what = "a volume, not for a path on the host" if kind == _OF_VOLUMES else "a path on the host, not a volume"
            raise ValueError(f"{item!r}: {option!r} is for {what}")
        if seen.setdefault(kind, option) != option:
            raise ValueError(f"{item!r}: {seen[kind]!r} and {option!r} exclude each other")


def _short_volume(given: str) -> tuple[str, str, list[str]]:
    parts = given.split(":")
    if len(parts) == 1:
        return "", parts[0], []
    if len(parts) > 3:
        raise ValueError(f"{given!r} is not source:target or source:target:options")
    return parts[0], parts[1], parts[2].split(",") if len(parts) == 3 else []


def _long_volume(given: dict[str, Any]) -> tuple[str, str, list[str]]:
    fields(given, "type source target read_only bind volume")
    kind = given.get("type", "volume")
    if kind not in ("volume", "bind"):
        raise ValueError(f"{given!r}: type {kind!r} is not volume or bind (a tmpfs has an option of its own)")
    source = text(given.get("source") or "")
    if (kind == "bind") != source.startswith("/"):
        raise ValueError(f"{given!r}: a bind has an absolute path as its source, a volume has a name")
    if ":" in source:
        raise ValueError(f"{given!r}: the engine takes no path with a colon")
    options = ["ro"] if boolean(given.get("read_only") or False) else []
    propagation = fields(given.get("bind"), "propagation").get("propagation")
    if propagation:
        options.append(text(propagation))
    if boolean(fields(given.get("volume"), "nocopy").get("nocopy") or False):
        options.append("nocopy")
    return source, text(given.get("target") or ""), options


def tmpfs(value: Any) -> dict[str, str]:
    mounts = []
    for item in strings(value):
        at, colon, options = item.partition(":")
        for option in options.split(",") if colon and options else []:
            name, equals, given = option.partition("=")
            if equals and name in _TMPFS_VALUES:
                if not re.fullmatch(_TMPFS_VALUES[name], given, re.IGNORECASE):
                    raise ValueError(f"{item!r}: {given!r} is not a value for {name}")
            elif option not in _TMPFS_FLAGS:
                raise ValueError(f"{item!r}: unknown option {option!r} (examples: size=64m, mode=1777, noexec)")
        mounts.append((_place(at), options))
    _refuse_twice(target for target, _ in mounts)
    return dict(mounts)


def configs(value: list[dict[str, Any]]) -> dict[str, File]:
    """``[{target, content, mode, uid, gid}]`` → ``{target: (content, mode, uid, gid)}``."""
    found: dict[str, File] = {}
    for item in value:
        target = path(item["target"])
        if item["target"].endswith("/"):
            raise ValueError(f"{item['target']!r} names a directory; a file is wanted (example: /etc/redis.conf)")
        if target in found:
            raise ValueError(f"{target} is written twice")
        for option in ("uid", "gid"):
            if not 0 <= item[option] < _NO_ID:
                raise ValueError(f"{target}: {option} {item[option]} is not between 0 and {_NO_ID - 1}")
        found[target] = (item["content"], _permissions(target, item["mode"]), item["uid"], item["gid"])
    for target in found:
        inner = next((other for other in found if other.startswith(f"{target}/")), None)
        if inner:
            raise ValueError(f"{target} cannot be a file, for {inner} lies in it")
    return found


def _permissions(target: str, given: Any) -> int:
    try:
        return permissions(given)
    except ValueError as error:
        raise ValueError(f"{target}: mode: {error}") from None


def refuse_unreachable(files: Iterable[str], options: Mapping[str, Any]) -> None:
    """ValueError for a file that the engine cannot write or the container would not see, by what it would lie on."""
    grounds = dict.fromkeys(_MADE_AT_START, "is made when the container starts")
    for _, target, flags in options.get("volumes") or []:
        grounds[target] = "is a volume that is read-only (ro), for the engine as well" if "ro" in flags else ""
    for target in options.get("tmpfs") or {}:
        grounds[target] = "is a tmpfs, which is empty when the container starts"
    for file in files:
        if file in grounds:
            raise ValueError(f"{file} is a mount itself. Choose another path or another mount")
        below = max((at for at in grounds if file.startswith(f"{at}/")), key=len, default="")
        if below and grounds[below]:
            raise ValueError(f"{file} would not be there: {below} {grounds[below]}. Choose another path")
        if not below and options.get("read_only"):
            raise ValueError(
                f"the engine cannot write {file} into a container with read_only: true. "
                "Put it on one of its volumes, or mount a directory of the host with volumes instead"
            )
