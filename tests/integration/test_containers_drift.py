# SPDX-License-Identifier: GPL-3.0-or-later
"""What was changed manually is found, named in ``reasons`` and fixed, with the least that does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from containers_lab import IDLE, IMAGE, NET, NET2, NEWER, Lab, entry, make_images, make_networks, reasons

if TYPE_CHECKING:
    from lab import Host

Json = dict[str, Any]
BEFORE = entry(
    "one",
    networks={NET: {"ipv4_address": "10.77.0.50", "aliases": ["cache"]}},
    mem_limit="64m",
    restart="unless-stopped",
)


class Drift(NamedTuple):
    name: str
    by_hand: tuple[tuple[str, ...], ...]
    """Docker command lines."""
    said: str
    """A word of the reason."""
    same_container: bool = True
    """It is fixed on the container as it is."""


DRIFTS = (
    Drift("update-memory", (("update", "--memory", "96m", "--memory-swap", "192m", "one"),), "mem_limit"),
    Drift("update-swap", (("update", "--memory-swap", "-1", "one"),), "memswap_limit"),
    Drift(
        "update-reservation",
        (("update", "--memory-reservation", "32m", "one"),),
        "mem_reservation",
        same_container=False,
    ),  # the engine cannot take one away
    Drift("update-restart", (("update", "--restart", "no", "one"),), "restart"),
    Drift(
        "update-cpus", (("update", "--cpus", "0.5", "one"),), "cpus", same_container=False
    ),  # the engine cannot take a limit of CPUs away
    Drift("rename", (("rename", "one", "other"),), "other"),
    Drift("disconnect", (("network", "disconnect", NET, "one"),), NET),
    Drift("connect", (("network", "connect", NET2, "one"),), NET2),
    Drift("address", (("network", "disconnect", NET, "one"), ("network", "connect", NET, "one")), NET),
    Drift("stop", (("stop", "one"),), "exited"),
    Drift("kill", (("kill", "one"),), "exited"),
    Drift("pause", (("pause", "one"),), "paused"),
    Drift("remove", (("rm", "-f", "one"),), "", same_container=False),
    Drift(
        "replace",
        (("rm", "-f", "one"), ("run", "-d", "--name", "one", "--network", "none", IMAGE)),
        "none",
        same_container=False,
    ),
    Drift("replace-image", (("rm", "-f", "one"), ("run", "-d", "--name", "one", NEWER)), "image", same_container=False),
)


@pytest.fixture
def lab(host: Host) -> Lab:
    make_images(host)
    make_networks(host)
    return Lab(host)


def essence(inspect: Json) -> Json:
    """What the drifts touch, of a container's inspect."""
    host, networks = inspect["HostConfig"], inspect["NetworkSettings"]["Networks"]
    ends = {name: (end["IPAddress"], "cache" in (end["Aliases"] or [])) for name, end in networks.items()}
    return {
        "status": inspect["State"]["Status"], "name": inspect["Name"], "ends": ends, "image": inspect["Image"],
        "limits": [host[key] for key in ("Memory", "MemorySwap", "MemoryReservation", "NanoCpus", "RestartPolicy", "NetworkMode")],
    }  # fmt: skip


@pytest.mark.parametrize("drift", DRIFTS, ids=lambda drift: drift.name)
def test_drift_is_found_and_fixed(lab: Lab, drift: Drift) -> None:
    lab.apply(BEFORE)
    before = lab.inspect("one")
    for line in drift.by_hand:
        lab.docker(*line)
    result = lab.converge(BEFORE)
    assert result["containers"]["one"]["changed"]
    assert drift.said in reasons(result, "one"), reasons(result, "one")
    after = lab.inspect("one")
    assert essence(after) == essence(before)
    assert (after["Id"] == before["Id"]) is drift.same_container
    assert after["State"]["StartedAt"] == before["State"]["StartedAt"] or drift.name not in (
        "rename",
        "pause",
        "connect",
        "disconnect",
        "address",
    ), "no restart for that"
    assert lab.names() == ["one"]


