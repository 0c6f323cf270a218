# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces: from what is there and what is wanted to the commands between, with the reasons. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .checks import refuse_all, resolve
from .commands import (
    Command,
    fix,
    give_back,
    make,
    remove,
    vlan_name,
    wanted_vlan,
)
from .state import (
    VLAN_MARK,
    Container,
    Host,
    Link,
    former,
    is_derived,
    mark,
    outer_name,
    wanted_mac,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .spec import Interface

_REMADE = ("kind", "parent", "peer")
"""The kernel can change everything about a link but these."""


class Change(NamedTuple):
    """One entry compared. ``container`` is None for an absent interface of a container that is not there."""

    entry: Interface
    container: Container | None
    before: Link | None
    reasons: tuple[str, ...]
    actions: tuple[str, ...]
    commands: tuple[Command, ...]


def plan(entries: list[Interface], host: Host) -> list[Change]:
    """One change per entry, in the list's order. Raises NetmodeError for what cannot be, before anything is done."""
    entries = [resolve(entry, host) for entry in entries]
    refuse_all(entries, host)
    changes = [_change(entry, host) for entry in entries]
    return _share_vlan_links(changes, host)


def in_order(changes: list[Change]) -> list[Change]:
    """The changes that are due, removals first: what they free may be wanted by others."""
    due = [change for change in changes if change.commands]
    return sorted(due, key=lambda change: change.entry.present)


def _change(entry: Interface, host: Host) -> Change:
    container = host.containers.get(entry.container)
    if container is None:
        return Change(entry, None, None, (), (), ())
    link = container.links.get(entry.name)
    if not entry.present:
        return _absent(entry, container, link, host)
    if link is None:
        bare, rest = make(entry, container, host)
        commands = (*bare, *fix(entry, container, rest, host))
        return Change(entry, container, None, ("there is no such interface",), ("create",), commands)
    reasons = differences(entry, container, link, host)
    again = [reason for reason in reasons if reason.partition(":")[0] in _REMADE]
    if again:
        bare, rest = make(entry, container, _without_outer(host, link))
        commands = (*remove(entry.name, link), *bare, *fix(entry, container, rest, host))
        return Change(entry, container, link, tuple(reasons), ("remove", "create"), commands)
    options = tuple(f"set {reason.partition(':')[0]}" for reason in reasons)
    return Change(entry, container, link, tuple(reasons), options, tuple(fix(entry, container, link, host)))


def _without_outer(host: Host, link: Link) -> Host:
    gone = link.outer.name if link.outer else ""
    return host._replace(links={name: item for name, item in host.links.items() if name != gone})


def _absent(entry: Interface, container: Container, link: Link | None, host: Host) -> Change:
    returned = host.returned(container.id, entry.name)
    if link is not None:
        commands = remove(entry.name, link)
        before = former(link.mark)
        action = f"return {before.name} to the host" if before else "remove"
    elif returned is not None:
        before = former(returned.alias)
        commands = give_back(returned.name, before, inside=False) if before else []
        action = f"return {before.name} to the host" if before else ""
    elif outer_name(container.id, entry.name) in host.links:
        commands = remove(entry.name, Link("", outer=host.links[outer_name(container.id, entry.name)]))
        action = "remove"
    else:
        return Change(entry, container, None, (), (), ())
    return Change(entry, container, link, ("state: absent",), (action,), tuple(commands))


def differences(entry: Interface, container: Container, link: Link, host: Host) -> list[str]:
    """``option: what it is -> what it is to be``, for what the entry says and for what the link must be."""
    rows: list[tuple[str, Any, Any]] = [("kind", link.kind, entry.kind)]
    on = {"veth": entry.bridge, "dummy": ""}.get(entry.kind, vlan_name(entry))
    if entry.kind == link.kind:
        rows.append((entry.on or "parent", link.on or "none", on or "none"))
        if entry.kind == "veth" and not link.outer:
            rows.append(("peer", "gone from the host", "a port of the bridge"))
    if entry.kind == "veth" and link.on == entry.bridge:
        rows.append(("vlan", link.vlan, wanted_vlan(entry, host)))
    mac = wanted_mac(container.id, entry)
    if mac:
        rows.append(("mac", link.mac, mac))
    if entry.mtu:
        rows.append(("mtu", _mtu(entry, link), entry.mtu))
    rows.append(("addresses", _listed(link.addresses), _listed(entry.addresses)))
    rows.append(("routes", _listed(_route_text(link.routes)), _listed(_route_text(entry.routes))))
    up = link.up and (link.outer is None or link.outer.up)
    rows.append(("operation", "up" if up else "down", "up"))
    signed = link.mark and (link.outer is None or link.outer.alias == mark(container.id, entry.name))
    rows.append(("mark", "complete" if signed else "missing", "complete"))
    return [f"{option}: {now} -> {wanted}" for option, now, wanted in rows if now != wanted]


def _mtu(entry: Interface, link: Link) -> int:
    """Of the two ends of a veth the one that differs."""
    ends = [link.mtu] + ([link.outer.mtu] if link.outer else [])
    return next((mtu for mtu in ends if mtu != entry.mtu), entry.mtu)


def _listed(items: Iterable[Any]) -> str:
    return ", ".join(sorted(str(item) for item in items)) or "none"


def _route_text(routes: Iterable[Any]) -> list[str]:
    return [f"{route.to} via {route.via}" if route.via else str(route.to) for route in routes]


def _share_vlan_links(changes: list[Change], host: Host) -> list[Change]:
    """A VLAN link of ours is made once for all who lie on it, and goes with the last of them."""
    leaving = [change for change in in_order(changes) if change.before and "remove" in change.actions]
    absent = [change for change in changes if not change.entry.present]
    last = next(reversed(leaving or absent), None)
    lonely = _lonely_vlan_links(changes, leaving, host)
    made: set[Command] = set()
    shared = []
    for change in changes:
        commands = [command for command in change.commands if command.inside or command not in made]
        made.update(commands)
        reasons, actions = change.reasons, change.actions
        if change is last and lonely:
            commands += [Command("ip", f"link delete {name}") for name in lonely]
            actions = (*actions, *(f"remove {name}" for name in lonely))
            reasons = reasons or tuple(f"no interface lies on {name} any more" for name in lonely)
        shared.append(change._replace(commands=tuple(commands), reasons=reasons, actions=actions))
    return shared


def _lonely_vlan_links(changes: list[Change], leaving: list[Change], host: Host) -> list[str]:
    """Those of ours, finished or half-made, on which nothing lies once the changes are done."""
    wanted = {vlan_name(change.entry) for change in changes if change.entry.present}
    left = {(change.container.id, change.entry.name) for change in leaving if change.container}
    under = {link.parent for link in host.links.values()}
    return sorted(
        link.name
        for link in host.links.values()
        if link.kind == "vlan"
        and (link.alias == VLAN_MARK or is_derived(link.name))
        and link.name not in wanted | under
        and host.riders.get(link.name, frozenset()) <= left
    )
