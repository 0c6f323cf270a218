# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that an image loads are loaded once, whatever is done to the server and its redis.conf."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import shapes
from backup_lab import done
from lab import wait_until
from redis_lab import AGAIN, inspect
from shaped import PASSWORD, ask, deploy, instance
from shapes import REDIS_8_6, SHAPES, Shape
from trial_lab import answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab import Host, Play

pytestmark = [pytest.mark.engines, pytest.mark.spread, pytest.mark.usefixtures("shape_images", "no_files_left")]

AT = "/usr/local/lib/redis/modules/netmode.so"
ASKED: dict[str, dict[str, Any]] = {
    "nothing": {},
    "it": {"settings": {"loadmodule": AT}},
    "by-another-name": {"settings": {"LoadModule": [f"{AT.replace('/netmode', '//netmode')}"]}},
}
"""What is asked for of the module that the image has."""
MODULED = [SHAPES["redis-8"], SHAPES["redis-8-alpine"], REDIS_8_6]


def loaded(host: Host, name: str) -> list[str]:
    """The path of each module that is not a part of the server."""
    words = ask(host, name, "module", "list").split()
    return [word.replace("//", "/") for word in words if word.endswith(".so")]


def lines(host: Host, name: str) -> list[str]:
    conf = host.sh(f"cat /etc/netmode/redis/{name}/redis.conf").splitlines()
    return [line for line in conf if line.lower().startswith("loadmodule")]


@pytest.mark.parametrize("asked", ["nothing", "it", pytest.param("by-another-name", marks=pytest.mark.thorough)])
@pytest.mark.parametrize(
    "shape", [MODULED[0], *(pytest.param(one, marks=pytest.mark.thorough) for one in MODULED[1:])],
    ids=lambda shape: shape.name,
)  # fmt: skip
def test_a_module_of_the_image_is_loaded_once_after_whatever_rewrites_its_redis_conf(
    host: Host, play: Callable[..., Play], shape: Shape, asked: str
) -> None:
    if shape.name not in SHAPES:
        shapes.make(host, [shape])
    wanted = [{**instance(0, "bridge", shape, **ASKED[asked]), "name": "cache"}]
    deploy(play, wanted, "--check")
    deploy(play, wanted)
    assert (loaded(host, "cache"), len(lines(host, "cache"))) == ([AT], 1)
    assert ask(host, "cache", "netmode.hello") == "hello"
    assert ask(host, "cache", "set", "key", "value") == "OK"
    assert deploy(play, wanted).changed == 0
    for restart in (("docker", "restart", "cache"), ("docker", "kill", "cache")):
        assert ask(host, "cache", "config", "rewrite") == "OK"
        assert len(lines(host, "cache")) == 1
        host.run(*restart)
        if "kill" in restart:
            host.docker("start", "cache")
        wait_until(lambda: answers(host, PASSWORD), "it is back", 20)
        assert loaded(host, "cache") == [AT]
    before = inspect(host, "cache")["State"]["StartedAt"]
    deploy(play, wanted)
    assert deploy(play, wanted).changed == 0
    assert inspect(host, "cache")["State"]["StartedAt"] == before
    another = [{**wanted[0], "labels": AGAIN}]
    deploy(play, another)
    assert deploy(play, another).changed == 0
    assert (loaded(host, "cache"), ask(host, "cache", "get", "key")) == ([AT], "value")


@pytest.mark.parametrize("asked", ["nothing", pytest.param("it", marks=pytest.mark.thorough)])
def test_an_image_with_modules_takes_the_place_of_one_without_and_its_backup_is_restored(
    host: Host, play: Callable[..., Play], asked: str
) -> None:
    def wanted(shape: str, **more: Any) -> list[dict[str, Any]]:
        return [{**instance(0, "bridge", SHAPES[shape], **more), "name": "cache"}]

    deploy(play, wanted("redis"))
    assert (loaded(host, "cache"), ask(host, "cache", "set", "key", "value")) == ([], "OK")
    deploy(play, wanted("redis-8", **ASKED[asked]))
    assert deploy(play, wanted("redis-8", **ASKED[asked])).changed == 0
    assert (loaded(host, "cache"), ask(host, "cache", "get", "key")) == ([AT], "value")
    given = {"redis_password": PASSWORD, "redis_companions": []}
    instances = [{**wanted("redis-8", **ASKED[asked])[0]}]
    done(host, "backup", instances, **given)
    assert ask(host, "cache", "del", "key") == "1"
    done(host, "restore", instances, **given, redis_restore_backup="latest", redis_restore_overwrite=True)
    assert (loaded(host, "cache"), ask(host, "cache", "get", "key")) == ([AT], "value")
    host.sh("rm -r /var/backups/netmode")
