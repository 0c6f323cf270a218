# SPDX-License-Identifier: GPL-3.0-or-later
"""The program ``netmode-keeper`` as one file: this collection's own code, as it runs here, for a host without Ansible.

A zip archive that Python executes (https://docs.python.org/3/library/zipapp.html). It holds what ``_keeper_cli`` has
imported and nothing else, uncompressed and without dates, so the same code is always the same file.
"""

from __future__ import annotations

import io
import sys
import zipfile
from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils import _keeper_cli

_PACKAGE = __name__.rpartition(".")[0] + "."
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest date that a zip archive can have."""


def program(interpreter: str) -> bytes:
    """The file's content. ``interpreter``: the Python that runs it, one that has the Docker SDK."""
    files = {f"{name.replace('.', '/')}.py": _source(sys.modules[name]) for name in _modules()}
    for path in list(files):
        parts = path.split("/")
        files.update({f"{'/'.join(parts[:depth])}/__init__.py": "" for depth in range(1, len(parts))})
    files["__main__.py"] = f"from {_keeper_cli.__name__} import main\nraise SystemExit(main())\n"
    archive = io.BytesIO()
    archive.write(f"#!{interpreter} -IB\n".encode())
    with zipfile.ZipFile(archive, "w") as zipped:
        for path, text in sorted(files.items()):
            zipped.writestr(zipfile.ZipInfo(path, _EPOCH), text)
    return archive.getvalue()


def _modules() -> list[str]:
    return sorted(name for name in sys.modules if name.startswith(_PACKAGE) and name != __name__)


def _source(module: Any) -> str:
    text: str = module.__spec__.loader.get_source(module.__name__)
    return text
