# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the role redis: how they are merged, and what comes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.netmode.docker.plugins.filter.redis_plan import redis_plan
from ansible_collections.netmode.docker.plugins.module_utils._redis.conf import quoted
from ansible_collections.netmode.docker.plugins.module_utils._redis.verify import secrets_of
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import read_variables
from redis_role import DEFAULTS, ETH0, ROLE, conf, plan

if TYPE_CHECKING:
    from collections.abc import Iterator

OPTIONS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]


# --- the role's own files agree ---------------------------------------------------------------------------------------


def test_argument_specs_equal_the_defaults() -> None:
    options = {name: option for entry_point in OPTIONS.values() for name, option in entry_point["options"].items()}
    assert {name: option["default"] for name, option in options.items()} == DEFAULTS


def test_passwords_are_no_log_in_the_argument_specs() -> None:
    secret = {name for name in OPTIONS["main"]["options"] if name.endswith("password")}
    assert secret == {"redis_password", "redis_registry_password", "redis_sentinel_password"}
    assert all(OPTIONS["main"]["options"][name]["no_log"] for name in secret)


# --- merging ----------------------------------------------------------------------------------------------------------


def test_an_entry_wins_over_the_host_which_wins_over_the_role() -> None:
    found = plan({"name": "one", "port": 7001}, {"name": "two"}, port=7002, maxmemory="1gb")
    assert "port 7001" in found["files"][0]["lines"]
    assert "port 7002" in found["files"][1]["lines"]
    assert all("maxmemory 1gb" in item["lines"] for item in found["files"])


def test_the_defaults_alone_are_one_redis() -> None:
    found = plan(*DEFAULTS["redis_instances"])
    assert [item["name"] for item in found["containers"]] == ["redis"]
    assert found["images"] == [{"name": DEFAULTS["redis_image"], "source": "pull", "pull_policy": "missing"}]


@pytest.mark.parametrize(
    ("mode", "entry", "network_mode"),
    [
        ("bridge", {}, "bridge"),
        ("container", {"donor": "httpd", "bind": ["127.0.0.1"]}, "container:httpd"),
        ("host", {}, "host"),
        ("none", {}, "none"),
        ("none", {"interfaces": [{"name": "eth0", "bridge": "docker0"}]}, "none"),
    ],
)
def test_each_mode(mode: str, entry: dict[str, Any], network_mode: str) -> None:
    container = plan({"name": "cache", "network_mode": mode, **entry})["containers"][0]
    assert container["network_mode"] == network_mode
    assert container["user"] == "999:999"
    assert container["cap_drop"] == ["ALL"]
    assert container["read_only"] is True
    assert container["stop_grace_period"] == "120s"
    assert "cache-data:/data" in container["volumes"]


def test_the_configuration_directory_is_mounted_and_not_the_file() -> None:
    volumes = plan({"name": "cache"})["containers"][0]["volumes"]
    assert "/etc/netmode/redis/cache:/usr/local/etc/redis" in volumes


def test_a_user_defined_network_takes_the_place_of_the_default_bridge() -> None:
    container = plan({"name": "cache", "networks": ["backend"]})["containers"][0]
    assert container["networks"] == ["backend"]
    assert "network_mode" not in container


def test_companions_are_planned_in_the_same_call_and_have_the_hosts_image() -> None:
    found = plan(
        {"name": "cache", "network_mode": "container", "donor": "httpd"}, companions=[{"name": "httpd"}], image="mine:1"
    )
    assert [item["name"] for item in found["containers"]] == ["httpd", "cache"]
    assert found["containers"][0]["image"] == "mine:1"


def test_interfaces_are_given_to_all_that_are_to_run_and_every_other_is_taken_away() -> None:
    found = plan(
        {"name": "one", "network_mode": "none", "interfaces": [{**ETH0, "mtu": "1400", "mac": None}]},
        {"name": "two", "network_mode": "none", "state": "stopped", "interfaces": [ETH0]},
        {"name": "three"},
    )
    entry = {**ETH0, "container": "one", "kind": "veth", "state": "present", "mtu": 1400}
    assert (found["interfaces"], found["purge"]) == ([entry], ["one", "two", "three"])
    assert "networks" not in found["containers"][0]


def test_the_interfaces_of_the_host_are_those_of_each_instance_that_says_nothing_else() -> None:
    found = plan({"name": "one"}, {"name": "two", "interfaces": []}, network_mode="none", interfaces=[ETH0])
    assert [entry["container"] for entry in found["interfaces"]] == ["one"]
    assert ["port 0" in item["lines"] for item in found["files"]] == [False, True]


def test_a_rehearsal_leaves_out_an_interface_on_a_bridge_that_is_yet_to_be_made() -> None:
    definitions = [{"name": "new", "bridge_name": "br-new"}, {"name": "old"}]
    entries = [{"name": f"eth{n}", "bridge": bridge} for n, bridge in enumerate(("new", "br-new", "old"))]
    entry = {"name": "cache", "network_mode": "none", "interfaces": entries}
    found = plan(entry, definitions=definitions, pending=["new"])
    assert [item["bridge"] for item in found["interfaces"]] == ["old"]
    assert len(plan(entry, definitions=definitions)["interfaces"]) == 3


def test_an_absent_instance_keeps_its_volume_and_needs_no_image() -> None:
    found = plan({"name": "cache", "state": "absent"})
    assert found["containers"] == [{"name": "cache", "state": "absent"}]
    assert found["files"][0]["state"] == "absent"
    assert found["images"] == []
    assert found["endpoints"] == []


