#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_files
short_description: The configuration directories of a host's Redis instances
version_added: 0.1.0
description:
  - Writes C(redis.conf) of every instance of the list, each in a directory of its own that its container mounts, and the directory for its unix socket.
  - Returns a revision of each configuration. Put into a label of the container it makes a changed setting reach the running Redis.
  - Refuses a change that would lose data when Redis starts with it.
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
    description: Shows the lines that change. Of a secret it says that it changes, never what it is.
options:
  socket_group:
    description:
      - The group of the host, by name or number, whose members may connect to the sockets that their mode opens to the group.
        Without one root alone gets to them, unless the mode lets everybody.
    type: str
    default: ''
  key_file:
    description:
      - The host's own key for the revisions, made at the first run, read by root only. It keeps the label of a container from being a way
        to try passwords.
    type: path
    default: /etc/netmode/redis/.revision-key
  instances:
    description: The instances.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The instance's name.
        type: str
        required: true
      state:
        description: V(absent) removes the directories with what is in them, and with the last of them O(key_file).
        type: str
        choices: [present, absent]
        default: present
      directory:
        description: The directory of C(redis.conf).
        type: path
        required: true
      socket_directory:
        description: The directory of the unix socket.
        type: path
      socket_mode:
        description: The permissions of the unix socket in octal digits. Those who may connect get through its directories.
        type: str
        default: '770'
      volume:
        description: The named volume of its data, to see what a change of the persistence would mean for it.
        type: str
      uid:
        description: The number of the user that Redis runs as, the directories' owner.
        type: int
        default: 999
      gid:
        description: The number of its group.
        type: int
        default: 999
      lines:
        description: The lines of C(redis.conf), but for the secret ones.
        type: list
        elements: str
        default: []
      secrets:
        description: The lines that hold a password.
        type: list
        elements: str
        default: []
      unauthenticated:
        description: Set for a Redis that needs no password and is to be reached by its own host alone. One that neighbours reach is
          refused, in check mode too.
        type: dict
        suboptions:
          reason:
            description: Why it needs none.
            type: str
            required: true
          networks:
            description: The networks of its namespace, each with C(name) and, for one that is yet to be made, C(driver), C(internal),
              C(enable_ipv6) and C(driver_opts).
            type: list
            elements: dict
            required: true
          ports:
            description: Where it listens, each with C(port), C(option) that says so, and whether it is C(published).
            type: list
            elements: dict
            required: true
      trial:
        description:
          - How Redis is to be tried with a configuration that is new, in a container without network and data, before anything
            is changed. One that does not start is refused with the end of its log. Not in check mode, which makes no container.
        type: dict
        suboptions:
          image:
            description: The image, which must be on the host.
            type: str
            required: true
          command:
            description: What starts Redis; the path of the configuration is added.
            type: list
            elements: str
            required: true
          volumes:
            description: What directives may refer to, in Compose's short form. Mounted read-only, where it is there.
            type: list
            elements: str
            default: []
"""

EXAMPLES = r"""
- name: Configure a Redis
  netmode.docker.redis_files:
    instances:
      - name: cache
        directory: /etc/netmode/redis/cache
        lines:
          - port 6379
          - maxmemory 256mb
        secrets:
          - requirepass "{{ redis_password }}"
  register: files
"""

RETURN = r"""
changes:
  description: The instances whose files were, or in check mode would be, changed.
  returned: always
  type: list
  elements: str
  sample: [cache]
interfaces:
  description: Those of the instances for which the host's record of M(netmode.docker.interfaces) has interfaces.
  returned: always
  type: list
  elements: str
  sample: [vault]
revisions:
  description: A keyed digest of each instance's configuration. In check mode on a host without a key, V(not known before the first run).
  returned: always
  type: dict
  sample:
    cache: 5d41402abc4b2a76b9719d911017c592
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils import (
    _interfaces_record,
    _redis_files,
    _redis_neighbours,
    _redis_trial,
)
from ansible_collections.netmode.docker.plugins.module_utils._engine import ENGINE_ARGUMENTS, Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone

Json = dict[str, Any]

_TRIAL = {
    "image": {"type": "str", "required": True},
    "command": {"type": "list", "elements": "str", "required": True},
    "volumes": {"type": "list", "elements": "str", "default": []},
}
_UNAUTHENTICATED = {
    "reason": {"type": "str", "required": True},
    "networks": {"type": "list", "elements": "dict", "required": True},
    "ports": {"type": "list", "elements": "dict", "required": True},
}
_INSTANCE = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "directory": {"type": "path", "required": True},
    "socket_directory": {"type": "path"},
    "socket_mode": {"type": "str", "default": "770"},
    "volume": {"type": "str"},
    "uid": {"type": "int", "default": 999},
    "gid": {"type": "int", "default": 999},
    "lines": {"type": "list", "elements": "str", "default": []},
    "secrets": {"type": "list", "elements": "str", "default": [], "no_log": True},
    "unauthenticated": {"type": "dict", "options": _UNAUTHENTICATED},
    "trial": {"type": "dict", "options": _TRIAL},
}


def _change(
    engine: Engine, instances: list[Json], steps: list[_redis_files.Step], access: _redis_files.Access, key_file: str
) -> None:
    new = [step.instance for step in steps if step.after not in (None, step.before) and step.instance["trial"]]
    _redis_trial.refuse_failing(engine, new)
    for step in steps:
        _redis_files.apply(step, access)
    _redis_files.tidy(instances, key_file)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **ENGINE_ARGUMENTS,
            "key_file": {"type": "path", "default": "/etc/netmode/redis/.revision-key", "no_log": False},
            "socket_group": {"type": "str", "default": ""},
            "instances": {"type": "list", "elements": "dict", "required": True, "options": _INSTANCE},
        },
        supports_check_mode=True,
    )
    instances = module.params["instances"]
    try:
        recorded = {entry["container"] for entry in _interfaces_record.read().values()}
        engine = Engine(module.params["docker_host"], module.params["timeout"])
        _redis_neighbours.refuse_reached(engine, instances)
        keyed = _redis_files.has_key(module.params["key_file"])
        access = _redis_files.access_of(instances, module.params["key_file"], module.params["socket_group"])
        steps = _redis_files.plan(instances, _redis_files.observe(instances, engine, access), keyed=keyed)
        if not module.check_mode:
            who = "netmode.docker.redis_files: " + ", ".join(instance["name"] for instance in instances)
            with alone("containers", who, engine.docker_host):
                steps = _redis_files.plan(instances, _redis_files.observe(instances, engine, access), keyed=keyed)
                _change(engine, instances, steps, access, module.params["key_file"])
        revisions = _redis_files.revisions(instances, module.params["key_file"], check_mode=module.check_mode)
    except NetmodeError as error:
        module.fail_json(msg=str(error))
    diff = [_redis_files.difference(step) for step in steps]
    changes = [step.instance["name"] for step in steps]
    interfaces = [instance["name"] for instance in instances if instance["name"] in recorded]
    module.exit_json(changed=bool(steps), changes=changes, interfaces=interfaces, revisions=revisions, diff=diff)


if __name__ == "__main__":
    main()
