#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_sentinel
short_description: Take a host's part in having Sentinels watch a master and its replicas
version_added: 0.1.0
author:
  - The netmode.docker authors (@netmode)
description:
  - Says what each Sentinel of this host says of the sets that it watches, and what each server says of its role; takes the steps
    that are theirs, and waits for what these bring.
  - Which steps these are P(netmode.docker.redis_sentinel_steps#filter) says, from what the servers of all hosts say. The role
    P(netmode.docker.redis_sentinel#role) does both until nothing is left to do.
  - Each is asked over its own socket.
extends_documentation_fragment:
  - netmode.docker.engine
  - netmode.docker.engine.plan
attributes:
  check_mode:
    description: Can run in check mode and return what they say, without changing or waiting for anything.
    support: full
  diff_mode:
    description: Has no differences to show.
    support: none
options:
  instances:
    description: The instances of this host that are Sentinels, or of a set that Sentinels watch.
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
        description: The Sentinel, or the server, that is told.
        type: str
        required: true
      command:
        description:
          - The command after C(SENTINEL), such as V([MONITOR, cache, 10.0.0.1, '6379', '2']).
          - C(follow), an address and a port stand for the commands by which a server follows that one, where no Sentinel tells it to.
          - C(ask-as) and the name of a set stand for the commands that give it the user and the password that O(plan) says.
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
        description: The Sentinel that is asked.
        type: str
        required: true
      set:
        description: Of which set.
        type: str
        required: true
      host:
        description: The address of the master that it is to name.
        type: str
        required: true
      port:
        description: Its port.
        type: int
        required: true
      sentinels:
        description: How many other Sentinels it is to know that are up.
        type: int
        required: true
      replicas:
        description: How many replicas it is to know whose link is up.
        type: int
        required: true
  hand_over:
    description:
      - Instances that are to be masters no longer, since their containers are going to be replaced. One that is, and that a Sentinel
        of this host watches, is failed over, before any step is taken, and without losing a write that was acknowledged.
    type: list
    elements: str
    default: []
  wait:
    description: How many seconds that may take.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: What the Sentinels of this host say
  netmode.docker.redis_sentinel:
    plan: "{{ (lookup('netmode.docker.variables', 'redis') | netmode.docker.redis_plan(inventory_hostname, hosts=hostvars)).parts }}"
    instances: [sentinel]
  register: sentinels
"""

RETURN = r"""
said:
  description: Instance to what it says, or null where it does not answer.
  returned: success
  type: dict
  contains:
    sets:
      description: Of a Sentinel, each set that it watches to what it says of its master, the replicas and the other Sentinels.
      type: dict
    role:
      description: Of any other, what it is in its replication.
      type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked
from ansible_collections.netmode.docker.plugins.module_utils._redis import of_plan
from ansible_collections.netmode.docker.plugins.module_utils._redis_sentinel.reconcile import ARGUMENTS, sentinel


def main() -> None:
    module = AnsibleModule(argument_spec=checked({**of_plan.ARGUMENTS, **ARGUMENTS}), supports_check_mode=True)
    of_plan.run(module, sentinel)


if __name__ == "__main__":
    main()
