# SPDX-License-Identifier: GPL-3.0-or-later
"""What Redis is tried with before anything is changed sees what its start will see, and nothing of it is left. O25, O26."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from lab import COLLECTIONS, MODULE_UTILS, wait_until
from shapes import BARE, REDIS_SHAPES, SHAPES
from trial_lab import Trial, answers, deploy, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab import Host

Json = dict[str, Any]

pytestmark = [pytest.mark.engines, pytest.mark.spread, pytest.mark.usefixtures("no_files_left", "shape_images")]


@pytest.fixture
def trial(host: Host) -> Trial:
    return Trial(host)


@pytest.fixture(scope="module")
def odd_images(machine: Host) -> Iterator[dict[str, str]]:
    """Images that a Redis of the role's cannot run from, or not so."""
    made = {
        "no-data": ("busybox", "rm", "-rf", "/data"),
        "others-data": ("busybox", "sh", "-c", "mkdir -p /data && chown 1001:1001 /data && chmod 755 /data"),
        "no-client": ("busybox", "sh", "-c", "mkdir -p /data && chown 999:999 /data && rm -f $(which redis-cli)"),
    }
    for name, command in made.items():
        machine.docker("run", "--name", f"odd-{name}", BARE, *command)
        machine.docker("commit", f"odd-{name}", f"netmode-test/{name}")
        machine.docker("rm", f"odd-{name}")
    yield {name: f"netmode-test/{name}" for name in made}
    machine.docker("rmi", *(f"netmode-test/{name}" for name in made))


@pytest.mark.thorough
def test_o25_every_shape_of_image_is_taken_and_starts_as_it_was_tried(host: Host, trial: Trial) -> None:
    for shape in REDIS_SHAPES:
        own = {"image": shape.image, "server_command": shape.server, "cli_command": shape.cli, "password": "s3cret"}
        if shape.name == "bitnami":  # its root has a /data of another user
            host.sh("install -d -o 1001 -g 0 -m 0750 /srv/bitnami")
            own["volume"] = "/srv/bitnami"
        found = trial.taken(**own, user=shape.user)
        deploy(host, found)
        wait_until(lambda: answers(host), f"{shape.name} answers")
        host.docker("rm", "-f", "cache")
        host.docker("volume", "rm", "-f", "cache-data")
    host.sh("rm -r /srv/bitnami")


def test_o25_what_would_fail_only_after_the_start_is_refused_before_any_change(
    trial: Trial, odd_images: dict[str, str]
) -> None:
    passworded: Json = {"password": "s3cret"}
    cases: list[tuple[str, Json, list[str]]] = [
        ("PING has no name", {"settings": {"rename-command": 'PING ""'}}, ["settings: ", "unknown command"]),
        ("the user default is off", {**passworded, "settings": {"user": "default off"}}, ["default"]),
        (
            "the user default asks for no password",
            {**passworded, "settings": {"user": "default on nopass ~* &* +@all"}},
            ["password"],
        ),
        (
            "the user default may not PING",
            {**passworded, "settings": {"user": "default on >s3cret ~* +@all -ping"}},
            ["default"],
        ),
        (
            "another password of the user",
            {**passworded, "settings": {"user": "default on >other +@all"}},
            ["default"],
        ),
        ("no client", {"image": odd_images["no-client"]}, ["cli_command: ", "redis-cli"]),
        ("a client by another name", {"cli_command": "valkey-cli"}, ["cli_command: ", "valkey-cli"]),
        ("a server by another name", {"server_command": "valkey-server"}, ["valkey-server"]),
        (
            "another's /data",
            {"image": odd_images["others-data"], "appendonly": False},
            ["user: ", "1001:1001"],
        ),
        ("another user", {"user": "1234:1234", "appendonly": False}, ["user: 1234:1234", "999:999"]),
        ("a module that is not there", {"settings": {"loadmodule": "/none.so"}}, ["/none.so"]),
        (
            "a certificate that is not there",
            {"settings": {"tls-port": 6380, "tls-cert-file": "/none"}},
            ["configure TLS"],
        ),
        ("a name that is a path", {"settings": {"dbfilename": "a/b.rdb"}}, ["dbfilename"]),
        (
            "no command that the health check sends",
            {**passworded, "settings": {"rename-command": "PING hidden"}},
            ["PONG"],
        ),
        ("a limit that the kernel does not take", {"ulimits": {"nofile": 2**40}}, ["rlimit"]),
        ("a sysctl that the kernel has not", {"sysctls": {"net.core.nonsense": "1"}}, ["nonsense"]),
    ]
    for said, host, words in cases:
        told = trial.refused(**host)
        assert [word for word in ("instance cache: ", *words) if word not in told] == [], f"{said}: {told}"
        assert "s3cret" not in told, said


