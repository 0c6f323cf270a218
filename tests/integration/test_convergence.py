# SPDX-License-Identifier: GPL-3.0-or-later
"""Recreation: what it costs, what it keeps, and what is there when it fails or when the engine is killed in its middle."""

from __future__ import annotations

import json
import re
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from containers_lab import IMAGE, NO_PROGRAM, RICH, Lab, entry, make_images
from lab import wait_until
from shapes import BARE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

Json = dict[str, Any]
DATA = "nmt-data:/data"


@pytest.fixture
def lab(host: Host) -> Lab:
    make_images(host)
    return Lab(host)


def write(lab: Lab, name: str, text: str) -> None:
    lab.docker("exec", name, "busybox", "sh", "-c", f"echo {text} > /data/file")


def read(lab: Lab, name: str) -> str:
    return lab.docker("exec", name, "busybox", "cat", "/data/file")


# --- what it costs and keeps -----------------------------------------------------------------------------------------


def test_the_gap_is_one_stop_and_one_start(lab: Lab) -> None:
    """The new container is made before the old one is stopped, and nothing else lies between stop and start."""
    lab.apply(entry("one", volumes=[DATA], ports=["18401:80"]))
    with lab.events() as events:
        lab.apply(entry("one", volumes=[DATA], ports=["18401:80"], environment={"A": "1"}))
    actions = [event.action for event in events]
    assert actions.index("create") < actions.index("kill"), actions
    between = actions[actions.index("die") + 1 : actions.index("start")]
    assert set(between) <= {"stop", "rename"}, actions
    assert actions.count("create") == actions.count("start") == actions.count("die") == actions.count("destroy") == 1, (
        actions
    )


@pytest.mark.parametrize(
    "change",
    [
        {"user": "0:0"},
        {"network_mode": "none"},
        {"image": RICH},
        {"recreate": "always"},
        {"volumes": [DATA, "nmt-other:/other"]},
    ],
    ids=["option", "mode", "image", "always", "another-volume"],
)
def test_named_volume_is_kept(lab: Lab, change: Json) -> None:
    """R2"""
    lab.apply(entry("one", volumes=[DATA]))
    write(lab, "one", "kept")
    old = lab.id("one")
    lab.apply({**entry("one", volumes=[DATA]), **change})
    assert lab.id("one") != old
    assert read(lab, "one") == "kept"


def test_anonymous_volume_is_carried_over(lab: Lab) -> None:
    """R2: an image with VOLUME /data and a list that names no volume, as Compose does it."""
    given = {"name": "one", "image": RICH}
    lab.apply(given)
    write(lab, "one", "kept")
    lab.apply({**given, "environment": {"A": "1"}})
    assert read(lab, "one") == "kept"
    lab.unchanged({**given, "environment": {"A": "1"}})


def test_redis_keeps_its_keys(lab: Lab) -> None:
    """R2: the same key and value after a recreate, saved by Redis itself when it is asked to stop."""
    command = ["redis-server", "--save", "3600 1", "--dir", "/data"]
    lab.apply(entry("one", command=command, volumes=[DATA]))
    ask = ("exec", "one", "redis-cli")
    wait_until(lambda: lab.docker(*ask, "ping", check=False) == "PONG", "Redis answers")
    lab.docker(*ask, "set", "marker", "kept")
    lab.apply(entry("one", command=command, volumes=[DATA], network_mode="none"))
    wait_until(lambda: lab.docker(*ask, "ping", check=False) == "PONG", "Redis answers")
    assert lab.docker(*ask, "get", "marker") == "kept"
    assert lab.docker(*ask, "dbsize") == "1"


# --- the old one has data to save --------------------------------------------------------------------------------------


