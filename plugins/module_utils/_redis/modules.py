# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that an image's entrypoint has its server load: they are lines of redis.conf instead.

The entrypoint of the official Redis 8, where its first word is redis-server, adds ``--loadmodule`` for each module that
the image has. CONFIG REWRITE, which a failover does as well, writes a module that is loaded into redis.conf, and a
server that is told to load one twice does not start. So an image is asked once what it adds, by a start with nothing of
the instance's but its user and its mounts. From then on that is written into redis.conf, and the server is started by
``env``, to which no entrypoint adds anything.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ansible_collections.netmode.docker.plugins.module_utils._containers.observe import find_image
from ansible_collections.netmode.docker.plugins.module_utils._errors import (
    NotFoundError,
)

from . import conf, files

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine


Json = dict[str, Any]
Instance = dict[str, Any]

_DIRECTIVE = "loadmodule"
_BY = "env"


def settled(
    engine: Engine, instances: list[Instance], asked: Mapping[str, list[str]] = MappingProxyType({})
) -> list[Instance]:
    """Each with what its image loads by itself, as ``loads``, among its lines, and with a command that keeps it so.

    ``asked``: what images have said, beside what is noted. ``loads_of``: digest of what decides it. ``loads_known``:
    False where that has not been asked of this image; what the one before loads stands for it then.
    """
    return [_settled(engine, one, asked) for one in instances]


def _settled(engine: Engine, instance: Instance, asked: Mapping[str, list[str]]) -> Instance:
    if instance.get("sentinel"):  # which loads none
        return {**instance, "loads": [], "loads_of": "", "loads_known": True, "given": None}
    noted = files.noted(instance)
    entry = (instance["trial"] or {}).get("container")
    of, loads, known = noted.image, list(noted.loads), True
    if entry:
        there = _inspect(engine, instance["name"]) if entry.get("recreate") == "never" else {}
        if there:  # and stays, whatever its image has become
            loads = loads if (there["Config"].get("Cmd") or [])[:1] == [_BY] else []
        else:
            of = _digest(engine, entry)
            known = of == noted.image or of in asked
            loads = asked.get(of, loads)
    found = {**instance, "loads": loads, "loads_of": of, "loads_known": known, "given": entry}
    if not loads or instance["state"] == "absent":
        return found
    own = {plain_path(words[1]) for words in map(conf.words_of, instance["lines"]) if _is_one(words)}
    lines = [f"{_DIRECTIVE} {one}" for one in loads if plain_path(conf.words_of(one)[0]) not in own]
    found["lines"] = [*instance["lines"], *lines]
    if entry:
        found["trial"] = {**instance["trial"], "container": _by_env(entry)}
    return found


def started_so(containers: list[Json], names: Collection[str]) -> list[Json]:
    """The entries of containers, those of these names started so that their entrypoints add nothing."""
    return [_by_env(one) if one["name"] in names else one for one in containers]


def loading(instances: list[Instance]) -> dict[str, list[str]]:
    """What the images of ``settled`` instances load, of those that load something."""
    return {one["name"]: one["loads"] for one in instances if one["loads"]}


def _by_env(entry: Json) -> Json:
    return {**entry, "command": [_BY, *entry["command"]]} if entry.get("command") else entry


def _is_one(words: list[str]) -> bool:
    return len(words) > 1 and words[0].lower() == _DIRECTIVE


def plain_path(path: str) -> str:
    """The entrypoint of the official image writes two slashes before a name."""
    return posixpath.normpath(path).replace("//", "/")


def _inspect(engine: Engine, name: str) -> Json:
    with suppress(NotFoundError):
        found: Json = engine.get(f"/containers/{quote(name, safe='')}/json")
        return found
    return {}


def _digest(engine: Engine, entry: Json) -> str:
    image = find_image(engine, str(entry.get("image"))) or {}
    around = [image.get("Id", ""), *(entry.get(option) for option in ("command", "user", "volumes"))]
    return hashlib.sha256(json.dumps(around, sort_keys=True, default=str).encode()).hexdigest()
