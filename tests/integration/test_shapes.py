# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of the tests behave as the official ones that they are shaped like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lab import wait_until
from shapes import REDIS_SHAPES, SHAPES, Shape

if TYPE_CHECKING:
    from lab import Host

pytestmark = [pytest.mark.engines, pytest.mark.spread, pytest.mark.usefixtures("shape_images")]


def test_the_configuration_is_the_shape_s(host: Host) -> None:
    for shape in SHAPES.values():
        there = host.api(f"/images/{shape.image}/json")["Config"]
        assert {key: there.get(key) for key in shape.config} == shape.config


def test_a_server_steps_down_from_root_owns_its_data_and_loads_its_modules(host: Host) -> None:
    for shape in REDIS_SHAPES:
        host.docker("run", "-d", "--name", shape.name, shape.image)
    for shape in REDIS_SHAPES:
        _looks_right(host, shape)


def _looks_right(host: Host, shape: Shape) -> None:
    ask = ("exec", shape.name, shape.cli)
    wait_until(lambda: host.docker(*ask, "ping", check=False) == "PONG", f"{shape.name} answers")
    uid, _, gid = shape.user.partition(":")
    pid = host.api(f"/containers/{shape.name}/json")["State"]["Pid"]
    seen = dict(line.split(":\t", 1) for line in host.sh(f"cat /proc/{pid}/status").splitlines() if ":\t" in line)
    assert (seen["Uid"].split()[1], seen["Gid"].split()[1]) == (uid, gid), shape.name
    assert int(seen["Umask"], 8) == (0o022 if shape.name == "bitnami" else 0o077), shape.name
    assert host.docker(*ask, "save") == "OK"
    assert host.docker("exec", shape.name, "busybox", "stat", "-c", "%u", f"{shape.data}/dump.rdb") == uid
    assert ("hello" in host.docker(*ask, "netmode.hello").split()) is shape.name.startswith("redis-8"), shape.name


def test_servers_of_the_web_answer_and_end_by_their_own_signal(host: Host) -> None:
    for name in ("nginx", "httpd"):
        host.docker("run", "-d", "--name", name, SHAPES[name].image)
        address = host.docker("inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", name)
        wait_until(lambda at=address: host.sh(f"curl -so /dev/null http://{at} && echo yes || true"), name)
        host.docker("stop", name)
        assert host.docker("inspect", "-f", "{{.State.ExitCode}}", name) == "0"


def test_valkey_ends_with_an_error_where_it_may_not_write(host: Host) -> None:
    done = host.run("docker", "run", "--rm", "-u", "1000", "-w", "/usr", SHAPES["valkey-9"].image, check=False)
    assert done.returncode == 1
    assert "not writable" in done.stderr
