# SPDX-License-Identifier: GPL-3.0-or-later
"""O1 to O3: what an image, the daemon's settings and the engine itself add to a container is no difference.

Containers are made manually with the options of a list entry; then the plan for that entry is empty.
"""

from __future__ import annotations

import itertools
import json
import shlex
from typing import TYPE_CHECKING, Any

import by_hand
import pytest
from ansible_collections.netmode.docker.plugins.module_utils._containers import options as containers_options
from ansible_collections.netmode.docker.plugins.module_utils._containers import spec
from ansible_collections.netmode.docker.plugins.module_utils._containers.observe import observe
from ansible_collections.netmode.docker.plugins.module_utils._containers.plan import plan
from ansible_collections.netmode.docker.plugins.module_utils._containers.state import Plan
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lab import SOCKET
from shapes import SHAPES, Shape, make

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

Json = dict[str, Any]
pytestmark = [pytest.mark.engines, pytest.mark.spread]


def plan_for(*entries: Json) -> Plan:
    engine = Engine(f"unix://{SOCKET}", 60)
    engine.get("/version")
    wanted = spec.read([{"state": "stopped", **entry} for entry in entries], engine.version)
    return plan(observe(engine, wanted), wanted)


# --- images of all sorts ---------------------------------------------------------------------------------------------

WORDS = st.sampled_from(["a", "b c", "x=y", "ü"])
PATHS = ["/data", "/data/", "/srv//x", "/srv/x/../y", "/var/lib/z"]
SECOND = 10**9
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "Env": st.lists(st.sampled_from(["PATH=/bin", "A=1", "B=two words", "EMPTY="]), unique=True),
        "Cmd": st.lists(WORDS, min_size=1, max_size=2),
        "Entrypoint": st.lists(WORDS, min_size=1, max_size=2),
        "ExposedPorts": st.dictionaries(st.sampled_from(["80/tcp", "6379/tcp", "53/udp"]), st.just({}), min_size=1),
        "Volumes": st.dictionaries(st.sampled_from(PATHS), st.just({}), min_size=1, max_size=3),
        "Labels": st.dictionaries(st.sampled_from(["origin", "tier"]), WORDS, min_size=1),
        "User": st.sampled_from(["0", "999:999", "1001", "redis"]),
        "WorkingDir": st.sampled_from(["/data", "/data/", "/x/../srv"]),
        "StopSignal": st.sampled_from(["SIGQUIT", "SIGWINCH", "15", "INT"]),
        "StopTimeout": st.integers(1, 90),
        "Hostname": st.just("elsewhere"),
        "Healthcheck": st.fixed_dictionaries(
            {"Test": st.sampled_from([["CMD", "true"], ["CMD-SHELL", "true"], ["NONE"], []])},
            optional={"Interval": st.just(3 * SECOND), "Timeout": st.just(SECOND), "Retries": st.integers(0, 5)},
        ),
    },
)
TARGETS = st.sampled_from(["/data", "/data/", "/srv/x", "/srv/y", "/var/lib/z", "/elsewhere"])
OPTIONS = st.fixed_dictionaries(
    {"command": st.lists(WORDS, min_size=1, max_size=2)},
    optional={
        "entrypoint": st.lists(WORDS, min_size=1, max_size=1),
        "ports": st.just(True),
        "environment": st.dictionaries(st.sampled_from(["A", "C", "PATH"]), WORDS),
        "labels": st.dictionaries(st.sampled_from(["tier", "own"]), WORDS),
        "user": st.sampled_from(["0", "1000:1000"]),
        "working_dir": st.sampled_from(["/data/", "/srv"]),
        "stop_signal": st.sampled_from(["SIGTERM", "SIGINT"]),
        "stop_grace_period": st.integers(0, 100),
        "expose": st.lists(st.sampled_from([80, 7001]), unique=True),
        "restart": st.sampled_from(["no", "always", "unless-stopped", "on-failure:3"]),
        "mem_limit": st.sampled_from(["64m", "1g"]),
        "shm_size": st.sampled_from(["64m", "32m"]),
        "ulimits": st.just({"nofile": {"soft": 500, "hard": 900}}),
        "cap_drop": st.just(["ALL"]),
        "read_only": st.booleans(),
        "init": st.booleans(),
        "healthcheck": st.one_of(
            st.just({"disable": True}),
            st.fixed_dictionaries({}, optional={"test": st.just("true"), "interval": st.just("5s"), "retries": st.just(2)}),
        ),
        "volumes": st.lists(st.tuples(st.sampled_from(["/srv/nmt", "/srv/nmt/", "nmt-data"]), TARGETS)),
        "tmpfs": st.lists(st.tuples(TARGETS, st.sampled_from(["", ":size=64k", ":mode=1777,size=1m"]))),
    },
)  # fmt: skip
MODES = st.sampled_from(["bridge", "host", "none", "container:nmt-donor", "container:ID"])
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def donor(machine: Host) -> Iterator[str]:
    before = machine.things()
    make(machine, [SHAPES["redis"]])
    machine.sh("mkdir -p /srv/nmt")
    yield machine.docker("run", "-d", "--name", "nmt-donor", SHAPES["redis"].image)
    machine.remove_new(before)


