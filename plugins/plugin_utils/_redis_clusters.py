# SPDX-License-Identifier: GPL-3.0-or-later
"""The clusters of a play, from what the nodes of all hosts say to what each host is to do next. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._redis.problems import Problems
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster import joining
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster import plan as planning
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.nodes import Memory, View, count, parse
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.state import Member
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_cluster import cluster
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_replication import (
    NoMasterError,
    read_host,
    two_unlike,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.nodes import Node
    from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.state import Plan
    from ansible_collections.netmode.docker.plugins.plugin_utils._redis_replication import Host

Json = dict[str, Any]


_CLAIMS = {
    "epoch": "each node has an epoch of its own",
    "meet": "every node knows every other, and all say the same",
    "slots": "every slot has a master",
    "follow": "every node without slots follows a master",
    "forget": "nodes that left are forgotten",
}
"""What is so where no step of that kind is left."""

_FIRST_TURN, _LONGEST_TURN = 10.0, 600.0
"""Seconds for which keys go from node to node until it is said how many slots are left."""
_STILL_FORGOTTEN = 8.0
"""Seconds within which nodes would have others forget one again that they were told to forget less than a minute ago
(Redis 7.2 and later; https://redis.io/docs/latest/commands/cluster-forget/#details-on-the-command-and-why-it-is-needed)."""
_ONCE = 0.1
"""Seconds, of what is then planned again: in a cluster that serves, nodes that were forgotten are met again."""
_WAITS = 15
"""How often in a row nodes are asked that are to agree by themselves."""


class _Nodes(NamedTuple):
    """Of one cluster, each with its host: those that are asked for, and the instances that are to leave."""

    stay: list[tuple[str, Json]]
    leave: list[tuple[str, str]]


def next_steps(
    hosts: Mapping[str, Json],
    variables: Mapping[str, Mapping[str, Any]],
    before: Mapping[str, Any] = MappingProxyType({}),
) -> Json:
    """``{problems, warnings, lines, claims, done, steps, waits, left, probes: {host: [...]}, turn, waited}``.

    ``hosts``: those of the play to what redis_cluster says of their nodes. ``variables``: those of each host of the
    inventory, as they are given. ``before``: what this said the last time.
    """
    found: Json = {"problems": [], "warnings": [], "lines": [], "claims": []}
    found.update({key: {host: [] for host in hosts} for key in ("steps", "waits", "left", "probes")})
    clusters: dict[str, _Nodes] = {}
    dead: set[str] = set()
    for host, given in variables.items():
        own = _read(host, given, found["problems"])
        for node in _stay(own, found["problems"]) if own else ():
            clusters.setdefault(node["cluster"], _Nodes([], [])).stay.append((host, node))
        for name, instance in own.leaving if own else ():
            clusters.setdefault(name, _Nodes([], [])).leave.append((host, instance))
        dead.update(own.dead if own else ())
    for name, nodes in clusters.items():
        if any(host in hosts for host, _ in (*nodes.stay, *nodes.leave)):
            _of_cluster(name, nodes, hosts, dead, found)
    if before:  # once in a run
        found["probes"] = {host: [] for host in hosts}
    steps = [step["command"][0] for own in found["steps"].values() for step in own]
    is_waiting = any(found["waits"].values()) and {*steps} <= {"MEET"}
    found["waited"] = before.get("waited", 0) + 1 if is_waiting else 0
    if found["waited"] > _WAITS:
        found["problems"].append(
            "\n".join([*found["lines"], "That does not come about. See what the logs of these nodes say."])
        )
    found["turn"] = min(before.get("turn", _FIRST_TURN / 1.25) * 1.25, _LONGEST_TURN)
    found["done"] = not (found["problems"] or any(found["waits"].values()))
    return found


def _read(host: str, given: Mapping[str, Any], problems: list[str]) -> Host | None:
    if not any(name in given for name in ("redis_cluster", "redis_instances")):
        return None
    try:
        return read_host(host, given)
    except NoMasterError as error:
        problems.append(f"{host}: {error}")
        return None


def _stay(own: Host, problems: list[str]) -> list[Json]:
    told = Problems(own.name)
    found = cluster(list(own.instances.values()), own, told)
    problems += told.told
    return [{**node, "password": str(own.instances[node["instance"]]["password"] or "")} for node in found]


def _of_cluster(name: str, nodes: _Nodes, hosts: Mapping[str, Json], dead: set[str], found: Json) -> None:
    problems = _unlike(nodes.stay)
    absent = sorted({host for host, _ in (*nodes.stay, *nodes.leave)} - {*hosts})
    if absent:
        problems.append(
            f"{', '.join(absent)}: has nodes of it and is not in this play. Run it on all of its hosts, without "
            "--limit."
        )
    leavers = [] if problems else _leavers(nodes.leave, hosts, found)
    if leavers and not nodes.stay:
        problems.append(
            f"{', '.join(one.name for one in leavers)}: these are all of its nodes. What they have would be lost: "
            "playbooks/teardown.yml removes a whole cluster."
        )
    if problems:
        found["problems"] += [f"cluster {name}: {problem}" for problem in problems]
        found["claims"] += [f"FAIL {name}  {problem}" for problem in problems]
    elif nodes.stay:
        stay = [
            Member(f"{host}/{node['instance']}", host, node["address"], node["port"], node["bus"])
            for host, node in nodes.stay
        ]
        _plan(name, [*stay, *leavers], nodes.stay[0][1]["replicas"], hosts, dead, found)


def _plan(
    name: str, members: list[Member], replicas: int, hosts: Mapping[str, Json], dead: set[str], found: Json
) -> None:
    instances = {member.name: (member.host, member.name.rpartition("/")[2]) for member in members}
    views = {key: _view(hosts[host]["nodes"].get(instance)) for key, (host, instance) in instances.items()}
    made = planning.plan(members, views, replicas, dead)
    found["problems"] += [f"cluster {name}: {problem}" for problem in made.problems]
    found["warnings"] += [f"cluster {name}: {warning}" for warning in made.warnings]
    takes_part = {one.name: view for one in members if (view := views[one.name]) and (not one.leaves or view.me.slots)}
    found["claims"] += _claims(name, made, members, takes_part)
    if made.problems:
        return
    for step in made.steps:
        host, instance = instances[step.member]
        found["steps"][host].append({"instance": instance, "command": list(step.words)})
        found["lines"].append(f"cluster {name}: {step.told}")
    if made.steps or made.waits:
        found["lines"] += [f"cluster {name}: {wait}" for wait in made.waits]
        for key in takes_part:
            host, instance = instances[key]
            found["waits"][host].append({"instance": instance, **_wait_of(made, takes_part)})
    else:
        found["lines"].append(f"cluster {name}: {_told(takes_part)}")
    if (made.steps and made.steps[0].kind in ("epoch", "meet", "return")) or joining.cut(members, takes_part):
        both = [(one, port) for one in members if one.name in takes_part for port in (one.port, one.bus)]
        for host in {instances[key][0] for key in takes_part}:
            found["probes"][host] += [{"name": one.name, "address": one.address, "port": port} for one, port in both]
    for key in made.left:
        host, instance = instances[key]
        found["left"][host].append(instance)


def _leavers(leave: list[tuple[str, str]], hosts: Mapping[str, Json], found: Json) -> list[Member]:
    """Those of which something is there. What is no node of a cluster has left already."""
    members = []
    for host, instance in leave:
        state, said = hosts[host]["leaving"].get(instance, "gone"), hosts[host]["nodes"].get(instance)
        me = _me(said) if said else None
        if state == "":
            found["left"][host].append(instance)
        elif state != "gone":
            at = (me.address, me.port, me.bus) if me else ("", 0, 0)
            members.append(Member(f"{host}/{instance}", host, *at, leaves=True))
    return members


def _me(said: Mapping[str, Any]) -> Node:
    return View(parse(said["nodes"]), 0).me


def _wait_of(made: Plan, views: Mapping[str, View]) -> Json:
    """A node that has joined takes neither slots nor keys until it sees the cluster whole, where that is so already."""
    kind = made.steps[0].kind if made.steps else "meet"
    formed = any(planning.is_owned(view) for view in views.values())
    return {
        "known": 1 if kind == "epoch" else len(views),
        "whole": kind == "slots" or (formed and kind != "epoch"),
        "lasting": _STILL_FORGOTTEN if kind == "return" else _ONCE if formed and not made.steps else 0,
    }


def _view(said: Mapping[str, Any] | None) -> View | None:
    if not said:
        return None
    left = tuple((int(slot), keys) for slot, keys in said["left"].items())
    return View(parse(said["nodes"]), said["keys"], left, Memory(*said["memory"]), said["atomic"])


def _unlike(nodes: list[tuple[str, Json]]) -> list[str]:
    """Each may become the master of others, and all are one to a client."""
    found = []
    for key, option in (("replicas", "redis_cluster_replicas"), ("tls", "redis_tls"), ("password", "redis_password")):
        if pair := two_unlike(nodes, key):
            found.append(f"{pair} have another {option}. Give all of its nodes the same, such as in group_vars.")
    return found


def _claims(name: str, made: Plan, members: list[Member], views: Mapping[str, View]) -> list[str]:
    """A line for each, those that do not hold with what is to be done about it."""
    left: dict[str, list[str]] = {kind: [] for kind in _CLAIMS}
    for step in made.steps:
        kind = "meet" if step.kind == "return" else step.kind
        left[kind if kind in left else "slots"].append(step.told)
    told = made.problems + made.waits
    if told:
        return [f"FAIL {name}  {one}" for one in told]
    found = []
    for kind, claim in _CLAIMS.items():
        if kind == "forget" and not (left[kind] or made.left):
            continue
        rest = f"  (left to do: {'; '.join(left[kind])})" if left[kind] else ""
        found.append(f"{'FAIL' if rest else 'ok  '} {name}  {claim}{rest}")
    whole = [key for key, view in views.items() if not planning.is_whole(view)]
    rest = f"  (not by {', '.join(whole)})" if whole else ""
    found.append(f"{'FAIL' if rest else 'ok  '} {name}  every slot is served, as each node sees it{rest}")
    apart = joining.cut(members, views)
    rest = f"  (not {', '.join(f'{one} to {other}' for one, other in apart)})" if apart else ""
    found.append(f"{'FAIL' if rest else 'ok  '} {name}  every node has a link to every other{rest}")
    found += [f"note {name}  {warning}" for warning in made.warnings]
    return found


def _told(views: Mapping[str, View]) -> str:
    masters = sum(bool(view.me.slots) for view in views.values())
    slots = sum(count(view.me.slots) for view in views.values())
    return f"{masters} masters, {len(views) - masters} replicas, {slots} slots, and all nodes say the same."


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
