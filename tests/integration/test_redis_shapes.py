# SPDX-License-Identifier: GPL-3.0-or-later
"""The role redis over images of every shape in every mode: proven, left alone, fixed, and with its data kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from redis_lab import inspect
from shaped import MODES, ask, deploy, instance, own_volumes
from shapes import REDIS_SHAPES, SHAPES, Shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab import Host, Play

pytestmark = [pytest.mark.engines, pytest.mark.spread, pytest.mark.usefixtures("shape_images", "no_files_left")]


def volumes(host: Host) -> list[str]:
    return sorted(volume["Name"] for volume in host.api("/volumes")["Volumes"] or [])


EVERY = [(mode, shape) for shape in REDIS_SHAPES for mode in MODES]
EACH = [(MODES[number % len(MODES)], shape) for number, shape in enumerate(REDIS_SHAPES)]
"""Each shape and each mode at least once, which is a quarter of the time of every pair."""


@pytest.mark.parametrize("pairs", [EACH, pytest.param(EVERY, marks=pytest.mark.thorough)], ids=["each", "every"])
def test_every_mode_over_every_shape(host: Host, play: Callable[..., Play], pairs: list[tuple[str, Shape]]) -> None:
    instances = [instance(number, mode, shape) for number, (mode, shape) in enumerate(pairs)]
    names = [one["name"] for one in instances]
    own_volumes(host, instances)
    deploy(play, instances)
    for options in ((), ("--check",)):
        assert deploy(play, instances, *options).changed == 0
    keys = {name: inspect(host, name)["Id"] for name in names}
    for turn, name in enumerate(names):
        host.docker(*((("stop",), ("pause",), ("rename",))[turn % 3]), name, *(["elsewhere-" + name] * (turn % 3 == 2)))
    deploy(play, instances)
    assert {name: inspect(host, name)["Id"] for name in names} == keys
    assert deploy(play, instances).changed == 0


BARE = Shape("bare", {}, {})
CHANGES = ((BARE, SHAPES["redis"]), (SHAPES["redis"], SHAPES["redis-8"]))
EVERY_CHANGE = [(mode, change) for change in CHANGES for mode in MODES]
EACH_CHANGE = [(mode, CHANGES[number % 2]) for number, mode in enumerate(MODES)]


@pytest.mark.parametrize(
    "pairs", [EACH_CHANGE, pytest.param(EVERY_CHANGE, marks=pytest.mark.thorough)], ids=["each", "every"]
)
def test_the_data_is_kept_over_a_change_of_the_image(
    host: Host, play: Callable[..., Play], pairs: list[tuple[str, tuple[Shape, Shape]]]
) -> None:
    old, new = (
        [
            {**instance(number, mode, change[which]), "name": f"one-{number}"}
            for number, (mode, change) in enumerate(pairs)
        ]
        for which in (0, 1)
    )
    deploy(play, old)
    for one in old:
        assert ask(host, one["name"], "set", "marker", one["name"]) == "OK"
    before = volumes(host)
    deploy(play, new)
    assert [ask(host, one["name"], "get", "marker") for one in new] == [one["name"] for one in new]
    assert volumes(host) == before
    assert deploy(play, new).changed == 0
