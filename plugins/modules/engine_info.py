#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: engine_info
short_description: Tell how Docker Engine is on a host
version_added: 0.1.0
author:
  - The netmode.docker authors (@netmode)
description:
  - Tells whether the engine is installed, how it is configured, whether it runs and answers, and what address its bridge
    has. A host without an engine is told as such and is no failure.
  - Reads only. The role P(netmode.docker.docker_engine#role) goes by it.
extends_documentation_fragment:
  - netmode.docker.engine
  - netmode.docker.engine.read_only
options:
  config_file:
    description: The engine's configuration file.
    type: path
    default: /etc/docker/daemon.json
  wait:
    description:
      - How many seconds the engine may take to answer; with 0 it is asked once.
      - The waiting ends early when the engine's process ends, or does not appear.
    type: int
    default: 0
  running:
    description: Whether to tell which containers run, too.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Wait until the engine answers, half a minute at most
  netmode.docker.engine_info:
    wait: 30
  register: engine
  failed_when: not engine.answers
"""

RETURN = r"""
root:
  description: Whether the module runs as root.
  returned: success
  type: bool
  sample: true
python:
  description: The interpreter that it runs with.
  returned: success
  type: str
  sample: /usr/bin/python3
sdk:
  description: Whether that interpreter finds the Docker SDK for Python.
  returned: success
  type: bool
  sample: true
distribution:
  description: The name of the operating system, as the fact of this name has it.
  returned: success
  type: str
  sample: Debian
distribution_version:
  description: Its version.
  returned: success
  type: str
  sample: "13"
init:
  description: What runs as process 1, V(systemd), V(service) for any other init system, or V(none).
  returned: success
  type: str
  sample: systemd
needed:
  description: Packages of Debian whose work nothing on this host does yet.
  returned: success
  type: list
  elements: str
  sample: []
unit:
  description: The unit of systemd that runs the engine, or would start it.
  returned: success
  type: str
  sample: docker.service
dockerd:
  description: >-
    The engine's program, that of the process that runs wherever it lies; null where none is found, though one that is not in
    this host's view may answer.
  returned: success
  type: str
  sample: /usr/sbin/dockerd
validates:
  description: Whether that program can check a configuration without starting (23.0 and later).
  returned: success
  type: bool
  sample: true
pid:
  description: >-
    The engine's process, null where none runs. One that listens elsewhere, or in a network namespace of its own, is another
    engine.
  returned: success
  type: int
  sample: 412
arguments:
  description: >-
    What that process was started with. Where none runs, what systemd will start it with: for an engine that is yet to be
    installed, the arguments of Debian's unit.
  returned: success
  type: list
  elements: str
  sample: ["-H", "fd://"]
reads:
  description: The configuration file that these arguments name, null where they name none.
  returned: success
  type: str
  sample: null
others:
  description: Engines of this host that listen elsewhere, where none answers at O(docker_host).
  returned: success
  type: list
  elements: dict
  sample: [{pid: 512, hosts: ["unix:///srv/engine/docker.sock"]}]
answers:
  description: Whether the engine answers at O(docker_host).
  returned: success
  type: bool
  sample: true
version:
  description: Its version, null where it does not answer.
  returned: success
  type: str
  sample: 26.1.5+dfsg1
config:
  description: The configuration file.
  returned: success
  type: dict
  contains:
    exists: {description: Whether it is there., type: bool, sample: true}
    mode: {description: "Its permissions, octal, null where there is none.", type: str, sample: "0644"}
    text:
      description: Its text, empty where there is none, null where it holds something like a password or is no JSON.
      type: str
      sample: '{"bip": "172.17.0.1/16"}'
    secret: {description: Whether the text is kept back for that., type: bool, sample: false}
pending:
  description: What a run of the role that was interrupted owes the engine, V(none), V(reload) or V(restart).
  returned: success
  type: str
  sample: none
live:
  description: Settings in force, by their keys of C(daemon.json); empty where the engine does not answer.
  returned: success
  type: dict
  sample: {debug: false, labels: [], live-restore: false, registry-mirrors: []}
bridge:
  description: The bridge of the default network, null where there is none or the engine does not answer.
  returned: success
  type: dict
  sample: {name: docker0, subnet: 172.17.0.0/16, gateway: 172.17.0.1, ipv4: [172.17.0.1/16]}
running:
  description: The containers that run, with their restart policies, where O(running) asks for them.
  returned: success
  type: list
  elements: dict
  sample: [{id: 5d8c0d1f2a3b, name: redis, restart: unless-stopped}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS, Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._facts.engine import observe


def main() -> None:
    module = AnsibleModule(
        argument_spec=checked(
            {
                **ENGINE_ARGUMENTS,
                "config_file": {"type": "path", "default": "/etc/docker/daemon.json"},
                "wait": {"type": "int", "default": 0},
                "running": {"type": "bool", "default": False},
            }
        ),
        supports_check_mode=True,
    )
    given = module.params
    try:
        engine = Engine(given["docker_host"], given["timeout"])
        found = observe(engine, given["config_file"], given["wait"], with_running=given["running"])
    except NetmodeError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
