# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sources reach the ports of a host's containers: what the kernel has, and what it is to have. Reads only."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._boot import Boot
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._engine.names import bridge_of
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._host.commands import call

from . import rules
from .rules import Bridge, Listed
from .spec import parse_list

if TYPE_CHECKING:
    from .spec import Instance, Json


BOOT = Boot("netmode-redis-sources", "Keeps published ports of Redis to the sources that are allowed")
_HAS_IPV6 = Path("/proc/net/if_inet6")


class Plan(NamedTuple):
    lines: dict[int, list[str]]
    """What the chain of each family is to have, that of other instances too."""
    before: dict[int, list[str]]
    """What is recorded for each."""
    reasons: dict[str, list[str]]
    """Instance → why its rules are set."""
    left: bool
    """Something of this is on the host, and nothing is to be."""

    @property
    def changed(self) -> bool:
        return bool(self.reasons or self.left)

    @property
    def program(self) -> str:
        return rules.program(self.lines) if any(self.lines.values()) else ""


def would(params: Json) -> Json:
    """What a run would do, as the module returns it. NetmodeError: a refusal."""
    instances = parse_list(params["instances"])
    return result(instances, planned(Engine(params["docker_host"], params["timeout"]), instances))


def result(instances: list[Instance], made: Plan, warning: str = "") -> Json:
    return {
        "changed": made.changed,
        "instances": {
            one.name: {"changed": one.name in made.reasons, "reasons": made.reasons.get(one.name, [])}
            for one in instances
        },
        "warnings": [warning] if warning else [],
        "diff": {"before": _shown(made.before), "after": _shown(made.lines)},
    }


def wrong(instances: list[Instance], engine: Engine) -> dict[str, list[str]]:
    """Instance → what is not as it is to be with its rules, for those that are kept to sources."""
    made = planned(engine, instances)
    return {one.name: made.reasons.get(one.name, []) for one in instances if one.is_kept}


def planned(engine: Engine, instances: list[Instance]) -> Plan:
    text = BOOT.read()
    if not text and not any(one.is_kept for one in instances) and BOOT.is_set(""):
        return Plan({4: [], 6: []}, {4: [], 6: []}, {}, left=False)
    current = {family: listed_now(family) for family in rules.COMMAND}
    try:
        before = rules.recorded(text)
    except NetmodeError as error:
        raise NetmodeError(f"{BOOT.program}: {error}") from None
    bridges = _bridges(engine, instances)
    own = {one.name: rules.rules_of(one, bridges) for one in instances}
    lines = {
        family: rules.merge(
            rules.with_others(before[family], current[family]),
            own,
            {name: found[family] for name, found in own.items()},
        )
        for family in rules.COMMAND
    }
    return plan(instances, before, lines, current, set(bridges))


def plan(
    instances: list[Instance],
    before: dict[int, list[str]],
    lines: dict[int, list[str]],
    current: dict[int, Listed | None],
    networks: set[str],
) -> Plan:
    """Pure but for the program of the host's start, which is compared with what it is to be.

    ``current``: None for a family that this host does not have. ``networks``: those of the engine that are there.
    """
    reasons: dict[str, list[str]] = {}

    def give(name: str, why: str) -> None:
        reasons.setdefault(name, []).append(why)

    for family, command in rules.COMMAND.items():
        seen = current[family]
        asked = {*map(rules.owner_of, [*before[family], *lines[family]])}
        for name in sorted(asked):
            if _of(name, before[family]) != _of(name, lines[family]):
                give(name, f"{command}: its rules are to be others")
        for name in rules.differing(lines[family], seen) if seen and lines[family] else ():
            if name not in reasons:
                give(name, f"{command}: the kernel does not have its rules")
    for one in instances:
        for network in [network for network, _ in one.direct if one.is_kept and network not in networks]:
            give(one.name, f"its network {network} is yet to be made")
    program = rules.program(lines) if any(lines.values()) else ""
    kept = not any(lines.values())
    there = [one for one in current.values() if one and (one.exists or one.called)]
    if program and not reasons and not BOOT.is_set(program):
        for name in {rules.owner_of(line): None for found in lines.values() for line in found}:
            give(name, "its rules are not set at the start of the host")
    return Plan(lines, before, reasons, left=kept and (bool(there) or not BOOT.is_set("")))


def _of(name: str, lines: list[str]) -> list[str]:
    return [line for line in lines if rules.owner_of(line) == name]


def _bridges(engine: Engine, instances: list[Instance]) -> dict[str, Bridge]:
    """The networks that are asked for, as the engine has them. NetmodeError: one lets in others around every rule."""
    asked = {network: one.name for one in instances if one.is_kept for network, _ in one.direct}
    found = {}
    for network in engine.get("/networks") if asked else ():
        name = bridge_of(network)
        if network["Name"] in asked:
            if not name:
                raise NetmodeError(
                    f"instance {asked[network['Name']]}: allowed_sources: the network {network['Name']} "
                    f"({network['Driver']}) makes it one more machine of the LAN, and no rule of this host is between. "
                    "Leave it empty for this instance, or use another network."
                )
            configs = (network.get("IPAM") or {}).get("Config") or []
            subnets = [ipaddress.ip_network(item["Subnet"], strict=False) for item in configs if item.get("Subnet")]
            found[network["Name"]] = Bridge(name, tuple(subnets))
    return found


def listed_now(family: int) -> Listed | None:
    """None where this host does not have the family. NetmodeError where it cannot be asked."""
    if family == 6 and not _HAS_IPV6.exists():
        return None
    command = [rules.COMMAND[family], "-w", "5", "-t", rules.TABLE, "-S"]
    try:
        done = call(*command)
    except FileNotFoundError:
        raise NetmodeError(
            f"redis_allowed_sources: this host has no {command[0]}, by which ports are kept to their sources. Install "
            "the package iptables, or leave redis_allowed_sources empty."
        ) from None
    if done.returncode:
        why = done.stderr.strip().splitlines()
        raise NetmodeError(f"redis_allowed_sources: {' '.join(command)}: {why[0] if why else 'no answer'}")
    return rules.listed(done.stdout)


def _shown(lines: dict[int, list[str]]) -> str:
    return "".join(f"{rules.COMMAND[family]} {line}\n" for family, found in lines.items() for line in found)