def test_teardown_names_all_that_is_made_and_no_pulled_image() -> None:
    found = plan(
        {"name": "built", "image": "local:1", "image_source": "packages"},
        {"name": "pulled", "port": 7000},
        companions=[{"name": "httpd"}],
    )["teardown"]
    assert [item["name"] for item in found["containers"]] == ["httpd", "built", "pulled"]
    assert [item["name"] for item in found["volumes"]] == ["built-data", "pulled-data"]
    assert [item["name"] for item in found["images"]] == ["local:1"]
    assert {item["state"] for kind in found.values() for item in kind} == {"absent"}


def test_one_that_may_not_be_restarted_is_not_recreated_either() -> None:
    found = plan({"name": "cache", "restart_allowed": False}, {"name": "other"})
    assert [one["recreate"] for one in found["containers"]] == ["never", "auto"]
    assert [one["restart_allowed"] for one in found["files"]] == [False, True]


# --- redis.conf -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({}, "bind * -::*"),
        ({"network_mode": "host"}, "bind 127.0.0.1 -::1"),
        ({"bind": ["127.0.0.1", "::1"]}, "bind 127.0.0.1 ::1"),
        ({"network_mode": "none"}, "port 0"),
        ({"network_mode": "none", "interfaces": [ETH0]}, "port 6379"),
        ({"network_mode": "none", "interfaces": [ETH0]}, "bind * -::*"),
        ({"network_mode": "none", "interfaces": [ETH0], "bind": ["127.0.0.1", "::"]}, "bind 127.0.0.1 ::"),
        ({"port": 7000}, "port 7000"),
        ({"save": []}, 'save ""'),
        ({"save": ["60 1"]}, "save 60 1"),
        ({"appendonly": False}, "appendonly no"),
        ({"appendfsync": False}, "appendfsync no"),
        ({"settings": {"lazyfree-lazy-eviction": True}}, "lazyfree-lazy-eviction yes"),
        ({"settings": {"hz": 50}}, "hz 50"),
        ({"settings": {"rename-command": ["KEYS foo", "FLUSHALL bar"]}}, "rename-command FLUSHALL bar"),
        ({"settings": {"notify-keyspace-events": ""}}, 'notify-keyspace-events ""'),
        ({"settings": {"dbfilename": "my dump.rdb"}}, 'dbfilename "my dump.rdb"'),
        ({"settings": {"client-output-buffer-limit": "normal 0 0 0"}}, "client-output-buffer-limit normal 0 0 0"),
        ({"settings": {"active-defrag-threshold-lower": 1.5}}, "active-defrag-threshold-lower 1.5"),
        ({"password": "x"}, "protected-mode yes"),
        ({}, "protected-mode no"),
    ],
)
def test_lines_of_redis_conf(entry: dict[str, Any], line: str) -> None:
    assert line in conf({"name": "cache", **entry})


def test_secrets_are_in_no_part_of_the_plan_but_the_secret_lines_and_the_endpoint() -> None:
    found = plan({"name": "cache", "password": "s3cret-one", "settings": {"masterauth": "s3cret-two"}})
    assert found["files"][0].pop("secrets") == ["requirepass s3cret-one", "masterauth s3cret-two"]
    assert found["endpoints"][0].pop("password") == "s3cret-one"
    assert found["files"][0]["trial"].pop("password") == "s3cret-one"
    assert secrets_of(found["proof"]) == {"s3cret-one", "s3cret-two"}  # which the module shows nowhere
    del found["proof"]
    assert "s3cret" not in repr(found)


def test_a_password_is_quoted_as_redis_reads_it() -> None:
    assert quoted('a"b\\c d') == '"a\\"b\\\\c d"'


# --- the inventories that are shipped ---------------------------------------------------------------------------------

INVENTORY = ROLE.parents[1] / "playbooks" / "inventory"


def hosts_of(name: str) -> list[tuple[str, dict[str, Any]]]:
    """Each host of the group redis of an inventory, with its variables; templates stay as they are."""
    everything = yaml.safe_load((INVENTORY / name).read_text())
    outer = everything.get("all", {})
    return list(_members(everything.get("redis") or outer["children"]["redis"], outer.get("vars", {})))


def _members(group: dict[str, Any], around: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    variables = {**around, **group.get("vars", {})}
    for host, own in group.get("hosts", {}).items():
        yield host, {**variables, **(own or {})}
    for child in group.get("children", {}).values():
        yield from _members(child, variables)


@pytest.mark.parametrize("host", hosts_of("quickstart.yml") + hosts_of("fleet.example.yml"), ids=lambda host: host[0])
def test_shipped_inventories_are_accepted_and_use_no_unknown_variable(host: tuple[str, dict[str, Any]]) -> None:
    given = {key: value for key, value in host[1].items() if not key.startswith("ansible_")}
    assert set(given) <= set(DEFAULTS)
    assert redis_plan(read_variables("redis", given, []), host[0])["problems"] == []


def test_the_quickstart_has_each_mode_once_and_the_fleet_a_group_for_each() -> None:
    modes = ["bridge", "container", "host", "none"]
    (quick,) = hosts_of("quickstart.yml")
    assert [entry["network_mode"] for entry in quick[1]["redis_instances"]] == modes
    assert list(dict.fromkeys(host[1]["redis_network_mode"] for host in hosts_of("fleet.example.yml"))) == modes
