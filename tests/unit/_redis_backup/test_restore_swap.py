# SPDX-License-Identifier: GPL-3.0-or-later
"""Data is replaced and put back by renames: all of it or nothing, whatever of it is there."""

from __future__ import annotations

import os
from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis.data import names_of
from ansible_collections.netmode.docker.plugins.module_utils._redis_backup.swap import Swap

if TYPE_CHECKING:
    from pathlib import Path

NAMES = names_of("")
KINDS = {"dump.rdb": False, "appendonly.aof": False, "appendonlydir": True}


def put(directory: Path, names: set[str], text: str) -> None:
    directory.mkdir(exist_ok=True)
    for name in names:
        file = directory / name / "base" if KINDS[name] else directory / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)


def content(directory: Path) -> dict[str, str]:
    return {str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*") if path.is_file()}


SETS = [set(some) for size in range(len(KINDS) + 1) for some in combinations(sorted(KINDS), size)]


@pytest.mark.parametrize("old", SETS, ids=lambda some: "+".join(sorted(some)) or "nothing")
def test_what_was_there_is_replaced_and_put_back(tmp_path: Path, old: set[str]) -> None:
    for number, new in enumerate(SETS):
        place = tmp_path / str(number)
        put(place, old, "old")
        (place / "nodes.conf").write_text("stays")
        before = content(place)
        put(place / "staged", new, "new")
        wanted = {**content(place / "staged"), "nodes.conf": "stays"}
        swap = Swap(place, place / "staged", NAMES)
        swap.there()
        own = {name: text for name, text in content(place).items() if not name.startswith((".netmode", "staged"))}
        assert (own, swap.done) == (wanted, True)
        swap.back()
        swap.replaced.rmdir()
        after = {name: text for name, text in content(place).items() if not name.startswith("staged")}
        assert (after, swap.done) == (before, False)
        swap.close()


def test_what_cannot_be_replaced_is_as_it_was(tmp_path: Path) -> None:
    put(tmp_path, {"dump.rdb", "appendonlydir"}, "old")
    put(tmp_path / "staged", {"dump.rdb"}, "new")
    swap = Swap(tmp_path, tmp_path / "staged", NAMES)
    os.close(swap._staged)
    swap._staged = os.open(tmp_path / "staged" / "dump.rdb", os.O_RDONLY)
    before = content(tmp_path)
    with pytest.raises(NetmodeError, match="It is as it was"):
        swap.there()
    assert (content(tmp_path), swap.done) == (before, False)
    swap.close()


def test_a_link_in_the_place_of_what_lies_ready_is_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", {"dump.rdb"}, "secret")
    (tmp_path / "staged").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        Swap(tmp_path, tmp_path / "staged", NAMES)
