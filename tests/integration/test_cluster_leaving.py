# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes of a cluster that are to be absent, by the playbook, on one host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lab import CHECKOUT, Host, Play
from redis_lab import ROLE_VARIABLES

NODES = [f"c{number}" for number in range(4)]


def variables(*absent: str) -> dict[str, Any]:
    return {
        **ROLE_VARIABLES,
        "redis_network_mode": "host",
        "redis_address": "172.17.0.1",
        "redis_bind": ["*"],
        "redis_password": "s3cret",
        "redis_cluster": "cache",
        "redis_cluster_replicas": 0,
        "redis_keeper": False,
        "redis_host_tuning": False,
        "redis_instances": [
            {"name": name, "port": 7000 + number, **({"state": "absent"} if name in absent else {})}
            for number, name in enumerate(NODES)
        ],
    }


@pytest.mark.thorough
def test_an_instance_that_is_to_be_absent_leaves_its_cluster_before_it_is_removed(
    host: Host, play: Callable[..., Play], role_image: None, no_files_left: None
) -> None:
    cluster, site = (CHECKOUT / "playbooks" / name for name in ("cluster.yml", "site.yml"))
    made = play(cluster, **variables())
    assert made.rc == 0, made.stdout + made.stderr
    refused = play(site, **variables("c3"))
    assert "instance c3: state: absent: it is a node of a cluster, which 3 others know, with slots" in str(
        refused.failed
    )
    left = play(cluster, **variables("c3"))
    assert left.rc == 0, left.stdout + left.stderr
    assert "c3" not in host.docker("ps", "-a", "--format", "{{.Names}}").split()
    again = play(cluster, **variables("c3"))
    assert (again.rc, again.changed) == (0, 0), again.stdout
    assert "3 masters, 0 replicas, 16384 slots" in again.stdout
