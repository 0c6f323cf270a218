# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of a list's containers: which are to be pulled, and the pull."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._images import registry

from .observe import find_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .spec import Wanted
    from .state import Host


class Registries:
    """What the registries say, each asked once for an image: one that does not answer takes its time to."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._said: dict[str, bool | NetmodeError] = {}

    def bring_another(self, one: Wanted) -> bool:
        """Whether the pull of an entry's image would bring another than the host has. NetmodeError: it would fail."""
        if one.image not in self._said:
            try:
                self._said[one.image] = registry.has_newer(self._engine, _pulling(one), one.image)
            except NetmodeError as error:
                self._said[one.image] = error
        said = self._said[one.image]
        if isinstance(said, NetmodeError):
            raise said
        return said


def _pulling(one: Wanted) -> str:
    return f"{one.where}: image: cannot pull {one.image!r}"


def needed(host: Host, wanted: list[Wanted], brings: Callable[[Wanted], bool]) -> list[Wanted]:
    """The entries whose image is to be pulled, one for each image, as far as that ``brings`` another image."""
    found: dict[str, Wanted] = {}
    for one in wanted:
        if one.state == "absent" or one.image in host.pending:
            continue
        image = host.images.get(one.image)
        if image is None and one.pull_policy == "never":
            raise NetmodeError(
                f"{one.where}: image: {one.image!r} is not on this host and pull_policy: never forbids to pull it. "
                "Load or build it first (module netmode.docker.images)."
            )
        if one.image in found or (image is not None and one.pull_policy != "always"):
            continue
        if brings(one):
            found[one.image] = one
    return list(found.values())


def without(host: Host, pulled: list[Wanted]) -> Host:
    """The host without the images that would be pulled: what those bring is not known."""
    names = {one.image for one in pulled}
    return host._replace(images={name: image for name, image in host.images.items() if name not in names})


def pull(engine: Engine, one: Wanted) -> bool:
    """Whether that brought another image."""
    before = find_image(engine, one.image)
    registry.pull(engine, _pulling(one), one.image)
    after = find_image(engine, one.image)
    return before is None or after is None or before["Id"] != after["Id"]


def refuse_missing(host: Host, wanted: list[Wanted]) -> None:
    for one in wanted:
        if one.state != "absent" and one.image not in host.images:
            raise NetmodeError(
                f"{one.where}: image: {one.image!r} was removed from this host while this run pulled or waited for "
                "another one. Nothing was changed; run again."
            )
