# SPDX-License-Identifier: GPL-3.0-or-later
"""What the look at a host says to the user of the role."""

from __future__ import annotations

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis.preview import in_variables


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("containers[0] (cache-1): expose: port 6515 is taken.", "instance cache-1: port: port 6515 is taken."),
        ("containers[0] (cache-1): mem_limit: too much.", "instance cache-1: mem_limit: too much."),
        ("containers[12] (web): expose: port 80 is taken.", "companion web: expose: port 80 is taken."),
        ("containers[2] (bare): image: none.\ncontainers[0] (cache-1): user: 1:1.",
         "companion bare: image: none.\ninstance cache-1: user: 1:1."),
        ("cache-1: start: it ended.", "cache-1: start: it ended."),
    ],
)  # fmt: skip
def test_a_refusal_speaks_of_the_variables_of_the_role(said: str, told: str) -> None:
    assert in_variables(said, ["cache-1"]) == told
