# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests of a fleet. They run outside the lab, as a controller does, over ssh: by ``tests/lab/lab test``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from hosts import STATE, Play, done, run_play


def pytest_sessionstart() -> None:
    if not STATE.joinpath("hosts.yml").exists():
        pytest.exit("these tests want a lab: start them by tests/lab/lab test", returncode=2)


@pytest.fixture(scope="session")
def fleet() -> tuple[Play, Play]:
    """The fleet as tests/lab/fleet says: what check mode predicted of the first run of site.yml, and that run.

    That run is of modules as Ansible sends them; they cost twice what the others do.
    """
    predicted = done(run_play("site.yml", "--check"))
    return predicted, done(run_play("site.yml", packed=True))
