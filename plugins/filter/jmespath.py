# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""JMESPath over facts, with the tags that ansible-core 2.19 and later puts on every value taken off first."""

from __future__ import annotations

import importlib
import ipaddress
import json
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: jmespath
short_description: Ask facts with a JMESPath expression
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Evaluates any L(JMESPath,https://jmespath.org/) expression over any data, such as the facts of
    M(netmode.docker.network_facts).
  - All functions of JMESPath work with ansible-core 2.19 and later, whose tagged strings, numbers and lists JMESPath
    alone refuses.
  - Two more help with networks. C(duplicates(array)) gives what is more than once in an array.
    C(overlaps(array, array)) gives the pairs of objects, one from each array, whose C(cidr) overlap.
requirements:
  - jmespath on the controller
options:
  _input:
    description: The data. Dates and other values that JSON has no word for are asked as text.
    type: raw
    required: true
  expr:
    description: The expression.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Which veth belongs to which container
  ansible.builtin.debug:
    msg: "{{ ansible_facts['docker_network'] | netmode.docker.jmespath(expr) }}"
  vars:
    expr: "veths.*.{veth: name, container: container, bridge: bridge} | [?container]"

- name: The names of the containers in host mode
  ansible.builtin.debug:
    msg: "{{ ansible_facts['docker_network'] | netmode.docker.jmespath(expr) }}"
  vars:
    expr: "containers.* | [?mode == 'host'].name"
"""

RETURN = r"""
_value:
  description: What the expression selects; null where it selects nothing.
  type: raw
"""


def plain(value: Any) -> Any:
    """``value`` of exact built-in types all the way down.

    Ansible's values are subclasses of the built-in types, some of which template their items when these are read:
    so they are read by iteration, and JSON gives them back without their classes.
    """
    return json.loads(json.dumps(_readable(value), default=str))


def _readable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _readable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_readable(item) for item in value]
    return value


def search(data: Any, expr: str) -> Any:
    """The filter itself. An expression that cannot be read is shown with a mark under the place of the error."""
    try:
        library: Any = importlib.import_module("jmespath")
    except ImportError:
        raise AnsibleFilterError(
            "netmode.docker.jmespath needs the Python package jmespath on the controller, in the environment that runs "
            "ansible-playbook: pip install jmespath"
        ) from None
    if not isinstance(expr, str) or not expr.strip():
        raise AnsibleFilterError(f"netmode.docker.jmespath: the expression must be text that is not empty: {expr!r}.")
    try:
        options = library.Options(custom_functions=_functions(library.functions))
        return library.search(plain(expr), plain(data), options)
    except library.exceptions.JMESPathError as error:  # "from None": Ansible would print the cause once more
        raise AnsibleFilterError(_told(expr, error)) from None


def _functions(library: Any) -> Any:
    """JMESPath's own functions and those of DOCUMENTATION. The library finds them by the beginning of their names."""

    class Functions(library.Functions):  # type: ignore[misc]
        @library.signature({"types": ["array"]})  # type: ignore[untyped-decorator]
        def _func_duplicates(self, values: list[Any]) -> list[Any]:
            seen = [json.dumps(value, sort_keys=True) for value in values]
            return [json.loads(text) for text in dict.fromkeys(seen) if seen.count(text) > 1]

        @library.signature({"types": ["array"]}, {"types": ["array"]})  # type: ignore[untyped-decorator]
        def _func_overlaps(self, ones: list[Any], others: list[Any]) -> list[Any]:
            return [[one, other] for one in ones for other in others if _overlap(one, other)]

    return Functions()


def _overlap(one: Any, other: Any) -> bool:
    try:
        networks = [ipaddress.ip_network(item["cidr"], strict=False) for item in (one, other) if item["cidr"]]
    except (TypeError, KeyError, ValueError):
        raise AnsibleFilterError(
            f"netmode.docker.jmespath: overlaps() wants objects with a cidr such as 10.0.0.0/8, not {one} and {other}."
        ) from None
    return len(networks) == 2 and networks[0].version == networks[1].version and networks[0].overlaps(networks[1])


def _told(expr: str, error: Any) -> str:
    if not hasattr(error, "lex_position"):  # the expression was read; it does not fit the data
        return f"netmode.docker.jmespath: {error}\n  in: {expr}"
    position = min(max(int(error.lex_position), 0), len(expr))
    token = error.token_value
    what = "the expression ends too early" if token is None or position >= len(expr) else f"unexpected {token!r}"
    line_start = expr.rfind("\n", 0, position) + 1
    line_end = expr.find("\n", position)
    line = expr[line_start : None if line_end < 0 else line_end]
    column = position - line_start
    return f"netmode.docker.jmespath: {what} at position {position + 1} of the expression:\n  {line}\n  {' ' * column}^"


class FilterModule:
    """What Ansible looks for in this file."""

    def filters(self) -> dict[str, Any]:
        return {"jmespath": search}
