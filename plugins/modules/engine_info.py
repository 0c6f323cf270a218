#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: engine_info
short_description: Get the state of Docker Engine on a host
version_added: 0.1.0
author:
  - The netmode.docker authors (@netmode)
description:
  - Returns whether the engine is installed, how it is configured, whether it runs and answers, and what address its bridge
    has. A host without an engine is not a failure.
  - Given the variables of the role P(netmode.docker.docker_engine#role), it also returns what the role has to do.
  - Reads only.
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
      - How many seconds the engine may take to answer (and, with O(reloaded_since), to reload); with 0 it is asked once.
      - The waiting ends early when the engine's process ends, or does not appear.
    type: int
    default: 0
  reloaded_since:
    description: A time, as C(time) is returned. Whether the engine has taken a changed configuration since then is returned.
    type: float
  running:
    description: Whether to return the running containers, too.
    type: bool
    default: false
  desired:
    description:
      - The variables of the role P(netmode.docker.docker_engine#role), without C(docker_engine_), as the lookup
        P(netmode.docker.variables#lookup) reads them, with C(problems) if it does not refuse what is wrong. What the role
        has to do is returned as C(plan).
      - The module fails where they cannot be right, or where nothing is to be done and the bridge does not have its address.
    type: dict
  reveal:
    description:
      - Whether to return the text of the configuration file, and in C(plan) that of the new one, also where they hold
        something like a password. Use C(no_log) then.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Wait until the engine answers, half a minute at most
  netmode.docker.engine_info:
    wait: 30
  register: engine
  failed_when: not engine.answers

- name: Get what the role docker_engine would do on this host
  netmode.docker.engine_info:
    desired: "{{ lookup('netmode.docker.variables', 'docker_engine') }}"
"""

RETURN = r"""
time:
  description: The host's time, in seconds since 1970.
  returned: success
  type: float
  sample: 1764119386.25
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
docker_host:
  description: Where the engine was asked, O(docker_host).
  returned: success
  type: str
  sample: unix:///var/run/docker.sock
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
reloaded:
  description: Whether it has taken a changed configuration since O(reloaded_since).
  returned: success
  type: bool
  sample: false
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
      description: >-
        Its text, empty where there is none, null where it cannot be decoded, or holds something like a password or is not
        JSON and O(reveal) is not set.
      type: str
      sample: '{"bip": "172.17.0.1/16"}'
    secret: {description: "Whether it holds something like a password, or is not JSON.", type: bool, sample: false}
pending:
  description: >-
    What the engine has yet to do for a configuration that an interrupted run of the role has written, V(none), V(reload)
    or V(restart).
  returned: success
  type: str
  sample: none
bridge:
  description: The bridge of the default network, null where there is none or the engine does not answer.
  returned: success
  type: dict
  sample: {name: docker0, subnet: 172.17.0.0/16, gateway: 172.17.0.1, ipv4: [172.17.0.1/16]}
running:
  description: The running containers and their restart policies, if O(running) is set.
  returned: success
  type: list
  elements: dict
  sample: [{id: 5d8c0d1f2a3b, name: redis, restart: unless-stopped}]
packages:
  description: What apt knows of the engine's packages, null where O(desired) does not ask for it.
  returned: if O(desired) is given
  type: dict
  contains:
    codename: {description: That of the distribution., type: str, sample: bookworm}
    versions: {description: The installed ones., type: dict, sample: {docker-ce: "5:28.5.2-1~debian.12~bookworm"}}
    held: {description: Those that no upgrade of the host changes., type: list, elements: str, sample: [docker-ce]}
    files: {description: The files of Docker's repository and their texts., type: dict, sample: {/etc/apt/preferences.d/docker: ""}}
    other_sources:
      description: Other files of sources that name this repository, which are used as they are.
      type: list
      elements: str
      sample: []
    key_exists: {description: Whether the key is a file of the host., type: bool, sample: false}
plan:
  description: What the role has to do.
  returned: if O(desired) is given
  type: dict
  contains:
    settled: {description: Whether that is nothing., type: bool, sample: false}
    install: {description: Packages to install., type: list, elements: str, sample: []}
    packages:
      description: What is due of packages and of Docker's repository.
      type: dict
      contains:
        distribution: {description: Packages of the distribution., type: list, elements: str, sample: []}
        docker: {description: Packages of Docker's repository., type: list, elements: str, sample: [docker-ce]}
        write: {description: Files and their texts., type: list, elements: dict, sample: []}
        remove: {description: Files to remove., type: list, elements: str, sample: []}
        key: {description: "Where the repository's key is fetched from, empty where it is not.", type: str, sample: ""}
        hold: {description: Packages and their selection., type: list, elements: dict, sample: [{name: docker-ce, selection: hold}]}
        url: {description: The repository's address., type: str, sample: "https://download.docker.com/linux/debian"}
        steps: {description: "All of it, to be read.", type: list, elements: str, sample: [install docker-ce (28.5.2)]}
    changes: {description: "Keys of the configuration file that change, sorted.", type: list, elements: str, sample: [bip]}
    action:
      description: What the engine has to do, V(none), V(start), V(reload) or V(restart).
      type: str
      sample: restart
    init: {description: "What starts the engine, V(systemd), V(service) or V(none).", type: str, sample: systemd}
    arguments:
      description: What the engine is started with.
      type: list
      elements: str
      sample: ["-H", "fd://"]
    pid_file: {description: Where the engine keeps its process ID., type: str, sample: /var/run/docker.pid}
    sensitive:
      description: "Whether the configuration, old or new, holds something like a password, so that no diff may be shown."
      type: bool
      sample: false
    mode: {description: "The permissions of the configuration file, octal.", type: str, sample: "0644"}
    checksum:
      description: The SHA-256 of the new configuration file.
      type: str
      sample: 7f0ab0ac3b5b0bbd7f3cbe3be0a0ac3c17b8ea0cbb7ea3f2c9ef6ea0a7c0d3b1
    validate:
      description: The command that makes the engine validate the file V(%s), null where it cannot (Docker 20.10).
      type: str
      sample: /usr/sbin/dockerd -H fd:// --validate --config-file=%s
    text:
      description: The new configuration file, that of the existing one where nothing changes; null unless O(reveal) is set.
      type: str
      sample: null
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked, sealed
from ansible_collections.netmode.docker.plugins.module_utils._daemon.look import compared, refuse_wrong
from ansible_collections.netmode.docker.plugins.module_utils._daemon.observe import observe
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS, Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError


def main() -> None:
    module = AnsibleModule(
        argument_spec=checked(
            {
                **ENGINE_ARGUMENTS,
                "config_file": {"type": "path", "default": "/etc/docker/daemon.json"},
                "wait": {"type": "int", "default": 0},
                "reloaded_since": {"type": "float"},
                "running": {"type": "bool", "default": False},
                "desired": {"type": "dict", "no_log": True},
                "reveal": {"type": "bool", "default": False},
            }
        ),
        supports_check_mode=True,
    )
    given = module.params
    desired = sealed(module, "desired")
    try:
        refuse_wrong(desired or {})
        engine = Engine(given["docker_host"], given["timeout"])
        found = observe(
            engine, given["config_file"], given["wait"], given["reloaded_since"], with_running=given["running"]
        )
        if desired is not None:
            found = compared(found, desired)
    except NetmodeError as error:
        module.fail_json(msg=str(error))
    if not given["reveal"]:
        _conceal(found)
    module.exit_json(changed=False, **found)


def _conceal(found: dict[str, Any]) -> None:
    if found["config"]["secret"]:
        found["config"]["text"] = None
    if "plan" in found:
        found["plan"]["text"] = None


if __name__ == "__main__":
    main()
