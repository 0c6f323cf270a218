# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicas across hosts, engines and network modes: followed, announced, promoted, and left alone after a failover."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import shapes
from hosts import HOSTS, STATE, address_of, done, on, run_play, settled
from lab import wait_until
from shapes import SHAPES
from writer import PROGRAM

PASSWORD = "lab-password"
KEY = "written"
ROLE: list[dict[str, Any]] = [{"hosts": "all", "gather_facts": False, "roles": ["netmode.docker.redis"]}]
OWN: dict[str, Any] = {"name": "kv", "port": 6398, "appendfsync": "always", "tls": "off", "tls_port": 0, "bind": ["*"]}
PORTS = {"bookworm": 6398, "trixie": 7398, "forky": 8398}
INSTANCES: dict[str, dict[str, Any]] = {
    "bookworm": {**OWN, "network_mode": "host"},
    "trixie": {**OWN, "network_mode": "bridge", "ports": ["7398:6398"]},
    "forky": {**OWN, "network_mode": "container", "donor": "kv-donor"},
}
DONOR = {"name": "kv-donor", "ports": ["8398:6398"], "command": ["busybox", "httpd", "-f", "-p", "81"], "init": True}


def place_of(host: str) -> str:
    return f"{address_of(host)}:{PORTS[host]}"


def variables(**more: Any) -> dict[str, Any]:
    """All of them follow bookworm's."""
    instances = {
        host: [{**one, **more, **({} if host == "bookworm" else {"replica_of": "bookworm/kv"})}]
        for host, one in INSTANCES.items()
    }
    return {
        "kv": instances,
        "redis_instances": "{{ kv[inventory_hostname] }}",
        "redis_companions": "{{ [donor] if inventory_hostname == 'forky' else [] }}",
        "donor": DONOR,
        "redis_password": PASSWORD,
        "redis_allowed_sources": [],
        "redis_tls_ca_dir": str(STATE / "redis-tls"),
    }


def redis(host: str, *words: str) -> str:
    command = ("redis-cli", "-s", "/var/lib/netmode/redis/kv/redis.sock", *words)
    return on(host).run(*command, env={"REDISCLI_AUTH": PASSWORD}).stdout.strip()


def info(host: str) -> dict[str, str]:
    lines = redis(host, "info", "replication").splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def master_of(host: str) -> str:
    """Whom it follows; '' for nobody."""
    told = info(host)
    return f"{told['master_host']}:{told['master_port']}" if told["role"] == "slave" else ""


def roles() -> dict[str, str]:
    return {host: master_of(host) for host in HOSTS}


def replicas_of(host: str) -> set[str]:
    lines = [value for key, value in info(host).items() if key[:5] == "slave" and key[5:].isdigit()]
    pairs = [dict(pair.split("=") for pair in line.split(",")) for line in lines]
    return {f"{one['ip']}:{one['port']}" for one in pairs if one["state"] == "online"}


def started() -> list[str]:
    return [on(host).docker("inspect", "-f", "{{.Id}} {{.State.StartedAt}}", "kv") for host in HOSTS]


