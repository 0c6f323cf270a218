# SPDX-License-Identifier: GPL-3.0-or-later
"""What apt and dpkg know of the engine's packages and of Docker's repository. Read only."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.module_utils.common.sys_info import get_distribution_codename
from ansible_collections.netmode.docker.plugins.module_utils._engine.dockerd import read

from .packages import PACKAGES
from .repository import FILES, SOURCE, url_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def observe(desired: Mapping[str, Any], distribution: str) -> dict[str, Any]:
    """As the module returns it. ``desired``: the variables of the role."""
    versions, held = _installed()
    url, key = url_of(desired, distribution), desired["repository_key"] or ""
    return {
        "codename": get_distribution_codename() or "",
        "versions": versions,
        "held": held,
        "files": {path: read(Path(path)) for path in FILES},
        "other_sources": [str(path) for path in _sources() if _names(path, url)],
        "key_exists": key.startswith("/") and Path(key).is_file(),
    }


def _installed() -> tuple[dict[str, str], list[str]]:
    """Package → version of those that are installed, and those that are held."""
    asked = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Want} ${db:Status-Status} ${Version}\\n", *PACKAGES]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)  # its status tells of those that are not
    found = [line.split(" ") for line in done.stdout.splitlines()]
    installed = [words for words in found if words[2] == "installed"]
    return {words[0]: words[3] for words in installed}, [words[0] for words in installed if words[1] == "hold"]


def _sources() -> Iterator[Path]:
    """The files of apt's sources, but for the role's own."""
    yield Path("/etc/apt/sources.list")
    for pattern in ("*.list", "*.sources"):
        yield from (path for path in sorted(Path("/etc/apt/sources.list.d").glob(pattern)) if str(path) != SOURCE)


def _names(path: Path, url: str) -> bool:
    lines = (line for line in read(path).splitlines() if not line.lstrip().startswith("#"))
    return any(word.rstrip("/") == url for line in lines for word in line.split())
