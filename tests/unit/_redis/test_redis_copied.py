# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the data of a Redis that runs: whole although it is written to, and only where it fits."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._host import regular
from ansible_collections.netmode.docker.plugins.module_utils._redis import copied
from ansible_collections.netmode.docker.plugins.module_utils._redis.data import Names

if TYPE_CHECKING:
    from pathlib import Path

GIB = 1 << 30
NAMES = Names(True, "dump.rdb", "appendonlydir", "appendonly.aof", True)
ME = (os.getuid(), os.getgid())
BASE, INCR = "appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof"
MANIFEST = f"file {BASE} seq 1 type b\nfile {INCR} seq 1 type i\n"


@pytest.mark.parametrize(
    ("size", "used", "free", "available", "told"),
    [
        (0, 0, 0, 0, ""),
        (GIB, GIB, 3 * GIB, 2 * GIB, ""),
        (GIB + 1, GIB, 9 * GIB, 9 * GIB, "at most 1024 MiB is copied"),
        (GIB, GIB, 3 * GIB - 1, 9 * GIB, "3 times as much has to be free"),
        (GIB, GIB, 3 * GIB, 2 * GIB - 1, "a second one needs its own, while 2048 MiB are left"),
        (GIB, 1, 3 * GIB, 2, ""),
    ],
)
def test_only_what_fits_is_copied(size: int, used: int, free: int, available: int, told: str) -> None:
    found = copied.misfit(size, used, free, available)
    assert told in found
    assert bool(found) == bool(told)


@pytest.mark.parametrize(
    ("manifest", "parts"),
    [
        (MANIFEST, [BASE, INCR]),
        (f"# a comment\n{MANIFEST}file old.aof seq 0 type h\n", [BASE, INCR]),
        ('file "with a blank.1.base.aof" seq 1 type b\n', ["with a blank.1.base.aof"]),
        ("", []),
    ],
)
def test_a_manifest_says_what_is_copied(manifest: str, parts: list[str]) -> None:
    assert copied.parts_of(manifest) == parts


@pytest.mark.parametrize("manifest", ["file ../../etc/shadow seq 1 type b", "seq 1 type b", "file /etc/shadow type i"])
def test_a_manifest_that_names_what_is_elsewhere_is_not_followed(manifest: str) -> None:
    with pytest.raises(copied.NotTriedError, match="the manifest of its append-only file says"):
        copied.parts_of(manifest)


def kept(tmp_path: Path) -> tuple[Path, Path]:
    """(the data, where the copy goes)"""
    place, to = tmp_path / "data", tmp_path / "copy"
    (place / "appendonlydir").mkdir(parents=True)
    to.mkdir()
    for name, text in (
        (BASE, "base"),
        (INCR, "incr"),
        ("appendonly.aof.manifest", MANIFEST),
        ("appendonly.aof.0.h", ""),
    ):
        (place / "appendonlydir" / name).write_text(text)
    (place / "dump.rdb").write_text("dump")
    return place, to


def content(top: Path) -> dict[str, str]:
    return {str(path.relative_to(top)): path.read_text() for path in sorted(top.rglob("*")) if path.is_file()}


def test_what_a_server_loads_is_copied_and_no_more(tmp_path: Path) -> None:
    place, to = kept(tmp_path)
    copied.copy_files(NAMES, place, to, ME)
    at = "appendonlydir"
    assert content(to) == {f"{at}/{BASE}": "base", f"{at}/{INCR}": "incr", f"{at}/appendonly.aof.manifest": MANIFEST}
    assert {path.stat().st_mode & 0o777 for path in to.rglob("*")} == {0o600, 0o700}
    again = tmp_path / "again"
    again.mkdir()
    copied.copy_files(NAMES._replace(aof=False), place, again, ME)
    assert content(again) == {"dump.rdb": "dump"}


def rewritten(place: Path, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has so many rewrites end while it is copied: the files have new names then, and the old ones are gone."""
    within, opened, left = place / "appendonlydir", regular.opened, [times]

    def rewriting(path: Path) -> Any:
        if left[0] and path.name.endswith(".incr.aof"):
            left[0] -= 1
            turn = times - left[0] + 1
            old = copied.parts_of((within / "appendonly.aof.manifest").read_text())
            base, incr = BASE.replace("1", f"{turn}"), INCR.replace("1", f"{turn}")
            (within / base).write_text(f"base {turn}")
            (within / incr).write_text(f"incr {turn}")
            text = f"file {base} seq {turn} type b\nfile {incr} seq {turn} type i\n"
            (within / "appendonly.aof.manifest").write_text(text)
            for name in old:
                (within / name).unlink()
        return opened(path)

    monkeypatch.setattr(regular, "opened", rewriting)


def test_one_that_is_rewritten_meanwhile_is_copied_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, to = kept(tmp_path)
    rewritten(place, 2, monkeypatch)
    copied.copy_files(NAMES, place, to, ME)
    parts = copied.parts_of((to / "appendonlydir" / "appendonly.aof.manifest").read_text())
    found = content(to)
    assert [found[f"appendonlydir/{name}"] for name in parts] == ["base 3", "incr 3"]
    assert len(found) == 3


def test_one_that_is_rewritten_all_the_while_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, to = kept(tmp_path)
    rewritten(place, 99, monkeypatch)
    with pytest.raises(copied.NotTriedError, match="was rewritten each time"):
        copied.copy_files(NAMES, place, to, ME)


@pytest.mark.parametrize("what", [BASE, "appendonly.aof.manifest", "appendonlydir", "dump.rdb"])
def test_a_link_in_the_place_of_data_is_not_followed(tmp_path: Path, what: str) -> None:
    place, to = kept(tmp_path)
    secret = tmp_path / "secret"
    (place / "appendonlydir").rename(secret)
    if what == "appendonlydir":
        (place / what).symlink_to(secret)
    else:
        (place / "appendonlydir").mkdir()
        for path in secret.iterdir():
            path.rename(place / "appendonlydir" / path.name)
        link = place / what if what == "dump.rdb" else place / "appendonlydir" / what
        link.rename(secret / what)
        link.symlink_to(secret / what)
    with pytest.raises(OSError):  # noqa: PT011 (of whichever kind)
        copied.copy_files(NAMES._replace(aof=what != "dump.rdb"), place, to, ME)
    assert "base" not in content(to).values() or what != BASE


def test_what_is_told_of_those_that_were_not_tried() -> None:
    tried = {"cache": copied.Tried({0: 3, 5: 1}), "store": copied.Tried({}, "it keeps no data")}
    found = copied.returned(tried)
    assert found["cache"] == {"keys": {"0": 3, "5": 1}, "why_not": ""}
    (line,) = copied.warnings(found)
    assert line.startswith("instance store: its new image was not tried on a copy of its data: it keeps no data.")
