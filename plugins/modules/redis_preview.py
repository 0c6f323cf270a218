#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_preview
short_description: Show what would change in all parts of a host's Redis
version_added: 0.1.0
author:
  - The netmode.docker authors (@netmode)
description:
  - Looks once at the tuning, the configuration, the images, the networks, the allowed sources, the containers and the interfaces of a host, and returns
    what the modules of these would change, in that order. The role P(netmode.docker.redis#role) runs the tasks of the parts that differ.
  - Refuses what one of these modules would refuse, before any of them has changed anything.
  - Given O(docker_engine), it looks at the engine first, and at nothing else where the engine is not as it is to be.
  - Where nothing would change it also proves what O(proof) asks for, so that a settled host is looked at once.
  - Reads only.
extends_documentation_fragment:
  - netmode.docker.engine
  - netmode.docker.engine.read_only
attributes:
  facts:
    description: Returns the facts of M(netmode.docker.network_facts) in C(ansible_facts), with RV(claims).
    support: partial
options:
  plan:
    description:
      - What to look at, as P(netmode.docker.redis_plan#filter) returns it. C(tuning), C(files), C(images), C(networks), C(sources),
        C(containers) and C(interfaces) are the options of M(netmode.docker.host_tuning), M(netmode.docker.redis_config),
        M(netmode.docker.images), M(netmode.docker.networks), M(netmode.docker.redis_sources), M(netmode.docker.containers) and
        M(netmode.docker.interfaces).
    type: dict
    required: true
  keeper:
    description:
      - How the service C(netmode-keeper) is to be on this host, with the options of M(netmode.docker.keeper) of the same names.
        It is among RV(due) unless it runs so and says that all is right. Left out, it is not looked at.
    type: dict
    suboptions:
      docker_host:
        description: The socket of the engine that it is to listen to, V(unix:///path). By default it is O(docker_host).
        type: str
      ignore:
        description: Names of containers that it is to leave alone.
        type: list
        elements: str
        default: []
      log_file:
        description: Where it is to write its log on a host without systemd.
        type: path
        default: /var/log/netmode-keeper.log
      path:
        description: Where its program is to be.
        type: path
        default: /usr/local/sbin/netmode-keeper
      program:
        description: The SHA-256 digest of its program without the first line, C(keeper_program) of P(netmode.docker.redis_plan#filter).
        type: str
        required: true
  docker_engine:
    description:
      - The variables of the role P(netmode.docker.docker_engine#role), the option O(netmode.docker.engine_info#module:desired)
        of M(netmode.docker.engine_info). Left out, the engine is taken as it is.
    type: dict
  proof:
    description:
      - What to prove where nothing would change, the option O(netmode.docker.redis_verify#module:plan) of
        M(netmode.docker.redis_verify). Left out, nothing is proven.
    type: dict
  ask_registries:
    description: As in M(netmode.docker.images). Where they are not asked, images that would be pulled count as pending.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: See what would change
  netmode.docker.redis_preview:
    plan: "{{ lookup('netmode.docker.variables', 'redis') | netmode.docker.redis_plan(inventory_hostname) }}"
  become: true
  register: preview

- name: Name the parts that differ
  ansible.builtin.debug:
    var: preview.due
"""

RETURN = r"""
due:
  description:
    - The parts that would change, C(keeper) as the last.
    - V(docker_engine) alone where that role has something to do, and then nothing else is returned.
  type: list
  elements: str
  returned: success
  sample: [files, containers]
pending:
  description: Networks and images by name, under C(networks) and C(images), that would be made or fetched.
  type: dict
  returned: success
  sample: {images: [], networks: [backend]}
renewed:
  description: The containers, by name, that would get another network namespace.
  type: list
  elements: str
  returned: success
  sample: [vault]
claims:
  description: As M(netmode.docker.redis_verify) returns it, and with it all else that that returns.
  type: list
  elements: dict
  returned: where nothing would change and O(proof) was given
tuning:
  description: What M(netmode.docker.host_tuning) returns.
  type: dict
  returned: success
files:
  description: What M(netmode.docker.redis_config) returns.
  type: dict
  returned: success
images:
  description: What M(netmode.docker.images) returns.
  type: dict
  returned: success
networks:
  description: What M(netmode.docker.networks) returns.
  type: dict
  returned: success
sources:
  description: What M(netmode.docker.redis_sources) returns.
  type: dict
  returned: success
containers:
  description: What M(netmode.docker.containers) returns.
  type: dict
  returned: success
interfaces:
  description: What M(netmode.docker.interfaces) returns, but for those on the bridges of networks that are yet to be made.
  type: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked, hide, sealed
from ansible_collections.netmode.docker.plugins.module_utils._daemon import look
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS, Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._keeper.service import ARGUMENTS as KEEPER_ARGUMENTS
from ansible_collections.netmode.docker.plugins.module_utils._keeper.settled import is_settled
from ansible_collections.netmode.docker.plugins.module_utils._redis import verify
from ansible_collections.netmode.docker.plugins.module_utils._redis.preview import in_variables, preview, read

_KEEPER = {**KEEPER_ARGUMENTS, "docker_host": {"type": "str"}, "program": {"type": "str", "required": True}}


def main() -> None:
    module = AnsibleModule(
        argument_spec=checked(
            {
                **ENGINE_ARGUMENTS,
                "plan": {"type": "dict", "required": True, "no_log": True},
                "keeper": {"type": "dict", "options": _KEEPER},
                "docker_engine": {"type": "dict", "no_log": True},
                "proof": {"type": "dict", "no_log": True},
                "ask_registries": {"type": "bool", "default": True},
            }
        ),
        supports_check_mode=True,
    )
    keeper, docker_host, timeout = module.params["keeper"], module.params["docker_host"], module.params["timeout"]
    instances: list[str] = []
    plan, proof, daemon = (sealed(module, option) for option in ("plan", "proof", "docker_engine"))
    try:
        parts, secrets = read(plan)
        instances = [one["name"] for one in parts["files"]["instances"]]
        proof = verify.read(proof) if proof is not None else None
        hide(module, secrets | (verify.secrets_of(proof) if proof else set()))
        if daemon and not look.is_settled(docker_host, daemon):
            module.exit_json(changed=False, due=["docker_engine"])
        parts["images"]["ask_registries"] = module.params["ask_registries"]
        told = preview(parts, docker_host, timeout)
        if {one["instance"] for one in parts["cluster"]["nodes"]} & {*told["renewed"]}:
            from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster import around  # noqa: PLC0415 (most runs change nothing)

            told["warnings"] += around.refuse(Engine(docker_host, timeout), parts, told["renewed"])
        if keeper and not is_settled({**keeper, "docker_host": keeper["docker_host"] or docker_host}):
            told["due"].append("keeper")
        if proof and not told["due"]:
            proven = verify.verify(proof, docker_host, timeout, check_mode=module.check_mode)
            told.update(proven.result, ansible_facts=proven.facts)
            told["warnings"] += proven.warnings
    except NetmodeError as error:
        module.fail_json(msg=in_variables(str(error), instances))
    for warning in told.pop("warnings"):
        module.warn(warning)
    module.exit_json(changed=False, **told)


if __name__ == "__main__":
    main()
