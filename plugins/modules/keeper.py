#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: keeper
short_description: Puts the service netmode-keeper on a host
description:
  - Writes the program that brings interfaces and sharers back without Ansible as one file, made of the very code that the
    modules netmode.docker.interfaces and netmode.docker.containers run; and the unit of systemd, or the init script, that
    makes a service of it.
  - Nothing is started or stopped here. The role P(netmode.docker.keeper#role) does that, by what this module says of the service.
version_added: 0.1.0
author:
  - The netmode.docker authors (@netmode)
attributes:
  check_mode:
    description: Says whether the files would change, and changes nothing.
    support: full
  diff_mode:
    description: Shows the service's file and the program's digest, before and after.
    support: full
  idempotent:
    description: A second run changes nothing.
    support: full
options:
  path:
    description:
      - Where the program is to be. Its directory must be there, and root alone may be able to write to it and to every directory
        above it, links included, for root runs what is there.
      - The same holds for the Python that it runs under, which is that of the module or else C(/usr/bin/python3).
    type: path
    default: /usr/local/sbin/netmode-keeper
  docker_host:
    description: >-
      The socket of the engine that it is to listen to, V(unix:///path). Where it is not given, E(DOCKER_HOST) of the module's
      environment counts.
    type: str
    default: unix:///var/run/docker.sock
  ignore:
    description: Names of containers that it is to leave alone.
    type: list
    elements: str
    default: []
  log_file:
    description: Where it is to write its log on a host without systemd. With systemd it is in the journal.
    type: path
    default: /var/log/netmode-keeper.log
  state:
    description: >-
      Whether program and service are to be there. V(absent) also removes what a keeper that ran has noted for itself; the
      service is to be stopped by then. What containers of the host still need stays (RV(needed_by)).
    type: str
    choices: [present, absent]
    default: present
  force:
    description: Remove it with O(state=absent) also where containers of the host still need it.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: The keeper's program and its service
  netmode.docker.keeper:
    ignore: [scratch]
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
needed_by:
  description: >-
    With O(state=absent) the containers that need the keeper: those with interfaces that netmode.docker.interfaces has made, and
    those that share another's network, whoever made them. Where there are any, nothing is removed unless O(force) is true.
  returned: success
  type: list
  elements: str
  sample: []
running:
  description: Whether the service runs.
  returned: success
  type: bool
  sample: true
outdated:
  description: Whether the service runs, and was started before its files became what they are.
  returned: success
  type: bool
  sample: false
enabled:
  description: Whether the host starts the service by itself.
  returned: success
  type: bool
  sample: true
"""

import hashlib
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._keeper import service, trust
from ansible_collections.netmode.docker.plugins.module_utils._keeper.needs import needed_by
from ansible_collections.netmode.docker.plugins.module_utils._keeper.program import program as made
from ansible_collections.netmode.docker.plugins.module_utils._keeper.service import ARGUMENTS


def _digest(content: bytes | None) -> str | None:
    return hashlib.sha256(content).hexdigest() if content else None


def main() -> None:
    module = AnsibleModule(
        argument_spec=checked(
            {
                **ARGUMENTS,
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                "force": {"type": "bool", "default": False},
            }
        ),
        supports_check_mode=True,
    )
    given = module.params
    init = service.init_system()
    try:
        options = service.options(given["docker_host"], given["ignore"])
        needed = [] if given["state"] == "present" else needed_by(given["docker_host"], given["ignore"])
        kept = bool(needed) and not given["force"]
        content = made(trust.interpreter()) if given["state"] == "present" else b""
        program, unit = service.files(init, given["state"], Path(given["path"]), options, given["log_file"], content)
        now = service.observe(init, [program, unit])
        changes = [] if kept else service.plan(given["state"], [program, unit])
        if not module.check_mode:
            service.apply(changes)
            if init == "systemd" and (now.unread or unit.path in [change.path for change in changes]):
                service.have_units_read()
    except NetmodeError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(
            msg=f"{error.filename}: {error.strerror}. Program and service are written by root (become: true), into "
            "directories that are there."
        )
    except subprocess.CalledProcessError as error:
        module.fail_json(msg=f"systemctl daemon-reload: {error.stderr.decode(errors='replace').strip()}")
    module.exit_json(
        changed=bool(changes), init=init, path=str(program.path),
        digest=_digest(program.after) if given["state"] == "present" else None,
        needed_by=needed, running=now.running, outdated=now.outdated or (now.running and bool(changes)), enabled=now.enabled,
        diff=[_shown(change, as_digest=change.path == program.path) for change in changes],
    )  # fmt: skip


def _shown(change: service.File, *, as_digest: bool) -> dict[str, str]:
    texts = []
    for content in (change.before, change.after):
        text = f"{_digest(content) or 'absent'}\n" if as_digest else (content or b"").decode(errors="replace")
        texts.append(text)
    name = str(change.path)
    return {"before_header": name, "after_header": name, "before": texts[0], "after": texts[1]}


if __name__ == "__main__":
    main()
