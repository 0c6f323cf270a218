# SPDX-License-Identifier: GPL-3.0-or-later
"""``redis_users`` and ``redis_password_previous`` as lines ``user`` of redis.conf, with digests in place of passwords.

A line ``user default`` makes ``requirepass`` void, so where the default user has two passwords for a while, or is one
of ``redis_users``, the line says all that it may (Redis, ``ACLLoadConfiguredUsers``).
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._redis.problems import Problems, Settings

DEFAULT = "default"
_ALL = "~* &* +@all"
_NAME = re.compile(r"[^\s\x00-\x20\"'\\]+\Z")
_OF_ITS_OWN = {"on": "enabled", "off": "enabled", "nopass": "passwords", "resetpass": "passwords", "reset": "rules"}
"""Rules that an option says, or that would take away what one says."""


def add_users(instance: Settings, problems: Problems) -> None:
    """Put them before the users of ``settings``, which are lines of redis.conf already."""
    name, given = instance["name"], _given(instance["settings"])
    whole = [user for user in instance["users"] if user.get("name") is not None]  # what others are is told already
    users = _named(whole, name, problems)
    taken = {line.split()[0] for line in map(str, given) if line.split()}
    for user in sorted(taken & users.keys()):
        problems.add(name, f"users ({user})", "settings.user has a line for it as well. Leave one of them out.")
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
            problems.add(instance, f"users ({name})", "a name has no blanks, quotes or backslashes.")
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
        found[name] = user
    return found


def _line(name: str, user: dict[str, Any]) -> str:
    words = [name, "on" if user["enabled"] else "off", _digests(user["passwords"]), user["rules"]]
    return " ".join(filter(None, words))


def _digests(passwords: list[str]) -> str:
    return " ".join(dict.fromkeys(f"#{hashlib.sha256(word.encode()).hexdigest()}" for word in passwords if word))
