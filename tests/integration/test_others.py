# SPDX-License-Identifier: GPL-3.0-or-later
"""Other people's containers: recreated as they are, followed where they depend on one that changes, never gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from containers_lab import IDLE, IMAGE, NET, NO_PROGRAM, RICH, Lab, entry, make_images, make_networks
from create_options import ENTRY, ROWS, asked, groups, make
from lab import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from keeper_lab import Keeper
    from lab import Host

pytestmark = [pytest.mark.engines, pytest.mark.spread]

Json = dict[str, Any]
DONOR = entry("donor")
CHANGED = {**DONOR, "environment": {"A": "1"}}


@pytest.fixture
def lab(host: Host) -> Lab:
    make_images(host)
    return Lab(host)


# --- recreated as it is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("each_alone", [False, pytest.param(True, marks=pytest.mark.thorough)])
def test_o5_every_create_option_is_kept_by_a_container_that_is_recreated_as_it_is(
    lab: Lab, tell: Callable[[str], None], each_alone: bool
) -> None:
    """All of them depend on one donor, which is recreated: so each is recreated, in one run."""
    make_networks(lab.host)
    lab.docker("build", "-q", "-t", ENTRY, "-", stdin=f'FROM {IMAGE}\nENTRYPOINT ["/bin/busybox"]\n')
    lab.docker("create", "--name", "source", "-v", "/from", "-v", "nmt-from:/named", IMAGE)
    lab.docker("run", "-d", "--name", "donor", "--ipc", "shareable", "-v", "/donors", IMAGE)
    made, refused = [], {}
    for group in [[name] for name in ROWS] if each_alone else groups():
        found = made_of(group)
        made += [name for name, why in found.items() if not why]
        refused.update({name: why for name, why in found.items() if why})
    before = seen(lab, made)
    volumes = lab.docker("volume", "ls", "-q")
    result = lab.apply({**CHANGED, "volumes": ["/donors"]})
    assert result["others"] == {name: ["clone"] for name in sorted(made)}
    after = seen(lab, made)
    tell(
        f"{len(ROWS) - len(refused)} rows kept in {len(made)} containers; not created by this engine at all: {refused}"
    )
    different = {name: differing(before[name], after[name]) for name in made if before[name] != after[name]}
    assert not different, json.dumps(different, indent=1)
    assert lab.docker("volume", "ls", "-q") == volumes
    assert not lab.apply({**CHANGED, "volumes": ["/donors"]})["changed"]


def made_of(names: list[str]) -> dict[str, str]:
    """Containers that have the options of these rows together: {name: why}, where not even one alone is created."""
    why = make(names)
    if not why or len(names) == 1:
        return {names[0]: why}
    half = len(names) // 2
    return {**made_of(names[:half]), **made_of(names[half:])}


def seen(lab: Lab, made: list[str]) -> dict[str, Json]:
    inspects = {name: lab.inspect(name) for name in [*made, "donor", "source"]}
    ids = {inspect["Id"]: name for name, inspect in inspects.items()}
    return {name: asked(inspects[name], ids) for name in made}


def differing(one: Json, other: Json) -> Json:
    return {key: (one.get(key), other.get(key)) for key in {*one, *other} if one.get(key) != other.get(key)}


# --- those that depend on a container that changes ---------------------------------------------------------------------


@pytest.fixture
def family(lab: Lab) -> Lab:
    """A donor, and running containers that need it in every way, one of them in three ways, one at second hand."""
    lab.docker("run", "-d", "--name", "donor", "--ipc", "shareable", IMAGE)
    ways = {
        "netted": ["--network", "container:donor"],
        "pidded": ["--pid", "container:donor"],
        "ipced": ["--ipc", "container:donor"],
        "linked": ["--link", "donor:alias"],
        "tripled": ["--network", "container:donor", "--pid", "container:donor", "--ipc", "container:donor"],
        "second": ["--network", "container:ipced", "--pid", "container:pidded"],
        "mounted": ["--volumes-from", "donor:ro"],
    }
    for name, options in ways.items():
        lab.docker("run", "-d", "--name", name, *options, IMAGE)
    return lab


FAMILY = ["ipced", "linked", "netted", "pidded", "second", "tripled"]


def settled(lab: Lab) -> None:
    """All run, in the namespaces of those that they join, and can be started again."""
    for name in [*FAMILY, "mounted"]:
        found = lab.inspect(name)
        assert found["State"]["Running"], name
        for option, space in (("NetworkMode", "net"), ("PidMode", "pid"), ("IpcMode", "ipc")):
            mode, _, ident = str(found["HostConfig"].get(option) or "").partition(":")
            if mode == "container":
                spaces = {lab.host.sh(f"readlink /proc/{lab.pid(one)}/ns/{space}") for one in (name, ident)}
                assert len(spaces) == 1, (name, option)
    assert lab.inspect("linked")["HostConfig"]["Links"] == ["/donor:/linked/alias"]
    assert lab.docker("exec", "linked", "busybox", "grep", "-w", "alias", "/etc/hosts").split()[0] == lab.docker(
        "inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", "donor"
    )


def test_o5_whoever_depends_on_a_container_follows_when_it_is_recreated_or_is_back_with_it(family: Lab) -> None:
    """Nothing that they need is stopped or removed; a recreate that fails brings all back; one that succeeds, along."""
    needed = ["donor", "ipced", "netted", "pidded", "tripled"]
    family.refused({**DONOR, "state": "stopped"}, words=[*needed, "state: stopped"])
    family.refused({"name": "donor", "state": "absent"}, words=[*needed, "linked", "state: absent"])
    before = {name: family.id(name) for name in ("donor", *FAMILY)}
    network = family.docker("network", "create", NET)
    family.host.sh(f"ip link delete br-{network[:12]}")  # only a start tells that
    message = family.fails({**DONOR, "network_mode": NET}, words=["donor: start", "bridge", "back as it was"])
    assert "could not be restarted" not in message
    assert {name: family.id(name) for name in ("donor", *FAMILY)} == before
    settled(family)
    with family.events() as events:
        result = family.apply(CHANGED)
    assert result["others"] == {name: ["clone"] for name in FAMILY}
    assert sorted(event.name.partition(".")[0] for event in events if event.action == "create") == ["donor", *FAMILY]
    settled(family)
    assert not family.apply(CHANGED)["changed"]
    family.docker("restart", "-t", "0", "linked")


def test_o5_dependants_in_the_list_follow_too_wherever_they_stand(family: Lab) -> None:
    listed = [entry("pidded"), entry("linked"), CHANGED, entry("ipced")]
    result = family.apply(*listed)
    assert [result["containers"][name]["actions"] for name in ("pidded", "linked", "ipced")] == [["clone"]] * 3
    settled(family)
    assert not family.apply(*listed)["changed"]
    family.host.sh("mkdir -p /opt/nmt-bin; echo no program >/opt/nmt-bin/bad; chmod 755 /opt/nmt-bin/bad")
    crashing = {**DONOR, "volumes": ["/opt/nmt-bin:/own"], "command": ["/own/bad"]}  # it starts, and ends at once
    family.fails(crashing, words=["ipced: start", "recreated as it is", "not started", "docker start ipced"])
    assert family.names() == sorted(["donor", "mounted", *FAMILY])


def test_o5_a_tag_that_means_another_image_by_now_changes_no_container(lab: Lab) -> None:
    lab.docker("tag", RICH, "nmt-image:moving")
    lab.docker("run", "-d", "--name", "donor", IMAGE)
    lab.docker("run", "-d", "--name", "sharer", "--network", "container:donor", "nmt-image:moving", *IDLE)
    before = lab.inspect("sharer")["Image"]
    lab.docker("tag", "nmt-image:newer", "nmt-image:moving")
    lab.apply(CHANGED)
    assert lab.inspect("sharer")["Image"] == before


def test_o5_what_cannot_be_kept_is_refused_by_name_before_anything_stops(lab: Lab) -> None:
    lab.docker("run", "-d", "--name", "donor", IMAGE)
    lab.docker("run", "-d", "--name", "source", "-v", "/one", IMAGE)
    lab.docker("run", "-d", "--name", "sharer", "--network", "container:donor", "--volumes-from", "source", IMAGE)
    lab.docker("rm", "-f", "source")
    lab.refused(CHANGED, words=["sharer", "volumes from source", "gone"])
    lab.docker("run", "-d", "--name", "source", "-v", "/other", IMAGE)
    lab.refused(CHANGED, words=["sharer", "recreated as it is", "Mounts: /o"])


def test_o5_files_that_configs_wrote_go_along(lab: Lab) -> None:
    sharer = entry("sharer", network_mode="container:donor", configs=[{"target": "/etc/nmt.conf", "content": "kept"}])
    lab.apply(DONOR, sharer)
    lab.apply(CHANGED)
    assert lab.docker("exec", "sharer", "busybox", "cat", "/etc/nmt.conf") == "kept"
    assert not lab.apply(CHANGED, sharer)["changed"]


def test_o5_what_the_list_has_no_name_for_is_kept_when_an_entry_is_recreated(lab: Lab) -> None:
    options = ["--device", "/dev/null:/dev/nothing:r", "--pid", "host", "-t", "--oom-score-adj", "77", "--cgroup-parent", "/nmt",
               "--mount", "type=bind,src=/tmp,dst=/b,bind-propagation=private", "--mount", "type=tmpfs,dst=/t,tmpfs-size=65536",
               "--mount", "type=volume,src=nmt-v,dst=/v,volume-nocopy"]  # fmt: skip
    lab.docker("run", "-d", "--name", "one", *options, IMAGE)
    before = lab.inspect("one")
    wanted = entry("one", volumes=["/tmp:/b:private", "nmt-v:/v:nocopy"], tmpfs=["/t:size=64k"])
    lab.unchanged(wanted)
    lab.apply({**wanted, "environment": {"A": "1"}})
    after = lab.inspect("one")
    assert after["Id"] != before["Id"]
    mounts = [mount for mount in before["HostConfig"].pop("Mounts") if mount["Type"] != "tmpfs"]
    assert after["HostConfig"]["Mounts"] == mounts  # tmpfs has a name in the list
    for key in ("Devices", "PidMode", "OomScoreAdj", "CgroupParent"):
        assert after["HostConfig"][key] == before["HostConfig"][key]
    assert after["Config"]["Tty"]
    assert not lab.apply({**wanted, "environment": {"A": "1"}})["changed"]


def test_o5_what_the_list_has_no_name_for_on_a_network_is_kept_and_no_port_is_published_unasked(lab: Lab) -> None:
    make_networks(lab.host)
    lab.docker("run", "-d", "--name", "peer", "--network", NET, IMAGE)
    options = ["--link", "peer:other", "-P", "--expose", "80", "--network", f"name={NET},driver-opt=com.example=1"]
    lab.docker("run", "-d", "--name", "one", *options, IMAGE)
    asked = {"Links": ["peer:other"], "DriverOpts": {"com.example": "1"}}
    for wanted in (entry("one", networks=[NET]), entry("one", networks={NET: {"aliases": ["more"]}})):
        lab.apply(wanted)
        after = lab.inspect("one")
        end = after["NetworkSettings"]["Networks"][NET]
        assert {key: end[key] for key in asked} == asked
        assert not any(after["NetworkSettings"]["Ports"].values())
        assert not lab.apply(wanted)["changed"]


# --- docker run --rm ---------------------------------------------------------------------------------------------------


def start_rm(lab: Lab, name: str, *options: str, command: tuple[str, ...] = ()) -> str:
    """A container of ``docker run --rm`` with data in a volume that has no name; its id."""
    ident = lab.docker("run", "-d", "--rm", "--name", name, "-v", "/data", *options, IMAGE, *command)
    lab.docker("exec", name, "busybox", "sh", "-c", "echo kept >/data/word")
    return ident


def remove(lab: Lab, name: str) -> None:
    """The engine may be at it by itself, and then refuses to do it once more."""
    lab.docker("rm", "-f", name, check=False)
    wait_until(lambda: name not in lab.names(), f"{name} is removed")


def word(lab: Lab, name: str) -> str:
    return lab.docker("exec", name, "busybox", "cat", "/data/word")


@pytest.mark.parametrize("many", [6, pytest.param(50, marks=pytest.mark.thorough)])
def test_o4_sharers_with_rm_are_restarted_with_their_donor_and_none_is_gone(lab: Lab, many: int) -> None:
    """Before 23 an engine may delete one while it restarts it, so there this is refused before anything changes."""
    lab.docker("run", "-d", "--name", "donor", IMAGE)
    names = [f"rm{number}" for number in range(many)]
    idents = {name: start_rm(lab, name, "--network", "container:donor") for name in names}
    lab.docker("stop", "-t", "0", "donor")
    if lab.host.engine_version() < (23,):
        lab.refused(DONOR, words=["rm0", "--rm", "before Docker Engine 23", "docker rm -f rm0"])
        assert lab.names() == sorted([*names, "donor"])
        return
    result = lab.apply(DONOR)
    assert result["others"] == {name: ["restart"] for name in names}
    assert {name: lab.id(name) for name in names} == idents
    assert {lab.netns(name) for name in names} == {lab.netns("donor")}
    assert word(lab, names[0]) == word(lab, names[-1]) == "kept"
    assert lab.names() == sorted([*names, "donor"])


def test_o4_one_with_rm_that_cannot_be_started_again_is_not_gone(lab: Lab) -> None:
    lab.docker("run", "-d", "--name", "donor", IMAGE)
    lab.host.sh("mkdir -p /opt/nmt-bin")
    lab.docker("cp", "donor:/bin/busybox", "/opt/nmt-bin/busybox")
    command, own = ("sleep", "1000"), ("-v", "/opt/nmt-bin:/own", "--entrypoint", "/own/busybox")
    start_rm(lab, "sharer", "--network", "container:donor", *own, command=command)
    before = lab.inspect("sharer")
    lab.host.sh("rm /opt/nmt-bin/busybox")
    lab.docker("kill", "donor")
    if lab.host.engine_version() < (23,):
        lab.refused(DONOR, words=["sharer", "--rm", "before Docker Engine 23"])
        return
    lab.fails(DONOR, words=["sharer", "--rm", "docker start sharer"])
    after = lab.inspect("sharer")
    assert after["Config"]["Cmd"] == list(command)
    assert [mount["Name"] for mount in after["Mounts"] if mount["Type"] == "volume"] == [
        mount["Name"] for mount in before["Mounts"] if mount["Type"] == "volume"
    ]
    lab.docker("cp", "donor:/bin/busybox", "/opt/nmt-bin/busybox")
    lab.docker("start", "sharer")
    assert word(lab, "sharer") == "kept"
    assert lab.names() == ["donor", "sharer"]


def test_o4_one_with_rm_that_would_be_gone_is_refused_before_anything_stops(lab: Lab) -> None:
    """In the list, as a donor, as a sharer outside the list, as one whose process namespace ends."""
    start_rm(lab, "donor")
    wanted = entry("donor", volumes=["/data"])
    lab.unchanged(wanted)
    lab.refused({**wanted, "state": "stopped"}, words=["donor", "state: stopped", "--rm", "state: absent"])
    lab.refused({**wanted, "environment": {"A": "1"}}, words=["donor", "environment", "--rm", "docker stop donor"])
    lab.refused({**wanted, "restart": "always"}, words=["donor", "restart", "--rm"])
    lab.refused({**wanted, "recreate": "always"}, words=["donor", "recreate: always", "--rm"])
    remove(lab, "donor")
    lab.apply(DONOR)
    start_rm(lab, "peeking", "--pid", "container:donor")
    lab.refused(CHANGED, words=["peeking", "--rm", "docker rm -f peeking"])
    remove(lab, "peeking")
    start_rm(lab, "sharer", "--network", "container:donor")
    lab.refused(CHANGED, words=["sharer", "--rm", "docker rm -f sharer"])
    assert word(lab, "sharer") == "kept"


def test_o4_one_with_rm_that_is_to_be_absent_leaves_its_data(lab: Lab) -> None:
    names = [f"rm{number}" for number in range(3)]
    for name in names:
        start_rm(lab, name)
    volumes = lab.docker("volume", "ls", "-q")
    lab.apply(*({"name": name, "state": "absent"} for name in names))
    assert lab.names() == []
    assert lab.docker("volume", "ls", "-q") == volumes


def test_o4_one_with_rm_that_was_only_created_becomes_one_that_stays(lab: Lab) -> None:
    lab.docker("create", "--rm", "--name", "one", "--entrypoint", "", IMAGE, "/nonexistent")
    lab.fails(entry("one", **NO_PROGRAM), words=["one", "/nonexistent"])
    assert lab.names() == ["one"]
    lab.apply(entry("one"))
    assert lab.inspect("one")["State"]["Running"]


def test_o4_one_with_rm_stays_when_its_network_is_recreated(lab: Lab) -> None:
    lab.docker("network", "create", "--subnet", "10.77.0.0/24", NET)
    ident = start_rm(lab, "one", "--network", NET, "--ip", "10.77.0.9")
    network = {"name": NET, "ipam": {"config": [{"subnet": "10.77.0.0/24"}]}, "labels": {"a": "b"}}
    result = lab.host.run_module("networks", {"networks": [network]})
    assert result["changed"], result
    assert lab.id("one") == ident
    assert lab.inspect("one")["NetworkSettings"]["Networks"][NET]["IPAddress"] == "10.77.0.9"
    assert word(lab, "one") == "kept"


def test_o4_the_keeper_loses_no_sharer_with_rm_and_says_once_what_it_cannot_do(keeper: Keeper, lab: Lab) -> None:
    lab.docker("run", "-d", "--name", "web4", IMAGE)
    ident = start_rm(lab, "rm4", "--network", "container:web4")
    keeper.is_right()
    lab.docker("restart", "-t", "0", "web4")
    if lab.host.engine_version() < (23,):
        keeper.says("before Docker Engine 23 even a restart may delete it")
    else:
        keeper.says("rm4: restarted: its donor web4 has a new network namespace")
        keeper.is_right()
    lab.docker("rm", "-f", "web4")
    lab.docker("run", "-d", "--name", "web4", IMAGE)
    refusal = "rm4: its donor web4 was recreated, so it would have to be recreated, but it was started with --rm"
    keeper.says(refusal)
    assert len(keeper.log(refusal)) == 1
    assert lab.id("rm4") == ident
    assert word(lab, "rm4") == "kept"
