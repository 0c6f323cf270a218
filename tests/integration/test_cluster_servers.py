# SPDX-License-Identifier: GPL-3.0-or-later
"""A Redis Cluster of real servers whose nodes come, leave and come back, key by key and by atomic migration."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster import lead
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.nodes import SLOTS
from cluster_servers import Cluster
from lab import Host

SIX = ("h0/n0", "h0/n1", "h1/n0", "h1/n1", "h2/n0", "h2/n1")
THREE = ("h0/n2", "h1/n2", "h2/n2")
KEYS = 3000


@pytest.fixture
def made(host: Host, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    found = Cluster(host, request.param)
    found.start(*SIX)
    found.form()
    assert found.fill(KEYS) == KEYS
    yield found
    found.end()


@pytest.mark.thorough
@pytest.mark.parametrize("made", ["redis-7", "valkey-9"], indirect=True)
def test_r6_nodes_come_leave_and_come_back_and_every_key_stays(made: Cluster) -> None:
    made.start(*THREE)
    grown = made.form()
    assert ("send" in grown) is (made.kind != "redis-7")
    assert (made.slots(), made.read(KEYS)) == ([SLOTS // 4] * 4, KEYS)

    made.leaves = {*THREE}
    shrunk = made.form()
    assert shrunk[-1] == "forget"
    assert (made.slots(), made.read(KEYS)) == ([5461, 5461, 5462], KEYS)
    assert {len(made.view(name).nodes) for name in SIX} == {6}
    gone = {name: made.nodes[name] for name in THREE}
    made.stop(*THREE)
    for name in THREE:
        del made.nodes[name]
    assert made.form() == []

    made.leaves = set()
    made.nodes.update(gone)
    made.start(*THREE)  # on the directories that they had
    made.form()
    assert (made.slots(), made.read(KEYS)) == ([SLOTS // 4] * 4, KEYS)
    assert {len(made.view(name).nodes) for name in made.nodes} == {9}

    made.start("h3/n0", "h3/n1", "h3/n2")
    made.leaves = {name for name in made.nodes if name.startswith("h0/")}
    made.form()
    assert (made.slots(), made.read(KEYS)) == ([SLOTS // 4] * 4, KEYS)


@pytest.mark.thorough
@pytest.mark.parametrize("made", ["redis-7"], indirect=True)
def test_a_failover_soon_after_another_of_the_same_master_waits_for_the_votes(made: Cluster) -> None:
    """They are given once in twice the node timeout, which is 3 s here."""
    replica = next(name for name in SIX if not made.view(name).me.slots)
    master = next(name for name in SIX if made.view(name).me.id == made.view(replica).me.master)
    begun = time.monotonic()
    for leader, other in ((replica, master), (master, replica), (replica, master)):
        with closing(made.connected(leader)) as own:
            assert lead.lead(own) == "OK"
        with closing(made.connected(other)) as own:
            assert lead.follows(own)
    assert time.monotonic() - begun > 6
    assert made.view(replica).me.slots
    assert made.read(KEYS) == KEYS
