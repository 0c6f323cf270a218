# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is behind a socket. O14, O16; as other users of a host it is tried in tests/integration/test_redis_access.py."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._kernel.sockets import holder, open_sockets
from ansible_collections.netmode.docker.plugins.module_utils._redis import peer
from ansible_collections.netmode.docker.plugins.module_utils._redis.ping import ping
from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import Endpoint

if TYPE_CHECKING:
    from pathlib import Path

BUSY = """
import os, socket
server = socket.create_server(("127.0.0.1", 0))
print(os.fstat(server.fileno()).st_ino, flush=True)
while True:
    for one in [socket.socket() for _ in range(50)]:
        one.close()
"""


def test_the_sockets_of_a_process_are_known_while_its_connections_come_and_go() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True) as busy:
        assert busy.stdout is not None
        inode = busy.stdout.readline().strip()
        try:
            missed = sum(inode not in open_sockets(busy.pid) for _ in range(200))
            assert holder(inode)[0] == busy.pid
        finally:
            busy.kill()
    assert missed == 0
    with pytest.raises(OSError, match="No such file"):
        open_sockets(busy.pid)


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        ((0o755, 0o755), True),
        ((0o755, 0o770), False),
        ((0o755, 0o702), False),
        ((0o777, 0o755), False),
        ((0o1777, 0o755), True),
        ((0o755, 0o1777), False),
    ],
)
def test_o16_a_socket_belongs_to_its_server_where_no_other_may_write_above_it(
    tmp_path: Path, modes: tuple[int, int], expected: bool
) -> None:
    outer, inner = tmp_path / "outer", tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "link").symlink_to(inner)
    for directory, mode in zip((outer, inner), modes):
        directory.chmod(mode)
    for way in (inner, tmp_path / "link"):
        assert peer._belongs_to(way / "redis.sock", 4711) is expected


def test_o16_what_is_no_process_of_the_container_is_sent_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "redis.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        for container in ("", "f" * 64):
            for password in (None, "s3cret"):
                said = ping(Endpoint("it", socket=path, password=password, container=container), 5)
                assert (said["reachable"], said["error"]) == (False, "not a process of its container")
                wire, _ = server.accept()
                with wire:
                    assert wire.recv(100) == b""
