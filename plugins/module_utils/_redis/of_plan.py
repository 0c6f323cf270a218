# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules over a whole plan of the role have in common: they take it in, and tell its secrets nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._compose.module import hide, sealed
from ansible_collections.netmode.docker.plugins.module_utils._compose.typed import secrets_of
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from .preview import read

if TYPE_CHECKING:
    from typing import Protocol

    from ansible.module_utils.basic import AnsibleModule

    class Work(Protocol):
        """From the parameters of a module and the parts of its plan to its result."""

        def __call__(self, params: dict[str, Any], parts: dict[str, Any], *, check_mode: bool) -> dict[str, Any]: ...


ARGUMENTS: dict[str, Any] = {**ENGINE_ARGUMENTS, "plan": {"type": "dict", "required": True, "no_log": True}}

STEPS: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "instance": {"type": "str", "required": True},
        "command": {"type": "list", "elements": "str", "required": True},
    },
}
"""The option by which a module is told what to have instances do."""


def run(module: AnsibleModule, work: Work) -> None:
    """Until its end. ``module`` has these options, and its own."""
    plan = sealed(module, "plan")
    try:
        parts, secrets = read(plan)
        hide(module, secrets | secrets_of(module.argument_spec, module.params))
        result = work(module.params, parts, check_mode=module.check_mode)
    except NetmodeError as error:
        module.fail_json(msg=str(error), **error.more)
    module.exit_json(**result)
