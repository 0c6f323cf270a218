# SPDX-License-Identifier: GPL-3.0-or-later
"""A Redis whose user default is off: asked as the user that the role has for itself, on every server at hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from backup_lab import BACKUPS, RESTORED, done
from lab import wait_until
from redis_lab import AGAIN, cli, running
from shaped import DONORS, MODES, PASSWORD, Client, instance
from shaped import deploy as deploy_shaped
from shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab import Host, Play

pytestmark = [pytest.mark.engines, pytest.mark.spread, pytest.mark.usefixtures("shape_images", "no_files_left")]
SERVERS = ("redis", "redis-8", "valkey-9")
OFF = {"name": "default", "enabled": False}
SECRET = "app-s3cret"
APP = {"name": "app", "passwords": [SECRET], "rules": "~* &* +@all -@admin"}
VERIFY = [
    {
        "hosts": "all", "gather_facts": False,
        "tasks": [{"import_role": {"name": "netmode.docker.redis", "tasks_from": "verify.yml"}}],
    },
]  # fmt: skip
TRIED = "set what runs to what it says"


def servers(*users: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    """One instance of each server, in the modes by turns."""
    return [
        instance(number, MODES[number + 1], SHAPES[shape], users=list(users), **more)
        for number, shape in enumerate(SERVERS)
    ]


NAMES = [one["name"] for one in servers()]


@pytest.fixture
def deploy(play: Callable[..., Play]) -> Callable[..., Play]:
    def run(*users: dict[str, Any], options: tuple[str, ...] = (), password: str = "", **more: Any) -> Play:
        return deploy_shaped(play, servers(*users, **more), *options, redis_password=password)

    return run


@pytest.fixture
def no_backups_left(host: Host) -> Iterator[None]:
    yield
    host.sh(f"rm -rf {BACKUPS}")


def app(host: Host, name: str, *words: str, password: str = SECRET) -> str:
    return cli(host, name, "--user", "app", *words, password=password)


def own(host: Host, name: str, *words: str) -> str:
    return cli(host, name, "--user", "netmode", *words, password=password_of(name))


def requests(host: Host, name: str) -> int:
    """How many connections it has taken so far."""
    found = re.search(r"total_connections_received:(\d+)", app(host, name, "info", "stats"))
    assert found
    return int(found[1])


def password_of(name: str) -> str:
    return Path(f"/etc/netmode/redis/{name}/.operator").read_text()


def test_o19_all_that_the_role_does_with_a_redis_works_with_its_user_default_off(
    host: Host, play: Callable[..., Play], deploy: Callable[..., Play]
) -> None:
    assert deploy(OFF, APP).changed
    for options in ((), ("--check", "--diff")):
        assert deploy(OFF, APP, options=options).changed == 0
    before, clients = running(host), {name: Client(name, f"AUTH app {SECRET}") for name in NAMES}
    proof = play(VERIFY, redis_instances=servers(OFF, APP), redis_companions=DONORS)
    assert proof.rc == 0, proof.stdout
    for name in NAMES:
        for claim in ("PONG over the unix socket", "no answer without the password"):
            assert re.search(rf"ok +{name} +{claim}", proof.stdout), proof.stdout
        assert [cli(host, name, "ping"), app(host, name, "ping")] == ["NOAUTH Authentication required.", "PONG"]
        assert host.sh(f"stat -c '%a %u:%g' /etc/netmode/redis/{name}/.operator") == "600 0:0"
        assert own(host, name, "get", "marker").startswith("NOPERM")

    changed = {"maxmemory": "64mb", "settings": {"slowlog-max-len": 64}}
    rotated = {**APP, "passwords": [SECRET, "n3w"]}
    found = deploy(OFF, rotated, **changed).task(TRIED)
    assert all({"maxmemory", "slowlog-max-len", "user app"} <= {*found["set_live"][name]} for name in NAMES), found
    assert deploy(OFF, rotated, **changed).changed == 0
    for name in NAMES:
        assert {app(host, name, "ping", password=word) for word in (SECRET, "n3w")} == {"PONG"}
        assert clients[name].says("PING") == "+PONG"
        refused = [line for line in own(host, name, "acl", "log").splitlines() if line == "netmode"]
        assert not refused, "a command that is sent is not allowed"
    assert running(host) == before


@pytest.mark.thorough
@pytest.mark.usefixtures("no_backups_left")
def test_o19_a_backup_its_restore_and_a_recreate_work_with_the_user_default_off(
    host: Host, deploy: Callable[..., Play]
) -> None:
    deploy(OFF, APP)
    for name in NAMES:
        assert app(host, name, "set", "marker", name) == "OK"
    given = {"redis_companions": DONORS, "redis_password": ""}
    done(host, "backup", servers(OFF, APP), **given)
    for name in NAMES:
        assert app(host, name, "set", "marker", "later") == "OK"
    last = {"redis_restore_instance": NAMES[-1], "redis_restore_backup": "latest", "redis_restore_overwrite": True}
    assert done(host, "restore", servers(OFF, APP), **given, **last).task(RESTORED)["changed"]
    wanted = ["later", "later", NAMES[-1]]
    assert [app(host, name, "get", "marker") for name in NAMES] == wanted
    assert deploy(OFF, APP).changed == 0
    assert deploy(OFF, APP, labels=AGAIN).changed == 1
    assert [app(host, name, "get", "marker") for name in NAMES] == wanted, "recreated"


def test_o19_the_user_default_is_turned_off_and_on_again_while_redis_runs(
    host: Host, deploy: Callable[..., Play]
) -> None:
    deploy(APP, password=PASSWORD)
    so_far = [requests(host, name) for name in NAMES]
    assert deploy(APP, password=PASSWORD).changed == 0
    with_password = [requests(host, name) - one for name, one in zip(NAMES, so_far)]
    before, clients = running(host), {name: Client(name, f"AUTH app {SECRET}") for name in NAMES}
    assert not list(Path("/etc/netmode/redis").glob("*/.operator"))
    for options in (("--check", "--diff"), ()):
        found = deploy(OFF, APP, options=options).task(TRIED)
        assert found["restarts"] == {}
        assert {tuple(found["set_live"][name]) for name in NAMES} == {("requirepass", "user netmode")}
    so_far = [requests(host, name) for name in NAMES]
    assert deploy(OFF, APP).changed == 0
    assert [requests(host, name) - one for name, one in zip(NAMES, so_far)] == with_password
    for name in NAMES:
        assert cli(host, name, "ping", password=PASSWORD).endswith("NOAUTH Authentication required.")
        assert app(host, name, "ping") == "PONG"

    assert deploy(APP, password="n3w").changed == 1
    assert deploy(APP, password="n3w").changed == 0
    assert not list(Path("/etc/netmode/redis").glob("*/.operator"))
    for name in NAMES:
        assert cli(host, name, "ping", password="n3w") == "PONG"
        assert "netmode" not in cli(host, name, "acl", "list", password="n3w")
        assert clients[name].says("PING") == "+PONG", f"{name}: its client was disconnected"
    assert running(host) == before


@pytest.mark.thorough
def test_o19_a_user_default_that_needs_no_password_and_may_little_is_proven(
    host: Host, play: Callable[..., Play]
) -> None:
    rules = {"user": "default on nopass ~* +@read"}
    one = instance(0, "bridge", SHAPES["redis-8"], settings=rules, appendonly=False, allow_unauthenticated=True)
    deploy_shaped(play, [one], redis_password="")
    assert deploy_shaped(play, [one], redis_password="").changed == 0
    proof = play(VERIFY, redis_instances=[one], redis_companions=DONORS)
    assert proof.rc == 0, proof.stdout
    assert "observed NOPERM" in proof.stdout
    assert cli(host, one["name"], "get", "marker") == ""
    assert deploy_shaped(play, [{**one, "maxmemory": "64mb"}], redis_password="").task(TRIED)["set_live"]


@pytest.mark.thorough
def test_o19_what_somebody_does_to_the_role_s_user_is_mended(host: Host, deploy: Callable[..., Play]) -> None:
    deploy(OFF, APP)
    lost, gone, limited = NAMES
    for name in NAMES:
        assert app(host, name, "set", "marker", name) == "OK"
    Path(f"/etc/netmode/redis/{lost}/.operator").unlink()
    assert own(host, gone, "acl", "deluser", "netmode") == "1"
    assert own(host, limited, "acl", "setuser", "netmode", "+get") == "OK"
    found = deploy(OFF, APP).task(TRIED)
    assert found["set_live"] == {limited: ["user netmode"]}
    assert {*found["restarts"]} == {lost, gone}
    assert deploy(OFF, APP).changed == 0
    assert [app(host, name, "get", "marker") for name in NAMES] == NAMES


# --- what is read of an append-only file ------------------------------------------------------------------------------

WRITTEN = {"plain": "1", "first": "2", "second": "3", "script": "4", "last": "5"}
LINES = ["set plain 1", "multi", "set first 2", "set second 3", "exec", "eval SCRIPT 0", "set last 5"]
SCRIPT = """'redis.call("set", "script", 4) redis.call("set", "script", 4)'"""
LIMITED = ("default", "off", "-@all")
"""A user default of redis.conf itself, which the role refuses."""


def written(client: Client) -> None:
    for line in LINES:
        assert client.says(line.replace("SCRIPT", SCRIPT))[:1] in "+*$", line


def kept(host: Host, name: str) -> dict[str, str]:
    return {key: app(host, name, "get", key) for key in WRITTEN}


def test_a_user_default_that_is_off_loses_no_transaction_and_no_script_at_a_restart(
    host: Host, deploy: Callable[..., Play]
) -> None:
    deploy(OFF, APP, appendfsync="always")
    for name in NAMES:
        written(Client(name, f"AUTH app {SECRET}"))
        host.docker("kill", name)
        host.docker("start", name)
    for name in NAMES:
        wait_until(lambda name=name: app(host, name, "ping") == "PONG", f"{name} is up")
        assert kept(host, name) == WRITTEN, name


def test_a_limited_user_default_loses_them_on_the_servers_that_the_documentation_names(host: Host) -> None:
    """Why the role gives one that is off all rights, and refuses one that is on and limited."""
    found = {}
    for name in SERVERS:
        shape = SHAPES[name]
        options = ("--appendonly", "yes", "--appendfsync", "always", "--port", "0", "--unixsocket", "/data/s")
        users = ("--user", *LIMITED, "--user", "app", "on", "nopass", "~*", "&*", "+@all")
        host.docker("run", "-d", "--name", name, "--network", "none", shape.image, shape.server, *options, *users)

        def ask(*words: str, name: str = name, shape: Any = shape) -> str:
            way = (shape.cli, "-s", "/data/s", "--user", "app", "--pass", "x", "--no-auth-warning")
            return host.run("docker", "exec", "-i", name, *way, *words, check=False).stdout.strip()

        wait_until(lambda ask=ask: ask("ping") == "PONG", f"{name} is up")
        ask("set", "plain", "1")
        ask("eval", "redis.call('set', 'first', 2) redis.call('set', 'second', 3)", "0")
        host.docker("kill", name)
        host.docker("start", name)
        wait_until(lambda ask=ask: ask("ping") == "PONG", f"{name} is up again")
        found[name] = sorted(ask("keys", "*").split())
    assert found == {"redis": ["plain"], "redis-8": ["plain"], "valkey-9": ["first", "plain", "second"]}
