# SPDX-License-Identifier: GPL-3.0-or-later
"""``redis_allowed_sources``: which ports each instance of a host keeps to its sources, and whether that can be.

A published port has the sources of the instance that it leads to; where that has none, of the one that publishes it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._compose.typed import placed
from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import is_loopback
from ansible_collections.netmode.docker.plugins.module_utils._sources.spec import LONGEST_NAME, source

from .exposure import Namespaces, addresses, plain, published
from .listeners import listeners

if TYPE_CHECKING:
    from .exposure import Published
    from .problems import Problems, Settings

Json = dict[str, Any]

_OPTION = "allowed_sources"


def check_sources(instance: Settings, problems: Problems) -> None:
    """Each by itself; what is right is written in one form."""
    found = [_source(instance, index, text, problems) for index, text in enumerate(instance[_OPTION])]
    instance[_OPTION] = list(dict.fromkeys(found))


def _source(instance: Settings, index: int, text: str, problems: Problems) -> str:
    try:
        return str(source(text.strip()))
    except ValueError as error:
        problems.add(instance["name"], *placed(f"{_OPTION}[{index}]", error))
    return text


def check_kept(instance: Settings, namespaces: Namespaces, problems: Problems) -> None:
    """Refuse sources where they would not keep others out, or where it is not known what they would be for."""
    if not instance[_OPTION] or instance["state"] == "absent":
        return
    why = _unknown(instance, namespaces)
    if why:
        problems.add(instance["name"], _OPTION, f"{why}")


def _unknown(instance: Settings, namespaces: Namespaces) -> str:
    owner = namespaces.owner(instance["name"])
    if len(instance["name"]) > LONGEST_NAME:
        return f"a rule has room for a name of {LONGEST_NAME} characters. Give the instance a shorter name."
    if owner == "(host)":
        return ""
    if not namespaces.knows(owner):
        return f"what its donor {owner} publishes is not known here. Declare that one in redis_companions."
    if lan := namespaces.open_by(owner):
        return f"{lan}, and no rule of this host is between. Leave it empty for this instance, or use another network."
    with suppress(ValueError):  # told already
        if any(len(port.host) != 1 for port in _led_to(instance, owner, namespaces)):
            return (
                "the engine chooses the port of the host, so it is not known before. Publish it at one, such as "
                f"'{instance['port']}:{instance['port']}'."
            )
    return ""


def sources_of(instance: Settings, namespaces: Namespaces) -> Json:
    """The entry of the module ``redis_sources``. Of one that is not kept, or cannot be, nothing but its name."""
    entry: Json = {"name": instance["name"], "sources": [], "published": [], "direct": []}
    if not instance[_OPTION] or instance["state"] == "absent" or _unknown(instance, namespaces):
        return entry
    owner = namespaces.owner(instance["name"])
    entry["sources"] = list(instance[_OPTION])
    if owner == "(host)":
        at = [plain(address) for address in addresses(instance) if not is_loopback(address)]
        entry["published"] = [{"address": one, "port": item.port} for item in listeners(instance) for one in at]
        return entry
    ports = _led_to(instance, owner, namespaces)
    entry["published"] = [{"address": port.ip, "port": port.host.start} for port in ports]
    inner = list(dict.fromkeys(port.inner for port in ports))
    entry["direct"] = [{"network": name, "port": port} for name in namespaces.networks_of(owner) for port in inner]
    return entry


def _led_to(instance: Settings, owner: str, namespaces: Namespaces) -> list[Published]:
    """Of the ports that the owner of the namespace publishes those that have the sources of this instance."""
    own = {item.port for item in listeners(instance)}
    others = {
        item.port
        for other in namespaces.instances.values()
        if other[_OPTION] and other["name"] != instance["name"] and namespaces.owner(other["name"]) == owner
        for item in listeners(other)
    }
    every = published(namespaces.published_by(owner))
    return [port for port in every if port.inner in own or (owner == instance["name"] and port.inner not in others)]
