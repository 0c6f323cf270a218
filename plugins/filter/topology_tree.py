# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The facts of network_facts drawn as a tree: bridge, veth, container, address, and who shares whose namespace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: topology_tree
short_description: Draw the Docker networks of hosts as a tree
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Draws what M(netmode.docker.network_facts) found. Every bridge with its address and Docker network, under it each
    veth with the container and interface at its other end, and under a container those that share its network
    namespace; then containers in host mode, isolated ones, those that do not run, and veths of no container.
  - The same facts give the same text, whatever order the engine and the kernel gave them in.
options:
  _input:
    description:
      - The facts of one host (C(ansible_facts['docker_network'])), or a dictionary of host name to such facts.
      - A host without facts is drawn as such, and so is one without Docker Engine, with what bridges it has.
    type: dict
    required: true
  ports:
    description:
      - Ports of containers in host mode and of sharers, which the engine knows nothing of. A dictionary of container
        name to a port or a list of ports; for several hosts a dictionary of host name to that.
      - P(netmode.docker.redis_ports#filter) makes it from the variables of the role redis.
    type: dict
    default: {}
  roles:
    description:
      - What containers are in a replication, RV(netmode.docker.redis_verify#module:roles).
      - For several hosts a dictionary of host name to that.
    type: dict
    default: {}
  host:
    description: The name that stands at the root of the tree of one host.
    type: str
    default: host
"""

EXAMPLES = r"""
- name: Show the networks of this host
  ansible.builtin.debug:
    msg: "{{ ansible_facts['docker_network'] | netmode.docker.topology_tree(host=inventory_hostname, ports=ports) }}"
  vars:
    ports:
      redis-host: 6515

# web1  Docker 20.10.24
# ├── docker0  172.17.0.1/16  network bridge
# │   ├── veth062947b ── httpd:eth0  172.17.0.3/16  02:42:ac:11:00:03
# │   │   └── redis-container  shares httpd's namespace
# │   └── veth3b5b11d ── redis-bridge:eth0  172.17.0.2/16  02:42:ac:11:00:02  *:6379→6379
# ├── host network
# │   └── redis-host  port 6515
# └── isolated
#     └── redis-none  only lo
"""

RETURN = r"""
_value:
  description: The tree, lines of text without a newline at the end.
  type: str
"""

ANY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 (read, not bound to)


@dataclass
class Node:
    """One line: ``cells`` stand in columns with those of the other lines of the same ``kind``."""

    kind: str
    cells: list[str]
    children: list[Node] = field(default_factory=list)


def _widths(nodes: Iterable[Node], widths: dict[tuple[str, int], int]) -> dict[tuple[str, int], int]:
    for node in nodes:
        for column, cell in enumerate(node.cells[:-1]):
            key = (node.kind, column)
            widths[key] = max(widths.get(key, 0), len(cell))
        _widths(node.children, widths)
    return widths


def _line(node: Node, widths: dict[tuple[str, int], int]) -> str:
    cells = list(node.cells)
    while cells and not cells[-1]:
        cells.pop()
    padded = []
    for column, cell in enumerate(cells):
        width = widths.get((node.kind, column), 0)
        if node.kind == "veth" and column == 0:  # the wire from the host's end to the container's
            padded.append(f"{cell} {'─' * (width - len(cell) + 2)} ")
        elif cell or width:
            padded.append(cell.ljust(width) + "  ")
    return "".join(padded).rstrip()


def _render(nodes: list[Node], widths: dict[tuple[str, int], int], prefix: str = "") -> list[str]:
    lines = []
    for index, node in enumerate(nodes):
        last = index == len(nodes) - 1
        lines.append(prefix + ("└── " if last else "├── ") + _line(node, widths))
        lines += _render(node.children, widths, prefix + ("    " if last else "│   "))
    return lines


def _published(container: Mapping[str, Any]) -> str:
    """``*:6400→6379``: an IPv4 and an IPv6 wildcard are one, the protocol is named when it is not TCP."""
    told = set()
    for entry in container.get("published") or []:
        if not entry.get("host_port"):
            continue
        address = entry.get("host_ip") or ""
        shown = "*" if address in ANY_ADDRESS else f"[{address}]" if ":" in address else address
        protocol = entry.get("protocol") or "tcp"
        suffix = "" if protocol == "tcp" else f"/{protocol}"
        told.add((int(entry["container_port"]), f"{shown}:{entry['host_port']}→{entry['container_port']}{suffix}"))
    return ", ".join(text for _port, text in sorted(told))


def _ports(ports: Mapping[str, Any], name: str) -> str:
    given = ports.get(name) or []
    numbers = [str(item) for item in (given if isinstance(given, (list, tuple)) else [given])]
    return f"{'port' if len(numbers) == 1 else 'ports'} {', '.join(numbers)}" if numbers else ""


def _addresses(interface: Mapping[str, Any]) -> str:
    ipv6 = [address for address in interface.get("ipv6") or [] if not address.lower().startswith("fe80:")]
    return ", ".join([*(interface.get("ipv4") or []), *ipv6])


class _Host:
    """One host's facts on their way to lines."""

    def __init__(self, facts: Mapping[str, Any], ports: Mapping[str, Any], roles: Mapping[str, str]) -> None:
        self.bridges: Mapping[str, Any] = facts.get("bridges") or {}
        self.veths: Mapping[str, Any] = facts.get("veths") or {}
        self.containers: Mapping[str, Any] = facts.get("containers") or {}
        self.unclaimed = sorted(facts.get("unclaimed") or [])
        self.ports = ports
        self.roles = roles

    def running(self) -> list[str]:
        return [name for name in sorted(self.containers) if self.containers[name].get("status") in RUNNING]

    def sharers(self, donor: str, seen: tuple[str, ...] = ()) -> list[Node]:
        """Those in the namespace of ``donor``, and those in theirs. ``seen`` ends a circle that facts could hold."""
        nodes = []
        for name in self.running():
            container = self.containers[name]
            if container.get("joins") != donor or name in seen:
                continue
            said = f"shares {donor}'s namespace"
            if container.get("stale"):
                said = f"STALE: no longer in {donor}'s namespace, restart it"
            cells = [name, _ports(self.ports, name), said]
            nodes.append(Node("sharer", cells, self.sharers(name, (*seen, donor, name))))
        return nodes

    def interface_cells(self, name: str, interface: Mapping[str, Any], *, first: bool) -> list[str]:
        container = self.containers[name]
        notes = [_published(container)] if first else []
        if interface.get("managed_by") == "netmode":
            notes.append("set by netmode")
        if container.get("status") != "running":
            notes.append(str(container.get("status")))
        if interface.get("operstate") == "DOWN":
            notes.append("down")
        where = f"{name}:{interface['name'] or '?'}"  # without root only the engine's word is known
        return [where, _addresses(interface), interface.get("mac") or "", ", ".join(note for note in notes if note)]

    def interfaces(self) -> list[tuple[str, Mapping[str, Any], bool]]:
        """Every interface of every container, with whether it is the first of its container."""
        found = []
        for name in self.running():
            if self.containers[name].get("stale"):
                continue  # what is left of its old namespace is nobody's network
            interfaces = sorted(self.containers[name].get("interfaces") or [], key=lambda item: str(item["name"]))
            found += [(name, interface, index == 0) for index, interface in enumerate(interfaces)]
        return found

    def bridge(self, name: str) -> Node:
        bridge = self.bridges[name]
        network = bridge.get("network")
        said = f"network {network}" if network else "not Docker's"
        node = Node("bridge", [name, _addresses(bridge) or "no address", said])
        drawn = set()
        for container, interface, first in self.interfaces():
            if interface.get("bridge") != name:
                continue
            veth = interface.get("veth") or "?"
            drawn.add(veth)
            cells = [veth, *self.interface_cells(container, interface, first=first)]
            node.children.append(Node("veth", cells, self.sharers(container) if first else []))
        for port in sorted(set(bridge.get("ports") or []) - drawn):
            said = "a veth of no container" if port in self.unclaimed else "a port of the host's own"
            node.children.append(Node("port", [port, said]))
        if not node.children:
            node.children.append(Node("port", ["no ports"]))
        return node

    def elsewhere(self) -> list[Node]:
        """Interfaces that hang on no bridge: macvlan, ipvlan, dummy, overlay."""
        return [
            Node("interface", self._kind_and_cells(name, interface, first=first), self.sharers(name) if first else [])
            for name, interface, first in self.interfaces()
            if not interface.get("bridge")
        ]

    def _kind_and_cells(self, name: str, interface: Mapping[str, Any], *, first: bool) -> list[str]:
        where, *rest = self.interface_cells(name, interface, first=first)
        network = interface.get("network")
        return [where, *rest[:2], interface.get("kind") or "", f"network {network}" if network else "", rest[2]]

    def in_mode(self, *modes: str) -> list[str]:
        """Running containers of these modes with no interface of their own to draw."""
        drawn = {name for name, _interface, _first in self.interfaces()}
        return [name for name in self.running() if self.containers[name].get("mode") in modes and name not in drawn]

    def orphans(self) -> list[Node]:
        """Sharers whose donor is gone or stopped: they stand under nobody."""
        running = set(self.running())
        nodes = []
        for name in self.in_mode("container"):
            donor = self.containers[name].get("joins")
            if donor in running:
                continue
            said = f"its donor {donor} does not run" if donor else "its donor is gone"
            cells = [name, _ports(self.ports, name), f"STALE: {said}" if self.containers[name].get("stale") else said]
            nodes.append(Node("sharer", cells, self.sharers(name)))
        return nodes

    def groups(self) -> list[Node]:
        host = [Node("host", [name, _ports(self.ports, name)], self.sharers(name)) for name in self.in_mode("host")]
        alone = [Node("isolated", [name, "only lo"], self.sharers(name)) for name in self.in_mode("none")]
        cut = [Node("isolated", [name, "no interface"], self.sharers(name)) for name in self.in_mode("bridge", "other")]
        running = set(self.running())
        stopped = [
            Node("stopped", [name, str(container.get("status")), f"{container.get('mode')} mode"])
            for name, container in sorted(self.containers.items())
            if name not in running
        ]
        on_bridges = {port for bridge in self.bridges.values() for port in bridge.get("ports") or []}
        loose = [Node("port", [name]) for name in self.unclaimed if name not in on_bridges]
        groups = [
            ("other networks", self.elsewhere()),
            ("host network", host),
            ("isolated", alone + cut),
            ("sharers without a donor", self.orphans()),
            ("not running", stopped),
            ("veths of no container", loose),
            ("replication", [Node("role", [name, str(said)]) for name, said in sorted(self.roles.items())]),
        ]
        return [Node("group", [title], nodes) for title, nodes in groups if nodes]

    def nodes(self) -> list[Node]:
        order = sorted(self.bridges, key=lambda name: (name != "docker0", name))
        return [self.bridge(name) for name in order] + self.groups()


RUNNING = ("running", "paused", "restarting")


def _one(name: str, facts: Any, ports: Mapping[str, Any], roles: Mapping[str, str]) -> str:
    if not isinstance(facts, Mapping) or not facts:
        return f"{name}  no facts"
    engine = facts.get("engine", {})
    nodes = _Host(facts, ports, roles).nodes()
    said = "no Docker Engine" if engine is None else f"Docker {engine['version']}" if engine.get("version") else ""
    head = f"{name}  {said}".rstrip()
    return "\n".join([head, *_render(nodes, _widths(nodes, {}))])


def topology_tree(data: Any, ports: Any = None, host: str = "host", roles: Any = None) -> str:
    """The filter itself; see DOCUMENTATION."""
    if not isinstance(data, Mapping):
        raise AnsibleFilterError(
            "netmode.docker.topology_tree draws ansible_facts['docker_network'] of one host, or a dictionary of host "
            f"name to such facts, not {type(data).__name__}. The module netmode.docker.network_facts gathers them."
        )
    if ports is not None and not isinstance(ports, Mapping):
        raise AnsibleFilterError("netmode.docker.topology_tree: ports is a dictionary of container name to ports.")
    if roles is not None and not isinstance(roles, Mapping):
        raise AnsibleFilterError("netmode.docker.topology_tree: roles is a dictionary of container name to a text.")
    ports, roles = ports or {}, roles or {}
    if isinstance(data.get("bridges"), Mapping) and isinstance(data.get("containers"), Mapping) and "veths" in data:
        return _one(host, data, ports, roles)
    return "\n\n".join(_one(name, data[name], ports.get(name) or {}, roles.get(name) or {}) for name in sorted(data))


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"topology_tree": topology_tree}
