# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of iproute2 that make, fix and remove one interface, each with the one that takes it back. Pure.

Every command may be the last one of a killed run: what it leaves is recognised by its derived name or its mark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .state import (
    VLAN_MARK,
    Container,
    Former,
    Host,
    HostLink,
    Link,
    former,
    mark,
    mark_of_former,
    outer_name,
    wanted_mac,
)

if TYPE_CHECKING:
    from .spec import Interface, Route

NETNS, HOST = "{netns}", "{host}"
"""Stand for the open namespaces of the container and of the host in a command."""


class Command(NamedTuple):
    """``words`` for ``tool`` (ip, bridge, or ipv6: the interface on which IPv6 is allowed), in a container or not."""

    tool: str
    words: str
    inside: bool = False
    undo: Command | None = None


def _host(words: str, undo: str = "", tool: str = "ip") -> Command:
    return Command(tool, words, undo=Command(tool, undo) if undo else None)


def _inside(words: str, undo: str = "") -> Command:
    return Command("ip", words, inside=True, undo=Command("ip", undo, inside=True) if undo else None)


def vlan_name(entry: Interface) -> str:
    """The host's link that a macvlan or ipvlan interface lies on."""
    return f"{entry.parent}.{entry.vlan}" if entry.vlan else entry.parent


def make(entry: Interface, container: Container, host: Host) -> tuple[list[Command], Link]:
    """The commands that bring a bare link into the container, and that link: the rest is a fix."""
    outer = outer_name(container.id, entry.name)
    mac = wanted_mac(container.id, entry)
    if entry.kind == "physical":
        return _take(entry, container, host)
    commands = [_host(f"link delete {outer}")] if outer in host.links else []
    if entry.kind == "veth":
        mtu = entry.mtu or host.links[entry.bridge].mtu
        peer = f"peer name {entry.name} address {mac} mtu {mtu} netns {NETNS}"
        commands.append(_host(f"link add {outer} mtu {mtu} type veth {peer}", f"link delete {outer}"))
        bare = HostLink(outer, "veth", "", mtu, up=False, alias="", master="", parent="", addresses=())
        return commands, Link("veth", mac, mtu, outer=bare)
    on, data = "", ""
    if entry.kind in ("macvlan", "ipvlan"):
        on = vlan_name(entry)
        commands += _vlan_link(entry, host)
        data = " mode bridge" if entry.kind == "macvlan" else " mode l2"
    words = f"link add {outer}" + (f" link {on}" if on else "") + ("" if entry.kind == "ipvlan" else f" address {mac}")
    commands.append(_host(f"{words} type {entry.kind}{data}", f"link delete {outer}"))
    commands.append(_host(f"link set dev {outer} alias {mark(container.id, entry.name)}"))
    moved = Command("ip", f"link delete {entry.name}", inside=True)
    commands.append(Command("ip", f"link set dev {outer} netns {NETNS} name {entry.name}", undo=moved))
    return commands, Link(entry.kind, mac, 0, mark=mark(container.id, entry.name), on=on)


def _vlan_link(entry: Interface, host: Host) -> list[Command]:
    """Made under a derived name and marked before it gets its own, so that it is known for ours in any case."""
    name = vlan_name(entry)
    there = host.links.get(name)
    if not entry.vlan or (there and (there.up or there.alias != VLAN_MARK)):
        return []
    if there:
        return [_host(f"link set dev {name} up")]
    young = outer_name("vlan", name)
    commands = []
    if young not in host.links:
        add = f"link add link {entry.parent} name {young} type vlan id {entry.vlan}"
        commands.append(_host(add, f"link delete {young}"))
    commands.append(_host(f"link set dev {young} alias {VLAN_MARK}"))
    commands.append(_host(f"link set dev {young} name {name}", f"link delete {name}"))
    return [*commands, _host(f"link set dev {name} up")]


def _take(entry: Interface, container: Container, host: Host) -> tuple[list[Command], Link]:
    link = host.returned(container.id, entry.name) or host.links[entry.parent]
    known = former(link.alias)
    before = known or Former(link.name, link.up, link.mtu, link.mac, link.alias)
    signed = link.alias if known else mark_of_former(container.id, entry.name, link)
    commands = [] if known else [_host(f"link set dev {link.name} alias {signed}", _was(link.name, before))]
    back = Command("ip", f"link set dev {entry.name} netns {HOST} name {link.name}", inside=True)
    commands.append(Command("ip", f"link set dev {link.name} netns {NETNS} name {entry.name}", undo=back))
    return commands, Link("physical", link.mac, link.mtu, mark=signed, on=before.name)


