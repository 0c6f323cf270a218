# SPDX-License-Identifier: GPL-3.0-or-later
"""O16: who of a host's other users reads a configuration or reaches a socket, tried as each of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from lab import wait_until
from shapes import BARE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

IMAGE = BARE  # not yet run in the official shape
pytestmark = pytest.mark.engines
CONFIG, SOCKETS = "/etc/netmode/redis", "/var/lib/netmode/redis"
SECRET = "s3cret-of-the-test"
GROUP = 4711
USERS = {
    "of its number": (999, 999, ()),
    "of its group": (5001, 999, ()),
    "with its group beside": (5002, 5002, (999,)),
    "in the socket's group": (5003, 5003, (GROUP,)),
    "of the socket's group": (5004, GROUP, ()),
    "nobody": (65534, 65534, ()),
}
MEMBERS = ["in the socket's group", "of the socket's group"]


def files(mode: str, group: str) -> dict[str, Any]:
    instance = {
        "name": "cache", "directory": f"{CONFIG}/cache", "socket_directory": f"{SOCKETS}/cache", "socket_mode": mode,
        "lines": ["port 0", "unixsocket /run/redis/redis.sock", f"unixsocketperm {mode}", "dir /data"],
        "secrets": [f"requirepass {SECRET}"],
    }  # fmt: skip
    return {"instances": [instance], "socket_group": group}


@pytest.fixture
def clean(host: Host) -> Iterator[Host]:
    host.sh(f"rm -rf {CONFIG} {SOCKETS}")
    yield host
    host.docker("rm", "-f", "-v", "cache", check=False)
    host.sh(f"rm -rf {CONFIG} {SOCKETS}")


def start(host: Host, image: str) -> None:
    host.docker("rm", "-f", "-v", "cache", check=False)
    host.docker(
        "run", "-d", "--name", "cache", "--network", "none", "--user", "999:999", "--cap-drop", "ALL",
        "-v", f"{CONFIG}/cache:/usr/local/etc/redis", "-v", f"{SOCKETS}/cache:/run/redis", "--tmpfs", "/data:mode=1777",
        image, "redis-server", "/usr/local/etc/redis/redis.conf",
    )  # fmt: skip
    ask = f"test -S {SOCKETS}/cache/redis.sock"
    wait_until(lambda: host.run("sh", "-c", ask, check=False).returncode == 0, "Redis has made its socket")


PROBE = r"""
import json, os, socket, sys
def can(what):
    try:
        what()
    except PermissionError:
        return False
    return True
def connect():
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect("SOCKETS/cache/redis.sock")
for name, (uid, gid, others) in json.loads(sys.argv[1]).items():
    child = os.fork()
    if not child:
        os.setgroups(others); os.setgid(gid); os.setuid(uid)
        read = can(lambda: open("CONFIG/cache/redis.conf").read()) or can(lambda: os.listdir("CONFIG/cache"))
        put = os.access("SOCKETS/cache", os.W_OK)
        print(json.dumps([name, read, can(connect), put]), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
""".replace("CONFIG", CONFIG).replace("SOCKETS", SOCKETS)


def reached(host: Host) -> dict[str, list[str]]:
    """Who reads the configuration, who connects to the socket, and who could put another in its place."""
    done = host.run("python3", "-c", PROBE, json.dumps(USERS)).stdout
    seen = [json.loads(line) for line in done.splitlines()]
    assert len(seen) == len(USERS), done
    return {key: [row[0] for row in seen if row[at]] for at, key in ((1, "read"), (2, "connect"), (3, "replace"))}


@pytest.mark.parametrize(
    ("mode", "group", "connect"),
    [
        ("770", "", []),
        ("770", str(GROUP), MEMBERS),
        ("777", "", list(USERS)),
    ],
)
def test_o16_other_users_of_the_host_get_no_further_than_the_sockets_mode_says(
    clean: Host, image: str, mode: str, group: str, connect: list[str]
) -> None:
    assert clean.run_module("redis_files", files(mode, group))["changed"]
    start(clean, image)
    seen = reached(clean)
    assert seen["read"] == []
    assert seen["connect"] == connect
    assert not set(seen["replace"]) - ({"of its number"} if mode == "777" else set())
    assert clean.run_module("redis_files", files(mode, group))["changed"] is False, "the socket is no difference"
    words = ("redis-cli", "-s", f"{SOCKETS}/cache/redis.sock")
    env = {"REDISCLI_AUTH": SECRET}
    assert clean.run(*words, "config", "rewrite", env=env).stdout.strip() == "OK"
    assert clean.sh(f"stat -c '%a %u:%g' {CONFIG}/cache/redis.conf") in ("600 999:999", "644 999:999")
    assert reached(clean)["read"] == [], "what Redis itself writes there is behind the directory"


def test_o16_a_host_of_an_older_run_converges_while_its_redis_goes_on(clean: Host, image: str) -> None:
    clean.run_module("redis_files", files("770", ""))
    clean.sh(
        f"chmod 755 {CONFIG} {SOCKETS}; chmod 750 {CONFIG}/cache {SOCKETS}/cache; chmod 640 {CONFIG}/cache/redis.conf"
    )
    start(clean, image)
    assert reached(clean)["connect"] == ["of its number", "of its group", "with its group beside"], "as it was"
    started = clean.docker("inspect", "-f", "{{.State.StartedAt}}", "cache")
    revision = clean.run_module("redis_files", files("770", str(GROUP)), check=True)
    assert revision["changed"]
    done = clean.run_module("redis_files", files("770", str(GROUP)))
    assert done["revisions"] == revision["revisions"], "so no container is recreated for it"
    assert reached(clean) == {"read": [], "connect": MEMBERS, "replace": []}
    assert clean.docker("inspect", "-f", "{{.State.StartedAt}}", "cache") == started
    assert clean.run_module("redis_files", files("770", str(GROUP)))["changed"] is False
