# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which port each Redis of a host was given, from the variables of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCUMENTATION = r"""
name: redis_ports
short_description: The port of every Redis that a host is to have
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Reads C(redis_instances), C(redis_network_mode) and C(redis_port) of a host, for
    O(netmode.docker.topology_tree#filter:ports). An instance of mode none without interfaces of its own listens on no
    port and is left out.
  - A host with a variable of the role, but no C(redis_instances), has the role's own, one with the name C(redis).
options:
  _input:
    description: The variables of a host, such as C(hostvars[inventory_hostname]).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: The ports of this host
  ansible.builtin.debug:
    msg: "{{ hostvars[inventory_hostname] | netmode.docker.redis_ports }}"
"""

RETURN = r"""
_value:
  description: Container name to port; empty where the host has no variable of the role redis.
  type: dict
"""


def redis_ports(variables: Mapping[str, Any]) -> dict[str, int]:
    """See DOCUMENTATION."""
    mode = variables.get("redis_network_mode", "bridge")
    port = variables.get("redis_port", 6379)
    interfaces = variables.get("redis_interfaces", [])
    # A host's variables lack the defaults of roles.
    default = [{"name": "redis"}] if any(str(name).startswith("redis_") for name in variables) else []
    return {
        str(entry["name"]): int(entry.get("port", port))
        for entry in variables.get("redis_instances", default) or []
        if entry.get("name") and (entry.get("network_mode", mode) != "none" or entry.get("interfaces", interfaces))
    }


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"redis_ports": redis_ports}
