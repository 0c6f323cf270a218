# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible sends with a module: all that it imports, which the host compiles in every run.

What only looks at a host is sent without what changes one, in each package ``apply.py`` and ``reconcile.py``.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tree import CHECKOUT

PLUGINS = CHECKOUT / "plugins"
PREFIX = "ansible_collections.netmode.docker.plugins."
CHANGING = {"apply.py", "reconcile.py"}
KEEPER = {"cli.py", "loop.py", "program.py"}
"""Of the keeper's program, which is known by its digest."""


def imported(file: Path) -> set[Path]:
    """The files of this collection that one imports, for type checking too: Ansible sends these as well."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            above = ".".join(file.relative_to(PLUGINS).parent.parts) if node.level else ""
            module = f"{above}.{node.module or ''}".strip(".") if node.level else (node.module or "")
            if node.level or module.startswith(PREFIX):
                place = PLUGINS.joinpath(*module.removeprefix(PREFIX).split("."))
                found |= {place.with_suffix(".py"), *(place / f"{name.name}.py" for name in node.names)}
    return {one for one in found if one.is_file()}


def sent(module: str) -> set[str]:
    found, waiting = set(), [PLUGINS / "modules" / f"{module}.py"]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += imported(one)
    return {str(one.relative_to(PLUGINS)) for one in found}


def test_what_changes_a_host_is_found() -> None:
    assert {"module_utils/_containers/apply.py", "module_utils/_lock.py"} <= sent("containers")
    assert "module_utils/_keeper/loop.py" in sent("keeper")


@pytest.mark.parametrize("module", ["engine_info", "network_facts", "redis_ping", "redis_preview", "redis_verify"])
def test_what_looks_at_a_host_is_sent_without_what_changes_one(module: str) -> None:
    files = {Path(one) for one in sent(module)}
    assert [
        str(one) for one in files if one.name in CHANGING or (one.parent.name == "_keeper" and one.name in KEEPER)
    ] == []
