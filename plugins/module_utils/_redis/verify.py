# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of a host in one go: its facts, what every Redis answers where it must and must not, and the claims."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._compose.typed import read_all
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._facts.gather import gather
from ansible_collections.netmode.docker.plugins.module_utils._sources import spec as sources_spec
from ansible_collections.netmode.docker.plugins.module_utils._sources.look import wrong

from .ask import ENDPOINT_ARGUMENTS, ask
from .asked import again, same
from .claims import claims, render
from .replication import text_of
from .spec import SECRET_DIRECTIVES
from .targets import addresses, targets
from .tls_warnings import warnings
from .ways import endpoints, instances_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .asked import Claim

Json = dict[str, Any]

_PLAN: Json = {
    "problems": {"type": "list", "elements": "str", "required": True},
    "host": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "witnesses": {"type": "int", "required": True},
    "socket_dir": {"type": "str", "required": True},
    "tls_renew_before": {"type": "int", "required": True},
    "instances": {"type": "list", "elements": "dict", "required": True},
    "sources": {"type": "list", "elements": "dict", "default": [], "options": sources_spec.INSTANCE_ARGUMENTS},
}
_OF_INSTANCE = frozenset(
    """name state network_mode donor port bind ports networks password operator settings interfaces
    allow_unauthenticated tls tls_port tls_auth_clients allowed_sources replicas_min""".split()
)
_SECRETS = ("password", "registry_password", "sentinel_password")

_LIMITED = (
    "redis_verify may not look into network namespaces: veths are assigned to no container, and their claims do not "
    "hold. Run with become: true."
)

_ANSWER_WITHIN = 3
"""Seconds that one address is given to answer."""
_LINK_WITHIN, _PAUSE = 10, 0.25
"""Seconds that a replica is given to find its master again, and until it is asked again."""


def read(plan: Json) -> Json:
    """The plan, each part of its type. NetmodeError: it is not what redis_plan returns as proof."""
    problems: list[str] = []
    found: Json = read_all(_PLAN, plan, problems, "plan: ")
    missing = {name for instance in found["instances"] or [] for name in _OF_INSTANCE - set(instance)}
    if problems or missing:
        why = problems or [f"plan: instances: have no {', '.join(sorted(missing))}."]
        raise NetmodeError("\n".join([*why, "Give what redis_plan returns as proof."]))
    if found["problems"]:
        raise NetmodeError("\n".join(found["problems"]))
    return found


def secrets_of(plan: Json) -> set[str]:
    """What of the plan no output may hold."""
    found: set[str] = set()
    for instance in plan["instances"]:
        found.update(str(instance[name]) for name in _SECRETS if instance.get(name))
        for directive, value in (instance.get("settings") or {}).items():
            if directive.lower() in SECRET_DIRECTIVES:
                found.update(str(item) for item in (value if isinstance(value, list) else [value]))
    return found


class Proof(NamedTuple):
    result: Json
    """``claims``, ``failed_claims``, ``lines``, ``reach``, ``deployed``."""
    facts: Json
    """``docker_network``."""
    warnings: list[str]


def verify(plan: Json, docker_host: str, timeout: int, *, check_mode: bool) -> Proof:
    """In check mode a host that has none of the containers yet has nothing to prove. NetmodeError: cannot be asked."""
    engine = Engine(docker_host, timeout)
    facts, limited = gather(engine)
    instances = instances_of(plan["instances"], plan["socket_dir"])
    asked = [_whole(one) for one in endpoints(facts, instances)]
    answers = _answers(asked, docker_host)
    roles = _roles(answers)
    proven = claims(plan["host"], facts, answers, instances, _kept(plan, engine))
    found = targets(plan["host"], plan["address"], facts, answers, instances)
    deployed = any(instance.name in facts["containers"] for instance in instances)
    result = {
        "claims": proven,
        "failed_claims": sum(not claim["ok"] for claim in proven),
        "lines": render(plan["host"], proven) if deployed or not check_mode else _not_yet(plan),
        "reach": _reach(plan, [{**one, "role": roles.get(one["instance"], "")} for one in found], addresses(facts)),
        "deployed": deployed,
        "roles": roles,
        "nodes": [one["name"] for one in plan["instances"] if one.get("cluster") and one["state"] != "stopped"],
        "sentinels": [one["name"] for one in plan["instances"] if one.get("sentinel_of") and one["state"] == "started"],
    }
    told = warnings(instances, _servers(answers), plan["tls_renew_before"])
    return Proof(result, {"docker_network": facts}, [*([_LIMITED] if limited else []), *told])


def _answers(asked: list[Json], docker_host: str) -> dict[str, Json]:
    """Asked again for a while where the link of a replica is not up: its master may have been restarted just now."""
    until = time.monotonic() + _LINK_WITHIN
    while True:
        answers = ask(asked, docker_host, _ANSWER_WITHIN)
        if all(_link(answer) in ("", "up") for answer in answers.values()) or time.monotonic() > until:
            return answers
        time.sleep(_PAUSE)


def _link(answer: Json) -> str:
    return str((answer.get("replication") or {}).get("link") or "")


def _servers(answers: Mapping[str, Json]) -> dict[str, Json]:
    """Instance → what its server says of itself, at any of its ways."""
    return {key.partition(": ")[0]: answer["server"] for key, answer in answers.items() if answer.get("server")}


def _roles(answers: Mapping[str, Json]) -> dict[str, str]:
    """Instance → what it is in a replication or a cluster, of those that are in one."""
    found = {
        key.partition(": ")[0]: text_of(answer["replication"])
        for key, answer in answers.items()
        if answer.get("replication")
    }
    return {name: text for name, text in found.items() if text}


def _kept(plan: Json, engine: Engine) -> dict[str, Claim]:
    """Instance → that its ports are kept to the sources that are allowed."""
    asked = {one.name: one for one in sources_spec.parse_list(plan["sources"]) if one.is_kept}
    try:
        found = wrong(list(asked.values()), engine) if asked else {}
    except NetmodeError as error:
        found = {name: [str(error)] for name in asked}
    return {
        name: same(
            f"its ports are kept to {', '.join(map(str, asked[name].sources))} and this host", "the rules of that",
            "; ".join(why) or "the rules of that", again("sets them"),
        )
        for name, why in found.items()
    }  # fmt: skip


def unproven(plan: Json) -> Json:
    """The result for a host whose engine is yet to come."""
    nothing = _reach(plan, [], {})
    return {
        "claims": [],
        "failed_claims": 0,
        "lines": _not_yet(plan),
        "reach": nothing,
        "deployed": False,
        "roles": {},
        "nodes": [],
    }


def _not_yet(plan: Json) -> list[str]:
    return [f"{plan['host']}: not deployed yet, so there is nothing to prove."]


def _reach(plan: Json, found: list[Json], own: Mapping[str, str]) -> Json:
    """What other hosts are told, to ask for these Redis and to know their own containers from them."""
    return {"host": plan["host"], "targets": found, "witnesses": plan["witnesses"], "addresses": own}


def _whole(endpoint: Json) -> Json:
    problems: list[str] = []
    whole: Json = read_all(ENDPOINT_ARGUMENTS, endpoint, problems)
    if whole["client_cert_file"] and not Path(whole["client_cert_file"]).is_file():
        whole["client_cert_file"] = None  # the Redis that runs has none yet, which its claims say
    if problems:
        raise NetmodeError("\n".join(problems))
    return whole
