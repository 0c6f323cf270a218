# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The claims of the network modes, held against a live host."""

from __future__ import annotations

from typing import Any

from ansible_collections.netmode.docker.plugins.plugin_utils._claims import claims, render
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_ways import instances_of

DOCUMENTATION = r"""
name: redis_claims
short_description: Does every Redis of a host have the network that was asked for
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Holds what each network mode means against what the kernel, the engine and Redis itself say, and tells expected and
    observed of each claim.
positional: _input, answers, settings, instances
options:
  _input:
    description: The facts of M(netmode.docker.network_facts) of one host.
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
    default: this host
  socket_dir:
    description: C(redis_socket_dir).
    type: str
    default: /var/lib/netmode/redis
"""

EXAMPLES = r"""
- name: What is proven
  ansible.builtin.debug:
    msg: "{{ proof.lines }}"
  vars:
    proof: >-
      {{ ansible_facts['docker_network'] | netmode.docker.redis_claims(answers.endpoints, settings, redis_instances) }}
"""

RETURN = r"""
_value:
  description: The proof.
  type: dict
  contains:
    claims:
      description: Each with C(host), C(instance), C(claim), C(expected), C(observed) and C(ok), by instance.
      type: list
      elements: dict
    failed:
      description: How many do not hold.
      type: int
    lines:
      description: The claims as text, one to a line, and a line that sums them up.
      type: list
      elements: str
"""


def redis_claims(
    facts: dict[str, Any],
    answers: dict[str, Any],
    settings: dict[str, Any],
    instances: Any,
    host: str = "this host",
    socket_dir: str = "/var/lib/netmode/redis",
) -> dict[str, Any]:
    """See DOCUMENTATION."""
    proven = claims(host, facts, answers, instances_of(settings, instances, host, socket_dir))
    return {"claims": proven, "failed": sum(not claim["ok"] for claim in proven), "lines": render(proven)}


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"redis_claims": redis_claims}
