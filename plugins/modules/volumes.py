#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: volumes
short_description: The named volumes that a host is to have, or no longer
version_added: 0.1.0
description:
  - Makes every volume of the list that is missing, and removes those that are to be absent, with the data in them.
  - A volume that is there is never recreated; another driver or other options than those asked for are an error.
  - The module M(netmode.docker.containers) makes the volumes that its containers name by itself; this one is for drivers, options, labels and removal.
author:
  - The netmode.docker authors (@netmode)
extends_documentation_fragment:
  - netmode.docker.engine
attributes:
  check_mode:
    support: full
    description: Can run in check mode and return what it would change, without changing it.
  diff_mode:
    support: full
    description: Returns which volumes there are before and after.
options:
  volumes:
    description: The volumes.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The volume's name.
        type: str
        required: true
      state:
        description:
          - V(absent) removes the volume and what is in it. It is an error while a container, running or not, has it.
        type: str
        choices: [present, absent]
        default: present
      only_made_here:
        description: With V(absent), a volume that this module has not made stays, and is named in RV(left).
        type: bool
        default: false
      driver:
        description: The volume's driver.
        type: str
        default: local
      driver_opts:
        description: The driver's options.
        type: dict
        default: {}
      uid:
        description:
          - The number of the user in containers whom a volume of the driver V(local) belongs to that is made. Without one, root.
          - What an image has where the volume is mounted first goes before this.
        type: int
      gid:
        description: The number of that user's group.
        type: int
        default: 0
      labels:
        description: Labels for a volume that is made.
        type: dict
        default: {}
  pending:
    description:
      - For check mode, containers by name that a task before this one would remove. They hold no volume back then.
      - Without check mode it is of no effect.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: A volume in memory
  netmode.docker.volumes:
    volumes:
      - name: scratch
        driver_opts: {type: tmpfs, device: tmpfs, o: size=64m}

- name: Remove a volume with its data
  netmode.docker.volumes:
    volumes:
      - {name: scratch, state: absent}
"""

RETURN = r"""
left:
  description: The volumes that were to be absent and stay, since they were not made here.
  returned: always
  type: list
  elements: str
  sample: []
volumes:
  description: What became of each volume, by its name, in the order given.
  returned: always
  type: dict
  sample:
    scratch: {changed: true, actions: [create]}
  contains:
    changed:
      description: Whether something was changed.
      type: bool
      returned: always
      sample: true
    actions:
      description: V(create) or V(remove), or nothing.
      type: list
      elements: str
      returned: always
      sample: [create]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._volumes import run

VOLUME = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "only_made_here": {"type": "bool", "default": False},
    "driver": {"type": "str", "default": "local"},
    "driver_opts": {"type": "dict", "default": {}},
    "uid": {"type": "int"},
    "gid": {"type": "int", "default": 0},
    "labels": {"type": "dict", "default": {}},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=checked(
            {
                **ENGINE_ARGUMENTS,
                "volumes": {"type": "list", "elements": "dict", "required": True, "options": VOLUME},
                "pending": {"type": "list", "elements": "str", "default": []},
            }
        ),
        supports_check_mode=True,
    )
    try:
        result = run(module.params, check_mode=module.check_mode)
    except NetmodeError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
