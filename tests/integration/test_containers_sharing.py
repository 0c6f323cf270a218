# SPDX-License-Identifier: GPL-3.0-or-later
"""Donors and sharers: planned together, in one namespace after whatever happened, and quiet in a second run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from containers_lab import IMAGE, NO_PROGRAM, Lab, entry, make_images, reasons

if TYPE_CHECKING:
    from lab import Host

Json = dict[str, Any]
DONOR, SHARER = entry("donor"), entry("sharer", network_mode="container:donor")
CHAIN = [entry("third", network_mode="container:sharer"), SHARER, DONOR]


@pytest.fixture
def lab(host: Host) -> Lab:
    make_images(host)
    return Lab(host)


@pytest.fixture
def pair(lab: Lab) -> Lab:
    lab.apply(SHARER, DONOR)
    assert lab.netns("donor") == lab.netns("sharer")
    return lab


def together(lab: Lab, *names: str) -> None:
    """All run in one namespace that is not the host's, and each sharer's NetworkMode names the donor that lives."""
    spaces = {lab.netns(name) for name in ("donor", "sharer", *names)}
    assert len(spaces) == 1, spaces
    assert spaces != {lab.host.sh("readlink /proc/self/ns/net")}
    assert lab.inspect("sharer")["HostConfig"]["NetworkMode"] == f"container:{lab.id('donor')}"


def started(lab: Lab, name: str) -> str:
    return str(lab.inspect(name)["State"]["StartedAt"])


# --- order -------------------------------------------------------------------------------------------------------


@pytest.mark.spread
@pytest.mark.engines
def test_sharer_before_donor_in_the_list(lab: Lab) -> None:
    """N19: a donor in the same list is made first, wherever it stands."""
    result = lab.converge(SHARER, DONOR)
    together(lab)
    assert result["containers"]["sharer"]["network_mode"] == f"container:{lab.id('donor')}"


@pytest.mark.spread
@pytest.mark.engines
def test_chain_in_the_worst_order(lab: Lab) -> None:
    """N5: C joins B joins A."""
    lab.converge(*CHAIN)
    together(lab, "third")


def test_donor_outside_the_list(lab: Lab) -> None:
    lab.docker("run", "-d", "--name", "donor", IMAGE)
    before = lab.inspect("donor")
    lab.converge(SHARER)
    together(lab)
    assert lab.inspect("donor") == before


def test_donor_and_sharer_removed_together(pair: Lab) -> None:
    pair.converge({"name": "donor", "state": "absent"}, {"name": "sharer", "state": "absent"})
    assert pair.names() == []


def test_stopped_donor_with_stopped_sharer(pair: Lab) -> None:
    pair.converge({**SHARER, "state": "stopped"}, {**DONOR, "state": "stopped"})
    pair.converge(SHARER, DONOR)
    together(pair)


# --- N8: the name and the id ---------------------------------------------------------------------------------------


@pytest.mark.spread
@pytest.mark.engines
def test_donor_by_name_by_id_and_by_short_id_are_equal(pair: Lab) -> None:
    """N8"""
    ident = pair.id("donor")
    for name in ("donor", ident, ident[:12]):
        pair.unchanged(entry("sharer", network_mode=f"container:{name}"))
        pair.unchanged(DONOR, entry("sharer", network_mode=f"container:{name}"))


def test_sharer_made_by_hand_with_the_name_is_adopted(lab: Lab) -> None:
    """N8"""
    lab.docker("run", "-d", "--name", "donor", IMAGE)
    lab.docker("run", "-d", "--name", "sharer", "--network", "container:donor", IMAGE)
    lab.unchanged(SHARER, DONOR)


def test_donor_renamed_in_the_list_but_the_same_container(pair: Lab) -> None:
    """A donor renamed manually is still the donor: the sharer's mode holds its id."""
    pair.docker("rename", "donor", "front")
    before = started(pair, "sharer")
    pair.unchanged(entry("sharer", network_mode="container:front"))
    result = pair.converge(SHARER, DONOR)
    assert result["containers"]["donor"]["actions"] == ["rename"]
    assert not result["containers"]["sharer"]["changed"]
    assert started(pair, "sharer") == before


