# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two readings of a fleet: hosts, bridges, containers and veths that came, went or changed. Pure.

One line for one thing, whatever of it has changed: a container that has another mode has other addresses too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.plugin_utils._topology import addresses, published

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Parts = dict[str, str]
"""What a thing has, in words by what that is."""

CAME, WENT, CHANGED = "came", "went", "changed"
_SIGNS = {CAME: "+", WENT: "-", CHANGED: "~"}


class Change(NamedTuple):
    host: str
    kind: str
    """host, bridge, container or veth."""
    name: str
    """Empty for the host itself."""
    how: str
    """came, went or changed."""
    parts: tuple[tuple[str, str, str], ...]
    """What of it, before and after; empty where it has none."""

    @property
    def told(self) -> str:
        if self.how == CHANGED:
            return "; ".join(f"{what}: {before or 'none'} → {after or 'none'}" for what, before, after in self.parts)
        return ", ".join(f"{what} {before or after}" for what, before, after in self.parts)

    def __str__(self) -> str:
        return " ".join(filter(None, [self.host, _SIGNS[self.how], self.kind, self.name])) + (
            f"  {self.told}" if self.told else ""
        )


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Of two dictionaries of host name to facts, sorted by host, kind and name."""
    return [
        change
        for host in sorted({*before, *after})
        for change in _of_host(host, _things(host, before), _things(host, after))
    ]


def _of_host(host: str, before: dict[tuple[str, str], Parts], after: dict[tuple[str, str], Parts]) -> Iterator[Change]:
    own = ("host", "")
    if (own in before) != (own in after):  # the rest of it came or went with it
        how = CAME if own in after else WENT
        yield Change(host, *own, how, _parts(before.get(own, {}), after.get(own, {})))
        return
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if old != new:
            how = CAME if old is None else WENT if new is None else CHANGED
            yield Change(host, *key, how, _parts(old or {}, new or {}))


def _parts(before: Parts, after: Parts) -> tuple[tuple[str, str, str], ...]:
    names = dict.fromkeys([*before, *after])
    pairs = ((name, before.get(name, ""), after.get(name, "")) for name in names)
    return tuple((name, old, new) for name, old, new in pairs if old != new)


def _things(host: str, fleet: Mapping[str, Any]) -> dict[tuple[str, str], Parts]:
    """Nothing for a host without facts."""
    facts: Mapping[str, Any] = fleet.get(host) or {}
    if not facts:
        return {}
    engine = facts.get("engine") or {}
    found = {("host", ""): _said(Docker=engine.get("version") or "none", routes=_routes(facts))}
    for name, bridge in (facts.get("bridges") or {}).items():
        found["bridge", name] = _said(addresses=", ".join(addresses(bridge)), network=bridge.get("network"))
    for name, container in (facts.get("containers") or {}).items():
        found["container", name] = _container(container)
    for name in facts.get("unclaimed") or []:
        found["veth", name] = _said(of="no container")
    return found


def _said(**parts: Any) -> Parts:
    return {name: str(value) for name, value in parts.items() if value}


def _routes(facts: Mapping[str, Any]) -> str:
    told = (f"{one['destination']} by {one['gateway'] or one['interface']}" for one in facts.get("routes") or [])
    return ", ".join(sorted(told))


def _container(container: Mapping[str, Any]) -> Parts:
    found = _said(
        mode=container.get("mode"),
        status=container.get("status"),
        image=container.get("image"),
        donor=container.get("joins"),
        stale="yes" if container.get("stale") else "",
        published=published(container),
    )
    for interface in sorted(container.get("interfaces") or [], key=lambda one: str(one["name"])):
        where = f"on {interface['bridge']}" if interface.get("bridge") else ""
        told = [*addresses(interface), str(interface.get("mac") or ""), str(interface.get("veth") or ""), where]
        found[str(interface["name"] or "?")] = " ".join(filter(None, told))
    return found
