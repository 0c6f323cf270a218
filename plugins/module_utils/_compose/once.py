# SPDX-License-Identifier: GPL-3.0-or-later
"""A module reaches a host as a zip of sources, and Python compiles each of them twice, once only to name its file.

Compiling is most of what a module costs that changes nothing, so here a file is named by where it lies, and what is
made meanwhile is not searched for circles that are no longer needed.
Source: ``zipimporter.get_filename`` (CPython, Lib/zipimport.py), which ``importlib.util.spec_from_loader`` asks.
"""

from __future__ import annotations

import gc
import sys
import zipimport
from importlib.util import spec_from_file_location
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class _Finder(zipimport.zipimporter):
    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        try:
            is_package = self.is_package(fullname)
        except zipimport.ZipImportError:  # it has no such file
            return super().find_spec(fullname, target)
        place = f"{self.archive}/{self.prefix}{fullname.rpartition('.')[2]}"
        file = f"{place}/__init__.py" if is_package else f"{place}.py"
        return spec_from_file_location(
            fullname, file, loader=self, submodule_search_locations=[place] if is_package else None
        )


def compile_once() -> None:
    """Of the zip that this comes from, whatever is imported from now on."""
    if isinstance(__spec__.loader, zipimport.zipimporter) and hasattr(zipimport.zipimporter, "find_spec"):  # 3.10
        gc.disable()  # the process lives for a tenth of a second, most of it to import: collections would find nothing
        sys.path_hooks.insert(0, _Finder)
        for path, finder in list(sys.path_importer_cache.items()):
            if isinstance(finder, zipimport.zipimporter):
                sys.path_importer_cache[path] = _Finder(path)