def test_o25_an_image_without_a_place_for_data_gets_one_from_the_volume(
    host: Host, trial: Trial, odd_images: dict[str, str]
) -> None:
    found = trial.taken(image=odd_images["no-data"], password="s3cret")
    deploy(host, found)
    wait_until(lambda: answers(host), "it answers")
    host.docker("rm", "-f", "cache")
    host.docker("volume", "rm", "cache-data")
    host.docker("volume", "create", "cache-data")  # of somebody else: root's
    for own, words in (({}, "0:0"), ({"appendonly": False}, "user: 999:999")):
        assert words in trial.refused(image=odd_images["no-data"], **own)
    trial.taken(image=odd_images["no-data"], appendonly=False, save=[])


def test_o25_a_volume_that_is_the_user_s_already_is_seen_as_such_and_its_data_is_not_touched(
    host: Host, trial: Trial, odd_images: dict[str, str]
) -> None:
    host.docker("volume", "create", "cache-data")
    data = host.docker("volume", "inspect", "-f", "{{.Mountpoint}}", "cache-data")
    host.sh(f"chown 999:999 {data}")
    trial.taken(image=odd_images["no-data"])
    host.sh(f"install -d -o 999 -g 999 {data}/appendonlydir; echo precious >{data}/appendonlydir/notes")
    before = host.sh(f"find {data} -printf '%p %T@ %U %m\\n'; cat {data}/appendonlydir/notes")
    trial.taken(image=odd_images["no-data"], maxmemory="64mb")
    assert host.sh(f"find {data} -printf '%p %T@ %U %m\\n'; cat {data}/appendonlydir/notes") == before


def test_o25_a_container_that_is_to_be_another_is_tried_though_its_configuration_is_the_same(
    trial: Trial, odd_images: dict[str, str]
) -> None:
    trial.taken()
    for change in ({"image": odd_images["no-client"]}, {"cli_command": "none"}, {"server_command": "none"}):
        assert "instance cache: " in trial.refused(**change)
    trial.taken()
    assert trial.run(plan(), check=True)["changed"] is False


# --- O26 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["create", "start"])
def test_o26_a_run_that_is_killed_leaves_nothing_that_the_next_does_not_remove(
    host: Host, trial: Trial, step: str
) -> None:
    before = trial.state()
    for finish in (plan(), {"files": plan()["teardown"]["files"]}):
        kill_at(host, step, plan(maxmemory="64mb"))
        (left,) = host.docker("ps", "-a", "--filter", "label=netmode.docker.trial", "--format", "{{.Names}}").split()
        assert left == "netmode-trial-cache"
        assert trial.run(finish, check=True)["changed"] is True, "check mode tells of it"
        result = trial.run(finish)
        assert not result.get("failed"), result
        assert host.docker("ps", "-aq") == ""
        assert host.docker("volume", "ls", "-q") == ""
        assert trial.run(finish, check=True)["changed"] is False
    assert trial.state() == before


def paused(host: Host) -> None:
    host.docker("pause", "netmode-trial-cache")


def restarted(host: Host) -> None:
    host.kill_engine("TERM")
    host.start_engine()


