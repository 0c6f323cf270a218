# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate of an instance beside its redis.conf: compared, written, and removed where it speaks TLS no more."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils import _files
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._host import regular

from .access import MARK, holds, of_file, written_here
from .tls import CA, PEM, fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable

Instance = dict[str, Any]

NAMES = (PEM, CA)
_HEADER = f"# Written by Ansible {MARK}\n"
"""What stands before the first block of a PEM file is a comment."""


def wanted(instance: Instance) -> dict[str, bytes]:
    """Name → content; empty without TLS."""
    given = instance.get("tls")
    texts = {PEM: given["pem"], CA: given["ca"]} if given and instance["state"] == "present" else {}
    return {name: (_HEADER + text).encode() for name, text in texts.items()}


def are_right(instance: Instance) -> bool:
    """NetmodeError for a file of that name which was not written here."""
    texts = wanted(instance)
    for name in NAMES:
        path = Path(instance["directory"]) / name
        if name not in texts:
            if _is_ours(path) or _files.unfinished(path):
                return False
            continue
        if regular.found(path) and not written_here(path):
            raise NetmodeError(
                f"instance {instance['name']}: {path} is there, and was not written here. Move it away: the role puts "
                "the certificate of redis_tls there."
            )
        if _files.read(path) != texts[name] or not holds(path, of_file(instance)) or _files.unfinished(path):
            return False
    return True


def certificate(instance: Instance) -> str:
    """The fingerprint of the one that is there; '' for none."""
    path = Path(instance["directory"]) / PEM
    return fingerprint((_files.read(path) or b"").decode(errors="replace")) if _is_ours(path) else ""


def ours(directory: Path) -> list[Path]:
    """What of a directory was written here, also where it was not finished."""
    paths = [directory / name for name in NAMES]
    return [path for path in paths if _is_ours(path)] + [part for path in paths for part in _files.unfinished(path)]


def _is_ours(path: Path) -> bool:
    there = regular.found(path)
    return there is not None and stat.S_ISREG(there.st_mode) and written_here(path)


def write(instance: Instance, one: Callable[[Path, bytes, tuple[int, int]], None]) -> None:
    """``one`` writes a file, for an owner."""
    for name, content in wanted(instance).items():
        one(Path(instance["directory"]) / name, content, (instance["uid"], instance["gid"]))


def remove_unwanted(instance: Instance) -> None:
    """Once no redis.conf names them."""
    texts = wanted(instance)
    for path in ours(Path(instance["directory"])):
        if path.name not in texts:
            path.unlink()
