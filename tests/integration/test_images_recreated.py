# SPDX-License-Identifier: GPL-3.0-or-later
"""O1 to O3: what changes when a container of an image of any shape is recreated, and what is not a reason to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from containers_lab import Lab
from lab import wait_until
from shapes import SHAPES, Shape, make

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

Json = dict[str, Any]
pytestmark = [pytest.mark.engines, pytest.mark.spread]


@pytest.fixture(scope="module")
def donor(machine: Host) -> Iterator[None]:
    before = machine.things()
    make(machine, [SHAPES["redis"]])
    machine.sh("mkdir -p /srv/nmt")
    machine.docker("run", "-d", "--name", "nmt-donor", SHAPES["redis"].image)
    yield
    machine.remove_new(before)


# --- what a recreate leaves --------------------------------------------------------------------------------------------

SLEEP = ["busybox", "sleep", "1d"]


@pytest.fixture
def lab(host: Host, donor: None) -> Lab:
    return Lab(host)


def shaped(host: Host, name: str, **config: Any) -> str:
    shape = Shape(name, {"Cmd": SLEEP, "StopSignal": "SIGKILL", **config}, {})
    make(host, [shape])
    return shape.image


def volumes(host: Host) -> list[str]:
    return sorted(volume["Name"] for volume in host.api("/volumes")["Volumes"] or [])


MOUNTED: dict[str, Json] = {
    "anonymous": {},
    "tmpfs": {"tmpfs": ["/data"]},
    "named": {"volumes": ["nmt-data:/data"]},
    "bind": {"volumes": ["/srv/nmt:/data/"]},
    "read-only": {"read_only": True},
}


@pytest.mark.parametrize("place", ["/data/", pytest.param("/data", marks=pytest.mark.thorough)])
def test_no_recreate_leaves_a_volume_behind(lab: Lab, place: str) -> None:
    """One container for each way in which a place of the image is mounted, all in one list."""
    image = shaped(lab.host, "volume", Volumes={place: {}})
    given = [{"name": name, "image": image, **more} for name, more in MOUNTED.items()]
    lab.converge(*given)
    lab.docker("exec", "anonymous", "busybox", "touch", "/data/kept")
    before = volumes(lab.host)
    for number in range(2):
        changed = [{**one, "labels": {"turn": str(number)}} for one in given]
        made = lab.apply(*changed)["containers"].values()
        assert [one["actions"] for one in made] == [["recreate"]] * len(MOUNTED)
        assert volumes(lab.host) == before
    lab.unchanged(*changed)
    assert lab.docker("exec", "anonymous", "busybox", "ls", "/data") == "kept"


def test_the_data_goes_along_to_an_image_that_asks_for_no_volume_and_back(lab: Lab) -> None:
    old, new = shaped(lab.host, "with", Volumes={"/data/": {}}), shaped(lab.host, "without", WorkingDir="/data")
    lab.converge({"name": "one", "image": old})
    lab.docker("exec", "one", "busybox", "touch", "/data/kept")
    before = volumes(lab.host)
    for image in (new, old):
        lab.converge({"name": "one", "image": image})
        assert lab.docker("exec", "one", "busybox", "ls", "/data") == "kept"
        assert volumes(lab.host) == before


def test_a_volume_that_has_no_place_any_more_stays_and_is_told(lab: Lab) -> None:
    image = shaped(lab.host, "volume", Volumes={"/data": {}})
    lab.apply({"name": "one", "image": image})
    (anonymous,) = (mount["Name"] for mount in lab.inspect("one")["Mounts"])
    result = lab.apply({"name": "one", "image": image, "volumes": ["nmt-data:/data"]})
    assert anonymous in volumes(lab.host)
    assert f"one: the volume {anonymous} of the old container" in str(result["warnings"])


HANDS: dict[str, tuple[list[str], Json]] = {
    "unnamed": (["-v", "/data"], {}),
    "mount": (["--mount", "type=volume,dst=/data"], {}),
    "by-its-name": (["-v", f"{'0a' * 32}:/data"], {}),
    "from-another": (["--volumes-from", "source"], {}),
    "below": (["-v", "nmt-below:/data/below"], {"volumes": ["nmt-below:/data/below"]}),
    "read-only": (["--read-only", "-v", "nmt-there:/data/"], {"read_only": True, "volumes": ["nmt-there:/data"]}),
}


def test_o2_the_data_of_what_was_made_manually_goes_along_however_it_was_mounted(lab: Lab) -> None:
    image = shaped(lab.host, "volume", Volumes={"/data/": {}})
    lab.docker("run", "-d", "--name", "source", image)
    given = [{"name": name, "image": image, **wanted} for name, (_, wanted) in HANDS.items()]
    for name, (options, _) in HANDS.items():
        lab.docker("run", "-d", "--name", name, *options, image)
        lab.docker("exec", name, "busybox", "sh", "-c", f"echo {name} >/data/{name}.txt")
    before = volumes(lab.host)
    lab.unchanged(*given)
    lab.converge(*({**one, "labels": {"turn": "1"}} for one in given))
    for name in HANDS:
        assert lab.docker("exec", name, "busybox", "cat", f"/data/{name}.txt") == name
    assert volumes(lab.host) == before


def test_drift_is_fixed_by_the_least_act(lab: Lab) -> None:
    """Made manually in each mode, stopped and paused manually, and back without another container."""
    image = shaped(lab.host, "volume", Volumes={"/data/": {}}, ExposedPorts={"6379/tcp": {}})
    modes = {"bridged": "bridge", "hosted": "host", "lonely": "none", "sharer": "container:nmt-donor"}
    given = [{"name": name, "image": image, "network_mode": mode} for name, mode in modes.items()]
    for one in given:
        lab.docker("run", "-d", "--name", one["name"], "--network", one["network_mode"], image)
    keys = [lab.id(name) for name in modes]
    lab.unchanged(*given)
    for words, action in ((["stop"], "start"), (["pause"], "unpause")):
        lab.docker(*words, *modes)
        fixed = lab.converge(*given)["containers"].values()
        assert [one["actions"] for one in fixed] == [[action]] * len(modes)
        assert [lab.id(name) for name in modes] == keys


@pytest.mark.thorough
def test_a_committed_image_hands_on_labels_and_they_are_no_difference(lab: Lab) -> None:
    file = {"target": "/etc/one.conf", "content": "x", "mode": "0444", "uid": 0, "gid": 0}
    lab.apply({"name": "one", "image": shaped(lab.host, "plain"), "configs": [file], "labels": {"a": "1"}})
    lab.docker("commit", "one", "netmode-test/committed")
    lab.docker("rm", "-f", "one")
    given = {"name": "two", "image": "netmode-test/committed"}
    lab.docker("run", "-d", "--name", "two", given["image"])
    lab.unchanged(given)
    lab.converge({**given, "labels": {"b": "2"}})
    lab.converge(given)
    lab.converge({**given, "configs": [{**file, "content": "y"}]})
    lab.converge(given)


GIVES_AWAY = [
    "busybox",
    "sh",
    "-c",
    "busybox chown 1000:1000 /etc/one.conf; busybox chmod 600 /etc/one.conf; exec busybox sleep 1d",
]


def test_a_file_that_the_entrypoint_gives_to_another_user_is_unchanged(lab: Lab) -> None:
    file = {"target": "/etc/one.conf", "content": "x", "mode": "0444", "uid": 0, "gid": 0}
    given = {"name": "one", "image": shaped(lab.host, "plain"), "command": GIVES_AWAY, "configs": [file]}
    lab.apply(given)
    look = ("exec", "one", "busybox", "stat", "-c", "%u %a", "/etc/one.conf")
    wait_until(lambda: lab.docker(*look) == "1000 600", "the file was given away")
    lab.unchanged(given)
    for change in ({"mode": "0440"}, {"uid": 7}, {"content": "y"}):
        file = {**file, **change}
        assert lab.apply({**given, "configs": [file]})["containers"]["one"]["actions"] == ["recreate"]
    wait_until(lambda: lab.docker(*look) == "1000 600", "the file was given away")
    lab.unchanged({**given, "configs": [file]})
    lab.docker("exec", "one", "busybox", "sh", "-c", "echo manually >/etc/one.conf")
    assert lab.apply({**given, "configs": [file]})["containers"]["one"]["actions"] == ["recreate"]


# --- the daemon's own settings ------------------------------------------------------------------------------------------

SETTINGS = ("--default-ulimit", "nofile=700:900", "--default-shm-size", "96m", "--log-driver", "none", "--init")


def test_defaults_of_the_daemon_are_neither_drift_nor_overridden(lab: Lab) -> None:
    image = shaped(lab.host, "plain")
    old = {"name": "old", "image": image}
    lab.converge(old)
    asked = {"image": image, "shm_size": "64m", "ulimits": {"nofile": {"soft": 300, "hard": 400}}, "init": False}
    with lab.host.engine_with(*SETTINGS):
        new = {"name": "new", "image": image}
        lab.converge(old, new)
        lab.docker("run", "-d", "--name", "by-hand", image)
        lab.unchanged({"name": "by-hand", "image": image}, new)
        assert lab.inspect("new")["HostConfig"]["ShmSize"] == 96 * 2**20
        limits = lab.host.sh(f"grep 'open files' /proc/{lab.pid('new')}/limits").split()
        assert limits[3:5] == ["700", "900"]
        lab.converge({"name": "asked", **asked})
        assert lab.inspect("asked")["HostConfig"]["ShmSize"] == 64 * 2**20
        lab.docker("rm", "-f", "by-hand")
        lab.docker("run", "-d", "--name", "by-hand", "--ulimit", "nofile=100:100", "--shm-size", "32m", image)
        told = lab.apply({"name": "by-hand", "image": image})["containers"]["by-hand"]
        assert told["actions"] == ["recreate"]
        assert "shm_size" in told["reasons"][0]
        assert "ulimits" in told["reasons"][0]
        lab.unchanged({"name": "by-hand", "image": image}, {"name": "asked", **asked})


FURTHER = (
    "--default-ipc-mode", "shareable", "--default-cgroupns-mode", "host", "--log-opt", "max-size=1m", "--dns", "10.9.9.9",
    "--dns-search", "example.org", "--ip", "127.0.0.2", "--icc=false", "--userland-proxy=false", "--no-new-privileges",
)  # fmt: skip


@pytest.mark.thorough
def test_o3_further_settings_of_the_daemon_are_neither_drift_nor_overridden(lab: Lab) -> None:
    """Its namespaces, log options, name servers, address of published ports and security."""
    image = shaped(lab.host, "plain")
    old, new, manual = (
        {"name": name, "image": image, "ports": [f"1853{n}:80"]} for n, name in enumerate(("old", "new", "manual"))
    )
    lab.converge(old)
    ident = lab.id("old")
    with lab.host.engine_with(*FURTHER):
        lab.docker("run", "-d", "--name", "manual", "-p", "18532:80", image)
        done = lab.converge(old, new, manual)["containers"]
        assert [one["actions"] for one in done.values()] == [["start"], ["create"], []]
        assert lab.inspect("new")["HostConfig"]["IpcMode"] == "shareable"
        assert lab.inspect("new")["HostConfig"]["LogConfig"]["Config"] == {"max-size": "1m"}
        assert lab.inspect("new")["NetworkSettings"]["Ports"]["80/tcp"][0]["HostIp"] == "127.0.0.2"
        lab.converge({**new, "labels": {"a": "b"}})
        assert lab.inspect("new")["HostConfig"]["LogConfig"]["Config"] == {"max-size": "1m"}
    done = lab.converge(old, {**new, "labels": {"a": "b"}}, manual)["containers"]
    assert [one["actions"] for one in done.values()] == [["start"]] * 3
    assert lab.id("old") == ident
