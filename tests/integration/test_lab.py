# SPDX-License-Identifier: GPL-3.0-or-later
"""The test machine itself: what the other tests take for granted."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lab import IMAGE, MACHINE, Host, Play, wait_until


def test_a_container_answers_and_the_state_shows_it(
    docker: Callable[..., str], host_state: Callable[[], dict[str, Any]]
) -> None:
    before = host_state()
    assert host_state() == before
    docker("run", "-d", "--name", "web", IMAGE)
    assert "PONG" in wait_until(lambda: docker("exec", "web", "redis-cli", "ping", check=False), "PONG")
    after = host_state()
    assert {key for key in before if before[key] != after[key]} >= {"containers", "links"}


def test_what_a_test_made_is_removed(machine: Host) -> None:
    before, state = machine.things(), machine.state()
    machine.docker("network", "create", "left")
    machine.docker("run", "-d", "--name", "left", "--network", "left", "-v", "left:/data", IMAGE)
    machine.sh("ip link add left0 type veth peer name left1")
    machine.remove_new(before)
    now = machine.state()
    now.pop("rules"), state.pop("rules")  # the engine leaves its isolation rules in another order
    assert now == state


def test_a_play_is_told_task_by_task(play: Callable[..., Play]) -> None:
    text = """
- hosts: localhost
  gather_facts: false
  tasks:
    - name: a file
      ansible.builtin.copy: {content: "{{ word }}", dest: /tmp/word, mode: '0644'}
    - name: a fault
      ansible.builtin.fail: {msg: "{{ word }}"}
"""
    first, second = play(text, word="one"), play(text, word="one")
    assert (first.rc, first.changed, second.changed) == (2, 1, 0)
    assert first.task("a file")["changed"]
    assert [task["result"]["msg"] for task in first.failed] == ["one"]


def test_a_fresh_machine_has_an_engine_of_its_own(fresh_machine: Callable[..., Host], machine: Host) -> None:
    fresh = fresh_machine()
    fresh.docker("run", "-d", "--name", "inner", IMAGE)
    assert fresh.docker("ps", "--format", "{{.Names}}") == "inner"
    assert "inner" not in machine.docker("ps", "--format", "{{.Names}}")
    fresh.kill_engine()
    assert not fresh.engine_is_up()
    fresh.start_engine()
    assert fresh.docker("ps", "-a", "--format", "{{.Names}}") == "inner"


def test_a_bare_machine_has_no_docker(fresh_machine: Callable[..., Host]) -> None:
    assert fresh_machine(bare=True).sh("command -v docker dockerd", check=False) == ""


def left_by_machines() -> list[str]:
    groups = sorted(str(path) for own in ("netmode-*", "*/netmode-*") for path in Path("/sys/fs/cgroup").glob(own))
    listed = subprocess.run(
        ["ps", "-C", "slirp4netns", "-o", "stat=,pid="], capture_output=True, text=True, check=False
    )
    rows = [line.split() for line in listed.stdout.splitlines()]
    slirps = [pid for state, pid in rows if not state.startswith("Z")]  # which ended and is not yet reaped
    return groups + slirps + sorted(str(path) for path in Path("/var/tmp").glob("netmode-machine.*"))


def test_a_machine_returns_the_status_of_its_command() -> None:
    before = left_by_machines()
    assert subprocess.run([MACHINE, "run", "--", "sh", "-c", "exit 7"], check=False).returncode == 7
    assert left_by_machines() == before


def test_a_machine_runs_containers_on_a_host_of_cgroup_v2(fresh_machine: Callable[..., Host]) -> None:
    """A host of v1 has the other version, too, if without the controllers that v1 holds."""
    host = fresh_machine(engine=False)
    within = """
        (dockerd >/dev/null 2>&1 &) && timeout 30 sh -c 'until docker version >/dev/null 2>&1; do sleep 0.1; done'
        docker info -f 'engine: {{.CgroupVersion}}' && mkdir /srv/image && cp /bin/busybox /srv/image/sh
        tar -C /srv/image -c . | docker import - shell >/dev/null
        docker run --rm shell /sh -c 'echo a container'
    """
    outside = f"""
        umount -l -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 1
        {MACHINE} run -- sh -c "$0"; ls -d /sys/fs/cgroup/netmode-* 2>/dev/null || echo nothing left
    """
    said = host.run("unshare", "--mount", "--propagation", "private", "bash", "-c", outside, within)
    assert said.stdout.splitlines() == ["engine: 2", "a container", "nothing left"], said.stderr


def test_a_machine_that_cannot_be_says_why() -> None:
    said = subprocess.run(
        ["setpriv", "--reuid=65534", MACHINE, "run", "--", "true"], capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stderr) == (1, "machine: it requires root\n")


@pytest.mark.parametrize("sign", ["guarded", "upper", "tmp/here"])
def test_a_machine_that_is_killed_leaves_nothing(sign: str) -> None:
    before = left_by_machines()
    killed = subprocess.Popen([MACHINE, "run", "--", "sh", "-c", "touch /var/tmp/here; sleep 600"])
    wait_until(lambda: list(Path("/var/tmp").glob(f"netmode-machine.*/{sign}")), f"the machine has come to {sign}")
    killed.kill()
    killed.wait()
    wait_until(lambda: left_by_machines() == before, "the guard removed what the killed machine left", 60)


def test_orphans_are_reaped(machine: Host) -> None:
    machine.sh("(sleep 0.01 &)")
    wait_until(lambda: "Z" not in machine.sh("ps -eo stat --no-headers"), "no zombie")
