# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Redis will listen on, and who gets in without a password, as its whole configuration says."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from .conf import lines_of, words_of
from .tls import ports_of

if TYPE_CHECKING:
    from .problems import Settings

BUS_OFFSET = 10000
"""The cluster bus is that far above the port, unless ``cluster-port`` says another."""


class Listener(NamedTuple):
    option: str
    """Which variable or directive asks for it."""
    port: int


def directives(settings: Settings) -> dict[str, list[str]]:
    """``redis_settings`` as Redis reads them: names in lower case, each with its values in order."""
    found: dict[str, list[str]] = {}
    for name, value in settings["settings"].items():
        with suppress(ValueError):  # what is not a line of redis.conf is refused by itself
            lines = lines_of(str(name), value)
            if lines:
                found.setdefault(str(name).lower(), []).extend(" ".join(words_of(line)[1:]) for line in lines)
    return found


def is_node(settings: Settings) -> bool:
    """Whether it is a node of a cluster."""
    return directives(settings).get("cluster-enabled", ["no"])[-1].lower() == "yes"


def _number(values: list[str]) -> int:
    """The last one counts; any other text is left to Redis, which refuses it at the trial."""
    return int(values[-1]) if values and values[-1].isdecimal() else 0


def listeners(settings: Settings) -> list[Listener]:
    """Every TCP listener of the resulting configuration. All of them are at the addresses of ``bind``."""
    given = directives(settings)
    plain, tls = ports_of(settings)
    found = [Listener("port", plain), Listener("tls_port" if plain else "port", tls)]
    over_tls = "yes" if tls and not plain else "no"
    if settings["tls"] == "off":
        tls = _number(given.get("tls-port", []))
        found.append(Listener("settings.tls-port", tls))
    if is_node(settings):
        base = tls if given.get("tls-cluster", [over_tls])[-1].lower() == "yes" else plain
        bus = _number(given.get("cluster-port", [])) or (base + BUS_OFFSET if base else 0)
        found.append(Listener("settings.cluster-port" if "cluster-port" in given else "settings.cluster-enabled", bus))
    return [item for item in found if item.port]


_CHANGE_NO_DATA = frozenset(
    """@admin acl bgrewriteaof bgsave client cluster config debug failover info keys latency module monitor psync
    replicaof save shutdown slaveof slowlog sync""".split()
)
"""Commands that are in no append-only file."""


class User:
    """One line ``user`` of redis.conf: the rules in their order, as far as they say who gets in (ACL SETUSER)."""

    def __init__(self, line: str) -> None:
        words = line.split()
        self.name = words[0] if words else ""
        self.on = self.nopass = False
        self.passwords: set[str] = set()
        self.all_keys = self.all_commands = False
        self.without: set[str] = set()
        """Of all commands, those that it may not run after all."""
        for rule in words[1:]:
            self._take(rule)

    def _take(self, rule: str) -> None:
        lower = rule.lower()
        if lower in ("on", "off"):
            self.on = lower == "on"
        elif lower in ("nopass", "resetpass", "reset"):
            self.passwords = set()
            self.nopass = lower == "nopass"
            self.on = self.on and lower != "reset"
        elif rule[:1] == ">":
            self.passwords.add(hashlib.sha256(rule[1:].encode()).hexdigest())
            self.nopass = False
        elif rule[:1] == "#":
            self.passwords.add(rule[1:].lower())
            self.nopass = False
        elif rule[:1] == "<":
            self.passwords.discard(hashlib.sha256(rule[1:].encode()).hexdigest())
        elif rule[:1] == "!":
            self.passwords.discard(rule[1:].lower())
        self._take_rights(lower)

    def _take_rights(self, rule: str) -> None:
        """A command that is given back counts as taken away, and what a selector gives as not given."""
        if rule in ("~*", "allkeys", "%rw~*"):
            self.all_keys = True
        elif rule in ("resetkeys", "reset"):
            self.all_keys = False
        if rule in ("+@all", "allcommands"):
            self.all_commands, self.without = True, set()
        elif rule in ("-@all", "nocommands", "reset"):
            self.all_commands = False
        elif rule[:1] == "-":
            self.without.add(rule[1:].partition("|")[0])

    @property
    def may_all(self) -> bool:
        """It may run every command, whatever its keys."""
        return self.all_commands and not self.without

    @property
    def loads_all(self) -> bool:
        """It may do all that an append-only file may hold."""
        return self.all_keys and self.all_commands and self.without <= _CHANGE_NO_DATA


def _users(settings: Settings) -> list[User]:
    return [User(line) for line in directives(settings).get("user", [])]


def default_user(settings: Settings) -> User | None:
    """As its line says; None where it has none, so that it is on, may do all, and has ``redis_password``."""
    return next((user for user in _users(settings) if user.name == "default"), None)


def open_to_all(settings: Settings) -> str:
    """Why one needs no password, '' where one does. A user line for ``default`` makes ``requirepass`` void."""
    for name in open_users(settings):
        return f"settings.user: {name} needs none"
    return "" if settings["password"] or default_user(settings) else "password: none is set"


def open_users(settings: Settings) -> tuple[str, ...]:
    """The users that the settings name and let in without a password."""
    return tuple(user.name for user in _users(settings) if user.on and user.nopass)


def is_closed(settings: Settings) -> bool:
    """Whether a connection has to authenticate before it is answered."""
    user = default_user(settings)
    return bool(settings["password"]) if user is None else not (user.on and user.nopass)


def needs_operator(settings: Settings) -> bool:
    """Whether it can not be asked as the user default with ``redis_password``, for all that it is asked."""
    user = default_user(settings)
    if user is None:
        return False
    mine = hashlib.sha256(str(settings["password"] or "").encode()).hexdigest()
    lets_in = user.nopass if not settings["password"] else mine in user.passwords
    return not (user.on and user.may_all and lets_in)
