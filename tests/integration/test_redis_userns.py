# SPDX-License-Identifier: GPL-3.0-or-later
"""Redis on an engine with userns-remap: files, data, sockets and the proof, whose numbers are others on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import shapes
from impostor import NOT_ITS, SECRET, SOCKETS, another, another_container, ask
from lab import IMAGE, wait_until
from redis_lab import ROLE
from remapped import remapped as engine_remapped
from shapes import SHAPES
from trial_lab import Trial, answers, deploy
from verify_lab import failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab import Host, Play

pytestmark = [pytest.mark.engines, pytest.mark.spread, pytest.mark.usefixtures("no_files_left")]
PING = ("exec", "theirs", "redis-cli", "ping")
OTHERS = ("redis-8", "valkey-9-alpine", "bitnami")


@pytest.fixture(scope="module")
def remapped(machine: Host) -> Iterator[int]:
    """What the engine adds to every number, from its start with the option on."""
    with engine_remapped(machine):
        shapes.load(machine, "redis")
        yield int(machine.sh("sed -n 's/^dockremap:\\([0-9]*\\):.*/\\1/p' /etc/subuid"))


@pytest.fixture
def trial(remapped: int, host: Host) -> Trial:
    return Trial(host)


def started(trial: Trial, **variables: Any) -> dict[str, Any]:
    found = trial.taken(password=SECRET, **variables)
    deploy(trial.host, found)
    wait_until(lambda: answers(trial.host, SECRET), "it answers")
    return found


def test_o19_with_userns_remap_redis_has_its_files_and_starts(remapped: int, trial: Trial) -> None:
    found = started(trial)
    assert trial.host.sh("stat -c %u:%g /etc/netmode/redis/cache/redis.conf") == f"{remapped + 999}:{remapped + 999}"
    assert trial.run(found, check=True)["changed"] is False


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "bitnami" else [pytest.mark.thorough]) for name in OTHERS]
)
def test_o25_with_userns_remap_other_images_start_as_they_were_tried(remapped: int, trial: Trial, name: str) -> None:
    shape = SHAPES[name]
    shapes.load(trial.host, name)
    uid, gid = (remapped + int(number) for number in shape.user.split(":"))
    trial.host.sh(f"install -d -o {uid} -g {gid} -m 0750 /srv/nmt-data")
    own = {"image": shape.image, "user": shape.user, "server_command": shape.server, "cli_command": shape.cli}
    started(trial, **own, **({"volume": "/srv/nmt-data"} if name == "bitnami" else {}))
    trial.host.sh("rm -r /srv/nmt-data")


def test_o19_with_userns_remap_a_path_is_to_be_that_users_on_the_host(remapped: int, trial: Trial) -> None:
    at, owner = "/srv/nmt-data", remapped + 999
    way = f"install -d -o {owner} -g {owner} -m 0750 {at}"
    assert way in trial.refused(volume=at)
    trial.host.sh(f"install -d -o 999 -g 999 -m 0750 {at}")
    assert f"user: {owner}:{owner} may not write {at} (of 999:999)" in trial.refused(volume=at)
    trial.host.sh(f"rmdir {at}; {way}")
    started(trial, volume=at, appendonly=False, save=["3600 1"])
    tell = f"redis-cli -s {SOCKETS}/cache/redis.sock"
    trial.host.sh(f"{tell} set key value; {tell} save", env={"REDISCLI_AUTH": SECRET})
    trial.host.docker("rm", "-f", "cache")
    trial.host.sh("rm -r /etc/netmode")  # O18: its data outlives its configuration
    assert "there is dump.rdb" in trial.refused(volume=at, password=SECRET)
    started(trial, volume=at, appendonly=False)
    assert trial.host.sh(f"{tell} get key", env={"REDISCLI_AUTH": SECRET}) == "value"
    trial.host.sh(f"rm -r {at}")


def test_o21_with_userns_remap_a_server_of_others_on_the_volume_is_refused(trial: Trial) -> None:
    trial.host.docker("volume", "create", "cache-data")
    data = trial.host.docker("volume", "inspect", "-f", "{{.Mountpoint}}", "cache-data")
    for source, user in (("cache-data", ()), (data, ()), ("cache-data", ("--userns", "host"))):
        words = ("redis-server", "--save", "", "--dir", "/data")
        trial.host.docker("run", "-d", "--name", "theirs", *user, "-v", f"{source}:/data", IMAGE, *words)
        wait_until(lambda: trial.host.docker(*PING, check=False) == "PONG", "it answers")
        assert "container theirs runs a server on cache-data" in trial.refused()
        trial.host.docker("rm", "-f", "theirs")


def test_o14_o16_with_userns_remap_a_password_goes_to_the_process_of_its_container_alone(
    remapped: int, trial: Trial
) -> None:
    instances = [
        {"name": "cache", "ports": ["127.0.0.1:7501:6379"], "socket_mode": "777"},
        {"name": "sharer", "network_mode": "container", "donor": "cache", "port": 7000},
        {"name": "alone", "network_mode": "none"},
    ]
    host, found = trial.host, started(trial, instances=instances)

    def told() -> dict[str, list[str]]:
        return failed(host.run_module("redis_verify", {"plan": found["proof"]}))

    wait_until(lambda: told() == {}, "every claim holds")
    assert ask(host, container="cache")["answer"] == "PONG"
    for user in (remapped + 999, 999):
        if user == 999:
            host.sh(f"chmod 777 {SOCKETS}/cache")
        for how in ("", "gone"):
            with another(host, user, how):
                assert ask(host, container="cache")["error"] == NOT_ITS
                assert set(told()) == {"cache"}
            # Of the proof, that is: the container's own health check pings whoever is there, without a password.
            assert host.sh("cat /tmp/heard; rm /tmp/heard").replace("*1\n$4\nping", "").strip() == ""
    with another_container(host, IMAGE):
        assert ask(host, container="cache")["error"] == NOT_ITS
        assert set(told()) == {"cache"}


def test_o16_with_userns_remap_a_group_of_the_host_reaches_the_socket_and_nobody_else(
    remapped: int, trial: Trial
) -> None:
    found = trial.taken(password=SECRET)
    given = {"instances": found["files"], "socket_group": "4711"}
    assert trial.host.run_module("redis_config", given)["changed"]
    deploy(trial.host, found)
    wait_until(lambda: answers(trial.host, SECRET), "it answers")
    ping = f"redis-cli -s {SOCKETS}/cache/redis.sock ping"
    for number, group, answer in ((5003, 4711, "NOAUTH"), (5004, 5004, ""), (remapped + 999, remapped + 999, "")):
        said = trial.host.sh(f"setpriv --reuid {number} --regid {group} --clear-groups {ping}", check=False)
        assert said.partition(" ")[0] == answer, (number, said)
    assert trial.host.run_module("redis_config", given)["changed"] is False


def test_o19_with_userns_remap_host_mode_is_refused_before_any_file(
    remapped: int, play: Callable[..., Play], host_state: Callable[[], Any]
) -> None:
    before = host_state()
    asked = {"redis_image": IMAGE, "redis_network_mode": "host", "redis_keeper": False, "redis_image_source": "pull"}
    (told,) = play(ROLE, **asked).refusals().values()
    assert "userns-remap" in told
    assert host_state() == before
