# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces: reads what a plan needs from engine and kernel, and carries its commands out by iproute2."""

from __future__ import annotations

import ipaddress
import itertools
import json
import os
import re
import socket
import subprocess
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine import Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError
from ansible_collections.netmode.docker.plugins.module_utils._interfaces_commands import HOST, NETNS
from ansible_collections.netmode.docker.plugins.module_utils._interfaces_spec import Interface, Route, parse_list
from ansible_collections.netmode.docker.plugins.module_utils._interfaces_state import (
    Bridge,
    Container,
    Holder,
    Host,
    HostLink,
    Link,
    former,
    is_marked,
    outer_name,
)
from ansible_collections.netmode.docker.plugins.module_utils._namespaces import OWN_NAMESPACE
from ansible_collections.netmode.docker.plugins.module_utils._netlink import inside
from ansible_collections.netmode.docker.plugins.module_utils._network_facts import compose
from ansible_collections.netmode.docker.plugins.module_utils._networks_spec import parse_present
from ansible_collections.netmode.docker.plugins.module_utils._plan_interfaces import Change, in_order, plan
from ansible_collections.netmode.docker.plugins.module_utils._snapshot import bridge_of, find_container
from ansible_collections.netmode.docker.plugins.module_utils._snapshot import observe as observe_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.netmode.docker.plugins.module_utils._interfaces_commands import Command

    Facts = dict[str, Any]
    Batch = Callable[["Spaces", str, list[Command]], tuple[int, str]]

_BY_THEMSELVES = (1, 2, 9)
"""Protocols of routes that ICMP, the kernel and router advertisements bring (rtnetlink(7), rtm_protocol)."""


