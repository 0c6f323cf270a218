# SPDX-License-Identifier: GPL-3.0-or-later
"""What tools add to a container: capabilities without an effect, names on networks, another container's host name."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._containers import options
from ansible_collections.netmode.docker.plugins.module_utils._containers.make import endpoint_settings
from ansible_collections.netmode.docker.plugins.module_utils._containers.plan import plan
from ansible_collections.netmode.docker.plugins.module_utils._containers.ports import host_ports
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_plan_containers import BRIDGE, FRONT, IMAGE, entry, host, key, only, read, running, steps

USUAL = ["CHOWN", "KILL", "NET_RAW"]
"""Of those that every container has."""
NAMES = [*USUAL, "NET_ADMIN", "SYS_TIME", "ALL"]
LISTS = st.lists(st.sampled_from(NAMES), unique=True)


def granted(added: list[str], dropped: list[str]) -> set[str]:
    """As the engine decides (TweakCapabilities in https://github.com/moby/moby/blob/v28.5.2/oci/caps/utils.go)."""
    every = {*NAMES} - {"ALL"}
    if "ALL" in added:
        return every - {*dropped}
    if "ALL" in dropped:
        return {*added}
    return ({*USUAL} - {*dropped}) | {*added}


@settings(max_examples=500, deadline=None)
@example(USUAL, ["NET_ADMIN", "SYS_TIME"], [], [])
@example(USUAL, ["NET_ADMIN", "SYS_TIME", "KILL"], [], ["KILL"])
@example([], [], [], ["NET_ADMIN"])
@given(LISTS, LISTS, LISTS, LISTS)
def test_o1_capabilities_are_the_same_only_where_the_engine_grants_the_same(
    added: list[str], dropped: list[str], wanted: list[str], unwanted: list[str]
) -> None:
    made = running("web")
    made["HostConfig"].update(CapAdd=added, CapDrop=dropped)
    (one,) = read(entry("web", cap_add=wanted, cap_drop=unwanted))
    expected = options.expected(one.options, IMAGE["Config"], shares=False)
    found = options.differences(options.observed(made, "host", expected), expected)
    assert found.keys() <= {"cap_add", "cap_drop"}
    if not found:
        assert granted(added, dropped) == granted(wanted, unwanted)
        assert {*wanted} <= {*added}, "what the list asks for is there, with an effect or without"
        assert {*unwanted} <= {*dropped}


def test_o1_each_capability_by_its_name_is_what_every_container_has() -> None:
    made = running("web")
    made["HostConfig"].update(CapAdd=sorted(options.USUAL_CAPABILITIES), CapDrop=["NET_ADMIN", "SYS_ADMIN"])
    assert steps(host(made), entry("web")) == []
    assert "cap_add" in only(host(made), entry("web", cap_add=["NET_ADMIN"])).reason


def on_front(*aliases: str, service: str = "cache") -> dict[str, Any]:
    made = running("shop-cache-1", network_mode="front")
    made["Config"]["Labels"]["com.docker.compose.service"] = service
    made["NetworkSettings"]["Networks"] = {"front": {"Aliases": list(aliases)}}
    return made


@pytest.mark.parametrize(
    ("aliases", "wanted", "actions"),
    [
        (["shop-cache-1", "cache"], [], []),
        (["cache"], [], []),
        ([], [], []),
        (["shop-cache-1", "cache", "other"], [], ["disconnect", "connect"]),
        (["shop-cache-1", "cache", "other"], ["other"], []),
        (["shop-cache-1", "cache"], ["other"], ["disconnect", "connect"]),
        (["web"], [], ["disconnect", "connect"]),
    ],
)
def test_o1_the_names_of_compose_are_no_difference_and_stay(
    aliases: list[str], wanted: list[str], actions: list[str]
) -> None:
    current = host(on_front(*aliases))
    asked = entry("shop-cache-1", networks={"front": {"aliases": wanted}})
    assert [action for action, _ in steps(current, asked)] == actions
    noted = [alias for alias in aliases if alias in ("shop-cache-1", "cache")]
    step = only(current, {**asked, "recreate": "always"})
    assert step.data["endpoints"]["front"]["aliases"] == [*wanted, *noted]


@pytest.mark.parametrize(
    ("name", "wanted", "differs"),
    [(key("web")[:12], None, False), ("0123456789ab", None, False), ("0123456789ab", "web", True), ("web", None, True),
     ("0123456789", None, True)],
)  # fmt: skip
def test_o1_a_host_name_that_an_engine_drew_is_none(name: str, wanted: str | None, differs: bool) -> None:
    made = running("web")
    made["Config"]["Hostname"] = name
    asked = entry("web", **({"hostname": wanted} if wanted else {}))
    assert bool(steps(host(made), asked)) is differs


@pytest.mark.parametrize("mode", ["bridge", "front", "host", "none", "container:donor"])
@pytest.mark.parametrize("exposed", [[], ["80/tcp"], ["80/tcp", "81/udp"]])
@pytest.mark.parametrize("ports", [[], ["80"], ["127.0.0.1:8080:80"], ["80", "81/udp"]])
def test_o5_ports_are_published_by_the_list_alone_and_never_by_publish_all(
    mode: str, exposed: list[str], ports: list[str]
) -> None:
    """``docker run --publish-all`` gives each exposed port one of the host that the engine chooses, as ``80`` does."""
    asked = ports if mode in ("bridge", "front") else []
    exposed = [] if mode == "container:donor" else exposed
    there = running("web", network_mode=mode, ports=[port for port in asked if ":" in port])
    there["HostConfig"]["PublishAllPorts"] = True
    there["Config"]["ExposedPorts"] = {**{port: {} for port in exposed}, **there["Config"]["ExposedPorts"]}
    wanted = entry("web", network_mode=mode, ports=asked, expose=exposed)
    published = {*exposed, *there["HostConfig"]["PortBindings"]} if mode in ("bridge", "front") else set()
    current = host(there, running("donor"))
    meant = published == {*read(wanted)[0].options.get("ports", {})}
    assert [action for action, _ in steps(current, wanted)] == ([] if meant else ["recreate"])
    step = only(current, {**wanted, "recreate": "always"})
    assert "PublishAllPorts" not in step.data["body"]["HostConfig"]


@pytest.mark.parametrize("kept", [{}, {"Links": ["db:d"]}, {"DriverOpts": {"a": "b"}, "GwPriority": 3}])
@pytest.mark.parametrize("act", ["recreate", "connect"])
def test_o5_what_the_list_has_no_name_for_on_a_network_stays(kept: dict[str, Any], act: str) -> None:
    made = on_front("web")
    made["NetworkSettings"]["Networks"]["front"].update({"Links": None, "DriverOpts": None, **kept})
    asked = entry("shop-cache-1", networks=["front"], recreate="always" if act == "recreate" else "auto")
    (step,) = [step for step in plan(host(made), read(asked)).steps if step.action == act]
    spec = step.data["endpoint"] if act == "connect" else step.data["endpoints"]["front"]
    assert endpoint_settings(spec) == {"IPAMConfig": {}, "Aliases": [], **kept}


@pytest.mark.parametrize("first", ["started", "stopped", "absent"])
@pytest.mark.parametrize("second", ["started", "stopped", "absent"])
@pytest.mark.parametrize("held", [None, "one", "two"])
def test_o7_of_one_address_only_two_that_are_to_run_are_refused(first: str, second: str, held: str | None) -> None:
    """As of one port of the host: ``absent`` and ``stopped`` hold nothing."""
    there = [running(held, network_mode="front")] if held else []
    for made in there:
        made["NetworkSettings"]["Networks"]["front"] = {"IPAMConfig": {"IPv4Address": "10.9.0.5"}}
    current = host(*there)
    current.addresses.update({made["Id"]: {"front": ["10.9.0.5", ""]} for made in there})
    place = {"networks": {"front": {"ipv4_address": "10.9.0.5"}}}
    asked = [entry("one", state=first, **place), entry("two", state=second, **place)]
    if first == second == "started":
        with pytest.raises(NetmodeError, match=r"10\.9\.0\.5 is also asked for by"):
            plan(current, read(*asked))
    else:
        made = [name for action, name in steps(current, *asked) if action == "create"]
        assert {*made} == {one["name"] for one in asked if one["state"] != "absent"} - {held}


def binding(network: dict[str, Any], address: str) -> dict[str, Any]:
    return {**network, "Options": {"com.docker.network.bridge.host_binding_ipv4": address}}


@pytest.mark.parametrize(
    ("bridge", "front", "networks", "address"),
    [
        ("0.0.0.0", "", ["bridge"], ""),
        ("127.0.0.2", "", ["bridge"], "127.0.0.2"),
        ("127.0.0.2", "", ["front"], ""),
        ("127.0.0.2", "127.0.0.3", ["front"], "127.0.0.3"),
        ("127.0.0.2", "127.0.0.2", ["bridge", "front"], "127.0.0.2"),
        ("127.0.0.2", "127.0.0.3", ["bridge", "front"], ""),
        ("127.0.0.2", "127.0.0.3", ["unknown"], ""),
    ],
)
def test_o7_what_names_no_address_is_published_where_the_network_says(
    bridge: str, front: str, networks: list[str], address: str
) -> None:
    there = host()._replace(networks={"bridge": binding(BRIDGE, bridge), "front": binding(FRONT, front)})
    (one,) = read(entry("web", networks=networks, ports=["80:80", "10.0.0.1:81:81"]))
    assert host_ports(there, one) == [(address, "80", "tcp"), ("10.0.0.1", "81", "tcp")]
