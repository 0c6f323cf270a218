# SPDX-License-Identifier: GPL-3.0-or-later
"""``images`` from the list to the result: look, and apply under the lock."""

from __future__ import annotations

from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone

from .apply import apply
from .look import identifier, observe, plan, report, validate, would


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The module's work from its parameters to its result. Raises NetmodeError."""
    if check_mode:
        return would(params)
    images = params["images"]
    validate(images)
    engine = Engine(params["docker_host"], params["timeout"])
    identify = identifier(check_mode=False)
    before = observe(engine, images)
    steps = plan(images, before, identify)
    if not steps:
        return report(images, steps, before, before, newer=None)
    engine.require_sdk()
    who = "netmode.docker.images: " + ", ".join(step.image["name"] for step in steps)
    with alone("images", who, engine.docker_host):
        before = observe(engine, images)  # whoever had the lock may have made or removed one
        steps = plan(images, before, identify)
        for step in steps:
            apply(engine, step)
    return report(images, steps, before, observe(engine, images), newer=None)
