# SPDX-License-Identifier: GPL-3.0-or-later
"""When a node of a cluster is not to go, and why."""

from __future__ import annotations

from typing import Any, Optional
from unittest import mock

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster import around as looking
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.around import Around, shortcomings
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.nodes import parse
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.peers import Replica, Way

SLOTS = {"a": "0-5461", "b": "5462-10922", "c": "10923-16383"}
FAILED = "has failed"


def around(
    me: str = "a",
    masters: str = "abc",
    replicas: Optional[dict[str, str]] = None,  # noqa: UP045 (Python 3.9)
    failed: str = "",
    is_ok: bool = True,
) -> Around:
    """Masters by letter; the replica of each is its capital. ``replicas``: the capital to why it is not in sync."""
    why = dict.fromkeys(masters.upper(), "") if replicas is None else replicas
    lines = []
    for number, name in enumerate([*masters, *why]):
        is_master = name.islower()
        flags = ["master" if is_master else "slave", *(["myself"] if name == me else [])]
        flags += ["fail"] if name in failed else []
        place = f"10.0.0.{number}:7000@17000 {','.join(flags)} {'-' if is_master else name.lower() * 40}"
        lines.append(f"{name * 40} {place} 0 0 {number} connected {SLOTS.get(name, '')}")
    nodes = parse("\n".join(lines))
    said = {node.id: Replica(node, why[node.id[0]], 10) for node in nodes if node.master and node.id[0] != me}
    return Around(nodes, is_ok, said, Way([], None, ""))


@pytest.mark.parametrize(
    ("seen", "replicas", "told"),
    [
        pytest.param(around(), 1, [], id="all is well"),
        pytest.param(around("A"), 1, [], id="a replica of a master"),
        pytest.param(around(replicas={}), 0, [], id="a cluster without replicas"),
        pytest.param(around(replicas={}), 1, ["it has none", "it has none", "it has none"], id="all are missing"),
        pytest.param(around(replicas={"A": "link down", "B": "", "C": ""}), 1, ["is in sync (10.0.0.3:7000 link down)"],
                     id="its replica lags"),
        pytest.param(around(replicas={"A": "", "B": FAILED, "C": ""}), 1, ["no replica of 10.0.0.1:7000 is in sync"],
                     id="that of another shard has failed"),
        pytest.param(around("A", replicas={"A": "", "B": "", "C": "link down"}), 1, ["no replica of 10.0.0.2:7000"],
                     id="a replica waits for another shard"),
        pytest.param(around("A", replicas={"A": "link down", "B": "", "C": ""}), 1, [],
                     id="a replica that lags itself is no loss"),
        pytest.param(around(failed="b"), 1, ["5461 of 16384 slots have no master"], id="a master is dead"),
        pytest.param(around(is_ok=False), 1, ["cluster_state:fail"], id="it does not serve"),
        pytest.param(around(masters="a", replicas={}), 1, [], id="in no cluster yet"),
    ],
)  # fmt: skip
def test_a_node_goes_while_its_cluster_is_whole_and_every_shard_has_a_replica_in_sync(
    seen: Around, replicas: int, told: list[str]
) -> None:
    found = shortcomings(seen, replicas)
    assert len(found) == len(told), found
    assert all(words in line for words, line in zip(told, found)), found


def test_the_one_that_has_most_takes_over_and_none_that_is_not_in_sync() -> None:
    nodes = parse(
        f"{'a' * 40} 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-16383\n"
        + "\n".join(f"{one * 40} 10.0.0.{one}:7000@17000 slave {'a' * 40} 0 0 1 connected" for one in "234")
    )
    said = [Replica(nodes[1], "", 100), Replica(nodes[2], "", 120), Replica(nodes[3], "link down", 200)]
    seen = Around(nodes, True, {one.node.id: one for one in said}, Way([], None, ""))
    assert [one.offset for one in seen.successors] == [120, 100]


def refused(seen: Around, **given: Any) -> list[str]:
    node = {"instance": "c0", "replicas": 1, "accept_gap": False, **given}
    server = {"c0": mock.Mock()}
    with (
        mock.patch.object(looking, "servers_of", return_value=server),
        mock.patch.object(looking, "around_of", return_value=seen),
        mock.patch.object(looking, "_PATIENCE", 0),
    ):
        return looking.refuse(mock.Mock(), {"cluster": {"nodes": [node], "wait": 1}}, ["c0"])


def test_what_is_refused_says_how_to_go_on_and_a_gap_that_is_accepted_is_told() -> None:
    lags = around(replicas={"A": "link down", "B": "", "C": ""})
    with pytest.raises(NetmodeError, match=r"instance c0: .*link down.*Nothing was changed.*accept_gap: true"):
        refused(lags)
    assert "nobody can take its slots over (no replica of it is in sync" in refused(lags, accept_gap=True)[0]
    assert "(redis_cluster_replicas: 0)" in refused(around(replicas={}), replicas=0)[0]
    assert refused(around()) == []