def test_redis_that_cannot_save_is_neither_killed_nor_replaced(lab: Lab) -> None:
    """R3: its final save fails, so it does not end. It runs on with its data, until it can save."""
    given = entry(
        "one", command=["redis-server", "--save", "3600 1", "--dir", "/data"], user="1000",
        volumes=[DATA], stop_grace_period="2s", restart="always",
    )  # fmt: skip
    changed = {**given, "environment": {"A": "1"}}
    lab.apply(given)
    # While the volume is empty, the engine gives it the owner of the image's /data with every new container.
    lab.docker("exec", "-u", "0", "one", "busybox", "touch", "/data/here")
    lab.docker("exec", "-u", "0", "one", "busybox", "chown", "1000", "/data")
    ask = ("exec", "one", "redis-cli")
    wait_until(lambda: lab.docker(*ask, "ping", check=False) == "PONG", "Redis answers")
    lab.docker(*ask, "set", "marker", "kept")
    lab.docker("exec", "-u", "0", "one", "busybox", "chmod", "555", "/data")
    old = lab.id("one")
    for unwanted in (changed, {**given, "state": "stopped"}, {"name": "one", "state": "absent"}):
        lab.fails(unwanted, words=["one", "stop", "stop_grace_period of 2 s", "not killed", "docker logs one"])
        assert lab.id("one") == old
        assert lab.names() == ["one"]
        assert lab.docker(*ask, "get", "marker") == "kept"
    lab.docker("exec", "-u", "0", "one", "busybox", "chmod", "755", "/data")
    lab.apply({**changed, "stop_grace_period": "60s"})
    wait_until(lambda: lab.docker(*ask, "ping", check=False) == "PONG", "Redis answers")
    assert lab.docker(*ask, "get", "marker") == "kept"


TRAP = ["busybox", "sh", "-c", "trap 'exit 3' TERM; while :; do busybox sleep 9 & wait; done"]


def test_one_that_ends_in_an_error_is_put_back(lab: Lab) -> None:
    """R3: it may not have saved its data."""
    given = entry("one", command=TRAP, volumes=[DATA], stop_grace_period="20s")
    lab.apply(given)
    old = lab.id("one")
    lab.fails({**given, "labels": {"a": "1"}}, words=["one", "stop", "status 3", "docker logs one", "is back"])
    assert lab.id("one") == old
    assert lab.inspect("one")["State"]["Running"]


@pytest.mark.parametrize("told", [{"stop_grace_period": 1}, {"volumes": [DATA]}], ids=["no-data", "no-period"])
@pytest.mark.parametrize("command", [TRAP, ["busybox", "sleep", "900"]], ids=["error", "deaf"])
def test_one_without_data_or_period_is_replaced_whatever_it_does(lab: Lab, command: list[str], told: Json) -> None:
    """Much that runs as PID 1 hears no signal. It is killed and recreated, and a warning says so."""
    given = entry("one", command=command, image=BARE, **told)  # the official one has data of itself: its VOLUME
    lab.apply(given)
    result = lab.apply({**given, "labels": {"a": "1"}})
    assert result["containers"]["one"]["actions"] == ["recreate"]
    assert ("status 3" if command is TRAP else "was killed") in str(result["warnings"])


# --- when it fails ----------------------------------------------------------------------------------------------------


