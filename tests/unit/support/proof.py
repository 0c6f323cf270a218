# SPDX-License-Identifier: GPL-3.0-or-later
"""The claims of a host on which everything answers as asked, but for what a test changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._redis.claims import claims, render
from ansible_collections.netmode.docker.plugins.module_utils._redis.exposure import plain
from ansible_collections.netmode.docker.plugins.module_utils._redis.problems import Problems
from ansible_collections.netmode.docker.plugins.module_utils._redis.ways import endpoints, instances_of
from ansible_collections.netmode.docker.plugins.module_utils._redis.witness import where
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_settings import check, merge
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_users import operator_file
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import read_variables

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._redis.ways import Instance

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


def answers_of(asked: list[dict[str, Any]], instances: list[Instance]) -> dict[str, Any]:
    """What a host answers on which everything is as asked: one run id for each instance, and no listener too many."""
    told = {instance.name: [where(plain(at), port) for at, port in instance.listens] for instance in instances}
    answers = {}
    for endpoint in asked:
        name, _colon, label = endpoint["name"].partition(": ")
        answer: dict[str, Any] = {"reachable": True, "answer": "PONG", "error": None}
        answer["server"] = {"run_id": f"{name[6:9]}{'0' * 37}"}
        answer["listens"] = told[name] if "socket" in endpoint else None
        answer["neighbours"] = [] if endpoint.get("neighbours") else None
        answer["seen"] = True if "witness" in endpoint else None
        if "over" in label and "witness" in endpoint:
            answer.update(answer="NOAUTH Authentication required.", server=None)
        if label.startswith("it does not answer at"):
            answer.update(reachable=False, answer=None, error="refused", server=None)
        if label.startswith("no answer without"):
            answer.update(answer="NOAUTH Authentication required.", server=None)
        answers[endpoint["name"]] = answer
    return answers


def wanted(instances: Any, host: str = "web1", socket_dir: str = "/run/r", **changed: Any) -> list[Instance]:
    """What the role asks for, merged and checked as it does. AssertionError: what is wrong with it."""
    problems = Problems(host, ())
    merged = merge(settings(**changed), instances, problems)
    for entry in merged:
        check(entry, problems)
        entry["operator"] = operator_file(entry, "/etc/r")
    assert not problems.told, problems.told
    return instances_of(merged, socket_dir)


def redis_endpoints(facts: dict[str, Any], instances: Any, **changed: Any) -> list[dict[str, Any]]:
    return endpoints(facts, wanted(instances, **changed))


def prove(facts: dict[str, Any], instances: list[dict[str, Any]], change: Any = None, **changed: Any) -> dict[str, Any]:
    asked = wanted(instances, **changed)
    answers = answers_of(endpoints(facts, asked), asked)
    if change:
        change(answers)
    found = claims("web1", facts, answers, asked)
    return {"claims": found, "failed": sum(not claim["ok"] for claim in found), "lines": render("web1", found)}


def failed(proof: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    wrong = [claim for claim in proof["claims"] if not claim["ok"]]
    for claim in proof["claims"]:
        assert bool(claim["way_out"]) is not claim["ok"], claim
        assert claim["ok"] or f"     {claim['way_out']}" in proof["lines"]
    return [(claim["instance"], claim["claim"], claim["expected"], claim["observed"]) for claim in wrong]
