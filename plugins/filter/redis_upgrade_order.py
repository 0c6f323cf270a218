# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The order in which the hosts of a fleet are upgraded."""

from __future__ import annotations

from typing import Any

from ansible_collections.netmode.docker.plugins.plugin_utils._redis_upgrade import order

DOCUMENTATION = r"""
name: redis_upgrade_order
short_description: The order in which the hosts of a fleet are upgraded
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Hosts whose Redis are replicas first, then those that have both, then those of masters, as the running servers say.
options:
  _input:
    description: Host name to RV(netmode.docker.redis_ping#module:endpoints) of the sockets of its instances.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show who is upgraded when
  ansible.builtin.debug:
    msg: "{{ ({'db1': db1.endpoints, 'db2': db2.endpoints} | netmode.docker.redis_upgrade_order).lines }}"
"""

RETURN = r"""
_value:
  description: The order.
  type: dict
  contains:
    ranks:
      description: Host name to V(replicas), V(mixed) or V(masters), or to nothing for one that has no Redis that runs.
      type: dict
    lines:
      description: A line for each host, in the order.
      type: list
      elements: str
    problems:
      description: Instances that do not say what they are.
      type: list
      elements: str
"""


def redis_upgrade_order(answers: dict[str, Any]) -> dict[str, Any]:
    """See DOCUMENTATION."""
    return order(answers)._asdict()


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"redis_upgrade_order": redis_upgrade_order}
