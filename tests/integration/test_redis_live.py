# SPDX-License-Identifier: GPL-3.0-or-later
"""R4: what was set in a running Redis (CONFIG SET, CONFIG REWRITE) is found, and set back while it runs."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from redis_lab import inspect, socket_of
from shapes import REDIS_SHAPES
from test_redis_shapes import MODES, PASSWORD, ask, deploy, instance, own_volumes

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab import Host, Play

pytestmark = [pytest.mark.engines, pytest.mark.spread, pytest.mark.usefixtures("shape_images", "no_files_left")]
SETTINGS = {
    "maxmemory": "100mb",
    "save": ["900 1", "60 10000"],
    "settings": {"hash-max-ziplist-entries": 64, "slowlog-max-len": 64, "loglevel": "notice"},
}
AS_TOLD = {
    "maxmemory": "104857600",
    "hash-max-ziplist-entries": "64",
    "save": "900 1 60 10000",
    "slowlog-max-len": "64",
}
ODD = {"maxmemory": "0", "hash-max-ziplist-entries": "7", "save": "", "loglevel": "debug", "protected-mode": "no"}
TRIED = "set what runs to what it says"


def told(host: Host, name: str, directive: str) -> str:
    return ask(host, name, "config", "get", directive).partition("\n")[2]


def changed(played: Play) -> list[str]:
    return [task["task"] for task in played.tasks if task["status"] == "changed"]


class Client:
    """A connection that stays: it is asked again after what was to leave it alone."""

    def __init__(self, name: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        self.socket.connect(socket_of(name))
        assert self.says(f"AUTH {PASSWORD}") == "+OK"

    def says(self, line: str) -> str:
        self.socket.sendall(f"{line}\r\n".encode())
        return self.socket.recv(1024).decode().strip()


def test_r4_what_was_set_at_run_time_is_set_back_without_a_restart(host: Host, play: Callable[..., Play]) -> None:
    instances: list[dict[str, Any]] = [
        instance(number, MODES[number % len(MODES)], shape, **SETTINGS) for number, shape in enumerate(REDIS_SHAPES)
    ]
    names = [one["name"] for one in instances]
    own_volumes(host, instances)
    deploy(play, instances)
    assert deploy(play, instances).changed == 0
    for name in names:
        assert {directive: told(host, name, directive) for directive in AS_TOLD} == AS_TOLD, name
    started = {name: inspect(host, name)["State"]["StartedAt"] for name in names}
    clients = {name: Client(name) for name in names}
    for name in names:
        assert ask(host, name, "set", "marker", name) == "OK"
        assert ask(host, name, "config", "set", *(word for pair in ODD.items() for word in pair)) == "OK"
    for name in names[::2]:
        assert ask(host, name, "config", "rewrite") == "OK"

    for options in (("--check", "--diff"), ()):
        played = deploy(play, instances, *options)
        (only,) = changed(played)
        assert only.endswith(TRIED), played.stdout
        assert sorted(played.task(TRIED)["set_again"]) == sorted(names)
        found = played.task(TRIED)["set_again"]
        assert {tuple(found[name]) for name in names} == {tuple(sorted({*ODD}))}, found
    assert deploy(play, instances).changed == 0
    for name in names:
        assert {directive: told(host, name, directive) for directive in AS_TOLD} == AS_TOLD, name
        assert (told(host, name, "protected-mode"), told(host, name, "loglevel")) == ("yes", "notice"), name
        assert clients[name].says("PING") == "+PONG", f"{name}: its client was disconnected"
        assert ask(host, name, "get", "marker") == name
    assert {name: inspect(host, name)["State"]["StartedAt"] for name in names} == started
