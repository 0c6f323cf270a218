# SPDX-License-Identifier: GPL-3.0-or-later
"""O9: check mode says what the run does, for every option of every module, and afterwards that nothing is left to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import registry_lab
from ansible_collections.netmode.docker.plugins.module_utils._containers.spec import CONTAINER_ARGUMENTS
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from check_subjects import (
    IMAGES,
    KEEPER_DRIFT,
    KEEPER_FILES,
    KEEPER_ONCE,
    KEEPER_OPTIONS,
    LOGIN,
    ROOT,
    SAVED,
    SUBJECTS,
    Subject,
    told,
)
from containers_lab import IDLE, IMAGE, NEWER, RICH, Lab, entry, make_images, make_networks
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from in_process import bring
from options_table import CASES
from registry_lab import CLOSED, OPEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

Json = dict[str, Any]
FILE = {"target": "/etc/extra.conf", "content": "a", "mode": "0444", "uid": 0, "gid": 0}
MORE: tuple[Json, ...] = (
    {"image": RICH}, {"image": NEWER}, {"pull_policy": "never"}, {"recreate": "always"},
    {"recreate": "never"}, {"configs": [FILE]}, {"configs": [{**FILE, "content": "b"}]}, {"restart": "always"},
    {"network_mode": "container:web"}, {"network_mode": "container:web", "expose": ["127.0.0.1:7"]}, {"state": "stopped"},
    {"state": "absent"}, {"ports": ["18470:80", "127.0.0.1:18470:80"]}, {"ports": ["18470:80"]}, {"mem_limit": "32m"},
    {"networks": ["nmt-none-such"]}, {"network_mode": "container:nobody"}, {"dns_search": []}, {"healthcheck": {"disable": True}},
)  # fmt: skip
OPTIONS = tuple(case.given for case in CASES) + MORE
DRIFT = {
    "none": "",
    "stopped": "docker stop one",
    "killed": "docker kill one",
    "paused": "docker pause one",
    "renamed": "docker rename one other",
    "gone": "docker rm -f one",
    "manually": f"docker rm -f one; docker run -d --name one {IMAGE}",
    "manually, with another policy": f"docker rm -f one; docker run -d --restart always --user 7 --name one {IMAGE}",
    "the donor was restarted": "docker restart web",
}


@pytest.fixture(scope="module")
def lab(machine: Host) -> Iterator[Lab]:
    before = machine.things()
    make_images(machine)
    make_networks(machine)
    machine.docker("run", "-d", "--name", "web", IMAGE, *IDLE)
    yield Lab(machine)
    machine.remove_new(before)


def test_the_property_is_over_every_option() -> None:
    assert {option for options in OPTIONS for option in options} | {"name"} == {*CONTAINER_ARGUMENTS}
    for name, subject in SUBJECTS.items():
        assert {option for options in (subject.base, *subject.options) for option in options} == {*subject.spec}, name


def outcome(one: Json, *, check: bool) -> tuple[Any, ...]:
    """What the module says, without the ids, which a run alone can know; or its refusal."""
    try:
        found = bring(one, check=check)
    except NetmodeError as error:
        return ("refused", str(error))
    items = [(name, item["changed"], item["actions"], item["reasons"]) for name, item in found.containers.items()]
    return found.changed, items, found.others, found.diff


def live(examples: int) -> settings:
    return settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck]
    )


def merged(options: list[Json]) -> Json:
    """All of them; a command is for the entry point beside it, with another one the process would end at once."""
    found = {key: value for some in options for key, value in some.items()}
    entries = [some for some in options if "entrypoint" in some]
    if entries:
        found["command"] = entries[-1].get("command")
    return found


@pytest.mark.spread
@pytest.mark.engines
@pytest.mark.parametrize("examples", [7, pytest.param(60, marks=pytest.mark.thorough)])
def test_o9_check_mode_says_what_the_run_does_for_every_option(lab: Lab, examples: int) -> None:
    """The container is as the last example has left it, but for what was done to it manually."""

    @live(examples)
    @example([{"restart": "always"}], "manually")
    @example([{"networks": ["nmt-none-such"]}], "none")
    @example([{"privileged": True, "security_opt": ["systempaths=unconfined"], "state": "stopped"}], "none")
    @given(st.lists(st.sampled_from(OPTIONS), min_size=1, max_size=3), st.sampled_from(sorted(DRIFT)))
    def same(options: list[Json], drift: str) -> None:
        check_is_run(lab, entry("one", **merged(options)), drift)

    same()


def check_is_run(lab: Lab, one: Json, drift: str) -> None:
    lab.host.sh(DRIFT[drift], check=False)
    before = lab.inspect("one")["State"] if "one" in lab.names() else None
    said, done = outcome(one, check=True), outcome(one, check=False)
    assert said == done
    if said[0] == "refused":
        assert (lab.inspect("one")["State"] if "one" in lab.names() else None) == before
    elif one.get("recreate") != "always":
        assert outcome(one, check=True)[0] is False


# --- the other modules ------------------------------------------------------------------------------------------------

ONCE = (
    "docker rm -f -v on-it web other; docker run -d --name web --network none nmt-image:1; docker network rm nmt-one; "
    "docker volume rm nmt-one; rm -rf /etc/netmode /var/lib/nmt-check /var/lib/netmode/interfaces.json"
)
"""What every example begins with: the one before leaves nothing."""
ASKS_FOR_CREDENTIALS: tuple[tuple[Json, bool], ...] = (
    ({"name": f"{CLOSED}/tiny:1"}, True),
    ({"name": f"{CLOSED}/tiny:1", **LOGIN}, False),
    ({"name": f"{CLOSED}/tiny:1", **LOGIN, "password": "wrong"}, True),
    ({"name": f"{OPEN}/tiny:2"}, True),
)
ON_EVERY_ENGINE = [name for name, subject in SUBJECTS.items() if subject is not IMAGES]


@pytest.mark.spread
@pytest.mark.engines
@pytest.mark.parametrize("name", ON_EVERY_ENGINE)
@pytest.mark.parametrize("examples", [3, pytest.param(60, marks=pytest.mark.thorough)])
def test_o9_check_mode_of_a_module_says_what_its_run_does(lab: Lab, name: str, examples: int) -> None:
    property_of(lab.host, SUBJECTS[name], examples)


@pytest.mark.parametrize("examples", [1, pytest.param(60, marks=pytest.mark.thorough)])
def test_o9_check_mode_asks_the_registry_that_the_run_would_pull_from(lab: Lab, examples: int) -> None:
    lab.host.sh(f"tar -C / -cf {ROOT} bin/busybox; docker save -o {SAVED} nmt-image:1")
    with registry_lab.running(lab.host):
        for wanted, refused in ASKS_FOR_CREDENTIALS:
            asked = {"pull_policy": "always", **wanted}
            module_is_run(lab.host, IMAGES, [{}], ["another"], [asked])
            assert (run(IMAGES, [asked], check=True)[0] == "refused") is refused, wanted
        for image, way_out in (
            (f"{CLOSED}/tiny:1", "set username and password of the module netmode.docker.images"),
            (f"{OPEN}/none:1", "The registry has no such tag"),
        ):
            for check in (True, False):
                answer = outcome(entry("one", image=image, pull_policy="always"), check=check)
                assert answer[0] == "refused", answer
                assert way_out in answer[1], answer
        property_of(lab.host, IMAGES, examples)
    lab.host.sh(f"rm {ROOT} {SAVED}")


def property_of(host: Host, subject: Subject, examples: int) -> None:
    options = st.lists(st.sampled_from(subject.options), max_size=2)
    drift = st.lists(st.sampled_from(sorted(subject.drift)), min_size=1, max_size=2)

    @live(examples)
    @given(options, drift, options)
    def same(before: list[Json], drifts: list[str], after: list[Json]) -> None:
        module_is_run(host, subject, before, drifts, after)

    same()


def module_is_run(host: Host, subject: Subject, before: list[Json], drifts: list[str], after: list[Json]) -> None:
    host.sh(ONCE, check=False)
    run(subject, before, check=False)
    for one in drifts:
        host.sh(subject.drift[one], check=False)
    state = host.state()
    said = run(subject, after, check=True)
    assert host.state() == state, "check mode changed the host"
    done = run(subject, after, check=False)
    assert said[0] == done[0], (said, done)
    # A registry words its answer to a pull otherwise than its answer to the question that comes before.
    assert said == done or (subject is IMAGES and done[0] == "refused")
    if done[0] == "refused":
        assert host.state() == state, f"changed before it was said: {done}"
    elif not always(after):
        assert run(subject, after, check=True)[1][0]["changed"] is False


def always(options: list[Json]) -> bool:
    return merged(options).get("recreate") == "always"


def run(subject: Subject, options: list[Json], *, check: bool) -> tuple[str, Any]:
    """What the module says, or that it refuses, and why."""
    try:
        return "", told(subject, subject.run(subject.params(merged(options)), check_mode=check))
    except NetmodeError as error:
        return "refused", str(error)


# --- the keeper ---------------------------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_o9_check_mode_of_the_keeper_says_what_its_run_does(lab: Lab) -> None:
    host, options = lab.host, st.lists(st.sampled_from(KEEPER_OPTIONS), max_size=2)

    def keeper(some: list[Json], *, check: bool) -> Json:
        """Without what Ansible itself adds of the file at ``path``."""
        told = host.run_module("keeper", merged(some), check=check)
        return {key: told[key] for key in told if key not in ("owner", "group", "uid", "gid", "mode", "size", "state")}

    @live(60)
    @example([], "nothing", [{"path": "/opt/none-such/keeper"}])
    @given(options, st.sampled_from(sorted(KEEPER_DRIFT)), options)
    def same(before: list[Json], drift: str, after: list[Json]) -> None:
        host.sh(KEEPER_ONCE, check=False)
        keeper(before, check=False)
        host.sh(KEEPER_DRIFT[drift], check=False)
        files = host.sh(KEEPER_FILES, check=False)
        said = keeper(after, check=True)
        assert host.sh(KEEPER_FILES, check=False) == files, "check mode changed the host"
        done = keeper(after, check=False)
        assert said == done
        if done.get("failed"):
            assert host.sh(KEEPER_FILES, check=False) == files, f"changed before it was said: {done}"
        else:
            assert keeper(after, check=True)["changed"] is False

    same()
    host.sh(f"{KEEPER_ONCE}; umount /opt/nmt-sealed", check=False)
