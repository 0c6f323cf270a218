# SPDX-License-Identifier: GPL-3.0-or-later
"""Throwaway containers of an instance's own image, without a network: its check tool, and its server on a copy.

The server starts with the redis.conf of the instance, but loads a dump that is given to it, keeps nothing else, and
follows a master that is not there: a replica drops no key whose time is over, so what it has is the dump to the key.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis import conf, container, live, saving
from ansible_collections.netmode.docker.plugins.module_utils._redis.data import DATA_AT, SOCKET_AT
from ansible_collections.netmode.docker.plugins.module_utils._redis.files import content_of, tried_content_of
from ansible_collections.netmode.docker.plugins.module_utils._redis.log import text_of, with_log
from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import (
    Connection,
    ErrorReply,
    encode,
    parse_info,
)

from . import server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .state import Instance, Seen

Json = dict[str, Any]

LABEL = "netmode.docker.backup"
_PREFIX = "netmode-backup-"
_REMOVE = "remove a throwaway container"
_CHECKED_AT = "/dump.rdb"
_SERVER = re.compile(r"-server\Z")


class Proof(NamedTuple):
    """What a server has loaded."""

    keys: dict[int, int]
    digest: str
    """DEBUG DIGEST, over all keys and values whatever order they are in; '' where settings take that command away."""


def sweep(engine: Engine) -> None:
    """Remove what a killed run has left; whoever calls it holds the lock for backups."""
    for item in engine.get("/containers/json", all=True, filters={"label": [LABEL]}):
        container.remove(engine, item["Id"], _REMOVE)


# --- the check tool ---------------------------------------------------------------------------------------------------


def check_tool(instance: Instance) -> str:
    """redis-check-rdb beside redis-server, valkey-check-rdb beside valkey-server. NetmodeError: it is called else."""
    command = str(instance["trial"]["container"]["command"][-2])
    if not _SERVER.search(command):
        raise NetmodeError(
            f"instance {instance['name']}: server_command: {command} is not called like redis-server, so the tool that "
            "checks its dumps is not known. Give the name that the image has."
        )
    return _SERVER.sub("-check-rdb", command)


def check(engine: Engine, seen: Seen, dump: Path, seconds: int) -> str:
    """What the check tool says of a dump, which belongs to the instance's user. NetmodeError: it is not right."""
    tool = check_tool(seen.instance)
    status, told = _run(engine, seen, [tool, _CHECKED_AT], [f"{dump}:{_CHECKED_AT}:ro"], seconds)
    if status:
        raise NetmodeError(with_log(f"{tool} of its image says that the dump is not right.", told))
    return told


def version(engine: Engine, seen: Seen, seconds: int) -> str:
    """What the server's binary says to ``--version``."""
    command = str(seen.instance["trial"]["container"]["command"][-2])
    return _run(engine, seen, [command, "--version"], [], seconds)[1]


def _run(engine: Engine, seen: Seen, command: list[str], binds: list[str], seconds: int) -> tuple[int, str]:
    """(exit status, output) of a program of the image, run by the instance's user."""
    body = {
        "Image": seen.image,
        "Entrypoint": command[:1],
        "Cmd": command[1:],
        "User": str(seen.instance["trial"]["container"]["user"]),
        "Labels": {LABEL: seen.name},
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": {
            "NetworkMode": "none", "ReadonlyRootfs": True, "CapDrop": ["ALL"], "Binds": binds,
            "SecurityOpt": ["no-new-privileges"], "LogConfig": {"Type": "json-file"},
        },
    }  # fmt: skip
    with _container(engine, seen, body, f"run {command[0]}") as key:
        engine.wait(f"instance {seen.name}: run {command[0]}", key, seconds)
        state = engine.get(f"/containers/{key}/json")["State"]
        if state["Running"]:
            raise NetmodeError(f"instance {seen.name}: {command[0]} did not end within {seconds} s.")
        return int(state["ExitCode"]), text_of(engine.get_bytes(f"/containers/{key}/logs", stdout=1, stderr=1))


