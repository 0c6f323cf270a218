# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a Redis that runs, by CONFIG GET and CONFIG SET. The server is asked for what it knows, not a table.

How a server writes a value (100mb as 104857600) is its own affair. What it should say is therefore what one said that
was started with the same redis.conf: the trial.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .conf import words_of
from .files import SECRET, content_of
from .protocol import Connection, encode
from .tls import FILES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Instance = dict[str, Any]

INSTEAD = {"bind": "127.0.0.1", "daemonize": "no", "logfile": '""', "loglevel": "notice"}
"""What a trial has in the place of what redis.conf says: it has no network, and it says on its output how it goes."""
_OF_THE_SERVER = frozenset({"replicaof", "slaveof", "dir"})
"""Not compared: whom a Redis follows is read from it, and where its data lies is never moved while it runs."""
_NAME = re.compile(r"[a-z0-9-]+\Z")
_UNREADABLE = "\ufffd"


def directives(instance: Instance) -> dict[str, list[list[str]]]:
    """Directive → the words of each of its lines in redis.conf. ValueError: a line that Redis would refuse."""
    found: dict[str, list[list[str]]] = {}
    for words in map(words_of, content_of(instance).splitlines()):
        if words and not words[0].startswith("#"):
            found.setdefault(words[0].lower(), []).append(words[1:])
    return found


def compared(instance: Instance) -> list[str]:
    """The directives of redis.conf that a running Redis is asked for."""
    left_out = SECRET | _OF_THE_SERVER | FILES | INSTEAD.keys()
    return sorted(name for name in directives(instance) if name not in left_out and _NAME.match(name))


def meant(instance: Instance, said: Mapping[str, str]) -> dict[str, str]:
    """What a Redis with this redis.conf says: as the trial ``said``, and as written where that was given another."""
    given = directives(instance)
    return {**said, **{name: " ".join(given[name][-1]) for name in ("bind", "loglevel", *FILES) if name in given}}


def settings(connection: Connection, names: Iterable[str]) -> dict[str, str]:
    """Directive → value, of those that the server knows and tells."""
    asked = list(names)
    connection.send(b"".join(encode("CONFIG", "GET", name) for name in asked))
    answers = {name: connection.replies() for name in asked}
    return {
        name: answer[1]
        for name, answer in answers.items()
        if answer and len(answer) == 2 and answer[1] is not None and _UNREADABLE not in answer[1]
    }


def change(connection: Connection, values: Mapping[str, str]) -> str:
    """Set all of them in one CONFIG SET, all or none, and read them back. Why not, empty where they are so."""
    connection.send(encode("CONFIG", "SET", *(word for pair in values.items() for word in pair)))
    said = connection.reply()
    if said != "OK":
        return str(said)
    now = settings(connection, values)
    odd = [f"{name} is {now.get(name)}" for name in values if now.get(name) != values[name]]
    return f"after CONFIG SET its {', its '.join(odd)}" if odd else ""
