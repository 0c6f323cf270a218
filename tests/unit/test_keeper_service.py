# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the keeper's service: what is refused, what changes, what is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.netmode.docker.plugins.module_utils import _keeper_service as service
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    from pathlib import Path

SOCKET = "unix:///var/run/docker.sock"


def test_what_the_program_is_started_with() -> None:
    assert service.options(SOCKET, ["ab", "b.c"]) == f"--docker-host={SOCKET} --ignore=ab --ignore=b.c"


@pytest.mark.parametrize("docker_host", ["tcp://127.0.0.1:2375", "/var/run/docker.sock", "unix:///a b", "unix:///%h"])
def test_what_is_no_socket_is_refused(docker_host: str) -> None:
    with pytest.raises(NetmodeError, match=r"^docker_host: .* is no socket"):
        service.options(docker_host, [])


@pytest.mark.parametrize("name", ["", "a", "two words", "--docker-host=x", "a;b"])
def test_what_is_no_name_of_a_container_is_refused(name: str) -> None:
    with pytest.raises(NetmodeError, match=r"^ignore: .* is no container name"):
        service.options(SOCKET, ["fine", name])


def test_a_file_is_written_whole_with_its_mode_and_then_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "unit"
    wanted = service.File(path, None, b"new", 0o755)
    assert service.plan("present", [wanted]) == [wanted]
    service.apply([wanted])
    assert (path.read_bytes(), path.stat().st_mode & 0o777, list(tmp_path.iterdir())) == (b"new", 0o755, [path])
    settled = wanted._replace(before=b"new")
    assert service.plan("present", [settled]) == []
    path.chmod(0o600)
    assert service.plan("present", [settled]) == [settled]


def test_absent_removes_what_is_there_and_nothing_else(tmp_path: Path) -> None:
    there, missing = tmp_path / "there", tmp_path / "missing"
    there.write_bytes(b"old")
    changes = service.plan(
        "absent", [service.File(there, b"old", b"new", 0o644), service.File(missing, None, b"new", 0o644)]
    )
    assert (there, None) in [(change.path, change.after) for change in changes]
    assert missing not in [change.path for change in changes]
    service.apply([change for change in changes if change.path == there])
    assert list(tmp_path.iterdir()) == []
