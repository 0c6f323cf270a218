# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of a list's containers: which are to be pulled, and the pull."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._images import registry

from .observe import find_image

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .spec import Wanted
    from .state import Host


def needed(engine: Engine, host: Host, wanted: list[Wanted], *, check: bool) -> list[Wanted]:
    """The entries whose image is to be pulled, one for each image; in check mode where that brings another image.

    Such an image is taken out of ``host``: what it brings is not known.
    """
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
        what = f"{one.where}: image: cannot pull {one.image!r}"
        if not check or registry.has_newer(engine, what, one.image):
            found[one.image] = one
    for reference in found if check else ():
        host.images.pop(reference, None)
    return list(found.values())


def pull(engine: Engine, one: Wanted) -> bool:
    """Whether that brought another image."""
    before = find_image(engine, one.image)
    registry.pull(engine, f"{one.where}: image: cannot pull {one.image!r}", one.image)
    after = find_image(engine, one.image)
    return before is None or after is None or before["Id"] != after["Id"]


def refuse_missing(host: Host, wanted: list[Wanted]) -> None:
    for one in wanted:
        if one.state != "absent" and one.image not in host.images:
            raise NetmodeError(
                f"{one.where}: image: {one.image!r} was removed from this host while this run pulled or waited for "
                "another one. Nothing was changed; run again."
            )