def _mounts(options: Json) -> Json:
    """Each place once, in Compose's short form."""
    seen: set[str] = set()
    volumes, tmpfs = [], []
    for source, target in options.get("volumes", []):
        if target.rstrip("/") not in seen:
            volumes.append(f"{source}:{target}")
            seen.add(target.rstrip("/"))
    for target, rest in options.get("tmpfs", []):
        if target.rstrip("/") not in seen:
            tmpfs.append(target + rest)
            seen.add(target.rstrip("/"))
    return {**options, "volumes": volumes, "tmpfs": tmpfs}


def adopted(host: Host, donor: str, cases: list[tuple[Json, Json, str]]) -> None:
    """Make an image and, manually, a container of each; no plan for the same options has a step."""
    entries, images = [], []
    for config, options, mode in cases:
        number = next(NUMBERS)
        images.append(Shape(f"nmt-{number}", config, {}))
        entry = {"name": f"nmt-{number}", "image": images[-1].image, "network_mode": mode.replace("ID", donor)}
        if options.get("ports"):
            entry["ports"] = [f"{20000 + number}:80"] if mode == "bridge" else []
        entries.append({**_mounts(options), **entry})
    make(host, images)
    host.sh("\n".join(shlex.join(["docker", "create", *by_hand.create(entry)]) for entry in entries))
    try:
        made = plan_for(*entries)
        wrong = {step.name for step in made.steps}
        told = [
            (made.differences.get(entry["name"]), json.dumps(case[0]), json.dumps(entry))
            for case, entry in zip(cases, entries)
            if entry["name"] in wrong
        ]
        assert not told
    finally:
        names = [entry["name"] for entry in entries]
        host.docker("rm", "-v", *names)
        host.docker("rmi", *(entry["image"] for entry in entries))


EXAMPLES: list[tuple[Json, Json]] = [
    ({"ExposedPorts": {"6379/tcp": {}}}, {"command": ["a"]}),
    ({"ExposedPorts": {"80/tcp": {}, "53/udp": {}}}, {"command": ["a"], "expose": [6379]}),
    ({"Volumes": {"/data/": {}}}, {"command": ["a"]}),
    ({"Volumes": {"/srv//x": {}, "/srv/x/../y": {}}}, {"command": ["a"]}),
    ({"Volumes": {"/data": {}}}, {"command": ["a"], "tmpfs": [("/data/", "")]}),
    ({"Volumes": {"/data/": {}}}, {"command": ["a"], "volumes": [("/srv/nmt/", "/data")]}),
    ({"Healthcheck": {"Test": ["CMD", "true"], "Retries": 3}}, {"command": ["a"], "healthcheck": {"interval": "5s"}}),
    (
        {"Labels": {containers_options.NAME_LABEL: "other", containers_options.CONFIGS_LABEL: '{"/x": [292, 0, 0]}'}},
        {"command": ["a"]},
    ),
    ({"Entrypoint": ["a"], "Cmd": ["b"]}, {"command": []}),
    ({"StopSignal": "SIGWINCH", "StopTimeout": 60, "Hostname": "elsewhere", "User": "1001"}, {"command": ["a"]}),
    ({"Cmd": ["b"]}, {"entrypoint": ["a"]}),
]


@pytest.mark.parametrize("mode", ["bridge", "host", "none", "container:nmt-donor"])
def test_what_was_found_stays_fixed(machine: Host, donor: str, mode: str) -> None:
    adopted(machine, donor, [(*case, mode) for case in EXAMPLES])


@pytest.mark.parametrize("examples", [2, pytest.param(4, marks=pytest.mark.thorough)])
def test_what_was_made_by_hand_is_adopted_unchanged(machine: Host, donor: str, examples: int) -> None:
    @settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # a failure names its case, and to shrink fifteen on an engine takes minutes
    )  # fmt: skip
    @given(st.lists(st.tuples(CONFIGS, OPTIONS, MODES), min_size=15, max_size=15))
    def unchanged(cases: list[tuple[Json, Json, str]]) -> None:
        adopted(machine, donor, cases)

    unchanged()
