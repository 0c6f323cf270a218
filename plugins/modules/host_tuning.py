#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: host_tuning
short_description: Tunes a host for Redis as Redis asks
version_added: 0.1.0
author:
  - The netmode.docker authors (@netmode)
description:
  - Sets the tunables of the kernel that Redis warns of in its log, each only where it is not yet as Redis asks. They are the whole host's.
  - What is set is kept for the next start of the host, in C(/etc/sysctl.d/90-netmode-redis.conf), with what it was before; huge pages by
    the unit or init script C(netmode-host-tuning). O(state=absent) takes back what was set here, and nothing else.
  - What an administrator has set to another value in C(/etc/sysctl.conf) or C(/etc/sysctl.d), and what cannot be set, as in a container without
    rights, stays as it is; a warning says so.
extends_documentation_fragment:
  - netmode.docker.engine
attributes:
  check_mode:
    support: full
    description: Can run in check mode and return what it would change, without changing it.
  diff_mode:
    support: full
    description: Returns the tunables and the files before and after.
options:
  overcommit_memory:
    description:
      - Have C(vm.overcommit_memory) be 1, so that a Redis that saves or feeds a replica can fork while memory is scarce. A host that has
        2, which nobody has by default, keeps that.
    type: bool
    default: false
  huge_pages:
    description:
      - Have transparent huge pages be used by programs that ask for them (V(madvise)) where they are used for all (V(always)). Needed
        where a Redis has C(disable-thp no); with V(yes), the default since 6.2, it goes without by itself.
    type: bool
    default: false
  somaxconn:
    description: The least C(net.core.somaxconn) of the host, as C(tcp-backlog) of a Redis in its namespace asks. V(0) leaves it.
    type: int
    default: 0
  namespaces:
    description: Containers with a network namespace of their own, for which RV(sysctls) is returned.
    type: list
    elements: dict
    default: []
    suboptions:
      container:
        description: Its name.
        type: str
        required: true
      backlog:
        description: The greatest C(tcp-backlog) of those in its namespace.
        type: int
        required: true
      made_here:
        description: Whether it may be given a sysctl. Of another one a warning says that it needs one.
        type: bool
        default: true
  state:
    description: V(absent) takes back what this module has set, unless containers of the role redis still need it (RV(needed_by)).
    type: str
    choices: [present, absent]
    default: present
  pending:
    description: With O(state=absent) in check mode, containers by name that a task before this one would remove.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Tune the host for a Redis in its namespace
  netmode.docker.host_tuning:
    overcommit_memory: true
    somaxconn: 1024
  become: true

- name: Take that back
  netmode.docker.host_tuning:
    state: absent
  become: true
"""

RETURN = r"""
tunables:
  description: What was set, by the name of the tunable.
  returned: success
  type: dict
  sample:
    vm.overcommit_memory: {before: '0', after: '1', why: a Redis that saves or feeds a replica may otherwise fail to fork while memory is scarce}
sysctls:
  description: The sysctls that containers of O(namespaces) need, by container; those that have enough are left out.
  returned: success
  type: dict
  sample:
    cache: {net.core.somaxconn: '8192'}
needed_by:
  description: With O(state=absent) the containers of the role redis that are still there, for which everything stays.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._tuning.reconcile import run
from ansible_collections.netmode.docker.plugins.module_utils._tuning.spec import ARGUMENTS


def main() -> None:
    module = AnsibleModule(
        argument_spec=checked(
            {
                **ENGINE_ARGUMENTS,
                **ARGUMENTS,
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                "pending": {"type": "list", "elements": "str", "default": []},
            }
        ),
        supports_check_mode=True,
    )
    pending = module.params["pending"] if module.check_mode else []
    try:
        result = run({**module.params, "pending": pending}, check_mode=module.check_mode)
    except NetmodeError as error:
        module.fail_json(msg=str(error))
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
