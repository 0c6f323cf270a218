# SPDX-License-Identifier: GPL-3.0-or-later
"""The redis.conf that a container was started with, while its new one is written already."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis import previous

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def instance(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "redis.conf").write_text("new")
    return {"name": "cache", "directory": str(tmp_path), "uid": os.getuid(), "gid": os.getgid()}


def write(path: Path, content: bytes, _owner: tuple[int, int]) -> None:
    path.write_bytes(content)
    path.chmod(0o600)


def test_what_was_kept_counts_until_it_is_forgotten(instance: dict[str, Any], tmp_path: Path) -> None:
    assert previous.content(instance) == "new"
    previous.keep(instance, "old", write)
    assert previous.content(instance) == "old"
    previous.put_back(instance)
    assert (previous.content(instance), (tmp_path / "redis.conf").read_text()) == ("old", "old")
    assert not (tmp_path / previous.FILE).exists()


@pytest.mark.parametrize("mode", [0o644, 0o660])
def test_what_others_have_put_there_is_not_what_was_kept(instance: dict[str, Any], tmp_path: Path, mode: int) -> None:
    previous.keep(instance, "old", write)
    (tmp_path / previous.FILE).chmod(mode)
    previous.put_back(instance)
    assert (previous.content(instance), (tmp_path / "redis.conf").read_text()) == ("new", "new")


def test_there_may_be_none(instance: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "redis.conf").unlink()
    assert previous.content(instance) == ""
