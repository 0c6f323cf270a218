# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each host is to do next for the clusters that its Redis are nodes of."""

from __future__ import annotations

from typing import Any

from ansible_collections.netmode.docker.plugins.plugin_utils._redis_clusters import next_steps

DOCUMENTATION = r"""
name: redis_cluster_steps
short_description: The next steps towards the clusters that are asked for
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - From what every node says to what M(netmode.docker.redis_cluster) is given next on each host. Nothing is taken for
    done that the nodes do not say, so a run that was interrupted goes on where they are.
positional: _input, variables, before
options:
  _input:
    description: Each host of the play to what M(netmode.docker.redis_cluster) returns there.
    type: dict
    required: true
  variables:
    description: The variables of each host of the inventory, C(hostvars).
    type: dict
    required: true
  before:
    description: What this returned the last time, empty at first.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: What is to be done next
  ansible.builtin.debug:
    msg: "{{ (nodes_by_host | netmode.docker.redis_cluster_steps(hostvars)).lines }}"
"""

RETURN = r"""
_value:
  description: What is to be done.
  type: dict
  contains:
    problems:
      description: Why nothing is, and what to do; empty where it can be.
      type: list
      elements: str
    warnings:
      description: What is not as it should be and is left.
      type: list
      elements: str
    lines:
      description: What is to be done, or what the clusters are.
      type: list
      elements: str
    claims:
      description: What is so and what is not, each a line that begins with C(ok), C(FAIL) or C(note).
      type: list
      elements: str
    done:
      description: Whether nothing is to be done.
      type: bool
    steps:
      description: Host name to O(netmode.docker.redis_cluster#module:steps).
      type: dict
    left:
      description: Host name to those of its instances that their cluster has let go, and that are still there.
      type: dict
    probes:
      description: Host name to O(netmode.docker.redis_cluster#module:probes).
      type: dict
    turn:
      description: O(netmode.docker.redis_cluster#module:turn).
      type: float
    waits:
      description: Host name to O(netmode.docker.redis_cluster#module:waits).
      type: dict
"""


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"redis_cluster_steps": next_steps}
