# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps promote a replica: its master hands over to it, and the other replicas of that follow it.

Pure: (what the running servers of all hosts say, whom to promote) -> the steps of each host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]


class _NoWayError(Exception):
    """The message says why, and what to do."""


def promotion(roles: Mapping[str, Mapping[str, Json]], wanted: str) -> Json:
    """``{problem, line, steps: {host: {hand_over, then}}}``. ``roles``: host → instance → what redis_promote says."""
    nothing: Json = {host: {"hand_over": [], "then": []} for host in roles}
    try:
        host, name = _find(roles, wanted)
        replica = roles[host][name]
        if replica["role"] == "master":
            return {"problem": "", "line": f"{host}/{name} is the master already.", "steps": nothing}
        steps, line = _steps(roles, host, name, nothing)
    except _NoWayError as error:
        return {"problem": f"redis_promote: {wanted}: {error}", "line": "", "steps": nothing}
    return {"problem": "", "line": line, "steps": steps}


def _find(roles: Mapping[str, Mapping[str, Json]], wanted: str) -> tuple[str, str]:
    if not wanted:
        raise _NoWayError("say which replica is to become the master, such as -e redis_promote=r2.")
    host, _, name = wanted.partition("/")
    if host not in roles:
        raise _NoWayError(f"it is not among the hosts of this play: {', '.join(roles)}. Write it like r2 or r2/cache.")
    names = [name] if name else list(roles[host])
    if len(names) != 1:
        several = f"has several, {', '.join(names)}: say which, as {host}/{names[0]}" if names else "has none that runs"
        raise _NoWayError(f"{host} {several}.")
    if names[0] not in roles[host]:
        raise _NoWayError(f"{host} has no instance {names[0]!r} that runs. It has {', '.join(roles[host]) or 'none'}.")
    return host, names[0]


def _steps(roles: Mapping[str, Mapping[str, Json]], host: str, name: str, steps: Json) -> tuple[Json, str]:
    replica, place = roles[host][name], roles[host][name]["place"]
    if not place:
        raise _NoWayError("others do not reach it, so none can follow it. Publish its port, or set redis_address.")
    if replica["link"] != "up":
        raise _NoWayError(
            f"its link to {replica['master']} is {replica['link']}. Its log says why (docker logs {name})."
        )
    masters = [
        (other, key)
        for other, instances in roles.items()
        for key, one in instances.items()
        if one["role"] == "master" and one["place"] == replica["master"]
    ]
    if len(masters) != 1:
        raise _NoWayError(
            f"its master at {replica['master']} is {'several' if masters else 'none'} of the masters of this play. Run "
            "it on all hosts of the set, without --limit."
        )
    master_host, master = masters[0]
    seen = [one["address"] for one in roles[master_host][master]["replicas"]]
    if place not in seen:
        raise _NoWayError(
            f"{master_host}/{master} sees no replica at {place}, only at {', '.join(seen) or 'none'}. Run site.yml, "
            "which has it announce itself."
        )
    to = dict(zip(("host", "port"), _split(place)))
    steps[master_host]["hand_over"].append({"instance": master, "step": "hand_over", **to})
    steps[host]["then"].append({"instance": name, "step": "lead"})
    others = []
    for other, instances in roles.items():
        for key, one in instances.items():
            if one["role"] == "replica" and one["master"] == replica["master"] and (other, key) != (host, name):
                steps[other]["then"].append({"instance": key, "step": "follow", **to})
                others.append(f"{other}/{key}")
    following = f", and {', '.join(others)} follow it" if others else ""
    return steps, f"{master_host}/{master} hands over to {host}/{name} at {place}{following}."


def _split(place: str) -> tuple[str, int]:
    host, _, port = place.rpartition(":")
    return host.strip("[]"), int(port)