@pytest.fixture
def replicated(fleet: object) -> Iterator[None]:
    done(run_play(ROLE, **variables()))
    yield
    tasks: list[dict[str, Any]] = [
        {
            "netmode.docker.containers": {
                "containers": [{"name": name, "state": "absent"} for name in ("kv", "kv-donor")]
            }
        },
        {"netmode.docker.volumes": {"volumes": [{"name": "kv-data", "state": "absent"}]}},
    ]
    done(run_play([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    for host in HOSTS:
        on(host).sh("rm -rf /etc/netmode/redis/kv /var/lib/netmode/redis/kv")


def writer() -> subprocess.Popen[str]:
    places = ",".join(map(place_of, HOSTS))
    command = [*on("bookworm").prefix, "/usr/bin/python3", "-B", PROGRAM, places, KEY, PASSWORD]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def promote(host: str, *options: str, rc: int = 0, **more: Any) -> str:
    played = run_play("promote.yml", *options, redis_promote=f"{host}/kv", target="all", **variables(**more))
    assert played.rc == rc, played.stdout + played.stderr
    return " ".join(played.stdout.split())  # which Ansible has folded


@pytest.mark.thorough
def test_a_replica_is_promoted_under_a_writer_and_what_a_hand_promoted_is_left_alone(
    replicated: None, capsys: pytest.CaptureFixture[str]
) -> None:
    master = place_of("bookworm")
    assert roles() == {"bookworm": "", "trixie": master, "forky": master}
    wait_until(lambda: replicas_of("bookworm") == {place_of("trixie"), place_of("forky")}, "both are in sync")  # R9
    settled(run_play(ROLE, **variables()))
    before = started()

    with writer() as client:
        wait_until(lambda: int(redis("trixie", "llen", KEY)) > 50, "writes are acknowledged and replicated")
        said = promote("trixie")
        assert f"bookworm/kv hands over to trixie/kv at {place_of('trixie')}, and forky/kv follow it." in said
        now = int(redis("trixie", "llen", KEY))
        wait_until(lambda: int(redis("trixie", "llen", KEY)) > now + 50, "the new master is written to")
        told = json.loads(client.communicate(timeout=30)[0])
    assert roles() == {"bookworm": place_of("trixie"), "trixie": "", "forky": place_of("trixie")}
    kept = redis("trixie", "lrange", KEY, "0", "-1").split("\n")
    assert kept == [str(number + 1) for number in range(len(kept))]  # each once, in order
    assert len(kept) >= told["acknowledged"] > 100
    assert told["gaps"][0] < 1, told["gaps"]
    wait_until(lambda: replicas_of("trixie") == {place_of("bookworm"), place_of("forky")}, "both follow the new one")

    settled(run_play(ROLE, **variables()))
    assert "it follows" in done(run_play("verify.yml", target="all", **variables())).stdout
    assert started() == before
    for host in HOSTS:
        on(host).docker("restart", "kv")
    wait_until(lambda: replicas_of("trixie") == {place_of("bookworm"), place_of("forky")}, "a restart leaves the roles")
    settled(run_play(ROLE, **variables()))

    for host in ("trixie", "bookworm"):  # a failover by somebody else
        redis(host, "config", "set", "masterauth", PASSWORD)
    redis("forky", "replicaof", "no", "one")
    for host in ("trixie", "bookworm"):
        redis(host, "replicaof", *place_of("forky").split(":"))
    by_hand = {"bookworm": place_of("forky"), "trixie": place_of("forky"), "forky": ""}
    done(run_play(ROLE, **variables()))
    assert roles() == by_hand  # R5
    settled(run_play(ROLE, **variables()))
    assert roles() == by_hand
    with capsys.disabled():
        print(
            f"\npromoted: {told['acknowledged']} acknowledged, none lost, longest gap {told['gaps'][0]:.2f} s", end=""
        )


@pytest.mark.thorough
def test_what_cannot_be_promoted_is_refused_and_the_roles_are_as_they_were(replicated: None) -> None:
    before = roles()
    assert "bookworm/kv is the master already." in promote("bookworm")
    assert "it is not among the hosts of this play" in promote("nobody", rc=2)
    assert "Run it on all hosts of the set" in promote("trixie", "--limit", "trixie,forky", rc=2)
    assert "hands over to trixie/kv" in promote("trixie", "--check")
    on("trixie").docker("pause", "kv")
    try:
        assert "trixie has no instance 'kv' that runs." in promote("trixie", rc=2)
    finally:
        on("trixie").docker("unpause", "kv")
    assert roles() == before


@pytest.mark.thorough
def test_replicas_follow_and_are_promoted_over_tls(replicated: None) -> None:
    done(run_play(ROLE, **variables(tls="own")))
    wait_until(lambda: replicas_of("bookworm") == {place_of("trixie"), place_of("forky")}, "both follow over TLS")
    assert redis("trixie", "config", "get", "tls-replication").split()[-1] == "yes"
    settled(run_play(ROLE, **variables(tls="own")))
    assert "hands over to forky/kv" in promote("forky", tls="own")
    wait_until(lambda: replicas_of("forky") == {place_of("trixie"), place_of("bookworm")}, "both follow the new one")
    settled(run_play(ROLE, **variables(tls="own")))


def version(host: str) -> str:
    (line,) = (line for line in redis(host, "info", "server").splitlines() if line.startswith("redis_version:"))
    return line.partition(":")[2].partition(".")[0]


@pytest.mark.thorough
def test_an_upgrade_takes_replicas_before_their_master_and_every_write_is_with_all_three(replicated: None) -> None:
    for host in HOSTS:
        shapes.make(on(host), [SHAPES["redis-8"]])
    both = {place_of("trixie"), place_of("forky")}
    wait_until(lambda: replicas_of("bookworm") == both, "both are in sync")
    written = [str(number) for number in range(500)]
    assert redis("bookworm", "rpush", KEY, *written) == "500"

    new = variables(image="netmode-test/redis-8", image_source="pull")
    said = done(run_play("upgrade.yml", target="all", **new)).stdout
    shown = said.index("Upgrade, replicas first")
    at = [said.index(f"{host}: kv (") for host in ("trixie", "forky", "bookworm")]
    assert max(at[:2]) < at[2] < shown, said
    assert [version(host) for host in HOSTS] == ["8", "8", "8"]
    assert roles() == {"bookworm": "", "trixie": place_of("bookworm"), "forky": place_of("bookworm")}
    wait_until(lambda: replicas_of("bookworm") == both, "both follow the upgraded master")
    for host in HOSTS:
        assert redis(host, "lrange", KEY, "0", "-1").split("\n") == written
    settled(run_play(ROLE, **new))
