# SPDX-License-Identifier: GPL-3.0-or-later
"""Another server in the place of an instance's socket, and how the collection asks there."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

SOCKETS = "/var/lib/netmode/redis"
SECRET = "s3cret-of-the-test"

ANOTHER = r"""
import os, socket, sys
user, how = int(sys.argv[1]), sys.argv[2]
out = open("/tmp/heard", "wb")
os.setgroups([]); os.setgid(user); os.setuid(user)
server = socket.socket(socket.AF_UNIX)
server.bind("SOCKETS/cache/another")
server.listen()
os.chmod("SOCKETS/cache/another", 0o777)
os.rename("SOCKETS/cache/another", "SOCKETS/cache/redis.sock")
if how == "gone" and os.fork():
    os._exit(0)
print(os.getpid(), flush=True)
while True:
    wire, _ = server.accept()
    with wire:
        data = wire.recv(65536)
        out.write(data); out.flush()
        if data:
            wire.sendall(b"+OK\r\n" + b"+PONG\r\n" * 3)
""".replace("SOCKETS", SOCKETS)


@contextmanager
def another(host: Host, user: int, how: str = "") -> Iterator[None]:
    """Another user's server in the place of the socket. ``gone``: whose process that listened has ended."""
    with subprocess.Popen(["python3", "-c", ANOTHER, str(user), how], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        pid = server.stdout.readline().strip()
        try:
            yield
        finally:
            host.sh(f"kill -9 {pid}")


@contextmanager
def another_container(host: Host, image: str) -> Iterator[None]:
    """A Redis of another container in its place, of the same user and password. It was sent none when this ends."""
    at = "/run/redis/redis.sock"
    host.docker(
        "run", "-d", "--name", "thief", "--network", "none", "--user", "999:999", "-v", f"{SOCKETS}/cache:/run/redis",
        "--tmpfs", "/data:mode=1777", image, "redis-server", "--port", "0", "--unixsocket", at, "--unixsocketperm", "777",
        "--requirepass", SECRET,
    )  # fmt: skip
    cli = ("thief", "redis-cli", "-s", at)
    try:
        wait_until(lambda: "NOAUTH" in host.docker("exec", *cli, "ping", check=False), "it answers")
        yield
        counted = host.docker("exec", "-e", f"REDISCLI_AUTH={SECRET}", *cli, "info", "commandstats")
        assert "cmdstat_auth:calls=1," in counted, "by who asks here alone"
    finally:
        host.docker("rm", "-f", "thief")


def ask(host: Host, **given: Any) -> dict[str, Any]:
    endpoint = {"name": "it", "socket": f"{SOCKETS}/cache/redis.sock", "password": SECRET, **given}
    seen: dict[str, Any] = host.run_module("redis_ping", {"endpoints": [endpoint]})["endpoints"]["it"]
    return seen


NOT_ITS = "not a process of its container"
