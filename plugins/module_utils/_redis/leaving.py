# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances that are to be absent and are nodes of a cluster: it takes them out first, with all that they have."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils import _files
from ansible_collections.netmode.docker.plugins.module_utils._engine.names import own_names
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import drift, live
from .protocol import Connection, encode
from .running import Server

if TYPE_CHECKING:
    from .check import Around
    from .files import Instance
    from .look import Seen

GONE, STOPPED, RUNS = "gone", "stopped", "runs"


def states(seen: Seen) -> dict[str, str]:
    """Of those that are to be absent: ``gone``, of which nothing is there, ``stopped`` or ``runs`` for a node of a
    cluster, '' for what is none.
    """
    found = {}
    for one in seen.instances:
        if one["state"] == "absent":
            content = _content(one)
            state = _container(one["name"], seen.around).get("State")
            is_there = content is not None or state is not None
            is_node = state is not None and _is_node(content)
            found[one["name"]] = ("" if not is_node else RUNS if state == "running" else STOPPED) if is_there else GONE
    return found


def servers(seen: Seen) -> dict[str, Server]:
    """Those of them that run, asked as what their redis.conf says."""
    found = {}
    for one in seen.instances:
        name, content = one["name"], _content(one) or ""
        container = _container(name, seen.around)
        if one["state"] == "absent" and container.get("State") == "running" and _is_node(content):
            redis = drift.as_written(one, container["Id"], content)
            password = ""
            with suppress(ValueError):  # of lines that are somebody else's
                password = live.password_of(content)
            found[name] = Server({**one, "trial": {"password": password}}, redis, drift.ask(redis), content)
    return found


def refuse(instances: list[Instance], around: Around) -> None:
    """NetmodeError for one that has slots or knows others: removed, it would be missing there."""
    for one in instances:
        if one["state"] != "absent" or one["left"]:
            continue
        content, container = _content(one) or "", _container(one["name"], around)
        if not container or not _is_node(content):
            continue
        why = _needed(one, container, content)
        if why:
            raise NetmodeError(f"instance {one['name']}: state: absent: it is a node of a cluster, {why}")


_FIRST = (
    "playbooks/cluster.yml gives to the others what it has, and has them forget it, before it is removed: leave its "
    "redis_cluster as it was, and run that."
)


def _needed(instance: Instance, container: dict[str, Any], content: str) -> str:
    name = instance["name"]
    if container.get("State") != "running":
        return (
            f"and does not run, so that nobody knows what it has. Start it (docker start {name}) and run "
            f"playbooks/cluster.yml, or remove it manually (docker rm {name})."
        )
    redis = drift.as_written(instance, container["Id"], content)
    try:
        with closing(Connection(redis.endpoint, drift.WITHIN)) as own:
            said = drift.let_in(own, redis)
            if not said:
                own.send(encode("CLUSTER", "NODES"))
                said = str(own.reply())
    except drift.NOT_TOLD as error:
        said = str(error)
    lines = [line.split() for line in said.splitlines()]
    mine = [words for words in lines if len(words) >= 8 and "myself" in words[2]]
    if not mine:
        return f"and does not say what it has: {said}. {_FIRST}"
    if len(lines) == 1 and len(mine[0]) == 8:
        return ""
    return f"which {len(lines) - 1} others know, with {'slots' if len(mine[0]) > 8 else 'no slots'}. {_FIRST}"


def _content(instance: Instance) -> str | None:
    """Of its redis.conf, which is not looked at otherwise where it is to go."""
    given = _files.read(Path(instance["directory"]) / "redis.conf")
    return None if given is None else given.decode(errors="replace")


def _is_node(content: str | None) -> bool:
    try:
        given = live.directives(content or "")
    except ValueError:  # of lines that are somebody else's
        return False
    return (given.get("cluster-enabled") or [["no"]])[-1] == ["yes"]


def _container(name: str, around: Around) -> dict[str, Any]:
    return next((item for item in around.containers if name in own_names(item)), {})
