# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a host whose variables are those of the role redis, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ansible_collections.netmode.docker.plugins.filter.redis_plan import redis_plan
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_plan import PLAN_KEYS
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_settings import HOST_VARIABLES
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import read_variables

ROLE = Path(__file__).resolve().parents[3] / "roles" / "redis"
DEFAULTS = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
SETTINGS = [name.removeprefix("redis_") for name in DEFAULTS if name.removeprefix("redis_") not in HOST_VARIABLES]
ETH0 = {"name": "eth0", "bridge": "docker0", "addresses": ["172.17.200.5/16"]}


def plan(
    *instances: Any, companions: Any = (), definitions: Any = (), pending: Any = (), **host: Any
) -> dict[str, Any]:
    """The plan of a host whose variables are the role's defaults, but for ``host``."""
    given = {"instances": list(instances), "companions": companions, "network_definitions": definitions, **host}
    wrong: list[str] = []
    variables = read_variables("redis", {f"redis_{name}": value for name, value in given.items()}, wrong, "web1: ")
    if wrong:
        return {**{key: [] for key in PLAN_KEYS}, "problems": wrong}
    return redis_plan(variables, "web1", pending=pending)


def problems(*instances: Any, **options: Any) -> list[str]:
    found = plan(*instances, **options)
    assert all(found[key] == [] for key in PLAN_KEYS if key != "problems"), "a plan with problems does something"
    return found["problems"]


def conf(entry: dict[str, Any], **host: Any) -> list[str]:
    found = plan(entry, **host)
    assert found["problems"] == []
    return found["files"][0]["lines"]


def isolated(*interfaces: Any, **more: Any) -> list[dict[str, Any]]:
    """One instance of none mode with interfaces of its own."""
    return [{"name": "aa", "network_mode": "none", "interfaces": list(interfaces), **more}]
