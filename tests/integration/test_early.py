# SPDX-License-Identifier: GPL-3.0-or-later
"""O6: what cannot be is refused before anything stops, also where it came to be while the run pulled or waited."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._containers import pulls
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from containers_lab import IDLE, IMAGE, NET, NO_PROGRAM, Lab, entry, make_images, make_networks
from in_process import bring, meanwhile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab import Host

Json = dict[str, Any]
pytestmark = [pytest.mark.engines, pytest.mark.spread]
PORT = 18460


@pytest.fixture(scope="module")
def furnished(machine: Host) -> Iterator[Lab]:
    before = machine.things()
    make_images(machine)
    make_networks(machine)
    yield Lab(machine)
    machine.remove_new(before)


@pytest.fixture
def lab(furnished: Lab) -> Iterator[Lab]:
    before = furnished.host.things()
    yield furnished
    furnished.host.remove_new(before)


class Actor(NamedTuple):
    """What another actor does between a run's look and its lock, and what the run then says."""

    name: str
    wanted: Json
    """Options with which the container that runs is to be recreated."""
    act: Callable[[Lab, ExitStack], Any]
    words: tuple[str, ...]
    before: tuple[str, ...] = ()
    """``docker`` with these words, before the run."""


def listen(_: Lab, stack: ExitStack) -> None:
    stack.enter_context(socket.create_server(("127.0.0.1", PORT)))


ACTORS = (
    Actor("a-process-takes-the-port", {"ports": [f"{PORT}:80"]}, listen, ("ports", str(PORT), "is taken")),
    Actor(
        "a-container-takes-the-port", {"ports": [f"127.0.0.1:{PORT}:80"]},
        lambda lab, _: lab.docker("run", "-d", "--name", "thief", "-p", f"{PORT}:80", IMAGE), (str(PORT), "thief"),
    ),
    Actor("a-process-takes-the-port-of-host-mode", {"network_mode": "host", "expose": [PORT]}, listen, (str(PORT), "is taken")),
    Actor(
        "a-container-takes-the-address", {"networks": {NET: {"ipv4_address": "10.77.0.50"}}},
        lambda lab, _: lab.docker("run", "-d", "--name", "thief", "--network", NET, "--ip", "10.77.0.50", IMAGE),
        ("10.77.0.50", "thief"),
    ),
    Actor(
        "the-donor-goes", {"network_mode": "container:donor"}, lambda lab, _: lab.docker("rm", "-f", "donor"),
        ("network_mode", "donor"), ("run", "-d", "--name", "donor", IMAGE),
    ),
    Actor(
        "the-donor-stops", {"network_mode": "container:donor"}, lambda lab, _: lab.docker("stop", "donor"),
        ("network_mode", "donor", "not running"), ("run", "-d", "--name", "donor", IMAGE),
    ),
    Actor(
        "the-network-goes", {"networks": ["nmt-brief"]}, lambda lab, _: lab.docker("network", "rm", "nmt-brief"),
        ("nmt-brief", "no network"), ("network", "create", "nmt-brief"),
    ),
    Actor(
        "the-image-goes", {"image": "nmt-image:brief"}, lambda lab, _: lab.docker("rmi", "nmt-image:brief"),
        ("image", "nmt-image:brief", "was removed"), ("tag", "netmode-test/redis", "nmt-image:brief"),
    ),
)  # fmt: skip


