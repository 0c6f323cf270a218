# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one host of a fleet asks, to know which Redis it reaches."""

from __future__ import annotations

from typing import Any

from ansible_collections.netmode.docker.plugins.plugin_utils._redis_reach import asked_by, name_of

DOCUMENTATION = r"""
name: redis_reach_endpoints
short_description: What one host of a fleet asks, to know which Redis it reaches
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Returns the option O(netmode.docker.redis_ping#module:endpoints) for the matrix that
    P(netmode.docker.redis_reach#filter) draws up.
options:
  _input:
    description: Host name to its targets, by P(netmode.docker.redis_targets#filter).
    type: dict
    required: true
  host:
    description: The host that asks.
    type: str
    required: true
  witnesses:
    description: How many other hosts ask each Redis. V(0) is all.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Ask every Redis of the fleet
  netmode.docker.redis_ping:
    endpoints: "{{ targets | netmode.docker.redis_reach_endpoints(host=inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: Endpoints, without a password.
  type: list
  elements: dict
"""


def redis_reach_endpoints(by_host: dict[str, Any], host: str, witnesses: int = 0) -> list[dict[str, Any]]:
    """See DOCUMENTATION."""
    return [
        {"name": name_of(target), "host": target["address"], "port": target["port"]}
        for target in asked_by(host, by_host, int(witnesses))
    ]


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"redis_reach_endpoints": redis_reach_endpoints}
