# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The facts of network_facts drawn as a tree: bridge, veth, container, address, and who shares whose namespace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError
from ansible_collections.netmode.docker.plugins.plugin_utils._topology import drawn

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.plugin_utils._topology import (
        Alone,
        Bridge,
        Host,
        Interface,
        Sharer,
    )

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


def _ports(ports: tuple[int, ...]) -> str:
    return f"{'port' if len(ports) == 1 else 'ports'} {', '.join(map(str, ports))}" if ports else ""


def _sharer(one: Sharer) -> Node:
    said = f"shares {one.donor}'s namespace"
    if one.lost:
        said = f"STALE: {one.lost}" if one.stale else one.lost
    elif one.stale:
        said = f"STALE: no longer in {one.donor}'s namespace, restart it"
    return Node("sharer", [one.name, _ports(one.ports), said], _sharers(one))


def _sharers(one: Sharer | Interface | Alone) -> list[Node]:
    return list(map(_sharer, one.sharers))


def _interface(one: Interface) -> list[str]:
    notes = ", ".join(filter(None, [one.published, *one.notes]))
    return [f"{one.container}:{one.name}", ", ".join(one.addresses), one.mac, notes]


def _bridge(bridge: Bridge) -> Node:
    said = f"network {bridge.network}" if bridge.network else "not Docker's"
    children = [Node("veth", [one.veth, *_interface(one)], _sharers(one)) for one in bridge.interfaces]
    children += [
        Node("port", [name, "a veth of no container" if is_veth else "a port of the host's own"])
        for name, is_veth in bridge.others
    ]
    head = [bridge.name, ", ".join(bridge.addresses) or "no address", said]
    return Node("bridge", head, children or [Node("port", ["no ports"])])


def _elsewhere(one: Interface) -> Node:
    where, found, mac, notes = _interface(one)
    cells = [where, found, mac, one.kind, f"network {one.network}" if one.network else "", notes]
    return Node("interface", cells, _sharers(one))


def _nodes(host: Host, roles: Mapping[str, str]) -> list[Node]:
    groups = [
        ("other networks", list(map(_elsewhere, host.elsewhere))),
        ("host network", [Node("host", [one.name, _ports(one.ports)], _sharers(one)) for one in host.on_host]),
        ("isolated", [Node("isolated", [one.name, one.said], _sharers(one)) for one in host.isolated]),
        ("sharers without a donor", list(map(_sharer, host.orphans))),
        ("not running", [Node("stopped", [one.name, one.status, f"{one.mode} mode"]) for one in host.stopped]),
        ("veths of no container", [Node("port", [name]) for name in host.loose]),
        ("replication", [Node("role", [name, str(said)]) for name, said in sorted(roles.items())]),
    ]
    return [*map(_bridge, host.bridges), *(Node("group", [title], nodes) for title, nodes in groups if nodes)]


def _one(name: str, facts: Any, ports: Mapping[str, Any], roles: Mapping[str, str]) -> str:
    if not isinstance(facts, Mapping) or not facts:
        return f"{name}  no facts"
    host = drawn(facts, ports)
    nodes = _nodes(host, roles)
    said = "no Docker Engine" if host.engine is None else f"Docker {host.engine}" if host.engine else ""
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
