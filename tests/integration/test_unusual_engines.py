# SPDX-License-Identifier: GPL-3.0-or-later
"""N14: an engine with user namespaces, and one that is in another network namespace, as a rootless one is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from containers_lab import IDLE, Lab
from lab import IMAGE, wait_until
from network_shape import assert_true_to, read
from oracle import Oracle
from remapped import remapped as engine_remapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

pytestmark = [pytest.mark.engines, pytest.mark.spread]


@pytest.fixture(scope="module")
def remapped(machine: Host) -> Iterator[Lab]:
    """The engine of this machine, started with the option: it then keeps images and containers apart from its usual ones."""
    with engine_remapped(machine):
        machine.import_image()
        yield Lab(machine)


@pytest.fixture
def lab(remapped: Lab, host: Host) -> Lab:
    return remapped


def entry(name: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "image": IMAGE, "command": IDLE, **options}


def test_n14_with_userns_remap_every_mode_but_host_works_and_is_told_right(lab: Lab) -> None:
    fleet = [
        entry("sharer", network_mode="container:donor"),
        entry("donor", ports=["18401:80"]),
        entry("alone", network_mode="none"),
    ]
    lab.converge(*fleet)
    lab.unchanged(*fleet)
    assert lab.host.sh(f"awk '{{print $2}}' /proc/{lab.pid('donor')}/uid_map") != "0", "nothing was remapped"
    assert lab.netns("sharer") == lab.netns("donor") != lab.netns("alone")
    facts = read(lab.host)
    assert_true_to(facts, Oracle())
    (eth0,) = facts["containers"]["donor"]["interfaces"]
    assert facts["veths"][eth0["veth"]]["container"] == "donor"
    lab.host.docker("restart", "donor")
    assert read(lab.host)["containers"]["sharer"]["stale"]
    lab.converge(*fleet)
    assert lab.netns("sharer") == lab.netns("donor")


def test_n14_with_userns_remap_host_mode_is_refused_before_any_change(lab: Lab) -> None:
    lab.apply(entry("one"), entry("two"))
    changed = entry("one", labels={"a": "1"})
    lab.refused(changed, entry("two", network_mode="host"), words=["(two)", "host", "userns-remap", "bridge"])
    lab.refused(changed, entry("new", network_mode="host"), words=["(new)", "host", "userns-remap", "bridge"])


@pytest.fixture
def engine_elsewhere(host: Host) -> Iterator[str]:
    """The socket of one more engine, which like a rootless one sees none of the host's links."""
    at, room, kept = "/run/netmode-elsewhere", "netmode-elsewhere", "/var/lib/docker/netmode-elsewhere"
    host.sh(f"mkdir -p {at}; ip netns add {room}; ip -n {room} link set lo up")
    own = f"--data-root {kept} --exec-root {at}/exec --pidfile {at}/pid --host unix://{at}/docker.sock"
    start = f"setsid nsenter --net=/run/netns/{room} dockerd {own} --bridge none --iptables=false"
    pid = host.sh(f"{start} </dev/null >{at}/log 2>&1 & echo $!")
    answers = ("curl", "-sf", "--unix-socket", f"{at}/docker.sock", "http://engine/_ping")
    try:
        wait_until(lambda: host.run(*answers, check=False).returncode == 0, f"dockerd answers; its log is {at}/log")
        yield f"unix://{at}/docker.sock"
    finally:
        host.run("kill", pid, check=False)
        wait_until(lambda: host.run("test", "-d", f"/proc/{pid}", check=False).returncode, "the engine has ended")
        host.sh(f"ip netns del {room}; rm -rf {kept} {at}")


def test_n14_an_engine_in_a_network_namespace_of_its_own_is_refused(host: Host, engine_elsewhere: str) -> None:
    result = host.run_module("network_facts", {"docker_host": engine_elsewhere})
    assert result["failed"]
    assert engine_elsewhere in result["msg"]
    assert "network namespace of its own" in result["msg"]
    assert "Name the engine that runs in the host's namespace" in result["msg"]
