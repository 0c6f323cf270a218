# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The addresses at which a fleet looks for the Redis of one host."""

from __future__ import annotations

from typing import Any

from ansible_collections.netmode.docker.plugins.plugin_utils._redis_reach import targets
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_ways import instances_of

DOCUMENTATION = r"""
name: redis_targets
short_description: The addresses at which a fleet looks for the Redis of one host
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Every address of every Redis of a host, with whether it is to answer there to its own host and to others, as its
    network mode says. It holds no password.
positional: _input, answers, settings, instances
options:
  _input:
    description: The facts of M(netmode.docker.network_facts) of the host.
    type: dict
    required: true
  answers:
    description:
      - RV(netmode.docker.redis_ping#module:endpoints) for the endpoints of P(netmode.docker.redis_endpoints#filter).
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
  host:
    description: The name of the host.
    type: str
    required: true
  address:
    description: The host's address, as other hosts reach it.
    type: str
    required: true
  socket_dir:
    description: C(redis_socket_dir).
    type: str
    default: /var/lib/netmode/redis
"""

EXAMPLES = r"""
- name: Say where this host's Redis are to be looked for
  ansible.builtin.debug:
    msg: >-
      {{ ansible_facts['docker_network'] | netmode.docker.redis_targets(answers.endpoints, settings, redis_instances,
         host=inventory_hostname, address=ansible_host) }}
"""

RETURN = r"""
_value:
  description: Each with C(to), C(instance), C(address), C(port), C(near), C(far), C(run_id) and C(holder). C(near) and
    C(far) are null where an answer is neither promised nor excluded.
  type: list
  elements: dict
"""


def redis_targets(
    facts: dict[str, Any],
    answers: dict[str, Any],
    settings: dict[str, Any],
    instances: Any,
    host: str,
    address: str,
    socket_dir: str = "/var/lib/netmode/redis",
) -> list[dict[str, Any]]:
    """See DOCUMENTATION."""
    return targets(host, address, facts, answers, instances_of(settings, instances, host, socket_dir))


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"redis_targets": redis_targets}
