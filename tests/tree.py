# SPDX-License-Identifier: GPL-3.0-or-later
"""The checkout as Python and Ansible want to see it: ``ansible_collections/netmode/docker``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PARTS = ("galaxy.yml", "README.md", "CHANGELOG.md", "docs", "meta", "playbooks", "plugins", "roles", "tests")


def collections_path() -> Path:
    """The directory that holds ``ansible_collections``: the checkout's own place, else a tree of links to it."""
    if CHECKOUT.parts[-3:] == ("ansible_collections", "netmode", "docker"):
        return CHECKOUT.parents[2]
    base = CHECKOUT / "build"
    if os.environ.get("NETMODE_MACHINE"):  # within a test machine the checkout is read-only
        base = Path(tempfile.gettempdir()) / "netmode-collections"
    tree = base / "ansible_collections" / "netmode" / "docker"
    tree.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        link = tree / part
        if not link.is_symlink():
            link.symlink_to(CHECKOUT / part)
    return base


COLLECTIONS = collections_path()
