# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether neighbours of this host, machines with a route to it, reach a Redis that needs no password.

Judged by what the engine at hand lets through. Until 28.0 a published port is open to packets that are routed to the
container's own address, or that come to 127.0.0.1 by another link than lo; what is not published is closed by the
policy of the chain FORWARD alone, which the engine sets where it switches forwarding on itself.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._engine import dockerd
from ansible_collections.netmode.docker.plugins.module_utils._engine.names import bridge_of
from ansible_collections.netmode.docker.plugins.module_utils._engine.version import version
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

Json = dict[str, Any]

LINKS = Path("/sys/class/net")
_FORWARDING = {"ipv4": "/proc/sys/net/ipv4/ip_forward", "ipv6": "/proc/sys/net/ipv6/conf/all/forwarding"}
_COMMAND = {"ipv4": "iptables", "ipv6": "ip6tables"}
_CLOSED_SINCE, _IP6TABLES_SINCE = (28,), (27,)
_BRIDGE = "com.docker.network.bridge."


class Filter(NamedTuple):
    """What stands between a neighbour and a container, for one family of addresses."""

    version: str
    family: str
    forwards: bool
    """Whether the host forwards at all."""
    rules: bool
    """Whether the engine makes rules of its own."""
    drops: bool
    """The policy of FORWARD."""
    direct: bool
    """``allow-direct-routing`` of the daemon."""


def refuse_reached(engine: Engine, instances: list[Json]) -> None:
    """Raise NetmodeError for the first instance that needs no password and that neighbours reach."""
    asked = [instance for instance in instances if instance.get("unauthenticated")]
    if not asked:
        return
    known = engine.get("/networks")
    filters = [_filter(engine, family) for family in _FORWARDING]
    for instance in asked:
        given = instance["unauthenticated"]
        for wanted in given["networks"]:
            why = next(_why(_find(wanted, known), given["ports"], filters), "")
            if why:
                raise NetmodeError(
                    f"instance {instance['name']}: {given['reason']}, and neighbours of this host reach it: {why}. Set "
                    "redis_password, bind it to the loopback of its container (redis_bind: [127.0.0.1]) and use its "
                    "socket, or say redis_allow_unauthenticated: true."
                )


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


def _why(network: Json, ports: list[Json], filters: list[Filter]) -> Iterator[str]:
    if network["Driver"] not in ("bridge", "null"):
        yield f"the network {network['Name']} ({network['Driver']}) makes it one more machine of theirs"
    if network["Driver"] != "bridge":
        return
    card = _card(bridge_of(network) or "") if network.get("Id") else ""
    if card:
        yield f"{card} is a port of the bridge of its network {network['Name']}, so they are on that as well"
    for one in filters:
        enabled = network.get("EnableIPv6") if one.family == "ipv6" else network.get("EnableIPv4", True)
        for port in ports if enabled and not network["Internal"] else ():
            why = lets_through(one, network.get("Options") or {}, published=port["published"])
            if why:
                yield f"{why}, so port {port['port']} of the container ({port['option']}) is open to who has a route"


def _card(bridge: str) -> str:
    """A port of a bridge that leads off this host: a card, or a link on top of one (VLAN, bond)."""
    ports = sorted((LINKS / bridge / "brif").glob("*")) if bridge else []
    links = (LINKS / port.name for port in ports)
    return next((link.name for link in links if (link / "device").exists() or any(link.glob("lower_*"))), "")


def lets_through(one: Filter, options: dict[str, str], *, published: bool) -> str:
    """Why a packet of a neighbour's comes through to a port of a container on a bridge; '' where it does not."""
    if not one.forwards:
        return ""
    mode = options.get(f"{_BRIDGE}gateway_mode_{one.family}", "nat")
    if one.rules and version(one.version) >= _CLOSED_SINCE:
        if mode == "nat-unprotected":
            return "its network has the gateway mode nat-unprotected"
        opened = {
            "its network has the gateway mode routed": mode == "routed",
            "the daemon has allow-direct-routing": one.direct,
            "its network has trusted_host_interfaces": bool(options.get(f"{_BRIDGE}trusted_host_interfaces")),
        }
        return next((why for why, so in opened.items() if so and published), "")
    if one.rules and published:
        return f"Docker {one.version} (before 28.0) lets them through to published ports, to those at 127.0.0.1 too"
    if one.drops:
        return ""
    return f"this host forwards {one.family.replace('ip', 'IP')}, and the policy of its chain FORWARD is ACCEPT"


def _filter(engine: Engine, family: str) -> Filter:
    options, command = _daemon_options(), _COMMAND[family]
    by_default = family == "ipv4" or version(engine.version) >= _IP6TABLES_SINCE
    return Filter(
        engine.version,
        family,
        forwards=dockerd.read(Path(_FORWARDING[family])).strip() not in ("", "0"),
        rules=_is_on(options, "iptables", default=True) and _is_on(options, command, default=by_default),
        drops=_drops(command),
        direct=_is_on(options, "allow-direct-routing", default=False),
    )


def _is_on(options: dict[str, Any], name: str, *, default: bool) -> bool:
    return _text(options.get(name, default)) in ("true", "1", "t")


def _daemon_options() -> dict[str, Any]:
    """Of the engine that runs here: its arguments, and its configuration file, which may hold none of them as well."""
    words = [word for pid in dockerd.find_processes()[:1] for word in dockerd.command_line(pid)]
    given: dict[str, Any] = {}
    for word, after in zip(words, [*words[1:], ""]):
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("--"):
            given[name] = value if equals else after if name == "config-file" else True
    try:
        text = dockerd.read(Path(str(given.get("config-file") or dockerd.CONFIG_FILE)))
        written = json.loads(text) if text.strip() else {}
    except ValueError:
        written = {}
    return {**(written if isinstance(written, dict) else {}), **given}


def _drops(command: str) -> bool:
    """Whether FORWARD's policy is DROP. Where there is no such program, the engine could set none."""
    try:
        done = subprocess.run(
            [command, "-w", "5", "-S", "FORWARD"],
            capture_output=True, text=True, check=False, env={**os.environ, "PATH": dockerd.PATHS, "LC_ALL": "C"},
        )  # fmt: skip
    except OSError:
        return False
    return done.stdout.startswith("-P FORWARD DROP")
