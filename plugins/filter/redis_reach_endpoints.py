# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each host of a fleet asks, to know which Redis it reaches."""

from __future__ import annotations

from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._redis.targets import name_of
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_reach import asked_by

SILENT_AFTER = 1.5
"""Seconds within which what answers does, also where a packet was lost: it is sent again after one (RFC 6298)."""

DOCUMENTATION = r"""
name: redis_reach_endpoints
short_description: What each host of a fleet asks, to know which Redis it reaches
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Returns the option O(netmode.docker.redis_ping#module:endpoints) of each host for the matrix that
    P(netmode.docker.redis_reach#filter) draws up.
options:
  _input:
    description: RV(netmode.docker.redis_verify#module:reach) of each host.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Ask every Redis of the fleet
  netmode.docker.redis_ping:
    endpoints: "{{ (reaches | netmode.docker.redis_reach_endpoints)[inventory_hostname] }}"
"""

RETURN = r"""
_value:
  description: Host name to its endpoints, none with a password.
  type: dict
"""


def redis_reach_endpoints(reaches: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """See DOCUMENTATION."""
    by_host = {one["host"]: one["targets"] for one in reaches}
    witnesses = {one["host"]: one["witnesses"] for one in reaches}
    return {host: [_endpoint(host, target) for target in asked] for host, asked in asked_by(by_host, witnesses).items()}


def _endpoint(host: str, target: dict[str, Any]) -> dict[str, Any]:
    expected = target["near"] if host == target["to"] else target["far"]
    endpoint = {"name": name_of(target), "host": target["address"], "port": target["port"]}
    if target.get("tls"):  # it is known by its very certificate, so nothing else of that is verified
        endpoint.update(tls=True, validate_certs=False)
    return {**endpoint, "timeout": SILENT_AFTER} if expected is False else endpoint


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"redis_reach_endpoints": redis_reach_endpoints}
