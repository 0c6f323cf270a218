# SPDX-License-Identifier: GPL-3.0-or-later
"""At which addresses a fleet looks for the Redis of one host, and whether it is to answer there.

docker0 ends at its host: a bridge address is reached from there alone, a published port and a port of the host from
everywhere, and what is kept to the loopback or has no network from nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import is_loopback, with_port

from .exposure import EVERYWHERE
from .ways import (
    Facts,
    Instance,
    addresses_of,
    bare,
    bindings,
    bound,
    bridge_named,
    container_of,
    key_of,
    on_links,
    owner_of,
    ways,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Target = dict[str, Any]
"""``{to, instance, address, port, near, far, run_id, tls, holder}``: one address of one Redis, whether it is to answer
there to its own host (near) and to the others (far; None: not known), the run id by which it is known (None where it
asks for a password), the fingerprint of its certificate where it speaks TLS there (else None), and the container that
holds this port of the host instead (None where none does)."""

Place = tuple[str, int, Optional[bool], Optional[bool]]
"""(address, port, near, far)"""


def addresses(facts: Facts) -> dict[str, str]:
    """IPv4 address -> the container of the host that has it."""
    return {
        bare(address): container["name"]
        for container in (facts.get("containers") or {}).values()
        for interface in container.get("interfaces") or []
        for address in interface.get("ipv4") or []
    }


def targets(
    host: str, address: str, facts: Facts, answers: Mapping[str, Mapping[str, Any]], instances: Sequence[Instance]
) -> list[Target]:
    """All addresses at which the instances of ``host`` are to be looked for.

    ``address`` is the host's, as other hosts reach it; with a loopback one only addresses of bridges can be told.
    ``answers``: those of redis_ping to ``ways.endpoints``.
    """
    found: list[Target] = []
    for instance in instances:
        if instance.state != "started" or container_of(facts, instance.name).get("status") != "running":
            continue
        run_id = _run_id(facts, answers, instance)
        for inner in instance.ports:
            holders = _holders(facts, instance, inner, instances)
            tls = instance.certificate["sha256"] if instance.certificate and inner == instance.tls_port else None
            for where, port, near, far in _places(address, facts, instance, inner):
                holder = holders.get(port) if where == address and not far else None
                place = {"address": where, "port": port, "near": near, "far": far, "holder": holder}
                found.append({"to": host, "instance": instance.name, **place, "run_id": run_id, "tls": tls})
    return found


def _run_id(facts: Facts, answers: Mapping[str, Mapping[str, Any]], instance: Instance) -> str | None:
    """As its own host knows it. What asks for a password tells nobody else, so there is nothing to compare."""
    if instance.credentials:
        return None
    for way in ways(facts, instance):
        server = (answers.get(key_of(instance, way)) or {}).get("server") or {}
        if way.socket and server.get("run_id"):
            return str(server["run_id"])
    return None


def _places(address: str, facts: Facts, instance: Instance, inner: int) -> list[Place]:
    owner = owner_of(facts, instance.name)
    mode = instance.mode if instance.mode == "none" else owner.get("mode")
    places: list[Place]
    if mode == "host":
        own = [item.lstrip("-") for item in instance.bind]
        open_at = [item for item in own if not is_loopback(item) and item not in EVERYWHERE]
        if any(item in EVERYWHERE for item in own):
            open_at = [address]
        places = [(item, inner, True, True) for item in open_at] or [(address, inner, False, False)]
    elif mode == "bridge":
        inside, near = next(iter(addresses_of(facts, owner)), ("", False))
        answers_inside = bool(inside) and bound(instance.bind, inside)
        places = [(inside, inner, answers_inside if near else None, False)] if inside else []
        places += _published(address, owner, inner, reached=answers_inside)
    else:
        places = [*_on_links(facts, instance, inner), (address, inner, False, False)]
    if instance.is_kept:  # from where others come is not known here
        places = [(at, port, near, None if far else far) for at, port, near, far in places]
    return [place for place in dict.fromkeys(places) if not (is_loopback(place[0]) or place[0] == "localhost")]


def _on_links(facts: Facts, instance: Instance, inner: int) -> list[Place]:
    """At a bridge of Docker's the way ends at the host. A dummy leads nowhere, so nobody is asked there."""
    places: list[Place] = []
    for interface, address, near in on_links(facts, instance):
        ends = bridge_named(facts, interface.bridge).get("network") and not interface.vlan
        if interface.kind != "dummy":
            places.append((address, inner, near or None, False if ends else None))
    return places


def _published(address: str, owner: Mapping[str, Any], inner: int, *, reached: bool) -> list[Place]:
    """Where the owner of the namespace publishes the port; an unpublished one is looked for all the same."""
    places: list[Place] = []
    for host_ip, port in bindings(owner, inner):
        if is_loopback(host_ip):
            places.append((address, port, False, False))
        else:
            places.append((address if host_ip in ("", *EVERYWHERE) else host_ip, port, reached, reached))
    return places or [(address, inner, False, False)]


def _holders(facts: Facts, instance: Instance, inner: int, instances: Sequence[Instance]) -> dict[int, str]:
    """{port of the host: container} for those that lead to something else than this instance."""
    owner = owner_of(facts, instance.name).get("name")
    holders = {
        int(item["host_port"]): str(container["name"])
        for container in (facts.get("containers") or {}).values()
        for item in container.get("published") or []
        if container["name"] != owner or item.get("container_port") != inner
    }
    for other in instances:
        if other.name != instance.name and owner_of(facts, other.name).get("mode") == "host":
            holders.update(dict.fromkeys(other.ports, other.name))
    return holders


def name_of(target: Mapping[str, Any]) -> str:
    return f"{target['to']} {target['instance']} {where_of(target)}"


def where_of(target: Mapping[str, Any]) -> str:
    address = str(target["address"])
    return with_port(address, target["port"])