def test_several_at_once_are_all_told(lab: Lab) -> None:
    lab.apply(BEFORE)
    for line in (
        ("rename", "one", "other"),
        ("update", "--restart", "no", "other"),
        ("network", "connect", NET2, "other"),
        ("stop", "other"),
    ):
        lab.docker(*line)
    result = lab.converge(BEFORE)
    said = reasons(result, "one")
    assert all(word in said for word in ("other", "restart", NET2, "exited")), said


def test_stopped_by_list_but_started_by_hand(lab: Lab) -> None:
    entry_ = entry("one", state="stopped")
    lab.apply(entry_)
    lab.docker("start", "one")
    lab.converge(entry_)
    assert lab.inspect("one")["State"]["Status"] == "exited"
    lab.docker("start", "one")
    lab.docker("pause", "one")
    lab.converge(entry_)
    assert lab.inspect("one")["State"]["Status"] == "exited"


def test_tag_that_moved(lab: Lab) -> None:
    lab.docker("tag", IMAGE, "nmt-moving:latest")
    moving = {**entry("one"), "image": "nmt-moving"}
    lab.converge(moving)
    lab.docker("tag", NEWER, "nmt-moving:latest")
    result = lab.converge(moving)
    assert "image" in reasons(result, "one")
    assert lab.inspect("one")["Image"] == lab.docker("image", "inspect", "-f", "{{.Id}}", NEWER)
    lab.docker("rmi", "nmt-moving:latest")


def test_made_by_hand_is_adopted_without_a_change(lab: Lab) -> None:
    lab.docker(
        "run",
        "-d",
        "--name",
        "one",
        "-p",
        "127.0.0.1:18130:6379",
        "-v",
        "nmt-data:/data",
        "--restart",
        "always",
        "-e",
        "A=1",
        IMAGE,
    )
    lab.unchanged(
        entry(
            "one", ports=["127.0.0.1:18130:6379"], volumes=["nmt-data:/data"], restart="always", environment={"A": "1"}
        )
    )


def test_made_by_hand_in_the_hosts_pid_namespace_is_adopted_without_a_change(lab: Lab) -> None:
    """The engine then adds label=disable to the security options, which nobody asked for."""
    lab.docker("run", "-d", "--name", "one", "--pid", "host", IMAGE)
    lab.unchanged(entry("one"))


def test_restarting_for_ever_is_fixed_by_the_right_command(lab: Lab) -> None:
    lab.apply(entry("one", command=["busybox", "false"], restart="always"))
    lab.apply(entry("one", command=IDLE, restart="always"))
    assert lab.inspect("one")["State"]["Running"]
    lab.unchanged(entry("one", command=IDLE, restart="always"))


def test_a_stranger_made_of_an_image_that_carries_our_label_is_left_alone(lab: Lab) -> None:
    """An image committed from a container of the list has its label, and so has all that is made of that image."""
    lab.apply(entry("one"))
    lab.docker("commit", "one", "nmt-committed:1")
    lab.docker("rm", "-f", "one")
    try:
        lab.docker("run", "-d", "--name", "innocent", "nmt-committed:1")
        before = lab.inspect("innocent")
        assert not lab.apply({"name": "one", "state": "absent"})["changed"]
        assert lab.converge(entry("one"))["containers"]["one"]["actions"] == ["create"]
        assert lab.inspect("innocent") == before
    finally:
        lab.docker("rm", "-f", "innocent", "one", check=False)
        lab.docker("rmi", "nmt-committed:1")


def test_containers_outside_the_list_are_left_alone(lab: Lab) -> None:
    lab.docker("run", "-d", "--name", "stranger", IMAGE)
    before = lab.inspect("stranger")
    lab.converge(entry("one"))
    assert lab.inspect("stranger") == before
