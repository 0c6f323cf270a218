# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is to be tuned to for its Redis, as the module ``host_tuning`` is asked."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

OVERCOMMIT, SOMAXCONN, HUGE_PAGES = "vm.overcommit_memory", "net.core.somaxconn", "transparent_hugepage"

_NAMESPACE = {
    "container": {"type": "str", "required": True},
    "backlog": {"type": "int", "required": True},
    "made_here": {"type": "bool", "default": True},
}
ARGUMENTS: Json = {
    "overcommit_memory": {"type": "bool", "default": False},
    "huge_pages": {"type": "bool", "default": False},
    "somaxconn": {"type": "int", "default": 0},
    "namespaces": {"type": "list", "elements": "dict", "default": [], "options": _NAMESPACE},
}
"""The options of the module ``host_tuning``, but for its state and where the engine is."""


def wanted(params: Json) -> dict[str, str]:
    """Tunable → its value; that of ``net.core.somaxconn`` is the least."""
    found = {OVERCOMMIT: "1"} if params["overcommit_memory"] else {}
    if params["huge_pages"]:
        found[HUGE_PAGES] = "madvise"
    if params["somaxconn"]:
        found[SOMAXCONN] = str(params["somaxconn"])
    return found


def with_sysctls(containers: list[Json], sysctls: dict[str, dict[str, str]]) -> list[Json]:
    """The containers, those that are named with these sysctls beside their own."""
    return [
        {**one, "sysctls": {**(one.get("sysctls") or {}), **sysctls[one["name"]]}} if one["name"] in sysctls else one
        for one in containers
    ]
