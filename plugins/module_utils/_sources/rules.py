# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the packet filter that keep ports to their sources, as text that ``iptables-restore`` reads. Pure.

They are in a chain of their own that the table raw calls before anything else sees a packet: before the engine's DNAT,
so that a port is the one that was published; before it is decided whether a container, the engine's proxy or the host
itself gets it, so that one rule holds for all three; and apart from the chains that the engine makes and removes.
What comes from the host itself does not pass there, but by lo, which the call leaves out.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .spec import Instance, IPNetwork

TABLE, CHAIN = "raw", "NETMODE-REDIS"
CALL = ("!", "-i", "lo", "-j", CHAIN)
"""How PREROUTING calls the chain."""
COMMAND = {4: "iptables", 6: "ip6tables"}
"""Family of addresses → the program for its rules."""
COMMENT = "netmode.docker.redis:"
"""Begins the comment of a rule; the name of the instance follows."""

_NO_VALUE = ("!",)
_LONG = {
    "--source": "-s", "--destination": "-d", "--in-interface": "-i", "--protocol": "-p", "--jump": "-j",
    "--match": "-m", "--destination-port": "--dport",
}  # fmt: skip
_COMMENTED = re.compile(rf'--comment ("?){re.escape(COMMENT)}([A-Za-z0-9_.-]+)\1(?: |$)')


class Bridge(NamedTuple):
    """The bridge of a network of the engine's, and what the network has of each family."""

    name: str
    subnets: tuple[IPNetwork, ...]


def rules_of(instance: Instance, bridges: Mapping[str, Bridge]) -> dict[int, list[str]]:
    """Family → lines. ``bridges``: by the name of the network; those that are not there have no rules."""
    found: dict[int, list[str]] = {4: [], 6: []}
    if not instance.is_kept:
        return found
    for port in instance.published:
        at = f"-d {_whole(port.address)} " if port.address else ""
        local = "" if port.address else "-m addrtype --dst-type LOCAL "
        found[port.family] += _kept(instance, port.family, at, f"-p tcp -m tcp --dport {port.port} {local}")
    for network, inner in instance.direct:
        bridge = bridges.get(network)
        for subnet in bridge.subnets if bridge else ():
            at = f"-d {subnet} ! -i {bridge.name} " if bridge else ""
            found[subnet.version] += _kept(instance, subnet.version, at, f"-p tcp -m tcp --dport {inner} ")
    return found


