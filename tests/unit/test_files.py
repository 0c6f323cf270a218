# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies where a file is read: nothing is waited for, and a link is followed only where others manage the file."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.netmode.docker.plugins.module_utils import _files
from ansible_collections.netmode.docker.plugins.module_utils._daemon import observe as engine
from ansible_collections.netmode.docker.plugins.module_utils._engine import dockerd
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def _link_to_fifo(path: Path) -> None:
    fifo = path.with_name("fifo")
    os.mkfifo(fifo)
    path.symlink_to(fifo)


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, _socket, _link_to_fifo])
def test_o13_what_is_no_file_is_neither_waited_for_nor_read(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "daemon.json"
    make(path)
    for follow in (False, True):
        with pytest.raises((NetmodeError, OSError)):
            _files.read(path, follow=follow)
    with pytest.raises(NetmodeError, match=r"^config_file: .*daemon\.json"):
        engine._content(str(path))
    assert dockerd.read(path) == ""


def test_a_link_is_followed_only_where_that_is_asked(tmp_path: Path) -> None:
    path, target = tmp_path / "daemon.json", tmp_path / "managed.json"
    target.write_text("{}", encoding="utf-8")
    path.symlink_to(target)
    assert _files.read(path, follow=True) == b"{}"
    assert engine._content(str(path)) == b"{}"
    with pytest.raises(NetmodeError, match="symbolic link"):
        _files.read(path)


def test_nothing_is_none(tmp_path: Path) -> None:
    assert _files.read(tmp_path / "none") is None
    assert _files.read(tmp_path / "none", follow=True) is None
    assert engine._content(str(tmp_path / "none")) is None


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_directories_on_the_way_are_0755_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    (tmp_path / "there").mkdir(mode=0o700)
    before = os.umask(mask)
    try:
        _files.make_directory(tmp_path / "there" / "a" / "b")
        _files.make_directory(tmp_path / "there" / "a" / "b")
    finally:
        os.umask(before)
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "there", tmp_path / "there/a", tmp_path / "there/a/b")]
    assert modes == [0o700, 0o755, 0o755]
