# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration that a Redis runs with: what it says of it, and how it is changed while it runs.

The server is asked for what it knows, not a table: how it writes a value (100mb as 104857600) and which it changes only
at its start is its own affair. It should say what one says that was started with the same redis.conf: the trial.
Redis 7.0 and later, ``configSetCommand`` in its config.c: one CONFIG SET changes all that it names, or nothing.
"""

from __future__ import annotations

import hashlib
import re
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from . import formats, replication
from .conf import SEVERAL_WORDS, words_of
from .files import SECRET, content_of
from .protocol import Connection, ErrorReply, encode, info_of, parse_info
from .tls import FILES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Instance = dict[str, Any]

INSTEAD = {"bind": "127.0.0.1", "daemonize": "no", "logfile": '""', "loglevel": "notice"}
"""What a trial has in the place of what redis.conf says: it has no network, and it says on its output how it goes."""
PASSWORD = "requirepass"  # noqa: S105 (the directive)
_OF_THE_SERVER = frozenset({*replication.FOLLOWS, "dir"})
"""Not compared: whom a Redis follows is read from it, and where its data lies is never moved while it runs."""
_SECRETS = (("masterauth", "primaryauth"), ("tls-key-file-pass",), ("tls-client-key-file-pass",))
"""Secrets that are one word, each by all its names. Users and the default user's password are compared by ACL LIST."""
_UNSEEN = ("rename-command", "loadmodule")
"""Directives that no CONFIG GET shows; what they do is seen by the commands and modules that a server has."""
_KEPT = frozenset({"appendonly"})
"""No start may bring these instead: the data has to be kept in the other way by then."""
_DEFAULT = "(its default)"
_NO_OPTION = "no-such-option"
_ARGUMENT = re.compile(r"argument '([^']*)'")
_COMMAND = re.compile(r"[+-][^@]")
_SANITIZE = "sanitize-payload"
"""In the rules of a user that was set, and not of one that redis.conf made: it is what holds without it as well."""
_UNREADABLE = "\ufffd"


class Said(NamedTuple):
    """What a Redis says of the configuration that it runs with."""

    settings: dict[str, str]
    """Directive → value (CONFIG GET)."""
    users: dict[str, str]
    """User → rules (ACL LIST)."""
    loaded: str
    """A digest of its commands and modules, which only its start changes. Empty where it does not say."""
    server: str = ""
    """Its name and version."""


class Change(NamedTuple):
    """What a running Redis is to be set to."""

    settings: dict[str, str]
    users: dict[str, str | None]
    """User → rules; None for one that is to go."""
    password: str | None = None
    """That of the default user, where it changes or his rules do."""
    follow: tuple[str, str] | None = None
    """The words of REPLICAOF, where it is to follow another, or none (``no one``)."""

    @property
    def names(self) -> list[str]:
        """As in redis.conf."""
        users = [f"user {name}" for name in self.users if self.password is None or name != "default"]
        role = [replication.FOLLOWS[0]] if self.follow else []
        return sorted([*self.settings, *users, *role, *([PASSWORD] if self.password is not None else [])])


# --- what it is to say ------------------------------------------------------------------------------------------------


def directives(content: str) -> dict[str, list[list[str]]]:
    """Directive → the words of each of its lines in redis.conf. ValueError: a line that Redis would refuse."""
    found: dict[str, list[list[str]]] = {}
    for words in map(words_of, content.splitlines()):
        if words and not words[0].startswith("#"):
            found.setdefault(words[0].lower(), []).append(words[1:])
    return found


def password_of(content: str) -> str:
    """The default user's in redis.conf, '' for none."""
    return _written(directives(content), PASSWORD)


def _written(given: Mapping[str, list[list[str]]], name: str) -> str:
    """The last line counts; those of ``save`` count together."""
    lines = given.get(name) or [[]]
    return " ".join(word for line in lines for word in line) if name == "save" else " ".join(lines[-1])


def meant(instance: Instance, trial: Said) -> Said:
    """What a Redis with this redis.conf says: as its trial, and as written where that was given another. No secrets."""
    given = directives(content_of(instance))
    left_out = SECRET | _OF_THE_SERVER | FILES | INSTEAD.keys()
    settings = {name: value for name, value in trial.settings.items() if name not in left_out}
    settings.update({name: _written(given, name) for name in ("bind", "loglevel", *FILES) if name in given})
    return trial._replace(settings=settings, users={} if "aclfile" in given else trial.users)