# --- N6: donor restarted --------------------------------------------------------------------------------------------

LISTED = pytest.mark.parametrize(
    "listed",
    [
        pytest.param([SHARER, DONOR], id="both"),
        pytest.param([SHARER], id="sharer-only", marks=pytest.mark.spread),
    ],
)


@pytest.mark.engines
@LISTED
def test_donor_restarted_by_hand(pair: Lab, listed: list[Json]) -> None:
    """N6: the engine says that the sharer runs, yet it is in a dead namespace. It is restarted, the donor is not."""
    ident = pair.id("sharer")
    pair.docker("restart", "donor")
    assert pair.netns("donor") != pair.netns("sharer")
    donor = started(pair, "donor")
    result = pair.converge(*listed)
    assert result["containers"]["sharer"]["changed"]
    assert "donor" in reasons(result, "sharer")
    assert pair.id("sharer") == ident
    assert started(pair, "donor") == donor
    together(pair)


def test_donor_restarted_takes_the_whole_chain_along(lab: Lab) -> None:
    """N6 and N5"""
    lab.apply(*CHAIN)
    lab.docker("restart", "donor")
    lab.converge(*CHAIN)
    together(lab, "third")


@pytest.mark.spread
@pytest.mark.engines
def test_middle_of_a_chain_restarted(lab: Lab) -> None:
    """N6: a sharer that restarts joins its donor's namespace again, so that its own sharers are where they were."""
    lab.apply(*CHAIN)
    lab.docker("restart", "sharer")
    lab.unchanged(*CHAIN)
    together(lab, "third")


def test_donor_stopped_by_hand(pair: Lab) -> None:
    """N6: the donor is started, its sharer goes into the new namespace."""
    pair.docker("stop", "donor")
    result = pair.converge(SHARER, DONOR)
    assert all(result["containers"][name]["changed"] for name in ("donor", "sharer"))
    together(pair)


# --- N7: donor recreated ---------------------------------------------------------------------------------------------


@pytest.mark.engines
@LISTED
def test_donor_recreated_by_hand(pair: Lab, listed: list[Json]) -> None:
    """N7: the sharer's NetworkMode names a dead id. It is recreated against the new donor, once."""
    pair.docker("rm", "-f", "donor")
    pair.docker("run", "-d", "--name", "donor", IMAGE)
    donor = started(pair, "donor")
    with pair.events() as events:
        result = pair.converge(*listed)
    assert "donor" in reasons(result, "sharer")
    assert started(pair, "donor") == donor
    assert [event.action for event in events].count("create") == 1
    together(pair)


def test_donor_removed_by_hand(pair: Lab) -> None:
    """N7"""
    pair.docker("rm", "-f", "donor")
    pair.converge(SHARER, DONOR)
    together(pair)


@pytest.mark.spread
@pytest.mark.engines
def test_donor_recreated_by_the_list_takes_its_sharers_along_once(lab: Lab) -> None:
    """N7: one create for each of the three, though two of them changed in a way of their own."""
    lab.apply(*CHAIN)
    changed = [CHAIN[0], {**SHARER, "environment": {"A": "1"}}, {**DONOR, "environment": {"A": "1"}}]
    with lab.events() as events:
        result = lab.apply(*changed)
    assert all(one["changed"] for one in result["containers"].values())
    assert "donor" in reasons(result, "sharer") or "environment" in reasons(result, "sharer")
    assert "sharer" in reasons(result, "third")
    assert [event.action for event in events].count("create") == 3
    together(lab, "third")
    lab.unchanged(*changed)


def test_sharer_outside_the_list_follows_its_donor(pair: Lab) -> None:
    """N7: the list names the donor only. Its sharer is not left behind in a dead namespace, and is told under ``others``."""
    changed = {**DONOR, "environment": {"A": "1"}}
    predicted = pair.apply(changed, check=True)
    result = pair.apply(changed)
    assert list(result["others"]) == ["sharer"] == list(predicted["others"])
    together(pair)
    pair.unchanged(changed)
    pair.unchanged(SHARER, changed)


