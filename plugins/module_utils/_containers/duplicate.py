# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates the equal of a container beside it, not started yet; refused where something of it would be lost."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.archive import get_archive
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError

from . import acts, clone, configs
from .make import make
from .observe import find_image, links
from .state import NEW_SUFFIX, vanishes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .run import Run
    from .state import Step

Json = dict[str, Any]


def duplicate_dependant(run: Run, step: Step) -> str:
    """The id of the copy that is to take the place of a dependant, and joins what its originals' were replaced by."""
    inspect = acts.inspected(run.engine, step.container)
    if vanishes(inspect):
        raise NetmodeError(
            f"{step.name}: {step.reason}, so it would have to be recreated, but it was started with --rm: the "
            "engine deletes it the moment that it stops, and it would be gone if the new one failed. "
            f"Remove it (docker rm -f {step.name}) and start it again."
        )
    return duplicate(run, step.name, inspect, _in_place_of(run, inspect, str(step.data.get("donor", ""))))


def duplicate(run: Run, owner: str, inspect: Json, replaced: Mapping[str, str]) -> str:
    """The id of the copy. NetmodeError: something of the container would be lost.

    ``owner``: what messages call it; ``replaced``: id or name that it joins or links to → the id to join instead.
    """
    engine = run.engine
    given, ident = inspect["Config"].get("Image") or "", inspect["Image"]
    meant = find_image(engine, given) if given else None
    sources = [_source(engine, owner, one) for one in inspect["HostConfig"].get("VolumesFrom") or []]
    image = given if meant and meant["Id"] == ident else ident  # a tag may mean another one by now
    body = clone.body(inspect, image, replaced, clone.inherited(inspect, sources))
    key = make(run, owner, owner + NEW_SUFFIX, body, clone.endpoints(inspect), {})
    try:
        lost = clone.lost(inspect, acts.inspected(engine, key), replaced)
        if lost:
            raise NetmodeError(
                f"{owner}: cannot be recreated as it is, so nothing was stopped for it: Docker Engine "
                f"{engine.version} does not give its {', '.join(lost)} again. Remove it "
                f"(docker rm -f {owner}), run again, and make it once more as it was made."
            )
        _carry_files(engine, owner, inspect, key)
    except NetmodeError:
        acts.discard(engine, owner, key)
        raise
    return key


def _carry_files(engine: Engine, owner: str, inspect: Json, key: str) -> None:
    """What ``configs`` wrote into the container itself. What is on a volume goes along with that."""
    mounted = [mount["Destination"] for mount in inspect.get("Mounts") or []]
    for path in configs.written(inspect):
        if any(path.startswith(f"{target.rstrip('/')}/") for target in mounted):
            continue
        with suppress(NotFoundError):  # it was removed manually
            archive = get_archive(engine, inspect["Id"], path)
            with acts.changing(engine, owner, f"write {path} into the new container") as client:
                client.put_archive(key, path.rpartition("/")[0] or "/", archive)


def _source(engine: Engine, owner: str, reference: str) -> Json:
    """The inspect of a container whose volumes it has (``volumes-from``)."""
    name = reference.partition(":")[0]
    try:
        return acts.inspected(engine, name)
    except NotFoundError as error:
        raise NetmodeError(
            f"{owner}: cannot be recreated as it is: it has volumes from {name}, which is "
            f"gone. Remove it (docker rm -f {owner}) and make it again with the volumes by their names."
        ) from error


def _in_place_of(run: Run, inspect: Json, donor: str) -> dict[str, str]:
    """Id or name that a container joins or links to → the id to join instead."""
    replaced = dict(run.replaced)
    for target, _ in links(inspect):
        with suppress(NotFoundError):
            linked = str(acts.inspected(run.engine, target)["Id"])
            replaced[target] = run.replaced.get(linked, linked)
    _, _, joined = inspect["HostConfig"]["NetworkMode"].partition("container:")
    if joined and joined not in replaced and donor in run.ids:
        try:
            acts.inspected(run.engine, joined)
        except NotFoundError:  # what it joined is gone, and another has its name
            replaced[joined] = run.ids[donor]
    return replaced
