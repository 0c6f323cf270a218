# SPDX-License-Identifier: GPL-3.0-or-later
"""The sets that Sentinels watch, from what the servers of all hosts say to what each host is to do next. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._redis.problems import Problems
from ansible_collections.netmode.docker.plugins.module_utils._redis.replication import Place, place_in
from ansible_collections.netmode.docker.plugins.module_utils._redis_sentinel import plan as planning
from ansible_collections.netmode.docker.plugins.module_utils._redis_sentinel.plan import Member, Role, Sentinel
from ansible_collections.netmode.docker.plugins.module_utils._redis_sentinel.views import View, view_of
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_replication import (
    NoMasterError,
    read_host,
    two_unlike,
)
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_sentinel import NUMBERS, sentinels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._redis_sentinel.plan import Plan

Json = dict[str, Any]
Own = tuple[str, Json]
"""A host of the inventory, and one of its instances."""


def next_steps(hosts: Mapping[str, Json], variables: Mapping[str, Mapping[str, Any]]) -> Json:
    """``{problems, warnings, lines, claims, done, steps: {host: [...]}, waits: {host: [...]}}``.

    ``hosts``: those of the play to what redis_sentinel says of their instances. ``variables``: those of each host of
    the inventory, as they are given.
    """
    found: Json = {"problems": [], "warnings": [], "lines": [], "claims": []}
    found.update(steps={host: [] for host in hosts}, waits={host: [] for host in hosts})
    members: dict[str, list[Own]] = {}
    watchers: dict[str, list[Own]] = {}
    for host, given in variables.items():
        for one in _own(host, given, found["problems"]):
            for name in one["of"]:
                watchers.setdefault(name, []).append((host, one))
            if one["set"]:
                members.setdefault(one["set"], []).append((host, one))
    for name in dict.fromkeys([*watchers, *members]):
        both = [*watchers.get(name, ()), *members.get(name, ())]
        if any(host in hosts for host, _ in both):
            _of_set(name, watchers.get(name, []), members.get(name, []), hosts, found)
    found["done"] = not (found["problems"] or any(found["waits"].values()))
    return found


def _own(host: str, given: Mapping[str, Any], problems: list[str]) -> list[Json]:
    if not any(name in given for name in ("redis_sentinel_set", "redis_sentinel_of", "redis_instances")):
        return []
    try:
        own, told = read_host(host, given), Problems(host)
    except NoMasterError as error:
        problems.append(f"{host}: {error}")
        return []
    instances = list(own.instances.values())
    asks = {
        one["name"]: str((one["sentinel_of"] and one["sentinel_password"]) or one["password"] or "")
        for one in instances
    }
    found = sentinels(instances, own, told)
    problems += told.told
    return [{**one, "password": asks[one["instance"]]} for one in found]


def _of_set(name: str, watchers: list[Own], members: list[Own], hosts: Mapping[str, Json], found: Json) -> None:
    problems = _wrong(name, watchers, members, hosts)
    if problems:
        found["problems"] += [f"set {name}: {problem}" for problem in problems]
        found["claims"] += [f"FAIL {name}  {problem}" for problem in problems]
        return
    own = {f"{host}/{one['instance']}": (host, one["instance"]) for host, one in watchers}
    asked = [
        Sentinel(
            f"{host}/{one['instance']}", host, Place(one["address"], one["port"]), {key: one[key] for key in NUMBERS}
        )
        for host, one in watchers
    ]
    servers = [
        Member(f"{host}/{one['instance']}", Place(one["address"], one["port"]), one["overwrite"])
        for host, one in members
    ]
    views = {key: _view(hosts[host].get(instance), name) for key, (host, instance) in own.items()}
    silent = [key for key, (host, instance) in own.items() if not hosts[host].get(instance)]
    roles = {f"{host}/{one['instance']}": _role(hosts[host].get(one["instance"])) for host, one in members}
    made = planning.plan(name, asked, servers, views, roles) if not silent else planning.Plan(problems=(
        f"{', '.join(silent)} does not answer. Start it (site.yml).",
    ))  # fmt: skip
    found["problems"] += [f"set {name}: {problem}" for problem in made.problems]
    found["warnings"] += [f"set {name}: {warning}" for warning in made.warnings]
    found["claims"] += _claims(name, made, servers, roles, len(asked))
    if made.problems:
        return
    own_of_set = {f"{host}/{one['instance']}": (host, one["instance"]) for host, one in members}
    for step in made.steps:
        host, instance = {**own, **own_of_set}[step.instance]
        found["steps"][host].append({"instance": instance, "command": list(step.words)})
        found["lines"] += [f"set {name}: {step.told}"] if step.told else []
    if made.wait:
        wait = {"set": name, "host": made.wait.master.host, "port": made.wait.master.port}
        wait.update(sentinels=made.wait.sentinels, replicas=made.wait.replicas)
        for host, instance in own.values():
            found["waits"][host].append({"instance": instance, **wait})
        found["lines"] += [f"set {name}: {line}" for line in made.left]
    else:
        followers = sum(1 for role in roles.values() if role and role.follows)
        found["lines"].append(
            f"set {name}: {_named(made.master, servers)} is the master, {followers} follow it, and all {len(asked)} "
            "Sentinels say so."
        )


def _view(said: Json | None, name: str) -> View | None:
    of = ((said or {}).get("sets") or {}).get(name)
    return view_of(of) if of else None


def _role(said: Json | None) -> Role | None:
    role = (said or {}).get("role")
    if not role:
        return None
    follows = place_in(role["master"]) if role["role"] == "replica" else None
    return Role(follows, role["link"] or "", 0 if follows else role["keys"])


def _named(place: Place | None, members: list[Member]) -> str:
    return next((f"{one.name} at {place}" for one in members if one.place == place), str(place))


def _wrong(name: str, watchers: list[Own], members: list[Own], hosts: Mapping[str, Json]) -> list[str]:
    found = []
    if not watchers:
        found.append(
            f"no instance has redis_sentinel_of: [{name}]. Give it Sentinels, or leave redis_sentinel_set out."
        )
    if not members:
        found.append(f"no instance has redis_sentinel_set: {name}. Say it of its master and of its replicas.")
    absent = sorted({host for host, _ in [*watchers, *members]} - {*hosts})
    if absent:
        found.append(f"{', '.join(absent)}: has a part in it and is not in this play. Run it on all of its hosts.")
    options = {"tls": ("redis_tls", [*watchers, *members])}
    options["password"] = ("redis_password (for a Sentinel redis_sentinel_password)", [*watchers, *members])
    options.update({key: (f"redis_sentinel_{key}", watchers) for key in NUMBERS})
    for key, (option, of) in options.items():
        if pair := two_unlike(of, key):
            found.append(f"{pair} have another {option}. Give all the same, such as in group_vars.")
    return found


_WATCHED = "all of its Sentinels watch it, know each other and all replicas, and name the same master"


def _claims(
    name: str, made: Plan, members: list[Member], roles: Mapping[str, Role | None], sentinels_of_it: int
) -> list[str]:
    if made.problems:
        return [f"FAIL {name}  {one}" for one in made.problems]
    left = [*made.left, *(step.told for step in made.steps if step.told)]
    rest = f"  (left to do: {'; '.join(left)})" if left else ""
    found = [f"{'FAIL' if rest else 'ok  '} {name}  {_WATCHED}{rest}"]
    master = next((one for one in members if one.place == made.master), None)
    role = roles.get(master.name) if master else None
    what = (
        "is the master" if role and role.follows is None else f"follows {role.follows}" if role else "does not answer"
    )
    right = bool(role and role.follows is None)
    found.append(f"{'ok  ' if right else 'FAIL'} {name}  {_named(made.master, members)}, whom they name, {what}")
    wrong = [
        f"{one.name} {_what(roles.get(one.name))}"
        for one in members
        if one.place != made.master and not _follows(roles.get(one.name), made.master)
    ]
    rest = f"  ({', '.join(wrong)})" if wrong else ""
    found.append(f"{'FAIL' if rest else 'ok  '} {name}  every other follows it, its link is up{rest}")
    found.append(f"note {name}  {sentinels_of_it} Sentinels, {sentinels_of_it // 2 + 1} of which are the majority")
    return found + [f"note {name}  {warning}" for warning in made.warnings]


def _follows(role: Role | None, master: Place | None) -> bool:
    return role is not None and role.follows == master and role.link == "up"


def _what(role: Role | None) -> str:
    if role is None:
        return "does not answer"
    return f"follows {role.follows}, its link is {role.link}" if role.follows else "is a master"
