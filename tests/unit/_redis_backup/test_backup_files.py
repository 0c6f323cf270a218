# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups as files: what is listed, what is removed, what a dump says of its keys, and where backups may lie."""

from __future__ import annotations

import io
import json
import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis_backup import files

if TYPE_CHECKING:
    from pathlib import Path


def manifest(file: str, time: str = "2026-11-26T15:00:00.000+00:00", **more: Any) -> dict[str, Any]:
    found = {"written_by": files.WRITTEN_BY, "file": file, "time": time, "sha256": "", "format": "REDIS0010"}
    return {**found, "keys": {}, "modules": {}, **more}


def put(directory: Path, name: str, **more: Any) -> None:
    (directory / f"{name}.rdb").write_bytes(b"REDIS0010")
    (directory / f"{name}.json").write_text(json.dumps(manifest(f"{name}.rdb", **more)))


def test_what_has_a_manifest_of_ours_is_a_backup_and_nothing_else(tmp_path: Path) -> None:
    put(tmp_path, "cache-1", time="2026-11-26T15:00:00.000+00:00")
    put(tmp_path, "cache-2", time="2026-11-26T16:00:00.000+00:00")
    put(tmp_path, "cache-3", written_by="somebody else")
    put(tmp_path, "cache-4", keys=7)
    (tmp_path / "cache-5.json").write_text(json.dumps(manifest("../cache-1.rdb")))
    (tmp_path / "cache-6.json").write_text("[")
    (tmp_path / "cache-7.json").symlink_to(tmp_path / "cache-1.json")
    (tmp_path / "dump.rdb").write_bytes(b"REDIS0010")
    (tmp_path / "directory.json").mkdir()
    (tmp_path / "cache-8.enc").touch()
    (tmp_path / "cache-8.json").write_text(json.dumps(manifest("cache-8.enc", "2026-11-26T17:00:00.000+00:00")))
    (tmp_path / "cache-9.json").write_text(json.dumps(manifest("cache-9.txt")))
    assert [one.name for one in files.listed(tmp_path)] == ["cache-8.enc", "cache-2.rdb", "cache-1.rdb"]
    assert files.listed(tmp_path / "none-such") == []


def test_their_order_is_that_in_which_they_were_made_whatever_the_clock_said(tmp_path: Path) -> None:
    assert files.next_number(tmp_path) == 1
    for number, time in enumerate(("2026", "2030", "2025"), 1):
        assert files.next_number(tmp_path) == number
        put(tmp_path, f"cache-{time}", time=f"{time}-11-26T15:00:00.000+00:00", number=number)
    put(tmp_path, "cache-2040", time="2040-11-26T15:00:00.000+00:00", number="9")  # not of this module
    assert [one.name for one in files.listed(tmp_path)] == [
        "cache-2025.rdb", "cache-2030.rdb", "cache-2026.rdb", "cache-2040.rdb",
    ]  # fmt: skip


def test_a_backup_is_removed_with_its_manifest_and_nothing_beside_it(tmp_path: Path) -> None:
    put(tmp_path, "cache-1")
    (tmp_path / "cache-1.txt").touch()
    (found,) = files.listed(tmp_path)
    files.remove(found)
    assert [path.name for path in tmp_path.iterdir()] == ["cache-1.txt"]
    files.remove(found)


def test_two_backups_of_one_moment_have_names_of_their_own(tmp_path: Path) -> None:
    now = datetime(2026, 11, 26, 15, 21, 14, 123_456, tzinfo=timezone.utc)
    names = []
    for suffix in (files.PLAIN, files.ENCRYPTED, files.PLAIN):
        names.append(files.new_name(tmp_path, "cache", now, suffix))
        (tmp_path / names[-1]).touch()
    stem = "cache-20261126T152114"
    assert names == [f"{stem}.123Z.rdb", f"{stem}.124Z.enc", f"{stem}.125Z.rdb"]


def length(number: int) -> bytes:
    if number < 1 << 6:
        return bytes([number])
    if number < 1 << 14:
        return bytes([0x40 | number >> 8, number & 0xFF])
    if number < 1 << 32:
        return b"\x80" + number.to_bytes(4, "big")
    return b"\x81" + number.to_bytes(8, "big")


