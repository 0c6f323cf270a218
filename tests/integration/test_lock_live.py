# SPDX-License-Identifier: GPL-3.0-or-later
"""The host lock, live: who changes an engine takes it, who may not is refused, and reads go without."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from containers_lab import IDLE, IMAGE, Lab, entry, make_images
from lab import SOCKET, Host
from lock_lab import begin, held

Json = dict[str, Any]
MEMBER = "netmode-member"
CHANGES: dict[str, Json] = {
    "containers": {"containers": [entry("new")]},
    "networks": {"networks": [{"name": "nmt-new"}]},
    "volumes": {"volumes": [{"name": "nmt-new"}]},
    "images": {"images": [{"name": IMAGE, "state": "absent"}]},
    "redis_files": {"instances": [{"name": "new", "directory": "/etc/netmode/redis/new"}]},
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


@pytest.mark.engines
@pytest.mark.parametrize("module", [name for name in CHANGES if name != "redis_files"])
def test_o10_each_waits_for_another_that_changes_the_engine(module: str, lab: Lab) -> None:
    """A holder that is killed in the middle holds nothing: the one that waits goes on."""
    subject = "images" if module == "images" else "containers"
    with held(lab.host, subject):
        waiting = begin(module, CHANGES[module])
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(2)
    assert waiting.wait(60) == 0, waiting.stdout


@pytest.mark.engines
def test_o10_two_runs_at_once_make_a_container_once(lab: Lab) -> None:
    with lab.events() as events:
        both = [
            begin("containers", {"containers": [entry("one", command=IDLE, environment={"A": "1"})]}) for _ in range(2)
        ]
        assert [run.wait(60) for run in both] == [0, 0]
    assert [(event.action, event.name) for event in events].count(("create", "one")) == 1
