#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the containers of a host to what a list says, donors and sharers planned together."""

from __future__ import annotations

DOCUMENTATION = r"""
module: containers
short_description: Bring the containers of a host to what a list says
version_added: 0.1.0
author:
  - The netmode.docker authors (@netmode)
description:
  - Takes the containers of a host as one list and plans them together, so that a donor and the containers that share its
    network namespace are made in the right order, and a donor that is recreated or restarted takes its sharers along.
  - Options are named, and mean, what they do in the Compose specification.
  - Every option is compared with the running container. One that is taken out of the list goes back to the image's or the
    engine's default. What can be fixed on the running container is; otherwise it is recreated.
  - A container of C(docker run --rm) is deleted by the engine when it stops, so what would stop it without asking for
    O(containers[].state=absent) is refused.
  - A container is recreated beside the old one, so that the gap is one stop and one start. When the new one cannot be
    started the old one is back under its name. Volumes, named or anonymous, are never removed.
  - Everything is checked before anything is changed.
extends_documentation_fragment:
  - netmode.docker.engine
attributes:
  check_mode:
    description: Says what would be done and changes nothing.
    support: full
  diff_mode:
    description: >-
      Shows each option that differs. Values that may hold a secret (command, entrypoint, environment, healthcheck, labels,
      configs) are never shown.
    support: full
  idempotent:
    description: A second run changes nothing.
    support: full
options:
  containers:
    description: The containers, in any order. Containers that the list does not name are left alone.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: >-
          Name of the container. One that was renamed manually gets its name back.
        type: str
        required: true
      image:
        description: >-
          Image by name, tag, digest or id. Needed unless O(containers[].state=absent).
        type: str
      state:
        description: >-
          What the container should be. V(absent) keeps its volumes.
        type: str
        default: started
        choices: [started, stopped, absent]
      network_mode:
        description: >-
          V(bridge) (the default bridge), V(host), V(none), V(container:NAME) to share the network namespace
          of the container NAME, or the name of a user-defined network. If not set, the first of
          O(containers[].networks), else V(bridge).
        type: str
      recreate:
        description: >-
          V(auto) recreates a container when an option differs that cannot be changed on a running one,
          V(never) refuses then, V(always) recreates it on every run.
        type: str
        default: auto
        choices: [auto, always, never]
      pull_policy:
        description:
          - When to pull the image. V(always) asks the registry each time, in check mode whether it has another image.
          - This module passes no credentials. An image of a registry that asks for some is pulled by the module
            M(netmode.docker.images), which takes C(username) and C(password), and is then on the host.
        type: str
        default: missing
        choices: [missing, always, never]
      networks:
        description: >-
          Networks, a list of names or a mapping of names to C(aliases), C(ipv4_address), C(ipv6_address) and
          C(mac_address). With O(containers[].network_mode=bridge) or a network's name, these come in
          addition.
        type: raw
      mac_address:
        description: >-
          MAC address on the first network.
        type: raw
      ports:
        description: >-
          Published ports, C([ip:][host:]container[/protocol]) with ranges, or mappings of C(target),
          C(published), C(host_ip), C(protocol).
        type: list
        elements: raw
      expose:
        description: >-
          Ports that the process listens on, C([ip:]port[/protocol]) with ranges. In V(host) and V(container) mode they are
          checked to be free before anything is changed, at that address or, without one, at those that C(--bind) of the
          command names, else at all of them. The engine is told the port alone.
        type: list
        elements: raw
      command:
        description: >-
          Command, a list, or a string that is split as a shell splits it. An empty one stands for the image's where there
          is not an entry point.
        type: raw
      entrypoint:
        description: >-
          Entry point, a list or a string. Without O(containers[].command) the image's command is not used; an empty one
          takes the image's entry point away and leaves its command.
        type: raw
      environment:
        description: >-
          Environment, a mapping or a list of C(KEY=value). Null, or no value, takes away a variable of the image.
          Visible to all who may inspect the container: no place for a secret.
        type: raw
      labels:
        description: >-
          Labels, a mapping or a list of C(key=value).
        type: raw
      user:
        description: >-
          User and group by name or number, C(user[:group]).
        type: raw
      working_dir:
        description: >-
          Working directory.
        type: str
      hostname:
        description: >-
          Host name.
        type: str
      volumes:
        description: >-
          Volumes and binds, C([source:]target[:options]) or mappings of C(type), C(source), C(target),
          C(read_only). A source that begins with a slash is a path on the host.
        type: list
        elements: raw
      tmpfs:
        description: >-
          Paths of memory file systems, C(path[:options]).
        type: raw
      configs:
        description:
          - Files written into the container before it starts. What they hold is compared with the file in the container.
          - The engine cannot write into a container with O(containers[].read_only=true).
        type: list
        elements: dict
        suboptions:
          target:
            description: Absolute path in the container.
            type: str
            required: true
          content:
            description: What the file holds. Never shown, in no diff and no log.
            type: str
            required: true
          mode:
            description: Permissions, as octal digits that are quoted.
            type: raw
            default: '0444'
          uid:
            description: Owner by number.
            type: int
            default: 0
          gid:
            description: Group by number.
            type: int
            default: 0
      restart:
        description: >-
          V(no), V(always), V(unless-stopped), V(on-failure) or V(on-failure:N).
        type: raw
      sysctls:
        description: >-
          Kernel parameters of the container's namespaces, a mapping or a list of C(key=value).
        type: raw
      ulimits:
        description: >-
          Limits, each one number or a mapping of C(soft) and C(hard).
        type: dict
      cap_add:
        description: >-
          Capabilities to add.
        type: list
        elements: str
      cap_drop:
        description: >-
          Capabilities to drop.
        type: list
        elements: str
      privileged:
        description: >-
          Give the container all capabilities and devices.
        type: bool
      read_only:
        description: >-
          Mount the container's root read-only.
        type: bool
      security_opt:
        description: >-
          Security options. C(systempaths=unconfined) shows the container all of /proc and /sys.
        type: list
        elements: str
      device_cgroup_rules:
        description: >-
          Devices that the container may use, C(TYPE MAJOR:MINOR ACCESS) as in C(c 10:200 rwm).
        type: list
        elements: str
      init:
        description: >-
          Run an init process as PID 1.
        type: bool
      mem_limit:
        description: >-
          Memory limit, bytes or C(64m), C(1.5g).
        type: raw
      cpus:
        description: >-
          Number of CPUs, C(0.5); 0 is no limit.
        type: raw
      cpu_shares:
        description: >-
          Relative CPU weight.
        type: int
      cpuset:
        description: >-
          CPUs that the container may run on, C(0-1).
        type: str
      pids_limit:
        description: >-
          Largest number of processes.
        type: int
      shm_size:
        description: >-
          Size of /dev/shm, bytes or C(64m).
        type: raw
      group_add:
        description: >-
          Additional groups of the user.
        type: list
        elements: str
      stop_grace_period:
        description: >-
          How long the container may take to end, C(1m30s) or seconds. The engine's default is 10 s, after which the
          container is killed. Where a period is set and the container has a writable volume or bind, it is not killed,
          for it may still be saving. If it does not end in time, or ends with an error, the module fails, and the old
          container is left running or started again. V(0) kills at once.
        type: raw
      stop_signal:
        description: >-
          Signal that asks the container to end.
        type: str
      healthcheck:
        description: >-
          C(test), C(interval), C(timeout), C(retries), C(start_period), C(disable).
        type: dict
      dns:
        description: >-
          Name servers.
        type: raw
      dns_search:
        description: >-
          Search domains.
        type: raw
      dns_opt:
        description: >-
          Resolver options.
        type: raw
      extra_hosts:
        description: >-
          More lines of /etc/hosts, a mapping of names to addresses or a list of C(name=address).
        type: raw
  pending:
    description:
      - For check mode, networks, containers (donors) and images by name that are yet to be made or started by a task before this
        one. What needs them is predicted as if that were done, and not refused for want of them.
      - Without check mode it is of no effect.
    type: list
    elements: str
    default: []
  restarted:
    description: >-
      Containers of the list that are to be restarted at this run, by name, and why. Those that join their namespaces follow. What
      is recreated or started is not restarted as well.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Redis on the default bridge, published on the loopback address
  netmode.docker.containers:
    containers:
      - name: redis-bridge
        image: redis:8
        network_mode: bridge
        ports: ["127.0.0.1:6379:6379"]
        volumes: ["redis-bridge:/data"]
        restart: unless-stopped

- name: A donor and the Redis that shares its network namespace, in one call
  netmode.docker.containers:
    containers:
      - name: redis-sharer
        image: redis:8
        network_mode: container:web
        expose: [6379]
      - name: web
        image: httpd:2.4

- name: Redis in the host's namespace, and one with no network at all
  netmode.docker.containers:
    containers:
      - name: redis-host
        image: redis:8
        network_mode: host
        command: [redis-server, --port, "6515"]
        expose: [6515]
      - name: redis-none
        image: redis:8
        network_mode: none

- name: Remove a container and keep its data
  netmode.docker.containers:
    containers:
      - name: redis-bridge
        state: absent
"""

