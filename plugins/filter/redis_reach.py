# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From where in a fleet each Redis is reached, compared with what its network mode says."""

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
positional: _input, answers
options:
  _input:
    description: RV(netmode.docker.redis_verify#module:reach) of each host.
    type: list
    elements: dict
    required: true
  answers:
    description:
      - Host name to RV(netmode.docker.redis_ping#module:endpoints), what it was answered to
        P(netmode.docker.redis_reach_endpoints#filter).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: From where each Redis is reached
  ansible.builtin.debug:
    msg: "{{ (reaches | netmode.docker.redis_reach(answers)).lines }}"
"""

RETURN = r"""
_value:
  description: The matrix.
  type: dict
  contains:
    wrong:
      description: Host name to the hosts from which its Redis are reached, or not, other than expected.
      type: dict
    cells:
      description: >-
        Who found what where, each with C(from), C(to), C(instance), C(role), C(where), C(expected), C(observed), and
        C(ok).
      type: list
      elements: dict
    lines:
      description: The matrix as text.
      type: list
      elements: str
"""


def redis_reach(reaches: list[dict[str, Any]], answers: dict[str, Any]) -> dict[str, Any]:
    """See DOCUMENTATION."""
    by_host = {one["host"]: one["targets"] for one in reaches}
    found = cells(by_host, answers, {one["host"]: one["addresses"] for one in reaches})
    wrong: dict[str, list[str]] = {host: [] for host in by_host}
    for cell in found:
        if not cell["ok"] and cell["from"] not in wrong[cell["to"]]:
            wrong[cell["to"]].append(cell["from"])
    return {"wrong": wrong, "cells": found, "lines": render(found, list(by_host))}


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"redis_reach": redis_reach}
