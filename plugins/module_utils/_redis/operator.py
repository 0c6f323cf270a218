# SPDX-License-Identifier: GPL-3.0-or-later
"""The user of Redis that this collection has for itself, where the user default is off or may not do all it takes.

Its password is made on the host, and is in a file of root's beside redis.conf, which has a digest of it. It is sent
over the instance's own socket alone.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils import _files
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._host import regular

from .conf import words_of
from .protocol import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from .problems import Settings
    from .protocol import Connection

Instance = dict[str, Any]
Credentials = tuple[str, str]
"""A user of Redis and its password."""

NAME, DEFAULT = "netmode", "default"
FILE = ".operator"

COMMANDS: dict[str, tuple[str, ...]] = {
    "ping": (),
    "info": ("server",),
    "acl|list": (),
    "acl|setuser": (NAME,),
    "acl|deluser": (NAME,),
    "acl|dryrun": (NAME, "ping"),
    "client|kill": ("type", "master"),
    "client|list": (),
    "client|pause": ("1", "write"),
    "client|unpause": (),
    "cluster": ("nodes",),
    "command|list": (),
    "config|get": ("maxmemory",),
    "config|set": ("maxmemory", "0"),
    "multi": (),
    "exec": (),
    "bgsave": ("schedule",),
    "dbsize": (),
    "debug|digest": (),
    "failover": ("abort",),
    "replicaof": ("no", "one"),
    "role": (),
}
"""Every command that is sent, and arguments to try it with; AUTH needs no permission."""

_MADE = re.compile(r"[0-9a-f]{64}")


def line_of(password: str) -> str:
    """Of redis.conf: none of its keys and channels, and these commands alone."""
    digest = hashlib.sha256(password.encode()).hexdigest()
    return f"user {NAME} on #{digest} resetkeys resetchannels -@all {' '.join(f'+{command}' for command in COMMANDS)}"


def with_passwords(instances: list[Instance]) -> list[Instance]:
    """Each with its ``operator_password``, '' for none, and those that have this user with its line for redis.conf.

    NetmodeError without root's rights. A password that is not there yet is made, and kept once ``write`` is called.
    """
    return [_with_password(one) for one in instances]


def _with_password(instance: Instance) -> Instance:
    has = instance["operator"] and instance["state"] == "present"
    try:
        password = _read(path_of(instance))
    except NotADirectoryError:  # which is told by itself
        password = ""
    except PermissionError as error:
        raise NetmodeError(f"{error.filename}: permission denied. Run with become: true.") from error
    if not has:
        return {**instance, "operator_password": password}
    password = password or secrets.token_hex(32)
    return {**instance, "operator_password": password, "secrets": [*instance["secrets"], line_of(password)]}


def asked_as(settings: Settings) -> dict[str, str]:
    """As whom a Redis of these settings is asked, in the options of redis_ping; empty where it needs no password."""
    if settings["operator"]:
        return {"username": NAME, "password_file": str(settings["operator"])}
    return {"password": str(settings["password"])} if settings["password"] else {}


def credentials(instance: Instance) -> Credentials | None:
    """As whom a Redis with the instance's configuration is asked; None where it needs no password."""
    if instance["operator"]:
        return NAME, instance["operator_password"]
    password = (instance["trial"] or {}).get("password")
    return (DEFAULT, password) if password else None


def all_credentials(instance: Instance, before: str, password_before: str) -> list[Credentials]:
    """What a Redis may let in that runs, the right ones for its configuration to come first.

    ``before``: the redis.conf that it has; ``password_before``: of the user default there, '' for none.
    """
    found = [credentials(instance)]
    if not instance["operator"] and _is_user_in(before):
        found = [found[0] or (DEFAULT, ""), (NAME, instance["operator_password"])]
    passwords = ((instance["trial"] or {}).get("password"), password_before)
    found += [(DEFAULT, password) for password in passwords if password]
    return list(dict.fromkeys(one for one in found if one))


def _is_user_in(content: str) -> bool:
    return any(words[:2] == ["user", NAME] for words in map(_words, content.splitlines()))


def _words(line: str) -> list[str]:
    try:
        return words_of(line)
    except ValueError:  # of lines that are somebody else's
        return []


def refused(connection: Connection) -> str:
    """What a server says against the first of the commands that it would not do for this user; '' for none."""
    dry = [("ACL", "DRYRUN", NAME, *command.split("|"), *words) for command, words in COMMANDS.items()]
    connection.send(b"".join(encode(*words) for words in dry))
    answers = [str(connection.reply()) for _ in dry]
    return next((f"{words[3]}: {answer}" for words, answer in zip(dry, answers) if answer != "OK"), "")


# --- the file ---------------------------------------------------------------------------------------------------------


def path_of(instance: Instance) -> Path:
    return Path(instance["directory"]) / FILE


def _read(path: Path) -> str:
    """Of a file that is root's alone, as ``write`` makes it; '' for anything else."""
    there = regular.found(path)
    if there is None or (there.st_mode, there.st_uid) != (stat.S_IFREG | 0o600, os.geteuid()):
        return ""
    text = (_files.read(path) or b"").decode(errors="replace")
    return text if _MADE.fullmatch(text) else ""


def is_right(instance: Instance) -> bool:
    """Whether there is no file where none is to be; one that is missing makes for another redis.conf.

    NetmodeError for what is not a regular file.
    """
    try:
        _files.refuse_other(path_of(instance))
    except NetmodeError as error:
        raise NetmodeError(f"instance {instance['name']}: {error}") from None
    return instance["operator"] or not ours(Path(instance["directory"]))


def ours(directory: Path) -> list[Path]:
    """What of a directory was written here, also where it was not finished."""
    path = directory / FILE
    there = regular.found(path)
    whole = [path] if there is not None and stat.S_ISREG(there.st_mode) else []
    return whole + _files.unfinished(path)


def write(instance: Instance, one: Callable[[Path, bytes, tuple[int, int]], None]) -> None:
    """``one`` writes a file, for an owner."""
    if instance["operator"]:
        one(path_of(instance), instance["operator_password"].encode(), (os.geteuid(), os.getegid()))


def remove_unwanted(instance: Instance, before: str = "") -> None:
    """Once no redis.conf has its digest. ``before``: the one that goes back where a new container does not answer."""
    for path in ours(Path(instance["directory"])) if not (instance["operator"] or _is_user_in(before)) else ():
        path.unlink()
