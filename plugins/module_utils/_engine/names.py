# SPDX-License-Identifier: GPL-3.0-or-later
"""Names as the engine resolves them: containers, donors, the bridges of networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Json = dict[str, Any]

ROLE_LABEL = "netmode.docker.role"
"""A container's, by which the role redis knows what it made."""


def resolve(reference: str, ids: Collection[str], names: Mapping[str, str]) -> str | None:
    """The id of the container that ``reference`` means: a full id, a name, or the unique beginning of an id.

    ``names``: {name: id}. The engine's order: GetContainer in https://github.com/moby/moby/blob/v28.5.2/daemon/container.go
    """
    if reference in ids:
        return reference
    bare = reference.lstrip("/")
    if bare in names:
        return names[bare]
    beginnings = [identifier for identifier in ids if reference and identifier.startswith(reference)]
    return beginnings[0] if len(beginnings) == 1 else None


def find_container(named: str, containers: Mapping[str, Json]) -> str | None:
    """As ``resolve``, among ``containers``: {id: {"name": …}}."""
    return resolve(named, containers.keys(), {one["name"]: identifier for identifier, one in containers.items()})


def joined(network_mode: str) -> str:
    """What a ``container:`` mode names, a name or an id; empty for every other mode."""
    kind, _, reference = network_mode.partition(":")
    return reference if kind == "container" else ""


def find_donor(identifier: str, containers: Mapping[str, Json]) -> str | None:
    """The id of the container that a ``container:`` mode one names; None if it is gone. It may itself be a sharer.

    ``containers``: {id: {"name": …, "network_mode": …}}.
    """
    return find_container(joined(containers[identifier]["network_mode"]), containers)


def end_of_chain(identifier: str, containers: Mapping[str, Json]) -> str | None:
    """The id of the container whose own namespace a sharer was given, through other sharers; None if one is gone."""
    seen = set()
    while joined(containers[identifier]["network_mode"]):
        seen.add(identifier)
        donor = find_donor(identifier, containers)
        if donor is None or donor in seen:
            return None
        identifier = donor
    return identifier


def bridge_of(network: Json) -> str | None:
    """The name of the Linux bridge that carries this Docker network, None if its driver uses none."""
    if network.get("Driver") != "bridge":
        return None
    named = (network.get("Options") or {}).get("com.docker.network.bridge.name")
    return named or ("docker0" if network["Name"] == "bridge" else f"br-{network['Id'][:12]}")


def publishes_at(network: Json) -> str | None:
    """Where ports of its containers are published that name no address: of the default bridge the daemon's ``ip``."""
    address: str | None = (network.get("Options") or {}).get("com.docker.network.bridge.host_binding_ipv4")
    return address


def own_names(item: Json) -> list[str]:
    """``/name``; a second slash is a legacy link's alias, which is not a name."""
    return [name[1:] for name in item.get("Names") or [] if name.count("/") == 1]


def twins(networks: list[Json]) -> dict[str, list[str]]:
    """{name: ids} of the networks whose name another one has too; the engine then starts no container by that name."""
    ids: dict[str, list[str]] = {}
    for item in networks:
        ids.setdefault(item["Name"], []).append(item["Id"][:12])
    return {name: found for name, found in ids.items() if len(found) > 1}
