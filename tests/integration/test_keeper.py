# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper's two promises on a real engine and kernel: interfaces and sharers are back, nobody having run Ansible.

Each test has names of its own for its containers: the keeper takes one that is started over and over to be failing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from interfaces_lab import inside
from keeper_lab import (
    OPEN,
    Keeper,
    Tell,
    address,
    counted,
    declare,
    eth,
    own_time,
    pongs,
    quickest,
    restart_engine,
    run,
    started,
)
from lab import IMAGE, Host, wait_until

pytestmark = [pytest.mark.engines, pytest.mark.spread]

Run = Callable[..., dict[str, Any]]


# --- a sharer and its donor -----------------------------------------------------------------------------------------------


@pytest.mark.thorough
@pytest.mark.parametrize("how", ["restarted", "recreated"])
def test_n6_a_sharer_answers_within_two_seconds_of_the_start_of_its_donor(
    keeper: Keeper, host: Host, tell: Tell, how: str
) -> None:
    """On a machine that has nothing else to do: what the engine and Redis need of it is not the keeper's to say."""
    web, cache = f"web6-{len(how)}", f"cache6-{len(how)}"
    run(host, web, port=7000)
    run(host, cache, "--network", f"container:{web}")

    def again() -> tuple[float, int]:
        keeper.begin()
        begun = time.time()
        if how == "restarted":
            host.docker("restart", "-t", "0", web)
        else:
            host.docker("rm", "-f", web)
            run(host, web, port=7000)
        took = pongs(host, address(host, web)) - started(host, web, begun)
        return took, own_time(keeper.says(f"{cache}: {how}: its donor {web} "))

    took, own = quickest(again, 2, 150)
    tell(f"donor {how}: PONG {took * 1000:.0f} ms after its start, {own} ms of them the keeper's")
    assert took < 2
    assert own < 150


def test_n7_a_sharer_is_recreated_with_its_data_when_its_donor_was_recreated(keeper: Keeper, host: Host) -> None:
    options = ("-v", "data7:/data", "-v", "/unnamed", "-e", "WORD=kept", "--label", "word=kept", "--restart", "always",
               "--memory", "64m", "--ulimit", "nofile=1024", "--cap-drop", "NET_RAW", "--user", "0")  # fmt: skip
    run(host, "web7", port=7000)
    old = run(host, "cache7", "--network", "container:web7", *options, command=(*OPEN, "--appendonly", "yes"))
    pongs(host, address(host, "web7"))
    host.sh(f"redis-cli -h {address(host, 'web7')} set word kept")
    host.docker("exec", "cache7", "busybox", "sh", "-c", "echo kept >/unnamed/word")
    before = configuration(host, "cache7")
    host.docker("rm", "-f", "web7")
    begun = time.time()
    run(host, "web7", port=7000)
    pongs(host, address(host, "web7"))
    keeper.says("cache7: recreated: its donor web7 was recreated")
    assert host.sh(f"redis-cli -h {address(host, 'web7')} get word") == "kept"
    assert host.docker("exec", "cache7", "busybox", "cat", "/unnamed/word") == "kept"
    assert host.docker("inspect", "-f", "{{.Id}}", "cache7") != old
    assert configuration(host, "cache7") == before
    assert host.docker("ps", "-a", "--format", "{{.Names}}", "--filter", "name=netmode") == ""
    assert counted(host, begun) == {"web7": 1, "cache7": 1}


def configuration(host: Host, name: str) -> dict[str, Any]:
    """What a container was asked to be, but for whom it joins and how its volumes are spelt."""
    found = host.api(f"/containers/{name}/json")
    asked: dict[str, Any] = {**found["Config"], **found["HostConfig"]}
    for spelling in ("Hostname", "Domainname", "ExposedPorts", "NetworkMode", "Binds", "Volumes", "Mounts"):
        asked.pop(spelling, None)
    asked["mounted"] = sorted((mount["Destination"], mount["Name"]) for mount in found["Mounts"])
    return asked


@pytest.mark.parametrize("how", ["restarted", "recreated"])
def test_a_chain_of_sharers_joins_again_in_its_order_and_each_once(keeper: Keeper, host: Host, how: str) -> None:
    first, second, third = names = [f"{name}{len(how)}" for name in "cba"]  # not the order of the alphabet
    for name, joins, port in zip(names, ("bridge", f"container:{first}", f"container:{second}"), (7001, 7002, 7003)):
        run(host, name, "--network", joins, port=port)
    begun = time.time()
    if how == "restarted":
        host.docker("restart", "-t", "0", first)
    else:
        host.docker("rm", "-f", first)
        run(host, first, port=7001)
    keeper.is_right()
    for port in (7001, 7002, 7003):
        pongs(host, address(host, first), port)
    keeper.says(f"{second}: {how}: its donor")
    keeper.says(f"{third}: {how}: its donor")  # the journal may show a line later than what the line tells
    assert [line.split(":")[0] for line in keeper.log(f": {how}: its donor")] == [second, third]
    assert counted(host, begun) == dict.fromkeys(names, 1)


