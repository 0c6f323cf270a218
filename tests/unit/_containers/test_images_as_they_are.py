# SPDX-License-Identifier: GPL-3.0-or-later
"""What is expected of a container and what is read from it agree, whatever image and daemon bring."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._containers import configs, mounted
from ansible_collections.netmode.docker.plugins.module_utils._containers import options as containers_options
from ansible_collections.netmode.docker.plugins.module_utils._engine import defaults as engine_defaults
from engine_model import HOST_NAME, create
from hypothesis import example, given, settings
from hypothesis import strategies as st

Json = dict[str, Any]
WORDS = st.sampled_from(["a", "b c", "x=y", "ü"])
PATHS = st.sampled_from(["/data", "/data/", "/srv//x", "/srv/x/../y", "/var/lib/z"])
TARGETS = st.sampled_from(["/data", "/data/", "/srv/x", "/srv/y", "/elsewhere"])
LISTS = st.lists(WORDS, max_size=2)
CHECKS = st.fixed_dictionaries(
    {}, optional={"Interval": st.integers(0, 3), "Retries": st.integers(0, 3), "Test": LISTS}
)
IMAGES = st.fixed_dictionaries(
    {},
    optional={
        "Env": st.lists(st.sampled_from(["A=1", "B=two words", "EMPTY=", "PATH=/bin"]), unique=True),
        "Cmd": LISTS,
        "Entrypoint": LISTS,
        "ExposedPorts": st.dictionaries(st.sampled_from(["80/tcp", "6379/tcp", "53/udp"]), st.just({})),
        "Volumes": st.dictionaries(PATHS, st.just({})),
        "Labels": st.dictionaries(
            st.sampled_from(["origin", containers_options.NAME_LABEL, containers_options.CONFIGS_LABEL]), WORDS
        ),
        "User": st.sampled_from(["", "0", "999:999"]),
        "WorkingDir": st.sampled_from(["", "/data/", "/x/../srv"]),
        "StopSignal": st.sampled_from(["", "SIGQUIT", "15", "INT"]),
        "StopTimeout": st.integers(1, 90),
        "Healthcheck": CHECKS,
    },
)
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "command": LISTS,
        "entrypoint": LISTS,
        "environment": st.dictionaries(st.sampled_from(["A", "C"]), WORDS),
        "labels": st.dictionaries(st.sampled_from(["origin", "own"]), WORDS),
        "user": st.sampled_from(["0", "1000"]),
        "working_dir": st.sampled_from(["", "/data/", "/srv"]),
        "stop_signal": st.sampled_from(["SIGTERM", "int"]),
        "expose": st.lists(st.integers(79, 81)),
        "ports": st.lists(st.sampled_from(["80:80", "127.0.0.1:81:80/udp", "6379"]), unique=True),
        "healthcheck": st.one_of(
            st.just({"disable": True}),
            st.fixed_dictionaries({}, optional={"test": st.just("true"), "retries": st.integers(0, 3)}),
        ),
        "mem_limit": st.sampled_from([0, "64m"]),
        "shm_size": st.sampled_from([0, "64m", "32m", "96m"]),
        "init": st.booleans(),
        "ulimits": st.dictionaries(st.sampled_from(["nofile", "nproc"]), st.sampled_from([500, 900])),
        "volumes": st.lists(st.tuples(st.sampled_from(["/srv/a/", "/srv/b", "named"]), TARGETS), max_size=2),
        "tmpfs": st.lists(TARGETS, max_size=1),
    },
)
DAEMONS = st.fixed_dictionaries(
    {
        "shm_size": st.sampled_from([64 * 2**20, 96 * 2**20]),
        "ulimits": st.dictionaries(st.sampled_from(["nofile", "core"]), st.just((500, 500))),
    }
)
MODES = st.sampled_from(["bridge", "host", "none", "container:" + "d" * 64])


def parsed(entry: Json) -> Json:
    seen: set[str] = set()
    mounts: Json = {"volumes": [], "tmpfs": []}
    for option in mounts:
        for item in entry.get(option, []):
            target = (item if option == "tmpfs" else item[1]).rstrip("/")
            if target not in seen:
                mounts[option].append(item if option == "tmpfs" else ":".join(item))
                seen.add(target)
    return containers_options.parse("one", {**entry, **mounts})


def compare(asked: Json, image: Json, mode: str, daemon: Json, made_with: Json | None = None) -> Json:
    """The differences of a container that an engine made with some options from others."""
    shares = mode.startswith("container:")
    made = containers_options.expected(asked if made_with is None else made_with, image, shares=shares)
    inspect = create(containers_options.body(made, "image", mode, "one"), image, settings=daemon)
    wanted = containers_options.expected(asked, image, shares=shares)
    ulimits = tuple((name, *limit) for name, limit in daemon["ulimits"].items())
    defaults = engine_defaults.Defaults(True, daemon["shm_size"], ulimits)
    return containers_options.differences(containers_options.observed(inspect, HOST_NAME, wanted, defaults), wanted)


NO_SETTINGS = {"shm_size": 64 * 2**20, "ulimits": {}}


@settings(max_examples=600, deadline=None)
@given(ENTRIES, IMAGES, MODES, DAEMONS)
@example({}, {"ExposedPorts": {"6379/tcp": {}}}, "container:" + "d" * 64, NO_SETTINGS)
@example({}, {"Volumes": {"/data/": {}}}, "bridge", NO_SETTINGS)
@example({"tmpfs": ["/data"]}, {"Volumes": {"/data": {}}}, "none", NO_SETTINGS)
@example({"command": []}, {"Entrypoint": ["a"], "Cmd": ["b"]}, "bridge", NO_SETTINGS)
@example({"healthcheck": {"retries": 0}}, {"Healthcheck": {"Retries": 3}}, "bridge", NO_SETTINGS)
def test_a_container_is_as_expected_of_the_options_it_was_made_with(
    entry: Json, image: Json, mode: str, daemon: Json
) -> None:
    asked = parsed(entry)
    if mode.startswith("container:"):
        asked.pop("ports", None)  # refused there
    assert compare(asked, image, mode, daemon) == {}


@settings(max_examples=100, deadline=None)
@given(ENTRIES, IMAGES, MODES, DAEMONS, st.sampled_from(["user", "environment", "labels", "volumes", "stop_signal"]))
def test_an_option_that_was_another_is_a_difference(
    entry: Json, image: Json, mode: str, daemon: Json, option: str
) -> None:
    asked = parsed(entry)
    other = {
        "user": "77", "environment": ["A=other"], "labels": {"own": "other"}, "stop_signal": "SIGUSR1",
        "volumes": [("other", "/other", ())],
    }[option]  # fmt: skip
    assert option in compare(asked, image, mode, daemon, {**asked, option: other})


SLAVE = {"Propagation": "rslave"}


@pytest.mark.parametrize(
    ("config", "host", "wanted"),
    [
        ({"Volumes": {"/data/": {}}}, {}, [("", "/data", ())]),
        ({"Volumes": {"/data/": {}}}, {"Tmpfs": {"/data": ""}}, []),
        ({"Volumes": {"/data/": {}}}, {"Mounts": [{"Type": "tmpfs", "Target": "/data"}]}, []),
        ({"Volumes": {"/data": {}}}, {"Binds": ["/srv/x/:/data/"]}, [("/srv/x", "/data", ())]),
        ({}, {"Binds": ["/data"]}, [("", "/data", ())]),
        ({}, {"Binds": ["a:/x:rw,rprivate,z"]}, [("a", "/x", ("z",))]),
        ({}, {"Mounts": [{"Type": "volume", "Target": "/data"}]}, [("", "/data", ())]),
        (
            {},
            {"Mounts": [{"Type": "volume", "Source": "a", "Target": "/x", "VolumeOptions": {"NoCopy": True}}]},
            [("a", "/x", ("nocopy",))],
        ),
        (
            {},
            {"Mounts": [{"Type": "bind", "Source": "/a", "Target": "/x", "ReadOnly": True, "BindOptions": SLAVE}]},
            [("/a", "/x", ("ro", "rslave"))],
        ),
    ],
)  # fmt: skip
def test_a_mount_is_one_however_it_was_asked_for(config: Json, host: Json, wanted: list[Any]) -> None:
    assert mounted.volumes(config, host) == wanted


@pytest.mark.parametrize(
    ("mount", "options"),
    [
        ({}, []),
        ({"TmpfsOptions": {"SizeBytes": 65536, "Mode": 0o1777}}, ["mode=1777", "size=65536"]),
        ({"ReadOnly": True}, ["ro"]),
    ],
)
def test_a_tmpfs_is_one_however_it_was_asked_for(mount: Json, options: list[str]) -> None:
    found = mounted.tmpfs({"Mounts": [{"Type": "tmpfs", "Target": "/x/", **mount}]})
    assert {path: mounted.tmpfs_options(given) for path, given in found.items()} == {"/x": options}
    assert mounted.tmpfs_options("rw,size=64k,mode=1777") == ["mode=1777", "size=65536"]


A = "a" * 64


@pytest.mark.parametrize(
    ("target", "image", "config", "host", "wanted", "over", "outcome"),
    [
        ("/data", {"Volumes": {"/data/": {}}}, {}, {}, [("", "/data", ())], {}, "kept"),
        ("/data", {"Volumes": {"/data/": {}}}, {}, {}, [], {}, "kept"),
        ("/data", {}, {}, {"Binds": [f"{A}:/data"]}, [], {}, "kept"),
        ("/data", {"Volumes": {"/data": {}}}, {}, {"Tmpfs": {"/data": ""}}, [], {"/data": ""}, "unused"),
        ("/data", {"Volumes": {"/data": {}}}, {}, {}, [("named", "/data", ())], {}, "left"),
        ("/data", {"Volumes": {"/data": {}}}, {}, {}, [], {"/data": ""}, "left"),
        ("/own", {}, {"Volumes": {"/own": {}}}, {}, [], {}, "left"),
        ("/data", {}, {}, {"Binds": [f"{A}:/data"]}, [(A, "/data", ())], {}, None),
    ],
)
def test_what_becomes_of_an_anonymous_volume(
    target: str, image: Json, config: Json, host: Json, wanted: Any, over: Json, outcome: str | None
) -> None:
    mount = {"Type": "volume", "Name": A, "Destination": target}
    named = {"Type": "volume", "Name": "named", "Destination": "/named"}
    handed = mounted.hand_on({"Config": config, "HostConfig": host, "Mounts": [mount, named]}, image, wanted, over)
    assert handed == mounted.Handed(
        [f"{A}:{target}"] if outcome == "kept" else [],
        [A] if outcome == "unused" else [],
        [A] if outcome == "left" else [],
    )


@pytest.mark.parametrize(
    ("config", "arguments", "wanted"),
    [
        ({}, [], engine_defaults.BUILT_IN),
        ({"default-shm-size": "96M"}, [], engine_defaults.Defaults(shm_size=96 * 2**20)),
        ({"default-shm-size": 1048576, "init": True}, [], engine_defaults.Defaults(shm_size=2**20, init=True)),
        ({}, ["--default-shm-size", "1g", "--init"], engine_defaults.Defaults(shm_size=2**30, init=True)),
        (
            {"default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1, "Hard": 2}}},
            ["--default-ulimit=core=0", "--default-ulimit", "nproc=3:4"],
            engine_defaults.Defaults(ulimits=(("nofile", 1, 2), ("core", 0, 0), ("nproc", 3, 4))),
        ),
    ],
)
def test_settings_of_the_daemon(config: Json, arguments: list[str], wanted: engine_defaults.Defaults) -> None:
    assert engine_defaults.parse(config, arguments) == wanted


def test_what_is_not_known_of_the_daemon_is_not_compared() -> None:
    limit = {"Name": "nofile", "Soft": 7, "Hard": 7}
    current = {"shm_size": 5, "init": True, "ulimits": [limit]}
    nothing = {"shm_size": None, "init": None, "ulimits": None}
    assert engine_defaults.told(current, nothing, engine_defaults.UNKNOWN) == {**nothing, "ulimits": []}
    assert engine_defaults.told(current, nothing, engine_defaults.BUILT_IN) == current
    asked = {"shm_size": 6, "init": False, "ulimits": [{**limit, "Soft": 1}]}
    assert engine_defaults.told(current, asked, engine_defaults.UNKNOWN) == current


@pytest.mark.parametrize(
    ("now", "wanted", "written", "image", "differs"),
    [
        (("x", 0o600, 9, 9), ("x", 0o444, 0, 0), ("x", 0o444, 0, 0), {}, False),
        (("x", 0o600, 9, 9), ("x", 0o440, 0, 0), ("x", 0o444, 0, 0), {}, True),
        (("y", 0o444, 0, 0), ("x", 0o444, 0, 0), ("x", 0o444, 0, 0), {}, True),
        (None, ("x", 0o444, 0, 0), ("x", 0o444, 0, 0), {}, True),
        (None, None, ("x", 0o444, 0, 0), {}, True),
        (None, None, ("x", 0o444, 0, 0), "same", False),
    ],
)
def test_a_file_is_as_wanted(now: Any, wanted: Any, written: Any, image: Any, differs: bool) -> None:
    label = configs.label({"/x": written})
    labels = {"Labels": {containers_options.CONFIGS_LABEL: label}}
    inspect = {"Config": labels}
    found = configs.differ(
        {"/x": wanted} if wanted else {}, {"/x": now}, inspect, {"Config": labels if image == "same" else {}}
    )
    assert found is differs
