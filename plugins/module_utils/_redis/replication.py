# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a Redis follows: as it is asked to where that is new, and else as it runs, so that a failover stays.

Its redis.conf says the same, so that a restart does not take a role back. Pure, but for what the caller has asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import with_port

from . import data
from .conf import quoted, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]
Instance = dict[str, Any]

ARGUMENTS: Json = {
    "of": {"type": "str", "default": ""},
    "host": {"type": "str", "default": ""},
    "port": {"type": "int", "default": 0},
    "announce_host": {"type": "str", "default": ""},
    "announce_port": {"type": "int", "default": 0},
    "tls": {"type": "bool", "default": False},
    "overwrite": {"type": "bool", "default": False},
}
"""The option ``replication`` of an instance of the module ``redis_config``."""

FOLLOWS = ("replicaof", "slaveof")
OF_A_REPLICA = {
    "replica-announce-ip": ("replica-announce-ip", "slave-announce-ip"),
    "replica-announce-port": ("replica-announce-port", "slave-announce-port"),
    "tls-replication": ("tls-replication",),
}
"""Directives that a replica's redis.conf has, but for its secret, each with all its names.

A trial, which follows nobody, has none of them.
"""
SECRET = "masterauth"  # noqa: S105 (the directive)
_IN_SYNC_WITHIN = 10
"""Seconds since a replica has said last how far it is: Redis' ``min-replicas-max-lag``."""


class Place(NamedTuple):
    host: str
    port: int

    def __str__(self) -> str:
        return with_port(self.host, self.port)


def place_in(text: str) -> Place:
    """Of what ``str`` of one gives."""
    host, _, port = text.rpartition(":")
    return Place(host.strip("[]"), int(port))


class Role(NamedTuple):
    """What a running Redis is."""

    follows: Optional[Place]  # noqa: UP045 (evaluated at run time by Python 3.9)
    """None for a master."""
    replicas: int
    """How many follow it."""
    keys: int
    """How many it has, in all its databases."""


# --- what a server says -----------------------------------------------------------------------------------------------


def role_in(info: Mapping[str, str]) -> Role | None:
    """Of INFO replication and keyspace; None where it does not say."""
    if "role" not in info:
        return None
    keys = sum(_number(_pairs(value).get("keys")) for name, value in info.items() if name[:2] == "db")
    return Role(_master_in(info), _number(info.get("connected_slaves")), keys)


def told_in(info: Mapping[str, str], nodes: str = "") -> Json | None:
    """The same for who reads it: ``role``, ``master``, ``link``, ``offset``, ``replicas``, ``slots``.

    ``nodes``: its answer to CLUSTER NODES, where it is one of a cluster.
    """
    role = role_in(info)
    if not role:
        return None
    lines = [_pairs(info[f"slave{at}"]) for at in range(role.replicas) if f"slave{at}" in info]
    own = info.get("slave_repl_offset") if role.follows else info.get("master_repl_offset")
    return {
        "role": "replica" if role.follows else "master",
        "master": str(role.follows) if role.follows else None,
        "link": _link(info) if role.follows else None,
        "offset": _number(own),
        "replicas": [
            {
                "address": str(Place(one.get("ip", ""), _number(one.get("port")))),
                "state": one.get("state", ""),
                "offset": _number(one.get("offset")),
                "lag": _number(one.get("lag")),
            }
            for one in lines
        ],
        "slots": _slots_in(nodes),
    }


def _slots_in(nodes: str) -> list[str]:
    """Those of the node that says so, as ranges; what moves stands in brackets beside them."""
    own = next((line.split()[8:] for line in nodes.splitlines() if "myself" in line), [])
    return [word for word in own if not word.startswith("[")]


def text_of(told: Json) -> str:
    """``replica of 10.0.0.1:6379, link up``, ``slots 0-5461``; '' for a master without slots that nobody follows."""
    if told["role"] == "replica":
        return f"replica of {told['master']}, link {told['link']}"
    slots = f"slots {', '.join(told['slots'])}" if told["slots"] else ""
    if not told["replicas"]:
        return slots
    synced = in_sync(told["replicas"])
    shown = [one["address"] if one in synced else f"{one['address']} ({one['state']})" for one in told["replicas"]]
    return f"{slots}{'; ' if slots else ''}master of {', '.join(shown)}"


def in_sync(replicas: list[Json]) -> list[Json]:
    return [one for one in replicas if one["state"] == "online" and one["lag"] <= _IN_SYNC_WITHIN]


def _master_in(info: Mapping[str, str]) -> Place | None:
    if info.get("role") != "slave":
        return None
    return Place(info.get("master_host", ""), _number(info.get("master_port")))


