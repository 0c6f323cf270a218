# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be set on a host for its Redis, and what is left as it is and why. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .host import PATHS, Ours
from .spec import HUGE_PAGES, OVERCOMMIT, SOMAXCONN

if TYPE_CHECKING:
    from .host import Host
    from .spec import Json

_STRICT = "2"
"""``vm.overcommit_memory`` of a host that promises no more memory than it has: nobody has that by default."""

_WHY = {
    OVERCOMMIT: "a Redis that saves or feeds a replica may otherwise fail to fork while memory is scarce",
    HUGE_PAGES: "huge pages make a Redis that saves copy far more memory than it changes",
    SOMAXCONN: "tcp-backlog of a Redis in the host's namespace is more",
}


_OFF = "With redis_host_tuning: false nothing is tuned, and nothing is said of it."


class Step(NamedTuple):
    key: str
    before: str
    after: str
    why: str


class Plan(NamedTuple):
    steps: list[Step]
    ours: dict[str, Ours]
    """What is to be kept for the next start, once the steps are done."""
    warnings: list[str]
    sysctls: dict[str, dict[str, str]]
    """Container → those of its own namespace."""


def plan(host: Host, wanted: dict[str, str], namespaces: list[Json]) -> Plan:
    found = Plan([], dict(host.ours), [], {})
    for key, value in wanted.items():
        _plan_one(host, key, value, found)
    for one in namespaces:
        if one["backlog"] > host.of_new_namespaces:
            _plan_namespace(one, found)
    return found


def _plan_one(host: Host, key: str, value: str, found: Plan) -> None:
    now = host.values.get(key)
    if now is None or _is_enough(key, now, value):
        return
    why = _left(host, key, now, value)
    if why:
        found.warnings.append(f"{key} is {now}, and {why} ({_WHY[key]}). {_OFF}")
        return
    before = host.ours[key].before if key in host.ours else now
    found.ours[key] = Ours(before, value)
    found.steps.append(Step(key, now, value, _WHY[key]))


def _is_enough(key: str, now: str, value: str) -> bool:
    if key == SOMAXCONN:
        return now.isdigit() and int(now) >= int(value)
    return now != "always" if key == HUGE_PAGES else now == value


def _left(host: Host, key: str, now: str, value: str) -> str:
    """Why a tunable that is not as Redis asks stays as it is; '' where it is to be set."""
    given, file = host.elsewhere.get(key, ("", ""))
    if file and not _is_enough(key, given, value):
        return f"{file} says so: it stays. Redis asks for {value} there"
    if key == OVERCOMMIT and now == _STRICT:
        return f"a host that was given that keeps it. Redis asks for {value}"
    if key in host.fixed:
        return f"/{PATHS[key]} cannot be written here. Redis asks for {value}: set it where this kernel is managed"
    return ""


def _plan_namespace(one: Json, found: Plan) -> None:
    name, backlog = one["container"], str(one["backlog"])
    if one["made_here"]:
        found.sysctls[name] = {SOMAXCONN: backlog}
    else:
        found.warnings.append(untold(name, backlog, f"it is for {name} to allow more"))


def untold(name: str, backlog: str, why: str) -> str:
    """A namespace that is not given what the Redis in it asks for."""
    return (
        f"The network namespace of {name} allows a shorter queue of connections than tcp-backlog of its Redis "
        f"({backlog}), and {why}: sysctls: {{{SOMAXCONN}: {backlog}}}. {_OFF}"
    )


def taken_back(host: Host) -> Plan:
    """What was set here is as it was before; not what somebody has set to another value since."""
    steps = [
        Step(key, own.value, own.before, "it was so before")
        for key, own in host.ours.items()
        if host.values.get(key) == own.value and key not in host.fixed
    ]
    return Plan(steps, {}, [], {})
