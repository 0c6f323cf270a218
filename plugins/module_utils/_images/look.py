# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of a host: observe what the engine has, plan what is missing, and what a run would do. Changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._compose import names
from ansible_collections.netmode.docker.plugins.module_utils._compose.numbers import permissions
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError

from . import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


RECIPE_LABEL = "netmode.docker.recipe"
"""On an image that this module made: the hash of the packages' recipe, or the identity of the root file system."""

Image = dict[str, Any]


class Present(NamedTuple):
    id: str
    recipe: str
    made_here: bool = False
    """Of packages or of a root file system, by this module: not made from such an image by somebody else."""
    users: tuple[str, ...] = ()
    """Of one that is to be absent: containers that keep the engine from removing it, for this is its last name."""


class Step(NamedTuple):
    action: str
    """pull, load, import, build or remove."""
    image: Image
    reason: str
    identities: tuple[str, ...] = ()
    """For load and import: what the archive says that the image is."""


def validate(images: list[Image]) -> None:
    """Refuse what no engine could do, before any is asked."""
    seen: set[str] = set()
    for image in images:
        name = image["name"]
        try:
            names.image(name)
        except ValueError as error:
            raise NetmodeError(f"images: name: {error}.") from None
        if name in seen:
            raise NetmodeError(f"image {name}: it is in the list twice. Leave one of the entries.")
        seen.add(name)
        if image["state"] == "present" and image["source"] != "pull" and "@" in name:
            raise NetmodeError(
                f"image {name}: a digest names an image of a registry, and source is {image['source']}. "
                "Use a tag, or set source to pull."
            )
        for directory in image["directories"]:
            directory["mode"] = _mode(name, directory)
        made = image["state"] == "present" and image["source"] == "packages"
        if made and not all(package.strip() for package in image["packages"] or [""]):
            raise NetmodeError(
                f"image {name}: packages: source is packages, and none is named, or one by an empty name. "
                "Name them, such as [redis-server], or set source to pull or archive."
            )


def _mode(name: str, directory: dict[str, Any]) -> str:
    try:
        return f"{permissions(directory['mode']):04o}"
    except ValueError as error:
        raise NetmodeError(f"image {name}: directories: {directory['path']}: mode: {error}.") from None


def would(params: dict[str, Any]) -> dict[str, Any]:
    """What a run would do, as the module returns it. NetmodeError: a refusal."""
    images = params["images"]
    validate(images)
    engine = Engine(params["docker_host"], params["timeout"])
    before = observe(engine, images, params["pending"])
    steps = plan(images, before, identifier(check_mode=True))
    newer = _brought(engine, steps) if params["ask_registries"] else frozenset()
    return report(images, steps, before, before, newer=newer)


def _brought(engine: Engine, steps: list[Step]) -> frozenset[str]:
    """The names that a pull would give to another image. NetmodeError: it would fail."""
    pulls = [step.image for step in steps if step.action == "pull"]
    return frozenset(one["name"] for one in pulls if _has_newer(engine, one))


def _has_newer(engine: Engine, image: Image) -> bool:
    return registry.has_newer(engine, f"image {image['name']}: pull", image["name"], credentials(image))


def observe(engine: Engine, images: list[Image], leaving: Collection[str] = ()) -> dict[str, Present | None]:
    """What the engine has under each name; None where it has nothing.

    ``leaving``: containers that a task before this one would remove.
    """
    found: dict[str, Present | None] = {}
    for image in images:
        name = image["name"]
        try:
            inspect = engine.get(f"/images/{name}/json")
        except NotFoundError:
            found[name] = None
        else:
            last = image["state"] == "absent" and len(inspect.get("RepoTags") or []) <= 1
            users = sorted(set(_users(engine, inspect["Id"])) - {*leaving}) if last else ()
            found[name] = _present(inspect)._replace(users=tuple(users))
    return found


def _present(inspect: dict[str, Any]) -> Present:
    recipe = ((inspect.get("Config") or {}).get("Labels") or {}).get(RECIPE_LABEL, "")
    imported = len((inspect.get("RootFS") or {}).get("Layers") or []) == 1
    return Present(inspect["Id"], recipe, bool(recipe) and imported)


def _users(engine: Engine, identity: str) -> list[str]:
    containers = engine.get("/containers/json", all=True)
    return [one["Names"][0].lstrip("/") for one in containers if one["ImageID"] == identity]


