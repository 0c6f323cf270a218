# SPDX-License-Identifier: GPL-3.0-or-later
"""From which addresses the ports of a container are reached: what is asked, checked by itself."""

from __future__ import annotations

import ipaddress
from typing import Any, NamedTuple, Union

from ansible_collections.netmode.docker.plugins.module_utils._compose import names
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

Json = dict[str, Any]
IPNetwork = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

_WILDCARDS = {"": (4, 6), "*": (4, 6), "0.0.0.0": (4,), "::": (6,)}  # noqa: S104 (read, not bound to)
_HIGHEST_PORT = 65535
LONGEST_NAME = 200
"""Characters of a container's name: it goes into a rule's comment, of which the kernel takes 255."""

_PUBLISHED = {"address": {"type": "str", "default": ""}, "port": {"type": "int", "required": True}}
_DIRECT = {"network": {"type": "str", "required": True}, "port": {"type": "int", "required": True}}
INSTANCE_ARGUMENTS: Json = {
    "name": {"type": "str", "required": True},
    "sources": {"type": "list", "elements": "str", "default": []},
    "published": {"type": "list", "elements": "dict", "default": [], "options": _PUBLISHED},
    "direct": {"type": "list", "elements": "dict", "default": [], "options": _DIRECT},
}
ARGUMENTS: Json = {
    "instances": {"type": "list", "elements": "dict", "required": True, "options": INSTANCE_ARGUMENTS},
}
"""The options of the module ``redis_sources``, but for those that say where the engine is."""


class Published(NamedTuple):
    """A port of the host. ``address`` is '' for all of the host's of that family."""

    family: int
    address: str
    port: int


class Instance(NamedTuple):
    name: str
    sources: tuple[IPNetwork, ...]
    published: tuple[Published, ...]
    direct: tuple[tuple[str, int], ...]
    """(a network of the engine's, a port of the container that is published)"""

    @property
    def is_kept(self) -> bool:
        return bool(self.sources and self.published)


def source(text: str) -> IPNetwork:
    """An address or a network of addresses. ValueError with the reason and what to write instead."""
    try:
        return ipaddress.ip_network(text.replace("%", " "))  # a zone is of one host alone
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(text.replace("%", " "), strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is not an address or a network. Write it like 10.0.0.0/8 or 192.0.2.7") from None
    alone = text.partition("/")[0]
    raise ValueError(f"{text!r} has bits of a host beside those of its network. Write {meant} or {alone}")


def parse_list(given: list[Json]) -> list[Instance]:
    """In the order given. NetmodeError for the first that is wrong, or given twice."""
    found: dict[str, Instance] = {}
    for entry in given:
        one = _parse(entry)
        if one.name in found:
            raise NetmodeError(f"instances: {one.name} is given twice. Give all of its ports in one entry.")
        found[one.name] = one
    return list(found.values())


def _parse(entry: Json) -> Instance:
    where = f"instance {entry['name']}"
    try:
        name = names.container(entry["name"])
        if len(name) > LONGEST_NAME:
            raise ValueError(f"a name of more than {LONGEST_NAME} characters does not fit into a rule's comment")
        sources = {source(text): None for text in entry["sources"]}
        published = [port for item in entry["published"] for port in _published(item["address"], item["port"])]
        direct = [(str(item["network"]), _port(item["port"])) for item in entry["direct"]]
    except ValueError as error:
        raise NetmodeError(f"{where}: {error}.") from None
    return Instance(name, tuple(sources), tuple(dict.fromkeys(published)), tuple(dict.fromkeys(direct)))


def _published(address: str, port: int) -> list[Published]:
    if address in _WILDCARDS:
        return [Published(family, "", _port(port)) for family in _WILDCARDS[address]]
    own = ipaddress.ip_address(address)
    return [Published(own.version, str(own), _port(port))]


def _port(port: int) -> int:
    if not 1 <= port <= _HIGHEST_PORT:
        raise ValueError(f"{port} is not a port, which is from 1 to {_HIGHEST_PORT}")
    return port
