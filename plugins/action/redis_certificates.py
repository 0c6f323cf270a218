# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes the certificates of Redis on the controller, in its own process: no host is asked for anything."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_material import Node, WrongCertificateError

_ARGUMENTS: dict[str, Any] = {
    "ca_dir": {"type": "path", "required": True},
    "renew_before": {"type": "int", "default": 30},
    "new_ca": {"type": "bool", "default": False},
    "nodes": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "instance": {"type": "str", "required": True},
            "host": {"type": "str", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
        },
    },
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """What Ansible looks for in this file."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """See the module of the same name."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(_ARGUMENTS)
        made = self._make(given)
        return {**result, "changed": bool(made), "made": made}

    def _make(self, given: dict[str, Any]) -> list[str]:
        from ansible_collections.netmode.docker.plugins.plugin_utils import _redis_ca  # noqa: PLC0415 (a slow import)

        directory, now = Path(given["ca_dir"]).expanduser(), datetime.now(timezone.utc)
        nodes = [Node(**one) for one in given["nodes"]]
        how = {"another": given["new_ca"], "check": bool(self._task.check_mode)}
        try:
            if how["check"]:
                return _redis_ca.make(directory, nodes, given["renew_before"], now, **how)
            with _redis_ca.locked(directory):
                return _redis_ca.make(directory, nodes, given["renew_before"], now, **how)
        except WrongCertificateError as error:
            raise AnsibleActionFail(f"redis_{error.option}: {error.why}") from None
        except (OSError, NetmodeError) as error:
            raise AnsibleActionFail(f"redis_tls_ca_dir: {error}") from None
