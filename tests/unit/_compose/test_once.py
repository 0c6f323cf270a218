# SPDX-License-Identifier: GPL-3.0-or-later
"""What is imported from a zip once ``compile_once`` was called is what Python itself would import, compiled once."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._compose import once

SOURCES = {
    "top.py": "import inner.deep.leaf",
    "inner/__init__.py": "",
    "inner/deep/__init__.py": "from . import leaf",
    "inner/deep/leaf.py": "NAME = __name__",
    "broken.py": "def (",
    "raising.py": "1 / 0",
}

ASK = """
import builtins, importlib, json, linecache, sys, traceback
sys.path.insert(0, sys.argv[1])
if sys.argv[2] == "once":
    import once
    once.compile_once()
compiled, compiles = [], builtins.compile
builtins.compile = lambda source, name, *a, **k: compiled.append(str(name)) or compiles(source, name, *a, **k)
found = {}
for name in sys.argv[3:]:
    try:
        module = importlib.import_module(name)
    except Exception as error:
        found[name] = [type(error).__name__, str(error), traceback.extract_tb(error.__traceback__)[-1].filename]
    else:
        spec = module.__spec__
        found[name] = [
            module.__file__, list(getattr(module, "__path__", [])), module.__package__, spec.origin, spec.has_location,
            linecache.getlines(module.__file__, vars(module)),
        ]
json.dump([found, compiled], sys.stdout)
"""
NAMES = ("top", "inner", "inner.deep", "inner.deep.leaf", "broken", "raising", "missing", "inner.missing")


def imported(archive: Path, how: str) -> tuple[dict[str, Any], list[str]]:
    done = subprocess.run(
        [sys.executable, "-B", "-c", ASK, str(archive), how, *NAMES], capture_output=True, text=True, check=True
    )
    found, compiled = json.loads(done.stdout)
    return found, [name for name in compiled if name.startswith(str(archive))]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "payload.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, text in SOURCES.items():
            file.writestr(name, text)
        file.write(once.__file__, "once.py")
    return path


def test_what_is_imported_is_the_same(archive: Path) -> None:
    found, _ = imported(archive, "once")
    assert found == imported(archive, "as Python does")[0]
    assert found["inner.deep.leaf"][0] == f"{archive}/inner/deep/leaf.py"
    assert [found[name][0] for name in ("broken", "raising", "missing")] == [
        "SyntaxError", "ZeroDivisionError", "ModuleNotFoundError",
    ]  # fmt: skip


def test_each_file_is_compiled_once(archive: Path) -> None:
    _, compiled = imported(archive, "once")
    assert len(compiled) == len(set(compiled)) == len(SOURCES)
    _, twice = imported(archive, "as Python does")
    assert len(twice) > len(set(twice))


def test_from_a_directory_nothing_is_changed() -> None:
    hooks = list(sys.path_hooks)
    once.compile_once()
    assert sys.path_hooks == hooks
