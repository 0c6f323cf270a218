# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which port each Redis of a host was given, from the variables of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._compose.typed import read_all
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import options_of

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
    """See DOCUMENTATION. What the role would refuse is left to it: the default stands for it here."""
    if not any(str(name).startswith("redis_") for name in variables):
        return {}
    names = ("redis_network_mode", "redis_port", "redis_interfaces", "redis_instances")
    options = {name: options_of("redis")[name] for name in names}
    host = read_all(options, {name: variables.get(name) for name in names}, [])
    found = {}
    for entry in host.pop("redis_instances"):
        given = {name: entry.get(name.removeprefix("redis_")) for name in host}
        own = read_all({name: {**options[name], "default": host[name]} for name in host}, given, [])
        if entry.get("name") and (own["redis_network_mode"] != "none" or own["redis_interfaces"]):
            found[str(entry["name"])] = own["redis_port"]
    return found


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"redis_ports": redis_ports}
