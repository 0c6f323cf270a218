# SPDX-License-Identifier: GPL-3.0-or-later
"""What a registry says of an image before it is pulled, and what to do where it refuses. Nothing is pulled here."""

from __future__ import annotations

import base64
import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import (
    NetmodeError,
    NotFoundError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

NONE: Mapping[str, str] = MappingProxyType({})
"""No credentials: the registry is open to all."""

_WAYS_OUT = (
    (
        ("manifest unknown", "not found: manifest", "manifest for"),
        "The registry has no such tag or digest: look at the name.",
    ),
    (
        ("unauthorized", "access denied", "authentication required", "no basic auth"),
        (
            "There is no such repository, or it asks for credentials: set username and password of the module "
            "netmode.docker.images (redis_registry_username and redis_registry_password of the role redis)."
        ),
    ),
    (
        ("digest", "does not match"),
        "What came is not what the digest names: do not use it; ask whoever gave you the digest.",
    ),
    (("http response to https",), "That registry speaks plain HTTP: add it to insecure-registries in daemon.json."),
    (
        ("x509", "certificate"),
        "The registry's certificate is not trusted: put its CA into /etc/docker/certs.d on this host.",
    ),
    (
        ("no such host", "dial tcp", "timeout", "connection refused", "network is unreachable", "misbehaving", "eof"),
        (
            "This host does not reach the registry: look at its network, proxy and registry mirrors, or bring the "
            "image without one: from an archive or from packages (source; redis_image_source in the role redis)."
        ),
    ),
)


def way_out(said: str) -> str:
    low = said.lower()
    for words, way in _WAYS_OUT:
        if any(word in low for word in words):
            return f" {way}" if low.endswith(".") else f". {way}"
    return ""


def split_name(name: str) -> tuple[str, str]:
    """Repository and tag (or digest) of an image's name; a name without a tag means ``latest``, as everywhere."""
    if "@" in name:
        named, _, digest = name.partition("@")
        return split_name(named)[0], digest
    repository, colon, tag = name.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (name, "latest")


def pull(engine: Engine, what: str, name: str, credentials: Mapping[str, str] = NONE) -> None:
    """Pull by tag or digest. ``what`` begins a NetmodeError's message; ``credentials`` go with this one request."""
    repository, tag = split_name(name)
    try:
        with engine.changing(what) as client:
            lines = client.pull(repository, tag=tag, stream=True, decode=True, auth_config=dict(credentials) or None)
            said = error_of(lines)
    except UnreachableError:
        raise
    except NetmodeError as error:
        raise NetmodeError(f"{error}{way_out(str(error))}") from error
    if said:
        raise NetmodeError(f"{what}: {said}{way_out(said)}")


def error_of(lines: Any) -> str:
    """The error in the engine's stream of progress, which tells its failures with status 200; '' when there is none."""
    said = ""
    for line in lines:
        if isinstance(line, dict) and line.get("error"):
            said = line["error"]
    return said


def has_newer(engine: Engine, what: str, name: str, credentials: Mapping[str, str] = NONE) -> bool:
    """Whether a pull would bring another image than the host has. NetmodeError, begun by ``what``: it would fail.

    The engine asks the registry itself (``GET /distribution/NAME/json``), as it does first in a pull. Only where it has
    mirrors may another of them have what this one does not: then the pull itself will tell.
    """
    try:
        known = engine.get(f"/images/{name}/json").get("RepoDigests") or []
    except NotFoundError:
        known = []
    if known and "@" in name:
        return False
    try:
        told = engine.get(f"/distribution/{name}/json", headers=_authentication(credentials))
    except NetmodeError as error:
        if _mirrored(engine, name):
            return not known
        said = str(error).rpartition("/json: ")[2]
        raise NetmodeError(f"{what}: {said}{way_out(said)}") from error
    return told["Descriptor"]["digest"] not in {digest.partition("@")[2] for digest in known}


def _authentication(credentials: Mapping[str, str]) -> dict[str, str]:
    """The header that the engine passes on to the registry."""
    if not credentials:
        return {}
    return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(dict(credentials)).encode()).decode()}


def _mirrored(engine: Engine, name: str) -> bool:
    """Whether the image is Docker Hub's, the only registry that an engine may have mirrors of."""
    first, slash, _ = name.partition("/")
    hub = not slash or first in ("docker.io", "index.docker.io") or not (set(".:") & set(first) or first == "localhost")
    return hub and bool((engine.get("/info").get("RegistryConfig") or {}).get("Mirrors"))
