# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a role, or of the playbooks, as what their argument spec says that they are.

The argument specs are the one place that knows types, choices and defaults; Ansible checks values against them and
leaves them as they came, so a ``false`` from an INI file would still be text, and true.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.netmode.docker.plugins.module_utils._compose.typed import read_all
from ansible_collections.netmode.docker.plugins.module_utils._daemon.checks import MTU
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import LONGEST_TIMEOUT
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._compose.typed import Spec

PLAYBOOKS = "playbooks"
"""What stands for the variables of the playbooks, which are described in the collection's ``meta``."""

SECURITY = (
    "password", "bind", "allow_unauthenticated", "registry_password", "network_mode", "user", "socket_mode", "tls",
    "tls_auth_clients",
)  # fmt: skip
"""Settings of Redis, without ``redis_``, that must not be passed over because their name has a letter wrong."""

OF_ALL = "netmode_"
"""How the variables begin that every role has."""

_NEAR = 0.9
"""How alike, of 1, a variable's name has to be to one of the role's to be taken for it: a letter or two."""

HIGHEST_PORT = 65535
BOUNDS: dict[str, tuple[int, int | None]] = {
    "redis_port": (1, HIGHEST_PORT),
    "redis_tls_port": (0, HIGHEST_PORT),
    "redis_tls_renew_before": (1, 364),
    "redis_start_timeout": (1, LONGEST_TIMEOUT),
    "redis_reach_witnesses": (0, None),
    "redis_replicas_min": (0, None),
    "redis_cluster_replicas": (0, None),
    "redis_cluster_timeout": (1, LONGEST_TIMEOUT),
    "redis_sentinel_quorum": (0, None),
    "redis_sentinel_down_after": (1, None),
    "redis_sentinel_failover_timeout": (1, None),
    "redis_sentinel_parallel_syncs": (1, None),
    "redis_sentinel_timeout": (1, LONGEST_TIMEOUT),
    "redis_backup_keep": (1, None),
    "redis_promote_timeout": (1, LONGEST_TIMEOUT),
    "redis_backup_timeout": (1, LONGEST_TIMEOUT),
    "docker_engine_timeout": (1, LONGEST_TIMEOUT),
    "docker_engine_mtu": MTU,
    "docker_engine_default_address_pools.size": (1, 128),
    "site_max_fail_percentage": (0, 100),
}
"""The least and the greatest of every number of the argument specs, which have no word for that."""

_COLLECTION = Path(__file__).resolve().parents[2]


class Names(NamedTuple):
    refused: list[str]
    warnings: list[str]


@functools.cache
def options_of(owner: str) -> Mapping[str, Spec]:
    """Every variable of a role's entry points, by its full name. Read once in a process."""
    place = _COLLECTION if owner == PLAYBOOKS else _COLLECTION / "roles" / owner
    file = place / "meta" / "argument_specs.yml"
    if not file.is_file():
        raise NetmodeError(f"{owner!r} is neither a role of netmode.docker nor {PLAYBOOKS}.")
    found: dict[str, Spec] = {}
    for entry_point in yaml_load(file.read_text(encoding="utf-8"))["argument_specs"].values():
        found.update(_bounded(entry_point["options"]))
    return found


def _bounded(options: Mapping[str, dict[str, Any]], within: str = "") -> dict[str, Spec]:
    found: dict[str, Spec] = {}
    for name, spec in options.items():
        bounds = {"bounds": BOUNDS[within + name]} if within + name in BOUNDS else {}
        inner = {"options": _bounded(spec["options"], f"{within}{name}.")} if "options" in spec else {}
        found[name] = {**spec, **bounds, **inner}
    return found


def prefix_of(owner: str) -> str:
    return "" if owner == PLAYBOOKS else f"{owner}_"


def read_variables(owner: str, given: Mapping[str, Any], problems: list[str], where: str = "") -> dict[str, Any]:
    """All of them, without the role's prefix; ``given`` may hold any others. What is wrong goes to ``problems``."""
    read = read_all(options_of(owner), given, problems, where)
    return {name.removeprefix(prefix_of(owner)): value for name, value in read.items()}


def misnamed(owner: str, variables: Mapping[str, Any]) -> Names:
    """Those of the variables of a host that look like one of the role's misspelt, which would be without effect.

    ``redis_ports_of_old`` and ``redis_passwords`` may well be somebody's own, and so may ``redis_conf_dir``, of another
    role: these are only named. Refused is what may be a setting that keeps others out, misspelt by one letter. What
    begins as the variable of all roles does is nobody's own, and told of in the plural too.
    """
    known, prefix = options_of(owner), prefix_of(owner)
    found = Names([], [])
    for name in sorted(set(variables) - set(known)):
        near = _nearest(name, known) if prefix and name.startswith((prefix[:3], OF_ALL[:3])) else ""
        if not near or name.startswith(f"{near}_"):
            continue
        if near.startswith(OF_ALL):
            found.warnings.append(f"{name} is not a variable of any role of netmode.docker. Did you mean {near}?")
            continue
        ignored = variables.get(near) in (None, known[near].get("default"))
        if owner == "redis" and near.removeprefix(prefix) in SECURITY and ignored and _one_off(name, near):
            found.refused.append(
                f"{name}: there is no such variable. Did you mean {near}? The role would pass over it. "
                "If it is one of your own, give it a name that is less like it."
            )
        elif name.rstrip("s") != near.rstrip("s"):
            found.warnings.append(
                f"{name} is not a variable of the role {owner}, which does not read it. Did you mean {near}?"
            )
    return found


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 (each task of each host reads variables, and next to none has such a name)

    return next(iter(difflib.get_close_matches(name, list(known), 1, _NEAR)), "")


def _one_off(name: str, near: str) -> bool:
    """One letter too much, missing, another, or two that changed places; a plural is a word of its own."""
    return name.rstrip("s") != near.rstrip("s") and name in set(_one_letter_off(near))


def _one_letter_off(name: str) -> Iterator[str]:
    letters = "abcdefghijklmnopqrstuvwxyz_0123456789"
    for index in range(len(name) + 1):
        head, tail = name[:index], name[index:]
        for letter in letters:
            yield head + letter + tail
            yield head + letter + tail[1:]
        yield head + tail[1:]
        yield head + tail[1:2] + tail[:1] + tail[2:]
