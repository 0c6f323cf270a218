# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left to do until all Sentinels of a set watch it: from what each Sentinel and each server says. Pure.

Who is the master the Sentinels say, whatever the inventory says: it is asked for only where none of them knows. One
kind of step is taken at a time, and the next once all say that it has come about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .views import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.netmode.docker.plugins.module_utils._redis.replication import Place

    from .views import View

LEAST = 3
"""Sentinels, for one of which may be lost and the rest is a majority."""
ASK_AS = "ask-as"
"""Stands for the commands that give it the user and the password, which are known where it runs."""
FOLLOW = "follow"
"""Stands for the commands by which a server follows another, whose place comes next."""


class Sentinel(NamedTuple):
    name: str
    """``r1/sentinel``"""
    host: str
    place: Place
    numbers: Mapping[str, int]


class Member(NamedTuple):
    """A server of the set."""

    name: str
    place: Place
    may_overwrite: bool = False
    """Whether it may lose keys of its own (``redis_replica_overwrite``)."""


class Role(NamedTuple):
    """What a server says that it is."""

    follows: Place | None
    """None for a master."""
    link: str
    keys: int = 0


class Step(NamedTuple):
    instance: str
    """A Sentinel, or a server of the set."""
    words: tuple[str, ...]
    """Of SENTINEL."""
    told: str


class Wait(NamedTuple):
    """What each Sentinel is to say."""

    master: Place
    sentinels: int
    """Others that it knows and that answer."""
    replicas: int


class Plan(NamedTuple):
    steps: tuple[Step, ...] = ()
    wait: Wait | None = None
    """None where all is so."""
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    master: Place | None = None
    left: tuple[str, ...] = ()
    """What is not so, in words."""


def quorum_of(sentinels: Sequence[Sentinel]) -> int:
    return sentinels[0].numbers["quorum"] or len(sentinels) // 2 + 1


def plan(
    name: str,
    sentinels: Sequence[Sentinel],
    members: Sequence[Member],
    views: Mapping[str, View | None],
    roles: Mapping[str, Role | None],
) -> Plan:
    """``views``: by Sentinel, None where it does not watch the set. ``roles``: by member, None for an unknown one."""
    quorum, warnings = quorum_of(sentinels), _warnings(sentinels)
    if quorum > len(sentinels):
        why = f"redis_sentinel_quorum: {quorum} of {len(sentinels)} Sentinels cannot be. Give {len(sentinels)} at most."
        return Plan(problems=(why,))
    watching = {key: view for key, view in views.items() if view}
    master, why = _master(members, watching, roles)
    if master is None:
        return Plan(problems=(why,), warnings=warnings)
    followers = sum(1 for role in roles.values() if role and role.follows == master)
    wait = Wait(master, len(sentinels) - 1, followers)
    steps = _watch(name, sentinels, views, master, quorum) or _set(name, sentinels, watching, quorum)
    left = _left(watching, wait)
    if not steps and not left:
        strangers = _strangers(members, watching, roles, master)
        kept = [one.name for one in strangers if (role := roles[one.name]) and role.keys and not one.may_overwrite]
        if kept:
            return Plan(problems=tuple(_kept(one, master) for one in kept), warnings=warnings, master=master)
        steps = [_follow(one, master) for one in strangers] or _reset(name, sentinels, members, watching)
    whole = not (steps or left)
    return Plan(tuple(steps), None if whole else wait, (), warnings, master, left)


def _warnings(sentinels: Sequence[Sentinel]) -> tuple[str, ...]:
    count, majority = len(sentinels), len(sentinels) // 2 + 1
    on: dict[str, int] = {}
    for one in sentinels:
        on[one.host] = on.get(one.host, 0) + 1
    if count < LEAST:
        return (
            f"{count} of its Sentinels: nothing fails over once one is lost. Have {LEAST} or more, on as many hosts.",
        )
    return tuple(
        f"{many} of its {count} Sentinels are on {host}: without that host they are less than {majority}, the majority "
        "that a failover takes. Put them on more hosts."
        for host, many in on.items()
        if count - many < majority
    )


def _master(
    members: Sequence[Member], watching: Mapping[str, View], roles: Mapping[str, Role | None]
) -> tuple[Place | None, str]:
    """As the Sentinels say, the one of the last failover; else as the servers say. None, and why."""
    if watching:
        return max(watching.values(), key=lambda view: view.epoch).master.place, ""
    silent = [one.name for one in members if not roles.get(one.name)]
    masters = [one for one in members if (role := roles.get(one.name)) and role.follows is None]
    if silent:
        return None, (
            f"who is its master cannot be proven: no Sentinel knows it yet, and {', '.join(silent)} does not answer, "
            "which may be it. Start it (site.yml), or take it out of the inventory."
        )
    if len(masters) != 1:
        say = f"{' and '.join(one.name for one in masters)} say that they are" if masters else "none says that it is"
        return None, (
            f"who is its master cannot be proven: no Sentinel knows it yet, and {say}. Have all but one follow it "
            "(redis_replica_of)."
        )
    lost = [f"{key} follows {role.follows}" for key, role in roles.items() if role and _is_lost(role, masters[0])]
    if lost:
        return (
            None,
            f"{masters[0].name} is its master at {masters[0].place}, and {', '.join(lost)}. Run site.yml first.",
        )
    return masters[0].place, ""


