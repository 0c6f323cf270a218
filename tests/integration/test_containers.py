# SPDX-License-Identifier: GPL-3.0-or-later
"""``containers``, option by option: made with it, unchanged in a second run, and back at the default without it.

One container for each case of options_table.CASES, all in one list, so that each stage is one run of the module; where a
stage fails as a whole it is repeated container by container, so that a case fails for its own fault only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from containers_lab import Lab, entry, make_images, make_networks
from options_table import CASES, SAME_AS_DEFAULT, Case, Json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

STAGES = ("predicted", "made", "second", "respelled", "taken out, predicted", "taken out", "taken out twice")


class Stages:
    """What every stage returned for every case, and each container's inspect after it was made and after the last stage."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.results: dict[str, dict[str, Json]] = {stage: {} for stage in STAGES}
        self.inspects: dict[str, dict[str, Json]] = {}

    def run(self, stage: str, entries: dict[str, Json], *, check: bool = False) -> None:
        result = self._once(list(entries.values()), check=check)
        for name, one in entries.items():
            alone = self._once([one], check=check) if result.get("failed") else result
            told = {"failed": alone["msg"]} if alone.get("failed") else alone["containers"][name]
            self.results[stage][name] = {**told, "diff": alone.get("diff")}

    def _once(self, entries: list[Json], *, check: bool) -> Json:
        try:
            return self.lab.host.run_module("containers", {"containers": entries}, check=check, diff=True)
        except AssertionError as error:  # a traceback counts against the one case that it comes from
            return {"failed": True, "msg": str(error)}

    def look(self, when: str) -> None:
        there = set(self.lab.names())
        self.inspects[when] = {
            name: self.lab.inspect(name) for name in [case.name for case in CASES] + ["plain"] if name in there
        }


@pytest.fixture(scope="module")
def stages(machine: Host) -> Iterator[Stages]:
    before = machine.things()
    make_images(machine)
    make_networks(machine)
    machine.sh("mkdir -p /srv/nmt")
    done = Stages(Lab(machine))
    given = {case.name: entry(case.name, **case.given) for case in CASES}
    plain = {case.name: entry(case.name) for case in CASES}
    try:
        empty = done.lab.state()
        done.run("predicted", given, check=True)
        assert done.lab.state() == empty, "check mode changed the host"
        done.run("made", {**given, "plain": entry("plain")})
        done.look("made")
        quiet = done.lab.state()
        done.run("second", given)
        done.run("respelled", {case.name: entry(case.name, **(case.spelled or case.given)) for case in CASES})
        done.run("taken out, predicted", plain, check=True)
        done.inspects["untouched"] = {"equal": done.lab.state() == quiet}
        done.run("taken out", plain)
        done.look("taken out")
        done.run("taken out twice", plain)
        yield done
    finally:
        machine.remove_new(before)


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def changed(stages: Stages, stage: str, case: Case) -> Any:
    told = stages.results[stage][case.name]
    assert "failed" not in told, f"{stage}: {told['failed']}"
    return told["changed"]


def test_option_takes_effect_and_check_mode_said_so(stages: Stages, case: Case) -> None:
    assert changed(stages, "predicted", case) is True
    assert changed(stages, "made", case) is True
    inspect = stages.inspects["made"][case.name]
    assert inspect["State"]["Running"] is (case.given.get("state") != "stopped"), inspect["State"]
    assert case.seen(inspect) == case.wanted
    assert stages.results["made"][case.name]["network_mode"] == inspect["HostConfig"]["NetworkMode"]
    assert stages.results["made"][case.name]["id"] == inspect["Id"]


def test_second_run_is_unchanged(stages: Stages, case: Case) -> None:
    assert changed(stages, "second", case) is False, stages.results["second"][case.name]["reasons"]


def test_another_spelling_is_unchanged(stages: Stages, case: Case) -> None:
    assert changed(stages, "respelled", case) is False, stages.results["respelled"][case.name]["reasons"]


def test_option_taken_out_goes_back_to_the_default(stages: Stages, case: Case) -> None:
    expected = case.name not in SAME_AS_DEFAULT
    assert changed(stages, "taken out, predicted", case) is expected
    assert changed(stages, "taken out", case) is expected
    told = stages.results["taken out"][case.name]
    assert told["actions"] == stages.results["taken out, predicted"][case.name]["actions"]
    default, inspect = stages.inspects["taken out"]["plain"], stages.inspects["taken out"][case.name]
    assert case.seen(inspect) == case.seen(default)
    assert inspect["State"]["Running"]
    if expected:
        assert told["diff"]
        words = {
            word.partition("-")[0]
            for option in case.given
            if option != "state"
            for word in (option, *((case.given[option],) if option == "network_mode" else ()))
        }
        assert any(word in " ".join(told["reasons"]) for word in {*words, "bridge", "network"}), told["reasons"]
    assert changed(stages, "taken out twice", case) is False, stages.results["taken out twice"][case.name]["reasons"]


def test_checks_and_second_runs_left_the_host_alone(stages: Stages) -> None:
    assert stages.inspects["untouched"]["equal"]
