# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible sends with a module: all that it imports, which the host compiles in every run.

What only looks at a host is sent without what changes one, in each package ``apply.py`` and ``reconcile.py``.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tree import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

PLUGINS = CHECKOUT / "plugins"
PREFIX = "ansible_collections.netmode.docker.plugins."
CHANGING = {"apply.py", "reconcile.py"}
KEEPER = {"cli.py", "loop.py", "program.py"}
"""Of the keeper's program, which is known by its digest."""


def nodes(file: Path, *, loading: bool) -> Iterator[ast.AST]:
    """All of a file's, or those that run when it is loaded: not what functions import, nor what type checkers read."""
    waiting: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        for_types = isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        if not (loading and (isinstance(node, ast.FunctionDef) or for_types)):
            yield node
            waiting += ast.iter_child_nodes(node)


def imported(file: Path, *, loading: bool = False) -> set[Path]:
    """The files of this collection that one imports, for type checking too: Ansible sends these as well."""
    found: set[Path] = set()
    for node in nodes(file, loading=loading):
        if isinstance(node, ast.ImportFrom):
            above = ".".join(file.relative_to(PLUGINS).parent.parts) if node.level else ""
            module = f"{above}.{node.module or ''}".strip(".") if node.level else (node.module or "")
            if node.level or module.startswith(PREFIX):
                place = PLUGINS.joinpath(*module.removeprefix(PREFIX).split("."))
                found |= {place.with_suffix(".py"), *(place / f"{name.name}.py" for name in node.names)}
    return {one for one in found if one.is_file()}


def sent(module: str, *, loading: bool = False) -> set[str]:
    found, waiting = set(), [PLUGINS / "modules" / f"{module}.py"]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += imported(one, loading=loading)
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


@pytest.mark.parametrize("module", sorted(file.stem for file in (PLUGINS / "modules").glob("[!_]*.py")))
def test_the_sdk_and_what_is_seldom_asked_are_loaded_by_who_needs_them(module: str) -> None:
    assert not sent(module, loading=True) & {"module_utils/_engine/sdk.py", "module_utils/_engine/elsewhere.py"}


def test_containers_without_a_change_loads_nothing_that_changes() -> None:
    loaded = {Path(one).name for one in sent("containers", loading=True) if "/_containers/" in one}
    assert not loaded & {"apply.py", "make.py", "replace.py", "clone.py", "trial.py", "taken.py"}
    assert {"look.py", "plan.py"} <= loaded
