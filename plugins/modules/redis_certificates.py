#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_certificates
short_description: A CA for a fleet of Redis, and the certificates that it signs
version_added: 0.1.0
description:
  - Makes a CA in a directory of the controller, and a certificate with its key for each Redis, where there is none yet or it is due.
  - It runs on the controller alone. M(netmode.docker.redis_config) takes the files to the hosts.
  - The role redis calls it where the variable C(redis_tls) is V(own).
author:
  - The netmode.docker authors (@netmode)
attributes:
  check_mode:
    support: full
    description: Can run in check mode and return what it would make, without making it.
  diff_mode:
    support: none
    description: There is nothing to show a difference of.
  action:
    support: full
    description: It is an action plugin, so that keys do not leave the controller.
options:
  ca_dir:
    description:
      - The directory, which nobody else may get into. It is made where it is not there.
      - C(ca-N.crt) is trusted by every Redis. The oldest that has its C(ca-N.key) and outlives what it signs is the one that signs.
        In C(nodes) are the certificates, each with its key.
    type: path
    required: true
  renew_before:
    description: A certificate is made again once it has fewer than so many days left. They are valid for 365.
    type: int
    default: 30
  new_ca:
    description:
      - Make one more CA. It is trusted from the next run of the role on, and signs once the key of the one before is removed.
      - Without it one is made where there is none, and two years before the last one ends.
    type: bool
    default: false
  nodes:
    description: For which Redis. Without any only the CA is looked at.
    type: list
    elements: dict
    default: []
    suboptions:
      instance:
        description: Its name.
        type: str
        required: true
      host:
        description: That of its host in the inventory.
        type: str
        required: true
      names:
        description: The names and addresses that the certificate is for.
        type: list
        elements: str
        required: true
"""

EXAMPLES = r"""
- name: Make one more CA, which every Redis trusts before it signs
  netmode.docker.redis_certificates:
    ca_dir: ~/.netmode/redis-tls
    new_ca: true

- name: Make the certificate of a Redis
  netmode.docker.redis_certificates:
    ca_dir: ~/.netmode/redis-tls
    nodes:
      - instance: cache
        host: web1
        names: [cache, web1, 192.0.2.10, localhost, 127.0.0.1]
"""

RETURN = r"""
made:
  description: What was, or in check mode would be, made, and why.
  returned: always
  type: list
  elements: str
  sample: ['cache of web1: it ends on 2027-11-26, so one was made, valid until 2028-10-27']
"""