def killed_again(host: Host) -> None:
    kill_at(host, "create", plan(maxmemory="65mb"))


@pytest.mark.parametrize(
    ("meanwhile", "finish"),
    [
        pytest.param(paused, {}, marks=pytest.mark.thorough),
        (restarted, {}),
        pytest.param(killed_again, {}, marks=pytest.mark.thorough),
        (paused, {"instances": [{"name": "another"}]}),
        pytest.param(killed_again, {"instances": [{"name": "cache", "state": "stopped"}]}, marks=pytest.mark.thorough),
    ],
)
def test_o26_whatever_came_between_a_killed_run_and_the_next(
    host: Host, trial: Trial, meanwhile: Callable[[Host], None], finish: Json
) -> None:
    """Also where the instance has another name by then, or is not to run."""
    kill_at(host, "start", plan(maxmemory="64mb"))
    meanwhile(host)
    trial.taken(**finish)
    assert host.docker("ps", "-aq") == ""
    assert host.docker("volume", "ls", "-q") == ""


@pytest.mark.parametrize("appendonly", [True, pytest.param(False, marks=pytest.mark.thorough)])
def test_o26_a_copy_of_the_data_on_which_another_image_was_tried_when_the_run_was_killed_is_removed(
    host: Host, trial: Trial, appendonly: bool
) -> None:
    deploy(host, trial.taken(password="s3cret", appendonly=appendonly))
    wait_until(lambda: answers(host), "it answers")
    other = plan(password="s3cret", appendonly=appendonly, image=SHAPES["redis-8"].image)
    kill_at(host, "start", other, 2, replaced=["cache"])
    copy = host.docker("volume", "inspect", "-f", "{{.Mountpoint}}", "netmode-trial-cache")
    assert host.sh(f"find {copy} -type f -name '{'*.base.rdb' if appendonly else 'dump.rdb'}'")
    result = trial.run(other)
    assert not result.get("failed"), result
    assert host.docker("ps", "-a", "--format", "{{.Names}}") == "cache"
    assert "trial" not in host.docker("volume", "ls", "-q")


@pytest.mark.parametrize("kind", ["container", "volume"])
def test_o26_what_others_have_called_like_a_trial_is_refused_and_stays(host: Host, trial: Trial, kind: str) -> None:
    made = {"container": ("--name", "netmode-trial-cache", BARE), "volume": ("netmode-trial-cache",)}
    host.docker(kind, "create", *made[kind])
    at = host.docker("volume", "inspect", "-f", "{{.Mountpoint}}", "netmode-trial-cache") if kind == "volume" else "/"
    before = host.sh(f"stat -c '%u %g %a' {at}")
    assert "netmode-trial-cache" in trial.refused()
    assert host.sh(f"stat -c '%u %g %a' {at}") == before


def kill_at(host: Host, step: str, found: Json, time: int = 1, **options: Any) -> None:
    """Run the module and kill it once the engine tells that it took this step with its trial for so many times."""
    since = host.sh("date +%s.%N")  # what happened before the watch was there is told as well
    only = ("--filter", "type=container", "--filter", "container=netmode-trial-cache")
    watch = ["docker", "events", "--since", since, *only, "--format", "{{.Action}}"]
    environment = {**os.environ, "PYTHONPATH": f"{COLLECTIONS}:{MODULE_UTILS}"}
    module = "ansible_collections.netmode.docker.plugins.modules.redis_config"
    arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {"instances": found["files"], **options}})
    with subprocess.Popen(watch, stdout=subprocess.PIPE, text=True) as events:
        assert events.stdout
        with subprocess.Popen(
            ["/usr/bin/python3", "-m", module],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment, text=True,
        ) as run:  # fmt: skip
            assert run.stdin
            run.stdin.write(arguments)
            run.stdin.close()
            while time:
                assert run.poll() is None, "it ended before this step"
                time -= events.stdout.readline().startswith(step)
            run.send_signal(signal.SIGKILL)
        events.kill()