def _whole(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"


def _kept(instance: Instance, family: int, at: str, port: str) -> Iterator[str]:
    """In the order in which ``iptables-save`` writes the parts of a rule."""
    end = f"-m comment --comment {COMMENT}{instance.name} -j"
    for source in instance.sources:
        if source.version == family:
            origin = f"-s {source} " if source.prefixlen else ""
            yield f"-A {CHAIN} {origin}{at}{port}{end} RETURN"
    yield f"-A {CHAIN} {at}{port}{end} DROP"


def merge(recorded: Iterable[str], names: Iterable[str], rules: Mapping[str, list[str]]) -> list[str]:
    """The lines of a chain: those of ``rules``, by instance, and what is recorded of others than ``names``.

    Ordered by instance, so that the order of calls shows in nothing.
    """
    kept: dict[str, list[str]] = {}
    for line in recorded:
        if owner_of(line) not in {*names}:
            kept.setdefault(owner_of(line), []).append(line)
    return [line for _, lines in sorted({**kept, **rules}.items()) for line in lines]


def with_others(recorded: list[str], current: Listed | None) -> list[str]:
    """What is recorded, and what the kernel has of instances that nothing is recorded of: their record was lost."""
    known = {*map(owner_of, recorded), ""}
    return [*recorded, *(line for line in (current.rules if current else ()) if owner_of(line) not in known)]


def owner_of(line: str) -> str:
    """The instance that a rule is for; '' for one that is not of this module's making."""
    found = _COMMENTED.search(line)
    return found[2] if found else ""


def meaning(line: str) -> tuple[tuple[str, ...], ...]:
    """A rule as its parts in a fixed order: what programs of different versions write for one rule is equal.

    They name a module with ``-m`` or leave it out, and quote or do not.
    """
    words, parts, negated = shlex.split(line), [], ""
    while words:
        word = words.pop(0)
        if word in _NO_VALUE:
            negated = word
            continue
        option, value = _LONG.get(word, word), words.pop(0) if words else ""
        if option != "-m":
            parts.append((negated, option, value))
        negated = ""
    return tuple(sorted(parts))


class Listed(NamedTuple):
    """What the kernel has of this in the table, of one family."""

    rules: tuple[str, ...]
    exists: bool
    called: bool


def listed(text: str) -> Listed:
    """From what ``iptables -t raw -S`` writes."""
    lines = text.splitlines()
    call = meaning(f"-A PREROUTING {' '.join(CALL)}")
    return Listed(
        tuple(line for line in lines if line.startswith(f"-A {CHAIN} ")),
        f"-N {CHAIN}" in lines,
        any(meaning(line) == call for line in lines if line.startswith("-A PREROUTING ")),
    )


def differing(wanted: list[str], current: Listed) -> list[str]:
    """The instances whose rules are not those that the kernel has, in their order there.

    A rule of somebody else's in the chain counts for each: it may come before theirs.
    """
    if wanted and not current.called:
        return list(dict.fromkeys(map(owner_of, wanted)))
    here, there = _by_owner(wanted), _by_owner(current.rules)
    if "" in there:
        return list(here) or [""]
    return [name for name in dict.fromkeys([*here, *there]) if here.get(name) != there.get(name)]


def _by_owner(lines: Iterable[str]) -> dict[str, list[tuple[tuple[str, ...], ...]]]:
    found: dict[str, list[tuple[tuple[str, ...], ...]]] = {}
    for line in lines:
        found.setdefault(owner_of(line), []).append(meaning(line))
    return found


_PROGRAM = """\
#!/bin/sh
# Written by Ansible: the module netmode.docker.redis_sources, which runs it, and so does the host at each start.
### BEGIN INIT INFO
# Provides:          netmode-redis-sources
# Required-Start:    $local_fs
# Required-Stop:
# X-Start-Before:    docker
# Default-Start:     2 3 4 5
# Default-Stop:
# Short-Description: Keeps published ports of Redis to the sources that are allowed
### END INIT INFO
case "${1:-start}" in start | restart | force-reload) ;; *) exit 0 ;; esac
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
failed=0

# The rules of a chain as a whole, from standard input, and then its call.
set_rules() {
    "$1-restore" --wait=5 --noflush || { failed=1; return; }
    "$1" -w 5 -t @TABLE@ -C PREROUTING @CALL@ 2>/dev/null || "$1" -w 5 -t @TABLE@ -I PREROUTING @CALL@ || failed=1
}

set_rules iptables <<'RULES'
@4@
RULES
test ! -e /proc/net/if_inet6 || set_rules ip6tables <<'RULES'
@6@
RULES
exit "$failed"
"""
_SECTION = re.compile(r"^(?:test .*?)?set_rules (ip6?tables) <<'RULES'\n(.*?)^RULES$", re.MULTILINE | re.DOTALL)


def program(lines: Mapping[int, list[str]]) -> str:
    """The program that sets them: a run and the start of the host run the same."""
    text = _PROGRAM.replace("@TABLE@", TABLE).replace("@CALL@", " ".join(CALL))
    for family in COMMAND:
        table = [f"*{TABLE}", f":{CHAIN} - [0:0]", *lines[family], "COMMIT"]
        text = text.replace(f"@{family}@", "\n".join(table))
    return text


def recorded(text: str) -> dict[int, list[str]]:
    """Family → the rules in the text of a program. NetmodeError where there are none to be found in it."""
    found = {command: body.splitlines() for command, body in _SECTION.findall(text)}
    if text and set(found) != set(COMMAND.values()):
        raise NetmodeError("it is not as redis_sources wrote it. Move it away and run again.")
    rules = {family: found.get(command, []) for family, command in COMMAND.items()}
    return {family: [line for line in body if line.startswith("-A ")] for family, body in rules.items()}
