# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a plan for images: by pull, archive, packages, or a removal."""

from __future__ import annotations

import json
import tempfile
from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone

from . import registry
from .look import RECIPE_LABEL, Image, Step, credentials
from .registry import error_of, split_name

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine


def apply(engine: Engine, step: Step) -> None:
    """Do one step; a NetmodeError names the image and the way out."""
    name = step.image["name"]
    if step.action == "pull":
        registry.pull(engine, f"image {name}: pull", name, credentials(step.image))
    elif step.action == "load":
        _load(engine, step)
    elif step.action == "import":
        changes = _changes(step.image, step.identities[0])
        _import(engine, name, step.image["archive"], changes)
    elif step.action == "build":
        _build(engine, step.image)
    else:
        lock = alone("containers", f"netmode.docker.images: {name}", engine.docker_host)  # they may be about to use it
        with lock, engine.changing(f"image {name}: remove") as client:
            client.remove_image(name)


def _load(engine: Engine, step: Step) -> None:
    name, path = step.image["name"], step.image["archive"]
    with engine.changing(f"image {name}: load {path}") as client, open(path, "rb") as stream:  # noqa: PTH123
        usual, client.timeout = client.timeout, None  # the engine may unpack for minutes before it says a word
        try:
            said = error_of(client.load_image(stream))
        finally:
            client.timeout = usual
    if said:
        raise NetmodeError(
            f"image {name}: load {path}: {said}. Write the archive again with `docker save -o FILE {name}`."
        )
    for identity in step.identities:
        try:
            engine.get(f"/images/{identity}/json")
        except NotFoundError:
            continue
        repository, tag = split_name(name)
        with engine.changing(f"image {name}: tag {identity}") as client:
            client.tag(identity, repository, tag=tag)
        return
    raise NetmodeError(f"image {name}: {path} was loaded, but the engine has none of the images it names.")


def _import(engine: Engine, name: str, path: str, changes: list[str]) -> None:
    repository, tag = split_name(name)
    with engine.changing(f"image {name}: import") as client:
        answer = client.import_image_from_file(path, repository=repository, tag=tag, changes=changes)
    said = error_of(json.loads(line) for line in answer.splitlines() if line.strip())
    if said:
        raise NetmodeError(f"image {name}: import {path}: {said}. Is it a tar file of a root file system?")


def _changes(image: Image, recipe: str) -> list[str]:
    changes = [f"LABEL {RECIPE_LABEL}={recipe}", f"LABEL netmode.docker.source={image['source']}"]
    changes.append("ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    if image["command"]:
        changes.append(f"CMD {json.dumps(image['command'])}")
    return changes


def _build(engine: Engine, image: Image) -> None:
    from .root import (  # noqa: PLC0415
        build_root,
        recipe_hash,
    )

    with tempfile.TemporaryDirectory(prefix="netmode-image-") as directory:
        root = build_root(image, directory)
        _import(engine, image["name"], root, _changes(image, recipe_hash(image)))
