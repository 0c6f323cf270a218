# SPDX-License-Identifier: GPL-3.0-or-later
"""Of what a backup is made, what is removed then, and what is refused before a server is asked for a dump."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis.formats import Server
from ansible_collections.netmode.docker.plugins.module_utils._redis_backup import backup, encryption, server, spec
from ansible_collections.netmode.docker.plugins.module_utils._redis_backup.plan import Step, plan
from ansible_collections.netmode.docker.plugins.module_utils._redis_backup.state import Backup, Seen, Told
from redis_role import plan as plan_of

TOLD = Told(
    Server("redis", "7.0.15"), "r" * 40, "master", link=False, loading=False, keys={0: 1000}, modules={},
    directory="/data", dump="dump.rdb", saves=3, last_save=1, saved=True, busy=False, changes=0, loaded=0,
)  # fmt: skip
BACKUPS = [Backup(Path(f"/b/cache-{number}.rdb"), {}) for number in (9, 8, 7)]


def seen(told: Told | None = TOLD, command: str = "redis-server", **more: Any) -> Seen:
    instance = {"name": "cache", "volume": "cache-data", "trial": {"container": {"command": [command, "/x"]}}}
    found = Seen(instance, "c" * 64, "running", "sha256:1", Path("/v"), told, "", [])
    return found._replace(**more)


@pytest.mark.parametrize(("keep", "removed"), [(1, [9, 8, 7]), (2, [8, 7]), (3, [7]), (4, []), (99, [])])
def test_the_newest_are_kept_the_new_one_included(keep: int, removed: list[int]) -> None:
    (step,) = plan([seen(backups=BACKUPS)], keep)
    assert [one.name for one in step.removed] == [f"cache-{number}.rdb" for number in removed]
    assert (step.place, step.told) == (Path("/v"), TOLD)


REFUSED: list[tuple[str, Seen]] = [
    ("there is no container of this name", seen(None, container="", status="absent")),
    ("is exited. Its log may say why (docker logs cache)", seen(None, why_silent="its container is exited")),
    ("WRONGPASS", seen(None, why_silent="WRONGPASS invalid username-password pair")),
    ("it is loading its data", seen(TOLD._replace(loading=True))),
    ("a replica that is not connected", seen(TOLD._replace(role="slave"))),
    ("volume: cache-data is not a directory of this host", seen(place=None)),
    ("CONFIG SET dir /data", seen(TOLD._replace(directory="/tmp"))),
    ("server_command: start-redis", seen(command="start-redis")),
]  # fmt: skip


@pytest.mark.parametrize(("said", "one"), REFUSED, ids=[said for said, _ in REFUSED])
def test_what_cannot_be_backed_up_is_refused_for_all(said: str, one: Seen) -> None:
    with pytest.raises(NetmodeError) as refused:
        plan([seen(), one], 7)
    assert str(refused.value).startswith("instance cache: ")
    assert said in str(refused.value)


def test_a_replica_that_has_its_data_is_backed_up() -> None:
    assert plan([seen(TOLD._replace(role="slave", link=True))], 7)


def test_instances_are_named_or_all_that_are_to_run() -> None:
    parts = plan_of({"name": "aa"}, {"name": "bb"}, {"name": "cc", "state": "stopped"})["parts"]
    for part in parts["files"]["instances"]:
        part.setdefault("trial", None)
    assert [one["name"] for one in spec.started(parts, [], "x")] == ["aa", "bb"]
    assert [one["name"] for one in spec.started(parts, ["bb", "bb"], "x")] == ["bb"]
    for named in ("cc", "dd"):
        with pytest.raises(NetmodeError, match=f"redis_backup_instances: {named} is not .* Give one of aa, bb"):
            spec.started(parts, [named], "redis_backup_instances")


@pytest.mark.parametrize("params", [{"wait": 0, "keep": 1}, {"wait": 86401, "keep": 1}, {"wait": 1, "keep": 0}])
def test_odd_numbers_are_refused(params: dict[str, int]) -> None:
    with pytest.raises(NetmodeError, match="redis_backup_"):
        spec.refuse_odd(params)


def test_a_line_says_what_was_backed_up() -> None:
    one: dict[str, Any] = {"keys": {"0": 1000, "5": 1}, "server": "Redis 7.0.15", "size": 11909, "encrypted_for": None}
    one["file"] = "/b/cache-1.rdb"
    assert backup.line_of("cache", one, ["cache-0.rdb"]) == (
        "cache: 1001 keys (db0 1000, db5 1) of Redis 7.0.15, 11.9 kB, in /b/cache-1.rdb; removed cache-0.rdb"
    )
    assert backup.line_of("cache", {**one, "file": None, "keys": {0: 1}}, ["cache-0.rdb"]) == (
        "cache: 1 key of Redis 7.0.15, would be backed up; would remove cache-0.rdb"
    )
    assert backup.line_of("cache", {**one, "encrypted_for": {"subject": "CN=backups"}}, []) == (
        "cache: 1001 keys (db0 1000, db5 1) of Redis 7.0.15, 11.9 kB, encrypted for CN=backups, in /b/cache-1.rdb"
    )
    assert [backup.size_text(size) for size in (0, 999, 1000, 12_345_678, 5 * 10**9)] == [
        "0 B", "999 B", "1.0 kB", "12.3 MB", "5.0 GB",
    ]  # fmt: skip


def test_keys_and_modules_are_read_from_info() -> None:
    info = {
        "db0": "keys=1000,expires=0,avg_ttl=0",
        "db15": "keys=4,expires=1,avg_ttl=283623,subexpiry=0",
        "dbx": "",
        "db": "1",
    }
    assert server.keys_of(info) == {0: 1000, 15: 4}
    text = "# Modules\r\nmodule:name=netmode,ver=1,api=1,filters=0,usedby=[],using=[],options=[]\r\n"
    assert server._modules(text) == {"netmode": "1"}


@pytest.mark.parametrize("failing", [False, True])
def test_what_is_to_be_encrypted_is_beside_the_data_and_gone_afterwards(tmp_path: Path, failing: bool) -> None:
    """Also after a failure: the plain dump never lies where backups do."""
    directory, place = tmp_path / "backups", tmp_path / "volume"
    directory.mkdir()
    place.mkdir()
    one = seen()
    one.instance.update(uid=os.geteuid(), gid=os.getegid())
    step = Step(one, TOLD, place, [])
    recipient = encryption.Recipient("", "CN=backups")
    with pytest.raises(OSError, match="full") if failing else nullcontext():  # noqa: SIM117 (what fails is within)
        with backup._staged(step, directory, recipient) as (dump, whole):
            assert (dump.parents[1], whole.parents[1]) == (place, directory)
            assert {path.parent.stat().st_mode & 0o777 for path in (dump, whole)} == {0o700}
            for path in (dump, whole):
                path.touch()
            if failing:
                raise OSError("full")
    assert [*directory.iterdir(), *place.iterdir()] == []
    with backup._staged(step, directory, None) as (dump, whole):
        assert (dump, dump.parents[1]) == (whole, directory)