def _is_lost(role: Role, master: Member) -> bool:
    return role.follows is not None and role.follows != master.place


def _watch(
    name: str, sentinels: Sequence[Sentinel], views: Mapping[str, View | None], master: Place, quorum: int
) -> list[Step]:
    steps = []
    for one in sentinels:
        if not views[one.name]:
            told = f"{one.name} is to watch {master}"
            steps.append(Step(one.name, ("MONITOR", name, master.host, str(master.port), str(quorum)), told))
            steps.append(Step(one.name, (ASK_AS, name), ""))
            steps += [Step(one.name, ("SET", name, NUMBERS[key], str(one.numbers[key])), "") for key in _OTHER_NUMBERS]
    return steps


_OTHER_NUMBERS = ("down_after", "failover_timeout", "parallel_syncs")


def _set(name: str, sentinels: Sequence[Sentinel], watching: Mapping[str, View], quorum: int) -> list[Step]:
    steps = []
    for one in sentinels:
        view, wanted = watching[one.name], {**one.numbers, "quorum": quorum}
        if not view.asks_right:
            steps.append(Step(one.name, (ASK_AS, name), f"{one.name} is to ask with another password or user"))
        for key, option in NUMBERS.items():
            if view.numbers[key] != wanted[key]:
                told = f"{option} of {one.name} is {view.numbers[key]}, and to be {wanted[key]}"
                steps.append(Step(one.name, ("SET", name, option, str(wanted[key])), told))
    return steps


def unlike(view: View, wait: Wait) -> str:
    """What a Sentinel does not say yet; '' for nothing."""
    if view.is_failing_over:
        return "a failover is going on"
    if view.master.place != wait.master:
        return f"it says that the master is {view.master.place}, and not {wait.master}"
    if view.master.is_down:
        return f"the master {wait.master} is down for it"
    known = sum(not one.is_down for one in view.sentinels)
    if known < wait.sentinels:
        return f"it knows {known} of {wait.sentinels} other Sentinels"
    following = sum(not one.is_down and one.link == "ok" for one in view.replicas)
    if following < wait.replicas:
        return f"it knows {following} of {wait.replicas} replicas whose link is up"
    return "" if view.quorum.startswith("OK") else f"it says {view.quorum}"


def _left(watching: Mapping[str, View], wait: Wait) -> tuple[str, ...]:
    told = {key: unlike(view, wait) for key, view in watching.items()}
    return tuple(f"{key}: {why}" for key, why in told.items() if why)


def _strangers(
    members: Sequence[Member], watching: Mapping[str, View], roles: Mapping[str, Role | None], master: Place
) -> list[Member]:
    """Servers that do not follow the master and that no Sentinel knows, which would see to that."""
    known = {seen.place for view in watching.values() for seen in view.replicas}
    odd = [one for one in members if (role := roles.get(one.name)) and role.follows != master]
    return [one for one in odd if one.place not in known | {master}]


def _follow(one: Member, master: Place) -> Step:
    told = f"{one.name}, which no Sentinel knows at {one.place}, is to follow {master}"
    return Step(one.name, (FOLLOW, master.host, str(master.port)), told)


def _kept(name: str, master: Place) -> str:
    return (
        f"{name} has keys of its own, and no Sentinel knows it at its address: as a replica of {master}, the master, "
        "it would lose them. Say redis_replica_overwrite: true where that is meant, or take it out of the set."
    )


def _reset(
    name: str, sentinels: Sequence[Sentinel], members: Sequence[Member], watching: Mapping[str, View]
) -> list[Step]:
    """One at a time: it forgets all that it knows of the set but the master, and learns the rest from that again."""
    places = {*(one.place for one in sentinels), *(one.place for one in members)}
    for one in sentinels:
        view = watching[one.name]
        known = [*view.sentinels, *view.replicas]
        twice = {seen.run_id for seen in known if seen.place in places} - {""}
        gone = sorted(
            str(seen.place)
            for seen in known
            if seen.place not in places and (seen.is_down or seen.run_id in twice)  # or it is elsewhere by now
        )
        if gone:
            return [Step(one.name, ("RESET", name), f"{one.name} is to forget {', '.join(gone)}, which are gone")]
    return []