RETURN = r"""
containers:
  description: What was done, or in check mode would be, for each container that the list names, by name in the list's order.
  returned: success
  type: dict
  contains:
    id:
      description: The container's id, null where it is absent or would be made.
      type: str
    changed:
      description: Whether anything was done to it.
      type: bool
    actions:
      description: >-
        The steps, among C(create), C(recreate), C(clone), C(start), C(restart), C(unpause), C(stop), C(remove), C(rename), C(update),
        C(connect), C(disconnect) and C(pull).
      type: list
      elements: str
    reasons:
      description: Why, one reason for each of the actions.
      type: list
      elements: str
    network_mode:
      description: The engine's own network mode of the container, null where it is absent.
      type: str
  sample:
    redis-sharer:
      id: 5d8c1e0b2f9a4b7d8e6c3a1f0b9d8c7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c
      changed: true
      actions: [restart]
      reasons: ["its donor web was restarted after it, so it is in a dead namespace"]
      network_mode: container:1f0b9d8c7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c5d8c1e0b2f9a4b7d8e6c3a
others:
  description: >-
    Actions on containers outside the list, by name. Only those that follow a container that they depend on (they join its
    network, process or IPC namespace, or are linked to it), by C(restart), or by C(clone) (recreated as it is), and what an
    interrupted run left of that (C(remove)).
  returned: success
  type: dict
  sample: {redis-sidecar: [clone], redis-exporter: [restart]}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked
from ansible_collections.netmode.docker.plugins.module_utils._containers import reconcile
from ansible_collections.netmode.docker.plugins.module_utils._containers.spec import ARGUMENTS
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS, Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError


def main() -> None:
    module = AnsibleModule(argument_spec=checked({**ENGINE_ARGUMENTS, **ARGUMENTS}), supports_check_mode=True)
    try:
        engine = Engine(module.params["docker_host"], module.params["timeout"])
        given, pending = module.params["containers"], module.params["pending"]
        restarted = {str(name): str(why or "so it was asked") for name, why in module.params["restarted"].items()}
        outcome = reconcile.bring(engine, given, check=module.check_mode, pending=pending, restarted=restarted)
    except NetmodeError as error:
        module.fail_json(msg=str(error))
    for warning in outcome.warnings:
        module.warn(warning)
    result = {"changed": outcome.changed, "containers": outcome.containers, "others": outcome.others}
    module.exit_json(**result, **({"diff": outcome.diff} if module._diff else {}))


if __name__ == "__main__":
    main()
