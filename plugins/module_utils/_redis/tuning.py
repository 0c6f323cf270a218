# SPDX-License-Identifier: GPL-3.0-or-later
"""``redis_host_tuning``: what the Redis of a host ask of its kernel. Pure.

Redis says so in its log when it starts (syscheck.c; ``tcp-backlog`` and ``disable-thp`` in redis.conf).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._tuning.spec import SOMAXCONN

from .listeners import directives

if TYPE_CHECKING:
    from .exposure import Namespaces
    from .problems import Settings

Json = dict[str, Any]

_BACKLOG, _THP = "511", "yes"
"""What Redis has without ``tcp-backlog`` and ``disable-thp``."""


def tuning_of(instances: list[Settings], namespaces: Namespaces, *, enabled: bool) -> Json:
    """Options of the module ``host_tuning``; none where nothing is to be tuned."""
    started = [item for item in instances if item["state"] == "started"] if enabled else []
    backlogs: dict[str, int] = {}
    for item in started:
        owner = namespaces.owner(item["name"])
        backlogs[owner] = max(backlogs.get(owner, 0), _number(_last(item, "tcp-backlog", _BACKLOG)))
    return {
        "overcommit_memory": bool(started),
        "huge_pages": any(_last(item, "disable-thp", _THP).lower() == "no" for item in started),
        "somaxconn": backlogs.pop("(host)", 0),
        "namespaces": [
            {"container": owner, "backlog": backlog, "made_here": owner in namespaces.instances}
            for owner, backlog in backlogs.items()
            if not _has_its_own(owner, namespaces)
        ],
    }


def _last(instance: Settings, directive: str, default: str) -> str:
    return (directives(instance).get(directive) or [default])[-1].strip('"')


def _number(text: str) -> int:
    """Any other text is left to Redis, which refuses it at the trial."""
    return int(text) if text.isdecimal() else 0


def _has_its_own(owner: str, namespaces: Namespaces) -> bool:
    given = namespaces.instances.get(owner) or namespaces.companions.get(owner) or {}
    sysctls = given.get("sysctls") or {}
    names = sysctls if isinstance(sysctls, dict) else [str(item).partition("=")[0] for item in sysctls]
    return SOMAXCONN in names
