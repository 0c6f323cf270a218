# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentinels over the lab's three hosts and engines: formed, found as they are, and what they do stays done."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hosts import HOSTS, STATE, address_of, changed, done, on, run_play
from lab import wait_until
from writer import PROGRAM

PASSWORD = "lab-password"
KEY = "written"
DATA, WATCH = "sdata", "swatch"
PORTS = {DATA: 6395, WATCH: 26395}
FIRST = HOSTS[0]
SOCKET = f"/var/lib/netmode/redis/{WATCH}/redis.sock"
SERVER = f"/var/lib/netmode/redis/{DATA}/redis.sock"
DOWN_AFTER = 2.0


STATE_OF_WATCH = "{{ 'absent' if inventory_hostname == gone else 'started' }}"


def variables(mode: str, **more: Any) -> dict[str, Any]:
    host = {"network_mode": "host", "bind": ["*"]}
    modes = {
        name: host if mode == "host" else {"network_mode": "bridge", "ports": [f"{port}:{port}"]}
        for name, port in PORTS.items()
    }
    of = "{{ omit_replica_of[inventory_hostname] | default('') }}"
    return {
        "redis_instances": [
            {
                "name": DATA,
                "port": PORTS[DATA],
                "appendfsync": "always",
                "sentinel_set": "cache",
                "replica_of": of,
                **modes[DATA],
            },
            {
                "name": WATCH,
                "port": PORTS[WATCH],
                "sentinel_of": ["cache"],
                "state": STATE_OF_WATCH,
                "sentinel_down_after": 2000,
                **modes[WATCH],
            },
        ],
        "gone": "",
        "omit_replica_of": dict.fromkeys(HOSTS[1:], f"{FIRST}/{DATA}"),
        "redis_companions": [],
        "redis_password": PASSWORD,
        "redis_allowed_sources": [],
        "redis_tls": "off",
        "redis_tls_port": 0,
        "redis_tls_ca_dir": str(STATE / "redis-tls"),
        "target": "all",
        **more,
    }


def redis(host: str, name: str, *words: str, password: str = PASSWORD) -> str:
    command = ("redis-cli", "-s", f"/var/lib/netmode/redis/{name}/redis.sock", *words)
    return on(host).run(*command, env={"REDISCLI_AUTH": password}).stdout.strip()


def master_by(host: str) -> str:
    """The host whose server the Sentinel of another one names; '' where it does not answer."""
    said = on(host).sh(
        f"REDISCLI_AUTH={PASSWORD} redis-cli -s {SOCKET} sentinel get-master-addr-by-name cache", check=False
    )
    return next((name for name in HOSTS if said.split()[:1] == [address_of(name)]), "")


def role_of(host: str) -> list[str]:
    return redis(host, DATA, "role").splitlines()


def follows(host: str, master: str) -> bool:
    return role_of(host)[:4] == ["slave", address_of(master), str(PORTS[DATA]), "connected"]