@pytest.mark.parametrize("number", [0, 1, 63, 64, 16383, 16384, 2**32 - 1, 2**32, 2**40])
def test_the_keys_of_a_database_are_read_where_the_check_tool_says_that_it_begins(number: int) -> None:
    head = b"REDIS0010" + b"\xfe\x00"
    second = head + b"\xfb" + length(number) + b"\x00" + b"\xfe\x05"
    dump = second + b"\xfb" + length(3) + b"\x00"
    told = (
        f"[offset {len(head)}] Selecting DB ID 0\n[offset {len(second)}] Selecting DB ID 5\n"
        f"[offset {len(dump)}] Checksum OK\n[info] {number + 3} keys read\n[info] 2 expires\n"
    )
    assert files.keys_of(io.BytesIO(dump), told) == ({0: number, 5: 3} if number else {5: 3})
    for wrong in (told.replace(f"{number + 3} keys", f"{number + 4} keys"), told.partition("[info]")[0]):
        with pytest.raises(NetmodeError, match="keys were read from it"):
            files.keys_of(io.BytesIO(dump), wrong)
    with pytest.raises(NetmodeError, match="does not say how many keys"):
        files.keys_of(io.BytesIO(dump.replace(b"\xfb", b"\xfa")), told)


def test_a_dump_without_keys_has_none() -> None:
    assert files.keys_of(io.BytesIO(b"REDIS0010\xff"), "[info] 0 keys read") == {}


def test_backups_lie_where_root_alone_may_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not root cannot give a directory away, so of two of them another owner is told."""
    theirs, stat_of = {tmp_path / "others", tmp_path / "right" / "taken"}, files._stat

    def owned(path: Path, *, follow: bool) -> os.stat_result | None:
        found = stat_of(path, follow=follow)
        return os.stat_result([*found[:4], 999, *found[5:10]]) if found and path in theirs else found

    monkeypatch.setattr(files, "_stat", owned)
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "others").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "right" / "taken").mkdir(parents=True)
    (tmp_path / "right" / "linked").symlink_to(tmp_path)
    for place, name, said in (
        ("relative", "cache", "is not an absolute path"),
        ("/srv/a:b", "cache", "is not an absolute path"),
        ("/srv/../etc", "cache", "is not an absolute path"),
        (f"{tmp_path}/open", "cache", "others may write to it"),
        (f"{tmp_path}/others", "cache", "belongs to others"),
        (f"{tmp_path}/file", "cache", "is not a directory"),
        (f"{tmp_path}/file/below", "cache", "Not a directory"),
        (f"{tmp_path}/right", "taken", "belongs to others"),
        (f"{tmp_path}/right", "linked", "is not a directory"),
    ):
        with pytest.raises(NetmodeError, match=said) as refused:
            files.directory_of(place, name)
        assert str(refused.value).startswith("redis_backup_dir: ")
    assert files.directory_of(f"{tmp_path}/right", "cache") == tmp_path / "right" / "cache"


def test_what_is_copied_is_whole_and_its_owners_alone(tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    (tmp_path / "dump.rdb").write_bytes(content)
    own = (os.geteuid(), os.getegid())
    with files.opened(tmp_path / "dump.rdb") as stream:
        size, digest = files.copy(stream, tmp_path / "copy", own)
    assert ((tmp_path / "copy").read_bytes(), size) == (content, len(content))
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    with files.opened(tmp_path / "copy") as stream:
        assert files.sha256_of(stream) == digest
    (tmp_path / "link").symlink_to(tmp_path / "copy")
    os.mkfifo(tmp_path / "fifo")
    for name in ("link", "fifo"):
        with pytest.raises(NetmodeError):
            files.opened(tmp_path / name)


def test_what_a_killed_run_has_left_is_known_by_its_name_alone(tmp_path: Path) -> None:
    own = (os.geteuid(), os.getegid())
    left = files.begin(tmp_path, own)
    (left / "dump.rdb").touch()
    (tmp_path / ".unfinished-mine").mkdir()
    assert files.unfinished(tmp_path) == [left]
    files.clear(left)
    files.clear(left)
    assert [path.name for path in tmp_path.iterdir()] == [".unfinished-mine"]


def test_a_backup_in_its_place_is_roots_alone(tmp_path: Path) -> None:
    (tmp_path / "staged").write_bytes(b"REDIS0010")
    files.finish(tmp_path / "staged", tmp_path / "cache-1.rdb", manifest("cache-1.rdb"))
    (found,) = files.listed(tmp_path)
    assert found.file.read_bytes() == b"REDIS0010"
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
