# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports that the tree of a fleet shows beside each Redis, of the variables of its host."""

from __future__ import annotations

from ansible_collections.netmode.docker.plugins.filter.redis_ports import redis_ports
from proof import QUICKSTART


def test_ports_of_a_host_for_the_tree() -> None:
    assert redis_ports({"redis_instances": QUICKSTART, "redis_port": 7000}) == {
        "redis-bridge": 7000,
        "redis-container": 7000,
        "redis-host": 6515,
    }
    assert redis_ports({}) == redis_ports({"ansible_host": "192.0.2.1"}) == {}


def test_the_ports_of_a_host_that_names_no_instances_are_those_of_the_roles_own() -> None:
    assert redis_ports({"redis_network_mode": "host", "redis_port": 6515}) == {"redis": 6515}
    assert redis_ports({"redis_network_mode": "none"}) == {}
    assert redis_ports({"redis_network_mode": "none", "redis_interfaces": [{"name": "eth0"}]}) == {"redis": 6379}
    assert redis_ports({"redis_port": 7000, "redis_instances": []}) == {}
