# SPDX-License-Identifier: GPL-3.0-or-later
"""A Redis in a container aside: what the module ``containers`` would make, without a network, and on other data.

Its image, user, limits and mounts are the instance's, its redis.conf and its socket are its own. Nothing of the host is
written through it but the data that it is given.
"""

from __future__ import annotations

import io
import socket
import tarfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._compose import mounts
from ansible_collections.netmode.docker.plugins.module_utils._containers import spec
from ansible_collections.netmode.docker.plugins.module_utils._containers.observe import observe
from ansible_collections.netmode.docker.plugins.module_utils._containers.plan import plan
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError

from .data import DATA_AT, SOCKET_AT

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

Json = dict[str, Any]
Instance = dict[str, Any]

AT, FILE = "/trial", "redis.conf"
"""Where in it its redis.conf is."""
NOT_GIVEN = frozenset(
    ("state", "recreate", "network_mode", "networks", "ports", "expose", "restart", "labels", "healthcheck")
)
"""Options of the instance's container that it has not."""
READY, ENDED, LATE = "ready", "ended", "late"
_READY = b"eady to accept connections"
_PAUSE = 0.1
"""Seconds until a log that has ended is asked for again."""


def body(engine: Engine, instance: Instance, name: str, label: str, mounted: Json) -> Json:
    """What to ask the engine for. ``mounted``: what ``mounts_of`` gives."""
    given = instance["trial"]["container"]
    entry = {key: value for key, value in given.items() if key not in NOT_GIVEN}
    entry.update(name=name, network_mode="none", command=[*given["command"][:-1], f"{AT}/{FILE}"], **mounted)
    wanted = spec.read([entry], engine.version)
    made: Json = plan(observe(engine, wanted), wanted).steps[0].data["body"]
    made.update(Tty=True, Healthcheck={"Test": ["NONE"]}, Labels={label: instance["name"]})  # a tty's log comes at once
    made["HostConfig"]["LogConfig"] = {"Type": "json-file"}  # the host's own may be one that cannot be read
    return made


def mounts_of(engine: Engine, instance: Instance, data: str) -> Json:
    """``data`` as its data, and every other mount read-only, where it is there: a mount would make what is not.

    Without ``data`` it has none, and keeps in memory what it writes.
    """
    try:
        given = mounts.volumes(instance["trial"]["container"].get("volumes") or [])
    except ValueError as error:
        raise NetmodeError(f"instance {instance['name']}: volumes: {error}.") from None
    uid, gid = instance["inside"]
    own = [f"{at}:uid={uid},gid={gid},mode=0700" for at in ([SOCKET_AT] if data else [DATA_AT, SOCKET_AT])]
    volumes = [AT, data] if data else [AT]
    for source, target, options in given:
        if target not in (DATA_AT, SOCKET_AT) and (not source or _is_there(engine, source)):
            volumes.append(":".join((source, target, ",".join({*options, "ro"}))) if source else target)
    return {"volumes": volumes, "tmpfs": [*(instance["trial"]["container"].get("tmpfs") or []), *own]}


def _is_there(engine: Engine, source: str) -> bool:
    if source.startswith("/"):
        return Path(source).exists()
    try:
        engine.get(f"/volumes/{source}")
    except NotFoundError:
        return False
    return True


def archive(instance: Instance, files: dict[str, bytes]) -> bytes:
    """To be put ``AT``: name → content, for the user that it runs as and nobody else."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o400
            member.uid, member.gid = instance["inside"]
            tar.addfile(member, io.BytesIO(content))
    return made.getvalue()


def make(engine: Engine, body: Json, name: str, what: str, written: bytes) -> str:
    """The id of a container that is not started, with this archive ``AT``. ``what``: for the message of a failure."""
    with engine.changing(what) as client:
        key = str(client.create_container_from_config(body, name)["Id"])
    try:
        with engine.changing(what) as client:
            client.put_archive(key, AT, written)
    except NetmodeError:
        with suppress(NetmodeError):
            remove(engine, key, "")
        raise
    return key


def remove(engine: Engine, key: str, what: str) -> None:
    """With its own volumes; ``what``: for the message of a failure."""
    with suppress(NotFoundError), engine.changing(what) as client:
        client.remove_container(key, force=True, v=True)


def listen(engine: Engine, key: str, seconds: float) -> tuple[str, str]:
    """Follow its log until it is READY, has ENDED, or time is over (LATE). Which, and the log.

    A log may end while it runs, too.
    """
    until = time.monotonic() + seconds
    while True:
        heard = _follow(engine, key, until)
        text = heard.decode(errors="replace")
        if _READY in heard:
            return READY, text
        if time.monotonic() >= until:
            return LATE, text
        if not engine.get(f"/containers/{key}/json")["State"]["Running"]:
            return ENDED, text
        time.sleep(_PAUSE)


def _follow(engine: Engine, key: str, until: float) -> bytes:
    """Its log, up to where it says that it is ready, or comes to an end, or time is over."""
    connection, heard = engine.stream(f"/containers/{key}/logs", follow=1, stdout=1, stderr=1)
    with connection:
        while _READY not in heard:
            connection.settimeout(max(0.01, until - time.monotonic()))
            try:
                chunk = connection.recv(1 << 16)
            except (socket.timeout, TimeoutError):
                break
            except OSError as error:
                raise engine.stopped(f"follow the log of {key[:12]}", error) from error
            if not chunk:
                break
            heard += chunk
    return heard
