# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the checkout importable as ``ansible_collections.netmode.docker``, for every test."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Nothing compiled is left in the checkout; the many runs of pytest in throwaway machines compile the tests once.
if os.environ.get("NETMODE_MACHINE"):
    sys.pycache_prefix = f"{os.environ['NETMODE_CACHE']}/compiled"
else:
    sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from hypothesis import settings
from tree import COLLECTIONS

sys.path.insert(0, str(COLLECTIONS))

# How long one example takes says how busy the machine is.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
