# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of containers: what is done, in which order and why, without an engine."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._containers import options, spec
from ansible_collections.netmode.docker.plugins.module_utils._containers.plan import plan
from ansible_collections.netmode.docker.plugins.module_utils._containers.state import Host, Step, started
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

IMAGE = {"Id": "sha256:1", "Config": {"Cmd": ["redis-server"], "Env": ["PATH=/bin"]}}
BRIDGE = {"Name": "bridge", "Id": "b" * 64, "IPAM": {"Config": [{"Subnet": "172.17.0.0/16"}]}}
FRONT = {"Name": "front", "Id": "f" * 64, "IPAM": {"Config": [{"Subnet": "10.9.0.0/24"}]}}


def key(name: str) -> str:
    return name.encode().hex().ljust(64, "0")


def entry(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "redis", "state": "started", "recreate": "auto", "pull_policy": "missing", **more}


def read(*entries: dict[str, Any]) -> list[spec.Wanted]:
    return spec.read(list(entries), "28.5.2")


def running(name: str, **more: Any) -> dict[str, Any]:
    """The inspect of a container just as an entry makes it; ``at`` and ``state`` tell its life."""
    state, at = more.pop("state", "running"), more.pop("at", "2026-01-01T00:00:00.5Z")
    space = more.pop("space", 0)
    mark, mode = more.pop("mark", name), more.pop("network_mode", "bridge")
    if mode.startswith("container:"):
        mode = f"container:{key(mode.partition(':')[2])}"
    one = read(entry(name, **more, network_mode=mode))[0]
    body = options.body(options.expected(one.options, IMAGE["Config"], shares=bool(one.donor)), "redis", mode, mark)
    networks = {"bridge": {}} if mode == "bridge" else {mode: {}} if mode == "front" else {}
    return {
        "Id": key(name),
        "Name": f"/{name}",
        "Image": "sha256:1",
        "Config": {**body, "Hostname": key(name)[:12]},
        "HostConfig": body["HostConfig"],
        "State": {"Status": state, "StartedAt": at, "Running": state == "running"},
        "NetworkSettings": {"Networks": networks},
        "Mounts": [],
        "space": space,
    }


def host(*inspects: dict[str, Any]) -> Host:
    return Host(
        names={one["Name"][1:]: one["Id"] for one in inspects},
        modes={one["Id"]: one["HostConfig"]["NetworkMode"] for one in inspects},
        states={one["Id"]: one["State"]["Status"] for one in inspects},
        marks={one["Id"]: one["Config"]["Labels"][options.NAME_LABEL] for one in inspects},
        published={},
        addresses={},
        namespaces={one["Id"]: space for one in inspects if (space := one.pop("space", 0))},
        inspected={one["Id"]: one for one in inspects},
        images={"redis": IMAGE},
        networks={"bridge": BRIDGE, "front": FRONT},
        contents={},
    )


def steps(current: Host, *entries: dict[str, Any]) -> list[tuple[str, str]]:
    return [(step.action, step.name) for step in plan(current, read(*entries)).steps]


def only(current: Host, *entries: dict[str, Any]) -> Step:
    found = plan(current, read(*entries)).steps
    assert len(found) == 1, found
    return found[0]


SHARER = entry("sharer", network_mode="container:web")


def test_nothing_is_done_to_what_is_as_wanted() -> None:
    assert steps(host(running("web"), running("sharer", network_mode="container:web")), SHARER, entry("web")) == []


def test_the_donor_is_made_before_its_sharer_whatever_the_order() -> None:
    made = plan(host(), read(SHARER, entry("web")))
    assert [(step.action, step.name) for step in made.steps] == [("create", "web"), ("create", "sharer")]
    assert made.steps[1].data["body"]["HostConfig"]["NetworkMode"] == "container:@web"


def test_n6_a_sharer_older_than_its_donors_run_is_restarted() -> None:
    current = host(running("web", at="2026-01-01T00:00:02Z"), running("sharer", network_mode="container:web"))
    step = only(current, SHARER, entry("web"))
    assert (step.action, step.name) == ("restart", "sharer")
    assert "dead namespace" in step.reason