def test_a_sharer_that_a_user_has_stopped_stays_stopped(keeper: Keeper, host: Host) -> None:
    run(host, "web8", port=7000)
    run(host, "runs8", "--network", "container:web8", port=7001)
    run(host, "stopped8", "--network", "container:web8", "--restart", "unless-stopped", port=7002)
    host.docker("stop", "stopped8")
    begun = time.time()
    host.docker("restart", "-t", "0", "web8")
    keeper.says("runs8: restarted")
    host.docker("rm", "-f", "web8")
    run(host, "web8", port=7000)
    keeper.says("runs8: recreated")
    assert "stopped8" not in counted(host, begun)
    assert keeper.log("stopped8") == []


def test_a_sharer_that_the_engine_could_not_start_without_its_donor_is_started_with_it(
    keeper: Keeper, host: Host
) -> None:
    run(host, "web9", port=7000)
    run(host, "cache9", "--network", "container:web9", "--restart", "always")
    restart_engine(host)
    assert host.docker("ps", "--format", "{{.Names}}") == ""  # the donor has no restart policy
    host.docker("start", "web9")
    pongs(host, address(host, "web9"))
    assert keeper.says("cache9: ").startswith("cache9: started: it could not be started without its donor web9")


def test_a_donor_that_was_renamed_is_still_its_sharers_donor(keeper: Keeper, host: Host) -> None:
    run(host, "web10", port=7000)
    run(host, "cache10", "--network", "container:web10")
    host.docker("rename", "web10", "front10")
    host.docker("restart", "-t", "0", "front10")
    keeper.says("cache10: restarted: its donor front10 has a new network namespace")
    host.docker("rm", "-f", "front10")
    run(host, "front10", port=7000)
    pongs(host, address(host, "front10"))
    keeper.says("cache10: recreated: its donor front10 was recreated")


@pytest.mark.thorough
def test_a_module_that_recreates_a_donor_and_the_keeper_do_it_once_between_them(
    keeper: Keeper, host: Host, run_module: Run
) -> None:
    run(host, "mark11", port=7005)
    run(host, "marked11", "--network", "container:mark11", port=7006)
    for turn in range(4):
        command = [*OPEN, "--port"]
        front = {"name": "front11", "image": IMAGE, "command": [*command, "7000"], "environment": {"TURN": str(turn)}}
        back = {"name": "back11", "image": IMAGE, "network_mode": "container:front11", "command": [*command, "7001"]}
        begun = time.time()
        result = run_module("containers", {"containers": [front, back]})
        assert not result.get("failed"), result["msg"]
        host.docker(
            "restart", "-t", "0", "mark11"
        )  # what the keeper had to do before, it has done once this is answered
        wait_until(lambda: counted(host, begun)["marked11"], "the keeper is done")  # noqa: B023 (asked within the turn)
        keeper.is_right()
        if turn == 0:
            run(host, "side11", "--network", "container:front11", port=7002)  # one that the list does not know
            continue
        acts = counted(host, begun)
        assert {name: acts[name] for name in ("front11", "back11", "side11")} == {
            "front11": 1,
            "back11": 1,
            "side11": 1,
        }
        for port in (7000, 7001, 7002):
            pongs(host, address(host, "front11"), port)
        assert ".netmode-" not in host.docker("ps", "-a", "--format", "{{.Names}}")
    assert [line for line in keeper.log() if "tried again" in line] == []


# --- an interface of a container in none mode -----------------------------------------------------------------------------

AGAIN = {
    "restarted": "docker restart -t 0 {name}",
    "stopped and started": "docker stop -t 0 {name} && docker start {name}",
    "its process was killed": "kill -9 $(docker inspect -f '{{{{.State.Pid}}}}' {name})",
}


