# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker networks of hosts as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.netmode.docker.plugins.plugin_utils._topology_page import Fleet, page

DOCUMENTATION = r"""
name: topology_page
short_description: Draw the Docker networks of hosts as one HTML page
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Draws what M(netmode.docker.network_facts) found. What is wrong, what is open and who reaches whom come first, then
    each host with its bridges, what is plugged into them, who shares whose namespace, and who uses the host's network.
  - The page needs nothing else and loads nothing. It reads without script, on paper, and from disk.
  - The same facts give the same text, whatever order the engine and the kernel gave them in.
options:
  _input:
    description: Host name to its facts, C(ansible_facts['docker_network']). A host without any is shown as such.
    type: dict
    required: true
  ports:
    description: Host name to ports by container, as P(netmode.docker.topology_tree#filter) takes them.
    type: dict
    default: {}
  roles:
    description: Host name to RV(netmode.docker.redis_verify#module:roles).
    type: dict
    default: {}
  cells:
    description: Who reaches whom, RV(netmode.docker.redis_reach#filter:_value.cells).
    type: list
    elements: dict
    default: []
  before:
    description: An earlier reading of the same hosts. What has changed since is told and marked.
    type: dict
  style:
    description: The style sheet that is put into the page.
    type: str
    default: ''
  script:
    description: The script that is put into the page. No other runs.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Write the networks of all hosts to a page
  ansible.builtin.copy:
    content: "{{ networks | netmode.docker.topology_page }}"
    dest: network.html
    mode: '0644'
"""

RETURN = r"""
_value:
  description: The page.
  type: str
"""


def topology_page(
    data: Any,
    ports: Any = None,
    roles: Any = None,
    cells: Any = None,
    before: Any = None,
    style: str = "",
    script: str = "",
) -> str:
    """The filter itself; see DOCUMENTATION."""
    if not isinstance(data, Mapping):
        raise AnsibleFilterError(
            "netmode.docker.topology_page draws a dictionary of host name to ansible_facts['docker_network'], not "
            f"{type(data).__name__}. The module netmode.docker.network_facts gathers them."
        )
    return page(Fleet(data, ports or {}, roles or {}, list(cells or []), before), str(style), str(script))


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"topology_page": topology_page}
