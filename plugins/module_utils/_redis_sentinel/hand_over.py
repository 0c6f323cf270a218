# SPDX-License-Identifier: GPL-3.0-or-later
"""A planned failover of a master that Sentinels watch, before its container is replaced.

Writes wait until its replicas have all that it has, then a Sentinel fails it over, and it follows the one that was
chosen: so no write that was acknowledged is lost. A Sentinel alone would leave it a master for 10 s or more, which
takes writes that are lost then. Valkey 9 does all of that by itself (COORDINATED).
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis import following, promote, running
from ansible_collections.netmode.docker.plugins.module_utils._redis.live import directives
from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import encode, info_of
from ansible_collections.netmode.docker.plugins.module_utils._redis.replication import in_sync, told_in

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import Connection
    from ansible_collections.netmode.docker.plugins.module_utils._redis.running import Server

Json = dict[str, Any]

_ANSWERS_WITHIN = 5.0
"""Seconds beyond what is waited for."""
_PAUSE = 0.02
"""Seconds until it is asked again."""


def masters_among(
    names: list[str], servers: dict[str, Server], data: dict[str, Server]
) -> dict[str, tuple[Server, str]]:
    """Those of ``names`` that are masters, each with a Sentinel of this host that watches it, and its set.

    ``servers``: the Sentinels.
    """
    masters = [data[name] for name in names if name in data and _is_master(data[name])]
    announced = {one.instance["name"]: _announced(one) for one in masters}
    found: dict[str, tuple[Server, str]] = {}
    for watch in servers.values() if masters else ():
        with closing(running.connected(watch, _ANSWERS_WITHIN)) as own:
            own.send(encode("SENTINEL", "MASTERS"))
            sets = {(one.get("ip"), one.get("port")): one["name"] for one in own.tables() or ()}
        for name, place in announced.items():
            if place in sets:
                found.setdefault(name, (watch, sets[place]))
    return found


def _is_master(server: Server) -> bool:
    role = server.asked.role
    return role is not None and role.follows is None


def _announced(server: Server) -> tuple[str, str]:
    """As the role has it say where it is reached, in a set."""
    given = directives("\n".join(server.instance["lines"]))
    return given.get("replica-announce-ip", [[""]])[-1][0], given.get("replica-announce-port", [[""]])[-1][0]


def hand_over(data: Server, sentinel: Server, name: str, wait: int) -> None:
    """``name``: of the set. ``wait``: seconds. NetmodeError: it did not come about."""
    within = 10 * wait + following.WITHIN + _ANSWERS_WITHIN
    with closing(running.connected(data, within)) as own, closing(running.connected(sentinel, within)) as watch:
        why = _hand_over(own, watch, name, wait)
        why = why or _until_it_follows(own, following.WITHIN) or _until_it_is_over(watch, name, 6 * wait)
    if why:
        raise NetmodeError(
            f"instance {data.instance['name']}: its container is to be replaced, and no replica of the set {name} "
            f"takes over before: {why}. Nothing else of this host was changed."
        )


def _hand_over(own: Connection, watch: Connection, name: str, wait: int) -> str:
    """Why it did not come about, '' where it did."""
    until = time.monotonic() + wait
    while not _replicas(_told(own)):
        if time.monotonic() > until:
            return f"none is in sync after {wait} s"
        time.sleep(_PAUSE)
    watch.send(encode("SENTINEL", "FAILOVER", name, "COORDINATED"))
    if watch.reply() == "OK":
        return ""
    promote.until_one_speaks(own)
    own.send(encode("CLIENT", "PAUSE", str(2 * wait * 1000), "WRITE"))
    own.reply()
    try:
        return _until_all_have_it(own, wait) or _fail_over(own, watch, name, wait)
    finally:
        own.send(encode("CLIENT", "UNPAUSE"))
        own.reply()


def _told(own: Connection) -> Json:
    return told_in(info_of(own, "replication")) or {"role": "", "offset": 0, "replicas": []}


def _replicas(told: Json) -> list[Json]:
    return in_sync(told["replicas"])


def _until_all_have_it(own: Connection, wait: int) -> str:
    """All that are in sync, since which of them it is the Sentinel says."""
    wanted, until = _told(own)["offset"], time.monotonic() + wait
    while True:
        behind = [one for one in _replicas(_told(own)) if one["offset"] < wanted]
        if not behind:
            return ""
        if time.monotonic() > until:
            return f"{behind[0]['address']} is {wanted - behind[0]['offset']} bytes behind after {wait} s"
        time.sleep(_PAUSE)


def _fail_over(own: Connection, watch: Connection, name: str, wait: int) -> str:
    watch.send(encode("SENTINEL", "FAILOVER", name))
    said = watch.reply()
    if said != "OK":
        return f"its Sentinel answers FAILOVER with {said}"
    until = time.monotonic() + wait
    while time.monotonic() < until:
        chosen = _chosen(watch, name)
        if chosen:
            own.send(encode("REPLICAOF", *chosen))
            said = own.reply()
            return "" if str(said).startswith("OK") else f"it answers REPLICAOF with {said}"
        time.sleep(_PAUSE)
    return f"its Sentinel has made none the master after {wait} s (its log says why)"


def _chosen(watch: Connection, name: str) -> tuple[str, str] | None:
    """The replica that says of itself that it is the master now."""
    watch.send(encode("SENTINEL", "REPLICAS", name))
    for one in watch.tables() or ():
        if "promoted" in one.get("flags", "").split(",") and one.get("role-reported") == "master":
            return one["ip"], one["port"]
    return None


def _until_it_follows(own: Connection, wait: float) -> str:
    until = time.monotonic() + wait
    while time.monotonic() < until:
        if _told(own).get("link") in ("up", "syncing"):
            return ""
        time.sleep(_PAUSE)
    return f"it does not follow another after {wait:g} s (its log says why)"


def _until_it_is_over(watch: Connection, name: str, wait: int) -> str:
    """Until the others follow the new one too, so that the next may be replaced."""
    until = time.monotonic() + wait
    while time.monotonic() < until:
        watch.send(encode("SENTINEL", "MASTERS"))
        flags = [one.get("flags", "") for one in watch.tables() or () if one.get("name") == name]
        if not any("failover_in_progress" in one for one in flags):
            return ""
        time.sleep(_PAUSE)
    return f"the failover is still going on after {wait} s (the log of its Sentinel says why)"