@pytest.mark.parametrize("case", ACTORS, ids=lambda case: case.name)
def test_o6_what_another_actor_takes_before_the_lock_is_refused_before_anything_stops(
    lab: Lab, case: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    if case.before:
        lab.docker(*case.before)
    bring(entry("mine"))
    there = lab.inspect("mine")
    with ExitStack() as stack:
        with meanwhile(monkeypatch, lambda: case.act(lab, stack)), pytest.raises(NetmodeError) as refusal:
            bring(entry("mine", **{"command": IDLE, **case.wanted}))
        for word in ("mine", *case.words):
            assert word in str(refusal.value)
    now = lab.inspect("mine")
    assert (now["Id"], now["State"]) == (there["Id"], there["State"]), "it was not touched"
    assert not [name for name in lab.names() if "netmode-" in name]


LATE = (
    ("sysctls", {"sysctls": {"net.core.somaxconn": -5}}, "somaxconn"),
    ("sysctls", {"sysctls": {"net.ipv4.tcp_no_such": 1}}, "tcp_no_such"),
    ("sysctls", {"sysctls": {"kernel.shmmni": "many"}, "ulimits": {"nofile": 500}}, "shmmni"),
    ("user", {"user": "nobody-here", "sysctls": {"net.core.somaxconn": 512}}, "nobody-here"),
    ("group_add", {"group_add": ["no-such-group"]}, "no-such-group"),
    ("ulimits", {"ulimits": {"nofile": 2**40}}, "rlimit"),
    ("volumes", {"volumes": ["/etc/hostname:/usr"]}, "/usr"),
    ("device_cgroup_rules", {"device_cgroup_rules": ["c 300:99999999999 rwm"]}, "300"),
    ("security_opt", {"security_opt": ['seccomp={"defaultAction":"NO_SUCH"}']}, "seccomp"),
    ("command", NO_PROGRAM, "/nonexistent"),
    ("command", {"entrypoint": ["/etc/passwd"], "command": []}, "/etc/passwd"),
)


def test_o6_what_only_a_start_refuses_is_refused_before_anything_stops(lab: Lab) -> None:
    bring(entry("mine"), entry("other"))
    before = lab.state()
    for number, (option, wanted, word) in enumerate(LATE):
        entries = [entry("other", user="1000"), entry("new", **wanted)] if number % 3 else [entry("mine", **wanted)]
        with pytest.raises(NetmodeError) as refusal:
            bring(*entries)
        assert f"{entries[-1]['name']}: {option}: the engine cannot start" in str(refusal.value)
        assert word in str(refusal.value)
        assert len(str(refusal.value)) < 600
    lab.same(before, "refused, and the host is another")


def test_o6_what_a_start_takes_is_not_refused_by_the_trial(lab: Lab) -> None:
    lab.docker("volume", "create", "nmt-there")
    first = entry("mine", volumes=["nmt-there:/there", "nmt-new:/data", "/srv/nmt-new:/host", "/anonymous"])
    bring(first)
    wanted = {
        **first, "user": "1000", "read_only": True, "tmpfs": ["/mnt"], "init": False, "working_dir": "/srv/not-there",
        "sysctls": {"net.core.somaxconn": 512}, "ulimits": {"nofile": 500}, "cap_drop": ["ALL"], "mem_limit": "64m",
        "volumes": [*first["volumes"], "nmt-newer:/newer", "/srv/nmt-newer:/newest"], "command": ["/usr/bin/redis-server", *IDLE[1:]],
    }  # fmt: skip
    assert [bring(wanted).containers["mine"]["actions"] for _ in range(2)] == [["recreate"], []]
    assert lab.inspect("mine")["State"]["Running"]


def test_o6_checks_are_made_again_after_a_pull(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    bring(entry("mine"))
    there = lab.inspect("mine")["State"]
    with ExitStack() as stack, monkeypatch.context() as patch:
        patch.setattr(pulls, "pull", lambda *_: listen(lab, stack))  # which takes as long as the network does
        with pytest.raises(NetmodeError, match=rf"mine.*{PORT}.* is taken"):
            bring(entry("mine", ports=[f"{PORT}:80"], pull_policy="always"))
    assert lab.inspect("mine")["State"] == there


def test_o6_two_networks_of_one_name_are_refused_before_anything_stops(lab: Lab) -> None:
    body = {"Name": "nmt-twin", "CheckDuplicate": False}
    made = [lab.host.call("POST", "/networks/create", body)[0] for _ in range(2)]
    if made != [201, 201]:
        assert lab.host.engine_version() >= (25,), "from 25 on the engine has no two of one name"
        return
    bring(entry("mine"))
    there = lab.inspect("mine")["State"]
    for wanted in ({"network_mode": "nmt-twin"}, {"networks": ["nmt-twin"]}, {"networks": [NET, "nmt-twin"]}):
        with pytest.raises(NetmodeError, match=r"mine.*2 networks called nmt-twin.*by id"):
            bring(entry("mine", **wanted))
    assert lab.inspect("mine")["State"] == there
    bring({"name": "sealed", "image": IMAGE, "network_mode": "none"})
    one = {"container": "sealed", "name": "eth0", "bridge": "nmt-twin", "addresses": []}
    said = lab.host.run_module("interfaces", {"interfaces": [one]})["msg"]
    assert "2 networks called nmt-twin" in said
    for network in lab.host.api("/networks"):
        if network["Name"] == "nmt-twin":
            lab.docker("network", "rm", network["Id"])


def test_o7_check_mode_predicts_what_runs_once_an_earlier_task_has_made_what_it_needs(lab: Lab) -> None:
    """Networks, a donor and an image that are yet to be made: the same actions before and after they are."""
    wanted = [
        {
            "name": "aa",
            "image": "nmt-image:later",
            "pull_policy": "never",
            "networks": {"nmt-later": {"ipv4_address": "10.79.0.9"}},
        },
        entry("bb", network_mode="container:donor"),
        entry("cc", networks=[NET, "nmt-later"]),
    ]
    bring(entry("cc", networks=[NET]))
    before = lab.state()
    needs = ["nmt-later", "donor", "nmt-image:later"]
    for missing in needs:
        with pytest.raises(NetmodeError, match=missing):
            bring(*wanted, check=True, pending=[name for name in needs if name != missing])
    told = bring(*wanted, check=True, pending=needs)
    lab.same(before, "check mode changed the host")
    lab.docker("network", "create", "--subnet", "10.79.0.0/24", "nmt-later")
    lab.docker("run", "-d", "--name", "donor", IMAGE)
    lab.docker("tag", IMAGE, "nmt-image:later")
    done = bring(*wanted, pending=needs)
    actions = [[one["actions"] for one in outcome.containers.values()] for outcome in (told, done)]
    assert actions == [[["create"], ["create"], ["connect"]]] * 2
    lab.docker("rm", "-f", *lab.names())
    lab.docker("rmi", "nmt-image:later")
