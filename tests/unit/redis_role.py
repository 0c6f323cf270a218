# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a host whose variables are those of the role redis, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ansible_collections.netmode.docker.plugins.filter.redis_instances import redis_instances
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_plan import PLAN_KEYS

ROLE = Path(__file__).resolve().parents[2] / "roles" / "redis"
DEFAULTS = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
SETTINGS = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["__redis_settings"]
ETH0 = {"name": "eth0", "bridge": "docker0", "addresses": ["172.17.200.5/16"]}


def plan(
    *instances: Any,
    companions: Any = (),
    definitions: Any = (),
    pending: Any = None,
    variables: Any = (),
    **host: Any,
) -> dict[str, Any]:
    """The plan of a host whose variables are the role's defaults, but for ``host``."""
    settings = {key: DEFAULTS[f"redis_{key}"] for key in SETTINGS}
    return redis_instances(
        {**settings, **host}, list(instances), companions, "web1",
        networks=definitions, pending=pending, variables=variables,
    )  # fmt: skip


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
