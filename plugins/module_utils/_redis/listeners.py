# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Redis will listen on, and who gets in without a password, as its whole configuration says."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from .conf import lines_of, words_of
from .tls import ports_of

if TYPE_CHECKING:
    from .problems import Problems, Settings

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
    if given.get("cluster-enabled", ["no"])[-1].lower() == "yes":
        base = tls if given.get("tls-cluster", [over_tls])[-1].lower() == "yes" else plain
        bus = _number(given.get("cluster-port", [])) or (base + BUS_OFFSET if base else 0)
        found.append(Listener("settings.cluster-port" if "cluster-port" in given else "settings.cluster-enabled", bus))
    return [item for item in found if item.port]


class _User:
    """One line ``user`` of redis.conf: the rules in their order, as far as they say who gets in (ACL SETUSER)."""

    def __init__(self, line: str) -> None:
        words = line.split()
        self.name = words[0] if words else ""
        self.on = self.nopass = False
        self.passwords: set[str] = set()
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


def open_to_all(settings: Settings) -> str:
    """Why one needs no password, '' where one does. A user line for ``default`` makes ``requirepass`` void."""
    given = directives(settings)
    users = [_User(line) for line in given.get("user", [])]
    for name in open_users(settings):
        return f"settings.user: {name} needs none"
    if "aclfile" in given:
        return "settings.aclfile: what its users need is not known here, and beside it redis_password is void"
    if settings["password"] or any(user.name == "default" for user in users):
        return ""
    return "password: none is set"


def open_users(settings: Settings) -> tuple[str, ...]:
    """The users that the settings name and let in without a password."""
    users = (_User(line) for line in directives(settings).get("user", []))
    return tuple(user.name for user in users if user.on and user.nopass)


def check_users(settings: Settings, problems: Problems) -> None:
    """It is as the user default, with redis_password, that this role and its proof ask a Redis."""
    password = str(settings["password"] or "")
    for user in (_User(line) for line in directives(settings).get("user", [])):
        if user.name != "default":
            continue
        mine = hashlib.sha256(password.encode()).hexdigest()
        why = ""
        if not user.on:
            why = "default is off, and it is as default that Redis is asked whether it is up"
        elif user.nopass and password:
            why = "default takes any password there, so redis_password would be without effect"
        elif not user.nopass and mine not in user.passwords:
            why = "redis_password is not among the passwords of default there"
        if why:
            problems.add(
                settings["name"], "settings.user", f"{why}. Leave the user default out, which then has redis_password, "
                "or give it 'on' and that password.",
            )  # fmt: skip
