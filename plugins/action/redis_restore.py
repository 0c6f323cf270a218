# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Opens an encrypted backup for the module on the host, with a private key that stays on the controller."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_backups import opened
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_material import WrongCertificateError


class ActionModule(ActionBase):  # type: ignore[misc]
    """What Ansible looks for in this file."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """See the module of the same name.

        It refuses an encrypted dump without what opens it, and says which that is; only then is the key used, and what
        the host gets is the password of that one dump.
        """
        result: dict[str, Any] = super().run(tmp, task_vars)
        key = str(self._task.args.get("key") or "")
        told = self._on_the_host("", task_vars)
        line = told.pop("locked", "")
        if line and key:
            try:
                told = self._on_the_host(opened(line, key), task_vars)
            except WrongCertificateError as error:
                told = {**told, "msg": f"redis_{error.option}: {error.why}"}
        return {**result, **told}

    def _on_the_host(self, key: str, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        arguments = {**self._task.args, "key": key}
        told: dict[str, Any] = self._execute_module(
            module_name="netmode.docker.redis_restore", module_args=arguments, task_vars=task_vars
        )
        return told
