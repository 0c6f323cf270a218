# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which nodes of clusters lead again, once all that handed their slots over are back."""

from __future__ import annotations

from typing import Any

from ansible_collections.netmode.docker.plugins.plugin_utils._redis_clusters import led_before

DOCUMENTATION = r"""
name: redis_cluster_lead
short_description: The nodes of clusters that are to lead again
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Of the nodes that handed their slots over during a run those that were masters before it, and not by what another
    one handed over.
options:
  _input:
    description: Each host of the play to its RV(netmode.docker.redis_deploy#module:handed_over).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Who leads again on this host
  ansible.builtin.debug:
    msg: "{{ (handed_over_by_host | netmode.docker.redis_cluster_lead)[inventory_hostname].steps }}"
"""

RETURN = r"""
_value:
  description: Host name to what M(netmode.docker.redis_cluster) is given there.
  type: dict
  contains:
    steps:
      description: O(netmode.docker.redis_cluster#module:steps)
      type: list
    waits:
      description: O(netmode.docker.redis_cluster#module:waits)
      type: list
"""


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"redis_cluster_lead": led_before}
