# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's tunables for its Redis: what they are, and what is to be set. Changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._engine.names import ROLE_LABEL, own_names
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._volumes import user_base

from . import host as tunables
from .plan import plan, taken_back, untold
from .spec import SOMAXCONN, wanted

if TYPE_CHECKING:
    from .host import Host
    from .plan import Plan
    from .spec import Json


class Seen(NamedTuple):
    host: Host
    made: Plan
    told: Json
    """As the module returns it, were all of it done."""


def look(params: Json, root: Path = Path("/")) -> Seen:
    host = tunables.observe(root)
    absent = params.get("state") == "absent"
    needed = _needed_by(params) if absent and host.ours else []
    if needed:
        made = plan(host, {}, [])
    else:
        made = taken_back(host) if absent else plan(host, wanted(params), params["namespaces"])
    if made.sysctls and any(user_base(Engine(params["docker_host"], params["timeout"]).get("/info"))):
        made = _without_sysctls(made)
    kept = tunables.is_kept(root, made.ours)
    told = {
        "changed": bool(made.steps) or not kept,
        "tunables": {step.key: {"before": step.before, "after": step.after, "why": step.why} for step in made.steps},
        "sysctls": made.sysctls,
        "needed_by": needed,
        "warnings": list(made.warnings),
        "diff": _difference(host, made),
    }
    return Seen(host, made, told)


def _without_sysctls(made: Plan) -> Plan:
    """In a namespace of another user (userns-remap) the kernel does not have it, and the container would not start."""
    why = "an engine with userns-remap gives none to a container"
    told = [untold(name, own[SOMAXCONN], why) for name, own in made.sysctls.items()]
    return made._replace(sysctls={}, warnings=[*made.warnings, *told])


def _needed_by(params: Json) -> list[str]:
    """The containers of the role that will still be there."""
    engine = Engine(params["docker_host"], params["timeout"])
    try:
        found = engine.get("/containers/json", all=True)
    except NetmodeError:
        return []  # where there is no engine, no Redis needs it
    names = [own_names(one)[0] for one in found if (one.get("Labels") or {}).get(ROLE_LABEL) == "redis"]
    return sorted({*names} - {*params["pending"]})


def _difference(host: Host, made: Plan) -> Json:
    sides = [
        "".join(f"{step.key} = {value}\n" for step, value in zip(made.steps, values))
        for values in ([step.before for step in made.steps], [step.after for step in made.steps])
    ]
    files = ["".join(tunables.kept(ours)) for ours in (host.ours, made.ours)]
    return {"before": sides[0] + files[0], "after": sides[1] + files[1]}