def _link(info: Mapping[str, str]) -> str:
    if info.get("master_link_status") == "up":
        return "up"
    return "syncing" if info.get("master_sync_in_progress") == "1" else "down"


def _pairs(line: str) -> dict[str, str]:
    """``ip=10.0.0.2,port=6379``"""
    return dict(part.split("=", 1) for part in line.split(",") if "=" in part)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


# --- what it is to be -------------------------------------------------------------------------------------------------


def asked_of(instance: Instance) -> str:
    """What the variables ask for, in one text, to be compared with what they asked for last; '' for nothing."""
    given = instance["replication"] or {}
    return f"{given['of']} {given['host']} {given['port']}" if given.get("of") else ""


def asked_text(given: Mapping[str, Any] | None) -> str:
    """``r1/redis at 10.0.0.1:6379``; '' for none."""
    return f"{given['of']} at {Place(given['host'], given['port'])}" if given and given.get("of") else ""


def follows(instance: Instance, role: Role | None, content: str, noted: str) -> Place | None:
    """Whom it is to follow. ``content``: of the redis.conf that is there. ``noted``: what was asked for last."""
    asked = asked_of(instance)
    now = role.follows if role else _written(content)
    wanted = Place(instance["replication"]["host"], instance["replication"]["port"]) if asked else None
    if asked == noted or (role is None and not content):
        return now if content else wanted
    of, _, place = noted.partition(" ")
    moved = bool(asked) and of == instance["replication"]["of"]
    # Only its master has another address by now: one that follows that no longer is left where it is.
    return now if moved and _spelt(now) != place else wanted


def _spelt(place: Place | None) -> str:
    return f"{place.host} {place.port}" if place else ""


def _written(content: str) -> Place | None:
    found = None
    for line in content.splitlines():
        try:
            words = words_of(line)
        except ValueError:
            continue
        if len(words) == 3 and words[0].lower() in FOLLOWS and words[2].isdecimal():
            found = None if words[1].lower() == "no" else Place(words[1], int(words[2]))
    return found


def with_role(instance: Instance, wanted: Place | None) -> Instance:
    """The instance with what its redis.conf says of its role, where it is a replica: in ``role`` and ``role_secrets``.

    What its settings say themselves is left to them.
    """
    if not wanted:
        return {**instance, "follows": None, "role": [], "role_secrets": []}
    given = instance["replication"] or {}
    own = {words[0].lower() for words in map(_words, [*instance["lines"], *instance["secrets"]]) if words}
    lines = {"replicaof": f"{quoted(wanted.host)} {wanted.port}"}
    if given.get("announce_host"):
        lines["replica-announce-ip"] = quoted(given["announce_host"])
        lines["replica-announce-port"] = str(given["announce_port"])
    if given.get("tls"):
        lines["tls-replication"] = "yes"
    password = (instance["trial"] or {}).get("password")
    secret = [f"{SECRET} {quoted(password)}"] if password else []
    return {
        **instance,
        "follows": wanted,
        "role": [f"{name} {value}" for name, value in lines.items() if name not in own],
        "role_secrets": secret if SECRET not in own else [],
    }


def _words(line: str) -> list[str]:
    try:
        return words_of(line)
    except ValueError:  # which Redis refuses, at its trial
        return []


# --- what may not be --------------------------------------------------------------------------------------------------


def refuse(instance: Instance, role: Role | None, content: str) -> None:
    """NetmodeError: what it has would be lost. ``role``: None where it does not run or say. After check.refuse."""
    name, wanted = instance["name"], instance["follows"]
    had = role.follows if role else _written(content)
    if wanted and not had and not instance["replication"]["overwrite"]:
        kept = _count(role.keys, "key") if role and role.keys else "data" if not role and instance["headers"] else ""
        if kept:
            raise NetmodeError(
                f"instance {name}: replica_of: it has {kept} of its own, which a replica of "
                f"{instance['replication']['of']} loses. Back it up (playbooks/backup.yml) and say "
                "redis_replica_overwrite: true where that is meant; else leave redis_replica_of out."
            )
    names = data.names_of("\n".join(instance["lines"]))
    restart = (instance["trial"] or {}).get("container", {}).get("restart", "no")
    if role and role.replicas and not role.follows and not (names.aof or names.saves) and str(restart) != "no":
        raise NetmodeError(
            f"instance {name}: appendonly: it has {_count(role.replicas, 'replica')}, and without appendonly and save "
            "it comes back empty from a restart, which empties them too. Leave one of them on, or set redis_restart to "
            "'no'."
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
