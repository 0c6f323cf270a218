# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of backups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import encryption

if TYPE_CHECKING:
    from collections.abc import Collection

    from .encryption import Recipient

Json = dict[str, Any]

DIRECTORY = "/var/backups/netmode"
LONGEST = 86400
"""Seconds that a dump may take, or a throwaway server to load it: a day."""

_BOTH: Json = {
    "backup_dir": {"type": "path", "default": DIRECTORY},
    "wait": {"type": "int", "default": 3600},
    "encrypt_for": {"type": "str", "default": ""},
}
BACKUP_ARGUMENTS: Json = {
    **_BOTH,
    "instances": {"type": "list", "elements": "str", "default": []},
    "keep": {"type": "int", "default": 7},
}
"""The options of the module ``redis_backup``, but for those that say where the engine is."""
RESTORE_ARGUMENTS: Json = {
    **_BOTH,
    "instance": {"type": "str", "default": ""},
    "backup": {"type": "str", "default": ""},
    "overwrite": {"type": "bool", "default": False},
    "key": {"type": "str", "default": "", "no_log": True},
    "start_timeout": {"type": "int", "default": 60},
}
"""The same of the module ``redis_restore``."""


def why_unknown(named: list[str], found: Collection[str]) -> str:
    """Why those that are ``named`` are not instances that are to run, which are ``found``; '' where they are."""
    unknown = [name or "''" for name in named if name not in found]
    has = ", ".join(found)
    way = f"Give one of {has}." if has else "It has none: set redis_state to started."
    return f"{', '.join(unknown)} is not an instance of this host that is to run. {way}" if unknown else ""


def started(parts: Json, named: list[str], option: str) -> list[Json]:
    """The instances of a plan that are to run, those ``named`` by ``option`` or all. NetmodeError: one is not there."""
    running = [one for one in parts["files"]["instances"] if one["state"] == "present" and one["trial"]]
    found = {one["name"]: one for one in running if not one.get("sentinel")}
    why = why_unknown(named, found)
    if why:
        raise NetmodeError(f"{option}: {why}")
    if not found:
        raise NetmodeError("This host has no instance that is to run (redis_state: started).")
    return [found[name] for name in dict.fromkeys(named)] if named else list(found.values())


def has_sentinels_alone(parts: Json) -> bool:
    """Whether what is to run there has no data."""
    running = [one for one in parts["files"]["instances"] if one["state"] == "present" and one["trial"]]
    return bool(running) and all(one.get("sentinel") for one in running)


def recipient(params: Json) -> Recipient | None:
    """Whom backups are to be encrypted for, as this host can. None: they are not."""
    return encryption.recipient_of(params["encrypt_for"]) if params["encrypt_for"] else None


def refuse_odd(params: Json) -> None:
    if not 1 <= params["wait"] <= LONGEST:
        raise NetmodeError(f"redis_backup_timeout: {params['wait']} s is not between 1 and {LONGEST} (a day).")
    if params.get("keep", 1) < 1:
        raise NetmodeError(f"redis_backup_keep: {params['keep']} would keep none. Give 1 or more.")
