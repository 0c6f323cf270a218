# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches, limits, and hosts that fail: the others finish, the failure is one clear message, a rerun converges."""

from __future__ import annotations

from typing import Any

import pytest
from hosts import HOSTS, Play, address_of, beneath, changed, done, on, run_play, settled, without_ssh
from lab import wait_until

pytestmark = pytest.mark.usefixtures("fleet")


def memory(megabytes: int) -> dict[str, Any]:
    """A change for every instance of the fleet, so that a run has something to do everywhere; each test has its own."""
    return {"redis_maxmemory": f"{megabytes}mb"}


def memories() -> list[int]:
    """What the hosts have, in megabytes; 0 where nothing has been said yet."""
    names = {"bookworm": "cache", "trixie": "side", "forky": "redis"}
    configured = "grep -hoP '^maxmemory \\K[0-9]+' /etc/netmode/redis/{}/redis.conf"
    return [int(on(host).sh(configured.format(names[host]), check=False) or 0) for host in HOSTS]


def failures(play: Play, *hosts: str) -> list[str]:
    """The message of each of these hosts. The others had no failure and were brought to the end of the proof."""
    assert "Traceback" not in play.stdout + play.stderr
    assert {task["host"] for task in play.failed} == set(hosts), play.stdout
    end = "Ask every Redis of the fleet" if len(hosts) < 2 else "Ask every Redis at every address"
    assert {task["host"] for task in play.tasks if end in task["task"]} == set(HOSTS) - set(hosts)
    told = {task["host"]: " ".join(str(task["result"]["msg"]).split()) for task in play.failed}
    return [told[host] for host in hosts]


def converges(megabytes: int) -> None:
    behind = {host for host, has in zip(HOSTS, memories()) if has != megabytes}
    play = done(run_play("site.yml", **memory(megabytes)))
    assert {host for host, _ in changed(play)} == behind
    assert memories() == [megabytes] * len(HOSTS)


def test_serial_finishes_a_batch_before_the_next_begins() -> None:
    play = done(run_play("site.yml", site_serial=1, **memory(96)))
    own = [task for task in play.tasks if task["task"].endswith(("and refuse what cannot be", "to what it says"))]
    order = list(dict.fromkeys(task["host"] for task in own))
    assert sorted(order) == sorted(HOSTS)
    batches = [
        host for index, host in enumerate(t["host"] for t in own) if index == 0 or own[index - 1]["host"] != host
    ]
    assert batches == order  # no host comes back once the next has begun
    assert memories() == [96, 96, 96]


def test_a_limit_leaves_the_others_alone() -> None:
    bookworm, trixie, _ = memories()
    before = {host: on(host).docker("ps", "-q", "--no-trunc") for host in HOSTS}
    play = done(run_play("site.yml", limit="forky", **memory(64)))
    assert set(play.stats) == {"forky"}
    after = {host: on(host).docker("ps", "-q", "--no-trunc") for host in HOSTS}
    assert after == before, "a setting recreates nothing"
    assert memories() == [bookworm, trixie, 64]


def test_a_host_that_cannot_be_reached_and_one_that_cannot_pull_stop_nobody_else() -> None:
    bookworm, trixie, _ = memories()
    running = on("trixie").docker("ps", "-q", "--no-trunc")
    on("trixie").sh("ip route add unreachable 172.31.0.5")
    try:
        with without_ssh("bookworm"):
            play = run_play("site.yml", redis_image_pull_policy="always", **memory(80))
    finally:
        on("trixie").sh("ip route delete unreachable 172.31.0.5")
    unreachable, no_pull = failures(play, "bookworm", "trixie")
    assert "ssh" in unreachable
    assert "172.31.0.5:5000" in no_pull
    assert on("trixie").docker("ps", "-q", "--no-trunc") == running
    assert memories() == [bookworm, trixie, 80]


def test_a_rerun_converges_after_these_failures() -> None:
    converges(80)


@pytest.mark.thorough
def test_an_engine_that_cannot_run_and_a_disk_that_is_full_stop_nobody_else() -> None:
    had, bookworm, trixie, full = memories(), on("bookworm"), on("trixie"), "/etc/netmode"
    running = trixie.docker("ps", "-q", "--no-trunc")
    bookworm.sh("systemctl stop docker.socket docker.service && cp /etc/docker/daemon.json /root/daemon.json")
    broken = '{"insecure-registries": ["172.31.0.5:5000"], "data-root": "/proc/nowhere"}\n'
    bookworm.write("/etc/docker/daemon.json", broken)
    trixie.sh(f"cp -a {full} /root/kept && mount -t tmpfs -o size=96k tmpfs {full} && cp -a /root/kept/. {full}/")
    trixie.sh(f"dd if=/dev/zero of={full}/filler bs=4k status=none", check=False)
    try:
        play = run_play("site.yml", **memory(72))
    finally:
        bookworm.sh("mv /root/daemon.json /etc/docker/daemon.json; systemctl reset-failed docker.service")
        trixie.sh(f"umount {full} && rm -rf /root/kept")
    no_engine, no_space = failures(play, "bookworm", "trixie")
    assert no_engine.startswith("Docker Engine did not come up as desired")
    assert "/proc/nowhere" in no_engine
    assert "/etc/netmode/redis/side/redis.conf: No space left on device. Free some space" in no_space
    assert trixie.docker("ps", "-q", "--no-trunc") == running
    assert memories() == [*had[:2], 72]
    converges(72)


@pytest.mark.thorough
def test_max_fail_percentage_ends_the_roll() -> None:
    before, bad = memories(), {"redis_maxmemory": "{{ 'much' if inventory_hostname == 'bookworm' else '112mb' }}"}
    play = run_play("site.yml", site_serial=2, site_max_fail_percentage=49, **bad)
    assert {task["host"] for task in play.failed} == {"bookworm"}, play.stdout
    assert memories() == before
    play = run_play("site.yml", site_serial=2, site_max_fail_percentage=50, **bad)
    assert {task["host"] for task in play.failed} == {"bookworm"}, play.stdout
    assert memories() == [before[0], 112, 112]


def test_a_tag_that_the_registry_does_not_have_is_told_before_anything_is_changed() -> None:
    before = {host: on(host).state() for host in HOSTS[:2]}
    play = run_play("site.yml", limit="bookworm,trixie", redis_image="172.31.0.5:5000/redis:gone", **memory(64))
    assert {task["host"] for task in play.failed} == {"bookworm", "trixie"}
    for task in play.failed:
        assert "172.31.0.5:5000/redis:gone" in str(task["result"]["msg"])
    assert {host: on(host).state() for host in HOSTS[:2]} == before


@pytest.mark.thorough
def test_a_host_without_an_init_system_is_back_after_it_was_switched_off() -> None:
    """The run starts its engine; its containers come back with their data."""
    redis = "REDISCLI_AUTH=lab-password redis-cli -s /var/lib/netmode/redis/redis/redis.sock"
    on("forky").sh(f"{redis} set kept yes")
    beneath("docker", "restart", "-t", "0", "forky")
    ssh = f"exec 3<>/dev/tcp/{address_of('forky')}/22 && head -c3 <&3"
    wait_until(lambda: on("forky").sh(ssh, check=False) == "SSH", "forky takes ssh")
    done(run_play("site.yml", **memory(96)))
    assert on("forky").sh(f"{redis} get kept") == "yes"
    settled(run_play("site.yml", **memory(96)))
