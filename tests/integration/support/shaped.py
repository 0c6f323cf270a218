# SPDX-License-Identifier: GPL-3.0-or-later
"""Redis instances of every image shape in every network mode, deployed by the role."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from redis_lab import ROLE, cli, socket_of
from shapes import SHAPES, Shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab import Host, Play

MODES = ("bridge", "container", "host", "none")
PASSWORD = "s3cret-of-the-test"
DONORS = [{"name": name, "image": SHAPES[name].image} for name in ("nginx", "httpd")]


def instance(number: int, mode: str, shape: Shape, **more: Any) -> dict[str, Any]:
    """One of them shares with nginx, the next with httpd: no two of a namespace listen on one port."""
    own: dict[str, Any] = {"port": 7000 + number} if mode in ("host", "container") else {}
    if mode == "container":
        own["donor"] = DONORS[number % 2]["name"]
    return {
        "name": f"{mode}-{shape.name}", "network_mode": mode, "image": shape.image, "user": shape.user,
        "server_command": shape.server, "cli_command": shape.cli, **own, **more,
    }  # fmt: skip


def deploy(play: Callable[..., Play], instances: list[dict[str, Any]], *options: str, rc: int = 0, **more: Any) -> Play:
    given = {"redis_password": PASSWORD, "redis_keeper": False, "redis_healthcheck_interval": "1h", **more}
    played = play(ROLE, options=options, redis_instances=instances, redis_companions=DONORS, **given)
    assert played.rc == rc, played.stdout + played.stderr
    return played


def ask(host: Host, name: str, *words: str) -> str:
    return cli(host, name, *words, password=PASSWORD)


def own_volumes(host: Host, instances: list[dict[str, Any]]) -> None:
    """For Bitnami's image, which has no /data: the engine gives an empty volume the owner of that, and else root."""
    for one in instances:
        if one["image"] == SHAPES["bitnami"].image:
            host.docker("volume", "create", f"{one['name']}-data")
            at = host.docker("volume", "inspect", "-f", "{{.Mountpoint}}", f"{one['name']}-data")
            host.sh(f"touch {at}/.not-empty; chown {one['user']} {at}")


class Client:
    """A connection that stays: it is asked again after what was to leave it alone."""

    def __init__(self, name: str, words: str = f"AUTH {PASSWORD}") -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        self.socket.connect(socket_of(name))
        assert self.says(words) == "+OK"

    def says(self, line: str) -> str:
        self.socket.sendall(f"{line}\r\n".encode())
        return self.socket.recv(1024).decode().strip()
