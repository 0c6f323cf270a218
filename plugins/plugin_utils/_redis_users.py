# SPDX-License-Identifier: GPL-3.0-or-later
"""``redis_users`` and ``redis_password_previous`` as lines ``user`` of redis.conf, with digests in place of passwords.

A line ``user default`` makes ``requirepass`` void, so where the default user has two passwords for a while, or is one
of ``redis_users``, the line says all that it may (Redis, ``ACLLoadConfiguredUsers``). One that is off may do all the
same: it is as default that Redis loads its append-only file, and ``EXEC`` leaves out what it may not (``execCommand``).
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._redis import operator
from ansible_collections.netmode.docker.plugins.module_utils._redis.listeners import (
    default_user,
    directives,
    needs_operator,
)

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._redis.problems import Problems, Settings

DEFAULT = operator.DEFAULT
_ALL = "~* &* +@all"
_NAME = re.compile(r"[^\s\x00-\x20\"'\\]+\Z")
_OF_ITS_OWN = {"on": "enabled", "off": "enabled", "nopass": "passwords", "resetpass": "passwords", "reset": "rules"}
"""Rules that an option says, or that would take away what one says."""


def add_users(instance: Settings, problems: Problems) -> None:
    """Put them before the users of ``settings``, which are lines of redis.conf already."""
    name, given = instance["name"], _given(instance["settings"])
    setting = _written("user", instance)
    whole = [user for user in instance["users"] if user.get("name") is not None]  # what others are is told already
    users = _named(whole, name, problems)
    taken = {line.split()[0] for line in map(str, given) if line.split()}
    for user in sorted(taken & users.keys()):
        problems.add(name, f"users ({user})", f"{setting} has a line for it as well. Leave one of them out.")
    previous = _words(instance["password_previous"], instance["password"])
    if previous and DEFAULT in taken | users.keys():
        problems.add(
            name, "password_previous", "the default user has a line of its own, whose passwords are all that count. "
            "Give it both there.",
        )  # fmt: skip
    if instance["password_previous"] and not instance["password"]:
        problems.add(name, "password_previous", "redis_password is empty, so every password is taken. Set it too.")
    lines = [f"{DEFAULT} on {_digests([instance['password'], *previous])} {_ALL}"] if previous else []
    lines += [_line(user, spec) for user, spec in users.items()]
    instance["users"], instance["password_previous"] = [], ""  # no password goes further than it has to
    if lines:
        others = {key: value for key, value in instance["settings"].items() if str(key).lower() != "user"}
        instance["settings"] = {**others, "user": [*lines, *given]}
    if operator.NAME in taken | users.keys():
        option = f"users ({operator.NAME})" if operator.NAME in users else setting
        problems.add(name, option, "the role has a user of this name, as which it asks Redis. Give it another name.")
    _check_default(instance, "" if DEFAULT in users else setting, problems)


def operator_file(instance: Settings, config_dir: str) -> str:
    """Where on the host the password is of the role's own user, '' where it has none there."""
    return f"{config_dir}/{instance['name']}/{operator.FILE}" if needs_operator(instance) else ""


def _written(directive: str, instance: Settings) -> str:
    """As the user wrote it."""
    names = [str(name) for name in instance["settings"] if str(name).lower() == directive]
    return f"settings.{(names or [directive])[0]}"


def _check_default(instance: Settings, setting: str, problems: Problems) -> None:
    """Where the user default has a line, in which ``redis_password`` may be without effect.

    ``setting``: the option that has it; '' for ``redis_users``.
    """
    option = setting or f"users ({DEFAULT})"
    user = default_user(instance)
    if user is None:
        return
    password, why = str(instance["password"] or ""), ""
    if password and not user.on:
        why = "default is off, so redis_password would be without effect. Set password: '' for this instance"
    elif password and user.nopass:
        why = "default takes any password there, so redis_password would be without effect. Set password: ''"
    elif password and hashlib.sha256(password.encode()).hexdigest() not in user.passwords:
        why = "redis_password is not among the passwords of default there. Add it, or set password: ''"
    if why:
        problems.add(instance["name"], option, f"{why}.")
    if instance["appendonly"] and not user.loads_all:
        way = "Set enabled: false without rules" if not setting else f"Write '{DEFAULT} off {_ALL}'"
        problems.add(
            instance["name"], option, "Redis loads its append-only file as the user default, and leaves out the "
            f"transactions and scripts that default may not run. {way}, so that nobody gets in as default, and give "
            "clients users of their own; or set appendonly: false.",
        )  # fmt: skip
    if needs_operator(instance):
        _check_renamed(instance, problems)


def _check_renamed(instance: Settings, problems: Problems) -> None:
    """A server does not start where a user is to run a command that it does not have."""
    for line in directives(instance).get("rename-command", []):
        command = line.partition(" ")[0].lower()
        if any(command == one.partition("|")[0] for one in operator.COMMANDS):
            problems.add(
                instance["name"], _written("rename-command", instance), f"{command}: the role needs it where the user "
                "default is off or limited. Leave that out: users have no commands but those of their rules.",
            )  # fmt: skip


def _given(settings: dict[str, Any]) -> list[Any]:
    found = next((value for key, value in settings.items() if str(key).lower() == "user"), None)
    return list(found) if isinstance(found, (list, tuple)) else [] if found is None else [found]


def _words(previous: str, current: str) -> list[str]:
    return [previous] if previous and current and previous != current else []


def _named(users: list[dict[str, Any]], instance: str, problems: Problems) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for user in users:
        name = user["name"]
        if not _NAME.match(name):
            problems.add(instance, f"users ({name})", "a name has no blanks, quotes or backslashes. Choose another.")
        elif name in found:
            problems.add(instance, f"users ({name})", "two have this name. Give each one of its own.")
        for rule in user["rules"].split():
            option = _OF_ITS_OWN.get(rule.lower()) or ("passwords" if rule[0] in "><#!" else "")
            if option:
                shown = f"{rule[0]}…" if rule[0] in "><#!" else rule
                problems.add(instance, f"users ({name})", f"rules: {shown}: say that by {option}.")
        if user["enabled"] and not any(user["passwords"]):
            problems.add(
                instance,
                f"users ({name})",
                "passwords: it has none. Give it one, or set enabled: false.",
            )
        if name == DEFAULT and user["rules"] and not user["enabled"]:
            problems.add(
                instance, f"users ({name})", "rules: nobody gets in as this user, as which Redis loads its append-only "
                "file: so the role gives it all rights. Leave rules out.",
            )  # fmt: skip
        found[name] = user
    return found


def _line(name: str, user: dict[str, Any]) -> str:
    rules = _ALL if name == DEFAULT and not user["enabled"] else user["rules"]
    words = [name, "on" if user["enabled"] else "off", _digests(user["passwords"]), rules]
    return " ".join(filter(None, words))


def _digests(passwords: list[str]) -> str:
    return " ".join(dict.fromkeys(f"#{hashlib.sha256(word.encode()).hexdigest()}" for word in passwords if word))
