# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of a module, compared with their argument spec before Ansible converts them.

Ansible makes the text True of a bare ``yes``, and 1.1 of ``1.10``: what such a value was meant to be is refused here,
while it can still be seen.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from ansible.module_utils import basic

from .once import compile_once

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

compile_once()  # a module imports this file first


def sealed(module: AnsibleModule, option: str) -> Any:
    """The value of an option that holds secrets among much that is none, taken out of the module's own record.

    Its spec says ``no_log``, so it goes into no log, and it goes into no result as a whole. But its texts are no
    secrets one by one: 0 or "local" in it must not be taken out of the result. Who knows which are tells by ``hide``.
    """
    module.no_log_values.clear()
    told = _told_to_the_controller(module)
    if told is not None:
        told.flush()
    return module.params.pop(option)


def hide(module: AnsibleModule, secrets: set[str]) -> None:
    """Take these texts out of what the module returns, and of what the controller shows."""
    module.no_log_values.update(secrets)
    told = _told_to_the_controller(module)
    if told is not None:
        told._new_secrets.update(secrets)  # to register them again would do nothing: they are known to this process


def _told_to_the_controller(module: AnsibleModule) -> Any:
    """Since 2.22 ansible-core redacts the texts of such an option in all that a run prints. None before.

    There is no public way to say that they are no secrets.
    """
    return getattr(module, "_new_secrets", None)


_TYPES: dict[str, type] = {"str": str, "bool": bool, "int": int}


def _is_as_meant(spec: dict[str, Any], value: Any) -> bool:
    """Whether YAML had nothing to change: it need not be given and is not, or is of the option's own type already."""
    if value is None:
        return not spec.get("required")
    kind = spec.get("type", "str")
    is_so = isinstance(value, _TYPES.get(kind, ())) and isinstance(value, bool) == (kind == "bool")
    return is_so and value in (spec.get("choices") or [value])


def checked(argument_spec: dict[str, Any]) -> dict[str, Any]:
    """The argument spec, for AnsibleModule; where a value is refused, the module ends with all of them in a message."""
    problems: list[str] = []
    given: dict[str, Any] = {}
    try:
        given = basic._load_params()
    except Exception as error:  # noqa: BLE001 (Ansible has no type of its own for what it cannot decode)
        if basic._ANSIBLE_ARGS is None:
            return argument_spec
        problems.append(f"the options cannot be read: {error.__cause__ or error} Are they nested too deeply?")
    left = (name for name, spec in argument_spec.items() if not _is_as_meant(spec, given.get(name)))
    if given and not problems and any(left):  # ansible-test, which reads the spec alone, gives nothing
        from .typed import read_all  # noqa: PLC0415 (a module that only looks is seldom given anything)

        read_all(argument_spec, given, problems)
    if problems:
        sys.stdout.write(json.dumps({"failed": True, "msg": "\n".join(problems)}) + "\n")
        raise SystemExit(1)
    return argument_spec
