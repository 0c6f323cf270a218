# SPDX-License-Identifier: GPL-3.0-or-later
"""The role redis over images of every shape in every mode: proven, left alone, fixed, and with its data kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from redis_lab import ROLE, inspect
from shapes import REDIS_SHAPES, SHAPES, Shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab import Host, Play

pytestmark = [pytest.mark.engines, pytest.mark.spread, pytest.mark.usefixtures("shape_images", "no_files_left")]
MODES = ("bridge", "container", "host", "none")
PASSWORD = "s3cret-of-the-test"
DONORS = [{"name": name, "image": SHAPES[name].image} for name in ("nginx", "httpd")]


def instance(number: int, mode: str, shape: Shape, **more: Any) -> dict[str, Any]:
    """One of them shares with nginx, the next with httpd: no two of a namespace listen on one port."""
    own: dict[str, Any] = {"port": 7000 + number} if mode in ("host", "container") else {}
    if mode == "container":
        own["donor"] = DONORS[number % 2]["name"]
    return {
        "name": f"{mode}-{shape.name}", "network_mode": mode, "image": shape.image, "user": shape.user,
        "server_command": shape.server, "cli_command": shape.cli, **own, **more,
    }  # fmt: skip


def deploy(play: Callable[..., Play], instances: list[dict[str, Any]], *options: str) -> Play:
    played = play(
        ROLE, options=options, redis_instances=instances, redis_companions=DONORS, redis_password=PASSWORD,
        redis_keeper=False, redis_healthcheck_interval="1h",
    )  # fmt: skip
    assert played.rc == 0, played.stdout + played.stderr
    return played


def ask(host: Host, name: str, *words: str) -> str:
    socket = f"/var/lib/netmode/redis/{name}/redis.sock"
    return host.run("redis-cli", "-s", socket, *words, env={"REDISCLI_AUTH": PASSWORD}).stdout.strip()


def own_volumes(host: Host, instances: list[dict[str, Any]]) -> None:
    """For Bitnami's image, which has no /data: the engine gives an empty volume the owner of that, and else root."""
    for one in instances:
        if one["image"] == SHAPES["bitnami"].image:
            host.docker("volume", "create", f"{one['name']}-data")
            at = host.docker("volume", "inspect", "-f", "{{.Mountpoint}}", f"{one['name']}-data")
            host.sh(f"touch {at}/.not-empty; chown {one['user']} {at}")


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