def test_n6_a_chain_is_restarted_in_order() -> None:
    late = "2026-01-01T00:00:03Z"
    current = host(
        running("web", at="2026-01-01T00:00:02Z"),
        running("sharer", network_mode="container:web"),
        running("third", network_mode="container:sharer", at=late),
    )
    third = entry("third", network_mode="container:sharer")
    assert steps(current, third, SHARER, entry("web")) == [("restart", "sharer"), ("restart", "third")]


def test_what_is_to_be_restarted_is_and_its_sharers_follow_unless_it_is_started_anyway() -> None:
    sharer = entry("sharer", network_mode="container:web")
    current = host(running("web"), running("sharer", network_mode="container:web"), running("other"))
    asked = current._replace(restarted={"web": "it needs no password", "other": "so"})
    assert steps(asked, sharer, entry("web")) == [("restart", "web"), ("restart", "sharer")]
    assert only(asked, entry("other")).reason == "so"
    assert steps(asked, entry("web", labels={"a": "b"}))[0] == ("recreate", "web")
    down = host(running("web", state="exited"))._replace(restarted={"web": "so"})
    assert steps(down, entry("web")) == [("start", "web")]
    assert steps(down, entry("web", state="stopped")) == steps(down) == []


def test_n6_a_sharer_that_still_has_its_donors_namespace_is_left_alone() -> None:
    late = "2026-01-01T00:00:03Z"
    current = host(
        running("web", space=1),
        running("sharer", network_mode="container:web", space=1, at=late),
        running("third", network_mode="container:sharer", space=1),
    )
    third = entry("third", network_mode="container:sharer")
    assert steps(current, third, SHARER, entry("web")) == []


def test_n6_a_sharer_in_another_namespace_than_its_donor_is_restarted_whatever_the_times() -> None:
    late = "2026-01-01T00:00:03Z"
    current = host(running("web", space=1), running("sharer", network_mode="container:web", space=2, at=late))
    assert steps(current, SHARER) == [("restart", "sharer")]


def test_a_donor_renamed_by_hand_is_still_the_donor() -> None:
    current = host(running("front", mark="web"), running("sharer", network_mode="container:front"))
    assert steps(current, entry("sharer", network_mode="container:front")) == []
    assert steps(current, SHARER, entry("web")) == [("rename", "web")]


def test_an_address_that_another_container_holds_is_refused() -> None:
    current = host(running("other", network_mode="front"))
    current.addresses[key("other")] = {"front": ["10.9.0.5", ""]}
    with pytest.raises(NetmodeError, match=r"10\.9\.0\.5 is held by the container other"):
        plan(current, read(entry("web", networks={"front": {"ipv4_address": "10.9.0.5"}})))


def holding(name: str, address: str, port: str = "") -> dict[str, Any]:
    one = running(
        name, networks={"front": {"ipv4_address": address}}, network_mode="front", ports=port and [f"{port}:80"]
    )
    one["NetworkSettings"]["Networks"]["front"] = {"IPAMConfig": {"IPv4Address": address}}
    return one


def held(*holders: tuple[str, str, str]) -> Host:
    """(name, address, port) of containers on the network front."""
    current = host(*(holding(*holder) for holder in holders))
    for name, address, port in holders:
        current.addresses[key(name)] = {"front": [address, ""]}
        current.published[key(name)] = [("0.0.0.0", port, "tcp")]
    return current


def asking(name: str, address: str, port: str) -> dict[str, Any]:
    return entry(name, networks={"front": {"ipv4_address": address}}, ports=[f"{port}:80"])


def test_who_gives_up_a_port_or_an_address_comes_before_who_takes_it() -> None:
    current = held(("aa", "10.9.0.5", "81"), ("bb", "10.9.0.6", "82"), ("cc", "10.9.0.7", "83"))
    chain = [asking("aa", "10.9.0.6", "84"), asking("bb", "10.9.0.8", "83"), asking("cc", "10.9.0.7", "85")]
    found = [name for action, name in steps(current, *chain) if action == "recreate"]
    assert found == ["cc", "bb", "aa"]


def test_a_port_in_host_mode_is_passed_on_too() -> None:
    current = host(*(running(name, network_mode="host", expose=[port]) for name, port in (("aa", 81), ("bb", 82))))
    made = plan(
        current, read(*(entry(name, network_mode="host", expose=[port]) for name, port in (("aa", 82), ("bb", 83))))
    )
    assert [(step.action, step.name) for step in made.steps] == [("recreate", "bb"), ("recreate", "aa")]