@pytest.mark.parametrize(
    "how", [pytest.param(how, marks=[pytest.mark.thorough] if "stopped" in how else []) for how in AGAIN]
)
def test_n11_an_interface_is_back_after_its_container_was_restarted(
    keeper: Keeper, host: Host, tell: Tell, how: str
) -> None:
    name = f"alone{len(how)}"
    run(host, name, "--network", "none", "--restart", "always")
    declare(host, eth(name, gateway="172.17.0.1", mtu=1400, routes=[{"to": "10.9.0.0/16", "via": "172.17.0.9"}]))
    before = as_it_is(host, name)

    def again() -> tuple[float, int]:
        keeper.begin()
        begun = time.time()
        host.sh(AGAIN[how].format(name=name))
        own = own_time(keeper.says(f"{name}:eth0: create: there is no such interface"))
        return pongs(host, "172.17.200.5") - started(host, name, begun), own

    took, own = quickest(again, 5, 300)
    tell(f"{how}: PONG {took * 1000:.0f} ms after its start, interface after {own} ms of the keeper's time")
    assert own < 300
    assert as_it_is(host, name) == before
    assert len(keeper.log(f"{name}:eth0")) == 1


def as_it_is(host: Host, name: str) -> dict[str, Any]:
    """What its namespace has, but for the kernel's numbers of links."""
    found = inside(host, name)
    for link in found.values():
        if isinstance(link, dict):
            link.pop("ifindex")
    return found


def test_n11_an_interface_is_there_in_a_container_that_was_recreated_under_its_name(keeper: Keeper, host: Host) -> None:
    run(host, "alone12", "--network", "none")
    declare(host, eth("alone12"))
    host.docker("rm", "-f", "alone12")
    run(host, "alone12", "--network", "none")
    keeper.says("alone12:eth0: create")
    pongs(host, "172.17.200.5")


def test_n11_an_interface_comes_to_the_container_that_takes_over_the_name(keeper: Keeper, host: Host) -> None:
    run(host, "alone13", "--network", "none")
    declare(host, eth("alone13"))
    run(host, "young13", "--network", "none")
    host.docker("rename", "alone13", "old13")
    host.docker("rm", "-f", "old13")
    host.docker("rename", "young13", "alone13")
    keeper.says("alone13:eth0: create")
    pongs(host, "172.17.200.5")


def test_an_interface_whose_bridge_is_not_there_keeps_no_other_from_coming_and_comes_once_it_is(
    keeper: Keeper, host: Host
) -> None:
    bridge = "ip link add br14 type bridge && ip address add 10.14.0.1/24 dev br14 && ip link set br14 up"
    host.sh(bridge)
    run(host, "alone14", "--network", "none")
    declare(host, eth("alone14"), eth("alone14", name="lan0", bridge="br14", addresses=["10.14.0.2/24"]))
    host.sh("ip link delete br14")
    host.docker("restart", "-t", "0", "alone14")
    pongs(host, "172.17.200.5")
    assert "br14" in keeper.says("It is tried again in 1 s")
    status, text = keeper.status()
    assert status == 1
    assert [line.split()[1] for line in text.splitlines() if line.startswith("alone14:")] == ["right", "WRONG"], text
    wait_until(
        lambda: "(next try at " in keeper.status()[1], "status says when the next try is"
    )  # not in the midst of one
    host.sh(bridge)
    pongs(host, "10.14.0.2")
    pongs(host, "172.17.200.5")
    keeper.is_right()
    keeper.says("alone14:eth0: create")
    assert len(keeper.log("It is tried again")) == 1, keeper.log()  # told once, however often it was tried
    assert len(keeper.log("alone14:eth0: create")) == 1


# --- a container that fails over and over ---------------------------------------------------------------------------------


@pytest.mark.thorough
def test_a_crash_loop_of_a_container_is_no_loop_of_the_keeper_and_others_are_served(
    keeper: Keeper, host: Host, tell: Tell
) -> None:
    """Once a file is gone they run for a moment and fail, as often as they are started."""
    host.sh("mkdir -p /tmp/well15 && touch /tmp/well15/yes")
    ill = "[ -e /well/yes ] || { sleep 0.2; exit 1; }; exec redis-server --protected-mode no --port $0"
    often = ("--restart", "always", "-v", "/tmp/well15:/well")
    run(host, "donor15", *often, command=("busybox", "sh", "-c", ill, "7000"))
    run(host, "cache15", "--network", "container:donor15", "--restart", "always", port=7001)
    run(host, "sick15", "--network", "none", *often, command=("busybox", "sh", "-c", ill, "6379"))
    run(host, "well15", "--network", "none", port=6380)
    declare(host, eth("sick15"), eth("well15", 6))
    host.sh("rm /tmp/well15/yes")
    begun = time.time()
    host.docker("restart", "-t", "0", "donor15", "sick15")
    wait_until(lambda: min(counted(host, begun)[name] for name in ("sick15", "donor15")) >= 6, "they fail and fail", 60)
    for _ in range(8):
        host.docker("restart", "-t", "0", "donor15", "sick15")
    loop, took = counted(host, begun), time.time() - begun
    acts = {name: len(keeper.log(f"{name}:")) for name in ("sick15:eth0", "cache15", "sick15", "donor15")}
    tell(f"crash loop of {took:.0f} s: starts {dict(loop)}, lines of the keeper {acts}")
    assert min(loop["sick15"], loop["donor15"]) >= 14
    assert acts["sick15:eth0"] <= 7, keeper.log()
    assert loop["cache15"] <= 7, keeper.log()
    assert sum(acts.values()) <= 24, keeper.log()
    now = time.time()
    host.docker("restart", "-t", "0", "well15")
    assert pongs(host, "172.17.200.6", 6380) - started(host, "well15", now) < 2
    host.sh("touch /tmp/well15/yes")
    keeper.is_right(90)
    pongs(host, address(host, "donor15"), 7001)
    pongs(host, "172.17.200.5")


