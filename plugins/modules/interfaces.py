#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: interfaces
short_description: Gives containers in none mode interfaces of your own
description:
  - Takes the interfaces of a host's containers as one list, compares each with the kernel attribute by attribute, and
    makes, fixes or removes what differs.
  - Only running containers with C(network_mode=none) take interfaces; in any other mode they are Docker's, the donor's or the host's.
  - An interface lives as long as the container's network namespace. After a restart of the container, the engine or the host
    the service of the role netmode.docker.keeper makes it again, by what this module has recorded in
    C(/var/lib/netmode/interfaces.json); without that service, run the module again.
  - What this module makes is marked on the link itself by its alias. A link without the mark is never touched.
  - The whole list is checked before anything is changed. When a command fails half-way, what the run made is removed again.
version_added: 0.1.0
author:
  - The netmode.docker authors (@netmode)
extends_documentation_fragment:
  - netmode.docker.engine
requirements:
  - root
  - iproute2 and nsenter (util-linux) on the host
attributes:
  check_mode:
    description: Says what would be done, and does nothing.
    support: full
  diff_mode:
    description: Shows each interface that changes, before and after.
    support: full
  idempotent:
    description: A second run changes nothing.
    support: full
options:
  interfaces:
    description: The interfaces. Interfaces that are not in the list are left alone.
    type: list
    elements: dict
    required: true
    suboptions:
      container:
        description: Name or id of the container.
        type: str
        required: true
      name:
        description: The interface's name in the container, 1 to 15 letters, digits, C(_), C(.) and C(-).
        type: str
        required: true
      state:
        description:
          - V(present) makes the interface as described; V(absent) removes it, and returns a physical one to the host
            under its former name and in its former state.
        type: str
        choices: [present, absent]
        default: present
      kind:
        description:
          - V(veth) is a pair, one end in the container, the other a port of a bridge of the host.
          - V(macvlan) has a MAC address of its own on the network of O(interfaces[].parent), V(ipvlan) the parent's.
          - V(dummy) leads nowhere and has addresses.
          - V(physical) is the link O(interfaces[].parent) of the host itself, which moves into the container.
        type: str
        choices: [veth, macvlan, ipvlan, dummy, physical]
        default: veth
      bridge:
        description: For V(veth), a bridge of the host, Docker's or not, or the name of a Docker network that has one.
        type: str
      parent:
        description: For V(macvlan), V(ipvlan) and V(physical), a link of the host. One to be given away must have no addresses.
        type: str
      vlan:
        description:
          - A VLAN from 1 to 4094.
          - For V(veth) the VLAN of its port, on a bridge that filters by VLAN. Without it, the one that the bridge gives a new port.
          - For V(macvlan) and V(ipvlan) a VLAN link C(parent.vlan) is made on the host, and removed with the last of them.
        type: int
      addresses:
        description: Addresses with their prefix length, IPv4 and IPv6. One that is taken out of the list is removed.
        type: list
        elements: str
        default: []
      gateway:
        description: Where the default route leads. One for the other family goes into O(interfaces[].routes).
        type: str
      routes:
        description: Further routes. One that is taken out of the list is removed.
        type: list
        elements: dict
        default: []
        suboptions:
          to:
            description: The network in CIDR notation.
            type: str
            required: true
          via:
            description: The router. Without it the network is on the link itself.
            type: str
      mac:
        description:
          - The MAC address. Without it, one made from the first address, so that who knows that address finds the container also
            after it was recreated; without an address, from the container's id and the name.
        type: raw
      mtu:
        description: The MTU in bytes, 68 (1280 with IPv6) to 65535. Without it, the bridge's or parent's when it is made.
        type: int
  purge:
    description:
      - Containers, by name, whose interfaces are to be those of the list and no others of this module's. What else they have
        of it is removed, and no longer kept. A container that is gone, or in another mode than C(none), is only forgotten.
    type: list
    elements: str
    default: []
  pending:
    description:
      - For check mode, containers by name that are yet to be made, started or brought into C(none) mode by a task before
        this one. Their interfaces are predicted, and refused where they cannot be, as if that were done.
      - Without check mode it is of no effect.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: An isolated Redis reaches docker0
  netmode.docker.interfaces:
    interfaces:
      - container: redis
        name: eth0
        bridge: docker0
        addresses: [172.17.200.5/16]
        gateway: 172.17.0.1

- name: A second interface without a way out, and the first one gone
  netmode.docker.interfaces:
    interfaces:
      - container: redis
        name: back0
        bridge: docker0
        addresses: [172.17.200.6/16]
        mtu: 1400
      - container: redis
        name: eth0
        state: absent

- name: The only interface that this container is to have
  netmode.docker.interfaces:
    interfaces:
      - container: redis
        name: eth0
        bridge: docker0
        addresses: [172.17.200.5/16]
    purge: [redis]
"""

RETURN = r"""
interfaces:
  description: One entry per interface of the list, in the list's order, named C(container:name); then what was purged.
  returned: success
  type: dict
  contains:
    changed:
      description: Whether anything was, or in check mode would be, done.
      type: bool
      returned: success
      sample: true
    actions:
      description: What was done, in order. C(record) and C(forget) change what the keeper goes by.
      type: list
      elements: str
      returned: success
      sample: [set mtu, set addresses, record]
    reasons:
      description: Why, one entry per attribute that differed.
      type: list
      elements: str
      returned: success
      sample: ["mtu: 1500 -> 1400", "addresses: none -> 172.17.200.5/16", "/var/lib/netmode/interfaces.json did not say so, and the keeper goes by that"]
  sample:
    redis:eth0:
      changed: true
      actions: [create, record]
      reasons: [there is no such interface, "/var/lib/netmode/interfaces.json did not say so, and the keeper goes by that"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.reconcile import run
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.spec import ARGUMENTS


def main() -> None:
    module = AnsibleModule(
        argument_spec=checked(
            {
                **ARGUMENTS,
                **ENGINE_ARGUMENTS,
            }
        ),
        supports_check_mode=True,
    )
    try:
        result = run(module.params, check_mode=module.check_mode)
    except NetmodeError as error:
        module.fail_json(msg=str(error))
    for why in result.pop("warnings"):
        module.warn(why)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
