# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two readings of the Docker networks of hosts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.netmode.docker.plugins.plugin_utils._topology_changes import changes

DOCUMENTATION = r"""
name: topology_changes
short_description: What has changed in the Docker networks of hosts
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Compares two readings of what M(netmode.docker.network_facts) found, and says what came, went or changed.
  - One line for one host, bridge, container or veth of no container, whatever of it has changed.
options:
  _input:
    description: The later reading, a dictionary of host name to C(ansible_facts['docker_network']).
    type: dict
    required: true
  before:
    description: The earlier one, such as the file C(fleet.json) that playbooks/facts.yml writes.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what has changed since Monday
  ansible.builtin.debug:
    msg: "{{ networks | netmode.docker.topology_changes(before=monday) }}"
  vars:
    monday: "{{ lookup('ansible.builtin.file', 'monday/fleet.json') | from_json }}"

# web1 ~ container redis  mode: bridge → host; published: *:6379→6379 → none; eth0: 172.17.0.2/16 ... → none
# web1 - container old  mode bridge, status exited, image redis:7
# web2 + host  Docker 28.5.2
"""

RETURN = r"""
_value:
  description: A line for each, with V(+), V(-) or V(~) after the host's name.
  type: list
  elements: str
"""


def topology_changes(data: Any, before: Any = None) -> list[str]:
    """The filter itself; see DOCUMENTATION."""
    if not isinstance(data, Mapping) or not isinstance(before, Mapping):
        raise AnsibleFilterError(
            "netmode.docker.topology_changes compares two dictionaries of host name to "
            "ansible_facts['docker_network'], such as fleet.json of playbooks/facts.yml."
        )
    return [str(one) for one in changes(before, data)]


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"topology_changes": topology_changes}