@contextmanager
def _container(engine: Engine, seen: Seen, body: Json, what: str, conf: bytes = b"") -> Iterator[str]:
    """A started container, which is gone afterwards, with a volume that the image may ask for."""
    where = f"instance {seen.name}: {what} in a throwaway container"
    with engine.changing(where) as client:
        key = str(client.create_container_from_config(body, _PREFIX + seen.name)["Id"])
    try:
        with engine.changing(where) as client:
            if conf:
                client.put_archive(key, container.AT, conf)
            client.start(key)
        yield key
    finally:
        container.remove(engine, key, _REMOVE)


# --- the server -------------------------------------------------------------------------------------------------------


@contextmanager
def started(engine: Engine, seen: Seen, directory: Path, lines: list[str], seconds: int) -> Iterator[Copy]:
    """The server of the instance's image on a directory of the host, once it has loaded what is there.

    ``lines``: of redis.conf, after all others. NetmodeError with its log: it does not load it.
    """
    mounted = container.mounts_of(engine, seen.instance, f"{directory}:{DATA_AT}")
    body = container.body(engine, seen.instance, _PREFIX + seen.name, LABEL, mounted)
    body["Image"] = seen.image
    conf = "\n".join([tried_content_of(seen.instance), *lines, ""]).encode()
    written = container.archive(seen.instance, {container.FILE: conf})
    with _container(engine, seen, body, "start its server", written) as key:
        _wait(engine, key, seconds)
        process = engine.get(f"/containers/{key}/json")["State"]["Pid"]
        endpoint = server.endpoint_of(seen.instance, key, f"/proc/{process}/root{SOCKET_AT}/redis.sock")
        with server.connected(endpoint, seconds) as own:
            yield Copy(own)


class Copy:
    """A server on a copy of some data."""

    def __init__(self, own: Connection) -> None:
        self._own = own

    def proof(self) -> Proof:
        told = server.ask(self._own)
        self._own.send(encode("DEBUG", "DIGEST"))
        answer = self._own.reply()
        return Proof(told.keys, "" if isinstance(answer, ErrorReply) else str(answer))

    def to_append_only(self) -> None:
        """Write all of it into an append-only file, as CONFIG SET appendonly yes does, and wait until that is whole."""
        server.said(self._own, "CONFIG", "SET", "appendonly", "yes")
        saving.log(self._own)
        if not int(parse_info(server.said(self._own, "INFO", "persistence")).get("aof_base_size", 0)):
            raise NetmodeError("it could not write its append-only file (aof_base_size:0)")


def overriding(instance: Instance, dump: str, *, aof: bool) -> list[str]:
    """The lines of redis.conf with which a server loads a directory and changes nothing in it by itself."""
    given = live.directives(content_of(instance))
    only_where_given = {"tls-port": "0", "cluster-enabled": "no"}
    lines = {
        "daemonize": "no", "bind": "127.0.0.1", "port": "0", "logfile": '""', "loglevel": "notice", "dir": DATA_AT,
        "unixsocket": f"{SOCKET_AT}/redis.sock", "dbfilename": conf.quoted(dump), "save": '""', "maxmemory": "0",
        "appendonly": "yes" if aof else "no", "aof-use-rdb-preamble": "yes", "auto-aof-rewrite-percentage": "0",
        "replicaof": "127.0.0.1 1", "replica-serve-stale-data": "yes", "enable-debug-command": "local",
        **{name: value for name, value in only_where_given.items() if name in given},
    }  # fmt: skip
    return [f"{name} {value}" for name, value in lines.items()]


def _wait(engine: Engine, key: str, seconds: int) -> None:
    """Until it has loaded its data. NetmodeError: it has ended, or time is over."""
    how, heard = container.listen(engine, key, seconds)
    if how == container.READY:
        return
    running = engine.get(f"/containers/{key}/json")["State"]["Running"]
    why = f"did not load it within {seconds} s" if running else "does not load it"
    raise NetmodeError(with_log(f"the server of its image {why}.", heard))