def predicted(instance: Instance, before: str, now: Said, noted: Said | None) -> Said:
    """The same before there was a trial: what the last one said, but for the lines in which redis.conf changes.

    ``before``: the redis.conf that is there. ``now``: what the running Redis says, which stands in for a missing trial.
    """
    old, new, changed = _changes(instance, before)
    names = [name for name in changed if name not in SECRET | _OF_THE_SERVER]
    base = noted or now._replace(settings={})
    settings = {name: _written(new, name) if name in new else _DEFAULT for name in names if name in now.settings}
    return Said(
        {**base.settings, **settings},
        _predicted_users(old.get("user", []), new.get("user", []), base.users),
        "another" if any(name in _UNSEEN for name in names) else base.loaded,
    )


def _changes(
    instance: Instance, before: str
) -> tuple[dict[str, list[list[str]]], dict[str, list[list[str]]], list[str]]:
    """The directives of the redis.conf that is there, those of the one to come, and the names of what differs."""
    old, new = directives(before), directives(content_of(instance))
    return old, new, [name for name in {**old, **new} if old.get(name) != new.get(name)]


def _predicted_users(old: list[list[str]], new: list[list[str]], users: Mapping[str, str]) -> dict[str, str]:
    """Rules that do not change are as they were told; others are not known in the server's own words."""
    found = {
        name: rules for name, rules in users.items() if [name] not in [line[:1] for line in old if line not in new]
    }
    return {**found, **{line[0]: " ".join(line[1:]) for line in new if line and line not in old}}


def judged(instance: Instance, before: str, now: Said) -> dict[str, str]:
    """The settings in which redis.conf changes, as written, where a running Redis can judge all of that; else none.

    It is the same server that would be tried, and reads the one word of a setting alike in redis.conf and in CONFIG SET
    (``interface.set`` in its config.c). What is removed, of several words or secret, or says how the data is kept, a
    trial has to judge.
    """
    _, new, names = _changes(instance, before)
    found = {name: new[name][0][0] for name in names if [len(line) for line in new.get(name, [])] == [1]}
    beyond = SECRET | _OF_THE_SERVER | FILES | SEVERAL_WORDS | _KEPT
    return found if [*found] == names and not beyond & {*names} and {*names} <= {*now.settings} else {}


# --- what it says -----------------------------------------------------------------------------------------------------


def said(connection: Connection) -> Said | None:
    """What the server says of its configuration; None where it does not. Its secrets are in it."""
    asked = (("CONFIG", "GET", "*"), ("ACL", "LIST"), ("COMMAND", "LIST"), ("INFO", "server", "modules"))
    connection.send(b"".join(encode(*words) for words in asked))
    pairs, users, commands = connection.replies(), connection.replies(), connection.replies()
    info = str(connection.reply())
    if not pairs or users is None:
        return None
    settings = {str(name): value for name, value in zip(pairs[::2], pairs[1::2]) if value is not None}
    rules = [str(line).split() for line in users]
    return Said(
        {name: value for name, value in settings.items() if _UNREADABLE not in value},
        {words[1]: _rules(words[2:]) for words in rules if words[1:]},
        _digest(commands, info) if commands else "",
        " ".join(formats.server_in(parse_info(info)) or ()),
    )


def _rules(words: list[str]) -> str:
    """In one order: Redis 7.0 lists single commands in that of a hash table, another one after each start."""
    runs = groupby((word for word in words if word != _SANITIZE), lambda word: bool(_COMMAND.match(word)))
    return " ".join(
        word for are_commands, run in runs for word in (sorted(run, key=lambda one: one[1:]) if are_commands else run)
    )


def role_of(connection: Connection) -> replication.Role | None:
    """What it is, as it says; None where it does not."""
    return replication.role_in(info_of(connection, "replication", "keyspace"))


def _digest(commands: Iterable[str | None], modules: str) -> str:
    loaded = [line.partition(",api=")[0] for line in modules.splitlines() if line.startswith("module:")]
    return hashlib.sha256("\n".join([*sorted(map(str, commands)), *sorted(loaded)]).encode()).hexdigest()


