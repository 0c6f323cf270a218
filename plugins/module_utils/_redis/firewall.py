# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine at hand, and the host's chain FORWARD, let through from neighbours to a container on a bridge.

Until 28.0 a published port is open to packets that are routed to the container's own address, or that come to 127.0.0.1
by another link than lo; what is not published is closed by the policy of the chain FORWARD alone, which the engine sets
where it switches forwarding on itself. Rules that others made are not looked at.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._engine import dockerd
from ansible_collections.netmode.docker.plugins.module_utils._engine.version import version
from ansible_collections.netmode.docker.plugins.module_utils._host.commands import call

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

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
    """Whether there are rules of the engine's: it makes some, or has left those of containers that ran on."""
    drops: bool
    """The policy of FORWARD."""
    direct: bool
    """``allow-direct-routing`` of the daemon."""
    switches: bool
    """``ip-forward`` of the daemon: it switches forwarding on, that of IPv6 with the first network that has it."""

    def with_new_network(self) -> Filter:
        """As it is to be once the engine has made a network of this family."""
        comes = self.switches and not self.forwards
        closes = self.rules and version(self.version) >= _IP6TABLES_SINCE
        return self._replace(forwards=self.forwards or comes, drops=self.drops or (comes and closes))


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


def filters(engine: Engine) -> list[Filter]:
    """For each family of addresses."""
    arguments = next(iter(dockerd.serving(engine.docker_host).values()), [])
    return [_filter(engine, family, arguments) for family in _FORWARDING]


def _filter(engine: Engine, family: str, arguments: list[str]) -> Filter:
    command = _COMMAND[family]
    by_default = family == "ipv4" or version(engine.version) >= _IP6TABLES_SINCE
    return Filter(
        engine.version,
        family,
        forwards=dockerd.read(Path(_FORWARDING[family])).strip() not in ("", "0"),
        rules=(
            dockerd.is_on(arguments, "iptables", default=True) and dockerd.is_on(arguments, command, default=by_default)
        )
        or " -j ACCEPT" in _rules(command, "DOCKER"),
        drops=_rules(command, "FORWARD").startswith("-P FORWARD DROP"),
        switches=dockerd.is_on(arguments, "ip-forward", default=True),
        direct=dockerd.is_on(arguments, "allow-direct-routing", default=False),
    )


def _rules(command: str, chain: str) -> str:
    """A chain's policy and rules; empty where it is not there. Where there is no such program, the engine made none."""
    try:
        done = call(command, "-w", "5", "-S", chain)
    except OSError:
        return ""
    return done.stdout
