# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image brings to a container, as the engine merges it: ``runconfig.Merge`` of moby, run while it creates one.

What an image brings is the image's: it is no difference between a container and its list entry, in any mode.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._compose import values

Json = dict[str, Any]

PLAIN = {"user": "User", "working_dir": "WorkingDir", "stop_signal": "StopSignal"}
"""Options whose value is the image's where the entry gives none → where the image keeps it."""


def merged(given: Json, image: Json) -> Json:
    """The options that an image has a say in. ``given``: the entry's parsed options; ``image``: the image's Config."""
    command, entrypoint = _command(given, image)
    ports = set(image.get("ExposedPorts") or {}) | set(given.get("expose") or []) | set(given.get("ports") or {})
    return {
        **{option: given.get(option) or image.get(key) for option, key in PLAIN.items()},
        "command": command,
        "entrypoint": entrypoint,
        "environment": _environment(given.get("environment") or [], image.get("Env") or []),
        "labels": {**(image.get("Labels") or {}), **(given.get("labels") or {})},
        "healthcheck": _healthcheck(given.get("healthcheck"), image.get("Healthcheck")),
        "expose": sorted(ports),
    }


def volumes(image: Json) -> set[str]:
    """Where an image asks for a volume, canonical: ``VOLUME /data/`` is /data."""
    return {values.clean(path) for path in image.get("Volumes") or {}}


def _command(given: Json, image: Json) -> tuple[Any, Any]:
    """(command, entrypoint): an entrypoint of the entry's own leaves the image's command out, an empty one does not."""
    command, entrypoint = given.get("command"), given.get("entrypoint")
    if not entrypoint:
        if not command:
            command = image.get("Cmd")
        if entrypoint is None:
            entrypoint = image.get("Entrypoint")
    return command, None if entrypoint == [""] else entrypoint


def _environment(own: list[str], inherited: list[str]) -> list[str]:
    named = {item.partition("=")[0] for item in own}
    return own + [item for item in inherited if item.partition("=")[0] not in named]


def _healthcheck(own: Json | None, inherited: Json | None) -> Json | None:
    """Part by part; a part that is empty or 0 is not given."""
    if own is None:
        return inherited
    return {**(inherited or {}), **{key: value for key, value in own.items() if value}}
