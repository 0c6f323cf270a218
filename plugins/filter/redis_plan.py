# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the role redis: they merge its variables, check them against each other, and say what is to be done."""

from __future__ import annotations

DOCUMENTATION = r"""
name: redis_plan
short_description: From the variables of the role redis to what its modules are given
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Merges the settings of a host into each of its instances, checks each and all together, and returns the plan of the
    role.
  - What is wrong is in C(problems), all of it at once; the rest of the plan is empty then.
positional: _input, host
options:
  _input:
    description:
      - All variables of the role, without C(redis_), each of its type as P(netmode.docker.variables#lookup) gives them.
    type: dict
    required: true
  host:
    description: The name of the host, for messages.
    type: str
    default: this host
  hosts:
    description:
      - The variables of each host of the inventory, C(hostvars), where an instance may follow one of another host.
    type: dict
    default: {}
  pending:
    description:
      - For a rehearsal, networks that are yet to be made, by name.
      - The interfaces are returned without those on their bridges.
    type: list
    elements: str
    default: []
  left:
    description:
      - Instances to be absent that were nodes of a cluster and have left it, so that they may be removed.
      - None leaves out all that are to leave one, which playbooks/cluster.yml sees to.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: What the role would do
  ansible.builtin.debug:
    msg: "{{ lookup('netmode.docker.variables', 'redis') | netmode.docker.redis_plan(inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description:
    - C(problems), and what to give to the modules as images, files, containers, interfaces and endpoints.
    - C(parts) is all that M(netmode.docker.redis_preview) looks at.
    - C(keeper_program) is what M(netmode.docker.redis_preview) knows the keeper's program by, if anything is C(kept).
    - C(teardown) is what to give to them to remove it all.
  type: dict
"""

from typing import TYPE_CHECKING, Any  # noqa: E402

from ansible_collections.netmode.docker.plugins.plugin_utils._redis_plan import make_plan  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def redis_plan(
    variables: dict[str, Any],
    host: str = "this host",
    pending: Iterable[str] = (),
    hosts: Mapping[str, Mapping[str, Any]] | None = None,
    left: Iterable[str] | None = (),
) -> dict[str, Any]:
    """See DOCUMENTATION."""
    return make_plan(variables, host, pending, hosts, left)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"redis_plan": redis_plan}
