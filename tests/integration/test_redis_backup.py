# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of running servers: consistent, checked, with what they hold beside them, and only as many as are to be kept."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from backup_lab import BACKUPS, TAKEN, done, fill, instance, keys, run, writing
from played import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab import Host

pytestmark = [
    pytest.mark.engines,
    pytest.mark.thorough,
    pytest.mark.usefixtures("shape_images", "no_files_left", "no_backups_left"),
]
CACHE = instance("cache", "redis")
SEVERAL = [
    CACHE,
    instance("store", "redis-8", network_mode="none", appendonly=False),
    instance("queue", "valkey-9", network_mode="host", port=7001, appendonly=False),
]


@pytest.fixture
def no_backups_left(host: Host) -> Iterator[None]:
    yield
    host.sh(f"rm -rf {BACKUPS}")


def test_o17_whatever_a_host_is_called_its_backups_come_below_the_directory_that_was_named(
    host: Host, tmp_path: Path
) -> None:
    names = {
        "web1.example.org": "web1.example.org", "..": "%2E.", ".": "%2E", "../..": "%2E.%2F..", "/etc": "%2Fetc",
        "a/../../b": "a%2F..%2F..%2Fb", "fe80::1%eth0": "fe80::1%25eth0", "two words": "two words", "m\u00fcnchen": "m\u00fcnchen",
    }  # fmt: skip
    (tmp_path / "here").mkdir(mode=0o755)
    outside = sorted(tmp_path.parent.iterdir())
    played = host.play(
        [
            {
                "hosts": "all", "gather_facts": False, "vars": {"__redis_backup": {"backups": {}}},
                "tasks": [{"include_role": {"name": "netmode.docker.redis", "tasks_from": "fetch.yml"}}],
            }
        ],
        {"all": {"hosts": {name: {**LOCAL, "redis_address": "192.0.2.1"} for name in names}}},
        redis_backup_fetch_to=f"{tmp_path}/here",
    )  # fmt: skip
    assert played.rc == 0, played.stdout + played.stderr
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == sorted(names.values())
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "here").iterdir()} == {0o700}
    assert ([path.name for path in tmp_path.iterdir()], sorted(tmp_path.parent.iterdir())) == (["here"], outside)


def test_a_backup_is_a_checked_dump_with_a_manifest_and_a_second_one_is_new(
    host: Host, host_state: Callable[[], Any], tmp_path: Path
) -> None:
    done(host, "role", SEVERAL)
    wanted = {one["name"]: fill(host, one["name"]) for one in SEVERAL}
    before = host_state()
    predicted = done(host, "backup", SEVERAL, ("--check",))
    assert predicted.changed == 1
    assert predicted.task(TAKEN)["backups"]["cache"]["keys"] == {"0": 1004, "5": 2}
    assert host_state() == before
    assert not Path(BACKUPS).exists()

    with writing("cache") as wrote:
        first = done(host, "backup", SEVERAL, redis_backup_fetch_to=str(tmp_path))
        assert first.task(TAKEN)["removed"] == {name: [] for name in wanted}
    made = first.task(TAKEN)["backups"]
    assert made.keys() == wanted.keys()
    assert wrote["acknowledged"] > 100
    assert wrote["gaps"][0] < 2, "no client waits for a backup"
    formats = {"cache": "REDIS0010", "store": "REDIS0012", "queue": "VALKEY080"}
    for name, one in made.items():
        dump, manifest = Path(one["file"]), json.loads(Path(one["manifest"]).read_text())
        content = dump.read_bytes()
        assert content[:9].decode() == one["format"] == manifest["format"] == formats[name]
        assert (manifest["sha256"], manifest["size"]) == (hashlib.sha256(content).hexdigest(), len(content))
        found = {int(database): number for database, number in manifest["keys"].items()}
        assert found == ({**wanted[name], 0: 1005} if name == "cache" else wanted[name])
        fetched = tmp_path / "localhost" / dump.name
        assert fetched.read_bytes() == content
        assert fetched.with_suffix(".json").read_text() == Path(one["manifest"]).read_text()
    assert json.loads(Path(made["store"]["manifest"]).read_text())["modules"]["netmode"] == "1"
    assert host.sh(f"find {BACKUPS} -printf '%m %u\\n' | sort -u") == "600 root\n700 root"
    assert (tmp_path / "localhost").stat().st_mode & 0o777 == 0o700
    assert host.docker("ps", "-aq", "--filter", "label=netmode.docker.backup") == ""

    foreign = Path(BACKUPS) / "cache" / "cache-of-somebody.rdb"
    foreign.write_text("REDIS0010")
    second = done(host, "backup", SEVERAL, redis_backup_instances=["cache"], redis_backup_keep=1)
    (new,) = second.task(TAKEN)["backups"].values()
    assert second.task(TAKEN)["removed"] == {"cache": [Path(made["cache"]["file"]).name]}
    left = {path.name for path in (Path(BACKUPS) / "cache").iterdir()}
    assert left == {foreign.name, Path(new["file"]).name, Path(new["manifest"]).name}
    assert len(list((Path(BACKUPS) / "queue").iterdir())) == 2
    assert keys(host, "store") == wanted["store"]


def test_a_backup_that_cannot_be_made_leaves_what_is_there(host: Host) -> None:
    done(host, "role", [CACHE])
    fill(host, "cache")
    done(host, "backup", [CACHE])
    before = sorted(path.name for path in (Path(BACKUPS) / "cache").iterdir())
    data = host.docker("volume", "inspect", "-f", "{{.Mountpoint}}", "cache-data")
    host.sh(f"rm {data}/dump.rdb && mkdir {data}/dump.rdb")
    failed = run(host, "backup", [CACHE], redis_backup_keep=1)
    assert "instance cache: it could not write its dump" in failed.failed[0]["result"]["msg"]
    assert sorted(path.name for path in (Path(BACKUPS) / "cache").iterdir()) == before
    host.sh(f"rmdir {data}/dump.rdb")
    done(host, "backup", [CACHE])
