# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From where in a fleet each Redis is reached, held against what its network mode says."""

from __future__ import annotations

from typing import Any

from ansible_collections.netmode.docker.plugins.plugin_utils._redis_reach import cells, render

DOCUMENTATION = r"""
name: redis_reach
short_description: From where in a fleet each Redis is reached
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - A matrix, from host to Redis, with what is expected and what was observed in each cell.
positional: _input, answers, facts
options:
  _input:
    description: Host name to its targets, by P(netmode.docker.redis_targets#filter).
    type: dict
    required: true
  answers:
    description:
      - Host name to RV(netmode.docker.redis_ping#module:endpoints), what it was answered to
        P(netmode.docker.redis_reach_endpoints#filter).
    type: dict
    required: true
  facts:
    description: Host name to its facts of M(netmode.docker.network_facts).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: From where each Redis is reached
  ansible.builtin.debug:
    msg: "{{ (targets | netmode.docker.redis_reach(answers, facts)).lines }}"
"""

RETURN = r"""
_value:
  description: The matrix.
  type: dict
  contains:
    cells:
      description: Each with C(from), C(to), C(instance), C(where), C(expected), C(observed) and C(ok).
      type: list
      elements: dict
    failed:
      description: Host name to how many cells to its Redis are not as expected.
      type: dict
    lines:
      description: The matrix as text.
      type: list
      elements: str
"""


def redis_reach(by_host: dict[str, Any], answers: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """See DOCUMENTATION."""
    found = cells(by_host, answers, facts)
    failed = {host: sum(cell["to"] == host and not cell["ok"] for cell in found) for host in by_host}
    return {"cells": found, "failed": failed, "lines": render(found, list(by_host))}


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"redis_reach": redis_reach}