def test_two_that_exchange_an_address_are_refused() -> None:
    current = held(("aa", "10.9.0.5", "81"), ("bb", "10.9.0.6", "82"))
    with pytest.raises(NetmodeError, match=r"10\.9\.0\.6 is held by the container bb.*to a free address first"):
        plan(current, read(asking("aa", "10.9.0.6", "81"), asking("bb", "10.9.0.5", "82")))


def test_a_file_taken_out_of_the_list_is_a_change() -> None:
    one = running("web")
    one["Config"]["Labels"][options.CONFIGS_LABEL] = "/etc/redis.conf"
    assert only(host(one), entry("web")).action == "recreate"


def test_n7_a_sharer_of_a_dead_id_is_recreated_against_the_new_donor() -> None:
    current = host(running("sharer", network_mode="container:gone"))
    assert steps(current, SHARER, entry("web")) == [("create", "web"), ("recreate", "sharer")]


@pytest.mark.parametrize("reference", ["web", key("web"), key("web")[:12]])
def test_n8_a_donor_by_name_and_by_id_is_the_same(reference: str) -> None:
    current = host(running("web"), running("sharer", network_mode="container:web"))
    assert steps(current, entry("sharer", network_mode=f"container:{reference}")) == []


@pytest.mark.parametrize(("before", "after"), [("default", "bridge"), ("bridge", "default")])
def test_n9_default_is_bridge(before: str, after: str) -> None:
    current = running("web")
    current["HostConfig"]["NetworkMode"] = before
    assert steps(host(current), entry("web", network_mode=after)) == []


def test_a_donor_recreated_takes_along_sharers_of_the_list_and_outside_it() -> None:
    current = host(
        running("web"), running("sharer", network_mode="container:web"), running("other", network_mode="container:web")
    )
    found = steps(current, SHARER, entry("web", command="httpd"))
    assert found == [("recreate", "web"), ("clone", "other"), ("recreate", "sharer")]


def test_a_donor_that_is_started_takes_its_running_sharers_along() -> None:
    current = host(running("web", state="exited"), running("other", network_mode="container:web"))
    assert steps(current, entry("web")) == [("start", "web"), ("restart", "other")]


def test_an_option_taken_out_of_the_list_is_a_change() -> None:
    step = only(host(running("web", cap_drop=["ALL"])), entry("web"))
    assert step.action == "recreate"
    assert step.reason == "cap_drop: ['ALL'] -> []"


@pytest.mark.parametrize(
    ("option", "one", "other"),
    [
        ("environment", {"A": "1", "B": "2"}, ["B=2", "A=1"]),
        ("cap_drop", ["NET_RAW", "CAP_CHOWN"], ["chown", "net_raw"]),
        ("stop_signal", "SIGTERM", "15"),
        ("mem_limit", "64m", 67108864),
        ("security_opt", ["no-new-privileges:true"], ["no-new-privileges"]),
        ("restart", False, "no"),
        ("volumes", ["bb:/b", "aa:/a"], ["aa:/a:rw", "bb:/b"]),
    ],
)
def test_two_spellings_of_one_value_are_no_change(option: str, one: Any, other: Any) -> None:
    assert steps(host(running("web", **{option: one})), entry("web", **{option: other})) == []


def test_what_a_running_container_can_take_is_updated_in_place() -> None:
    step = only(host(running("web", mem_limit="32m")), entry("web", mem_limit="64m", restart="always"))
    assert step.action == "update"
    assert step.data["body"]["Memory"] == 67108864
    assert step.data["body"]["RestartPolicy"]["Name"] == "always"


def test_a_limit_that_is_taken_away_needs_a_new_container() -> None:
    assert only(host(running("web", mem_limit="32m")), entry("web")).action == "recreate"


def test_an_engine_stop_period_of_zero_is_not_the_default() -> None:
    assert only(host(running("web")), entry("web", stop_grace_period=0)).action == "recreate"


def test_a_renamed_container_is_found_by_its_label() -> None:
    step = only(host(running("foo", mark="web")), entry("web"))
    assert (step.action, step.data["to"]) == ("rename", "web")


