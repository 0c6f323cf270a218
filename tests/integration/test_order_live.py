# SPDX-License-Identifier: GPL-3.0-or-later
"""O11: who depends on another is stopped and removed first, whatever the order of the list and the way it depends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from containers_lab import IMAGE, Lab, entry, make_images

if TYPE_CHECKING:
    from lab import Host

Json = dict[str, Any]
pytestmark = [pytest.mark.engines, pytest.mark.spread]
NEEDS = {
    "joins": ["donor"],
    "chained": ["joins"],
    "peeks": ["donor"],
    "shares-memory": ["peeks"],
    "linked": ["donor"],
    "both": ["joins", "peeks"],
}
WAYS = {
    "donor": ["--ipc", "shareable"],
    "joins": ["--network", "container:donor"],
    "chained": ["--network", "container:joins"],
    "peeks": ["--pid", "container:donor", "--ipc", "shareable"],
    "shares-memory": ["--ipc", "container:peeks"],
    "linked": ["--link", "donor:alias"],
    "both": ["--network", "container:joins", "--pid", "container:peeks"],
}
MODES = {"joins": "container:donor", "chained": "container:joins", "both": "container:joins"}
ORDERS = {
    "who is needed first": list(WAYS),
    "who is needed last": list(reversed(WAYS)),
    "by name": sorted(WAYS),
    "the middle first": ["peeks", "joins", "both", "donor", "linked", "shares-memory", "chained"],
}
SOME = pytest.mark.parametrize(
    "order",
    [
        pytest.param(one, marks=[] if one in ("who is needed first", "the middle first") else [pytest.mark.thorough])
        for one in ORDERS
    ],
)


@pytest.fixture
def family(host: Host) -> Lab:
    """Containers that need each other in every way, made by docker run."""
    make_images(host)
    for name, options in WAYS.items():
        host.docker("run", "-d", "--name", name, *options, IMAGE)
    return Lab(host)


def listed(name: str, state: str) -> Json:
    if state == "absent":
        return {"name": name, "state": state}
    return entry(name, state=state, **({"network_mode": MODES[name]} if name in MODES else {}))


@SOME
@pytest.mark.parametrize("state", ["absent", "stopped"])
def test_o11_live_whoever_needs_another_ends_before_it(family: Lab, order: str, state: str) -> None:
    entries = [listed(name, state) for name in ORDERS[order]]
    with family.events() as events:
        family.apply(*entries)
    ended = [event.name for event in events if event.action == "die"]
    assert sorted(ended) == sorted(WAYS)
    for name, needed in NEEDS.items():
        for other in needed:
            assert ended.index(name) < ended.index(other), ended
    assert not family.apply(*entries)["changed"]
    assert family.names() == ([] if state == "absent" else sorted(WAYS))


@SOME
def test_o11_live_some_are_removed_and_others_stopped_in_one_list(family: Lab, order: str) -> None:
    """Those at the ends of the chains are removed, those in the middle stopped, and the donor of all is recreated."""
    states = {"chained": "absent", "shares-memory": "absent", "both": "absent", "joins": "stopped", "peeks": "stopped"}
    entries = [listed(name, states.get(name, "started")) for name in ORDERS[order]]
    changed = [{**one, "environment": {"A": "1"}} if one["name"] == "donor" else one for one in entries]
    family.converge(*changed)
    assert family.names() == ["donor", "joins", "linked", "peeks"]
    assert [family.inspect(name)["State"]["Running"] for name in family.names()] == [True, False, True, False]
    assert family.inspect("joins")["HostConfig"]["NetworkMode"] == f"container:{family.id('donor')}"
    family.converge(*(listed(name, "started") for name in ORDERS[order] if name in family.names()))
