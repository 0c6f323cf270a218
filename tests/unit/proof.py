# SPDX-License-Identifier: GPL-3.0-or-later
"""The claims of a host on which everything answers as asked, but for what a test changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.filter.redis_claims import redis_claims
from ansible_collections.netmode.docker.plugins.filter.redis_endpoints import redis_endpoints
from ansible_collections.netmode.docker.plugins.module_utils._redis.witness import where
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_exposure import plain
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_ways import instances_of
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import read_variables

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.plugin_utils._redis_ways import Instance

UNIT = Path(__file__).parent
QUICKSTART = [
    {"name": "redis-bridge", "network_mode": "bridge", "ports": ["127.0.0.1:6379:6379"]},
    {"name": "redis-container", "network_mode": "container", "donor": "httpd"},
    {"name": "redis-host", "network_mode": "host", "port": 6515},
    {"name": "redis-none", "network_mode": "none"},
]


def settings(**changed: Any) -> dict[str, Any]:
    """The role's defaults as tasks hand them to the filters."""
    return read_variables("redis", {f"redis_{name}": value for name, value in changed.items()}, [])


def answers_of(endpoints: list[dict[str, Any]], instances: list[Instance]) -> dict[str, Any]:
    """What a host answers on which everything is as asked: one run id for each instance, and no listener too many."""
    told = {instance.name: [where(plain(at), port) for at, port in instance.listens] for instance in instances}
    answers = {}
    for endpoint in endpoints:
        name, _colon, label = endpoint["name"].partition(": ")
        answer: dict[str, Any] = {"reachable": True, "answer": "PONG", "error": None}
        answer["server"] = {"run_id": f"{name[6:9]}{'0' * 37}"}
        answer["listens"] = told[name] if "socket" in endpoint else None
        answer["neighbours"] = [] if endpoint.get("neighbours") else None
        answer["seen"] = True if "witness" in endpoint else None
        if "over" in label and "witness" in endpoint:
            answer.update(answer="NOAUTH Authentication required.", server=None)
        if label.startswith("not to be had"):
            answer.update(reachable=False, answer=None, error="refused", server=None)
        if label.startswith("no answer without"):
            answer.update(answer="NOAUTH Authentication required.", server=None)
        answers[endpoint["name"]] = answer
    return answers


def prove(facts: dict[str, Any], instances: list[dict[str, Any]], change: Any = None, **changed: Any) -> dict[str, Any]:
    endpoints = redis_endpoints(facts, settings(**changed), instances, "/run/r")
    answers = answers_of(endpoints, instances_of(settings(**changed), instances, "web1", "/run/r"))
    if change:
        change(answers)
    return redis_claims(facts, answers, settings(**changed), instances, host="web1", socket_dir="/run/r")


def failed(proof: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    wrong = [claim for claim in proof["claims"] if not claim["ok"]]
    return [(claim["instance"], claim["claim"], claim["expected"], claim["observed"]) for claim in wrong]
