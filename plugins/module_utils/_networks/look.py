# SPDX-License-Identifier: GPL-3.0-or-later
"""``networks`` up to the plan, and what a run would do: what check mode says. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._engine import dockerd, plugins
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._lock import undisturbed

from .compare import pool_body
from .observe import observe_attachments, observe_daemon, observe_host
from .plan import (
    Around,
    Attachment,
    Change,
    Step,
    compare,
    steps,
)
from .spec import (
    Entry,
    Network,
    parse_list,
    parse_present,
)

if TYPE_CHECKING:
    from collections.abc import Collection


class Seen(NamedTuple):
    changes: list[Change]
    steps: list[Step]
    attachments: dict[str, tuple[Attachment, ...]]
    ids: dict[str, str]
    """Network name → id, empty where it is not there."""


def would(params: dict[str, Any]) -> dict[str, Any]:
    """What a run would do, as the module returns it. NetmodeError: a refusal."""
    engine = Engine(params["docker_host"], params["timeout"])
    return result(look(engine, parse_list(params["networks"]), params["pending"]))


def look(engine: Engine, entries: list[Entry], leaving: Collection[str] = ()) -> Seen:
    """``leaving``: containers that a task before this one would remove. NetmodeError: a refusal."""
    return undisturbed("containers", engine.docker_host, lambda: planned(engine, entries, leaving))


def planned(engine: Engine, entries: list[Entry], leaving: Collection[str] = ()) -> Seen:
    networks = [parse_present(raw) for raw in engine.get("/networks")]
    arguments = next(iter(dockerd.serving(engine.docker_host).values()), [])
    daemon = observe_daemon(engine.api_version, arguments)
    changes = compare(entries, networks, daemon)
    ids = {change.name: change.current.id if change.current else "" for change in changes}
    if all(change.kind == "none" for change in changes):
        return Seen(changes, [], {}, ids)
    for change in changes:
        if change.kind in ("create", "recreate"):
            where = f"network {change.name}: ipam.driver"
            plugins.refuse_missing(engine, where, change.entry.network.ipam_driver, ("default", "null"))
    going = [change.current for change in changes if change.current and change.kind != "none"]
    attachments = {
        key: tuple(one for one in attached if one.container not in leaving)
        for key, attached in observe_attachments(engine, going).items()
    }
    changes = [_spared(change, attachments) for change in changes]
    return Seen(changes, steps(changes, Around(daemon, observe_host(), networks, attachments)), attachments, ids)


def _spared(change: Change, attachments: dict[str, tuple[Attachment, ...]]) -> Change:
    """One that is to go where only this module's containers are on it stays for the sake of others."""
    used = change.kind == "remove" and change.current and attachments[change.current.id]
    return change._replace(kind="none", reasons=()) if used and change.entry.only_made_here else change


def result(seen: Seen) -> dict[str, Any]:
    changes, plan, attachments, ids = seen
    actions = {step.change.name: step.actions for step in plan}
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for change in changes:
        name = change.name
        if change.kind == "none":
            continue
        attached = sorted(item.container for item in attachments.get(change.current.id if change.current else "", ()))
        if change.current:
            before[name] = _described(change.current, attached)
        if change.kind != "remove":
            after[name] = _described(change.entry.network, attached)
    return {
        "changed": bool(plan),
        "left": [
            change.name
            for change in changes
            if change.entry.state == "absent" and change.kind == "none" and change.current
        ],
        "networks": {
            change.name: {
                "id": ids[change.name],
                "changed": change.kind != "none",
                "actions": actions.get(change.name, []),
                "reasons": list(change.reasons),
            }
            for change in changes
        },
        "diff": {"before": before, "after": after},
    }


def _described(network: Network, attached: list[str]) -> dict[str, Any]:
    return {
        "driver": network.driver,
        "driver_opts": network.options,
        "ipam": {
            "driver": network.ipam_driver,
            "options": network.ipam_options,
            "config": [pool_body(pool) for pool in network.pools],
        },
        "internal": network.internal,
        "attachable": network.attachable,
        "enable_ipv4": network.ipv4,
        "enable_ipv6": network.ipv6,
        "labels": network.labels,
        "containers": attached,
    }