@pytest.fixture
def removed(fleet: object) -> Iterator[None]:
    yield
    names = (DATA, WATCH)
    tasks: list[dict[str, Any]] = [
        {"netmode.docker.containers": {"containers": [{"name": name, "state": "absent"} for name in names]}},
        {"netmode.docker.volumes": {"volumes": [{"name": f"{name}-data", "state": "absent"} for name in names]}},
    ]
    done(run_play([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    for host in HOSTS:
        on(host).sh("rm -rf " + " ".join(f"/etc/netmode/redis/{name} /var/lib/netmode/redis/{name}" for name in names))


Fault = tuple[str, str]
"""What is done to the host of the master, and what takes that back."""
CUT = (
    "iptables -{0} INPUT ! -i lo -s 172.30.0.0/24 -j DROP; iptables -{0} OUTPUT ! -o lo -d 172.30.0.0/24 -j DROP; "
    "iptables -{0} FORWARD -j DROP"
)
FAULTS: dict[str, Fault] = {
    "SIGKILL": (f"docker kill {DATA}", f"docker start {DATA}"),
    "SIGSTOP": (f"docker kill -s STOP {DATA}", f"docker kill -s CONT {DATA}"),
    "its engine ends": ("systemctl stop docker.socket docker", "systemctl start docker.socket docker"),
    "cut off the network": (CUT.format("I"), CUT.format("D")),
}


WATCHED = (
    f"export REDISCLI_AUTH={PASSWORD}; echo watching; leads=0; while redis-cli -s {SOCKET} "
    "sentinel get-master-addr-by-name cache | grep -qx {0}; do "
    f"[ $leads != 0 ] || ! redis-cli -s {SERVER} role | head -1 | grep -qx master || leads=$(date +%s.%N); sleep 0.05; "
    "done; echo $leads $(date +%s.%N)"
)
"""Says when the server of a host is the master, 0 for never, and when its Sentinel names another than this."""


def watched(host: str, old: str) -> subprocess.Popen[str]:
    command = [*on(host).prefix, "bash", "-c", WATCHED.format(address_of(old))]
    client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert client.stdout
    client.stdout.readline()
    return client


def fail_over(fault: str, down_after: float) -> str:
    """Whose server is the master then, for the Sentinels that are left; the old one follows it once it is back."""
    old = master_by(HOSTS[2]) or pytest.fail("no master to begin with")
    done_to, back = FAULTS[fault]
    left = [host for host in HOSTS if host != old]
    clients = [watched(host, old) for host in left]
    begun = time.time()
    try:
        on(old).sh(done_to)
        times = [list(map(float, client.communicate(timeout=60)[0].split())) for client in clients]
    finally:
        for client in clients:
            client.kill()
        on(old).sh(back)
    leads, named = (max(one[at] for one in times) - begun for at in (0, 1))
    print(
        f"\n{fault}: another is the master after {min(leads, named):.1f} s, all Sentinels name it after {named:.1f} s, "
        f"{down_after:.0f} s of which are until it is found down"
    )
    assert min(leads, named) < down_after + 3
    new = master_by(left[0])
    wait_until(lambda: role_of(new)[0] == "master", "it is one")
    wait_until(lambda: all(follows(host, new) for host in HOSTS if host != new), "all others follow it", 60)
    return new


def found_so(mode: str, master: str, **more: Any) -> None:
    """R5: the playbook finds everything right."""
    play = done(run_play("sentinel.yml", **variables(mode, **more)))
    assert changed(play) == [], [task["result"] for task in play.tasks if task["result"].get("changed")]
    assert f"{master}/{DATA} at {address_of(master)}:{PORTS[DATA]} is the master" in " ".join(play.stdout.split())
    assert all(follows(host, master) for host in HOSTS if host != master)


@pytest.mark.parametrize("mode", ["host", pytest.param("bridge", marks=pytest.mark.thorough)])
def test_three_sentinels_over_three_hosts_watch_and_a_failover_stays(mode: str, removed: None) -> None:
    play = done(run_play("sentinel.yml", **variables(mode)))
    assert "2 follow it, and all 3 Sentinels say so" in " ".join(play.stdout.split())
    assert {master_by(host) for host in HOSTS} == {FIRST}
    found_so(mode, FIRST)
    new = fail_over("SIGKILL", DOWN_AFTER)
    found_so(mode, new)


@pytest.mark.thorough
@pytest.mark.parametrize("mode", ["host", "bridge"])
def test_whatever_becomes_of_the_master_another_takes_over_and_a_run_afterwards_changes_nothing(
    mode: str, removed: None
) -> None:
    done(run_play("sentinel.yml", **variables(mode)))
    for fault in FAULTS:
        found_so(mode, fail_over(fault, DOWN_AFTER))


def list_of(host: str) -> list[str]:
    return redis(host, DATA, "lrange", KEY, "0", "-1").split("\n")


@pytest.mark.thorough
def test_host_after_host_a_replica_takes_over_before_a_master_is_replaced_and_no_write_is_lost(
    removed: None, capsys: pytest.CaptureFixture[str]
) -> None:
    done(run_play("sentinel.yml", **variables("host")))
    places = ",".join(f"{address_of(host)}:{PORTS[DATA]}" for host in HOSTS)
    command = [*on(FIRST).prefix, "/usr/bin/python3", "-B", PROGRAM, places, KEY, PASSWORD]
    new = variables("host", redis_labels={"own.example/turn": "2"})
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        wait_until(lambda: int(redis(HOSTS[1], DATA, "llen", KEY)) > 50, "writes are acknowledged and replicated")
        done(run_play("upgrade.yml", **new))
        master = master_by(HOSTS[1])
        now = int(redis(master, DATA, "llen", KEY))
        wait_until(lambda: int(redis(master, DATA, "llen", KEY)) > now + 50, "it is written to")
        told = json.loads(client.communicate(timeout=30)[0])
    assert master != FIRST
    kept = list_of(master)
    assert kept == [str(number + 1) for number in range(len(kept))]  # each once, in order
    assert len(kept) >= told["acknowledged"] > 100
    with capsys.disabled():
        print(
            f"\nreplaced: {told['acknowledged']} acknowledged, none lost, longest gap {told['gaps'][0]:.2f} s", end=""
        )
    assert changed(done(run_play("sentinel.yml", **new))) == []
    assert role_of(master)[0] == "master"


@pytest.mark.thorough
def test_nothing_watches_where_no_master_can_be_proven_and_a_sentinel_that_is_gone_is_forgotten(removed: None) -> None:
    refused = run_play("sentinel.yml", **variables("host", omit_replica_of={}))
    assert "who is its master cannot be proven" in " ".join(refused.stdout.split())
    assert [redis(host, WATCH, "sentinel", "masters") for host in HOSTS] == ["", "", ""]

    done(run_play("sentinel.yml", **variables("host")))
    found_so("host", FIRST)
    done(run_play("sentinel.yml", **variables("host", gone=HOSTS[2])))
    left = HOSTS[:2]
    for host in left:
        known = redis(host, WATCH, "sentinel", "sentinels", "cache")
        assert address_of(HOSTS[2]) not in known
        assert address_of(next(other for other in left if other != host)) in known
    play = done(run_play("sentinel.yml", **variables("host", gone=HOSTS[2])))
    assert changed(play) == []
    assert "Have 3 or more" in " ".join(play.stdout.split())


@pytest.mark.thorough
def test_a_master_that_is_back_at_another_address_is_a_replica_there_and_the_old_one_is_forgotten(
    removed: None,
) -> None:
    done(run_play("sentinel.yml", **variables("host")))
    assert redis(FIRST, DATA, "set", "key", "value") == "OK"
    old, other = address_of(FIRST), "172.30.0.111"
    gone = f"! -i lo -s 172.30.0.0/24 ! -d {other} -p tcp -m multiport --dports 6395,26395 -j DROP"
    answers = f"! -i lo -s 172.30.0.0/24 -p tcp -m multiport --sports 6395,26395 ! -d {other} -j DROP"
    rules = [f"INPUT {gone}", f"INPUT {answers}"]
    on(FIRST).sh("; ".join(f"iptables -I {rule}" for rule in rules))
    try:
        wait_until(lambda: master_by(HOSTS[1]) not in ("", FIRST), "another is the master", 30)
        new = master_by(HOSTS[1])
        on(FIRST).sh(f"ip addr add {other}/24 dev eth0; ip route replace 172.30.0.0/24 dev eth0 src {other}")
        address = f"{{{{ '{other}' if inventory_hostname == '{FIRST}' else ansible_host }}}}"
        moved = variables("host", redis_address=address, redis_replica_overwrite=True)
        done(run_play("sentinel.yml", **moved))
        assert follows(FIRST, new)
        for host in HOSTS:
            known = on(host).sh(f"cat /etc/netmode/redis/{WATCH}/redis.conf")
            assert f"known-replica cache {other} {PORTS[DATA]}" in known
            assert f"cache {old} " not in known, known
        assert changed(done(run_play("sentinel.yml", **moved))) == []
    finally:
        on(FIRST).sh("; ".join(f"iptables -D {rule}" for rule in rules))
        on(FIRST).sh(f"ip route replace 172.30.0.0/24 dev eth0 src {old}; ip addr del {other}/24 dev eth0", check=False)


@pytest.mark.thorough
def test_the_password_of_a_set_and_its_sentinels_changes_and_nothing_fails_over(removed: None) -> None:
    done(run_play("sentinel.yml", **variables("host")))
    both = variables("host", redis_password="another-1", redis_password_previous=PASSWORD)
    done(run_play("sentinel.yml", **both))
    for host in HOSTS:
        named = redis(host, WATCH, "sentinel", "get-master-addr-by-name", "cache", password="another-1")
        assert named.split() == [address_of(FIRST), str(PORTS[DATA])]
        assert "+switch-master" not in on(host).sh(f"docker logs {WATCH} 2>&1")
    assert changed(done(run_play("sentinel.yml", **both))) == []


@pytest.mark.thorough
def test_sentinels_watch_over_tls_and_a_failover_stays(removed: None) -> None:
    over_tls = {"redis_tls": "own"}
    done(run_play("sentinel.yml", **variables("host", **over_tls)))
    found_so("host", FIRST, **over_tls)
    new = fail_over("SIGKILL", DOWN_AFTER)
    found_so("host", new, **over_tls)
    # Another certificate, which a server reads while it runs, and a Sentinel at its start.
    ids = {host: redis(host, WATCH, "sentinel", "myid") for host in HOSTS}
    names = {"redis_tls_names": ["cache.example"]}
    done(run_play("sentinel.yml", "-e", "site_serial=1", **variables("host", **over_tls, **names)))
    found_so("host", new, **over_tls, **names)
    assert ids == {host: redis(host, WATCH, "sentinel", "myid") for host in HOSTS}
