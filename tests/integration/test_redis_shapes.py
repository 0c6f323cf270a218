# SPDX-License-Identifier: GPL-3.0-or-later
"""The role redis over images of every shape in every mode: proven, left alone, fixed, and with its data kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import shapes
from redis_lab import inspect, running
from shaped import MODES, ask, deploy, instance, own_volumes
from shapes import REDIS_8_6, REDIS_SHAPES, SHAPES, VALKEY_8, Shape

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


@pytest.mark.thorough
@pytest.mark.parametrize("pairs", [EACH_CHANGE, EVERY_CHANGE], ids=["each", "every"])
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


SERVERS = {**SHAPES, "valkey-8": VALKEY_8, "redis-8.6": REDIS_8_6}
READ_BY = {
    "redis": {"redis", "redis-8", "redis-8.6", "valkey-8", "valkey-9"},
    "redis-8": {"redis-8", "redis-8.6"},
    "redis-8.6": {"redis-8.6"},
    "valkey-8": {"redis-8", "redis-8.6", "valkey-8", "valkey-9"},
    "valkey-9": {"valkey-9"},
}
"""Whose data, and who reads it."""
PAIRS = [(old, new) for old in READ_BY for new in READ_BY if old != new]
VALUES = (
    ("set", "text", "value"), ("rpush", "list", "b", "a", "b"), ("sadd", "words", "one", "two"), ("sadd", "numbers", "7", "9"),
    ("hset", "hash", "field", "value", "other", "1"), ("zadd", "scores", "0.1", "a", "1e30", "b", "-inf", "c", "2", "d"),
)  # fmt: skip


@pytest.mark.parametrize(
    "pairs", [[("redis-8", "redis"), ("redis-8", "valkey-9")], pytest.param(PAIRS, marks=pytest.mark.thorough)],
    ids=["some", "every"],
)  # fmt: skip
def test_r13_a_server_that_does_not_read_the_data_is_refused_before_anything_stops(
    host: Host, play: Callable[..., Play], pairs: list[tuple[str, str]]
) -> None:
    if ({*SERVERS} - {*SHAPES}) & {name for pair in pairs for name in pair}:
        shapes.make(host, [VALKEY_8, REDIS_8_6])
    for old, new in pairs:
        first, other = ({**instance(0, "bridge", SERVERS[one]), "name": f"{old}-to-{new}"} for one in (old, new))
        name = first["name"]
        deploy(play, [first])
        assert ask(host, name, "set", "marker", name) == "OK"
        for words in VALUES:
            ask(host, name, *words)
        before = running(host)
        if new in READ_BY[old]:
            played = deploy(play, [other])
            (compared,) = (task["result"]["compared"] for task in played.tasks if "compared" in task["result"])
            assert compared == {name: {"keys": {"0": 1 + len(VALUES)}, "values": 1 + len(VALUES)}}
            assert deploy(play, [other]).changed == 0
        else:
            refused = deploy(play, [other], rc=2)
            message = " ".join(refused.failed[0]["result"]["msg"].split())
            assert f"instance {name}: image: its data cannot be kept with this one: its format" in message
            assert "Its configuration and its container are as they were." in message
            assert running(host) == before
            assert deploy(play, [first]).changed == 0
        assert ask(host, name, "get", "marker") == name
