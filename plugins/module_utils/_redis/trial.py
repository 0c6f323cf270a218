# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Redis starts: tried in a container of its own, before anything is changed.

Redis has no option that only checks. The trial is the container that the module ``containers`` would make, with its
image, user, limits and mounts, but without a network, and with an empty volume in the place of its data, whose owner
and permissions are those of the real one, and which the engine fills and gives away as it will do with that. Once Redis
is ready it is asked what the role and the health check will ask. What a killed run has left, the next one removes.
"""

from __future__ import annotations

import os
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import (
    NetmodeError,
    NotFoundError,
    UnreachableError,
)

from . import container, live, operator, protocol, tls_files
from .data import (
    DATA_AT,
    SEARCH,
    SOCKET_AT,
    WRITE,
    may,
    names_of,
)
from .files import content_of, tried_content_of
from .log import with_log
from .ping import ping
from .tls import lines_of_files
from .tried import LABEL, image_of, where

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine


Json = dict[str, Any]
Instance = dict[str, Any]
_PREFIX = "netmode-trial-"
_WITHIN = 20.0
"""Seconds. One that says nothing of itself until then is left to the real start."""
_ANSWERS_WITHIN = 5.0
"""Seconds."""
AS_BEFORE = "Its configuration and its container are as they were."


def refuse_failing(engine: Engine, instances: list[Instance]) -> dict[str, live.Said]:
    """Start one container for each instance, all at once. NetmodeError with the end of the log of one that ends.

    Returns what each that was ready, and says so, says of its configuration.
    """
    volumes: list[str] = []
    told: dict[str, live.Said] = {}
    started: list[tuple[Instance, str]] = []
    try:
        for instance in instances:
            volume = make_volume(engine, instance)
            volumes.append(volume["Name"])
            give(volume, instance)
            started.append((instance, create(engine, instance)))
            _refuse_place(engine, instance)
            start(engine, instance, started[-1][1])
        for instance, key in started:
            said = _probe(engine, instance, key) if _listen(engine, instance, key) else None
            if said:
                told[instance["name"]] = live.meant(instance, said)
    finally:
        sweep(engine, [key for _, key in started], volumes)
    return told


def sweep(engine: Engine, containers: list[str], volumes: list[str]) -> None:
    for key in containers:
        container.remove(engine, key, f"remove the trial {key}")
    for name in volumes:
        with suppress(NotFoundError), engine.changing(f"remove the volume {name} of a trial") as client:
            client.remove_volume(name)


# --- the container ----------------------------------------------------------------------------------------------------


def create(engine: Engine, instance: Instance, lines: Iterable[str] = ()) -> str:
    """``lines``: of its redis.conf, after all others."""
    name = _PREFIX + instance["name"]
    body = container.body(engine, instance, name, LABEL, _mounted(engine, instance))
    return container.make(engine, body, name, f"{where(instance)}: try its configuration", _archive(instance, lines))


def start(engine: Engine, instance: Instance, key: str) -> None:
    what = f"{where(instance)}: start the trial"
    try:
        with engine.changing(what) as client:
            client.start(key)
    except UnreachableError:
        raise
    except NetmodeError as error:
        why = str(error).removeprefix(f"{what}: ").rstrip(".")
        raise NetmodeError(
            f"{where(instance)}: its container would not start, as was tried with one of its own: {why}. {AS_BEFORE} "
            "See which option of the instance that names: image, server_command, user, volumes, sysctls, ulimits, "
            "mem_limit or cpus."
        ) from None


def _mounted(engine: Engine, instance: Instance) -> Json:
    """A volume of its own in the place of its data, which the engine fills where it would fill that."""
    data = f"{_PREFIX}{instance['name']}:{DATA_AT}"
    return container.mounts_of(engine, instance, data if instance["place"].empty else f"{data}:nocopy")


def make_volume(engine: Engine, instance: Instance) -> Json:
    """For its data."""
    name = _PREFIX + instance["name"]
    with engine.changing(f"{where(instance)}: make the volume of its trial") as client:
        made: Json = client.create_volume(name, labels={LABEL: instance["name"]})
    if LABEL not in (made.get("Labels") or {}):  # the engine gives the existing one of that name
        raise NetmodeError(
            f"{where(instance)}: there is a volume {name}, which was not made here, and that of the trial is called "
            f"so. {AS_BEFORE} Remove it, or give its data another name."
        )
    return made


def give(volume: Json, instance: Instance) -> None:
    """The volume of a trial the owner and permissions of the place that it stands for."""
    place = instance["place"]
    try:
        os.chown(volume["Mountpoint"], place.uid, place.gid)
        Path(volume["Mountpoint"]).chmod(place.mode)
    except OSError as error:
        raise NetmodeError(f"{where(instance)}: {error.filename}: {error.strerror}.") from None


def _refuse_place(engine: Engine, instance: Instance) -> None:
    """The engine has given the volume to its owner. Some Redis start all the same, and refuse writes later."""
    names = names_of(content_of(instance))
    there = Path(engine.get(f"/volumes/{_PREFIX}{instance['name']}")["Mountpoint"]).stat()
    if (names.aof or names.saves) and not may(there, instance["uid"], instance["gid"], WRITE | SEARCH):
        user, image = f"{instance['uid']}:{instance['gid']}", image_of(instance)
        raise NetmodeError(
            f"{where(instance)}: user: {user} may not write its data: the volume {instance['volume']} has, or gets "
            f"from the image {image}, the owner {there.st_uid}:{there.st_gid} and mode {there.st_mode & 0o7777:04o}. "
            f"Set user to that one, or volume to a directory of this host that belongs to {user}. {AS_BEFORE}"
        )


def _archive(instance: Instance, lines: Iterable[str]) -> bytes:
    """Its redis.conf and its certificate."""
    instead = [f"{name} {value}" for name, value in live.INSTEAD.items()]  # after all others, so these count
    instead += [line for line in lines_of_files(container.AT) if instance.get("tls")]
    conf = "\n".join([tried_content_of(instance), *instead, *lines, ""]).encode()
    return container.archive(instance, {container.FILE: conf, **tls_files.wanted(instance)})


# --- what it says and answers -----------------------------------------------------------------------------------------


def _listen(engine: Engine, instance: Instance, key: str) -> bool:
    """Whether it is ready before time is over; NetmodeError once it has ended."""
    how, said = container.listen(engine, key, _WITHIN)
    if how == container.ENDED:
        what = (
            f"{where(instance)}: Redis does not start with its new configuration, which was tried in a "
            f"container of its own. {AS_BEFORE} Fix the reported line and run this again."
        )
        raise NetmodeError(with_log(what, said))
    return how == container.READY


def _probe(engine: Engine, instance: Instance, key: str) -> live.Said | None:
    """What the role waits for after the start, and what the engine asks again and again. Returns what it says."""
    process = engine.get(f"/containers/{key}/json")["State"]["Pid"]
    at = f"/proc/{process}/root{SOCKET_AT}/redis.sock"
    secret = operator.credentials(instance)
    answer = _ask(instance, at, secret, key)
    if answer != "PONG":
        asked = f"PING, after AUTH as the user {secret[0]}," if secret else "PING"
        raise _wrong(
            instance, "password" if instance["trial"]["password"] else "settings", f"it answers {asked} with "
            f"{answer!r}, and the role would wait for PONG in vain. Leave the command PING as it is",
        )  # fmt: skip
    if secret and secret[0] == operator.DEFAULT and _ask(instance, at, None, key) == "PONG":
        raise _wrong(
            instance, "password", "it answers PING without it as well: a line of settings lets everybody in. "
            "Leave the user default out of settings, or give the users of an ACL other names",
        )  # fmt: skip
    _probe_health(engine, instance, key)
    try:
        with closing(protocol.Connection(endpoint_in(instance, at, secret, key), _ANSWERS_WITHIN)) as own:
            protocol.let_in(own, endpoint_in(instance, at, secret, key))
            why = operator.refused(own) if instance["operator"] else ""
            said = None if why else live.said(own)
    except (OSError, protocol.NotMeantError, protocol.NotRedisError):  # then nothing is compared
        return None
    if why:
        raise _wrong(
            instance, "users", f"it does not let the user {operator.NAME} do all that the role asks ({why}). Leave the "
            "user default on, and without rules of its own",
        )  # fmt: skip
    return said


def endpoint_in(instance: Instance, at: str, secret: operator.Credentials | None, key: str) -> protocol.Endpoint:
    username, password = secret or (None, None)
    return protocol.Endpoint(instance["name"], socket=at, username=username, password=password, container=key)


def _ask(instance: Instance, at: str, secret: operator.Credentials | None, key: str) -> str:
    said = ping(endpoint_in(instance, at, secret, key), _ANSWERS_WITHIN)
    return str(said["answer"] or said["error"])


def _probe_health(engine: Engine, instance: Instance, key: str) -> None:
    command = (instance["trial"]["container"].get("healthcheck") or {}).get("test") or ["NONE"]
    if command[0] != "CMD":
        return
    what = f"{where(instance)}: try its health check"
    try:
        with engine.changing(what) as client:
            run = client.exec_create(key, command[1:])
            said = client.exec_start(run).decode(errors="replace").strip()
            status = client.exec_inspect(run)["ExitCode"]
    except UnreachableError:
        raise
    except NetmodeError as error:  # a program that is not there: engines tell it here or there
        said, status = str(error).removeprefix(f"{what}: "), 127
    if status:
        raise _wrong(
            instance, "cli_command", f"its health check, {' '.join(command[1:])}, ends with status {status}: {said}. "
            "Name the client that the image has",
        )  # fmt: skip


def _wrong(instance: Instance, option: str, why: str) -> NetmodeError:
    return NetmodeError(
        f"{where(instance)}: {option}: Redis starts with its new configuration, which was tried in a container of its "
        f"own, but {why}. {AS_BEFORE}"
    )
