# SPDX-License-Identifier: GPL-3.0-or-later
"""The clusters of a play, from what the nodes of all hosts say to what each host is to do next. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._redis.problems import Problems
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster import plan as planning
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.nodes import View, count, parse
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.plan import Member
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_cluster import cluster
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_replication import NoMasterError, read_host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.plan import Plan

Json = dict[str, Any]


_CLAIMS = {
    "epoch": "each node has an epoch of its own",
    "meet": "every node knows every other, and all say the same",
    "slots": "every slot has a master",
    "follow": "every node without slots follows a master",
}
"""What is so where no step of that kind is left."""


def next_steps(hosts: Mapping[str, Json], variables: Mapping[str, Mapping[str, Any]]) -> Json:
    """``{problems, warnings, lines, claims, done, steps: {host: [...]}, waits: {host: [...]}}``.

    ``hosts``: those of the play to what redis_cluster says of their nodes. ``variables``: those of each host of the
    inventory, as they are given.
    """
    found: Json = {"problems": [], "warnings": [], "lines": [], "claims": []}
    found.update(steps={host: [] for host in hosts}, waits={host: [] for host in hosts})
    clusters: dict[str, list[tuple[str, Json]]] = {}
    for host, given in variables.items():
        for node in _nodes(host, given, found["problems"]):
            clusters.setdefault(node["cluster"], []).append((host, node))
    for name, nodes in clusters.items():
        if any(host in hosts for host, _ in nodes):
            _of_cluster(name, nodes, hosts, found)
    found["done"] = not (found["problems"] or any(found["waits"].values()))
    return found


def _nodes(host: str, given: Mapping[str, Any], problems: list[str]) -> list[Json]:
    if not any(name in given for name in ("redis_cluster", "redis_instances")):
        return []
    try:
        own, told = read_host(host, given), Problems(host)
    except NoMasterError as error:
        problems.append(f"{host}: {error}")
        return []
    found = cluster(list(own.instances.values()), own, told)
    problems += told.told
    return [{**node, "password": str(own.instances[node["instance"]]["password"] or "")} for node in found]


def _of_cluster(name: str, nodes: list[tuple[str, Json]], hosts: Mapping[str, Json], found: Json) -> None:
    problems = _unlike(nodes)
    absent = sorted({host for host, _ in nodes} - {*hosts})
    if absent:
        problems.append(
            f"{', '.join(absent)}: has nodes of it and is not in this play. Run it on all of its hosts, without "
            "--limit."
        )
    members = [
        Member(f"{host}/{node['instance']}", host, node["address"], node["port"], node["bus"]) for host, node in nodes
    ]
    if problems:
        found["problems"] += [f"cluster {name}: {problem}" for problem in problems]
        found["claims"] += [f"FAIL {name}  {problem}" for problem in problems]
        return
    views = {member.name: _view(hosts[host].get(node["instance"])) for member, (host, node) in zip(members, nodes)}
    made = planning.plan(members, views, nodes[0][1]["replicas"])
    found["problems"] += [f"cluster {name}: {problem}" for problem in made.problems]
    found["warnings"] += [f"cluster {name}: {warning}" for warning in made.warnings]
    found["claims"] += _claims(name, made, views)
    if made.problems:
        return
    instances = {member.name: (host, node["instance"]) for member, (host, node) in zip(members, nodes)}
    for step in made.steps:
        host, instance = instances[step.member]
        found["steps"][host].append({"instance": instance, "command": list(step.words)})
        found["lines"].append(f"cluster {name}: {step.told}")
    if made.steps or made.waits:
        for host, instance in instances.values():
            found["waits"][host].append({"instance": instance, **_wait_of(made, views)})
    else:
        found["lines"].append(f"cluster {name}: {_told(views)}")


def _wait_of(made: Plan, views: Mapping[str, View | None]) -> Json:
    """A node that has joined takes neither slots nor keys until it sees the cluster whole, where that is so already."""
    kind = made.steps[0].kind if made.steps else "meet"
    formed = any(view and planning.is_whole(view) for view in views.values())
    return {"known": 1 if kind == "epoch" else len(views), "whole": kind == "slots" or (formed and kind != "epoch")}


def _view(said: Mapping[str, Any] | None) -> View | None:
    if not said:
        return None
    left = tuple((int(slot), keys) for slot, keys in said["left"].items())
    return View(parse(said["nodes"]), said["keys"], left)


def _unlike(nodes: list[tuple[str, Json]]) -> list[str]:
    """Each may become the master of others, and all are one to a client."""
    found = []
    for key, option in (("replicas", "redis_cluster_replicas"), ("tls", "redis_tls"), ("password", "redis_password")):
        given: dict[Any, str] = {}
        for host, node in nodes:
            given.setdefault(node[key], f"{host}/{node['instance']}")
        if len(given) > 1:
            first, other = list(given.values())[:2]
            found.append(
                f"{first} and {other} have another {option}. Give all of its nodes the same, such as in group_vars."
            )
    return found


def _claims(name: str, made: Plan, views: Mapping[str, View | None]) -> list[str]:
    """A line for each, those that do not hold with what is to be done about it."""
    left: dict[str, list[str]] = {kind: [] for kind in _CLAIMS}
    for step in made.steps:
        left[step.kind if step.kind in left else "slots"].append(step.told)
    told = made.problems + made.waits
    if told:
        return [f"FAIL {name}  {one}" for one in told]
    found = []
    for kind, claim in _CLAIMS.items():
        rest = f"  (left to do: {'; '.join(left[kind])})" if left[kind] else ""
        found.append(f"{'FAIL' if rest else 'ok  '} {name}  {claim}{rest}")
    whole = [key for key, view in views.items() if view and not planning.is_whole(view)]
    rest = f"  (not by {', '.join(whole)})" if whole else ""
    found.append(f"{'FAIL' if rest else 'ok  '} {name}  every slot is served, as each node sees it{rest}")
    found += [f"note {name}  {warning}" for warning in made.warnings]
    return found


def _told(views: Mapping[str, View | None]) -> str:
    seen = [view for view in views.values() if view]
    masters = sum(bool(view.me.slots) for view in seen)
    slots = sum(count(view.me.slots) for view in seen)
    return f"{masters} masters, {len(seen) - masters} replicas, {slots} slots, and all nodes say the same."


def led_before(hosts: Mapping[str, Mapping[str, Json]]) -> Json:
    """``{host: {steps, waits}}`` that have those lead again which did before a run.

    ``hosts``: host to instance to what it has handed over. What a node was handed over it has since a later epoch
    than that of who did.
    """
    found: Json = {host: {"steps": [], "waits": []} for host in hosts}
    given = [(told, host, name) for host, own in hosts.items() for name, told in own.items()]
    got: set[str] = set()
    for told, host, name in sorted(given, key=lambda one: int(one[0]["epoch"])):
        if told["node"] not in got:
            found[host]["steps"].append({"instance": name, "command": ["LEAD"]})
            found[host]["waits"].append({"instance": name, "whole": True})
        got.add(told["to"])
    return found
