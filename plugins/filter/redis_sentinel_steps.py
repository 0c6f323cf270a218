# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each host is to do next for the sets that Sentinels watch."""

from __future__ import annotations

from typing import Any

from ansible_collections.netmode.docker.plugins.plugin_utils._redis_sentinels import next_steps

DOCUMENTATION = r"""
name: redis_sentinel_steps
short_description: The next steps until all Sentinels watch the sets that are asked for
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - From what every server says to what M(netmode.docker.redis_sentinel) is given next on each host. Who is the
    master the Sentinels say; the inventory is not asked, so a run undoes no failover.
positional: _input, variables
options:
  _input:
    description: Each host of the play to its RV(netmode.docker.redis_sentinel#module:said).
    type: dict
    required: true
  variables:
    description: The variables of each host of the inventory, C(hostvars).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: What is to be done next
  ansible.builtin.debug:
    msg: "{{ (said_by_host | netmode.docker.redis_sentinel_steps(hostvars)).lines }}"
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
      description: What is to be done, or what the sets are.
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
      description: Host name to O(netmode.docker.redis_sentinel#module:steps).
      type: dict
    waits:
      description: Host name to O(netmode.docker.redis_sentinel#module:waits).
      type: dict
"""


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"redis_sentinel_steps": next_steps}
