# SPDX-License-Identifier: GPL-3.0-or-later
"""O16: who of a host's other users reads a configuration or reaches a socket, tried as each of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from impostor import NOT_ITS, SECRET, SOCKETS, another, another_container, ask
from lab import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

pytestmark = [pytest.mark.engines, pytest.mark.spread]
CONFIG = "/etc/netmode/redis"
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
    assert clean.run_module("redis_config", files(mode, group))["changed"]
    start(clean, image)
    seen = reached(clean)
    assert seen["read"] == []
    assert seen["connect"] == connect
    assert not set(seen["replace"]) - ({"of its number"} if mode == "777" else set())
    assert clean.run_module("redis_config", files(mode, group))["changed"] is False, "the socket is no difference"
    words = ("redis-cli", "-s", f"{SOCKETS}/cache/redis.sock")
    env = {"REDISCLI_AUTH": SECRET}
    assert clean.run(*words, "config", "rewrite", env=env).stdout.strip() == "OK"
    assert clean.sh(f"stat -c '%a %u:%g' {CONFIG}/cache/redis.conf") in ("600 999:999", "644 999:999")
    assert reached(clean)["read"] == [], "what Redis itself writes there is behind the directory"


THOROUGH = pytest.mark.thorough


@pytest.mark.parametrize(
    ("user", "how"), [pytest.param(999, "", marks=THOROUGH), (999, "gone"), pytest.param(5001, "", marks=THOROUGH)]
)
def test_o16_another_user_in_the_place_of_the_socket_is_sent_nothing(
    clean: Host, image: str, user: int, how: str
) -> None:
    clean.run_module("redis_config", files("777", ""))
    start(clean, image)
    if user != 999:
        clean.sh(f"chmod 777 {SOCKETS}/cache")  # manually, or by a mask of another time
    key = clean.docker("inspect", "-f", "{{.Id}}", "cache")
    assert ask(clean, container="cache")["answer"] == "PONG"
    with another(clean, user, how):
        for container, password in (("cache", SECRET), (key, SECRET), ("cache", None), ("nowhere", SECRET)):
            seen = ask(clean, container=container, password=password)
            assert (seen["error"], seen["answer"], seen["reachable"]) == (NOT_ITS, None, False), container
        refused = clean.run_module(
            "redis_ping",
            {"endpoints": [{"name": "it", "socket": f"{SOCKETS}/cache/redis.sock", "password": SECRET,
                            "container": "cache", "expect": "pong"}]},
        )  # fmt: skip
        assert refused["msg"].startswith(f"it ({SOCKETS}/cache/redis.sock): expected pong, observed {NOT_ITS}")
        clean.sh(f"chmod 777 {SOCKETS}/cache")
        assert ask(clean)["error"] == "in a directory that others may write to"
    assert clean.sh("cat /tmp/heard; rm /tmp/heard") == ""


def test_o14_another_container_in_the_place_of_the_socket_is_sent_nothing(clean: Host, image: str) -> None:
    """Of the same user, image and password, as one of another project may be that mounts the directory."""
    clean.run_module("redis_config", files("777", ""))
    start(clean, image)
    with another_container(clean, image):
        for password in (SECRET, None):
            assert ask(clean, container="cache", password=password)["error"] == NOT_ITS


@pytest.mark.parametrize(
    "given",
    [
        ("--pid", "host", "--network", "host"),
        pytest.param((), marks=THOROUGH),
        pytest.param(("--network", "none", "--user", "0:0"), marks=THOROUGH),
        pytest.param(("--cgroup-parent", "/others"), marks=THOROUGH),
    ],
)
def test_o16_its_own_redis_is_known_however_it_runs(clean: Host, image: str, given: tuple[str, ...]) -> None:
    """As another user, in the host's namespaces, and while a child of its own saves."""
    clean.sh(f"mkdir -p -m 777 {SOCKETS}/cache")
    words = ("--port", "0", "--unixsocket", "/run/redis/redis.sock", "--requirepass", SECRET, "--dir", "/tmp")
    clean.docker(
        "run", "-d", "--name", "cache", "-v", f"{SOCKETS}/cache:/run/redis", *given, image, "redis-server", *words
    )
    wait_until(lambda: ask(clean, container="cache")["answer"] == "PONG", "it answers")
    tell = ("redis-cli", "-s", f"{SOCKETS}/cache/redis.sock")
    env = {"REDISCLI_AUTH": SECRET}
    clean.run(*tell, "config", "set", "rdb-key-save-delay", "1000000", env=env)
    clean.run(*tell, "debug", "populate", "100", env=env, check=False)
    clean.run(*tell, "bgsave", env=env)
    assert ask(clean, container="cache")["answer"] == "PONG"
    clean.docker("restart", "-t", "0", "cache")
    wait_until(lambda: ask(clean, container="cache")["answer"] == "PONG", "it answers again")


def test_o17_an_empty_directory_below_the_root_stays_open_to_others(clean: Host) -> None:
    """``redis_config_dir: /srv``, which is empty on most hosts."""
    given = files("770", "")
    given["instances"][0].update(directory="/nmt-empty/cache")
    clean.sh("install -d -m 755 /nmt-empty")
    for changed in (True, False):
        assert clean.run_module("redis_config", given)["changed"] is changed
    assert clean.sh("stat -c %a /nmt-empty /nmt-empty/cache; rm -r /nmt-empty").split() == ["755", "700"]


def test_o16_a_host_of_an_older_run_converges_while_its_redis_goes_on(clean: Host, image: str) -> None:
    clean.run_module("redis_config", files("770", ""))
    clean.sh(
        f"chmod 755 {CONFIG} {SOCKETS}; chmod 750 {CONFIG}/cache {SOCKETS}/cache; chmod 640 {CONFIG}/cache/redis.conf"
    )
    start(clean, image)
    assert reached(clean)["connect"] == ["of its number", "of its group", "with its group beside"], "as it was"
    started = clean.docker("inspect", "-f", "{{.State.StartedAt}}", "cache")
    assert clean.run_module("redis_config", files("770", str(GROUP)), check=True)["changed"]
    done = clean.run_module("redis_config", files("770", str(GROUP)))
    assert (done["set_live"], done["restarts"]) == ({}, {}), "so no container is recreated for it"
    assert reached(clean) == {"read": [], "connect": MEMBERS, "replace": []}
    assert clean.docker("inspect", "-f", "{{.State.StartedAt}}", "cache") == started
    assert clean.run_module("redis_config", files("770", str(GROUP)))["changed"] is False
