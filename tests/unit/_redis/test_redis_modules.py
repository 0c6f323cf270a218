# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image has its server load is a line of redis.conf, once, and nothing adds it a second time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis import files, modules, modules_of_image

if TYPE_CHECKING:
    from pathlib import Path

AT = "/usr/local/lib/redis/modules"
CONF, LOAD = "/trial/redis.conf", "--loadmodule"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["redis-server", CONF], []),
        (["redis-server", CONF, LOAD, f"{AT}//a.so"], [f"{AT}/a.so"]),
        (["redis-server", CONF, LOAD, f"{AT}//a.so", LOAD, "//opt/b.so"], [f"{AT}/a.so", "/opt/b.so"]),
        (["redis-server", CONF, LOAD, "/a.so", "LIMIT", "two words", "--save", "1"], ['/a.so LIMIT "two words"']),
        (["valkey-server", CONF, "--dir", "/data", "--LoadModule", "/a.so", ""], ["/a.so"]),
        (["redis-server", CONF, LOAD], []),
        (["redis-server *:6379"], []),
        ([""], []),
    ],
)  # fmt: skip
def test_what_a_command_line_loads(words: list[str], found: list[str]) -> None:
    assert modules_of_image.loaded_by(words) == found


class Images:
    """An engine with one image and, where it has one, the container ``cache``."""

    def __init__(self, image: str, command: list[str] | None = None) -> None:
        self.image, self.command = image, command

    def get(self, path: str) -> Any:
        if path.startswith("/images/"):
            return {"Id": self.image}
        return {"Config": {"Cmd": self.command}}


def settled(tmp_path: Path, *lines: str, engine: Images | None = None, noted: Any = ("a.so",), **entry: Any) -> Any:
    container = {"name": "cache", "image": "redis", "command": ["redis-server", "redis.conf"], **entry}
    instance = {
        "name": "cache", "state": "present", "directory": str(tmp_path), "lines": ["port 0", *lines],
        "trial": {"container": container},
    }  # fmt: skip
    of = modules._digest(Images("sha256:1"), container)  # type: ignore[arg-type]
    note = files.Tried("digest", None, image=of, loads=[f"{AT}/{one}" for one in noted])
    (tmp_path / files.TRIED).write_text(json.dumps(note))
    return modules.settled(engine or Images("sha256:1"), [instance])[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "lines"),
    [
        ([], ["loadmodule /usr/local/lib/redis/modules/a.so"]),
        ([f"loadmodule {AT}/a.so"], []),
        ([f"LoadModule {AT}//a.so LIMIT 1"], []),
        ([f'loadmodule "{AT}/./a.so"'], []),
        ([f"loadmodule {AT}/b.so"], [f"loadmodule {AT}/a.so"]),
        (["loadmodule-like yes"], [f"loadmodule {AT}/a.so"]),
    ],
)
def test_what_is_asked_for_is_not_written_twice(tmp_path: Path, asked: list[str], lines: list[str]) -> None:
    one = settled(tmp_path, *asked)
    assert one["lines"] == ["port 0", *asked, *lines]
    assert one["loads_known"]
    assert one["trial"]["container"]["command"] == ["env", "redis-server", "redis.conf"]


def test_an_image_that_loads_nothing_is_started_as_it_is(tmp_path: Path) -> None:
    one = settled(tmp_path, f"loadmodule {AT}/own.so", noted=())
    assert one["lines"] == ["port 0", f"loadmodule {AT}/own.so"]
    assert one["trial"]["container"]["command"] == ["redis-server", "redis.conf"]


@pytest.mark.parametrize(
    "entry", [{"user": "1:1"}, {"volumes": [f"/srv/modules:{AT}"]}, {"command": ["valkey-server", "c"]}]
)
def test_what_decides_it_is_asked_of_again(tmp_path: Path, entry: dict[str, Any]) -> None:
    settled(tmp_path)
    container = {"name": "cache", "image": "redis", "command": ["redis-server", "redis.conf"]}
    digests = {modules._digest(Images("sha256:1"), one) for one in (container, {**container, **entry})}  # type: ignore[arg-type]
    assert len(digests) == 2


def test_another_image_is_asked_and_taken_for_the_one_before_until_then(tmp_path: Path) -> None:
    one = settled(tmp_path, engine=Images("sha256:2"))
    assert (one["loads"], one["loads_known"]) == ([f"{AT}/a.so"], False)


@pytest.mark.parametrize(("command", "loads"), [(["env", "redis-server"], [f"{AT}/a.so"]), (["redis-server"], [])])
def test_a_container_that_is_to_stay_is_written_for_as_it_is_started(
    tmp_path: Path, command: list[str], loads: list[str]
) -> None:
    """The entrypoint would add the modules beside lines of redis.conf."""
    one = settled(tmp_path, engine=Images("sha256:2", command), recreate="never")
    assert (one["loads"], one["loads_known"]) == (loads, True)


def test_only_the_named_containers_are_started_otherwise() -> None:
    entries = [{"name": "cache", "command": ["redis-server"]}, {"name": "web", "command": ["httpd"]}, {"name": "gone"}]
    found = modules.started_so(entries, {"cache", "gone"})
    assert found == [{"name": "cache", "command": ["env", "redis-server"]}, *entries[1:]]
