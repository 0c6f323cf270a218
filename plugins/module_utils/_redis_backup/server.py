# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a running server over its unix socket: what it is and has, and a dump of it all."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis import operator, saving
from ansible_collections.netmode.docker.plugins.module_utils._redis.formats import Server, server_in
from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import (
    Connection,
    Endpoint,
    ErrorReply,
    NotMeantError,
    NotRedisError,
    encode,
    let_in,
    parse_info,
)

from .state import Told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .state import Instance

_SECTIONS = ("server", "replication", "persistence", "keyspace", "modules")


def endpoint_of(instance: Instance, container: str, path: str = "") -> Endpoint:
    """``path``: of its socket, where that is not the one that the host has."""
    username, password = operator.credentials(instance) or (None, None)
    socket = path or f"{instance['socket_directory']}/redis.sock"
    return Endpoint(instance["name"], socket=socket, username=username, password=password, container=container)


@contextmanager
def connected(endpoint: Endpoint, seconds: float) -> Iterator[Connection]:
    """A connection that is let in. NetmodeError: nobody answers, or not in time, or refuses the password."""
    try:
        with closing(Connection(endpoint, seconds)) as own:
            refused = let_in(own, endpoint)
            if refused:
                raise NetmodeError(refused)
            yield own
    except (OSError, NotMeantError, NotRedisError) as error:
        raise NetmodeError(f"{endpoint.where}: {error}") from None


def said(own: Connection, *words: str) -> str:
    """The answer to one command. NetmodeError: it is an error."""
    own.send(encode(*words))
    answer = own.reply()
    if isinstance(answer, ErrorReply):
        raise NetmodeError(f"it answers {words[0]} with {answer}")
    return str(answer)


def ask(own: Connection) -> Told:
    texts = {section: said(own, "INFO", section) for section in _SECTIONS}
    info: dict[str, str] = {}
    for text in texts.values():
        info.update(parse_info(text))
    kept = saving.state_of(info)
    return Told(
        server=server_in(info) or Server("redis", ""),
        run_id=info.get("run_id", ""),
        role=info.get("role", ""),
        link=info.get("master_link_status") == "up" and info.get("master_sync_in_progress") == "0",
        loading=info.get("loading") == "1",
        keys=keys_of(info),
        modules=_modules(texts["modules"]),
        directory=_setting(own, "dir"),
        dump=_setting(own, "dbfilename"),
        saves=kept.saves,
        last_save=int(info.get("rdb_last_save_time", 0)),
        saved=kept.saved,
        busy=kept.busy,
        changes=int(info.get("rdb_changes_since_last_save", 0)),
        loaded=int(info.get("rdb_last_load_keys_loaded", 0)) + int(info.get("rdb_last_load_keys_expired", 0)),
    )


def keys_of(info: dict[str, str]) -> dict[int, int]:
    """``db0:keys=1000,expires=0,avg_ttl=0`` of INFO keyspace."""
    return {
        int(name[2:]): int(value.partition("keys=")[2].partition(",")[0])
        for name, value in info.items()
        if name[:2] == "db" and name[2:].isdecimal() and value.startswith("keys=")
    }


def _modules(text: str) -> dict[str, str]:
    """``module:name=json,ver=80001,…``, a line for each."""
    found = {}
    for line in text.splitlines():
        if line.startswith("module:"):
            fields = dict(pair.split("=", 1) for pair in line[len("module:") :].strip().split(",") if "=" in pair)
            found[fields.get("name", "")] = fields.get("ver", "")
    return found


def _setting(own: Connection, name: str) -> str:
    own.send(encode("CONFIG", "GET", name))
    answer = own.replies()
    if not answer or len(answer) != 2:
        raise NetmodeError(f"it does not answer CONFIG GET {name}")
    return str(answer[1])


def save(own: Connection) -> Told:
    """Have it write a dump. What it says once that is there. NetmodeError: it could not write it."""
    return saving.dump(own, ask)
