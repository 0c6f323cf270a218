# SPDX-License-Identifier: GPL-3.0-or-later
"""What would change on a host in all parts of its Redis, in one look: what the modules of each part say in check mode.

In the order in which the parts are changed; each is told what those before it would make. The first refusal ends it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._compose.typed import read_all, secrets_of
from ansible_collections.netmode.docker.plugins.module_utils._containers import spec as containers_spec
from ansible_collections.netmode.docker.plugins.module_utils._containers.look import look, would
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._images import look as images
from ansible_collections.netmode.docker.plugins.module_utils._images import spec as images_spec
from ansible_collections.netmode.docker.plugins.module_utils._interfaces import look as interfaces
from ansible_collections.netmode.docker.plugins.module_utils._interfaces import spec as interfaces_spec
from ansible_collections.netmode.docker.plugins.module_utils._networks import look as networks
from ansible_collections.netmode.docker.plugins.module_utils._networks import spec as networks_spec
from ansible_collections.netmode.docker.plugins.module_utils._sources import look as sources
from ansible_collections.netmode.docker.plugins.module_utils._sources import spec as sources_spec
from ansible_collections.netmode.docker.plugins.module_utils._tuning import look as tuning
from ansible_collections.netmode.docker.plugins.module_utils._tuning import spec as tuning_spec

from . import look as files
from . import modules
from . import spec as files_spec

if TYPE_CHECKING:
    from collections.abc import Collection

Json = dict[str, Any]

_PARTS = {
    "tuning": tuning_spec.ARGUMENTS,
    "files": files_spec.ARGUMENTS,
    "images": images_spec.ARGUMENTS,
    "networks": networks_spec.ARGUMENTS,
    "sources": sources_spec.ARGUMENTS,
    "containers": containers_spec.ARGUMENTS,
    "interfaces": interfaces_spec.ARGUMENTS,
}
"""Part of a plan → the options of its module."""

_READ = {**_PARTS, "cluster": files_spec.NODES}

_ENTRY = re.compile(r"containers\[\d+\] \((?P<name>[^()]+)\): (?P<option>\w+)")
_VARIABLES = {"expose": "port"}
"""Option of a container → the variable of an instance, without ``redis_``, that it is made of; others have one name."""

_LEAVES_NAMESPACE = frozenset({"update", "rename", "unpause", "pull", "connect", "disconnect"})
"""Actions on a container that leave it the network namespace that it has."""


def read(plan: Json) -> tuple[Json, set[str]]:
    """The options of each part's module, and what of them is secret. NetmodeError: an option is wrong."""
    odd = [name for name in _READ if not isinstance(plan.get(name, {}), dict)]
    if odd:
        raise NetmodeError(f"plan: {', '.join(odd)}: must be a mapping. Give what redis_plan returns as parts.")
    problems: list[str] = []
    parts = {name: read_all(options, plan.get(name, {}), problems, f"{name}: ") for name, options in _READ.items()}
    if problems:
        raise NetmodeError("\n".join(problems))
    secrets: set[str] = set()
    return parts, secrets.union(*(secrets_of(options, parts[name]) for name, options in _READ.items()))


def preview(parts: Json, docker_host: str, timeout: int) -> Json:
    """The results of the parts, ``due``, those that would change, and what is ``pending`` for those after them.

    ``renewed``: the containers that would get another network namespace.
    """
    host = Engine(docker_host, timeout)
    engine: Json = {"docker_host": docker_host, "timeout": timeout}
    told: Json = {"tuning": tuning.look({**parts["tuning"], **engine}).told}
    told["files"] = files.would({**parts["files"], **engine})
    told["images"] = images.would({**parts["images"], **engine})
    told["networks"] = networks.would({**parts["networks"], **engine})
    told["sources"] = sources.would({**parts["sources"], **engine})
    pending = {
        "images": [name for name, one in told["images"]["images"].items() if one["actions"]],
        "networks": [name for name, one in told["networks"]["networks"].items() if "create" in one["actions"]],
    }
    coming = [*pending["networks"], *pending["images"]]
    asks = parts["images"]["ask_registries"]
    restarts = told["files"]["restarts"]
    outcome = would(host, look(host, entries(parts, told), pending=coming, restarted=restarts, ask_registries=asks))
    pending["images"] += [] if asks else outcome.pulled
    told["containers"] = {"changed": outcome.changed, "containers": outcome.containers, "others": outcome.others}
    renewed = _renewed(outcome.containers)
    _leave_to_the_start(told["files"], renewed)
    told["interfaces"] = {"changed": False, "interfaces": {}, "warnings": []}
    if parts["interfaces"]["interfaces"] or told["files"]["interfaces"]:
        asked = {**_asked_interfaces(parts, pending["networks"]), "pending": renewed}
        told["interfaces"] = interfaces.would({**asked, **engine})
    warned = [line for part in ("tuning", "sources", "interfaces") for line in told[part].pop("warnings")]
    warnings = [*warned, *outcome.warnings, *files.waits(told["files"])]
    for one in told.values():
        one.pop("diff", None)
    due = [name for name in _PARTS if told[name]["changed"] or (name == "files" and _untried(told["files"]))]
    found = {"due": due, "pending": pending, "renewed": renewed, "warnings": warnings}
    return {**told, **found}


def entries(parts: Json, told: Json) -> list[Json]:
    """The containers of a plan with what this host adds to them, as a preview has ``told``."""
    containers = modules.started_so(parts["containers"]["containers"], told["files"]["modules"])
    return tuning_spec.with_sysctls(containers, told["tuning"]["sysctls"])


def _leave_to_the_start(told: Json, renewed: Collection[str]) -> None:
    """What would be set while it runs is not, where it is going to be started with it."""
    told["set_live"] = {
        name: [one for one in names if name not in renewed or one == "appendonly"]
        for name, names in told["set_live"].items()
    }
    told["set_live"] = {name: names for name, names in told["set_live"].items() if names}
    told["changed"] = files.is_changed(told)


def in_variables(message: str, instances: Collection[str]) -> str:
    """A refusal by the module ``containers`` in the words of the role's variables: instances and companions by name."""

    def reworded(found: re.Match[str]) -> str:
        name, option = found["name"], found["option"]
        return (
            f"instance {name}: {_VARIABLES.get(option, option)}" if name in instances else f"companion {name}: {option}"
        )

    return _ENTRY.sub(reworded, message)


def _untried(told: Json) -> bool:
    return bool(told["trials"] or told["volumes"])


def _asked_interfaces(parts: Json, coming: list[str]) -> Json:
    """Without those on a bridge that is yet to be made: nothing can be known of it."""
    bridges = networks_spec.bridges_of(one for one in parts["networks"]["networks"] if one["name"] in coming)
    asked = [one for one in parts["interfaces"]["interfaces"] if one["bridge"] not in bridges]
    return {**parts["interfaces"], "interfaces": asked}


def _renewed(containers: Json) -> list[str]:
    """The containers that get a network namespace of their own again: what was put into the one before is gone."""
    return [name for name, one in containers.items() if not {*one["actions"]} <= _LEAVES_NAMESPACE]
