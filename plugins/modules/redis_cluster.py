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
  - Each node is asked over its own socket. Nothing is ever flushed or reset.
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
    description: The instances of this host that are nodes of a cluster, those among them that are to leave it.
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
          - C(STABLE), C(IMPORT), C(MIGRATE), C(DRAIN) and C(OWN) stand for the commands of each slot of the ranges that follow, by which slots
            go from one node to another; C(SEND), C(EMPTY), C(STAY) and C(FETCH) for an atomic migration, and that it has come about.
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
      lasting:
        description: For how many seconds then it is looked at whether it stays so. Where not, or where it does not come, that is no failure.
        type: float
        default: 0
  probes:
    description: What is to take a connection from this host before anything is done; else that fails, and says which does not.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What it is, for people.
        type: str
        required: true
      address:
        description: Its IP address.
        type: str
        required: true
      port:
        description: Its port.
        type: int
        required: true
  wait:
    description: How many seconds that may take.
    type: int
    default: 60
  turn:
    description: After how many seconds a node leaves the keys that are yet to go to another for the next call.
    type: float
    default: 3600
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
      description: Of each slot that goes from it to another node or comes, how many keys it has.
      type: dict
    memory:
      description: Bytes of its keys, bytes that it uses, its C(maxmemory), and what its host has free.
      type: list
      elements: int
    atomic:
      description: The command after C(CLUSTER) by which it moves slots with their keys at once, or empty.
      type: str
leaving:
  description: Instance that is to be absent to V(runs), V(stopped), V(gone), or empty for one that is no node of a cluster.
  returned: success
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
