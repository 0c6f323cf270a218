# SPDX-License-Identifier: GPL-3.0-or-later
"""What a trial of Redis is known by: what it was tried with, and what a killed run has left of it. Reads only."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._containers.observe import find_image
from ansible_collections.netmode.docker.plugins.module_utils._errors import (
    NetmodeError,
)

from . import container
from .files import tried_content_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine


Json = dict[str, Any]
Instance = dict[str, Any]

LABEL = "netmode.docker.trial"
_HEALTH = "healthcheck"
"""Tried by itself."""


def image_of(instance: Instance) -> str:
    named = instance["trial"]["container"].get("image")
    if not named:
        raise NetmodeError(f"{where(instance)}: trial: container: image: is needed, to try Redis with.")
    return str(named)


def where(instance: Instance) -> str:
    return f"instance {instance['name']}"


def digest(engine: Engine, instance: Instance) -> str:
    """Another one wherever a trial may end otherwise; of redis.conf in its second half, of all else in its first.

    It is of the passwords as well: for root's eyes.
    """
    image = find_image(engine, image_of(instance)) or {}
    tried = {
        key: value
        for key, value in instance["trial"]["container"].items()
        if key == _HEALTH or key not in container.NOT_GIVEN
    }
    given = {**instance["trial"], "container": tried}
    around = [instance["inside"], given, image.get("Id", ""), instance.get("tls")]
    return ".".join(map(_sha256, (json.dumps(around, sort_keys=True, default=str), tried_content_of(instance))))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def differ_in_redis_conf(one: str, other: str) -> bool:
    """Whether two digests differ in nothing else."""
    return one != other and one.partition(".")[0] == other.partition(".")[0]


def leftovers(items: Iterable[Json], key: str) -> list[str]:
    """The containers, or volumes, of trials, by ``key``. Under the lock these are what a killed run has left."""
    return [item[key] for item in items if LABEL in (item.get("Labels") or {})]
