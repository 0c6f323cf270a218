# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What has to be asked to prove the networks of a host's Redis."""

from __future__ import annotations

from typing import Any

from ansible_collections.netmode.docker.plugins.plugin_utils._redis_ways import endpoints, instances_of

DOCUMENTATION = r"""
name: redis_endpoints
short_description: Every address at which a host's Redis must or must not answer
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Returns the option O(netmode.docker.redis_ping#module:endpoints) for the proof that
    P(netmode.docker.redis_claims#filter) draws up.
positional: _input, settings, instances
options:
  _input:
    description: The facts of M(netmode.docker.network_facts) of one host.
    type: dict
    required: true
  settings:
    description: The settings of the host, by the name of the variable of the role redis without C(redis_).
    type: dict
    required: true
  instances:
    description: C(redis_instances).
    type: list
    elements: dict
    required: true
  socket_dir:
    description: C(redis_socket_dir).
    type: str
    default: /var/lib/netmode/redis
  host:
    description: The name of the host, for messages.
    type: str
    default: this host
"""

EXAMPLES = r"""
- name: Ask every Redis at every address
  netmode.docker.redis_ping:
    endpoints: "{{ ansible_facts['docker_network'] | netmode.docker.redis_endpoints(settings, redis_instances) }}"
"""

RETURN = r"""
_value:
  description: Endpoints, with the password of the instance where there is one.
  type: list
  elements: dict
"""


def redis_endpoints(
    facts: dict[str, Any],
    settings: dict[str, Any],
    instances: Any,
    socket_dir: str = "/var/lib/netmode/redis",
    host: str = "this host",
) -> list[dict[str, Any]]:
    """See DOCUMENTATION."""
    return endpoints(facts, instances_of(settings, instances, host, socket_dir))


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"redis_endpoints": redis_endpoints}
