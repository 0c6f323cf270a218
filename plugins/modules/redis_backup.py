#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_backup
short_description: Back up Redis instances through their running servers
version_added: 0.1.0
author:
  - The netmode.docker authors (@netmode)
description:
  - Has each server write a dump (C(BGSAVE)), waits until that is there, copies it to a directory of the host that root alone may look into,
    and checks the copy with the check tool of the instance's own image, in a throwaway container without a network.
  - Beside each dump it writes a manifest. It has the server and its version, the format of the dump, its modules, the keys of each
    database, the size, the SHA-256 checksum and the image.
  - A backup is whole or not there. Each run makes a new one, and removes the oldest of those that this module made.
extends_documentation_fragment:
  - netmode.docker.engine
  - netmode.docker.engine.plan
attributes:
  check_mode:
    description: Says of what a backup would be made and which would be removed. It does nothing.
    support: full
  diff_mode:
    description: Has no differences to show.
    support: none
options:
  instances:
    description: The names of those to back up. Empty, it is all that are to run.
    type: list
    elements: str
    default: []
  backup_dir:
    description:
      - The directory of the host for backups. Each instance has one of its own in it.
      - It has to belong to root, and others must not write to it.
    type: path
    default: /var/backups/netmode
  keep:
    description: How many backups of an instance are kept, this one included. Only those that were made by this module are removed.
    type: int
    default: 7
  wait:
    description: How many seconds a server may take to write its dump, and the check tool to read it, 1 to 86400.
    type: int
    default: 3600
  encrypt_for:
    description:
      - A certificate with an RSA key, in PEM, that backups are encrypted for, by C(openssl) of the host, 1.1.1 or newer. Empty, they are not encrypted.
      - The host needs no private key. With the one of the certificate M(netmode.docker.redis_restore) restores them.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Back up every instance of the host
  netmode.docker.redis_backup:
    plan: "{{ (lookup('netmode.docker.variables', 'redis') | netmode.docker.redis_plan(inventory_hostname)).parts }}"
"""

RETURN = r"""
backups:
  description: The new backup of each instance. In check mode C(file) is null, and C(keys) are what the server has at the moment.
  returned: success
  type: dict
  sample:
    cache:
      file: /var/backups/netmode/cache/cache-20261126T152114.123Z.rdb
      manifest: /var/backups/netmode/cache/cache-20261126T152114.123Z.json
      format: REDIS0010
      keys: {"0": 1000}
      server: Redis 7.0.15
      sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
      size: 11909
      time: '2026-11-26T15:21:14.123+00:00'
      encrypted_for:
removed:
  description: The older backups of each instance that were, or in check mode would be, removed.
  returned: success
  type: dict
  sample: {cache: []}
lines:
  description: The same as a line for each instance.
  returned: success
  type: list
  elements: str
  sample: ['cache: 1000 keys of Redis 7.0.15, 11.9 kB, in /var/backups/netmode/cache/cache-20261126T152114.123Z.rdb']
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked
from ansible_collections.netmode.docker.plugins.module_utils._redis import of_plan
from ansible_collections.netmode.docker.plugins.module_utils._redis_backup.backup import reconcile
from ansible_collections.netmode.docker.plugins.module_utils._redis_backup.spec import BACKUP_ARGUMENTS


def main() -> None:
    module = AnsibleModule(argument_spec=checked({**of_plan.ARGUMENTS, **BACKUP_ARGUMENTS}), supports_check_mode=True)
    of_plan.run(module, reconcile)


if __name__ == "__main__":
    main()
