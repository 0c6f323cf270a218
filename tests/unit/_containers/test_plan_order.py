# SPDX-License-Identifier: GPL-3.0-or-later
"""O11: the order in which containers are stopped, removed and recreated is theirs, not that of the list."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._containers.plan import plan
from hypothesis import given, settings
from hypothesis import strategies as st
from test_plan_containers import Host, entry, host, key, read, running

NAMES = ("aa", "bb", "cc", "dd", "ee", "ff")
KINDS = ("net", "pid", "ipc", "link")
Needs = dict[str, dict[str, str]]
"""Name -> {name of a container that it needs: how}."""


class Case(NamedTuple):
    needs: Needs
    states: dict[str, str]
    order: tuple[str, ...]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Up to six containers, each in need of any that come after it in a random naming, and a list in any order."""
    names = draw(st.permutations(NAMES[: draw(st.integers(2, 6))]))
    needs: Needs = {}
    for index, name in enumerate(names):
        needed = draw(st.lists(st.sampled_from(names[:index]), unique=True, max_size=3)) if index else []
        kinds = [draw(st.sampled_from(KINDS)) for _ in needed]
        kinds = [kind if kind != "net" or "net" not in kinds[:place] else "pid" for place, kind in enumerate(kinds)]
        needs[name] = dict(zip(needed, kinds))
    states = {}
    for name in names:  # whoever needs one that is removed is removed as well: otherwise the list is refused
        removed = any(states[other] == "absent" for other in needs[name])
        states[name] = "absent" if removed else draw(st.sampled_from(["absent", "stopped"]))
    return Case(needs, states, tuple(draw(st.permutations(names))))


def there(needs: Needs) -> Host:
    """A host on which all of them run."""
    inspects = []
    for name, needed in needs.items():
        donor = next((other for other, kind in needed.items() if kind == "net"), "")
        inspects.append(running(name, **({"network_mode": f"container:{donor}"} if donor else {})))
    ties = {
        key(name): {key(other): kind for other, kind in needed.items() if kind != "net"}
        for name, needed in needs.items()
    }
    return host(*inspects)._replace(ties=ties)


def entries(case: Case) -> list[dict[str, Any]]:
    """Absent ones as a person writes them, by their name alone."""
    found = []
    for name in case.order:
        donor = next((other for other, kind in case.needs[name].items() if kind == "net"), "")
        mode = {"network_mode": f"container:{donor}"} if donor and case.states[name] != "absent" else {}
        found.append({"name": name, "state": "absent"} if case.states[name] == "absent" else entry(name, **mode))
        found[-1]["state"] = case.states[name]
    return found


def steps(case: Case) -> list[tuple[str, str]]:
    return [(step.action, step.name) for step in plan(there(case.needs), read(*entries(case))).steps]


def check(case: Case) -> None:
    found = steps(case)
    place = {name: index for index, (_, name) in enumerate(found)}
    assert sorted(found) == sorted(("remove" if case.states[name] == "absent" else "stop", name) for name in case.needs)
    for name, needed in case.needs.items():
        for other in needed:
            assert place[name] < place[other], f"{other} goes before {name}, which needs it: {found}"


@settings(max_examples=500, deadline=None)
@given(cases())
def test_o11_who_depends_on_another_goes_first_whatever_the_list_says(case: Case) -> None:
    check(case)


CHAIN: Needs = {
    "aa": {},
    "bb": {"aa": "net"},
    "cc": {"bb": "net"},
    "dd": {"aa": "pid"},
    "ee": {"dd": "link", "cc": "ipc"},
}


@pytest.mark.parametrize("state", ["absent", "stopped"])
def test_o11_every_order_of_a_list_removes_sharers_before_their_donor(state: str) -> None:
    for order in itertools.permutations(CHAIN):
        check(Case(CHAIN, dict.fromkeys(CHAIN, state), order))


def test_o11_every_order_of_a_list_recreates_a_donor_before_those_that_depend_on_it() -> None:
    modes = {"bb": "container:aa", "cc": "container:bb"}
    for order in itertools.permutations(("aa", "bb", "cc", "dd")):
        listed = [entry(name, **({"network_mode": modes[name]} if name in modes else {})) for name in order]
        changed = [{**one, "environment": {"A": "1"}} if one["name"] == "aa" else one for one in listed]
        made = plan(there(CHAIN), read(*changed)).steps
        found = [step.name for step in made]
        assert sorted(found) == ["aa", "bb", "cc", "dd", "ee"], (order, found)
        assert found.index("aa") < found.index("bb") < found.index("cc") < found.index("ee")
        assert found.index("aa") < found.index("dd") < found.index("ee")
        assert {step.name: step.action for step in made} == {
            "aa": "recreate", "bb": "recreate", "cc": "recreate", "dd": "clone", "ee": "clone",
        }  # fmt: skip


@pytest.mark.parametrize("kind", ["pid", "ipc", "link"])
@pytest.mark.parametrize("state", ["stopped", "started"])
def test_o5_one_that_is_listed_follows_a_recreated_donor_also_where_it_is_to_be_stopped(kind: str, state: str) -> None:
    listed = [entry("bb", state=state), entry("aa", environment={"A": "1"})]
    made = plan(there({"aa": {}, "bb": {"aa": kind}}), read(*listed)).steps
    first = [("stop", "bb")] if state == "stopped" else []
    assert [(step.action, step.name) for step in made] == [*first, ("recreate", "aa"), ("clone", "bb")]
    assert made[-1].data["start"] is (state == "started")
