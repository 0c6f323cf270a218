# SPDX-License-Identifier: GPL-3.0-or-later
"""``redis_host_tuning``: what the Redis of a host ask of its kernel, by their modes and settings."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.filter.redis_plan import redis_plan
from ansible_collections.netmode.docker.plugins.module_utils._tuning.spec import with_sysctls
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import read_variables
from redis_role import plan

NOTHING = {"overcommit_memory": False, "huge_pages": False, "somaxconn": 0, "namespaces": []}
ONLY_MEMORY = {**NOTHING, "overcommit_memory": True}


def tuning(*instances: Any, **host: Any) -> dict[str, Any]:
    found = plan(*({"name": f"n{number}", **one} for number, one in enumerate(instances)), **host)
    assert found["problems"] == []
    return found["parts"]["tuning"]


def space(container: str, backlog: int = 511, *, made_here: bool = True) -> dict[str, Any]:
    return {"container": container, "backlog": backlog, "made_here": made_here}


BACKLOG = {"settings": {"tcp-backlog": 8192}}
WEB = {"network_mode": "container", "donor": "web", "password": "x"}


@pytest.mark.parametrize(
    ("instances", "host", "asked"),
    [
        ([{}], {}, {"namespaces": [space("n0")]}),
        ([{"network_mode": "none"}], {}, {"namespaces": [space("n0")]}),
        ([{"network_mode": "host"}], {}, {"somaxconn": 511}),
        ([{"network_mode": "host"}, {"network_mode": "host", "port": 7, **BACKLOG}], {}, {"somaxconn": 8192}),
        ([BACKLOG], {}, {"namespaces": [space("n0", 8192)]}),
        ([{"settings": {"TCP-BACKLOG": ["100", "200"]}}], {}, {"namespaces": [space("n0", 200)]}),
        ([{**BACKLOG, "sysctls": {"net.core.somaxconn": 9000}}], {}, {}),
        (
            [{}, {"network_mode": "container", "donor": "n0", "port": 7, **BACKLOG}],
            {},
            {"namespaces": [space("n0", 8192)]},
        ),
        ([WEB], {}, {"namespaces": [space("web", made_here=False)]}),
        ([WEB], {"companions": [{"name": "web"}]}, {"namespaces": [space("web", made_here=False)]}),
        ([WEB], {"companions": [{"name": "web", "sysctls": {"net.core.somaxconn": 511}}]}, {}),
        ([WEB], {"companions": [{"name": "web", "sysctls": ["net.core.somaxconn=511"]}]}, {}),
        ([WEB], {"companions": [{"name": "web", "network_mode": "host"}]}, {"somaxconn": 511}),
        ([{"settings": {"disable-thp": "no"}}], {}, {"huge_pages": True, "namespaces": [space("n0")]}),
        ([{"settings": {"disable-thp": True}}], {}, {"namespaces": [space("n0")]}),
    ],
)
def test_what_is_asked_by_mode_and_settings(instances: list[Any], host: dict[str, Any], asked: dict[str, Any]) -> None:
    assert tuning(*instances, **host) == {**ONLY_MEMORY, **asked}


@pytest.mark.parametrize(
    ("instances", "host"),
    [([{}], {"host_tuning": False}), ([{"state": "stopped"}], {}), ([{"state": "absent"}], {}), ([], {})],
)
def test_off_or_without_a_redis_that_runs_nothing_is_asked(instances: list[Any], host: dict[str, Any]) -> None:
    assert tuning(*instances, **host) == NOTHING


def test_a_container_is_given_what_the_host_found_missing_beside_its_own() -> None:
    own = {"name": "aa", "sysctls": {"net.ipv4.tcp_keepalive_time": 60}}
    variables = read_variables("redis", {"redis_instances": [own, {"name": "bb", "port": 7}]}, [])
    made = with_sysctls(redis_plan(variables, "web1")["containers"], {"aa": {"net.core.somaxconn": "8192"}})
    assert [one.get("sysctls") for one in made] == [
        {"net.ipv4.tcp_keepalive_time": "60", "net.core.somaxconn": "8192"}, None,
    ]  # fmt: skip
