#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_deploy
short_description: Deploy the containers of a host's Redis, and keep the data of one that is recreated
version_added: 0.1.0
author:
  - The netmode.docker authors (@netmode)
description:
  - Does what M(netmode.docker.containers) does, and looks at each Redis whose container is recreated.
  - Before the old container is stopped, its Redis is asked for its keys in each database and for some values, and clients wait with
    what they write until it has ended. The new container has to answer within O(wait), and to have all of that. Otherwise it is
    removed, and the old one is back with its data.
  - Where its password or its users change with the container, the old one is asked as its own redis.conf lets in.
  - What clients write into the new one before it is looked at is allowed for. Where they have sent a command that may change any
    number of keys (C(DEL), C(UNLINK), C(FLUSHALL), C(FLUSHDB), C(SWAPDB), C(MSET)), and for a replica, a Redis that does not keep its data, or one
    that does not say what it has, only the answer counts.
  - A node of a Redis Cluster hands its slots over to its replica that has most before it goes, and the next goes once it is back and has
    everything of its master. Where the cluster is not whole, or a master has no replica in sync, no node goes.
extends_documentation_fragment:
  - netmode.docker.engine
  - netmode.docker.engine.plan
attributes:
  check_mode:
    support: full
    description: Can run in check mode and return what it would change, without changing it.
  diff_mode:
    support: full
    description: Shows which options of which containers change.
options:
  sysctls:
    description: Container to sysctls that it is given beside its own, as M(netmode.docker.host_tuning) names them.
    type: dict
    default: {}
  pending:
    description: As in M(netmode.docker.containers).
    type: list
    elements: str
    default: []
  restarted:
    description: As in M(netmode.docker.containers).
    type: dict
    default: {}
  wait:
    description: Seconds that a Redis may take to load its data and answer.
    type: float
    default: 60
"""

EXAMPLES = r"""
- name: Deploy the containers of a host that variables of the role redis are set for
  netmode.docker.redis_deploy:
    plan: "{{ (lookup('netmode.docker.variables', 'redis') | netmode.docker.redis_plan(inventory_hostname)).parts }}"
"""

RETURN = r"""
containers:
  description: As RV(netmode.docker.containers#module:containers).
  returned: success
  type: dict
  sample:
    cache:
      id: 1f0b9d8c7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c5d8c1e0b2f9a4b7d8e6c3a
      changed: true
      actions: [recreate]
      reasons: ["image: another image of that name"]
      network_mode: bridge
others:
  description: As RV(netmode.docker.containers#module:others).
  returned: success
  type: dict
  sample: {}
compared:
  description: The instances that were recreated and have the data that they had, with the keys in each database and how many values were compared.
  returned: success
  type: dict
  sample: {cache: {keys: {'0': 1000}, values: 32}}
handed_over:
  description:
    - The nodes of a Redis Cluster that were masters, each with its id and its epoch then, and to whom it has handed its slots over.
    - P(netmode.docker.redis_cluster_lead#filter) says from those of all hosts which lead again in the end.
  returned: success
  type: dict
  sample:
    c0:
      node: 07c37dfeb235213a872192d90877d0cd55635b91
      to: 67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1
      place: 10.0.0.2:7001
      epoch: 4
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked, hide, sealed
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS, Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis.deploy import reconcile
from ansible_collections.netmode.docker.plugins.module_utils._redis.preview import in_variables, read
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.turn import Turn


def main() -> None:
    module = AnsibleModule(
        argument_spec=checked(
            {
                **ENGINE_ARGUMENTS,
                "plan": {"type": "dict", "required": True, "no_log": True},
                "sysctls": {"type": "dict", "default": {}},
                "pending": {"type": "list", "elements": "str", "default": []},
                "restarted": {"type": "dict", "default": {}},
                "wait": {"type": "float", "default": 60},
            }
        ),
        supports_check_mode=True,
    )
    instances: list[str] = []
    plan = sealed(module, "plan")
    try:
        parts, secrets = read(plan)
        instances = [one["name"] for one in parts["files"]["instances"]]
        hide(module, secrets)
        engine = Engine(module.params["docker_host"], module.params["timeout"])
        turn = Turn(engine, parts)
        outcome, compared = reconcile(module.params, parts, engine, check_mode=module.check_mode, turn=turn)
    except NetmodeError as error:
        module.fail_json(msg=in_variables(str(error), instances))
    for warning in outcome.warnings:
        module.warn(warning)
    result = {"changed": outcome.changed, "containers": outcome.containers, "others": outcome.others}
    module.exit_json(
        **result, compared=compared, handed_over=turn.handed_over, **({"diff": outcome.diff} if module._diff else {})
    )


if __name__ == "__main__":
    main()
