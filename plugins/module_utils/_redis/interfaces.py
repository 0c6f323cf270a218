# SPDX-License-Identifier: GPL-3.0-or-later
"""The custom interfaces that a Redis of none mode is given: read, checked by themselves, and whom each lets in."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._compose.text import why_no_text
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.checks import refuse_pair
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.spec import TAKES, Interface, parse_list

if TYPE_CHECKING:
    from .problems import Problems, Settings

EXAMPLE = {"name": "eth0", "bridge": "docker0", "addresses": ["172.17.200.5/16"]}

_WHOSE = {"bridge": "Docker's", "container": "the donor's", "host": "the host's"}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and str(value).isdecimal()


def _are_addresses(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _are_routes(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(route, Mapping) and _is_route(route) for route in value)


def _is_route(route: Mapping[str, Any]) -> bool:
    return _is_text(route.get("to")) and set(route) <= {"to", "via"} and _is_text(route.get("via") or "")


_TEXT = (_is_text, "")
_NUMBER = (_is_number, "is not a number.")
_SHAPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": _TEXT,
    "kind": (tuple(TAKES).__contains__, f"is none of {', '.join(TAKES)}."),
    "bridge": _TEXT,
    "parent": _TEXT,
    "vlan": _NUMBER,
    "addresses": (_are_addresses, "is not a list of addresses. Write it like ['172.17.200.5/16']."),
    "gateway": _TEXT,
    "routes": (_are_routes, "is not a list of routes. Write it like [{'to': '10.0.0.0/8', 'via': '172.17.0.1'}]."),
    "mac": _TEXT,
    "mtu": _NUMBER,
}
"""The options of an entry, what each must be, and what is said of one that is not, unless it is to be text."""


def check_interfaces(instance: Settings, problems: Problems) -> None:
    """Everything that can be said of them before the host is asked."""
    name, mode, given = instance["name"], instance["network_mode"], instance["interfaces"]
    if given and mode in _WHOSE:
        problems.add(
            name, "interfaces", f"mode {mode} takes none of your own, its interfaces are {_WHOSE[mode]}. "
            "Leave interfaces out, or set network_mode to none.",
        )  # fmt: skip
        return
    wrong = [why for entry in given for why in _misshapen(entry)]
    for why in wrong:
        problems.add(name, "interfaces", why)
    if not wrong:
        _check_each(instance, problems)


def _misshapen(entry: Any) -> Iterator[str]:
    """Why an entry is no interface as the module takes it; its values are left to the module's own reading."""
    if not isinstance(entry, Mapping):
        yield f"{entry!r} is not a mapping. Write it like {EXAMPLE}."
        return
    name = entry.get("name")
    if not isinstance(name, str):
        yield f"an entry has no name. Write it like {EXAMPLE}."
        return
    for key in sorted(set(map(str, entry)) - set(_SHAPES)):
        yield f"{name}: {key}: {_why_not(key)}"
    for key, (fits, why) in _SHAPES.items():
        if entry.get(key) is not None and not fits(entry[key]):
            yield f"{name}: {key}: {entry[key]!r} {why or f'{why_no_text(entry[key])}.'}"


def _why_not(key: str) -> str:
    told = {
        "container": "it is the instance's own name. Leave it out.",
        "state": "an interface that is not in the list is removed. Leave state out.",
    }
    near = difflib.get_close_matches(key, _SHAPES, 1)
    return told.get(key) or "there is no such option." + (f" Did you mean {near[0]}?" if near else "")


def _check_each(instance: Settings, problems: Problems) -> None:
    name, seen = instance["name"], set()
    for entry in entries_of(instance):
        label = entry["name"]
        if label in seen:
            problems.add(name, "interfaces", f"{label}: it is in the list twice. Join the two entries into one.")
        seen.add(label)
        try:
            parse_list([entry])
        except NetmodeError as error:
            problems.add(name, "interfaces", f"{label}: {str(error).removeprefix(f'interface {name}:{label}: ')}")


def check_pairs(instances: Iterable[Settings], problems: Problems) -> None:
    """The first two of the host that cannot both be: an address twice on one bridge, a network card given twice."""
    parsed = [interface for instance in instances for interface in interfaces_of(instance)]
    name = ""
    try:
        for one, other in itertools.combinations(reversed(parsed), 2):
            name = one.container
            refuse_pair(one, other, same=name == other.container)
    except NetmodeError as error:
        problems.add(name, "interfaces", str(error).removeprefix(f"interface {name}:"))


def entries_of(instance: Settings) -> list[dict[str, Any]]:
    """As the module interfaces takes them."""
    entries = []
    for given in instance["interfaces"]:
        entry = {key: value for key, value in given.items() if value is not None}
        numbers = {key: int(entry[key]) for key in ("vlan", "mtu") if key in entry}
        entries.append({"kind": "veth", "state": "present", **entry, **numbers, "container": instance["name"]})
    return entries


def interfaces_of(instance: Settings) -> list[Interface]:
    return parse_list(entries_of(instance))


def lets_in(instance: Settings, own: set[str]) -> str:
    """By which interface others than this host reach it, '' for none. ``own``: the bridges that end at the host."""
    for interface in interfaces_of(instance):
        if interface.kind == "veth" and interface.bridge not in own:
            return f"{interface.name} on the bridge {interface.bridge}, behind which the LAN may be,"
        if interface.kind in ("macvlan", "ipvlan", "physical"):
            return f"{interface.name} ({interface.kind} of {interface.parent})"
    return ""
