# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper as a service: installed and removed by its role, alone, killed, idle, with much to do, and what it says."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from keeper_lab import OPEN, PROGRAM, ROLE, Keeper, Tell, address, declare, eth, pongs, run, starts
from lab import IMAGE, Host, Play, wait_until
from lock_lab import LOCK, begin, held

pytestmark = [pytest.mark.engines, pytest.mark.spread]

TRACES = (
    "find / -xdev -name '*netmode-keeper*' ! -name '*.log' ! -name '*.lock' ! -path '/proc/*' 2>/dev/null | sort;"
    " ls /run/netmode/keeper.json /var/lib/netmode/donors.json /var/lib/netmode/owed.json 2>/dev/null || true"
)
"""What there is of the keeper. Its log is left to who wants to read it; a lock is an empty file of /run that others use."""


@pytest.fixture
def without(keeper_service: Keeper, host: Host) -> Iterator[Keeper]:
    """The keeper, and again as it was when the test has done something to its service."""
    yield keeper_service
    keeper_service.install()


def changes(played: Play) -> list[str]:
    assert played.rc == 0, played.stdout + played.stderr
    return [task["task"] for task in played.tasks if task["result"].get("changed")]


# --- the role -------------------------------------------------------------------------------------------------------------


def test_the_role_predicts_installs_once_and_removes_every_trace(without: Keeper, host: Host) -> None:
    would_go = changes(host.play(ROLE, options=("--check",), keeper_state="absent"))
    assert without.processes()
    gone = changes(host.play(ROLE, keeper_state="absent"))
    assert would_go
    assert set(would_go) <= set(gone)
    assert (host.sh(TRACES), without.processes()) == ("", [])
    assert changes(host.play(ROLE, keeper_state="absent")) == []
    before = host.state()
    predicted = changes(host.play(ROLE, options=("--check", "--diff")))
    assert (host.sh(TRACES), host.state()) == ("", before)
    first = changes(host.play(ROLE))
    assert predicted
    assert set(predicted) <= set(first)
    old = without.processes()
    assert old
    assert changes(host.play(ROLE)) == []
    assert changes(host.play(ROLE, options=("--check",))) == []
    host.sh(f"touch {PROGRAM}")  # as a run does that is interrupted before the restart
    assert len(changes(host.play(ROLE))) == 1
    assert not set(old) & set(without.processes())
    assert changes(host.play(ROLE)) == []


@pytest.mark.thorough
def test_a_container_that_is_to_be_ignored_is_left_alone(without: Keeper, host: Host) -> None:
    run(host, "web20", port=7000)
    run(host, "cache20", "--network", "container:web20", port=7001)
    run(host, "other20", "--network", "container:web20", port=7002)
    run(host, "left20", "--network", "none")
    run(host, "kept20", "--network", "none", port=6380)
    declare(host, eth("left20"), eth("kept20", 6))
    assert changes(host.play(ROLE, keeper_ignore=["left20", "cache20"]))
    without.begin()
    host.docker("restart", "-t", "0", "left20", "web20", "kept20")
    pongs(host, "172.17.200.6", 6380)
    pongs(host, address(host, "web20"), 7002)
    without.says("other20: restarted")
    assert [line for line in without.log() if line.startswith(("left20", "cache20"))] == []
    assert "eth0" not in host.docker("exec", "left20", "ip", "link")


# --- the process ----------------------------------------------------------------------------------------------------------


def test_killed_it_is_back_and_does_what_happened_meanwhile(keeper: Keeper, host: Host) -> None:
    run(host, "web21", port=7000)
    run(host, "cache21", "--network", "container:web21")
    run(host, "alone21", "--network", "none")
    declare(host, eth("alone21"))
    old = keeper.pid()
    host.sh(f"kill -9 {old}; docker restart -t 0 web21 alone21")
    pongs(host, "172.17.200.5")
    pongs(host, address(host, "web21"))
    assert keeper.pid() != old
    assert keeper.pid() in keeper.processes()
    keeper.is_right()


