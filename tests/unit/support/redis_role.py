# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a host whose variables are those of the role redis, for tests."""

from __future__ import annotations

import re
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


_PLACE = re.compile(r"web1: (?:instance (?P<instance>.*?): )?(?P<option>[^\s:]+(?: \([^)]*\))?)", re.DOTALL)
_WAYS_OUT = (
    "add|choose|did you mean|declare|give|join|leave|look at|make|move|name|publish|rename|say|set|take|use|write"
)
_RIGHT = """must be|has to be|are wanted|is none of|is not between|is not from|is not one of|is not a number|known are|
    the highest number|has room|(example|instead:|for several lines|with a name|needs arguments|in no argument|
    is not text"""
_WAY_OUT = re.compile(
    rf"(?:[.;:] |, or )(?:{_WAYS_OUT})\b|" + "|".join(map(re.escape, map(str.strip, _RIGHT.split("|")))),
    re.IGNORECASE,
)
"""What to do: a sentence that says so, or what would be right."""


def problems(*instances: Any, **options: Any) -> list[str]:
    """Each names the host, the instance, the option as it was written, and what to do; nothing is planned beside it."""
    found = plan(*instances, **options)
    assert all(found[key] == [] for key in PLAN_KEYS if key != "problems"), "a plan with problems does something"
    written = {str(key) for one in [options, *instances] if isinstance(one, dict) for key in one}
    settings = {key for one in (options, *instances) if isinstance(one, dict) for key in one.get("settings") or ()}
    for line in found["problems"]:
        place = _PLACE.match(line)
        assert place, line
        root = re.split(r"[ .[]", place["option"])[0]
        assert {root, root.removeprefix("redis_")} & {*written, *SETTINGS, *HOST_VARIABLES, "name"}, line
        assert root != "settings" or any(f" settings.{key}: " in line for key in settings), line
        assert _WAY_OUT.search(line), line
    return found["problems"]


def conf(entry: dict[str, Any], **host: Any) -> list[str]:
    found = plan(entry, **host)
    assert found["problems"] == []
    return found["files"][0]["lines"]


def isolated(*interfaces: Any, **more: Any) -> list[dict[str, Any]]:
    """One instance of none mode with interfaces of its own."""
    return [{"name": "aa", "network_mode": "none", "interfaces": list(interfaces), **more}]
