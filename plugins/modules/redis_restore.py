#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_restore
short_description: Restore a dump into a Redis instance, and prove it
version_added: 0.1.0
author:
  - The netmode.docker authors (@netmode)
description:
  - Restores a backup of M(netmode.docker.redis_backup), or any other dump of Redis or Valkey, into an instance that the role
    P(netmode.docker.redis#role) has deployed.
  - Before the container is stopped, the check tool and the server of the instance's own image have read the dump in throwaway containers
    without a network. Where the instance has C(appendonly yes), with which a server ignores a dump, that server has written the append-only
    file, and a second one has read it. Both have to have the same checksum over all keys and values.
  - Then the container is stopped and started, with all that depends on it, and its server says that it has loaded all keys. Where it does
    not, what was there is put back.
  - Refuses a dump that the server cannot read, and data that the dump does not have, before anything is stopped.
  - Changes nothing where the instance has just this data already.
extends_documentation_fragment:
  - netmode.docker.engine
  - netmode.docker.engine.plan
attributes:
  check_mode:
    description:
      - Says what would be restored. It starts no container, so what only a trial tells is not known, namely whether the server loads the dump,
        and whether data with as many keys is the same.
    support: full
  diff_mode:
    description: Has no differences to show.
    support: none
options:
  instance:
    description: The name of the instance. It may be left out on a host that has one alone.
    type: str
    default: ''
  backup:
    description:
      - V(latest), the name of a backup of the instance, or the path of a dump on the host.
      - What was kept before a restore is not the latest, and is restored by its name.
    type: str
    default: ''
  overwrite:
    description: Whether data that the dump does not have may be replaced. It is kept as a backup before.
    type: bool
    default: false
  backup_dir:
    description: The directory of the host for backups, as of M(netmode.docker.redis_backup).
    type: path
    default: /var/backups/netmode
  wait:
    description: How many seconds each server may take to load the dump, or to write one, 1 to 86400.
    type: int
    default: 3600
  encrypt_for:
    description:
      - A certificate with an RSA key, in PEM, that backups are encrypted for.
      - It is for what is kept before data is replaced. Empty, that is encrypted as the backup that is restored.
    type: str
    default: ''
  key:
    description:
      - The private key of the certificate that the backup is encrypted for, as PEM or as the path of a file on the controller.
      - It stays on the controller, where it opens the password of that one backup, which the host is given. Without passphrase.
    type: str
    default: ''
  start_timeout:
    description: How many seconds the instance has to load its data and answer. After that what was there is put back.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Restore the latest backup of the only instance
  netmode.docker.redis_restore:
    plan: "{{ (lookup('netmode.docker.variables', 'redis') | netmode.docker.redis_plan(inventory_hostname)).parts }}"
    backup: latest
    overwrite: true
"""

RETURN = r"""
restored:
  description:
    - What was restored, or in check mode would be.
    - C(action) is V(restore), V(nothing) or, in check mode alone, V(compare). C(digest) is the checksum over all keys and values.
    - C(kept) is the backup of what was there before; C(left) is where its files lie, if no backup has all of it.
  returned: success
  type: dict
  sample:
    instance: cache
    file: /var/backups/netmode/cache/cache-20261126T152114.123Z.rdb
    action: restore
    why: it has no data
    keys: {"0": 1000}
    digest: c587369a1e08b149c302853c670c7568c7fd151d
    kept:
    left:
lines:
  description: The same in words.
  returned: success
  type: list
  elements: str
  sample: ['cache: restored 1000 keys from /var/backups/netmode/cache/cache-20261126T152114.123Z.rdb']
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked
from ansible_collections.netmode.docker.plugins.module_utils._redis import of_plan
from ansible_collections.netmode.docker.plugins.module_utils._redis_backup.restore import reconcile
from ansible_collections.netmode.docker.plugins.module_utils._redis_backup.spec import RESTORE_ARGUMENTS


def main() -> None:
    module = AnsibleModule(argument_spec=checked({**of_plan.ARGUMENTS, **RESTORE_ARGUMENTS}), supports_check_mode=True)
    of_plan.run(module, reconcile)


if __name__ == "__main__":
    main()
