#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_sources
short_description: Keeps ports of Redis to the sources that are allowed
version_added: 0.1.0
author:
  - The netmode.docker authors (@netmode)
description:
  - Has the packet filter of the host drop what comes to a port from any other address than those that are allowed. The host itself
    always reaches it.
  - The rules are in the chain C(NETMODE-REDIS), which PREROUTING of the table C(raw) calls. There a packet is still as it came, before
    the engine's own rules. So they hold for a port that the engine forwards to a container, for one that its proxy serves, such as
    that of IPv6 before Docker 27, and for one that a process of the host listens at; and they hold with each firewall backend of the
    engine.
  - What is set now is set again at each start of the host, before the engine starts, by the unit or init script
    C(netmode-redis-sources).
  - Rules of instances that are not in the list, and of others than this module, are left as they are.
extends_documentation_fragment:
  - netmode.docker.engine
attributes:
  check_mode:
    support: full
    description: Can run in check mode and return what it would change, without changing it.
  diff_mode:
    support: full
    description: Returns the rules before and after.
options:
  instances:
    description: The Redis of the host, each with its ports.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name of the instance, which is in the comment of its rules.
        type: str
        required: true
      sources:
        description:
          - The addresses that reach it, as networks (C(10.0.0.0/8)) or single ones, of IPv4 and IPv6. Where there is none of a family,
            nobody reaches it by that family.
          - Empty, its rules are removed.
        type: list
        elements: str
        default: []
      published:
        description: The TCP ports of the host.
        type: list
        elements: dict
        default: []
        suboptions:
          address:
            description: The address of the host. Empty, all of them; V(0.0.0.0) and V(::) are all of one family.
            type: str
            default: ''
          port:
            description: The port of the host.
            type: int
            required: true
      direct:
        description:
          - The ports of the container on its networks, for a neighbour that has a route to the container itself and goes past the
            published port.
        type: list
        elements: dict
        default: []
        suboptions:
          network:
            description: A network of the engine, by name. One that no bridge carries is left out.
            type: str
            required: true
          port:
            description: The port of the container.
            type: int
            required: true
"""

EXAMPLES = r"""
- name: Let one network reach the published port
  netmode.docker.redis_sources:
    instances:
      - name: cache
        sources: [192.0.2.0/24, 2001:db8::/32]
        published:
          - {port: 6379}
        direct:
          - {network: bridge, port: 6379}
  become: true

- name: Let everybody reach it again
  netmode.docker.redis_sources:
    instances:
      - {name: cache}
  become: true
"""

RETURN = r"""
instances:
  description: What became of the rules of each instance, by its name, in the order given.
  returned: success
  type: dict
  sample:
    cache: {changed: true, reasons: ["iptables: the kernel does not have its rules"]}
  contains:
    changed:
      description: Whether its rules were set.
      type: bool
      returned: success
      sample: true
    reasons:
      description: Why they were.
      type: list
      elements: str
      returned: success
      sample: ["iptables: the kernel does not have its rules"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._sources.reconcile import run
from ansible_collections.netmode.docker.plugins.module_utils._sources.spec import ARGUMENTS


def main() -> None:
    module = AnsibleModule(argument_spec=checked({**ENGINE_ARGUMENTS, **ARGUMENTS}), supports_check_mode=True)
    try:
        result = run(module.params, check_mode=module.check_mode)
    except NetmodeError as error:
        module.fail_json(msg=str(error))
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
