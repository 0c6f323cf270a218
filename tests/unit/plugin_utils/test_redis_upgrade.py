# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of an upgrade: replicas first, then hosts with both, then masters; who says nothing is a problem."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_upgrade import RANKS, order
from hypothesis import given
from hypothesis import strategies as st

MASTER, REPLICA = ({"error": None, "answer": "PONG", "replication": {"role": role}} for role in ("master", "replica"))
GONE: dict[str, Any] = {"error": "no socket", "answer": None, "replication": None}
SILENT: dict[str, Any] = {"error": "timeout", "answer": None, "replication": None}
LOCKED: dict[str, Any] = {"error": None, "answer": "WRONGPASS invalid", "replication": None}


def test_replicas_come_first_and_the_order_of_the_inventory_is_kept_among_equals() -> None:
    found = order(
        {
            "db1": {"cache": MASTER},
            "db2": {"cache": MASTER, "queue": REPLICA},
            "db3": {"cache": REPLICA},
            "db4": {"cache": MASTER},
            "db5": {"cache": REPLICA, "gone": GONE},
            "db6": {"cache": GONE},
        }
    )
    assert found.lines == [
        "db3: cache (replica)",
        "db5: cache (replica)",
        "db2: cache (master), queue (replica)",
        "db1: cache (master)",
        "db4: cache (master)",
        "db6: has no Redis that runs, and is left as it is (site.yml deploys one)",
    ]
    assert found.problems == []


@pytest.mark.parametrize(("answer", "why"), [(SILENT, "timeout"), (LOCKED, "WRONGPASS invalid")])
def test_one_that_does_not_say_what_it_is_is_named(answer: dict[str, Any], why: str) -> None:
    assert order({"db1": {"cache": MASTER, "queue": answer}}).problems == [
        f"db1: queue does not say whether it is a master ({why})"
    ]


@given(
    st.dictionaries(
        st.text("abc", min_size=1), st.dictionaries(st.text("xy"), st.sampled_from([MASTER, REPLICA, GONE]))
    )
)
def test_no_master_is_before_a_host_that_has_only_replicas(answers: dict[str, Any]) -> None:
    found = order(answers)
    ranked = [
        RANKS.index(found.ranks[line.partition(":")[0]]) for line in found.lines if "is left as it is" not in line
    ]
    assert ranked == sorted(ranked)
    assert len(found.lines) == len(answers)
    for host, rank in found.ranks.items():
        roles = [one["replication"]["role"] for one in answers[host].values() if one["replication"]]
        assert (rank == "replicas") == (bool(roles) and "master" not in roles)


@pytest.mark.parametrize("field", ["redis_mode", "server_mode"])  # of Redis, and of Valkey
def test_a_sentinel_is_neither_and_takes_no_part_in_the_order(field: str) -> None:
    watch = {"error": None, "answer": "PONG", "replication": None, "server": {field: "sentinel"}}
    found = order({"r1": {"cache": MASTER, "watch": watch}, "r2": {"cache": REPLICA, "watch": watch}})
    assert (found.problems, found.ranks) == ([], {"r1": "masters", "r2": "replicas"})
    assert found.lines[0] == "r2: cache (replica), watch (sentinel)"
