# SPDX-License-Identifier: GPL-3.0-or-later
"""The interfaces that a host was asked to have, on the host: what the keeper makes again after a restart.

One JSON file, ``{"version": 1, "interfaces": {"CONTAINER:NAME": entry of the module's list}}``, by the container's
name: one that is recreated under its name has another id and is still meant. What is wrong in it is told and left out,
the rest is served.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils import _files
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from .spec import TAKES, parse_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .spec import Interface

Record = dict[str, dict[str, Any]]

PATH = Path("/var/lib/netmode/interfaces.json")
VERSION = 1
_TYPES = {
    **dict.fromkeys(("container", "name", "kind", "bridge", "parent", "mac"), str),
    **dict.fromkeys(("vlan", "mtu"), int),
    **dict.fromkeys(("addresses", "routes"), list),
}
_WAY_OUT = "Run the playbook that makes the interfaces: the record is written again, and this one is kept beside it."


class Recorded(NamedTuple):
    interfaces: Record
    wrong: tuple[str, ...]
    """What of the file is of no use, and why."""


def load(path: Path = PATH) -> Recorded:
    """What was recorded, nothing on a host where nothing was. It is never raised over what is in the file."""
    try:
        found = _entries(_files.read_json(path))
    except FileNotFoundError:
        return Recorded({}, ())
    except (OSError, ValueError) as error:
        return Recorded(
            {}, (f"{path}, which says what interfaces containers are to have, is of no use ({error}). {_WAY_OUT}",)
        )
    wrong = {named: why for named, entry in found.items() if (why := _wrong(named, entry))}
    sound = {named: entry for named, entry in found.items() if named not in wrong}
    return Recorded(sound, tuple(f"{path}: {named!r} {why}. {_WAY_OUT}" for named, why in sorted(wrong.items())))


def read(path: Path = PATH) -> Record:
    return load(path).interfaces


def _entries(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")
    if "version" not in found:
        return found  # as it was before there were versions
    if found["version"] != VERSION or isinstance(found["version"], bool):
        raise ValueError(f"its version is {found['version']!r}, and {VERSION} is known")
    if not isinstance(found.get("interfaces"), dict):
        raise ValueError("it has no interfaces")
    return dict(found["interfaces"])


def _wrong(named: str, entry: Any) -> str:
    """Why an entry is of no use, or empty."""
    why = next(_complaints(named, entry), "")
    if why:
        return why
    try:
        parse_list([{**entry, "state": "present"}])
    except NetmodeError as error:
        return f"cannot be: {error}".rstrip(".")
    return ""


def _complaints(named: str, entry: Any) -> Iterator[str]:
    """What is not of the form that this file is written in, each so that those before it do not hold."""
    if not isinstance(entry, dict):
        yield "is not a JSON object"
        return
    yield from (f"has no {option}" for option in ("container", "name", "kind") if option not in entry)
    for option, value in entry.items():
        if option not in _TYPES:
            yield f"has an option {option!r} that is not known"
        elif not isinstance(value, _TYPES[option]) or isinstance(value, bool):
            yield f"has a value of another type: {option}: {value!r}"
    if entry["kind"] not in TAKES:
        yield f"is of the kind {entry['kind']!r}, which is not known"
    if named != key(entry["container"], entry["name"]):
        yield "is an entry under another's name"
    routes = entry.get("routes", [])
    if not all(isinstance(route, dict) and "to" in route for route in routes):
        yield "has a route without a network that it leads to"
    words = [*entry.get("addresses", []), *(word for route in routes for word in route.values())]
    if not all(isinstance(word, str) for word in words):
        yield "has an address or a route that is not text"


def write(record: Record, path: Path = PATH, *, aside: bool = False) -> None:
    """As a whole or not at all, whenever the host is switched off. Where nothing is left to be kept, nothing stays.

    ``aside``: something of what is there is of no use, and is kept under another name.
    """
    try:
        if aside:
            path.replace(_free(path))
        if not record:
            path.unlink(missing_ok=True)
            with suppress(OSError):  # not empty
                path.parent.rmdir()
            return
        _files.write_json(path, {"version": VERSION, "interfaces": dict(sorted(record.items()))})
    except OSError as error:
        raise NetmodeError(f"interfaces: {path} cannot be written ({error}), so no keeper could keep them.") from error


def _free(path: Path) -> Path:
    """``interfaces.json.aside``, or with a number what nothing has been put aside as yet."""
    names = (path.with_name(f"{path.name}.aside{number or ''}") for number in itertools.count())
    return next(name for name in names if not name.exists())


def key(container: str, name: str) -> str:
    return f"{container}:{name}"


def item(entry: Interface, container: str) -> dict[str, Any]:
    """The entry as the module's list has it, for the container of this name; without what it does not say."""
    routes = [{"to": str(to), **({"via": str(via)} if via else {})} for to, via in entry.routes]
    addresses = [str(address) for address in entry.addresses]
    said = {**entry._asdict(), "container": container, "addresses": addresses, "routes": routes}
    return {option: value for option, value in said.items() if value and option != "present"}


def items(record: Record, container: str) -> list[dict[str, Any]]:
    """Entries for the module's list: what was recorded for the container of this name."""
    return [{**entry, "state": "present"} for _, entry in sorted(record.items()) if entry["container"] == container]
