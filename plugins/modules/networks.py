#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: networks
short_description: Keeps the user-defined networks of a Docker host as described
description:
  - Takes all networks of a host as one list, compares them with the engine and makes, remakes or removes what differs.
  - Option names and meanings are Compose's. O(networks[].bridge_name), O(networks[].mtu), O(networks[].icc) and
    O(networks[].masquerade) are short names of this collection for keys of O(networks[].driver_opts).
  - An option that is not given means the engine's default, so an option that is taken out of the list is taken out of
    the network too. Only addresses are left to the engine - without a subnet, whatever it chose is right.
  - The engine cannot change a network. One that differs is recreated - its containers, running or stopped, are taken
    off, and are put back with their aliases, links, static addresses and MAC addresses. A running container is off
    that network for about a second, and its connections through it break. If the new network cannot be made, the old
    one is put back with its containers.
  - The whole list is checked against the engine and the host before anything is changed.
version_added: 0.1.0
author:
  - The netmode.docker authors (@netmode)
extends_documentation_fragment:
  - netmode.docker.engine
attributes:
  check_mode:
    description: Says what would be done, and does nothing.
    support: full
  diff_mode:
    description: Shows each network that changes, before and after.
    support: full
  idempotent:
    description: A second run changes nothing, except with O(networks[].recreate=always).
    support: full
options:
  networks:
    description: The networks. Networks of the host that are not in the list are left alone.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The network's name. V(bridge), V(host), V(none) and V(default) are the engine's own and refused.
        type: str
        required: true
      state:
        description:
          - V(present) makes the network as described; V(absent) removes it.
          - A network with containers on it, running or stopped, is not removed but refused, naming them.
        type: str
        choices: [present, absent]
        default: present
      only_made_here:
        description: With V(absent), a network that this module has not made, or that containers are on, stays and is named in RV(left).
        type: bool
        default: false
      recreate:
        description:
          - V(auto) recreates a network when it differs and every container on it can be put back.
          - V(always) does so in every run; V(never) refuses to, naming what differs.
        type: str
        choices: [auto, always, never]
        default: auto
      driver:
        description: The network driver. V(macvlan) and V(ipvlan) take their parent link from C(parent) in O(networks[].driver_opts).
        type: str
        choices: [bridge, macvlan, ipvlan]
        default: bridge
      driver_opts:
        description: Options of the driver, a mapping or a list of C(KEY=value).
        type: raw
      bridge_name:
        description:
          - Name of the Linux bridge, 1 to 15 characters, C(com.docker.network.bridge.name).
          - A bridge that is there already is taken, unless it has an IPv4 address that is not the gateway of the network.
          - Without it the engine names the bridge C(br-) and the first twelve digits of the network's id.
        type: str
      mtu:
        description: MTU of the bridge and of the containers' interfaces in bytes, C(com.docker.network.driver.mtu).
        type: int
      icc:
        description: Whether containers on the network may reach each other, C(com.docker.network.bridge.enable_icc).
        type: bool
      masquerade:
        description:
          - Whether containers leave the host under the host's address, C(com.docker.network.bridge.enable_ip_masquerade).
        type: bool
      ipam:
        description: Which addresses the network has.
        type: dict
        suboptions:
          driver:
            description: The IPAM driver.
            type: str
            default: default
          options:
            description: Options of the IPAM driver, a mapping or a list of C(KEY=value).
            type: raw
          config:
            description: The subnets. A bridge network has one per family at most.
            type: list
            elements: dict
            suboptions:
              subnet:
                description: The subnet in CIDR notation.
                type: str
                required: true
              gateway:
                description: The gateway, which for a bridge network is the bridge's own address.
                type: str
              ip_range:
                description: The part of the subnet from which containers without a static address get theirs.
                type: str
              aux_addresses:
                description: Addresses that no container may get, a mapping of names to addresses.
                type: raw
      allow_route_overlap:
        description:
          - Without it a subnet that overlaps a route of the host (other than a default route) is refused, since hosts
            behind that route could no longer be reached.
        type: bool
        default: false
      internal:
        description: Whether the network has no way out of the host.
        type: bool
        default: false
      attachable:
        description: Stored with the network. It means something for Swarm networks only.
        type: bool
        default: false
      enable_ipv4:
        description: Whether the network has IPv4. V(false) needs Docker 28.
        type: bool
        default: true
      enable_ipv6:
        description:
          - Whether the network has IPv6. Before Docker 27 it needs an IPv6 subnet in O(networks[].ipam).
        type: bool
        default: false
      labels:
        description: Labels, a mapping or a list of C(KEY=value).
        type: raw
  pending:
    description:
      - For check mode, containers by name that a task before this one would remove. They hold no network back then.
      - Without check mode it is of no effect.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: A network of its own for Redis
  netmode.docker.networks:
    networks:
      - name: redis_net
        bridge_name: br-redis
        mtu: 1450
        ipam:
          config:
            - subnet: 172.28.0.0/16
              gateway: 172.28.0.1
              ip_range: 172.28.5.0/24

- name: A back network without a way out, with IPv6, and an old network gone
  netmode.docker.networks:
    networks:
      - name: redis_back
        internal: true
        icc: true
        enable_ipv6: true
        ipam:
          config:
            - subnet: 172.29.0.0/24
            - subnet: fd00:29::/64
        labels:
          tier: back
      - name: redis_old
        state: absent
"""

RETURN = r"""
left:
  description: The networks that were to be absent and stay (O(networks[].only_made_here)).
  returned: success
  type: list
  elements: str
  sample: []
networks:
  description: One entry per network of the list, in the list's order.
  returned: success
  type: dict
  contains:
    id:
      description: The network's id; empty when there is none (removed, or to be made in check mode).
      type: str
      returned: success
      sample: 4f7958a66580d4c0a6c09a0e1b2e7b0f6b5b5f0de3a4a8f2d1c0b9a8f7e6d5c4
    changed:
      description: Whether anything was, or in check mode would be, done.
      type: bool
      returned: success
      sample: true
    actions:
      description: What was done, in order.
      type: list
      elements: str
      returned: success
      sample: [disconnect redis, remove, create, connect redis]
    reasons:
      description: Why, one entry per option that differed.
      type: list
      elements: str
      returned: success
      sample: ["driver_opts com.docker.network.driver.mtu: 1500 -> 1450"]
  sample:
    redis_net:
      id: 4f7958a66580d4c0a6c09a0e1b2e7b0f6b5b5f0de3a4a8f2d1c0b9a8f7e6d5c4
      changed: true
      actions: [disconnect redis, remove, create, connect redis]
      reasons: ["driver_opts com.docker.network.driver.mtu: 1500 -> 1450"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._networks.reconcile import run
from ansible_collections.netmode.docker.plugins.module_utils._networks.spec import ARGUMENTS


def main() -> None:
    module = AnsibleModule(
        argument_spec=checked({**ARGUMENTS, **ENGINE_ARGUMENTS}),
        supports_check_mode=True,
    )
    try:
        result = run(module.params, check_mode=module.check_mode)
    except NetmodeError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
