# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a host runs and what is wanted to the steps between: pure, so a plan can be tested without an engine.

Donors and sharers are planned together. A sharer's namespace is the one that its donor had when the sharer was started:
whatever gives the donor a new one (create, recreate, start, restart) makes its sharers stale, so they follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import configs, dependants, endpoints, labels, leaving, mounted, options, order, ports, sharing
from .compare import Comparison, Expected, compare, reason
from .draft import Draft
from .state import NEW_SUFFIX, OLD_SUFFIX, Host, Plan

if TYPE_CHECKING:
    from .spec import Wanted

Json = dict[str, Any]


def plan(host: Host, wanted: list[Wanted]) -> Plan:
    """The steps from ``host`` to ``wanted`` in the order in which they must be taken. NetmodeError: a refusal."""
    draft = Draft(host, wanted)
    wanted = order.in_order(host, wanted, _givers(draft))
    for key, state in host.states.items():
        if host.name(key) in host.pending and state not in ("running", "paused"):
            draft.renewed[key] = f"its donor {host.name(key)} is started by a task before this one"
    leaving.leave(draft, wanted)
    for one in wanted:
        if one.state != "absent":
            draft.sweep(one.name, draft.container(one), NEW_SUFFIX, "never took over")
            _bring(draft, one)
            draft.settle(one)
            draft.sweep(one.name, draft.container(one), OLD_SUFFIX, "was replaced")
    return Plan(draft.steps, draft.differences)


def _givers(draft: Draft) -> dict[str, set[str]]:
    """Entry → the entries whose containers hold now what it is to have (ports of the host, addresses) or it needs."""
    host, entries = draft.host, draft.by_name.values()
    names = {draft.container(one): one.name for one in entries}
    found = {}
    for one in entries:
        needed = host.ties.get(draft.container(one) or "", {})
        keys = {*ports.held(host, one), *endpoints.held(host, one), *needed}
        found[one.name] = {names[key] for key in keys if key in names} - {one.name}
    return found


def _bring(draft: Draft, one: Wanted) -> None:
    """The steps for an entry that is to be there, started or stopped."""
    host, key = draft.host, draft.container(one)
    endpoints.check(host, one, key, draft.settled)
    _refuse_more_cpus(one, host.cpus)
    expected = _expected(draft, one)
    if key is None:
        _create(draft, one, expected)
        return
    called = host.name(key)
    if called != one.name:
        early = called == one.name + NEW_SUFFIX
        draft.add("rename", one.name, f"it is called {called}", key, to=one.name, early=early)
    found = compare(host, one, key, expected)
    if found.differences:
        draft.differences[one.name] = found.differences
    if found.reasons:
        _recreate(draft, one, key, expected, found)
    elif not dependants.follows(draft, one, key):
        _fix_live(draft, one, key, expected)
        _fix_endpoints(draft, one, key)
        _fix_state(draft, one, key)


def _expected(draft: Draft, one: Wanted) -> Expected:
    host = draft.host
    image = (host.images.get(one.image) or {}).get("Config") or {}
    wanted = options.expected(one.options, image, shares=bool(one.donor), limits_swap=host.limits_swap)
    return Expected(wanted, sharing.network_mode(draft, one))


def _refuse_more_cpus(one: Wanted, there: int) -> None:
    asked = (one.options.get("cpus") or 0) / 10**9
    if there and asked > there:
        raise NetmodeError(f"{one.where}: cpus: {asked:g} CPUs are more than the {there} that this host has.")


def _making(one: Wanted, expected: Expected) -> Json:
    """The data of the step that makes an entry's container."""
    body = options.body(expected.options, one.image, expected.mode, one.name)
    if one.configs or options.CONFIGS_LABEL in body["Labels"]:  # an image that was committed hands on its own
        body["Labels"][options.CONFIGS_LABEL] = configs.label(one.configs)
    return {"body": body, "endpoints": one.endpoints, "configs": one.configs, "start": one.state == "started"}


def _create(draft: Draft, one: Wanted, expected: Expected) -> None:
    draft.born.add(one.name)
    draft.differ(one, "state", "absent", one.state)
    draft.add("create", one.name, "there is no container of this name", "", **_making(one, expected))


def _recreate(draft: Draft, one: Wanted, key: str, expected: Expected, found: Comparison) -> None:
    from . import clone  # noqa: PLC0415 (most runs recreate nothing)

    host, inspect, reasons = draft.host, draft.host.inspected[key], "; ".join(found.reasons)
    why = f"it would have to be recreated ({reasons}), and could not be put back if that failed"
    instead = f"Stop it manually (docker stop {host.name(key)}) and run again."
    dependants.refuse_vanishing(host, one.where, key, why, instead)
    draft.born.add(one.name)
    making = {**_making(one, expected), "endpoints": endpoints.with_notes(one, inspect)}
    body, wanted = making["body"], expected.options
    old = (host.images.get(inspect["Image"]) or host.images.get(one.image) or {}).get("Config") or {}
    volumes = mounted.hand_on(inspect, old, wanted["volumes"], wanted["tmpfs"] or {})
    clone.keep(body, inspect, wanted)
    body["Labels"] = {**labels.notes(inspect["Config"].get("Labels"), old.get("Labels")), **body["Labels"]}
    body["HostConfig"]["Binds"] += volumes.kept
    proven = host.states[key] == "running" and found.differences.keys() <= options.UNTRIED
    draft.add(
        "recreate", one.name, reasons, key, **making, dependants=dependants.running(host, key), grace=one.grace,
        proven=proven, unused=volumes.unused, left=volumes.left,
    )  # fmt: skip
    dependants.follow(draft, key, f"its donor {one.name} is recreated", born=True)


def _fix_live(draft: Draft, one: Wanted, key: str, expected: Expected) -> None:
    found = draft.differences.get(one.name, {})
    if found:
        why = "; ".join(reason(name, *pair) for name, pair in found.items())
        draft.add("update", one.name, why, key, body=options.update_body(expected.options, set(found)))


def _fix_endpoints(draft: Draft, one: Wanted, key: str) -> None:
    for change in endpoints.fixing(one, draft.host.inspected[key]):
        draft.differ(one, f"networks.{change.network}", "", change.why)
        data = {"network": change.network, "endpoint": change.spec}
        draft.add(change.action, one.name, f"{change.network}: {change.why}", key, **data)


def _fix_state(draft: Draft, one: Wanted, key: str) -> None:
    state = draft.host.states[key]
    if one.state == "stopped":
        if draft.host.runs(key):
            draft.differ(one, "state", state, "stopped")
        return
    stale = sharing.stale(draft, one, key) or draft.host.restarted.get(one.name, "")
    again = "restart" if stale else ""
    action = {"paused": "unpause", "running": again, "restarting": again}.get(state, "start")
    if not action:
        return
    draft.differ(one, "state", state, "started")
    if action != "restart":
        draft.add(action, one.name, stale or f"it is {state}", key)
    if stale and action != "start":
        dependants.restart(draft, one.where, one.name, key, stale)
    if stale or (not one.donor and action != "unpause"):
        dependants.follow(draft, key, f"its donor {one.name} is {action}ed", born=False)
