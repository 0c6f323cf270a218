# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The facts of a fleet as flat tables, so that one short expression can ask them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._compose.typed import read_all
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import options_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DOCUMENTATION = r"""
name: fleet_tables
short_description: The network facts of a fleet as flat tables
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Turns the facts of M(netmode.docker.network_facts) of many hosts into lists of rows, each of which names its host,
    as P(netmode.docker.jmespath#filter) can ask them. A JMESPath expression cannot say what stands above a row.
options:
  _input:
    description: Host name to C(ansible_facts['docker_network']). A host without facts has no rows but in C(hosts).
    type: dict
    required: true
  variables:
    description:
      - Host name to its variables (C(hostvars)). With them a row of C(containers) says in C(declared) whether
        C(redis_instances) or C(redis_companions) of its host name it.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: The sharers of the fleet whose donor has left them
  ansible.builtin.debug:
    msg: "{{ facts_by_host | netmode.docker.fleet_tables | netmode.docker.jmespath(query) }}"
  vars:
    query: "containers[?stale].{host: host, sharer: name, donor: joins}"
"""

RETURN = r"""
_value:
  description: The tables.
  type: dict
  contains:
    hosts:
      description: >-
        C(host), C(facts) (whether it has any), C(version) and C(api_version) of its engine, null where a host has none.
      type: list
      elements: dict
    bridges:
      description: The bridge as in the facts, with C(host) and C(subnet), its first IPv4 network.
      type: list
      elements: dict
    veths:
      description: The veth as in the facts, with C(host).
      type: list
      elements: dict
    containers:
      description: The container as in the facts, without its interfaces and ports, with C(host) and C(declared).
      type: list
      elements: dict
    interfaces:
      description: The interface as in the facts, with C(host) and C(container).
      type: list
      elements: dict
    addresses:
      description: C(host), C(container), C(interface), C(bridge), C(network), C(address) without prefix, and C(cidr).
      type: list
      elements: dict
    published:
      description: The published port as in the facts, with C(host) and C(container).
      type: list
      elements: dict
    routes:
      description: The route as in the facts, with C(host) and C(docker), whether it leads to a network of Docker's.
      type: list
      elements: dict
"""

Row = dict[str, Any]
TABLES = ("hosts", "bridges", "veths", "containers", "interfaces", "addresses", "published", "routes")


def _declared(variables: Mapping[str, Any]) -> set[str]:
    """Names that the role redis is told on a host; its own default is one instance named redis."""
    names = ("redis_instances", "redis_companions")
    options = {name: options_of("redis")[name] for name in names}
    read = read_all(options, {name: variables.get(name) for name in names}, [])  # what is wrong the role refuses
    return {str(entry["name"]) for name in names for entry in read[name] if entry.get("name")}


def _of_container(host: str, container: Mapping[str, Any]) -> Iterator[tuple[str, Row]]:
    name = container["name"]
    for interface in container["interfaces"]:
        yield "interfaces", {"host": host, "container": name, **interface}
        place = {"interface": interface["name"], "bridge": interface["bridge"], "network": interface["network"]}
        for cidr in [*interface["ipv4"], *interface["ipv6"]]:
            yield "addresses", {"host": host, "container": name, **place, "address": cidr.split("/")[0], "cidr": cidr}
    for port in container["published"]:
        yield "published", {"host": host, "container": name, **port}


def _rows(host: str, facts: Mapping[str, Any], declared: set[str] | None) -> Iterator[tuple[str, Row]]:
    engine = {"version": None, "api_version": None, **(facts.get("engine") or {})}
    yield "hosts", {"host": host, "facts": bool(facts), **engine}
    bridges = facts.get("bridges", {})
    for bridge in bridges.values():
        subnet = bridge["configured"]["subnet"] or next(iter(bridge["ipv4"]), None)
        yield "bridges", {"host": host, "subnet": subnet, **bridge}
    for veth in facts.get("veths", {}).values():
        yield "veths", {"host": host, **veth}
    for container in facts.get("containers", {}).values():
        flat = {key: value for key, value in container.items() if key not in ("interfaces", "published")}
        told = None if declared is None else container["name"] in declared
        yield "containers", {"host": host, "declared": told, **flat}
        yield from _of_container(host, container)
    for route in facts.get("routes", []):
        carries = bridges.get(route["interface"], {}).get("network")
        yield "routes", {"host": host, "docker": carries is not None, **route}


def fleet_tables(facts: Mapping[str, Any], variables: Mapping[str, Any] | None = None) -> dict[str, list[Row]]:
    """See DOCUMENTATION."""
    tables: dict[str, list[Row]] = {name: [] for name in TABLES}
    for host, of_host in facts.items():
        declared = _declared(variables[host]) if variables and host in variables else None
        for table, row in _rows(host, of_host or {}, declared):
            tables[table].append(row)
    return tables


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"fleet_tables": fleet_tables}
