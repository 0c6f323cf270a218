# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the role redis: they merge its variables, check them against each other, and say what is to be done."""

from __future__ import annotations

DOCUMENTATION = r"""
name: redis_instances
short_description: From the variables of the role redis to what its modules are given
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Merges the settings of a host into each of its instances, checks each and all together, and returns the plan of the
    role.
  - What is wrong is in C(problems), all of it at once; the rest of the plan is empty then.
positional: _input, instances
options:
  _input:
    description: The settings of the host, by the name of the variable without C(redis_).
    type: dict
    required: true
  instances:
    description: C(redis_instances).
    type: list
    elements: dict
    required: true
  companions:
    description: C(redis_companions).
    type: list
    elements: dict
    default: []
  host:
    description: The name of the host, for messages.
    type: str
    default: this host
  config_dir:
    description: C(redis_config_dir).
    type: str
    default: /etc/netmode/redis
  socket_dir:
    description: C(redis_socket_dir).
    type: str
    default: /var/lib/netmode/redis
  revisions:
    description: What the module M(netmode.docker.redis_files) returned.
    type: dict
    default: {}
  archive_dir:
    description:
      - Where archives of images are copied to on the host.
      - With it the archives are read, to know which images they hold.
    type: str
    default: ''
  networks:
    description: C(redis_network_definitions), to know which networks are part of the host's own.
    type: list
    elements: dict
    default: []
  pending:
    description:
      - For a rehearsal, C(networks) and C(images) that are yet to be made, by name.
      - The containers are returned without the networks, and without a C(pull_policy) for the images; the interfaces
        without those on such a network.
    type: dict
    default: {}
  variables:
    description: The names of the host's variables that begin with C(redis_), to know a misspelt one.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: What the role would do
  ansible.builtin.debug:
    msg: "{{ settings | netmode.docker.redis_instances([{'name': 'cache', 'maxmemory': '1gb'}]) }}"
"""

RETURN = r"""
_value:
  description:
    - C(problems), and what to give to the modules as images, files, containers, interfaces and endpoints.
    - C(teardown) is what to give to them to remove it all.
  type: dict
"""

from typing import TYPE_CHECKING, Any  # noqa: E402

from ansible_collections.netmode.docker.plugins.plugin_utils._redis_plan import make_plan  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable


def redis_instances(
    settings: dict[str, Any],
    instances: Any,
    companions: Any = (),
    host: str = "this host",
    config_dir: str = "/etc/netmode/redis",
    socket_dir: str = "/var/lib/netmode/redis",
    revisions: dict[str, str] | None = None,
    archive_dir: str = "",
    networks: Any = (),
    pending: dict[str, list[str]] | None = None,
    variables: Any = (),
) -> dict[str, Any]:
    return make_plan(
        settings, instances, companions, host, config_dir, socket_dir,
        revisions or {}, archive_dir, networks, pending, variables,
    )  # fmt: skip


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"redis_instances": redis_instances}
