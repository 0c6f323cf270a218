#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: keeper
short_description: Puts the program netmode-keeper on a host
description:
  - Writes the program that brings interfaces and sharers back without Ansible as one file, made of the very code that the
    modules netmode.docker.interfaces and netmode.docker.containers run.
  - The role netmode.docker.keeper uses it, and makes a service of the program. Nothing is started here.
version_added: 0.1.0
author:
  - The netmode.docker authors (@netmode)
attributes:
  check_mode:
    description: Says whether the file would change, and changes nothing.
    support: full
  diff_mode:
    description: Shows the file's digest, before and after.
    support: full
  idempotent:
    description: A second run changes nothing.
    support: full
options:
  path:
    description: Where the program is to be. Its directory must be there.
    type: path
    default: /usr/local/sbin/netmode-keeper
  state:
    description: Whether the program is to be there. V(absent) also removes what a keeper that ran has noted for itself.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: The keeper's program
  netmode.docker.keeper:
"""

RETURN = r"""
init:
  description: What starts services on the host.
  returned: success
  type: str
  choices: [systemd, sysv]
  sample: systemd
path:
  description: Where the program is, or was.
  returned: success
  type: str
  sample: /usr/local/sbin/netmode-keeper
digest:
  description: The SHA-256 digest of the program, null where it is absent.
  returned: success
  type: str
  sample: 8a1c2f53ab1f0c5a6f2f6c2dd9c1f7f0c7bd2a47a6f7b1d6f64ccfd0f3f5c0de
"""

import hashlib
import sys
from contextlib import suppress
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._keeper_notes import NOTES
from ansible_collections.netmode.docker.plugins.module_utils._keeper_program import program

_MODE = 0o755


def _write(path: Path, content: bytes | None) -> None:
    """The whole file at once, or with None no file."""
    if content is None:
        path.unlink()
        return
    young = path.with_name(path.name + ".new")
    young.write_bytes(content)
    young.chmod(_MODE)
    young.replace(path)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "default": "/usr/local/sbin/netmode-keeper"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    path = Path(module.params["path"])
    wanted = program(sys.executable) if module.params["state"] == "present" else None
    try:
        there = path.read_bytes() if path.exists() else None
        right = there == wanted and (wanted is None or path.stat().st_mode & 0o777 == _MODE)
        notes = [note for note in NOTES if note.exists()] if wanted is None else []
        if not module.check_mode:
            if not right:
                _write(path, wanted)
            for note in notes:
                _write(note, None)
                with suppress(OSError):  # not empty
                    note.parent.rmdir()
    except OSError as error:
        module.fail_json(
            msg=f"path: {error.filename}: {error.strerror}. The program is written by root (become: true), into a "
            "directory that is there."
        )
    before, after = (hashlib.sha256(one).hexdigest() if one else None for one in (there, wanted))
    init = "systemd" if Path("/run/systemd/system").is_dir() else "sysv"
    module.exit_json(
        changed=not right or bool(notes), init=init, path=str(path), digest=after,
        diff={"before": f"{before or 'absent'}\n", "after": f"{after or 'absent'}\n"},
    )  # fmt: skip


if __name__ == "__main__":
    main()