def test_a_container_off_its_network_is_connected_and_off_anothers_disconnected() -> None:
    current = running("web")
    current["NetworkSettings"]["Networks"] = {"front": {}}
    assert steps(host(current), entry("web")) == [("connect", "web"), ("disconnect", "web")]


def test_the_anonymous_volume_goes_along_when_a_container_is_recreated() -> None:
    current = running("web", volumes=["/data"])
    current["Mounts"] = [{"Type": "volume", "Name": "0" * 64, "Destination": "/data"}]
    step = only(host(current), entry("web", volumes=["/data"], command="other"))
    assert step.data["body"]["HostConfig"]["Binds"] == ["0" * 64 + ":/data"]


@pytest.mark.parametrize("suffix", [".netmode-new", ".netmode-old"])
def test_what_an_interrupted_run_left_is_swept(suffix: str) -> None:
    current = host(running("web"), running("web" + suffix, mark="web", state="created"))
    assert only(current, entry("web")).container == key("web" + suffix)


def test_an_interrupted_exchange_of_names_goes_back_first() -> None:
    current = host(running("web.netmode-old", mark="web"), running("web.netmode-new", mark="web", state="created"))
    assert steps(current, entry("web")) == [("remove", "web"), ("rename", "web")]


def test_recreate_never_refuses_and_says_what_differs() -> None:
    with pytest.raises(NetmodeError, match=r"containers\[0\] \(web\): recreate: never, .* read_only"):
        plan(host(running("web")), read(entry("web", read_only=True, recreate="never")))


@pytest.mark.parametrize(
    ("current", "entries", "words"),
    [
        (host(), [SHARER], ["sharer", "no container 'web'", "Start the donor first"]),
        (
            host(),
            [entry("a1", network_mode="container:b1"), entry("b1", network_mode="container:a1")],
            ["a1 -> b1 -> a1"],
        ),
        (host(), [entry("a1", network_mode="container:a1")], ["cannot join itself"]),
        (host(), [SHARER, entry("web", network_mode="host")], ["host mode", "Use network_mode: host"]),
        (host(running("web", state="exited")), [SHARER], ["donor is not running"]),
        (host(running("web")), [SHARER, entry("web", state="stopped")], ["wants the donor stopped"]),
        (
            host(running("web"), running("sharer", network_mode="container:web")),
            [{"name": "web", "state": "absent"}],
            ["sharer would be left in a dead namespace", "state: absent"],
        ),
        (host(), [entry("a1", network_mode="nowhere")], ["no network 'nowhere'", "netmode.docker.networks"]),
        (host(), [entry("a1", networks={"front": {"ipv4_address": "10.8.0.2"}})], ["10.8.0.2", "10.9.0.0/24"]),
    ],
)
def test_n19_what_cannot_be_is_refused_with_the_reason(current: Host, entries: list[Any], words: list[str]) -> None:
    with pytest.raises(NetmodeError) as refusal:
        plan(current, read(*entries))
    assert all(word in str(refusal.value) for word in words), refusal.value


def test_times_of_the_engine_compare_as_text() -> None:
    times = [
        "2026-01-01T00:00:00.5Z",
        "2026-01-01T00:00:00.45Z",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.500000001Z",
    ]
    ordered = sorted(times, key=lambda at: started({"State": {"StartedAt": at}}))
    assert ordered == [times[2], times[1], times[0], times[3]]


@pytest.mark.parametrize(
    ("given", "action"),
    [
        (entry("new", network_mode="later"), "create"),
        (entry("new", networks={"later": {"ipv4_address": "10.44.0.9"}}), "create"),
        (entry("web", networks=["bridge", "later"]), "connect"),
        (entry("web", network_mode="later"), "recreate"),
        (entry("new", network_mode="container:donor"), "create"),
        (entry("new", network_mode="container:asleep"), "create"),
        (entry("joined", network_mode="container:asleep"), "restart"),
    ],
)
def test_o7_check_mode_takes_what_an_earlier_task_makes(given: dict[str, Any], action: str) -> None:
    current = host(
        running("web"), running("asleep", state="exited"), running("joined", network_mode="container:asleep")
    )
    if given["name"] != "joined":
        with pytest.raises(NetmodeError, match=r"no network|no container|not running"):
            plan(current, read(given))
    pending = current._replace(pending=frozenset({"later", "donor", "asleep"}))
    assert action in [one for one, _ in steps(pending, given)]
