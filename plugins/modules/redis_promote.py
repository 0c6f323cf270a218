#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_promote
short_description: Have a Redis hand the role of master over to one of its replicas
version_added: 0.1.0
author:
  - The netmode.docker authors (@netmode)
description:
  - Says of each running instance whether it is a master or a replica, and takes the steps of a planned switch that are this host's.
  - A master that hands over holds writes back until its replica has all of them, and becomes its replica (C(FAILOVER)). Where that
    does not come about in time it goes on as the master. No write that it has acknowledged is lost.
  - Then C(redis.conf) says the new roles, so that a restart keeps them.
extends_documentation_fragment:
  - netmode.docker.engine
  - netmode.docker.engine.plan
attributes:
  check_mode:
    description: Can run in check mode and return the roles as they are, without changing them.
    support: full
  diff_mode:
    description: Has no differences to show.
    support: none
options:
  steps:
    description: What to do, in this order. Without any it only returns the roles.
    type: list
    elements: dict
    default: []
    suboptions:
      instance:
        description: The instance.
        type: str
        required: true
      step:
        description: V(hand_over) to its replica, V(lead), which was handed over to, or V(follow) another master.
        type: str
        required: true
        choices: [hand_over, lead, follow]
      host:
        description: The address of that replica, or master, as it announces itself.
        type: str
        default: ''
      port:
        description: Its port.
        type: int
        default: 0
  wait:
    description:
      - How many seconds a replica may take to have nearly everything before writes are held back, and how many they are held back at most.
    type: int
    default: 10
"""

EXAMPLES = r"""
- name: Who is what
  netmode.docker.redis_promote:
    plan: "{{ (lookup('netmode.docker.variables', 'redis') | netmode.docker.redis_plan(inventory_hostname, hosts=hostvars)).parts }}"
  register: before

- name: Hand over
  netmode.docker.redis_promote:
    plan: "{{ (lookup('netmode.docker.variables', 'redis') | netmode.docker.redis_plan(inventory_hostname, hosts=hostvars)).parts }}"
    steps:
      - {instance: redis, step: hand_over, host: 10.0.0.2, port: 6379}
"""

RETURN = r"""
roles:
  description: Instance to what it says of its role, of those that answer.
  returned: success
  type: dict
  sample:
    redis: {role: replica, master: '10.0.0.1:6379', link: up, offset: 5614, replicas: [], place: '10.0.0.2:6379'}
  contains:
    role:
      description: V(master) or V(replica).
      type: str
    master:
      description: Whom a replica follows, else null.
      type: str
    link:
      description: Of a replica V(up), V(syncing) or V(down), else null.
      type: str
    offset:
      description: Bytes of the stream of writes that it has.
      type: int
    replicas:
      description: Who follows it, as in RV(netmode.docker.redis_ping#module:endpoints).
      type: list
      elements: dict
    place:
      description: Where others reach it, null where that is not known.
      type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked
from ansible_collections.netmode.docker.plugins.module_utils._redis import of_plan
from ansible_collections.netmode.docker.plugins.module_utils._redis.promote import STEPS, promote


def main() -> None:
    module = AnsibleModule(argument_spec=checked({**of_plan.ARGUMENTS, **STEPS}), supports_check_mode=True)
    of_plan.run(module, promote)


if __name__ == "__main__":
    main()
