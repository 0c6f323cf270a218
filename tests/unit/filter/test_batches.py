# SPDX-License-Identifier: GPL-3.0-or-later
"""The batches of a rolling change, as they are written and as a play takes them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.netmode.docker.plugins.filter.batches import batches


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("100%", ["100%"]),
        (3, [3]),
        ("3", [3]),
        ("1,5, 25%", [1, 5, "25%"]),
        ([1, "5", "12.5%"], [1, 5, "12.5%"]),
    ],
)
def test_read_as_written(given: Any, wanted: list[Any]) -> None:
    assert batches(given) == wanted


@pytest.mark.parametrize("given", ["0", "", "-1", "0%", "101%", "half", "1,,2", [None], 1.5])
def test_what_is_no_batch_is_refused_by_its_word(given: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="is not a batch: give a number of hosts"):
        batches(given)
