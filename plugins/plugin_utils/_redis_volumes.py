# SPDX-License-Identifier: GPL-3.0-or-later
"""The volumes of a host's Redis, as far as variables show what is wrong: names, places, and who else is given one."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._compose import mounts, values
from ansible_collections.netmode.docker.plugins.module_utils._compose import names as compose_names
from ansible_collections.netmode.docker.plugins.module_utils._redis.data import CONFIG_AT, DATA_AT, SOCKET_AT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.netmode.docker.plugins.module_utils._redis.problems import Problems, Settings

_TAKEN = {
    DATA_AT: "there the volume of the data is. Name another one, or a path of the host, with volume",
    CONFIG_AT: "there the directory of redis.conf is. Choose another path",
    SOCKET_AT: "there the directory of the socket is. Choose another path",
}


def volume_of(instance: Settings) -> str:
    """The volume of its data, or a path of the host."""
    return str(instance["volume"] or f"{instance['name']}-data").rstrip("/") or "/"


def made_volumes(instances: list[Settings]) -> list[dict[str, Any]]:
    """Those by name: a path of the host is neither made nor removed."""
    users = {volume_of(item): str(item["user"]).partition(":") for item in instances}
    return [
        {"name": name, "uid": int(uid), "gid": int(gid)} for name, (uid, _, gid) in users.items() if name[:1] != "/"
    ]


def named_volumes(instances: list[Settings]) -> list[str]:
    """A path of the host is neither made nor removed."""
    return [name for name in dict.fromkeys(map(volume_of, instances)) if not name.startswith("/")]


def check_volumes(instances: list[Settings], companions: list[dict[str, Any]], problems: Problems) -> None:
    for instance in instances:
        why = _why_no_volume(volume_of(instance))
        if why:
            problems.add(instance["name"], "volume", why)
        for _, target, _ in _mounted(instance, problems):
            if target in _TAKEN:
                problems.add(instance["name"], "volumes", f"{target}: {_TAKEN[target]}.")
    owners = {volume_of(instance): instance["name"] for instance in instances}
    for companion in companions:
        for source, target, options in _given(companion.get("volumes")):
            if source in owners and "ro" not in options and _is_server(companion, instances):
                problems.add(
                    owners[source], "volume", f"the container {companion['name']} of redis_companions has {source} at "
                    f"{target} as well, and runs a server. Two servers on one volume write over each other's files: "
                    "give it another one, or mount it there read-only (ro).",
                )  # fmt: skip


def check_places(instances: list[Settings], config_dir: str, socket_dir: str, problems: Problems) -> None:
    """redis.conf, socket and data each have a directory of their own, as each has owners and a mode of its own.

    Whoever may write in a directory could put a link in the place of another one within it.
    """
    for option, path in (("redis_config_dir", config_dir), ("redis_socket_dir", socket_dir)):
        if not _is_directory(path):
            problems.told.append(
                f"{problems.host}: {option}: {path!r} is not an absolute path. Write it like /srv/redis."
            )
            return
    names = [instance["name"] for instance in instances]
    configs = {values.clean(f"{config_dir}/{name}"): f"redis.conf of {name}" for name in names}
    sockets = {values.clean(f"{socket_dir}/{name}"): f"the socket of {name}" for name in names}
    for instance in instances:
        volume, socket = volume_of(instance), values.clean(f"{socket_dir}/{instance['name']}")
        if _is_directory(volume):
            _refuse_shared(instance, "volume", values.clean(volume), {**configs, **sockets}, problems)
        _refuse_shared(instance, "redis_socket_dir", socket, configs, problems)


def _refuse_shared(instance: Settings, option: str, path: str, others: dict[str, str], problems: Problems) -> None:
    for other, what in others.items():
        if f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/"):
            problems.add(
                instance["name"], option, f"{path} is, holds or lies in {other}, the directory of {what}. "
                "Give each a directory of its own.",
            )  # fmt: skip
            return


def _is_directory(path: str) -> bool:
    return path.startswith("/") and ":" not in path and path.strip("/") != "" and "/../" not in f"{path}/"


def _why_no_volume(volume: str) -> str:
    if volume.startswith("/"):
        if not _is_directory(volume):
            return f"{volume!r} is not a directory that data could be kept in. Write it like /srv/redis."
        return ""
    try:
        compose_names.volume(volume)
    except ValueError as error:
        return f"{error}. Give the name of a volume, or an absolute path of the host."
    return ""


def _mounted(instance: Settings, problems: Problems) -> list[tuple[str, str, tuple[str, ...]]]:
    try:
        return mounts.volumes(instance["volumes"])
    except (ValueError, TypeError) as error:
        problems.add(instance["name"], "volumes", f"{error}.")
        return []


def _given(volumes: Any) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Those that can be read: what is wrong with others the module containers says."""
    for item in volumes if isinstance(volumes, list) else []:
        with suppress(ValueError, TypeError):
            yield from mounts.volumes([item])


def _is_server(companion: dict[str, Any], instances: list[Settings]) -> bool:
    """By its command, or where it has none by an image that instances run Redis from."""
    command = companion.get("command")
    if not command:
        return companion.get("image") in {instance["image"] for instance in instances}
    words = command.split() if isinstance(command, str) else [str(word) for word in command]
    servers = {str(instance["server_command"]) for instance in instances}
    return any(word in servers or word.endswith("-server") for word in words)
