# SPDX-License-Identifier: GPL-3.0-or-later
"""The role redis on a real engine: deployed, left alone, changed without losing data, refused, and taken down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from lab import wait_until
from played import LOCAL
from redis_lab import (
    AGAIN,
    IMAGE,
    QUICKSTART,
    QUICKSTART_PASSWORD,
    ROLE,
    ROLE_VARIABLES,
    TEARDOWN,
    cli,
    digest,
    fill,
    inspect,
    running,
    socket_of,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab import Host, Play

pytestmark = pytest.mark.usefixtures("no_files_left")
PROOF: list[dict[str, Any]] = [
    {"hosts": "all", "gather_facts": False, "tasks": [
        {"import_role": {"name": "netmode.docker.redis", "tasks_from": "verify.yml"}},
    ]},
]  # fmt: skip


# --- the quickstart ---------------------------------------------------------------------------------------------------


def test_quickstart_check_predicts_it_the_first_run_makes_all_four_and_the_second_changes_nothing(
    host: Host, play: Callable[..., Play], host_state: Callable[[], Any]
) -> None:
    before = host_state()
    predicted = play(ROLE, QUICKSTART, ("--check", "--diff"))
    assert predicted.rc == 0, predicted.stdout
    assert predicted.changed > 0
    assert host_state() == before, "check mode changed the host"

    first = play(ROLE, QUICKSTART)
    assert first.rc == 0, first.stdout
    assert first.changed > 0
    assert_four_modes(host)
    deployed = running(host)

    for options in (("--diff",), ("--check", "--diff")):
        again = play(ROLE, QUICKSTART, options)
        assert (again.rc, again.changed) == (0, 0), again.stdout
        asked = [task["action"] for task in again.tasks if task["status"] == "ok" and "netmode" in task["action"]]
        assert asked == ["netmode.docker.redis_preview"], "one look"
    assert running(host) == deployed


def test_a_settled_host_is_proven_by_its_one_look_and_looked_at_anew_by_a_later_proof(
    play: Callable[..., Play], role_image: None
) -> None:
    inventory = {"redis": {"hosts": {"localhost": {**LOCAL, **ROLE_VARIABLES, "redis_instances": [{"name": "cache"}]}}}}
    site, verify = ({"import_playbook": str(TEARDOWN.with_name(f"{name}.yml"))} for name in ("site", "verify"))
    stopping = {"hosts": "redis", "gather_facts": False, "tags": "always", "tasks": [{"command": "docker stop cache"}]}

    def looks(played: Play) -> list[str]:
        modules = ("netmode.docker.redis_preview", "netmode.docker.redis_verify")
        return [task["action"].rsplit("_", 1)[1] for task in played.tasks if task["action"] in modules]

    def proofs(played: Play) -> list[str]:
        shown = [task["result"]["msg"] for task in played.tasks if "Show the proof" in task["task"]]
        return [(text if isinstance(text, list) else text.splitlines())[-1] for text in shown]

    parts = ("--tags", "redis,verify")
    first = play([site], inventory, parts)
    assert first.rc == 0, first.stdout
    assert looks(first) == ["preview", "verify"], "what was changed is looked at again"
    alone = play([site], inventory, ("--tags", "redis"))
    assert (looks(alone), proofs(alone)) == (["preview"], [])
    assert "claims" not in alone.task("Look at what would change, and refuse what cannot be"), (
        "a proof that nobody asked for"
    )

    broken = play([site, stopping, verify], inventory, parts)
    assert looks(broken) == ["preview", "verify"]
    held, failing = proofs(broken)
    assert held.endswith("claims, all hold")
    assert proofs(first) == [held]
    assert "hold" in failing
    assert not failing.endswith("all hold")
    assert broken.rc == 2
    mended = play([site], inventory, parts)
    assert (mended.rc, looks(mended)) == (0, ["preview", "verify"]), mended.stdout


def assert_four_modes(host: Host) -> None:
    httpd = inspect(host, "httpd")["Id"]
    modes = {
        name: inspect(host, f"redis-{name}")["HostConfig"]["NetworkMode"] for name in ("host", "none", "container")
    }
    assert modes == {"host": "host", "none": "none", "container": f"container:{httpd}"}
    assert inspect(host, "redis-bridge")["HostConfig"]["NetworkMode"] in ("bridge", "default")
    donor = inspect(host, "httpd")["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    assert "404" in host.sh(f"curl -si http://{donor}/none-such")
    assert QUICKSTART_PASSWORD.stat().st_mode & 0o777 == 0o600
    password = QUICKSTART_PASSWORD.read_text().strip()
    ways = [f"-s {socket_of(f'redis-{name}')}" for name in ("bridge", "container", "host", "none")]
    for way in (*ways, "-p 6379", "-p 6515", f"-h {donor}"):
        assert "NOAUTH" in host.sh(f"redis-cli {way} ping"), way
        assert host.sh(f"redis-cli {way} ping", env={"REDISCLI_AUTH": password}) == "PONG", way


def test_a_redis_is_not_root_has_no_capabilities_and_cannot_write_its_root(
    host: Host, deploy: Callable[..., Play]
) -> None:
    deploy(redis_healthcheck_interval="1s")
    status = host.sh("cat /proc/$(docker inspect -f '{{.State.Pid}}' redis)/status")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    assert fields["Uid"].split() == ["999"] * 4
    assert int(fields["CapEff"], 16) == 0
    assert int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"].strip() == "1"
    assert host.run("docker", "exec", "redis", "busybox", "touch", "/x", check=False).returncode != 0
    wait_until(lambda: inspect(host, "redis")["State"]["Health"]["Status"] == "healthy", "redis is healthy")


@pytest.mark.thorough
def test_many_on_one_host(host: Host, deploy: Callable[..., Play]) -> None:
    names = [f"shard-{n}" for n in range(6)]
    entries = [{"name": name, "port": 7000 + n} for n, name in enumerate(names)]
    deploy(redis_network_mode="host", redis_instances=entries)
    assert [host.sh(f"redis-cli -p {7000 + n} ping") for n in range(6)] == ["PONG"] * 6
    assert deploy(redis_network_mode="host", redis_instances=entries).changed == 0


# --- R2: nothing is lost ----------------------------------------------------------------------------------------------


@pytest.mark.thorough  # some of these are drawn by test_redis_machine.py, with clients that write
@pytest.mark.parametrize("persistence", [{"appendonly": True}, {"appendonly": False}], ids=["append-only file", "dump"])
def test_r2_same_data_after_every_kind_of_change(
    host: Host, deploy: Callable[..., Play], persistence: dict[str, Any]
) -> None:
    entry = {"name": "cache", "maxmemory": "64mb", **persistence}
    deploy(redis_instances=[entry])
    wanted = fill(host, "cache")
    changes: list[dict[str, Any]] = [
        {"labels": AGAIN},
        {"network_mode": "host", "port": 6515},
        {"network_mode": "none"},
        {"network_mode": "container", "donor": "httpd"},
        {"network_mode": "bridge", "ports": ["127.0.0.1:7000:6379"], "allow_unauthenticated": True},
        {"recreate": "always"},
    ]
    companions = [{"name": "httpd", "command": ["busybox", "httpd", "-f"], "init": True}]
    for change in changes:
        was = inspect(host, "cache")["Id"]
        played = deploy(redis_instances=[{**entry, **change}], redis_companions=companions)
        assert played.changed > 0
        assert inspect(host, "cache")["Id"] != was, f"not recreated for {change}"
        assert digest(host, "cache") == wanted, f"data lost by {change}"


def test_a_volume_that_outlived_its_configuration_is_not_started_empty(
    host: Host, play: Callable[..., Play], deploy: Callable[..., Play]
) -> None:
    deploy(redis_appendonly=False)
    wanted = fill(host, "redis")
    assert play(TEARDOWN, **IMAGE).rc == 0
    refused = deploy(rc=2, redis_appendonly=True)
    assert "dump.rdb" in refused.failed[0]["result"]["msg"]
    deploy(redis_appendonly=False)
    assert digest(host, "redis") == wanted


# --- images -----------------------------------------------------------------------------------------------------------


def test_an_archive_of_the_controller_is_sent_once_and_not_left_on_the_host(
    host: Host, deploy: Callable[..., Play]
) -> None:
    deploy()
    host.docker("tag", IMAGE["redis_image"], "archived/redis:1")
    host.docker("save", "-o", "/tmp/archived.tar", "archived/redis:1")
    # The image goes with its last name, so that what the role finds is what it has loaded.
    host.sh(f"docker rm -f redis; docker rmi archived/redis:1 {IMAGE['redis_image']}")
    variables = {
        "redis_image": "archived/redis:1",
        "redis_image_source": "archive",
        "redis_image_archive": "/tmp/archived.tar",
    }
    try:
        deploy(**variables)
        assert cli(host, "redis", "ping") == "PONG"
        assert host.sh("ls /var/tmp/netmode-*.tar 2>/dev/null || true") == ""
        again = deploy(**variables)
        assert again.changed == 0
    finally:
        host.sh(f"docker tag archived/redis:1 {IMAGE['redis_image']}; docker rm -f redis; docker rmi archived/redis:1")
        host.sh("rm /tmp/archived.tar")


# --- teardown ---------------------------------------------------------------------------------------------------------


def test_a_sharer_heals_without_ansible_and_a_host_without_sharers_gets_no_keeper(
    host: Host, play: Callable[..., Play], deploy: Callable[..., Play]
) -> None:
    assert play(TEARDOWN, **IMAGE).rc == 0
    deploy(redis_keeper=True)
    assert host.sh("ls /usr/local/sbin/netmode-keeper", check=False) == ""
    web = {"name": "web", "network_mode": "bridge", "command": ["redis-server", "--port", "7000"]}
    wanted = {"redis_network_mode": "container", "redis_donor": "web", "redis_companions": [web], "redis_password": "x"}
    assert deploy(redis_keeper=True, **wanted).changed > 0
    assert deploy(redis_keeper=True, **wanted).changed == 0
    told = deploy(rc=2, redis_keeper=True, keeper_force="perhaps", **wanted).failed
    assert "keeper_force" in told[0]["result"]["msg"], "also where nothing is to be done for the keeper"
    assert deploy(redis_keeper=True, **wanted, redis_maxmemory="64mb").changed > 0  # with a keeper that runs since long
    wanted["redis_maxmemory"] = "64mb"
    host.docker("restart", "-t", "0", "web")
    address = host.docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "web")
    ask = f"REDISCLI_AUTH=x timeout 2 redis-cli -h {address} ping"
    wait_until(lambda: host.sh(ask, check=False) == "PONG", "the sharer answers at its donor's new namespace")
    assert "redis > web  right" in host.sh("netmode-keeper status")
    assert play(TEARDOWN, teardown_data=True, **wanted, **IMAGE).rc == 0
    assert host.sh("ls -d /usr/local/sbin/netmode-keeper /var/lib/netmode; pgrep -f netmode-keeper", check=False) == ""


@pytest.mark.thorough
def test_teardown_leaves_nothing_but_the_data_and_that_only_if_not_told_otherwise(
    host: Host, play: Callable[..., Play], host_state: Callable[[], Any], role_image: None
) -> None:
    host.sh("docker rmi netmode/redis:bookworm 2>/dev/null || true")
    before = host_state()
    assert play(ROLE, QUICKSTART).rc == 0
    password = QUICKSTART_PASSWORD.read_text().strip()
    marker = cli(host, "redis-none", "set", "marker", "here", password=password)
    assert marker == "OK"
    deployed = host_state()
    predicted = play(TEARDOWN, QUICKSTART, ("--check",), teardown_data=True)
    assert (predicted.rc, host_state()) == (0, deployed), predicted.stdout
    torn = play(TEARDOWN, QUICKSTART)
    assert torn.rc == 0, torn.stdout
    assert {**host_state(), "volumes": []} == {**before, "volumes": []}
    assert {f"redis-{mode}-data" for mode in ("bridge", "container", "host", "none")} <= set(host_state()["volumes"])
    assert host.sh("ls -d /etc/netmode /var/lib/netmode 2>/dev/null || true") == ""
    assert play(TEARDOWN, QUICKSTART).changed == 0

    assert play(ROLE, QUICKSTART, **IMAGE).rc == 0
    assert cli(host, "redis-none", "get", "marker", password=password) == "here"
    assert play(TEARDOWN, QUICKSTART, teardown_data=True, **IMAGE).rc == 0
    assert host_state() == before


# --- what was set at run time -----------------------------------------------------------------------------------------


def test_what_was_set_at_run_time_to_let_others_in_is_told_with_the_way_out_and_undone_while_it_runs(
    host: Host, deploy: Callable[..., Play], play: Callable[..., Play]
) -> None:
    secret = "s3cret-of-the-test"
    given = {"redis_password": secret, "redis_instances": [{"name": "aa"}]}
    deploy(**given)
    cli(host, "aa", "set", "marker", "it stays", password=secret)
    before = running(host)
    for words in (("config", "set", "requirepass", ""), ("acl", "setuser", "guest", "on", "nopass", "+@all")):
        assert cli(host, "aa", *words, password=secret) == "OK"
        proof = play(PROOF, **ROLE_VARIABLES, **given)
        assert "Run the role again, which sets it to what its redis.conf says." in proof.stdout
        for options in (("--check",), ()):
            done = deploy(options=options, **given)
            (only,) = (one["task"] for one in done.tasks if one["status"] == "changed")
            assert only.endswith("set what runs to what it says"), done.stdout
        assert deploy(**given).changed == 0
        assert running(host) == before
        assert "NOAUTH" in cli(host, "aa", "get", "marker")
        assert "guest" not in cli(host, "aa", "acl", "list", password=secret)
        assert cli(host, "aa", "get", "marker", password=secret) == "it stays"
        assert play(PROOF, **ROLE_VARIABLES, **given).rc == 0
