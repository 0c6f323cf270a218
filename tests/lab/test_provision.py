# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts from nothing, and an engine that moves its docker0 under running containers, with and without systemd."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hosts import CONTROLLER, STATE, Play, done, on, run_play, settled
from lab import CHECKOUT, Host

ENGINE: list[dict[str, Any]] = [{"hosts": "all", "gather_facts": False, "roles": ["netmode.docker.docker_engine"]}]


def on_bare(*options: str, **variables: Any) -> Play:
    return CONTROLLER.play(ENGINE, STATE / "bare.yml", options, **variables)


@pytest.fixture
def provisioned() -> Host:
    """The host without Docker, once it has one: of the test that shows how, or of this."""
    bare = on("bare")
    if not bare.sh("command -v dockerd", check=False):
        done(on_bare(docker_engine_log_driver="local"))
    return bare


def docker0(host: str) -> str:
    return on(host).sh("ip -4 -o addr show docker0").split()[3]


def running(host: str) -> list[str]:
    return sorted(on(host).docker("ps", "--no-trunc", "--format", "{{.ID}} {{.Names}}").split("\n"))


def test_an_inventory_that_cannot_be_right_brings_no_engine_to_a_host() -> None:
    look = "dpkg -l | grep -c ^ii; ls -A /etc/docker /var/lib/netmode"
    before = on("bare").sh(look, check=False)
    if not on("bare").sh("command -v dockerd", check=False):
        assert "started with -H fd://" in refused(on_bare(**HOSTS_TOO))
        assert on("bare").sh(look, check=False) == before
    wrong = [{"name": "aa", "network_mode": "bridgee"}]
    for options in ((), ("--check",)):
        play = CONTROLLER.play(
            CHECKOUT / "playbooks/site.yml", STATE / "bare.yml", options, redis_instances=wrong, target="all"
        )
        (told,) = play.refusals().values()
        assert "instance aa: network_mode: 'bridgee' must be one of bridge, container, host, none" in told
    assert on("bare").sh(look, check=False) == before


def test_a_host_without_docker_gets_one_under_systemd() -> None:
    wishes: dict[str, Any] = {"docker_engine_bip": "10.20.0.1/24", "docker_engine_log_driver": "local"}
    bare = on("bare")
    had = bare.sh("command -v dockerd", check=False)
    predicted = done(on_bare("--check", **wishes))
    assert (predicted.changed > 0) == (not had)
    done(on_bare(**wishes))
    assert docker0("bare") == "10.20.0.1/24"
    assert bare.sh("systemctl is-active docker; systemctl is-enabled docker").split() == ["active", "enabled"]
    assert bare.sh("/usr/bin/python3 -c 'import docker; print(docker.from_env().ping())'") == "True"
    settled(on_bare(**wishes))
    settled(on_bare("--check", **wishes))


HOSTS_TOO: dict[str, Any] = {
    "docker_engine_options": {"hosts": ["unix:///var/run/docker.sock", "tcp://127.0.0.1:2375"]}
}


def refused(play: Play) -> str:
    """What the role says in the end, perhaps after a task that failed and was followed by others."""
    assert play.rc == 2, play.stdout + play.stderr
    assert "Traceback" not in play.stdout + play.stderr
    return " ".join(str(play.failed[-1]["result"]["msg"]).split())


@pytest.mark.thorough
def test_o12_hosts_beside_the_socket_of_systemd_is_refused_before_the_file_is_written(provisioned: Host) -> None:
    """A running engine and a stopped one; the test above has one that is yet to be installed, and will get the flag."""
    bare = provisioned
    before = bare.sh("cat /etc/docker/daemon.json; systemctl is-active docker")
    for state in ("start", "stop"):
        bare.sh(f"systemctl {state} docker.socket docker")
        told = refused(on_bare(*(("--check",) if state == "start" else ()), **HOSTS_TOO))
        assert "docker_engine_options.hosts: the engine is started with -H fd://" in told
        assert "an empty ExecStart=" in told
    bare.sh("systemctl start docker")
    assert bare.sh("cat /etc/docker/daemon.json; systemctl is-active docker") == before
    # Told to do without the flag, as the message says, the engine takes it.
    drop_in = "/etc/systemd/system/docker.service.d/hosts.conf"
    bare.write(drop_in, "[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd\n")
    bare.sh("systemctl daemon-reload; systemctl stop docker docker.socket")
    try:
        done(on_bare(**HOSTS_TOO))
        assert "127.0.0.1:2375" in bare.sh("ss -Hlnt")
        settled(on_bare(**HOSTS_TOO))
    finally:
        bare.sh(f"rm {drop_in}; systemctl daemon-reload; systemctl stop docker docker.socket")
    done(on_bare(docker_engine_options_absent=["hosts"]))
    assert "2375" not in bare.sh("ss -Hlnt")


BROKEN = '{"storage-driver": "no-such-driver"}'


@pytest.mark.thorough
def test_o24_a_start_that_failed_too_often_is_forgotten_when_the_next_is_right(provisioned: Host) -> None:
    bare = provisioned
    right = bare.sh("cat /etc/docker/daemon.json")
    # By hand: as often as it takes systemd to refuse every further start, also the right one.
    bare.write("/etc/docker/daemon.json", BROKEN)
    bare.sh("for n in 1 2 3 4 5; do systemctl restart docker; done", check=False)
    bare.write("/etc/docker/daemon.json", right)
    assert "too quickly" in bare.run("bash", "-c", "systemctl start docker || journalctl -qu docker -n 5").stdout
    done(on_bare(docker_engine_mtu=1400))
    # Started as often, and stopped: no unit has failed.
    bare.sh("systemctl reset-failed --all 'docker.s*'; systemctl stop docker docker.socket")
    bare.sh(
        "for n in 1 2; do systemctl start docker; systemctl stop docker docker.socket; done; systemctl start docker"
    )
    bare.sh("systemctl stop docker docker.socket")
    assert bare.sh("systemctl is-failed docker docker.socket", check=False).split() == ["inactive", "inactive"]
    done(on_bare())
    # By the role: it is rolled back, and the engine runs, however often systemd has tried meanwhile.
    told = refused(on_bare(docker_engine_options={"storage-driver": "no-such-driver"}))
    assert "is as before again (refused: storage-driver), and the engine runs with it." in told
    assert bare.sh("systemctl is-active docker docker.socket").split() == ["active", "active"]
    # A unit that has failed for good, and one that waits for its next try.
    bare.write("/etc/docker/daemon.json", BROKEN)
    bare.sh("systemctl restart docker", check=False)
    done(on_bare(docker_engine_options_absent=["storage-driver"]))
    settled(on_bare())


def test_docker0_moves_under_running_containers_and_they_are_back(fleet: tuple[Play, Play]) -> None:
    names = ("trixie", "forky")  # with systemd and without an init system
    limit = ",".join(names)
    before = {name: running(name) for name in names}
    play = done(run_play("site.yml", limit=limit, docker_engine_bip="10.30.0.1/24"))
    assert [docker0(name) for name in names] == ["10.30.0.1/24"] * 2
    assert {name: running(name) for name in names} == before
    proof = str(play.task("Show the proof, that every Redis has the network that was asked for")["msg"])
    assert [name for name in names if re.search(rf"\b{name}: \d+ claims, all hold", proof)] == list(names)
    done(run_play("site.yml", limit=limit, docker_engine_bip="172.17.0.1/16"))
    assert [docker0(name) for name in names] == ["172.17.0.1/16"] * 2
