# SPDX-License-Identifier: GPL-3.0-or-later
"""The host lock, live: who changes an engine takes it, who may not is refused, and reads go without."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._containers import reconcile
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from containers_lab import IMAGE, Lab, entry, make_images
from in_process import bring
from lab import SOCKET, Host, wait_until
from lock_lab import LOCK, begin, held
from tunnel import tunnel

Json = dict[str, Any]
MEMBER = "netmode-member"
CHANGES: dict[str, Json] = {
    "containers": {"containers": [entry("new")]},
    "networks": {"networks": [{"name": "nmt-new"}]},
    "volumes": {"volumes": [{"name": "nmt-new"}]},
    "images": {"images": [{"name": IMAGE, "state": "absent"}]},
    "redis_config": {"instances": [{"name": "new", "directory": "/etc/netmode/redis/new"}]},
}


@pytest.fixture
def lab(host: Host) -> Lab:
    make_images(host)
    return Lab(host)


@pytest.fixture
def member(host: Host) -> Iterator[Callable[..., Json]]:
    """Runs a module as a user who is not root and may use the engine."""
    group = host.sh(f"stat -c %g {SOCKET}")
    host.sh(f"chgrp nogroup {SOCKET}")
    yield lambda name, args, check=False: host.run_module(name, args, check=check, user="65534")
    host.sh(f"chgrp {group} {SOCKET}")


@pytest.mark.parametrize("module", CHANGES)
def test_o10_a_user_who_may_use_the_engine_and_is_not_root_changes_nothing(
    module: str, lab: Lab, member: Callable[..., Json], host_state: Callable[[], Json]
) -> None:
    before = host_state()
    assert member(module, CHANGES[module], check=True)["changed"], "check mode works for everybody"
    refused = member(module, CHANGES[module])
    assert refused.get("failed"), refused
    assert "requires root: become: true" in refused["msg"]
    assert host_state() == before


def test_o10_a_run_without_changes_needs_no_root(lab: Lab, member: Callable[..., Json]) -> None:
    lab.apply(entry("still"))
    assert not member("containers", {"containers": [entry("still")]})["changed"]


@pytest.mark.spread
@pytest.mark.engines
@pytest.mark.parametrize("module", [name for name in CHANGES if name != "redis_config"])
def test_o10_each_waits_for_another_that_changes_the_engine(module: str, lab: Lab) -> None:
    """A holder that is killed in the middle holds nothing: the one that waits goes on."""
    subject = "images" if module == "images" else "containers"
    with held(lab.host, subject):
        waiting = begin(module, CHANGES[module])
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(2)
    assert waiting.wait(60) == 0, waiting.stdout


@contextmanager
def reached(host: Host, way: str) -> Iterator[str]:
    """The engine by a link to its socket, or behind a tunnel to a port or to a socket of a user who is not root."""
    if way == "link":
        host.sh(f"ln -s {SOCKET} /run/nmt-link.sock")
        yield "unix:///run/nmt-link.sock"
        host.sh("rm /run/nmt-link.sock")
        return
    with tunnel(SOCKET, tcp=way == "port") as url:
        if way == "users socket":
            path = url.partition("://")[2]
            host.sh(f"chmod 755 {path.rpartition('/')[0]}; chown 65534 {path} {path.rpartition('/')[0]}")
        yield url


@pytest.mark.spread
@pytest.mark.engines
@pytest.mark.parametrize("way", ["link", pytest.param("port", marks=pytest.mark.thorough), "users socket"])
def test_o10_an_engine_has_one_lock_whatever_way_leads_to_it(lab: Lab, way: str) -> None:
    with reached(lab.host, way) as url:
        args = {"containers": [entry("new")], "docker_host": url}
        with held(lab.host, "containers"):
            waiting = begin("containers", args)
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(2)
        assert waiting.wait(60) == 0, waiting.stdout
        lab.docker("rm", "-f", "new")
        refused = lab.host.run_module("containers", args, user="65534")
        assert refused.get("failed"), refused
        assert ("requires root" if way == "users socket" else "become: true") in refused["msg"]
        assert lab.names() == []


@pytest.mark.engines
@pytest.mark.parametrize(
    ("module", "look"),
    [
        pytest.param("containers", "docker ps -aq", marks=pytest.mark.spread),
        ("networks", "docker network ls -qf name=nmt-"),
        pytest.param("volumes", "docker volume ls -q", marks=pytest.mark.spread),
    ],
)
def test_o10_two_runs_at_once_make_a_thing_once(lab: Lab, module: str, look: str) -> None:
    """An engine before 25 would make two networks of one name."""
    before = lab.host.sh(look).split()
    both = [begin(module, CHANGES[module]) for _ in range(2)]
    assert [run.wait(60) for run in both] == [0, 0]
    made = set(lab.host.sh(look).split()) - set(before)
    assert len(made) == 1
    assert made != {"nmt-new"} or module == "volumes"


SLOW = ["busybox", "sh", "-c", "trap 'busybox sleep 3; exit 0' TERM; while :; do busybox sleep 9 & wait; done"]


@pytest.mark.spread
@pytest.mark.engines
def test_o10_a_wait_for_a_run_ends_and_names_that_run(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.apply(entry("slow", command=SLOW))
    longer = begin("containers", {"containers": [entry("slow", state="absent")]})
    wait_until(lambda: lab.host.sh(f"cat {LOCK.format('containers')}", check=False), "it has the lock")
    before = lab.made()
    monkeypatch.setattr(reconcile, "alone", functools.partial(reconcile.alone, seconds=0.5))
    with pytest.raises(NetmodeError) as refusal:
        bring(entry("new"))
    for word in (f"Process {longer.pid} (netmode.docker.containers: slow)", "waited for", "nothing was changed"):
        assert word in str(refusal.value)
    assert lab.made() <= before
    assert longer.wait(60) == 0
