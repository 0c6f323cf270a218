# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The variables of a role, each of the type that its argument spec says."""

from __future__ import annotations

DOCUMENTATION = r"""
name: variables
short_description: The variables of a role as what they are meant to be
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Reads the variables of a role of this collection by its argument spec, wherever they come from. C(false) that comes
    as text from an INI file or from C(-e) is false, a list that comes as text is a list.
  - What cannot be read is refused with the name of the variable, before a task does anything.
  - A variable of the host whose name is nearly that of a variable of the role is warned of.
options:
  _terms:
    description: The role, such as V(redis), or V(playbooks) for the variables of the playbooks.
    type: list
    elements: str
    required: true
  refuse:
    description: Whether to fail where something is wrong. Otherwise C(problems) has it, beside the variables.
    type: bool
    default: true
  names:
    description: Whether to return the names of the variables instead, without looking at what is set.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Whether Redis is open
  ansible.builtin.debug:
    msg: "{{ lookup('netmode.docker.variables', 'redis').allow_unauthenticated }}"
"""

RETURN = r"""
_raw:
  description: For each term a dictionary with the variables, without the name of the role; or a list of the full names.
  type: list
  elements: raw
"""

from typing import TYPE_CHECKING, Any  # noqa: E402

from ansible.errors import AnsibleLookupError  # noqa: E402
from ansible.plugins.lookup import LookupBase  # noqa: E402
from ansible.utils.display import Display  # noqa: E402
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError  # noqa: E402
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import misnamed, options_of, read_variables  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping


class LookupModule(LookupBase):  # type: ignore[misc]
    """What Ansible looks for in this file."""

    def run(self, terms: list[str], variables: Mapping[str, Any], **options: Any) -> list[Any]:
        """See DOCUMENTATION. Raises AnsibleLookupError with everything that is wrong, a line each."""
        self.set_options(var_options=variables, direct=options)
        host = variables.get("inventory_hostname", "this host")
        found, problems = [], []
        try:
            if self.get_option("names"):
                return [list(options_of(owner)) for owner in terms]
            for owner in terms:
                names = misnamed(owner, variables)
                problems += [f"{host}: {problem}" for problem in names.refused]
                for warning in names.warnings:
                    Display().warning(f"{host}: {warning}")
                raw = {name: variables[name] for name in options_of(owner) if name in variables}
                found.append(read_variables(owner, self._templar.template(raw), problems, f"{host}: "))
        except NetmodeError as error:
            raise AnsibleLookupError(str(error)) from error
        if not self.get_option("refuse"):
            return [{**one, "problems": problems} for one in found]
        if problems:
            raise AnsibleLookupError("\n".join(problems))
        return found
