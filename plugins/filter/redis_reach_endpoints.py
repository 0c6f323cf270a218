# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each host of a fleet asks, to know which Redis it reaches."""

from __future__ import annotations

from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._redis.targets import name_of
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_reach import asked_by

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
    description: Host name to what M(netmode.docker.redis_verify) returned there.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Ask every Redis of the fleet
  netmode.docker.redis_ping:
    endpoints: "{{ (proofs | netmode.docker.redis_reach_endpoints)[inventory_hostname] }}"
"""

RETURN = r"""
_value:
  description: Host name to its endpoints, none with a password.
  type: dict
"""


def redis_reach_endpoints(proofs: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """See DOCUMENTATION."""
    by_host = {host: proof["targets"] for host, proof in proofs.items()}
    witnesses = {host: proof["witnesses"] for host, proof in proofs.items()}
    return {
        host: [{"name": name_of(target), "host": target["address"], "port": target["port"]} for target in asked]
        for host, asked in asked_by(by_host, witnesses).items()
    }


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"redis_reach_endpoints": redis_reach_endpoints}
