# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which steps of which hosts promote a replica."""

from __future__ import annotations

from typing import Any

from ansible_collections.netmode.docker.plugins.plugin_utils._redis_promotion import promotion

DOCUMENTATION = r"""
name: redis_promotion
short_description: The steps by which a replica becomes the master
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - From what the running servers of all hosts say to what M(netmode.docker.redis_promote) is given on each of them.
positional: _input, wanted
options:
  _input:
    description: Host name to RV(netmode.docker.redis_promote#module:roles).
    type: dict
    required: true
  wanted:
    description:
      - The replica, by the inventory's name of its host and, where that has several, the instance, such as V(r2/cache).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: How r2 would become the master
  ansible.builtin.debug:
    msg: "{{ (roles_by_host | netmode.docker.redis_promotion('r2')).line }}"
"""

RETURN = r"""
_value:
  description: What is to be done.
  type: dict
  contains:
    problem:
      description: Why it cannot be, and what to do; empty where it can.
      type: str
    line:
      description: What is to be done in one sentence.
      type: str
    steps:
      description:
        - Host name to C(hand_over) and what is to be done C(then), each O(netmode.docker.redis_promote#module:steps).
      type: dict
"""


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"redis_promotion": promotion}