def test_donor_updated_on_the_fly_leaves_the_sharer_alone(pair: Lab) -> None:
    before = started(pair, "sharer")
    pair.converge(SHARER, {**DONOR, "restart": "always"})
    assert started(pair, "sharer") == before


def test_into_and_out_of_container_mode(pair: Lab) -> None:
    alone = entry("sharer")
    pair.converge(alone, DONOR)
    assert pair.netns("sharer") != pair.netns("donor")
    pair.converge(SHARER, DONOR)
    together(pair)


def test_another_donor(pair: Lab) -> None:
    other = entry("other")
    pair.converge(entry("sharer", network_mode="container:other"), DONOR, other)
    assert pair.netns("sharer") == pair.netns("other") != pair.netns("donor")


def test_sharers_keep_their_data_when_they_follow(lab: Lab) -> None:
    """R2: recreated because of the donor, with the same volume."""
    sharer = {**SHARER, "volumes": ["nmt-data:/data"]}
    lab.apply(sharer, DONOR)
    lab.docker("exec", "sharer", "busybox", "sh", "-c", "echo kept > /data/file")
    lab.apply(sharer, {**DONOR, "environment": {"A": "1"}})
    assert lab.docker("exec", "sharer", "busybox", "cat", "/data/file") == "kept"


@pytest.mark.spread
@pytest.mark.engines
@pytest.mark.parametrize("mode", ["host", "none"])
def test_donor_in_host_or_none_mode(lab: Lab, mode: str) -> None:
    """N19: an isolated namespace can be shared (a pod of one's own); the host's needs no donor."""
    donor = entry("donor", network_mode=mode)
    if mode == "host":
        lab.refused(SHARER, donor, words=["sharer", "donor", "host"])
        lab.docker("run", "-d", "--name", "donor", "--network", "host", IMAGE)
        lab.refused(SHARER, words=["sharer", "donor", "network_mode: host"])
    else:
        lab.converge(SHARER, donor)
        together(lab)


def test_what_the_engine_refuses_at_create_has_stopped_nothing_and_leaves_nothing(pair: Lab) -> None:
    """All that is new is made before anything old is stopped, a new sharer against its new donor."""
    pair.docker("run", "-d", "--name", "sidecar", "--network", "container:donor", IMAGE)
    before = [pair.inspect(name) for name in ("donor", "sharer", "sidecar")]
    volumes = pair.docker("volume", "ls", "-q")
    changed = [SHARER, {**DONOR, "environment": {"A": "1"}}, entry("other", volumes=["/anonymous"])]
    pair.fails(*changed, entry("last", cpuset="0-4095"), words=["last", "create", "0-4095"])
    assert [pair.inspect(name) for name in ("donor", "sharer", "sidecar")] == before
    assert pair.names() == ["donor", "sharer", "sidecar"]
    assert pair.docker("volume", "ls", "-q") == volumes
    pair.apply(*changed)
    together(pair, "sidecar")


def test_failed_recreate_of_a_donor_leaves_both_running(pair: Lab) -> None:
    """The donor's new container cannot start: the old one is back, and its sharer is in its namespace."""
    idents = [pair.id(name) for name in ("donor", "sharer")]
    pair.fails(SHARER, {**DONOR, **NO_PROGRAM}, words=["donor", "/nonexistent"])
    assert [pair.id(name) for name in ("donor", "sharer")] == idents
    together(pair)
    pair.unchanged(SHARER, DONOR)


@pytest.mark.spread
@pytest.mark.engines
def test_a_donor_that_ends_at_once_is_named_where_its_sharer_cannot_start(pair: Lab) -> None:
    """Under the entrypoint of its image a program that is not there is no failed start: it starts, and ends."""
    wrong = {**DONOR, "command": ["/nonexistent"]}
    pair.fails(SHARER, wrong, words=["sharer: start", "donor donor does not run (status 127)", "docker logs donor"])
    assert pair.names() == ["donor", "sharer"]
    pair.apply(SHARER, DONOR)
    together(pair)
    pair.unchanged(SHARER, DONOR)