def test_o10_the_keeper_waits_for_a_run_and_a_run_for_the_keeper(keeper: Keeper, host: Host) -> None:
    """The keeper is long at it, for its sharer takes three seconds to end."""
    lock = LOCK.format("containers")
    run(host, "web18", port=7000)
    slow = "trap 'busybox sleep 3; exit 0' TERM; while :; do busybox sleep 9 & wait; done"
    run(host, "slow18", "--network", "container:web18", command=("busybox", "sh", "-c", slow))
    before = pid_of(host, "slow18")
    with held(host, "containers"):
        begun = time.time()
        host.docker("restart", "-t", "0", "web18")
        wait_until(lambda: lock in host.sh(f"ls -l /proc/{keeper.pid()}/fd", check=False), "the keeper asks for it")
        assert host.sh(f"cat {lock}") == ""
    wait_until(lambda: host.sh(f"cat {lock}") == f"{keeper.pid()} netmode-keeper", "the keeper has it")
    assert pid_of(host, "slow18") == before, "it did nothing while another had it"
    new = {"name": "new18", "image": IMAGE, "network_mode": "container:web18", "command": [*OPEN, "--port", "7001"]}
    assert begin("containers", {"containers": [new]}).wait(60) == 0
    keeper.says("slow18: restarted: its donor web18 has a new network namespace")
    assert [name for _, name in starts(host, begun)] == ["web18", "slow18", "new18"]
    keeper.is_right()


def pid_of(host: Host, name: str) -> str:
    return host.docker("inspect", "-f", "{{.State.Pid}}", name)


@pytest.mark.thorough
def test_killed_over_and_over_it_is_back(keeper: Keeper, host: Host) -> None:
    """Systemd gives up on a service after five starts in ten seconds, unless it is told not to."""
    for _ in range(6 if host.sh("test ! -d /run/systemd/system || echo yes") else 2):
        old = keeper.pid()
        host.sh(f"kill -9 {old}")
        wait_until(lambda: keeper.pid() != old, "another one runs")  # noqa: B023 (asked within the turn)
    run(host, "alone25", "--network", "none")
    declare(host, eth("alone25"))
    host.docker("restart", "-t", "0", "alone25")
    pongs(host, "172.17.200.5")


def test_there_is_one_keeper_on_a_host(keeper: Keeper, host: Host) -> None:
    before = keeper.processes()
    second = host.run(PROGRAM, "run", check=False)
    assert second.returncode == 1
    assert "Another keeper runs on this host already" in second.stdout
    assert second.stderr == ""
    assert keeper.processes() == before


def test_status_tells_a_person_what_is_right_wrong_idle_and_stale(keeper: Keeper, host: Host) -> None:
    run(host, "web22", port=7000)
    run(host, "cache22", "--network", "container:web22")
    for name in ("right22", "wrong22", "idle22"):
        run(host, name, "--network", "none")
    declare(host, eth("right22", 5), eth("wrong22", 6), eth("idle22", 7))
    keeper.is_right()
    _, text = keeper.status()
    assert rows(text) == {
        "cache22 > web22": ("right", "it shares the namespace that its donor has"),
        "idle22:eth0": ("right", "172.17.200.7/16 on docker0"),
        "right22:eth0": ("right", "172.17.200.5/16 on docker0"),
        "wrong22:eth0": ("right", "172.17.200.6/16 on docker0"),
    }
    assert text.startswith("The keeper runs since ")
    assert f"(process {keeper.pid()}) and listens to Docker Engine" in text
    host.docker("stop", "idle22")
    keeper.service("stop")
    host.docker("restart", "-t", "0", "web22", "wrong22")
    status, text = keeper.status()
    assert status == 1
    assert text.startswith("The keeper does not run, so nothing is brought back. Start it: ")
    assert rows(text) == {
        "cache22 > web22": ("STALE", "it is in a namespace that web22 has left"),
        "idle22:eth0": ("idle", "the container is exited"),
        "right22:eth0": ("right", "172.17.200.5/16 on docker0"),
        "wrong22:eth0": ("WRONG", "there is no such interface"),
    }
    keeper.service("start")
    wait_until(lambda: not_right(keeper) == {"idle22:eth0": "idle"}, "all but the one that is stopped is right")
    pongs(host, "172.17.200.6")
    assert "wrong22:eth0: create: there is no such interface" in keeper.status()[1].partition("Its last acts:")[2]


def not_right(keeper: Keeper) -> dict[str, str]:
    return {name: how for name, (how, _) in rows(keeper.status()[1]).items() if how != "right"}


def rows(text: str) -> dict[str, tuple[str, str]]:
    """What is kept → (how it is, what is said of it)."""
    table = text.split("\n\n")[1].splitlines()
    words = [line.split("  ") for line in table]
    return {line[0].strip(): (line[1].strip(), "  ".join(line[2:]).strip()) for line in map(squeezed, words)}


def squeezed(words: list[str]) -> list[str]:
    return [word for word in words if word.strip()]


