# SPDX-License-Identifier: GPL-3.0-or-later
"""The program ``netmode-keeper`` as one file: this collection's own code, as it runs here, for a host without Ansible.

A zip archive that Python executes (https://docs.python.org/3/library/zipapp.html). It holds ``cli`` and what it
imports, uncompressed and without dates, so the same code is always the same file. Sources are read and not imported,
which would cost each host a third of a second in every run.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import io
import re
import zipfile
from typing import TYPE_CHECKING, Any

from .trust import first_line

if TYPE_CHECKING:  # the last, so that Ansible sends it along
    from importlib.machinery import ModuleSpec

    from . import cli  # noqa: F401

_OWN = __name__.rpartition(".")[0]
_ROOT = _OWN.rpartition(".")[0]
_IMPORTS = re.compile(
    rf"^\s*from (?:{re.escape(_ROOT)}(?P<below>[\w.]*)|\.(?P<beside>\w*)) import "
    r"(?:\((?P<several>[^)]*)\)|(?P<one>.*))$",
    re.MULTILINE,
)
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest date that a zip archive can have."""


def program(interpreter: str) -> bytes:
    """The file's content. ``interpreter``: the Python that is to run it."""
    return first_line(interpreter) + _archive()


@functools.cache
def digest() -> str:
    """Of what follows the first line: how it is known again by who has not all that it consists of (``settled``)."""
    return hashlib.sha256(_archive()).hexdigest()


def _archive() -> bytes:
    files = {name.replace(".", "/") + ".py": text for name, text in _sources(f"{_OWN}.cli").items()}
    for path in list(files):
        parts = path.split("/")
        files.update({f"{'/'.join(parts[:depth])}/__init__.py": "" for depth in range(1, len(parts))})
    files["__main__.py"] = f"from {_OWN}.cli import main\nraise SystemExit(main())\n"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        for path, text in sorted(files.items()):
            zipped.writestr(zipfile.ZipInfo(path, _EPOCH), text)
    return archive.getvalue()


def _sources(first: str) -> dict[str, str]:
    """{module: its source} of one module of this collection and of all that it imports of them."""
    found: dict[str, str] = {}
    waiting = [first]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _source(name)
            waiting += _imported(name, found[name])
    return found


def _imported(name: str, text: str) -> list[str]:
    """What a module imports of this collection: modules, and of those things in them the module."""
    names = []
    for found in _IMPORTS.finditer(text):
        below, beside = found["below"], found["beside"]
        source = f"{_ROOT}{below}" if beside is None else f"{name.rpartition('.')[0]}.{beside}".rstrip(".")
        listed = (found["several"] or found["one"]).partition("#")[0].split(",")
        of_package = _spec(source).submodule_search_locations is not None
        names += [f"{source}.{word.split()[0]}" for word in listed if word.strip()] if of_package else [source]
    return names


def _source(name: str) -> str:
    loader: Any = _spec(name).loader
    text: str | bytes = loader.get_source(name)
    return text if isinstance(text, str) else text.decode()  # bytes of Ansible's own loader, on the controller


def _spec(name: str) -> ModuleSpec:
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(name)
    return spec
