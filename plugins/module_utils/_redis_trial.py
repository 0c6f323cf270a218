# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Redis starts with a configuration: tried in a container of its own, before anything is changed.

Redis has no option that only checks. Here it starts without network, data or persistence, and is removed when it says
that it is ready, or why it is not.
"""

from __future__ import annotations

import io
import socket
import tarfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils import _mounts
from ansible_collections.netmode.docker.plugins.module_utils._container_log import with_log
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError
from ansible_collections.netmode.docker.plugins.module_utils._redis_files import content_of

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine import Engine

Instance = dict[str, Any]

_READY = b"eady to accept connections"
_WITHIN = 20.0
"""Seconds. One that says nothing of itself until then is left to the real start."""
_PAUSE = 0.1
"""Seconds until a log that has ended is asked for anew."""
_AT = "trial/redis.conf"
_INSTEAD = """
bind 127.0.0.1
unixsocket /tmp/redis.sock
daemonize no
dir /tmp
appendonly no
save ""
logfile ""
loglevel notice
"""
"""After all others, so that these count: it touches nothing, and says on its output how it goes."""


def refuse_failing(engine: Engine, instances: list[Instance]) -> None:
    """Start one container for each instance, all at once. NetmodeError with the end of the log of one that ends."""
    started: list[tuple[Instance, str]] = []
    try:
        for instance in instances:
            started.append((instance, _create(engine, instance)))
            with engine.changing(f"{_where(instance)}: start the trial") as client:
                client.start(started[-1][1])
        for instance, key in started:
            _listen(engine, instance, key)
    finally:
        for instance, key in started:
            with engine.changing(f"{_where(instance)}: remove the trial") as client:
                client.remove_container(key, force=True, v=True)


def _where(instance: Instance) -> str:
    return f"instance {instance['name']}"


def _create(engine: Engine, instance: Instance) -> str:
    trial = instance["trial"]
    binds = [f"{source}:{target}:ro" for source, target in _mounted(engine, instance)]
    mounted = {bind.split(":")[1] for bind in binds}
    body = {
        "Image": trial["image"],
        "Cmd": [*trial["command"], f"/{_AT}"],
        "User": f"{instance['uid']}:{instance['gid']}",
        "Tty": True,  # so the log comes as it is written
        "HostConfig": {
            "NetworkMode": "none",
            "Binds": binds,
            "Tmpfs": {path: "" for path in ("/tmp", "/data") if path not in mounted},  # noqa: S108 (in the container)
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "LogConfig": {"Type": "json-file"},  # the host's own may be one that cannot be read
        },
    }
    with engine.changing(f"{_where(instance)}: try its configuration") as client:
        key = str(client.create_container_from_config(body)["Id"])
    try:
        with engine.changing(f"{_where(instance)}: write the configuration of its trial") as client:
            client.put_archive(key, "/", _archive(instance))
    except NetmodeError:
        with suppress(NetmodeError), engine.changing("") as client:
            client.remove_container(key, force=True, v=True)
        raise
    return key


def _mounted(engine: Engine, instance: Instance) -> list[tuple[str, str]]:
    """(source, target) of what a directive may refer to, where it is there: a mount would make what is not."""
    try:
        data = [f"{instance['volume']}:/data"] if instance["volume"] else []
        given = _mounts.volumes([*instance["trial"]["volumes"], *data])
    except ValueError as error:
        raise NetmodeError(f"{_where(instance)}: volumes: {error}.") from None
    return [(source, target) for source, target, _ in given if source and _is_there(engine, source)]


def _is_there(engine: Engine, source: str) -> bool:
    if source.startswith("/"):
        return Path(source).exists()
    try:
        engine.get(f"/volumes/{source}")
    except NotFoundError:
        return False
    return True


def _archive(instance: Instance) -> bytes:
    """Its redis.conf, for the user that it runs as and nobody else."""
    data = (content_of(instance) + _INSTEAD).encode()
    member = tarfile.TarInfo(_AT)
    member.size, member.mode, member.uid, member.gid = len(data), 0o400, instance["uid"], instance["gid"]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(member, io.BytesIO(data))
    return archive.getvalue()


def _listen(engine: Engine, instance: Instance, key: str) -> None:
    """Until it is ready or time is over; NetmodeError once it has ended. The log of one that runs may end, too."""
    until = time.monotonic() + _WITHIN
    while True:
        said = _follow(engine, key, until)
        if said is None:
            return
        if not engine.get(f"/containers/{key}/json")["State"]["Running"]:
            what = (
                f"{_where(instance)}: Redis does not start with its new configuration, which was tried in a "
                "container of its own. Nothing was changed. Mend what it names and run this again."
            )
            raise NetmodeError(with_log(what, said.decode(errors="replace")))
        time.sleep(_PAUSE)


def _follow(engine: Engine, key: str, until: float) -> bytes | None:
    """Its log, once that has come to an end without saying that it is ready; None if it said so, or time is over."""
    connection, said = engine.stream(f"/containers/{key}/logs", follow=1, stdout=1, stderr=1)
    with connection:
        while _READY not in said:
            connection.settimeout(max(0.01, until - time.monotonic()))
            try:
                chunk = connection.recv(1 << 16)
            except (socket.timeout, TimeoutError):
                return None
            if not chunk:
                return said if time.monotonic() < until else None
            said += chunk
    return None
