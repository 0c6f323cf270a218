#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_verify
short_description: Prove that every Redis of a host has the network that was asked for
version_added: 0.1.0
author:
  - The netmode.docker authors (@netmode)
description:
  - Reads the facts of M(netmode.docker.network_facts), asks every Redis where it must and must not answer as
    M(netmode.docker.redis_ping) does, and compares both with what was asked for.
  - In check mode a host whose engine does not answer is one where nothing is deployed.
  - A claim that does not hold is no failure of the module; RV(failed_claims) counts them. The role P(netmode.docker.redis#role) fails.
  - Reads only.
extends_documentation_fragment:
  - netmode.docker.engine
  - netmode.docker.engine.read_only
attributes:
  facts:
    description: Returns the facts of M(netmode.docker.network_facts) in C(ansible_facts).
    support: full
options:
  plan:
    description: What was asked for, as P(netmode.docker.redis_plan#filter) returns it in C(proof).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Prove that every Redis has the network that was asked for
  netmode.docker.redis_verify:
    plan: "{{ (lookup('netmode.docker.variables', 'redis') | netmode.docker.redis_plan(inventory_hostname)).proof }}"
  become: true
  register: proof
  failed_when: proof.failed_claims > 0
"""

RETURN = r"""
claims:
  description: >-
    Each with C(host), C(instance), C(claim), C(expected), C(observed), C(ok) and C(way_out), by instance. The last says what to do
    where it is not ok, and is empty otherwise.
  type: list
  elements: dict
  returned: success
failed_claims:
  description: How many do not hold.
  type: int
  returned: success
lines:
  description: The claims as text, one to a line, what to do below each that does not hold, and a line that sums them up. In check mode
    a host that has none of the containers yet has nothing to prove, and says so.
  type: list
  elements: str
  returned: success
reach:
  description: What P(netmode.docker.redis_reach_endpoints#filter) and P(netmode.docker.redis_reach#filter) want of each host.
  type: dict
  returned: success
  contains:
    host:
      description: The name of this host.
      type: str
    targets:
      description:
        - Every address at which other hosts are to look for these Redis, with C(to), C(instance), C(role), C(address),
          C(port), C(near), C(far), C(run_id), C(tls) and C(holder). C(near) and C(far) say whether it is to answer there to
          its own host and to others.
      type: list
      elements: dict
    witnesses:
      description: How many other hosts are to ask each of these Redis. V(0) is all.
      type: int
    addresses:
      description: Which container of this host has an IPv4 address.
      type: dict
nodes:
  description: The instances of the host that are to run as nodes of a cluster, or to leave one.
  returned: success
  type: list
  elements: str
deployed:
  description: Whether the host has a container of any of them.
  type: bool
  returned: success
roles:
  description: Instance to what it is in a replication or a cluster, of those that are a replica, or have some or slots.
  type: dict
  returned: success
  sample: {redis: 'replica of 10.0.0.1:6379, link up'}
ansible_facts:
  description: C(docker_network), as M(netmode.docker.network_facts) returns it.
  type: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked, hide, sealed
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, UnreachableError
from ansible_collections.netmode.docker.plugins.module_utils._redis.verify import read, secrets_of, unproven, verify


def main() -> None:
    module = AnsibleModule(
        argument_spec=checked({**ENGINE_ARGUMENTS, "plan": {"type": "dict", "required": True, "no_log": True}}),
        supports_check_mode=True,
    )
    docker_host, timeout, check_mode = module.params["docker_host"], module.params["timeout"], module.check_mode
    try:
        plan = read(sealed(module, "plan"))
        hide(module, secrets_of(plan))
        proof = verify(plan, docker_host, timeout, check_mode=check_mode)
    except UnreachableError as error:
        if not check_mode:
            module.fail_json(msg=str(error))
        module.exit_json(changed=False, **unproven(plan))
    except NetmodeError as error:
        module.fail_json(msg=str(error))
    for warning in proof.warnings:
        module.warn(warning)
    module.exit_json(changed=False, ansible_facts=proof.facts, **proof.result)


if __name__ == "__main__":
    main()
