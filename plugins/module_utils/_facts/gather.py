# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of a host, also of one without an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NobodyListensError

from .build import compose
from .observe import observe, observe_kernel

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine


def gather(engine: Engine) -> tuple[dict[str, Any], bool]:
    """``docker_network``, and whether network namespaces were not to be looked into, for want of root."""
    told, seen = _see(engine)
    return {"engine": told, **compose(seen)}, bool(seen["limited"])


def _see(engine: Engine) -> tuple[dict[str, str] | None, dict[str, Any]]:
    """What the engine says of itself, None on a host that has none, and what was seen."""
    try:
        seen = observe(engine)
    except NobodyListensError:
        from ansible_collections.netmode.docker.plugins.module_utils._engine.installed import is_installed  # noqa: PLC0415

        if is_installed():  # then it is down, which somebody has to know
            raise
        return None, observe_kernel()
    return {"version": engine.version, "api_version": engine.api_version}, seen
