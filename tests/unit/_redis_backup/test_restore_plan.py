# SPDX-License-Identifier: GPL-3.0-or-later
"""What is restored, what is there already, and what is refused before a container runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis.formats import Server
from ansible_collections.netmode.docker.plugins.module_utils._redis_backup.files import ASKED_FOR, BEFORE_RESTORE
from ansible_collections.netmode.docker.plugins.module_utils._redis_backup.restore_plan import (
    Restored,
    Source,
    choose,
    plan,
)
from ansible_collections.netmode.docker.plugins.module_utils._redis_backup.state import Backup, Mark, Seen, mark_of
from test_backup_plan import TOLD, seen

if TYPE_CHECKING:
    from collections.abc import Callable

MANIFEST: dict[str, Any] = {
    "sha256": "a1" * 32, "keys": {"0": 7}, "modules": {}, "time": "2026-11-26T15:00:00.000+00:00", "mark": None,
}  # fmt: skip
SOURCE = Source(Path("/b/cache-9.rdb"), "REDIS0010", 99, "a1" * 32, MANIFEST)
EMPTY = TOLD._replace(keys={})
HERE = mark_of(TOLD)._asdict()


def source(**more: Any) -> Source:
    return SOURCE._replace(manifest={**MANIFEST, **more})


def at(tmp_path: Path, told: Any = TOLD, **more: Any) -> Seen:
    found = seen(told, place=tmp_path, **more)
    found.instance.update(lines=["appendonly yes"], secrets=[])
    return found


@pytest.mark.parametrize(
    ("told", "what", "restored", "overwrite", "action"),
    [
        (EMPTY, SOURCE, None, False, "restore"),
        (EMPTY, source(keys={}), None, False, "nothing"),
        (EMPTY, SOURCE._replace(manifest=None), None, False, "restore"),
        (TOLD, source(mark=HERE), None, False, "nothing"),
        (TOLD, SOURCE, Restored(SOURCE.sha256, mark_of(TOLD)), False, "nothing"),
        (TOLD, SOURCE, Restored("b2" * 32, mark_of(TOLD)), True, "restore"),
        (TOLD._replace(changes=1), source(mark=HERE), None, True, "restore"),
        (TOLD._replace(run_id="another"), source(mark=HERE), None, True, "restore"),
        (TOLD._replace(saves=4), source(mark=HERE), None, True, "restore"),
        (TOLD._replace(busy=True), source(mark=HERE), None, True, "restore"),
        (TOLD, source(keys={"0": 1000}), None, False, "compare"),
        (TOLD, SOURCE, None, True, "restore"),
        (TOLD, SOURCE._replace(manifest=None), None, True, "restore"),
    ],
)
def test_what_is_done(
    tmp_path: Path, told: Any, what: Source, restored: Restored | None, overwrite: bool, action: str
) -> None:
    made = plan(at(tmp_path, told), what, restored, overwrite=overwrite)
    assert (made.action, made.had, made.names.aof) == (action, bool(told.keys), True)


def test_a_server_that_does_not_run_has_data_where_its_files_say_so(tmp_path: Path) -> None:
    stopped = at(tmp_path, None, status="exited")
    assert plan(stopped, SOURCE, None, overwrite=False).had is False
    (tmp_path / "appendonlydir").mkdir()
    (tmp_path / "appendonlydir" / "appendonly.aof.manifest").touch()
    (tmp_path / "appendonlydir" / "appendonly.aof.1.incr.aof").write_bytes(b"*1\r\n$4\r\nPING\r\n")
    with pytest.raises(NetmodeError, match="it has data that the backup"):
        plan(stopped, SOURCE, None, overwrite=False)
    assert plan(stopped, SOURCE, None, overwrite=True).had is True


VALKEY = TOLD._replace(server=Server("valkey", "9.1.2"), keys={})
REFUSED: list[tuple[str, Callable[[Path], Seen], Source]] = [
    ("there is no container of this name", lambda at_: at(at_, None, container="", status="absent"), SOURCE),
    ("runs, and its Redis does not say", lambda at_: at(at_, None, why_silent="WRONGPASS"), SOURCE),
    ("it is loading its data", lambda at_: at(at_, TOLD._replace(loading=True)), SOURCE),
    ("it is a replica", lambda at_: at(at_, EMPTY._replace(role="slave", link=True)), SOURCE),
    ("CONFIG SET dir /data", lambda at_: at(at_, TOLD._replace(directory="/tmp")), SOURCE),
    ("server_command: start-redis", lambda at_: at(at_, command="start-redis"), SOURCE),
    ("is not what its manifest says", lambda at_: at(at_, EMPTY), SOURCE._replace(sha256="c3" * 32)),
    ("is not a dump of Redis or Valkey", lambda at_: at(at_, EMPTY), SOURCE._replace(header="")),
    ("REDIS0012 is that of Redis 7.4 to 8.4", lambda at_: at(at_, EMPTY), SOURCE._replace(header="REDIS0012")),
    ("VALKEY080 is that of Valkey 9.0", lambda at_: at(at_, EMPTY), SOURCE._replace(header="VALKEY080")),
    ("rdb-version-check: relaxed", lambda at_: at(at_, VALKEY), SOURCE._replace(header="REDIS0012")),
    ("with the module json", lambda at_: at(at_, EMPTY), source(modules={"json": "1"})),
    ("redis_restore_overwrite: true", at, SOURCE),
    ("redis_restore_overwrite: true", at, SOURCE._replace(manifest=None)),
]


@pytest.mark.parametrize(("said", "one", "what"), REFUSED, ids=[said for said, *_ in REFUSED])
def test_what_cannot_be_restored_is_refused(
    tmp_path: Path, said: str, one: Callable[[Path], Seen], what: Source
) -> None:
    with pytest.raises(NetmodeError) as refused:
        plan(one(tmp_path), what, None, overwrite=False)
    assert str(refused.value).startswith("instance cache: ")
    assert said in str(refused.value)


def test_relaxed_is_what_the_last_line_of_its_settings_says(tmp_path: Path) -> None:
    one = at(tmp_path, VALKEY)
    for lines, reads in (
        (["rdb-version-check relaxed"], True),
        (['rdb-version-check "relaxed"', "rdb-version-check strict"], False),
    ):
        one.instance["lines"] = lines
        if reads:
            assert plan(one, SOURCE._replace(header="REDIS0012"), None, overwrite=False).relaxed
        else:
            with pytest.raises(NetmodeError, match="does not read"):
                plan(one, SOURCE._replace(header="REDIS0012"), None, overwrite=False)


BACKUPS = [
    Backup(Path("/b/cache-9.rdb"), {"why": BEFORE_RESTORE}),
    Backup(Path("/b/cache-8.rdb"), {"why": ASKED_FOR}),
    Backup(Path("/b/cache-7.rdb"), {"why": ASKED_FOR}),
]


@pytest.mark.parametrize(
    ("named", "file"),
    [
        ("latest", "/b/cache-8.rdb"),
        ("cache-9", "/b/cache-9.rdb"),
        ("cache-7.rdb", "/b/cache-7.rdb"),
        ("/srv/dump.rdb", "/srv/dump.rdb"),
    ],
)
def test_a_backup_is_named_or_the_latest_that_was_asked_for(named: str, file: str) -> None:
    assert choose(seen(backups=BACKUPS), named) == Path(file)


@pytest.mark.parametrize(
    ("named", "there", "said"),
    [
        ("", BACKUPS, "none is named"),
        ("cache-1", BACKUPS, "'cache-1' is not a backup of it"),
        ("latest", BACKUPS[:1], "it has no backup"),
        ("../cache-9", BACKUPS, "is not a backup of it"),
    ],
)
def test_what_names_no_backup_is_refused_with_those_that_are_there(named: str, there: list[Backup], said: str) -> None:
    with pytest.raises(NetmodeError) as refused:
        choose(seen(backups=there), named)
    assert "instance cache: redis_restore_backup: " in str(refused.value)
    assert said in str(refused.value)
    assert there[0].name in str(refused.value)


def test_marks_of_a_manifest_are_those_of_a_server() -> None:
    assert Mark(**HERE) == mark_of(TOLD)
