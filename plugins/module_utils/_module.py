# SPDX-License-Identifier: GPL-3.0-or-later
"""AnsibleModule with options that are held against their argument spec before Ansible converts them.

Ansible makes the text True of a bare ``yes``, and 1.1 of ``1.10``: what such a value was meant to be is refused here,
while it can still be seen.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ansible.module_utils import basic
from ansible_collections.netmode.docker.plugins.module_utils._typed import read_all


def make_module(argument_spec: dict[str, Any], **more: Any) -> basic.AnsibleModule:
    """The module; where a value is refused, it ends with all of them in one message."""
    problems: list[str] = []
    given: dict[str, Any] = {}
    try:
        given = basic._load_params()
    except Exception as error:  # noqa: BLE001 (Ansible has no type of its own for what it cannot decode)
        problems.append(f"the options cannot be read: {error.__cause__ or error} Are they nested too deeply?")
    if not problems:
        read_all(argument_spec, given, problems)
    if problems:
        sys.stdout.write(json.dumps({"failed": True, "msg": "\n".join(problems)}) + "\n")
        sys.exit(1)
    return basic.AnsibleModule(argument_spec=argument_spec, **more)