def _was(name: str, before: Former) -> str:
    """The words that give a link of the host its former attributes back, the mark last."""
    mac = f"address {before.mac} " if before.mac else ""
    state = "up" if before.up else "down"
    return f'link set dev {name} mtu {before.mtu} {mac}{state} alias "{before.alias}"'


def give_back(name: str, before: Former, *, inside: bool) -> list[Command]:
    """A physical interface, in the container or (half-way, or when its container died) on the host already."""
    commands = []
    if inside:
        commands.append(_inside(f"link set dev {name} netns {HOST} name {before.name}"))
    elif name != before.name:
        commands += [_host(f"link set dev {name} down"), _host(f"link set dev {name} name {before.name}")]
    return [*commands, _host(_was(before.name, before))]


def remove(name: str, link: Link) -> list[Command]:
    before = former(link.mark)
    if before:
        return give_back(name, before, inside=True)
    if link.outer:
        return [_host(f"link delete {link.outer.name}")]
    return [_inside(f"link delete {name}")]


def fix(entry: Interface, container: Container, link: Link, host: Host) -> list[Command]:
    """From the link that is there to the one that is wanted, as far as the kernel can change a link."""
    name, signed = entry.name, mark(container.id, entry.name)
    commands = _fix_outer(entry, link, link.outer, host, signed) if link.outer else []
    if not link.mark:
        commands.append(_inside(f"link set dev {name} alias {signed}"))
    mac = wanted_mac(container.id, entry)
    if mac and mac != link.mac:
        undo = f"link set dev {name} address {link.mac}" if link.mac else ""
        commands.append(_inside(f"link set dev {name} address {mac}", undo))
    if entry.mtu and entry.mtu != link.mtu:
        undo = f"link set dev {name} mtu {link.mtu}" if link.mtu else ""
        commands.append(_inside(f"link set dev {name} mtu {entry.mtu}", undo))
    return commands + _fix_addresses(entry, link)


def wanted_vlan(entry: Interface, host: Host) -> int:
    """The VLAN of a veth's port: what the entry says, else what the bridge gives a new one; 0 for none."""
    return entry.vlan or host.bridges[entry.bridge].vlan or 0


def _fix_outer(entry: Interface, link: Link, outer: HostLink, host: Host, signed: str) -> list[Command]:
    mtu = entry.mtu or outer.mtu
    now, wanted = (outer.alias, outer.master, outer.mtu), (signed, entry.bridge, mtu)
    commands = []
    if now != wanted:
        before = f"link set dev {outer.name} mtu {outer.mtu} " + (f"master {outer.master}" if outer.master else "")
        words = f"link set dev {outer.name} mtu {mtu} master {entry.bridge} alias {signed}"
        commands.append(_host(words, before if outer.alias else ""))
    wanted_tag = wanted_vlan(entry, host)
    tag = link.vlan if outer.master == entry.bridge else host.bridges[entry.bridge].vlan or 0
    add, delete = f"vlan add dev {outer.name} vid {{}} pvid untagged", f"vlan delete dev {outer.name} vid {{}}"
    if tag != wanted_tag and wanted_tag:
        commands.append(_host(add.format(wanted_tag), delete.format(wanted_tag), tool="bridge"))
    if tag != wanted_tag and tag:
        commands.append(_host(delete.format(tag), add.format(tag), tool="bridge"))
    if not outer.up:
        commands.append(_host(f"link set dev {outer.name} up"))
    return commands


def _fix_addresses(entry: Interface, link: Link) -> list[Command]:
    """Routes go before addresses and come after them.

    A primary IPv4 address takes its secondaries along and the last one every route, so where an address goes all that
    stay are given once more.
    """
    name = f"dev {entry.name}"
    lost = link.addresses - set(entry.addresses)
    going = sorted(f"route {{}} {_route(route, name)}" for route in link.routes - set(entry.routes))
    going += sorted(f"address {{}} {address} {name}" for address in lost)
    commands = [_inside(words.format("delete"), words.format("replace")) for words in going]
    new = [address for address in entry.addresses if lost or address not in link.addresses]
    if any(address.version == 6 for address in new):
        commands.append(Command("ipv6", entry.name, inside=True))
    for address in new:
        trial = " nodad" if address.version == 6 else ""
        undo = "" if address in link.addresses else f"address delete {address} {name}"
        commands.append(_inside(f"address replace {address} {name}{trial}", undo))
    if not link.up:
        commands.append(_inside(f"link set {name} up", f"link set {name} down"))
    for route in entry.routes:
        if lost or not link.up or route not in link.routes:
            words = _route(route, name)
            undo = "" if route in link.routes else f"route delete {words}"
            commands.append(_inside(f"route replace {words}", undo))
    return commands


def _route(route: Route, name: str) -> str:
    return f"{route.to} via {route.via} {name}" if route.via else f"{route.to} {name}"