# --- the engine -----------------------------------------------------------------------------------------------------------


@pytest.mark.thorough
@pytest.mark.parametrize("signal", ["TERM", "KILL"])
def test_n6_n11_all_is_right_after_each_of_several_restarts_of_the_engine(
    keeper: Keeper, host: Host, signal: str
) -> None:
    """In which order the engine starts its containers is its own affair."""
    kept = ("--restart", "always")
    run(host, f"web-{signal}", *kept, port=7000)
    run(host, f"b-{signal}", "--network", f"container:web-{signal}", *kept, port=7001)
    run(host, f"z-{signal}", "--network", f"container:web-{signal}", *kept, port=7002)
    run(host, f"a-{signal}", "--network", f"container:b-{signal}", *kept, port=7003)
    run(host, f"alone-{signal}", "--network", "none", *kept)
    declare(host, eth(f"alone-{signal}"), eth(f"alone-{signal}", 6, name="eth1"))
    before = as_it_is(host, f"alone-{signal}")
    links = host.sh("ls /sys/class/net | wc -l")
    for _ in range(3):
        restart_engine(host, signal)
        keeper.is_right()
        for port in (7000, 7001, 7002, 7003):
            pongs(host, address(host, f"web-{signal}"), port)
        pongs(host, "172.17.200.5")
        pongs(host, "172.17.200.6")
        assert as_it_is(host, f"alone-{signal}") == before
        assert host.sh("ls /sys/class/net | wc -l") == links
        assert len(keeper.processes()) == len({*keeper.processes()} | {keeper.pid()})


def test_the_record_of_donors_outlives_the_keeper(keeper: Keeper, host: Host) -> None:
    """A donor recreated while no keeper ran is known by the name that it had."""
    run(host, "web16", port=7000)
    run(host, "cache16", "--network", "container:web16")
    wait_until(lambda: "cache16" in json.loads(host.sh("cat /var/lib/netmode/donors.json || echo {}")), "it is noted")
    keeper.service("stop")
    host.docker("rm", "-f", "web16")
    run(host, "web16", port=7000)
    keeper.service("start")
    keeper.says("cache16: recreated: its donor web16 was recreated")
    pongs(host, address(host, "web16"))


@pytest.mark.thorough
@pytest.mark.parametrize("how", ["restarted", "recreated"])
def test_killed_between_any_two_steps_of_a_sharers_return_the_next_keeper_completes_it(
    keeper: Keeper, host: Host, how: str
) -> None:
    """One without a restart policy, which looks stopped on purpose while it is being restarted."""
    steps = 0
    while True:
        web, cache = f"web17-{steps}{len(how)}", f"cache17-{steps}{len(how)}"
        run(host, web, port=7000)
        run(host, cache, "--network", f"container:{web}", "-v", f"{cache}:/data")
        wait_until(lambda: cache in host.sh("cat /var/lib/netmode/donors.json || true"), "it is noted")  # noqa: B023
        keeper.service("stop")
        if how == "restarted":
            host.docker("restart", "-t", "0", web)
        else:
            host.docker("rm", "-f", web)
            run(host, web, port=7000)
        killed = keeper.interrupted(steps)
        keeper.service("start")
        pongs(host, address(host, web))
        keeper.is_right()
        names = host.docker("ps", "-a", "--format", "{{.Names}}").split()
        assert sorted(names) == sorted([web, cache]), (steps, names, keeper.log())
        host.docker("rm", "-f", *names)
        if not killed:
            break
        steps += 1
    assert steps == {"restarted": 2, "recreated": 6}[how]
