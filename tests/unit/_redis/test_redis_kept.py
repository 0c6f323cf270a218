# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Redis has before and after its container is replaced: what is gone is told, what clients changed is not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis.kept import (
    Data,
    Since,
    checksum,
    is_kept,
    missing,
    numbers_in,
    since,
)
from hypothesis import given
from hypothesis import strategies as st

HAD = Data({0: 1000, 5: 10}, {0: 100}, {(0, "a"): "1", (0, "b"): "2", (5, "c"): "3"})
QUIET = Since(0, removed=False)


@pytest.mark.parametrize(
    ("changes", "changed", "told"),
    [
        ({}, QUIET, ""),
        ({"keys": {0: 900, 5: 10}}, QUIET, ""),  # those whose time was over
        ({"keys": {0: 899, 5: 10}}, QUIET, "database 0 had 1000 keys, and has 899"),
        ({"keys": {0: 899, 5: 10}}, Since(2, removed=False), ""),
        ({"keys": {0: 2000}}, QUIET, "database 5 had 10 keys, and has 0"),
        ({"keys": {}, "sample": {}}, Since(2, removed=False), "database 0 had 1000 keys, and has 0"),
        ({"keys": {}, "sample": {}}, Since(2, removed=True), ""),
        ({"keys": {0: 3000, 5: 90}}, QUIET, ""),
        ({"sample": {**HAD.sample, (5, "c"): "4"}}, QUIET, "of 3 keys that were looked at 1 have another value"),
        ({"sample": {(0, "a"): "1"}}, QUIET, "of 3 keys that were looked at 2 have another value"),
        ({"sample": {(0, "a"): "1"}}, Since(2, removed=False), ""),
    ],
)
def test_what_no_client_can_have_changed_is_told(changes: dict[str, Any], changed: Since, told: str) -> None:
    found = missing(HAD, HAD._replace(**changes), changed)
    assert found.startswith(told)
    assert bool(found) == bool(told)
    assert "'a'" not in found, "the name of a key may be a secret"


@pytest.mark.parametrize(
    ("info", "save", "on_sigterm", "kept"),
    [
        ({"role": "master", "aof_enabled": "1"}, "", "default", True),
        ({"role": "master", "aof_enabled": "0"}, "3600 1", "", True),
        ({"role": "master", "aof_enabled": "0"}, "", "default", False),
        ({"role": "master", "aof_enabled": "0"}, "3600 1", "nosave", False),
        ({"role": "master", "aof_enabled": "0"}, "", "save now", True),
        ({"role": "slave", "aof_enabled": "1"}, "3600 1", "", False),
    ],
)
def test_whether_a_start_brings_the_data_back(info: dict[str, str], save: str, on_sigterm: str, kept: bool) -> None:
    assert is_kept(info, save, on_sigterm) is kept


def test_what_info_says_of_keys_and_commands() -> None:
    info = {
        "db0": "keys=3,expires=1,avg_ttl=0", "db12": "keys=7,expires=0,avg_ttl=0,subexpiry=0", "dbx": "no",
        "cmdstat_set": "calls=5,usec=1,usec_per_call=1", "cmdstat_get": "calls=9,usec=1",
        "cmdstat_xgroup|create": "calls=1,usec=1", "evicted_keys": "2",
    }  # fmt: skip
    assert numbers_in(info) == ({0: 3, 12: 7}, {0: 1, 12: 0})
    assert since(info, ["set", "del", "xgroup|create"]) == Since(14, removed=False)
    assert since({**info, "cmdstat_del": "calls=1"}, ["set", "del"]).removed
    later = {**info, "cmdstat_set": "calls=6,usec=1", "cmdstat_del": "calls=1", "evicted_keys": "5"}
    assert since(later, ["set", "get"], info) == Since(5, removed=False)
    assert since(later, ["set", "del"], info).removed
    assert since(later, ["set", "del"], later) == Since(0, removed=False)


@given(st.lists(st.tuples(st.text(), st.floats(allow_nan=False)), unique_by=lambda one: one[0]), st.randoms())
def test_a_checksum_is_of_the_value_and_not_of_how_a_server_writes_it(
    members: list[tuple[str, float]], random: Any
) -> None:
    scores = [word for name, score in members for word in (name, repr(score))]
    long = [word for name, score in members for word in (name, f"{score:.17g}")]
    assert checksum("zset", scores) == checksum("zset", long)
    mixed = random.sample(members, len(members))
    pairs, others = ([str(word) for pair in many for word in pair] for many in (members, mixed))
    assert checksum("hash", pairs) == checksum("hash", others)
    assert checksum("set", [name for name, _ in members]) == checksum("set", [name for name, _ in mixed])
    if members:
        assert checksum("list", pairs) != checksum("list", pairs[1:])
        assert checksum("hash", pairs) != checksum("hash", ["another", *pairs[1:]]) or pairs[0] == "another"
