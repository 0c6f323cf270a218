# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller itself makes of a large fleet: plans, matrix, tables, tree; no host is asked.

Each host has twenty containers, four of them Redis at an address of the bridge and at a published port. Ansible's own
part, which is most of a run's, is measured by ``tests/bench/fleet``.

    .venv/bin/python tests/bench/controller.py [--sizes 500 1000 5000]
"""

from __future__ import annotations

import argparse
import copy
import json
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]
from tree import CHECKOUT, COLLECTIONS  # noqa: E402

sys.path[:0] = [str(COLLECTIONS)]
from ansible_collections.netmode.docker.plugins.filter.fleet_tables import fleet_tables  # noqa: E402
from ansible_collections.netmode.docker.plugins.filter.redis_plan import FilterModule as Plan  # noqa: E402
from ansible_collections.netmode.docker.plugins.filter.redis_reach import redis_reach  # noqa: E402
from ansible_collections.netmode.docker.plugins.filter.redis_reach_endpoints import redis_reach_endpoints  # noqa: E402
from ansible_collections.netmode.docker.plugins.filter.topology_tree import topology_tree  # noqa: E402
from ansible_collections.netmode.docker.plugins.module_utils._redis.targets import addresses  # noqa: E402
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import read_variables  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

CONTAINERS, REDIS = 20, 4
LINEAR = 1.3
"""How much more a host may cost in the largest fleet than in the smallest."""


def facts_of(number: int) -> Json:
    """Of a host: those of a recorded one, with as many containers on docker0 as said above."""
    text = (CHECKOUT / "tests" / "unit" / "support" / "golden" / "facts.json").read_text(encoding="utf-8")
    facts: Json = json.loads(text)["article"]
    model = next(one for one in facts["containers"].values() if one["interfaces"] and one["interfaces"][0]["bridge"])
    facts["containers"] = {}
    for index in range(CONTAINERS):
        one = copy.deepcopy(model)
        one.update(name=f"redis-{index}", id=f"{number:08}{index:056}")
        one["interfaces"][0]["ipv4"] = [f"172.17.{index}.2/16"]
        facts["containers"][one["name"]] = one
    return facts


def reach_of(name: str, number: int) -> Json:
    own = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    found = []
    for index in range(REDIS):
        one = {"to": name, "instance": f"redis-{index}", "run_id": None, "holder": None}
        found.append({**one, "address": f"172.17.{index}.2", "port": 6379, "near": True, "far": False})
        found.append({**one, "address": own, "port": 7000 + index, "near": True, "far": True})
    return {"host": name, "targets": found, "witnesses": 10, "addresses": addresses(facts_of(number))}


def answers_to(asked: dict[str, list[Json]]) -> dict[str, dict[str, Json]]:
    """Each as it is to be; at an address of docker0 the asking host's own container answers."""
    answer = {"reachable": True, "answer": "NOAUTH Authentication required."}
    return {host: {one["name"]: answer for one in endpoints} for host, endpoints in asked.items()}


def variables(number: int) -> Json:
    instances = [{"name": f"redis-{index}", "ports": [f"{7000 + index}:6379"]} for index in range(REDIS)]
    companions = [{"name": f"web-{index}", "image": "httpd:2"} for index in range(CONTAINERS - REDIS)]
    given = {"redis_instances": instances, "redis_companions": companions, "redis_password": f"secret{number}"}
    problems: list[str] = []
    return {**read_variables("redis", given, problems, ""), "problems": problems}


def planned(size: int) -> None:
    plan = Plan().filters()["redis_plan"]
    for number in range(size):
        found = plan(variables(number), f"host{number:05}")
        assert not found["problems"], found["problems"]


def measured(size: int) -> dict[str, float]:
    names = [f"host{number:05}" for number in range(size)]
    reaches = [reach_of(name, number) for number, name in enumerate(names)]
    facts = {name: facts_of(number) for number, name in enumerate(names)}
    seconds: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        begun = time.process_time()
        result = work()
        seconds[name] = time.process_time() - begun
        return result

    timed("plans", lambda: planned(size))
    asked = timed("who asks whom", lambda: redis_reach_endpoints(reaches))
    answers = answers_to(asked)
    matrix = timed("matrix", lambda: redis_reach(reaches, answers))
    assert not any(matrix["wrong"].values()), matrix["lines"][:5]
    tables = timed("tables", lambda: fleet_tables(facts))
    assert len(tables["containers"]) == size * CONTAINERS
    tree = timed("tree", lambda: topology_tree(facts))
    assert tree.count("\n\n") == size - 1
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 1000, 5000])
    sizes = parser.parse_args().sizes
    found = {}
    print(
        f"{'hosts':>6}  {'plans':>8}{'asks':>8}{'matrix':>8}{'tables':>8}{'tree':>8}{'sum':>9}   memory   (CPU seconds)"
    )
    for size in sizes:
        found[size] = measured(size)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        row = "".join(f"{taken:>8.1f}" for taken in found[size].values())
        print(f"{size:>6}  {row}{sum(found[size].values()):>9.1f}{peak:>6.0f} MB", flush=True)
    each = [sum(found[size].values()) / size for size in (sizes[0], sizes[-1])]
    more = each[1] / each[0]
    print(f"{'holds' if more <= LINEAR else 'FAILS'}  a host of {sizes[-1]} / of {sizes[0]}  {more:.2f}  <= {LINEAR}")
    return 0 if more <= LINEAR else 1


if __name__ == "__main__":
    sys.exit(main())