class Spaces:
    """The network namespaces of the host and of containers, held open: no PID can come to mean another one."""

    def __init__(self) -> None:
        self.host = os.open(OWN_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
        self.of: dict[str, int] = {}

    def pin(self, container_id: str, pid: int) -> int | None:
        """None if the container has ended meanwhile."""
        if container_id not in self.of:
            try:
                self.of[container_id] = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            except (FileNotFoundError, ProcessLookupError):
                return None
        return self.of[container_id]

    def __enter__(self) -> Spaces:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in (self.host, *self.of.values()):
            os.close(descriptor)


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The module's work from its parameters to its result. Raises NetmodeError."""
    entries = parse_list(params["interfaces"])
    engine = Engine(params["docker_host"], params["timeout"])
    with Spaces() as spaces:
        changes = plan(entries, observe(engine, entries, spaces))
        if not check_mode:
            apply(changes, spaces)
    return _result(changes)


def _result(changes: list[Change]) -> dict[str, Any]:
    due = {f"{change.entry.container}:{change.entry.name}": change for change in changes if change.commands}
    return {
        "changed": bool(due),
        "interfaces": {
            f"{change.entry.container}:{change.entry.name}": {
                "changed": bool(change.commands),
                "actions": list(change.actions),
                "reasons": list(change.reasons),
            }
            for change in changes
        },
        "diff": {
            "before": {key: _described(change.before) for key, change in due.items() if change.before},
            "after": {key: _described(change.entry) for key, change in due.items() if change.entry.present},
        },
    }


def _described(one: Link | Interface) -> dict[str, Any]:
    """The attributes that both sides have; what an entry does not say is not shown for it."""
    shown: dict[str, Any] = {"kind": one.kind}
    shown["on"] = one.on if isinstance(one, Link) else one.bridge or one.parent
    shown.update({name: getattr(one, name) for name in ("vlan", "mac", "mtu") if getattr(one, name)})
    shown["addresses"] = sorted(map(str, one.addresses))
    shown["routes"] = sorted(f"{to} via {via}" if via else str(to) for to, via in one.routes)
    return shown


def observe(engine: Engine, entries: list[Interface], spaces: Spaces) -> Host:
    """The host as ``network_facts`` sees it, and the namespaces of the containers that the list names in full."""
    seen = observe_all(engine)
    if seen["limited"]:
        raise NetmodeError("interfaces: network namespaces may not be looked into by this user. Run with become: true.")
    facts = compose(seen)
    links = {link["name"]: _host_link(link, seen) for link in seen["links"].values()}
    found: dict[str, Container] = {}
    containers: dict[str, Container] = {}
    for named in dict.fromkeys(entry.container for entry in entries):
        identifier = find_container(named, seen["containers"])
        if identifier is not None:
            if identifier not in found:
                found[identifier] = _container(engine, seen["containers"][identifier], seen, links, spaces)
            containers[named] = found[identifier]
    networks = {network["Name"]: bridge_of(network) for network in seen["networks"]}
    riders, holders = _inhabitants(seen, facts)
    return Host(
        containers=containers,
        links=links,
        bridges={name: _bridge(bridge, seen, holders) for name, bridge in facts["bridges"].items()},
        networks={name: bridge for name, bridge in networks.items() if bridge},
        holders={name: tuple(items) for name, items in holders.items()},
        riders={name: frozenset(items) for name, items in riders.items()},
    )


def _host_link(link: Facts, seen: Facts) -> HostLink:
    def name(ifindex: int | None) -> str:
        return str((seen["links"].get(ifindex) or {"name": ""})["name"])

    ipv4, ipv6 = seen["addresses"].get(link["ifindex"], ([], []))
    return HostLink(
        name=link["name"],
        kind=link["kind"],
        mac=link["mac"] or "",
        mtu=link["mtu"],
        up=link["up"],
        alias=link["alias"],
        master=name(link["master"]),
        parent=name(link["link"]) if link["link_netnsid"] is None else "",
        addresses=tuple(address for address in (*ipv4, *ipv6) if not ipaddress.ip_interface(address).is_link_local),
    )


def _bridge(bridge: Facts, seen: Facts, holders: dict[str, list[Holder]]) -> Bridge:
    """Its subnets by the kernel and by Docker's address management, whose reserved addresses become holders."""
    interfaces = [ipaddress.ip_interface(text) for text in (*bridge["ipv4"], *bridge["ipv6"])]
    subnets = [interface.network for interface in interfaces if not interface.is_link_local]
    held = holders.setdefault(bridge["name"], [])
    held += [Holder(interface.ip, "the bridge itself") for interface in interfaces]
    raw = next((network for network in seen["networks"] if network["Name"] == bridge["network"]), None)
    for pool in parse_present(raw).pools if raw else ():
        subnets.append(pool.subnet)
        if pool.gateway:
            held.append(Holder(pool.gateway, f"the gateway of the Docker network {bridge['network']}"))
        held += [
            Holder(address, f"{name}, reserved in the Docker network {bridge['network']}")
            for name, address in pool.aux.items()
        ]
    link = next(link for link in seen["links"].values() if link["name"] == bridge["name"])
    return Bridge(bridge["network"] or "", tuple(dict.fromkeys(subnets)), link["vlan"])


def _inhabitants(seen: Facts, facts: Facts) -> tuple[dict[str, set[tuple[str, str]]], dict[str, list[Holder]]]:
    """Who lies on which parent, and who has which address on which bridge or parent, of all containers that run."""
    riders: dict[str, set[tuple[str, str]]] = {}
    holders: dict[str, list[Holder]] = {}
    for link in seen["links"].values():
        ipv4, ipv6 = seen["addresses"].get(link["ifindex"], ([], []))
        if link["kind"] != "bridge":
            own = [Holder(ipaddress.ip_interface(text).ip, "the host itself") for text in (*ipv4, *ipv6)]
            holders[link["name"]] = own
    for container in facts["containers"].values():
        view = seen["views"].get(container["netns"]) or {"links": {}}
        for interface in container["interfaces"]:
            key = (container["id"], interface["name"])
            on = interface["bridge"]
            if interface["kind"] in ("macvlan", "ipvlan"):
                link = view["links"].get(interface["ifindex"], {"link": None})
                on = (seen["links"].get(link["link"]) or {"name": ""})["name"]
                riders.setdefault(on, set()).add(key)
            who = f"the container {container['name']}, on {interface['name']},"
            for text in (*interface["ipv4"], *interface["ipv6"]) if on else ():
                holders.setdefault(on, []).append(Holder(ipaddress.ip_interface(text).ip, who, key))
    for stopped in (item for item in seen["containers"].values() if not item["running"]):
        who = f"the stopped container {stopped['name']}"
        for network in seen["networks"]:
            for text in stopped["static"].get(network["Name"], ()):
                holders.setdefault(bridge_of(network) or "", []).append(Holder(ipaddress.ip_address(text), who))
    return riders, holders


def _container(engine: Engine, listed: Facts, seen: Facts, links: dict[str, HostLink], spaces: Spaces) -> Container:
    running, status, found = listed["running"], listed["status"], {}
    if running and listed["network_mode"] == "none":
        try:
            state = engine.get(f"/containers/{listed['id']}/json")["State"]
        except NotFoundError:
            state = {"Pid": 0, "Status": "removed"}
        descriptor = spaces.pin(listed["id"], state["Pid"]) if state["Pid"] else None
        running, status = descriptor is not None, state["Status"]
        if descriptor is not None:
            found = _links(listed["id"], descriptor, seen, links)
    return Container(listed["id"], listed["name"], listed["network_mode"], status, running, found)


def _links(container_id: str, descriptor: int, seen: Facts, host: dict[str, HostLink]) -> dict[str, Link]:
    with inside(descriptor) as netlink:
        links, addresses = netlink.links(), netlink.addresses()
        routes = [*netlink.routes(), *netlink.routes(socket.AF_INET6)]
    found = {}
    by_name = {link["name"]: link for link in seen["links"].values()}
    for link in links:
        if link["loopback"]:
            continue
        outer = _outer(link, by_name.get(outer_name(container_id, link["name"])), host)
        before = former(link["alias"]) if is_marked(link["alias"], container_id, link["name"]) else None
        on = seen["links"].get(link["link"], {"name": ""})["name"] if link["link_netnsid"] is not None else ""
        if link["kind"] == "veth":
            on = outer.master if outer else ""
        found[link["name"]] = Link(
            kind="physical" if before else link["kind"],
            mac=link["mac"] or "",
            mtu=link["mtu"],
            up=link["up"],
            mark=link["alias"] if is_marked(link["alias"], container_id, link["name"]) else "",
            on=before.name if before else on,
            addresses=_addresses(addresses, link["ifindex"]),
            routes=_routes(routes, link["ifindex"]),
            outer=outer,
            vlan=_pvid(outer, by_name) if outer else 0,
        )
    return found


def _outer(link: Facts, candidate: Facts | None, host: dict[str, HostLink]) -> HostLink | None:
    """The host's end of a veth: the two name each other."""
    if candidate is None or link["kind"] != "veth" or candidate["kind"] != "veth":
        return None
    paired = candidate["link"] == link["ifindex"] and link["link"] == candidate["ifindex"]
    return host[candidate["name"]] if paired else None


def _addresses(addresses: list[Facts], ifindex: int) -> frozenset[Any]:
    """Those that somebody set: not what IPv6 gives itself or a router announces."""
    mine = (item for item in addresses if item["ifindex"] == ifindex and item["permanent"])
    found = (ipaddress.ip_interface(item["address"]) for item in mine)
    return frozenset(address for address in found if address.version == 4 or not address.is_link_local)


def _routes(routes: list[Facts], ifindex: int) -> frozenset[Route]:
    return frozenset(
        Route(
            ipaddress.ip_network(route["destination"]),
            ipaddress.ip_address(route["gateway"]) if route["gateway"] else None,
        )
        for route in routes
        if route["ifindex"] == ifindex and route["protocol"] not in _BY_THEMSELVES
    )


def _pvid(outer: HostLink, by_name: dict[str, Facts]) -> int:
    """The VLAN that an untagged frame from the container gets, on a bridge that filters; iproute2 alone tells it."""
    if by_name.get(outer.master, {}).get("vlan") is None:
        return 0
    done = _process(["bridge", "-j", "vlan", "show", "dev", outer.name], "", ())
    ports = json.loads(done.stdout or "[]")
    vlans = [vlan for port in ports for vlan in port.get("vlans", []) if "PVID" in vlan.get("flags", [])]
    return int(vlans[0]["vlan"]) if vlans else 0


def apply(changes: list[Change], spaces: Spaces, batch: Batch | None = None) -> None:
    """Carry out what is due. When a command fails, all that were done before it are taken back.

    ``batch`` does some commands of one tool in one namespace: (how many were done, why the next was not).
    """
    do = batch or run_batch
    done: list[tuple[Change, Command]] = []
    for change in in_order(changes):
        for _, group in itertools.groupby(change.commands, key=lambda command: (command.tool, command.inside)):
            commands = list(group)
            count, why = _until_failure(do, spaces, _id(change), commands)
            done += [(change, command) for command in commands[:count]]
            if count < len(commands):
                for owner, command in reversed(done):
                    if command.undo:
                        do(spaces, _id(owner), [command.undo])
                raise NetmodeError(_failure(change.entry, commands[count], why) + _not_put_back(done))


def _id(change: Change) -> str:
    return change.container.id if change.container else ""


def _not_put_back(done: list[tuple[Change, Command]]) -> str:
    deleted = [change.entry for change, command in done if change.before and command.words.startswith("link delete")]
    names = ", ".join(dict.fromkeys(f"{entry.container}:{entry.name}" for entry in deleted))
    return f" What it had removed is not put back: {names}." if names else ""


def _until_failure(batch: Batch, spaces: Spaces, container_id: str, commands: list[Command]) -> tuple[int, str]:
    """Like ``batch``; a link that is to be deleted may go by itself, with the namespace of a container that ended."""
    count, why = batch(spaces, container_id, commands)
    while count < len(commands) and commands[count].words.startswith("link delete") and "Cannot find device" in why:
        count += 1
        if count < len(commands):
            more, why = batch(spaces, container_id, commands[count:])
            count += more
    return count, why


def _failure(entry: Interface, command: Command, why: str) -> str:
    taken_back = "What this run had made is removed again."
    if "Unknown device type" in why or "not supported" in why:
        kind = command.words.partition(" type ")[2].partition(" ")[0]
        if kind:
            return (
                f"{entry.where}: kind: this host's kernel has no {kind} links ({why}). Load its module (modprobe "
                f"{kind}), or choose another kind. {taken_back}"
            )
    return f"{entry.where}: {command.tool} {command.words}: {why}. {taken_back}"


def run_batch(spaces: Spaces, container_id: str, commands: list[Command]) -> tuple[int, str]:
    """How many of the commands, all of one tool in one namespace, were done, and why the next one was not."""
    own = spaces.of.get(container_id)
    enter = ["nsenter", f"--net=/proc/self/fd/{own}"] if commands[0].inside else []
    kept = (spaces.host,) if own is None else (spaces.host, own)
    if commands[0].tool == "ipv6":
        # Docker switches IPv6 off in a namespace that has no IPv6 network.
        for number, command in enumerate(commands):
            done = _process([*enter, "tee", f"/proc/sys/net/ipv6/conf/{command.words}/disable_ipv6"], "0\n", kept)
            if done.returncode:
                return number, _reason(done.stderr)
        return len(commands), ""
    lines = "".join(f"{command.words}\n" for command in commands)
    lines = lines.replace(NETNS, f"/proc/self/fd/{own}").replace(HOST, f"/proc/self/fd/{spaces.host}")
    done = _process([*enter, commands[0].tool, "-batch", "-"], lines, kept)
    failed = re.search(r"Command failed -:(\d+)", done.stderr)
    if done.returncode == 0:
        return len(commands), ""
    return (int(failed.group(1)) - 1 if failed else 0), _reason(done.stderr)


def _reason(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line and not line.startswith("Command failed")]
    return re.sub(r"^(Error:|RTNETLINK answers:) ", "", lines[0] if lines else "it failed").rstrip(".")


def _process(argv: list[str], given: str, kept: tuple[int, ...]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(argv, input=given, capture_output=True, text=True, pass_fds=kept, check=False, timeout=60)
    except FileNotFoundError as error:
        package = "util-linux" if argv[0] == "nsenter" else "iproute2"
        raise NetmodeError(f"interfaces: {argv[0]} is not on this host. Install its package {package}.") from error
    except subprocess.TimeoutExpired as error:
        raise NetmodeError(f"interfaces: {' '.join(argv)} did not end within 60 s.") from error