def difference(instance: Instance, now: Said, wanted: Said) -> Change:
    """What is to be set where a Redis says ``now`` and is to say what is ``wanted``, and its secrets."""
    given = directives(content_of(instance))
    secrets = {
        name: next((_written(given, one) for one in names if one in given), "") for names in _SECRETS for name in names
    }
    of_a_replica = replication.OF_A_REPLICA.items()
    role = {name: _written(given, one) for one, names in of_a_replica if one in given for name in names}
    settings = {
        name: value
        for name, value in {**wanted.settings, **role, **secrets}.items()
        if name in now.settings and now.settings[name] != value
    }
    if "aclfile" in given:  # whose users are its operators'
        return Change(settings, {})
    users: dict[str, str | None] = {name: rules for name, rules in wanted.users.items() if now.users.get(name) != rules}
    users.update(dict.fromkeys(name for name in now.users if name not in wanted.users))
    password = _written(given, PASSWORD)
    if now.settings.get(PASSWORD, password) != password or "default" in users:
        return Change(settings, {**users, "default": wanted.users.get("default")}, password)
    return Change(settings, users)


# --- set it -----------------------------------------------------------------------------------------------------------


def put(connection: Connection, values: Mapping[str, str]) -> str:
    """What it says to one CONFIG SET of all of them, in their order: all or none."""
    connection.send(encode("CONFIG", "SET", *(word for pair in values.items() for word in pair)))
    return str(connection.reply())


def put_back(connection: Connection, names: Iterable[str], before: Mapping[str, str]) -> None:
    """Have these settings be what they were ``before``."""
    had = {name: before[name] for name in names if name in before}
    if had:
        put(connection, had)


def changeable(connection: Connection, values: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Of settings those that can change while it runs, and the names of those that cannot.

    Asked by a CONFIG SET that names an option which no server has: it changes nothing, and what stands in the way is
    named first.
    """
    left = dict(values)
    fixed: list[str] = []
    while left:
        named = _named(put(connection, {**left, _NO_OPTION: ""}), left)
        if not named:
            return left, fixed
        del left[named]
        fixed.append(named)
    return left, fixed


def _named(answer: str, values: Mapping[str, str]) -> str:
    """The setting that stands in the way, as the server says; '' where it names none of these."""
    found = _ARGUMENT.search(answer)
    return found[1] if found and found[1] in values else ""


def taken(connection: Connection, values: Mapping[str, str]) -> tuple[dict[str, str] | None, str]:
    """Set them, in one CONFIG SET, but for those that the server refuses by name. What it took, and why not all.

    None where it takes nothing, for a reason that a start would not end. It may refuse what it would start with: a
    limit that only its start can raise. A port is closed before another listener opens it, for they are applied in the
    order given.
    """
    left, refused = dict(sorted(values.items(), key=lambda pair: pair[1] != "0")), ""
    while left:
        answer = put(connection, left)
        if answer == "OK":
            break
        named, refused = _named(answer, left), answer
        if not named or named in _KEPT:
            return None, refused
        del left[named]
    return left, refused


def set_users(connection: Connection, wanted: Change) -> str:
    """Set users and the default user's password, all at once. Why not, '' where it is done, or there is nothing to do.

    CONFIG SET requirepass takes the default user's other passwords away, which no client may see. The user default is
    set last, since it may be as that one that the connection was let in.
    """
    commands: list[tuple[str, ...]] = []
    if wanted.password is not None:
        commands.append(("CONFIG", "SET", PASSWORD, wanted.password))
    for name, rules in sorted(wanted.users.items(), key=lambda user: user[0] == "default"):
        commands.append(
            ("ACL", "DELUSER", name) if rules is None else ("ACL", "SETUSER", name, "reset", *rules.split())
        )
    if not commands:
        return ""
    connection.send(b"".join(encode(*words) for words in [("MULTI",), *commands, ("EXEC",)]))
    answers = [connection.reply() for _ in range(len(commands) + 1)]
    done = connection.replies()
    wrong = [answer for answer in [*answers, *(done or ["the transaction was not executed"])] if _is_wrong(answer)]
    return str(wrong[0]) if wrong else ""


def unlike(connection: Connection, wanted: Change) -> str:
    """What is not as it was to be set, '' where all is."""
    now = said(connection)
    if now is None:
        return "it does not say what it runs with"
    odd = [
        f"{name} is {now.settings.get(name)}"
        for name, value in wanted.settings.items()
        if now.settings.get(name) != value
    ]
    odd += [f"user {name} is not as it was set" for name, rules in wanted.users.items() if now.users.get(name) != rules]
    return f"afterwards its {', its '.join(odd)}" if odd else ""


def _is_wrong(answer: str | None) -> bool:
    return isinstance(answer, ErrorReply) or answer is None or answer.startswith("the transaction")
