# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts from nothing, and an engine that moves its docker0 under running containers, with and without systemd."""

from __future__ import annotations

from typing import Any

from hosts import CONTROLLER, STATE, Play, done, on, run_play, settled
from lab import CHECKOUT

ENGINE: list[dict[str, Any]] = [{"hosts": "all", "gather_facts": False, "roles": ["netmode.docker.docker_engine"]}]


def on_bare(*options: str, **variables: Any) -> Play:
    return CONTROLLER.play(ENGINE, STATE / "bare.yml", options, **variables)


def docker0(host: str) -> str:
    return on(host).sh("ip -4 -o addr show docker0").split()[3]


def running(host: str) -> list[str]:
    return sorted(on(host).docker("ps", "--no-trunc", "--format", "{{.ID}} {{.Names}}").split("\n"))


def test_an_inventory_that_cannot_be_right_brings_no_engine_to_a_host() -> None:
    look = "dpkg -l | grep -c ^ii; ls -A /etc/docker /var/lib/netmode"
    before = on("bare").sh(look, check=False)
    wrong = [{"name": "aa", "network_mode": "bridgee"}]
    for options in ((), ("--check",)):
        play = CONTROLLER.play(
            CHECKOUT / "playbooks/site.yml", STATE / "bare.yml", options, redis_instances=wrong, target="all"
        )
        (told,) = play.refusals().values()
        assert "instance aa: network_mode: 'bridgee' is none of bridge, container, host, none" in told
    assert on("bare").sh(look, check=False) == before


def test_a_host_without_docker_gets_one_under_systemd() -> None:
    wishes: dict[str, Any] = {"docker_engine_bip": "10.20.0.1/24", "docker_engine_log_driver": "local"}
    bare = on("bare")
    had = bare.sh("command -v dockerd", check=False)
    foretold = done(on_bare("--check", **wishes))
    assert (foretold.changed > 0) == (not had)
    done(on_bare(**wishes))
    assert docker0("bare") == "10.20.0.1/24"
    assert bare.sh("systemctl is-active docker; systemctl is-enabled docker").split() == ["active", "enabled"]
    assert bare.sh("/usr/bin/python3 -c 'import docker; print(docker.from_env().ping())'") == "True"
    settled(on_bare(**wishes))
    settled(on_bare("--check", **wishes))


def test_docker0_moves_under_running_containers_and_they_are_back(fleet: tuple[Play, Play]) -> None:
    names = ("trixie", "forky")  # with systemd and without an init system
    limit = ",".join(names)
    before = {name: running(name) for name in names}
    play = done(run_play("site.yml", limit=limit, docker_engine_bip="10.30.0.1/24"))
    assert [docker0(name) for name in names] == ["10.30.0.1/24"] * 2
    assert {name: running(name) for name in names} == before
    for name in names:
        proof = play.task("Hold the claims of the network modes against what was found", name)["msg"]
        assert "claims, all hold" in str(proof)
    done(run_play("site.yml", limit=limit, docker_engine_bip="172.17.0.1/16"))
    assert [docker0(name) for name in names] == ["172.17.0.1/16"] * 2
