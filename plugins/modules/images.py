#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: images
short_description: The images that a host is to have, by pull, from an archive or from packages
version_added: 0.1.0
description:
  - Brings every image of the list to the host, or removes it. What is there already is left alone.
  - An image may come from a registry, from an archive on the host, or be made from the distribution's own packages where no registry is reachable.
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
    description: Returns the images' ids before and after.
options:
  images:
    description: The images.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The image's name with a tag, or, with O(images[].source=pull), with a digest.
        type: str
        required: true
      state:
        description: V(absent) removes the name, and the image with its last name, which is an error while a container has it.
        type: str
        choices: [present, absent]
        default: present
      only_made_here:
        description:
          - With V(absent), an image that this module has not made from packages or from a root file system stays, and is named
            in RV(left), as is one that a container has. Of one that was pulled or saved the engine does not know who brought it.
        type: bool
        default: false
      source:
        description:
          - V(pull) takes it from the registry that its name says.
          - V(archive) takes it from a file on the host, written by C(docker save), or the tar file of a root file system.
          - V(packages) makes it from packages of a Debian suite, with mmdebstrap, which must be installed and requires root.
        type: str
        choices: [pull, archive, packages]
        default: pull
      pull_policy:
        description: V(always) asks the registry each time, or makes the image again from the packages of today.
        type: str
        choices: [missing, always]
        default: missing
      username:
        description: The user at the registry. It goes with this one request, and is written nowhere on the host.
        type: str
      password:
        description: The password at the registry.
        type: str
      archive:
        description: The archive's path on the host. It may be missing when the image with O(images[].archive_id) is there.
        type: path
      archive_id:
        description: What the filter P(netmode.docker.image_archive#filter) says of the archive, so that it need not be copied to see that nothing is to do.
        type: str
      packages:
        description: The packages that the image is made from. Their dependencies come along.
        type: list
        elements: str
        default: []
      suite:
        description: The Debian suite that the packages come from.
        type: str
        default: stable
      mirror:
        description: The URL of a Debian mirror. Without it mmdebstrap uses its own for the suite.
        type: str
        default: ''
      command:
        description: The image's default command, for an image from packages or from a root file system.
        type: list
        elements: str
        default: []
      users:
        description: The users that the image knows besides root, for an image from packages.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: The user's and the group's name.
            type: str
            required: true
          uid:
            description: The user's number.
            type: int
            required: true
          gid:
            description: The group's number.
            type: int
            required: true
          home:
            description: The home directory.
            type: str
            default: /nonexistent
      directories:
        description: The directories that the image has besides those of the packages, such as where a volume is mounted.
        type: list
        elements: dict
        default: []
        suboptions:
          path:
            description: The directory.
            type: str
            required: true
          uid:
            description: The owner's number. A new named volume takes it from here.
            type: int
            default: 0
          gid:
            description: The group's number.
            type: int
            default: 0
          mode:
            description: The permissions, octal, quoted.
            type: raw
            default: '0755'
  pending:
    description:
      - For check mode, containers by name that a task before this one would remove. They hold no image back then.
      - Without check mode it is of no effect.
    type: list
    elements: str
    default: []
  ask_registries:
    description:
      - In check mode, whether the registries that a run would pull from are asked, and what they refuse is refused.
      - Set it to V(false) where a task before this one is yet to let the engine reach them, such as by C(insecure-registries).
    type: bool
    default: true
seealso:
  - module: netmode.docker.containers
"""

EXAMPLES = r"""
- name: Redis from a private registry
  netmode.docker.images:
    images:
      - name: registry.example.com/redis:7.4
        username: deploy
        password: "{{ vault_registry_password }}"

- name: Redis where there is no registry, from Debian's packages
  netmode.docker.images:
    images:
      - name: netmode/redis:bookworm
        source: packages
        suite: bookworm
        packages: [redis-server, redis-tools]
        command: [redis-server]
        users: [{name: redis, uid: 999, gid: 999}]
        directories: [{path: /data, uid: 999, gid: 999}]

- name: Redis from a file on the host
  netmode.docker.images:
    images:
      - {name: 'redis:7.4', source: archive, archive: /srv/images/redis.tar}
"""

RETURN = r"""
left:
  description: The images that were to be absent and stay, since they were not made here, or a container has them.
  returned: always
  type: list
  elements: str
  sample: []
images:
  description: What became of each image, by its name, in the order given.
  returned: always
  type: dict
  sample:
    netmode/redis:bookworm:
      id: sha256:0d8c1b9e6f0b4a8fb1f7d3c9a2e45b6c7d8e9f00112233445566778899aabbcc
      changed: true
      actions: [build]
      reasons: [the engine has no such image]
  contains:
    id:
      description: The image's id; null where there is none (yet).
      type: str
      returned: always
      sample: sha256:0d8c1b9e6f0b4a8fb1f7d3c9a2e45b6c7d8e9f00112233445566778899aabbcc
    changed:
      description: Whether the name now means another image than before.
      type: bool
      returned: always
      sample: true
    actions:
      description: What was done, V(pull), V(load), V(import), V(build) or V(remove).
      type: list
      elements: str
      returned: always
      sample: [build]
    reasons:
      description: Why.
      type: list
      elements: str
      returned: always
      sample: [the engine has no such image]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._images.reconcile import run
from ansible_collections.netmode.docker.plugins.module_utils._images.spec import ARGUMENTS


def main() -> None:
    module = AnsibleModule(
        argument_spec=checked(
            {
                **ENGINE_ARGUMENTS,
                **ARGUMENTS,
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
