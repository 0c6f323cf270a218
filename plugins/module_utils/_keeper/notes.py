# SPDX-License-Identifier: GPL-3.0-or-later
"""What the keeper notes on its host, for itself and for who asks for its status.

All of it can be learnt again, but for donors that are gone by now: what is of no use in a file is left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils import _files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Facts = dict[str, Any]

STATE = Path("/run/netmode/keeper.json")
"""What the running keeper says of itself, for ``status``; gone with a boot."""
DONORS = Path("/var/lib/netmode/donors.json")
"""{sharer: its donor's name}: a sharer knows its donor by id only, and that is gone once the donor is recreated."""
OWED = Path("/var/lib/netmode/owed.json")
"""{sharer: its donor's name}: whom the keeper has begun to stop and start, until that is done. So one whose
start failed, or before whose start the keeper was killed, is not taken for one that a user has stopped."""
NOTES = (STATE, DONORS, OWED)
UNIT, SCRIPT = Path("/etc/systemd/system/netmode-keeper.service"), Path("/etc/init.d/netmode-keeper")
"""What makes a service of it, under systemd and elsewhere."""
_LATEST = 2.0**33
"""The latest second of the clock that is one, in the year 2242."""


def _object(path: Path) -> Facts:
    try:
        found = _files.read_json(path)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def read_names(path: Path) -> dict[str, str]:
    """{sharer: its donor's name}."""
    return {name: donor for name, donor in _object(path).items() if isinstance(donor, str) and donor}


def read_state(path: Path = STATE) -> Facts:
    """What a keeper said of itself, each of a type that can be relied on; without what it does not say."""
    return {key: value for key, value in _object(path).items() if key in _STATE and _STATE[key](value)}


def stamps(paths: Iterable[Path]) -> dict[str, list[int]]:
    """{path: its inode and the time of its last change}, empty for no file. One that is written again has another.

    Compared for equality alone: a clock may be set back between two of them.
    """
    return {str(path): _stamp(path) for path in paths}


def _stamp(path: Path) -> list[int]:
    try:
        found = path.stat()
    except OSError:
        return []
    return [found.st_ino, found.st_mtime_ns]


def _is_time(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _LATEST


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_stamp(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(number, int) for number in value)


def _is_act(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and _is_time(value[0]) and _is_text(value[1])


_STATE: dict[str, Callable[[Any], bool]] = {
    "pid": lambda value: isinstance(value, int) and not isinstance(value, bool) and value > 0,
    "program": lambda value: _is_text(value) and "\0" not in value and value.isprintable(),
    "since": _is_time,
    "files": lambda value: isinstance(value, dict) and all(map(_is_stamp, value.values())),
    "docker_host": _is_text,
    "engine": lambda value: value is None or _is_text(value),
    "looked": lambda value: isinstance(value, bool),
    "ignore": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    "acts": lambda value: isinstance(value, list) and all(map(_is_act, value)),
    "waits": lambda value: isinstance(value, dict) and all(map(_is_time, value.values())),
}
"""What the state holds: the process, its program, since when it runs and from which files, the engine's version (null
while it is away), whether the keeper has looked at all there is, whom it ignores, what it did last, and until when it
waits with whom."""


def write(path: Path, content: Facts) -> str:
    """Why it could not be written, or empty."""
    try:
        _files.write_json(path, content)
    except OSError as error:
        return f"{path} cannot be written ({error.strerror})."
    return ""
