# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the checkout importable as ``ansible_collections.netmode.docker``, for every test."""

from __future__ import annotations

import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from tree import COLLECTIONS  # noqa: E402 (its directory is not on the path before)

sys.path.insert(0, str(COLLECTIONS))
