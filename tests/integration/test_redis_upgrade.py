# SPDX-License-Identifier: GPL-3.0-or-later
"""R13: another image whose server passes its trial and fails with the data: the old container is back, with all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import shapes
from redis_lab import ROLE, running
from shaped import DONORS, PASSWORD, Client, ask, deploy, instance
from shapes import SHAPES, File, Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab import Host, Play

pytestmark = [pytest.mark.engines, pytest.mark.spread, pytest.mark.usefixtures("shape_images", "no_files_left")]

_HAS_DATA = "[ -e /data/appendonlydir ] || [ -e /data/dump.rdb ]"
SPOILT = {
    "dies": f"if {_HAS_DATA}; then echo 'this server dies of its data' >&2; exit 3; fi",
    "hangs": f"if {_HAS_DATA}; then exec /bin/busybox sleep 600; fi",
    "forgets": 'case "$*" in *redis-server*) set -- "$@" --dir /tmp ;; esac',
}
"""What an image does with data."""
ON_A_COPY = {
    "dies": "was tried on a copy of its data, and does not start",
    "hangs": "was tried on a copy of its data, and is not ready within 5 s",
    "forgets": "was tried on a copy of its data, and comes up without it: database 0 had 1000 keys, and has 0",
}
IN_PLACE = {
    "dies": "its Redis does not come up in its new container",
    "hangs": "its Redis does not answer in its new container within 5 s",
    "forgets": "its Redis comes up in its new container without its data: database 0 had 1000 keys, and has 0",
}
"""What the run says of it, where it does that on a copy of the data, and where only with the data itself."""


def spoilt(name: str, *, late: bool = False) -> Shape:
    """Redis 8 in an image whose entrypoint does this before anything else; ``late``: not on a copy."""
    shape, at = SHAPES["redis-8"], "usr/local/bin/docker-entrypoint.sh"
    first, _, rest = str(shape.paths[at].text).partition("\n")
    spoils = f'case "$*" in */trial/*) ;; *) {SPOILT[name]} ;; esac' if late else SPOILT[name]
    entrypoint = File(f"{first}\n{spoils}\n{rest}")
    return shape._replace(name=f"redis-8-{name}{'-late' * late}", paths={**shape.paths, at: entrypoint})


@pytest.fixture(scope="module")
def spoilt_images(machine: Host, shape_images: None) -> Iterator[None]:
    made = [spoilt(name, late=late) for name in SPOILT for late in (False, True)]
    shapes.make(machine, made)
    yield
    machine.docker("rmi", *(shape.image for shape in made))


def has(host: Host, name: str) -> tuple[str, ...]:
    return tuple(ask(host, name, *words) for words in (("dbsize",), ("get", "key:777"), ("zrange", "zset", "0", "-1")))


@pytest.mark.parametrize(
    "mode", ["bridge", *(pytest.param(mode, marks=pytest.mark.thorough) for mode in ("container", "none"))]
)
@pytest.mark.parametrize("appendonly", [True, pytest.param(False, marks=pytest.mark.thorough)])
@pytest.mark.parametrize(
    "kinds", [["dies", "forgets"], pytest.param([*SPOILT], marks=pytest.mark.thorough)], ids=["some", "every"]
)
@pytest.mark.usefixtures("spoilt_images")
def test_r13_where_the_new_server_fails_with_the_data_the_old_one_keeps_it_all(
    host: Host, play: Callable[..., Play], mode: str, appendonly: bool, kinds: list[str]
) -> None:
    """Found on a copy it runs on meanwhile; what only the data itself shows has it back."""

    def wanted(shape: Shape, **more: Any) -> list[dict[str, Any]]:
        return [{**instance(0, mode, shape, appendonly=appendonly), "name": "cache", **more}]

    deploy(play, wanted(SHAPES["redis"]))
    ask(host, "cache", "eval", "for i=1,999 do redis.call('set', 'key:'..i, i) end", "0")
    ask(host, "cache", "zadd", "zset", "0.1", "one", "2", "two")
    before, containers = has(host, "cache"), running(host)
    assert before[0] == "1000"
    newer = {"settings": {"set-max-listpack-entries": 64}}  # a setting that Redis 7.0 does not know
    for name, late in [*((name, False) for name in kinds), *((name, True) for name in kinds)]:
        timeout = 5 if name == "hangs" else 30
        refused = deploy(play, wanted(spoilt(name, late=late), **newer), rc=2, redis_start_timeout=timeout)
        message = " ".join(refused.failed[0]["result"]["msg"].split())
        assert (f"cache: {IN_PLACE[name]}" if late else f"netmode-test/redis-8-{name} {ON_A_COPY[name]}") in message
        assert ("The old container is back as it was. It answers again." in message) == late
        assert ("Its configuration and its container are as they were." in message) != late
        assert ("this server dies of its data" in message) == (name == "dies")
        if late:
            assert [line.split()[:2] for line in running(host)] == [line.split()[:2] for line in containers]
        else:
            assert running(host) == containers
        assert (
            host.sh("docker ps -aq --filter label=netmode.docker.trial; docker volume ls -q | grep trial || true") == ""
        )
        assert has(host, "cache") == before
        assert ask(host, "cache", "set", "key:1", "1") == "OK", "clients wait no longer with what they write"
        left = host.sh("ls -A /etc/netmode/redis/cache; cat /etc/netmode/redis/cache/redis.conf")
        assert ".before" not in left
        assert "set-max-listpack-entries" not in left
    played = deploy(play, wanted(SHAPES["redis-8"]))
    (copies,) = (task["result"]["copies"] for task in played.tasks if "copies" in task["result"])
    assert copies == {"cache": {"keys": {"0": 1000}, "why_not": ""}}
    (compared,) = (task["result"]["compared"] for task in played.tasks if "compared" in task["result"])
    assert compared == {"cache": {"keys": {"0": 1000}, "values": compared["cache"]["values"]}}
    assert compared["cache"]["values"] > 20
    assert has(host, "cache") == before
    assert deploy(play, wanted(SHAPES["redis-8"])).changed == 0


SECRETS: list[dict[str, Any]] = [
    {"redis_password": "another"},
    {"redis_password": "", "users": [{"name": "default", "enabled": False}]},
    {"redis_password": "a third"},
]
"""Each in the place of the one before: a password, the user default off, and on again."""


@pytest.mark.parametrize("refused_at", [{1}, pytest.param({0, 1, 2}, marks=pytest.mark.thorough)], ids=["one", "each"])
@pytest.mark.usefixtures("spoilt_images")
def test_r13_the_data_is_compared_where_the_secrets_change_with_the_image(
    host: Host, play: Callable[..., Play], refused_at: set[int]
) -> None:
    def change(shape: Shape, given: dict[str, Any], turn: int, rc: int = 0) -> Play:
        more = {"labels": {"turn": f"{turn}"}, "users": given.get("users", [])}
        own = {**instance(0, "bridge", shape), "name": "cache", **more}
        return deploy(play, [own], rc=rc, redis_password=given["redis_password"])

    deploy(play, [{**instance(0, "bridge", SHAPES["redis"]), "name": "cache"}])
    for number in range(3):
        assert ask(host, "cache", "set", f"key:{number}", "value") == "OK"
    for turn, given in enumerate(SECRETS):
        if turn in refused_at:
            refused = change(spoilt("forgets", late=True), given, turn, rc=2)
            assert "without its data: database 0 had 3 keys, and has 0" in refused.failed[0]["result"]["msg"]
        played = change(SHAPES["redis-8" if turn else "redis"], given, turn)
        (compared,) = (task["result"]["compared"] for task in played.tasks if "compared" in task["result"])
        assert compared["cache"]["keys"] == {"0": 3}
        (copies,) = (task["result"]["copies"] for task in played.tasks if "copies" in task["result"])
        assert [*copies] == ["cache"] * (turn == 1), "only another image is tried on a copy"
        assert change(SHAPES["redis-8" if turn else "redis"], given, turn).changed == 0
        left = host.sh("ls -A /etc/netmode/redis/cache")
        assert (".before" in left, ".operator" in left) == (False, "users" in given)


@pytest.mark.thorough
def test_r13_what_cannot_be_copied_is_told_and_the_image_is_changed_all_the_same(
    host: Host, play: Callable[..., Play]
) -> None:
    def wanted(shape: Shape) -> list[dict[str, Any]]:
        return [{**instance(0, "bridge", shape, appendonly=False, save=[]), "name": "cache"}]

    deploy(play, wanted(SHAPES["redis"]))
    played = deploy(play, wanted(SHAPES["redis-8"]))
    (copies,) = (task["result"]["copies"] for task in played.tasks if "copies" in task["result"])
    why = "it keeps no data (appendonly no, and save is empty)"
    assert copies == {"cache": {"keys": {}, "why_not": why}}
    told = " ".join((played.stdout + played.stderr).split())
    assert f"instance cache: its new image was not tried on a copy of its data: {why}." in told


@pytest.mark.thorough
@pytest.mark.usefixtures("spoilt_images")
def test_r13_a_donor_that_ends_with_another_image_comes_back_with_its_sharers(
    host: Host, play: Callable[..., Play]
) -> None:
    wanted = [{**instance(0, "container", SHAPES["redis"]), "name": "cache"}]
    deploy(play, wanted)
    assert ask(host, "cache", "set", "key", "value") == "OK"
    containers = [line.split()[:2] for line in running(host)]
    donors = [{**one, "image": SHAPES["redis-8"].image, "command": ["false"]} for one in DONORS]
    played = play(
        ROLE,
        redis_instances=wanted,
        redis_companions=donors,
        redis_password=PASSWORD,
        redis_keeper=False,
        redis_healthcheck_interval="1h",
    )
    assert played.rc == 2, played.stdout
    assert "its new container ends at once" in played.failed[0]["result"]["msg"]
    assert [line.split()[:2] for line in running(host)] == containers
    assert deploy(play, wanted).changed == 0
    assert ask(host, "cache", "get", "key") == "value"


@pytest.mark.thorough
@pytest.mark.usefixtures("spoilt_images")
def test_r13_the_numbers_of_keys_are_compared_where_the_role_may_read_none(
    host: Host, play: Callable[..., Play]
) -> None:
    users = [
        {"name": "default", "enabled": False},
        {"name": "app", "passwords": ["s3cret"], "rules": "~* &* +@all -@admin"},
    ]

    def wanted(shape: Shape) -> list[dict[str, Any]]:
        return [{**instance(0, "bridge", shape, users=users), "name": "cache"}]

    deploy(play, wanted(SHAPES["redis"]), redis_password="")
    client = Client("cache", "AUTH app s3cret")
    for number in range(3):
        assert client.says(f"SET key:{number} value") == "+OK"
    refused = deploy(play, wanted(spoilt("forgets", late=True)), rc=2, redis_password="")
    assert "without its data: database 0 had 3 keys, and has 0" in refused.failed[0]["result"]["msg"]
    played = deploy(play, wanted(SHAPES["redis-8"]), redis_password="")
    (compared,) = (task["result"]["compared"] for task in played.tasks if "compared" in task["result"])
    assert compared == {"cache": {"keys": {"0": 3}, "values": 0}}
    assert Client("cache", "AUTH app s3cret").says("DBSIZE") == ":3"