BROKEN = {
    "command": (NO_PROGRAM, "/nonexistent"),
    "entrypoint-no-file": ({"entrypoint": ["/dev/null"]}, "/dev/null"),
    "working-user": ({"user": "nobody-of-this-name"}, "nobody-of-this-name"),
    "bind-over-a-file": ({"volumes": [DATA, "/srv:/bin/busybox"]}, "/bin/busybox"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_failed_recreate_leaves_the_old_one_running(lab: Lab, name: str) -> None:
    change, word = BROKEN[name]
    good = entry("one", volumes=[DATA], ports=["18402:80"])
    lab.apply(good)
    write(lab, "one", "kept")
    old = lab.inspect("one")
    lab.fails({**good, **change}, words=["one", word])
    now = lab.inspect("one")
    assert (now["Id"], now["Name"]) == (old["Id"], "/one")
    assert now["State"]["Running"]
    assert lab.names() == ["one"], "nothing is left over"
    assert read(lab, "one") == "kept"
    lab.unchanged(good)
    lab.fails({**good, **change}, words=["one", word])
    lab.apply({**good, "environment": {"A": "1"}})
    assert read(lab, "one") == "kept"


def test_failed_first_start_leaves_nothing(lab: Lab) -> None:
    lab.fails(entry("one", **NO_PROGRAM), words=["one", "/nonexistent"])
    assert lab.names() == []
    lab.apply(entry("one"))


def test_a_stopped_old_one_stays_stopped_when_its_recreate_fails(lab: Lab) -> None:
    lab.apply(entry("one", state="stopped"))
    old = lab.id("one")
    lab.fails(entry("one", **NO_PROGRAM), words=["one", "/nonexistent"])
    assert lab.id("one") == old
    assert not lab.inspect("one")["State"]["Running"]


def test_image_that_cannot_be_had_stops_nothing(lab: Lab) -> None:
    lab.apply(entry("one"))
    lab.refused(entry("one", image="localhost:1/nowhere:1"), words=["one", "localhost:1/nowhere"])


def test_leftovers_of_an_interrupted_run_are_no_obstacle(lab: Lab) -> None:
    """Whatever name a half-made container had: what a killed run left behind is gone after the next one."""
    lab.apply(entry("one"))
    with lab.events() as events:
        lab.apply(entry("one", labels={"a": "1"}))
    interim = next(event.name for event in events if event.action == "create")
    lab.docker("create", "--name", interim, "--label", "netmode.docker.name=one", IMAGE)
    lab.apply(entry("one", labels={"a": "2"}))
    assert lab.names() == ["one"]


# --- the engine killed in the middle ---------------------------------------------------------------------------------


def actions() -> Iterator[str]:
    """What happens to containers, as it happens, straight from the engine's socket; an empty string once it listens."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect("/var/run/docker.sock")
        connection.sendall(b'GET /events?filters={"type":["container"]} HTTP/1.0\r\n\r\n')
        lines = connection.makefile("rb")
        while lines.readline().strip():
            pass
        yield ""
        for line in lines:
            if line.startswith(b"{"):
                yield json.loads(line)["Action"].partition(":")[0]


class Killer(threading.Thread):
    """Kills the engine at once when an action is seen for the n-th time."""

    def __init__(self, host: Host, action: str, count: int) -> None:
        super().__init__(daemon=True)
        self._host, self._action, self._left = host, action, count
        self.listens, self.struck = threading.Event(), threading.Event()
        self.start()
        assert self.listens.wait(10)

    def run(self) -> None:
        for action in actions():
            self.listens.set()
            self._left -= action == self._action
            if self._left <= 0:
                self._host.kill_engine()
                self.struck.set()
                return


FLEET = [
    entry("sharer", network_mode="container:donor", volumes=["nmt-sharer:/data"]),
    entry("donor", volumes=["nmt-donor:/data"], ports=["18403:80"]),
    entry("third", network_mode="none", volumes=["nmt-third:/data"]),
]
CHANGED = [{**one, "environment": {"A": "1"}} for one in FLEET]
MOMENTS = [("deploy", "start", 2), ("recreate", "die", 1), ("recreate", "rename", 2), ("recreate", "start", 1)]
MORE = [
    ("deploy", "create", 1), ("recreate", "create", 1), ("recreate", "rename", 1), ("recreate", "destroy", 1),
    ("recreate", "die", 3),
]  # fmt: skip


@pytest.mark.parametrize(
    ("work", "action", "count"),
    [
        *(pytest.param(*moment, id="-".join(map(str, moment))) for moment in MOMENTS),
        *(pytest.param(*moment, id="-".join(map(str, moment)), marks=pytest.mark.thorough) for moment in MORE),
    ],
)
def test_engine_killed_in_the_middle(lab: Lab, work: str, action: str, count: int) -> None:
    """The interrupted run says so without a traceback. The next one brings all to what the list says, with its data."""
    names = [one["name"] for one in FLEET]
    if work == "recreate":
        lab.apply(*FLEET)
        for name in names:
            write(lab, name, name)
    killer = Killer(lab.host, action, count)
    try:
        interrupted = lab.host.run_module("containers", {"containers": CHANGED})
        killer.join(30)
        assert killer.struck.is_set(), f"{action} was not seen {count} times: {interrupted}"
    finally:
        if not lab.host.engine_is_up():
            lab.host.start_engine()
    if interrupted.get("failed"):
        assert "engine" in interrupted["msg"].lower(), interrupted["msg"]
    again = lab.host.run_module("containers", {"containers": CHANGED})
    if "takes it back" in again.get("msg", ""):  # containerd was slower than the engine's end and its new start
        lab.host.kill_engine("TERM")
        lab.host.start_engine()
        lab.apply(*CHANGED)
    elif "left by an engine that was killed" in again.get("msg", ""):  # which the engine does not end when it is back
        lab.host.sh(f"kill {re.findall(r'docker-proxy .pid ([0-9]+)', again['msg'])[0]}")
        lab.apply(*CHANGED)
    else:
        assert not again.get("failed"), again["msg"]
    assert lab.names() == sorted(names), "something is left over"
    assert all(lab.inspect(name)["State"]["Running"] for name in names)
    assert all("A=1" in lab.inspect(name)["Config"]["Env"] for name in names)
    assert lab.netns("sharer") == lab.netns("donor")
    if work == "recreate":
        assert [read(lab, name) for name in names] == names
    lab.unchanged(*CHANGED)
