# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether neighbours of this host, machines with a route to it, reach a Redis that needs no password.

Asked before a Redis is made, of what is asked for, and by the proof, of one that runs: one rule, ``_ways_in``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.names import bridge_of
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._facts.build import compose, owner_of
from ansible_collections.netmode.docker.plugins.module_utils._facts.observe import observe
from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import is_loopback

from .firewall import filters, lets_through

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .firewall import Filter

Json = dict[str, Any]

LINKS = Path("/sys/class/net")
_OF_ITS_OWN = ("macvlan", "ipvlan", "physical")
"""Interfaces that are on the link of a card."""


def refuse_reached(engine: Engine, instances: list[Json]) -> None:
    """Raise NetmodeError for the first instance that needs no password and that neighbours reach."""
    asked = [instance for instance in instances if instance.get("unauthenticated")]
    if not asked:
        return
    known, own = engine.get("/networks"), filters(engine)
    for instance in asked:
        given = instance["unauthenticated"]
        for wanted in given["networks"]:
            why = next(_ways_in(_find(wanted, known), given["ports"], own), "")
            if why:
                raise NetmodeError(
                    f"instance {instance['name']}: {given['reason']}, and neighbours of this host reach it: {why}. Set "
                    "redis_password, bind it to the loopback of its container (redis_bind: [127.0.0.1]) and use its "
                    "socket, or say redis_allow_unauthenticated: true."
                )


def reached(engine: Engine, asked: dict[str, list[str]]) -> dict[str, list[str] | None]:
    """How neighbours reach Redis that run: the id of a container, and where it listens, as the kernel says -> why.

    None where that is not to be known: of what may not be looked into, or is gone meanwhile.
    """
    if not any(_places(listens) for listens in asked.values()):
        return {key: [] for key in asked}
    seen = observe(engine)
    known, own = engine.get("/networks"), filters(engine)
    containers = {} if seen["limited"] else compose(seen)["containers"]
    names = {container["id"]: name for name, container in containers.items()}
    found: dict[str, list[str] | None] = dict.fromkeys(asked)
    for key, listens in asked.items():
        if key in names:
            owner = owner_of(containers, names[key], past_stale=False)
            given = engine.get(f"/containers/{owner['id']}/json")["HostConfig"].get("PortBindings") or {}
            found[key] = list(dict.fromkeys(_reached(owner, given, _places(listens), known, own)))
    return found


def _reached(
    owner: Mapping[str, Any], given: Json, places: list[str], known: list[Json], own: list[Filter]
) -> Iterator[str]:
    """``given``: its PortBindings, since a port that a routed network opens is not published at any of the host's."""
    if owner["mode"] == "host" and places:
        yield f"it listens at {', '.join(places)} of the host"
    ports: list[Json] = [
        {
            "port": port,
            "published": [
                *(item["host_ip"] for item in owner["published"] if _leads_to(item, port)),
                *(item["HostIp"] for item in given.get(f"{port}/tcp") or []),
            ],
            "families": {_family(_address(place)) for place in places if _port(place) == port},
        }
        for port in sorted(set(map(_port, places)))
    ]
    for port in ports:
        for item in owner["published"]:
            if _leads_to(item, port["port"]) and not is_loopback(item["host_ip"]):
                yield f"port {port['port']} of the container is published at {item['host_ip']} of the host"
    for interface in owner["interfaces"]:
        if interface["kind"] in _OF_ITS_OWN and not interface["network"]:
            yield f"its {interface['name']} ({interface['kind']}) is on a link of theirs"
        elif interface["kind"] != "dummy":
            bridge = interface["bridge"] or ""
            yield from _ways_in(_find({"name": interface["network"] or bridge}, known), ports, own, bridge)


def _places(listens: list[str]) -> list[str]:
    return [place for place in listens if not is_loopback(_address(place))]


def _address(place: str) -> str:
    return place.rpartition(":")[0].strip("[]")


def _port(place: str) -> int:
    return int(place.rpartition(":")[2])


def _family(address: str) -> str:
    """Of an address; '' of none, which is both: where the engine publishes what names none."""
    return "ipv6" if ":" in address else "ipv4" if address else ""


def _leads_to(item: Json, port: int) -> bool:
    return bool(item["container_port"] == port and item["protocol"] == "tcp")


def _find(wanted: Json, known: list[Json]) -> Json:
    """A network of the engine, by its name or id or by its bridge; else as the role is to make it."""
    name = wanted["name"]
    for network in known:
        if name in (network["Name"], network["Id"], bridge_of(network)) or (
            len(name) >= 12 and network["Id"].startswith(name)
        ):
            return network
    return {
        "Name": name,
        "Driver": wanted.get("driver") or "bridge",
        "Internal": wanted.get("internal") or False,
        "EnableIPv6": wanted.get("enable_ipv6") or False,
        "Options": {key: _text(value) for key, value in (wanted.get("driver_opts") or {}).items()},
    }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ways_in(network: Json, ports: list[Json], own: list[Filter], bridge: str = "") -> Iterator[str]:
    """Why neighbours reach ports of a container on a network. ``bridge``: what its interface is plugged into."""
    name = network["Name"]
    if network["Driver"] not in ("bridge", "null"):
        yield f"the network {name} ({network['Driver']}) makes it one more machine of theirs"
    if network["Driver"] != "bridge":
        return
    card = _card(bridge or (bridge_of(network) if network.get("Id") else "") or "")
    if card:
        yield f"{card} is a port of the bridge of its network {name}, so they are on that as well"
    for one in own if network.get("Id") else [each.with_new_network() for each in own]:
        enabled = network.get("EnableIPv6") if one.family == "ipv6" else network.get("EnableIPv4", True)
        for port in ports if enabled and not network["Internal"] else ():
            published = any(_family(address) in ("", one.family) for address in port["published"])
            why = lets_through(one, network.get("Options") or {}, published=published)
            if why and one.family in port.get("families", (one.family,)):
                option = f" ({port['option']})" if "option" in port else ""
                yield f"{why}, so port {port['port']} of the container{option} is open to who has a route"


def _card(bridge: str) -> str:
    """A port of a bridge that leads off this host: a card, or a link on top of one (VLAN, bond)."""
    ports = sorted((LINKS / bridge / "brif").glob("*")) if bridge else []
    links = (LINKS / port.name for port in ports)
    return next((link.name for link in links if (link / "device").exists() or any(link.glob("lower_*"))), "")