def _spared(image: Image, have: Present | None) -> bool:
    return bool(have and image["only_made_here"] and (have.users or not have.made_here))


def identifier(*, check_mode: bool) -> Callable[[Image], tuple[bool, tuple[str, ...]]]:
    """What tells ``plan`` of an archive. In check mode the file may not have been copied to the host yet."""

    def identify(image: Image) -> tuple[bool, tuple[str, ...]]:
        if check_mode and image["archive_id"] and not Path(image["archive"]).is_file():
            return True, (image["archive_id"],)
        # Only for archives that the engine does not have yet.
        from .archive import read_archive  # noqa: PLC0415

        found = read_archive(image["archive"])
        return found.saved, found.identities

    return identify


def plan(
    images: list[Image], current: dict[str, Present | None], identify: Callable[[Image], tuple[bool, tuple[str, ...]]]
) -> list[Step]:
    """The steps that are missing. ``identify`` tells of an archive whether it is a saved image, and its identities."""
    steps = []
    for image in images:
        have = current[image["name"]]
        if image["state"] == "absent":
            if have and not _spared(image, have):
                _refuse_used(image["name"], have.users)
                steps.append(Step("remove", image, "state is absent"))
        elif image["source"] == "pull":
            if have is None:
                steps.append(Step("pull", image, "the engine has no such image"))
            elif image["pull_policy"] == "always":
                steps.append(Step("pull", image, "pull_policy is always"))
        elif image["source"] == "archive":
            steps += _plan_archive(image, have, identify)
        else:
            steps += _plan_packages(image, have)
    return steps


def _refuse_used(name: str, users: tuple[str, ...]) -> None:
    if users:
        raise NetmodeError(
            f"image {name}: state: absent: {', '.join(users)} {'has' if len(users) == 1 else 'have'} it. "
            "Remove what has it first (module netmode.docker.containers), or leave the image."
        )


def _plan_archive(
    image: Image, have: Present | None, identify: Callable[[Image], tuple[bool, tuple[str, ...]]]
) -> list[Step]:
    if have and image["archive_id"] and image["archive_id"] in (have.id, have.recipe):
        return []
    saved, identities = identify(image)
    if have and (have.id in identities or have.recipe in identities):
        return []
    reason = "the engine has another image of that name" if have else "the engine has no such image"
    return [Step("load" if saved else "import", image, reason, identities)]


def _plan_packages(image: Image, have: Present | None) -> list[Step]:
    # Only a build needs it, but its hash is what is compared.
    from .root import recipe_hash  # noqa: PLC0415

    if have is None:
        return [Step("build", image, "the engine has no such image")]
    if image["pull_policy"] == "always":
        return [Step("build", image, "pull_policy is always")]
    if have.recipe != recipe_hash(image):
        return [Step("build", image, "the image of that name was made from another recipe")]
    return []


def credentials(image: Image) -> dict[str, str]:
    return {"username": image["username"], "password": image["password"] or ""} if image["username"] else {}


def report(
    images: list[Image],
    steps: list[Step],
    before: dict[str, Present | None],
    after: dict[str, Present | None],
    *,
    newer: frozenset[str] | None,
) -> dict[str, Any]:
    """The module's result. Asking the registry again is a change only where the name then means another image.

    ``newer``: in check mode the names of which the registry has another image than the engine; else None.
    """
    told: dict[str, Any] = {}
    for image in images:
        name = image["name"]
        mine = [step for step in steps if step.image is image]
        old, new = before[name], after[name]
        foreseen = [step for step in mine if step.action != "pull" or not old or name in (newer or ())]
        told[name] = {
            "id": new.id if new else None,
            "changed": old != new if newer is None else bool(foreseen),
            "actions": [step.action for step in mine],
            "reasons": [step.reason for step in mine],
        }
    changed = any(item["changed"] for item in told.values())

    def lines(state: dict[str, Present | None], *, planned: bool) -> str:
        out = []
        for name, have in state.items():
            text = have.id if have else "missing"
            if planned and told[name]["changed"]:
                text = f"by {told[name]['actions'][-1]}"
            out.append(f"{name}: {text}\n")
        return "".join(out)

    diff = {"before": lines(before, planned=False), "after": lines(after, planned=newer is not None)}
    left = [image["name"] for image in images if image["state"] == "absent" and _spared(image, before[image["name"]])]
    return {"changed": changed, "images": told, "left": left, "diff": diff}
