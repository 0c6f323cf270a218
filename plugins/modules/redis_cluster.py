#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_cluster
short_description: Take a host's part in forming a Redis Cluster
version_added: 0.1.0
author:
  - The netmode.docker authors (@netmode)
description:
  - Says what each node of this host says of its cluster, takes the steps that are theirs, and waits for what these bring.
  - Which steps these are P(netmode.docker.redis_cluster_steps#filter) says, from what the nodes of all hosts say. The role
    P(netmode.docker.redis_cluster#role) does both until nothing is left to do.
  - Each node is asked over its own socket. Nothing is ever flushed, reset or forgotten.
extends_documentation_fragment:
  - netmode.docker.engine
  - netmode.docker.engine.plan
attributes:
  check_mode:
    description: Can run in check mode and return what the nodes say, without changing or waiting for anything.
    support: full
  diff_mode:
    description: Has no differences to show.
    support: none
options:
  nodes:
    description: The instances of this host that are nodes of a cluster.
    type: list
    elements: str
    required: true
  steps:
    description: What to do, in this order. Without any it only looks, and waits.
    type: list
    elements: dict
    default: []
    suboptions:
      instance:
        description: The instance that is told.
        type: str
        required: true
      command:
        description:
          - The command after C(CLUSTER), such as V([MEET, 10.0.0.2, '7000', '17000']).
          - C(STABLE), C(IMPORT), C(MIGRATE) and C(OWN) stand for the commands of each slot of the ranges that follow, by which slots go from one
            node to another.
          - C(LEAD) stands for C(FAILOVER) and the wait until the node has taken over from its master.
        type: list
        elements: str
        required: true
  waits:
    description: What to wait for then.
    type: list
    elements: dict
    default: []
    suboptions:
      instance:
        description: The node that is asked.
        type: str
        required: true
      known:
        description: It knows so many nodes, itself among them.
        type: int
        default: 1
      whole:
        description: It sees its cluster whole, and has everything of the master that it follows.
        type: bool
        default: false
  wait:
    description: How many seconds that may take.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: What the nodes of this host say
  netmode.docker.redis_cluster:
    plan: "{{ (lookup('netmode.docker.variables', 'redis') | netmode.docker.redis_plan(inventory_hostname, hosts=hostvars)).parts }}"
    nodes: [a, b]
  register: cluster
"""

RETURN = r"""
nodes:
  description: Instance to what it says, or null where it does not answer.
  returned: success
  type: dict
  contains:
    nodes:
      description: Its answer to C(CLUSTER NODES).
      type: str
    keys:
      description: How many keys it has.
      type: int
    left:
      description: Of each slot that goes from it to another node, how many keys it has still.
      type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked
from ansible_collections.netmode.docker.plugins.module_utils._redis import of_plan
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.reconcile import ARGUMENTS, cluster


def main() -> None:
    module = AnsibleModule(argument_spec=checked({**of_plan.ARGUMENTS, **ARGUMENTS}), supports_check_mode=True)
    of_plan.run(module, cluster)


if __name__ == "__main__":
    main()
