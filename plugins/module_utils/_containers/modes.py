# SPDX-License-Identifier: GPL-3.0-or-later
"""The network modes: what each accepts, what it refuses, and why.

An engine refuses some options only when it creates or starts the container, when the old one may be gone already, and
drops others, most without a word. Both are refused here before anything is changed. docs/modes.md prints ``RULES``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._engine.version import version
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

MODES = ("bridge", "network", "container", "host", "none")
"""``network`` is a user-defined network; in facts it counts as ``bridge`` when its driver is bridge."""

DROPPED = "drops it without a word"
WARNED = "drops it with a warning"
UNUSED = "writes it to resolv.conf, where nothing can use it"
REFUSED = "refuses it when it creates or starts the container"
MISDIRECTED = "sets it in the donor's namespace, for the donor and all who share it"


class Rule(NamedTuple):
    mode: str
    option: str
    engine: str
    """What the engine would do with the option in this mode, as the end of "the engine …"."""
    why: str
    instead: str
    since: str = ""
    """The first engine version that does so."""
    before: str = ""
    """What the engine did until then."""

    def act(self, engine_version: str) -> str:
        """What an engine of this version does."""
        return self.before if self.since and version(engine_version) < version(self.since) else self.engine


def _rules(mode: str, *rows: tuple[str, str, str, str] | tuple[str, str, str, str, str, str]) -> tuple[Rule, ...]:
    return tuple(Rule(mode, *row) for row in rows)


RULES: tuple[Rule, ...] = (
    *_rules(
        "bridge",
        ("ipv4_address", REFUSED, "the default bridge gives its addresses itself", "use a user-defined network"),
        ("ipv6_address", REFUSED, "the default bridge gives its addresses itself", "use a user-defined network"),
        ("aliases", REFUSED, "the default bridge has no names", "use a user-defined network"),
    ),
    *_rules(
        "container",
        ("ports", REFUSED, "the namespace is the donor's", "publish the port on the donor"),
        ("networks", REFUSED, "the namespace is the donor's", "connect the donor to the network", "28.0", DROPPED),
        ("hostname", REFUSED, "the host name is the donor's", "set hostname on the donor"),
        ("mac_address", DROPPED, "the interfaces are the donor's", "set mac_address on the donor", "25.0", REFUSED),
        ("ipv4_address", REFUSED, "the interfaces are the donor's", "set the address on the donor", "25.0", DROPPED),
        ("ipv6_address", REFUSED, "the interfaces are the donor's", "set the address on the donor", "25.0", DROPPED),
        ("dns", REFUSED, "resolv.conf is the donor's", "set dns on the donor"),
        ("dns_search", DROPPED, "resolv.conf is the donor's", "set dns_search on the donor"),
        ("dns_opt", DROPPED, "resolv.conf is the donor's", "set dns_opt on the donor"),
        ("extra_hosts", REFUSED, "/etc/hosts is the donor's", "set extra_hosts on the donor"),
        ("sysctls net.*", MISDIRECTED, "the namespace is the donor's", "set it on the donor"),
    ),
    *_rules(
        "host",
        (
            "ports",
            WARNED,
            "there is nothing to publish: the container listens on the host itself",
            "let the process bind the port that you want; expose names it, so that it is checked to be free",
        ),
        ("networks", REFUSED, "a container in the host's namespace cannot join a network", "use network_mode: bridge"),
        ("mac_address", DROPPED, "the interfaces are the host's", "use network_mode: bridge", "25.0", REFUSED),
        ("ipv4_address", REFUSED, "the addresses are the host's", "use a user-defined network"),
        ("ipv6_address", REFUSED, "the addresses are the host's", "use a user-defined network"),
        (
            "sysctls net.*",
            REFUSED,
            "it would change the host, so the runtime refuses to start the container",
            "set it on the host (ansible.posix.sysctl or /etc/sysctl.d)",
        ),
    ),
    *_rules(
        "none",
        (
            "ports",
            DROPPED,
            "nothing reaches the container over a network",
            "use network_mode: bridge, or a unix socket on a volume",
        ),
        ("networks", REFUSED, "an isolated container cannot be on a network", "use network_mode: bridge"),
        ("mac_address", DROPPED, "the container has no interface", "give the interface its mac where it is defined"),
        (
            "ipv4_address",
            REFUSED,
            "the container has no interface",
            "give the interface its address where it is defined",
        ),
        (
            "ipv6_address",
            REFUSED,
            "the container has no interface",
            "give the interface its address where it is defined",
        ),
        ("dns", UNUSED, "no name server can be reached", "remove dns"),
        ("dns_search", UNUSED, "no name server can be reached", "remove dns_search"),
        ("dns_opt", UNUSED, "no name server can be reached", "remove dns_opt"),
    ),
)


def kind(network_mode: str) -> str:
    """The mode of an engine's NetworkMode: one of MODES."""
    if network_mode.startswith("container:"):
        return "container"
    if network_mode in ("", "default", "bridge"):
        return "bridge"
    return network_mode if network_mode in ("host", "none") else "network"


def _used(given: dict[str, Any]) -> set[str]:
    """The options of a parsed list entry that are set to something, as RULES names them."""
    used = {name for name, value in given.items() if value and name != "networks"}
    if any(key.startswith("net.") for key in given.get("sysctls") or {}):
        used.add("sysctls net.*")
    endpoints = given.get("networks") or {}
    used |= {key for endpoint in endpoints.values() for key, value in endpoint.items() if value}
    return used | ({"networks"} if endpoints else set())


def check(where: str, mode: str, given: dict[str, Any], engine_version: str) -> None:
    """Raise NetmodeError when the mode refuses an option; ``given`` holds the entry's parsed options."""
    used = _used(given)
    if mode == "bridge" and set(given.get("networks") or {}) - {"bridge"}:
        used -= {"ipv4_address", "ipv6_address", "aliases"}
    for rule in RULES:
        if rule.mode == mode and rule.option in used:
            raise NetmodeError(
                f"{where}: {rule.option} does not go with network_mode: {mode}: {rule.why} "
                f"(Docker Engine {engine_version} {rule.act(engine_version)}). Instead: {rule.instead}."
            )


def table() -> str:
    """``RULES`` as a table in Markdown, as docs/modes.md shows it."""
    lines = ["| mode | option | the engine | why | instead |", "|---|---|---|---|---|"]
    for rule in RULES:
        since = f" (since {rule.since}; before, it {rule.before})" if rule.since else ""
        lines.append(f"| {rule.mode} | {rule.option} | {rule.engine}{since} | {rule.why} | {rule.instead} |")
    return "\n".join(lines)
