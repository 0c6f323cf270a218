# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine of a host against the variables of the role docker_engine: observed, and what is to be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import apt, packages
from .observe import observe
from .plan import FAMILIES, make_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

_ANSWERS_WITHIN = 10
"""Seconds."""


def refuse_wrong(desired: Mapping[str, Any]) -> None:
    """NetmodeError: what the lookup netmode.docker.variables found wrong in the variables."""
    if desired.get("problems"):
        raise NetmodeError("\n".join(desired["problems"]))


def compared(found: dict[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """``found`` by ``observe``, with ``packages`` and ``plan``. NetmodeError: the variables cannot be right."""
    asked = packages.is_asked(desired) and found["distribution"] in FAMILIES
    found = {**found, "packages": apt.observe(desired, found["distribution"]) if asked else None}
    return {**found, "plan": make_plan(found, desired)}


def is_settled(docker_host: str, desired: Mapping[str, Any]) -> bool:
    """Whether the role has nothing to do on the host. NetmodeError: the variables cannot be right."""
    refuse_wrong(desired)
    found = observe(Engine(docker_host, _ANSWERS_WITHIN), desired["config_file"], 0, None, with_running=False)
    return bool(compared(found, desired)["plan"]["settled"])
