#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: network_facts
short_description: Show how the containers of a host are networked
version_added: 0.1.0
author:
  - The netmode.docker authors (@netmode)
description:
  - Tells which veth of which bridge belongs to which container, who shares whose network namespace, which container uses
    the host's network and which has none.
  - Reads only. It asks the engine for its lists and the kernel for the rest, starts no process and runs nothing in
    a container.
  - A host without Docker Engine is no failure and told as such, by an engine of null.
  - The loopback interface is never listed, so that a container without any network has an empty list of interfaces.
requirements:
  - Docker Engine 20.10 or newer, or none, on the host. The Docker SDK for Python is not needed.
notes:
  - Looking into containers' network namespaces needs root (C(become)). Without it, for a member of the group docker,
    the module returns what the engine knows and warns; veths are then not told apart.
  - The engine must run in the host's own network namespace. A rootless engine does not and is refused.
extends_documentation_fragment:
  - netmode.docker.engine
  - netmode.docker.engine.read_only
attributes:
  facts:
    description: Returns facts in C(ansible_facts).
    support: full
"""

EXAMPLES = r"""
- name: Read the network of every container
  netmode.docker.network_facts:
  become: true

- name: Show what is plugged into docker0
  ansible.builtin.debug:
    msg: "{{ ansible_facts['docker_network'].bridges.docker0.ports }}"

- name: Fail if a container runs in a namespace that its donor has left
  ansible.builtin.assert:
    that: ansible_facts['docker_network'].containers.values() | selectattr('stale') | length == 0
"""

RETURN = r"""
ansible_facts:
  description: What was found, under one key.
  returned: always
  type: dict
  contains:
    docker_network:
      description: The network of the host's containers.
      returned: always
      type: dict
      contains:
        engine:
          description:
            - The engine's version and the newest API version it speaks.
            - Null on a host without Docker Engine, where nothing listens and no C(dockerd) is installed or runs. Such a host has
              no containers; its bridges, veths and routes are told all the same. An engine that is installed and does not
              answer is a failure.
          type: dict
          sample: {version: 28.5.2, api_version: "1.51"}
        bridges:
          description:
            - Every Linux bridge of the host by name, whoever made it.
            - RV(ignore:network) is the Docker network that it carries, RV(ignore:ports) what C(brctl show) lists,
              RV(ignore:configured) what the engine says of that network, null where it says nothing.
            - Of RV(ignore:configured), C(default_gateway) is that of C(daemon.json), C(host_ip) the address at which ports are
              published that name none, and C(unaddressed) whether its options ask for a bridge without an address.
          type: dict
          sample:
            docker0:
              name: docker0
              ifindex: 3
              mac: "02:42:78:db:80:37"
              mtu: 1500
              operstate: UP
              bridge_id: "8000.024278db8037"
              stp: false
              ipv4: [172.17.0.1/16]
              ipv6: []
              network: bridge
              ports: [veth062947b]
              configured:
                subnet: 172.17.0.0/16
                ip_range: null
                gateway: null
                default_gateway: null
                host_ip: 0.0.0.0
                unaddressed: false
                mtu: 1500
                icc: true
                masquerade: true
        veths:
          description:
            - Every veth of the host by name. RV(ignore:container) and RV(ignore:interface) are null where the other end is
              not in a container.
            - RV(ignore:netnsid) is the kernel's number for the namespace of the other end, null if that is the host's own.
          type: dict
          sample:
            veth062947b:
              name: veth062947b
              ifindex: 7
              mac: "9a:1c:35:0e:2b:11"
              mtu: 1500
              operstate: UP
              bridge: docker0
              netnsid: 0
              container: redis
              interface: eth0
        containers:
          description:
            - Every container by name, running or not.
            - RV(ignore:mode) is V(bridge), V(container), V(host), V(none) or V(other); RV(ignore:network_mode) is the engine's
              own word.
            - RV(ignore:netns) is the inode of the network namespace, as C(readlink /proc/PID/ns/net) shows it, null for a
              container that does not run.
            - RV(ignore:joins) is the container that a sharer names in its network mode, which may itself be a sharer, null if it
              is gone; RV(ignore:joined_by) is the other direction.
            - RV(ignore:stale) is true for a sharer whose donor is gone, stopped, or was given a new namespace since. A chain of
              sharers is stale as a whole.
            - A sharer that is not stale lists no interfaces and no gateway, for they are its donor's. What is in a namespace
              that its donor has left is listed with one of the sharers left there.
            - RV(ignore:assigned) is null where an interface has what the engine gave it, else C(mac), C(ipv4) and C(ipv6) as the
              engine gave them.
            - RV(ignore:managed_by) is V(docker) for the engine's interfaces, V(netmode) for those of this collection, else null.
          type: dict
          sample:
            redis:
              name: redis
              id: 5f0c0a2f5b6f4c0e8d6c4dbd9a52a2d2d6f5d3c26b5fd2a4be3e3e9ad1f4f0c1
              image: redis:8
              status: running
              mode: bridge
              network_mode: bridge
              networks: [bridge]
              netns: 4026532621
              joins: null
              joined_by: [sidecar]
              stale: false
              gateway: 172.17.0.1
              interfaces:
                - name: eth0
                  kind: veth
                  ifindex: 6
                  mac: "02:42:ac:11:00:02"
                  mtu: 1500
                  operstate: UP
                  ipv4: [172.17.0.2/16]
                  ipv6: []
                  veth: veth062947b
                  bridge: docker0
                  network: bridge
                  managed_by: docker
                  assigned: null
              published:
                - {container_port: 6379, protocol: tcp, host_ip: 0.0.0.0, host_port: 6379}
        unclaimed:
          description: The veths that belong to no container of this engine, sorted.
          type: list
          elements: str
          sample: []
        routes:
          description:
            - The host's own IPv4 routes of the main table, sorted. RV(ignore:gateway) is null where RV(ignore:destination)
              is reached directly.
          type: list
          elements: dict
          sample:
            - {destination: 0.0.0.0/0, gateway: 10.0.0.1, interface: eth0}
            - {destination: 172.17.0.0/16, gateway: null, interface: docker0}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS, Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._facts.gather import gather


def main() -> None:
    module = AnsibleModule(argument_spec=checked(ENGINE_ARGUMENTS), supports_check_mode=True)
    try:
        facts, limited = gather(Engine(module.params["docker_host"], module.params["timeout"]))
    except NetmodeError as error:
        module.fail_json(msg=str(error))
    if limited:
        module.warn(
            "network_facts may not look into network namespaces: interfaces hold only what the engine knows, and veths are "
            "assigned to no container. Run with become: true for the whole picture."
        )
    module.exit_json(changed=False, ansible_facts={"docker_network": facts})


if __name__ == "__main__":
    main()