def test_one_line_of_the_log_for_each_act(keeper: Keeper, host: Host) -> None:
    run(host, "web23", port=7000)
    run(host, "cache23", "--network", "container:web23")
    run(host, "alone23", "--network", "none")
    declare(host, eth("alone23"))
    host.docker("restart", "-t", "0", "web23", "alone23")
    keeper.says("cache23: restarted")
    keeper.says("alone23:eth0")
    log = sorted(keeper.log())
    assert [line.split(" (")[0] for line in log] == [
        "alone23:eth0: create: there is no such interface",
        "cache23: restarted: its donor web23 has a new network namespace",
    ]
    told = [line for _, line in json.loads(host.sh("cat /run/netmode/keeper.json"))["acts"][-2:]]
    assert sorted(told) == log


# --- what it costs --------------------------------------------------------------------------------------------------------


def memory(host: Host, keeper: Keeper) -> tuple[int, int]:
    """Kilobytes: resident of the largest of its processes, and of all of them what they hold, each page counted once."""
    files = " ".join(f"/proc/{pid}/smaps_rollup" for pid in keeper.processes())
    resident, held = (host.sh(f"cat {files} | awk '/^{which}:/ {{print $2}}'").split() for which in ("Rss", "Pss"))
    return max(map(int, resident)), sum(map(int, held))


def used(host: Host, keeper: Keeper) -> tuple[int, int]:
    """(ticks of CPU, times that it was woken) of its processes since they began."""
    stats = host.sh("cat " + " ".join(f"/proc/{pid}/stat" for pid in keeper.processes())).splitlines()
    ticks = sum(int(word) for line in stats for word in line.rpartition(")")[2].split()[11:13])
    files = " ".join(f"/proc/{pid}/task/*/status" for pid in keeper.processes())
    woken = host.sh(f"cat {files} | awk '/^voluntary_ctxt_switches/ {{print $2}}'").split()
    return ticks, sum(map(int, woken))


def test_idle_it_sleeps_all_the_while_and_is_small(keeper: Keeper, host: Host, tell: Tell) -> None:
    run(host, "web24", port=7000)
    run(host, "cache24", "--network", "container:web24")
    run(host, "alone24", "--network", "none")
    declare(host, eth("alone24"))
    host.docker("restart", "-t", "0", "web24", "alone24")
    pongs(host, "172.17.200.5")
    pongs(host, address(host, "web24"))
    keeper.is_right()
    end, before = time.monotonic() + 5, used(host, keeper)
    wait_until(lambda: time.monotonic() > end, "five seconds went by")
    after = used(host, keeper)
    resident, held = memory(host, keeper)
    tell(
        f"idle: {after[0] - before[0]} ticks in 5 s, woken {after[1] - before[1]} times, "
        f"{resident / 1024:.1f} MB resident, {held / 1024:.1f} MB held in all"
    )
    assert after == before
    assert max(resident, held) < 40 * 1024


@pytest.mark.thorough
def test_two_hundred_interfaces_are_back_within_ten_seconds_of_a_restart_of_the_engine(
    keeper: Keeper, host: Host, tell: Tell
) -> None:
    names = [f"lot{number}" for number in range(20)]
    options = "--network none --restart always --stop-signal KILL"
    host.sh(
        f"printf '%s\\n' {' '.join(names)} | xargs -P4 -I@ docker run -d --name @ {options} {IMAGE} busybox sleep 1d"
    )
    wanted = [
        eth(name, name=f"eth{part}", addresses=[f"172.17.{100 + index}.{1 + part}/16"])
        for index, name in enumerate(names)
        for part in range(10)
    ]
    declare(host, *wanted)
    ports = "ls /sys/class/net/docker0/brif | grep -c ^nm || true"
    assert host.sh(ports) == "200"
    begun = time.time()
    host.kill_engine("TERM")
    assert host.sh(ports) == "0"
    host.start_engine()
    answers = time.time()
    wait_until(lambda: host.sh(ports) == "200", "all are back", 60)
    back = time.time()
    wait_until(lambda: len(keeper.log("create: there is no such interface")) == 200, "it has told of each")
    resident, held = memory(host, keeper)
    tell(f"200 interfaces: back {back - answers:.1f} s after the engine answers, {back - begun:.1f} s after its restart "
         f"began; {resident / 1024:.1f} MB resident")  # fmt: skip
    result = host.run_module("interfaces", {"interfaces": wanted})
    assert not result["changed"], result
    keeper.is_right()
    assert back - answers < 10
    assert max(resident, held) < 40 * 1024
