# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the role redis: how they are merged, what is refused with which words, and what comes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.netmode.docker.plugins.filter.redis_instances import redis_instances
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_plan import PLAN_KEYS, quoted
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_settings import HOST_VARIABLES

ROLE = Path(__file__).resolve().parents[2] / "roles" / "redis"
DEFAULTS = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
SETTINGS = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["__redis_settings"]
OPTIONS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]


def plan(
    *instances: Any,
    companions: Any = (),
    definitions: Any = (),
    pending: Any = None,
    variables: Any = (),
    **host: Any,
) -> dict[str, Any]:
    """The plan of a host whose variables are the role's defaults, but for ``host``."""
    settings = {key: DEFAULTS[f"redis_{key}"] for key in SETTINGS}
    return redis_instances(
        {**settings, **host}, list(instances), companions, "web1",
        networks=definitions, pending=pending, variables=variables,
    )  # fmt: skip


def problems(*instances: Any, **options: Any) -> list[str]:
    found = plan(*instances, **options)
    assert all(found[key] == [] for key in PLAN_KEYS if key != "problems"), "a plan with problems does something"
    return found["problems"]


def conf(entry: dict[str, Any], **host: Any) -> list[str]:
    found = plan(entry, **host)
    assert found["problems"] == []
    return found["files"][0]["lines"]


# --- the role's own files agree ---------------------------------------------------------------------------------------


def test_argument_specs_equal_the_defaults() -> None:
    options = {**OPTIONS["main"]["options"], **OPTIONS["teardown"]["options"]}
    assert {name: option["default"] for name, option in options.items()} == DEFAULTS


def test_every_setting_of_an_instance_is_a_variable_of_the_role_by_its_own_name() -> None:
    assert {f"redis_{key}": value for key, value in SETTINGS.items()} == {
        f"redis_{key}": f"{{{{ redis_{key} }}}}" for key in SETTINGS
    }
    assert {f"redis_{key}" for key in SETTINGS} <= set(DEFAULTS)


def test_passwords_are_no_log_in_the_argument_specs() -> None:
    secret = {name for name in OPTIONS["main"]["options"] if name.endswith("password")}
    assert secret == {"redis_password", "redis_registry_password"}
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


def test_a_rehearsal_leaves_out_the_networks_and_images_that_are_yet_to_be_made() -> None:
    companions = [
        {"name": "web", "network_mode": "new", "recreate": "never", "pull_policy": "never", "image": "built:1"},
        {"name": "log", "network_mode": "old", "recreate": "never", "pull_policy": "never", "image": "there:1"},
    ]
    pending = {"networks": ["new"], "images": ["built:1"]}
    entry = {"name": "cache", "networks": {"old": {"aliases": ["db"]}, "new": {}}}
    web, log, cache = plan(entry, companions=companions, pending=pending)["containers"]
    assert web == {
        "name": "web", "network_mode": "bridge", "networks": {}, "recreate": "auto", "image": "built:1",
        "restart": "unless-stopped",
    }  # fmt: skip
    assert log == {**companions[1], "restart": "unless-stopped"}
    assert cache["networks"] == {"old": {"aliases": ["db"]}}


def test_companions_are_planned_in_the_same_call_and_have_the_hosts_image() -> None:
    found = plan(
        {"name": "cache", "network_mode": "container", "donor": "httpd"}, companions=[{"name": "httpd"}], image="mine:1"
    )
    assert [item["name"] for item in found["containers"]] == ["httpd", "cache"]
    assert found["containers"][0]["image"] == "mine:1"


ETH0 = {"name": "eth0", "bridge": "docker0", "addresses": ["172.17.200.5/16"]}


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
    pending = {"networks": ["new"], "images": []}
    entry = {"name": "cache", "network_mode": "none", "interfaces": entries}
    found = plan(entry, definitions=definitions, pending=pending)
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


def test_the_revision_becomes_a_label() -> None:
    settings = {key: DEFAULTS[f"redis_{key}"] for key in SETTINGS}
    found = redis_instances(settings, [{"name": "cache"}], revisions={"cache": "abc"})
    assert found["containers"][0]["labels"]["netmode.docker.config"] == "abc"


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
        ({"password": "x"}, "protected-mode yes"),
        ({}, "protected-mode no"),
    ],
)
def test_lines_of_redis_conf(entry: dict[str, Any], line: str) -> None:
    assert line in conf({"name": "cache", **entry})


def test_secrets_are_in_no_part_of_the_plan_but_the_secret_lines_and_the_endpoint() -> None:
    found = plan({"name": "cache", "password": "s3cret-one", "settings": {"masterauth": "s3cret-two"}})
    assert found["files"][0].pop("secrets") == ['requirepass "s3cret-one"', "masterauth s3cret-two"]
    assert found["endpoints"][0].pop("password") == "s3cret-one"
    assert "s3cret" not in repr(found)


def test_a_password_is_quoted_as_redis_reads_it() -> None:
    assert quoted('a"b\\c d') == '"a\\"b\\\\c d"'


# --- what is refused --------------------------------------------------------------------------------------------------


def isolated(*interfaces: Any, **more: Any) -> list[dict[str, Any]]:
    """One instance of none mode with interfaces of its own."""
    return [{"name": "aa", "network_mode": "none", "interfaces": list(interfaces), **more}]


REFUSED = [
    # what, instances, options of the host, what the message says
    *[
        (
            f"interfaces in mode {mode}",
            [{"name": "aa", "interfaces": [ETH0], **entry}],
            {},
            f"its interfaces are {whose}",
        )
        for mode, whose, entry in (
            ("bridge", "Docker's. Leave interfaces out, or set network_mode to none", {}),
            ("container", "the donor's", {"network_mode": "container", "donor": "web", "password": "x"}),
            ("host", "the host's", {"network_mode": "host"}),
        )
    ],
    (
        "text for a list of interfaces",
        [{"name": "aa", "network_mode": "none", "interfaces": "eth0"}],
        {},
        "interfaces: 'eth0' is no list. Write it like [{'name': 'eth0', 'bridge': 'docker0'",
    ),
    ("text for an interface", isolated("eth0"), {}, "instance aa: interfaces: 'eth0' is no mapping. Write it like"),
    ("an interface without a name", isolated({"bridge": "docker0"}), {}, "an entry has no name"),
    (
        "an interface with a container",
        isolated({**ETH0, "container": "aa"}),
        {},
        "eth0: container: it is the instance's",
    ),
    ("an interface with a state", isolated({**ETH0, "state": "absent"}), {}, "is removed. Leave state out"),
    ("an unknown option of an interface", isolated({**ETH0, "adresses": []}), {}, "Did you mean addresses?"),
    ("a kind of interface that there is not", isolated({**ETH0, "kind": ["vlan"]}), {}, "none of veth, macvlan"),
    ("a number for a MAC address", isolated({**ETH0, "mac": 8}), {}, "eth0: mac: 8 is no text. Write it quoted"),
    ("a word for an MTU", isolated({**ETH0, "mtu": "jumbo"}), {}, "eth0: mtu: 'jumbo' is no number"),
    ("text for addresses", isolated({**ETH0, "addresses": "10.0.0.1/8"}), {}, "Write it like ['172.17.200.5/16']"),
    ("a number for an address", isolated({**ETH0, "addresses": [10]}), {}, "[10] is no list of addresses"),
    ("a route without a network", isolated({**ETH0, "routes": [{"via": "172.17.0.1"}]}), {}, "is no list of routes"),
    ("what the module refuses", isolated({**ETH0, "mtu": 40}), {}, "interfaces: eth0: mtu: 40 is not from 68"),
    (
        "a kind without its parent",
        isolated({"name": "eth0", "kind": "macvlan"}, password="x"),
        {},
        "parent: kind macvlan",
    ),
    ("an interface twice", isolated(ETH0, {**ETH0, "addresses": []}), {}, "eth0: it is in the list twice"),
    (
        "one address on one bridge twice",
        [*isolated(ETH0), {**isolated(ETH0)[0], "name": "bb"}],
        {},
        "instance bb: interfaces: eth0: addresses: 172.17.200.5 is in use by interface aa:eth0",
    ),
    (
        "bind to an interface to come",
        isolated(ETH0, bind=["172.17.200.5"]),
        {},
        "bind: Redis cannot bind to 172.17.200.5",
    ),
    (
        "the port of a donor with interfaces",
        [*isolated(ETH0), {"name": "bb", "network_mode": "container", "donor": "aa"}],
        {},
        "taken in the namespace of aa by instance aa",
    ),
    ("no list", ["redis"], {}, "a list of mappings"),
    ("no name", [{"port": 1}], {}, "number 1: name: an instance wants a name"),
    ("bad name", [{"name": "a b"}], {}, "name: 'a b' is no container name: two or more of letters, digits"),
    ("name too short", [{"name": "a"}], {}, "name: 'a' is no container name: two or more of letters, digits"),
    ("one name twice", [{"name": "aa"}, {"name": "aa", "port": 7}], {}, "two instances of this host have it"),
    ("unknown setting", [{"name": "aa", "maxmemry": "1gb"}], {}, "Did you mean maxmemory?"),
    ("a variable's full name", [{"name": "aa", "redis_port": 7}], {}, "Did you mean port?"),
    ("unknown mode", [{"name": "aa", "network_mode": "macvlan"}], {}, "none of bridge, container, host, none"),
    ("port out of range", [{"name": "aa", "port": 70000}], {}, "from 1 to 65535"),
    (
        "published port",
        [{"name": "aa", "ports": ["127.0.0.1:99999:6379"]}],
        {},
        "ports: 99999 is not between 1 and 65535",
    ),
    ("port published", [{"name": "aa", "ports": ["127.0.0.1:7:0"]}], {}, "ports: 0 is not between 1 and 65535"),
    ("port no number", [{"name": "aa", "port": "http"}], {}, "is no TCP port"),
    ("port true", [{"name": "aa", "port": True}], {}, "is no TCP port"),
    ("size", [{"name": "aa", "maxmemory": "lots"}], {}, "Write it like 512mb"),
    ("policy", [{"name": "aa", "maxmemory_policy": "lru"}], {}, "allkeys-lru"),
    ("fsync", [{"name": "aa", "appendfsync": "daily"}], {}, "everysec"),
    ("save point", [{"name": "aa", "save": ["often"]}], {}, "Write it like '3600 1'"),
    ("bind to a name", [{"name": "aa", "bind": ["eth0"]}], {}, "is no address"),
    ("text for a list of save points", [{"name": "aa", "save": "3600 1"}], {}, "Write it like ['3600 1']"),
    ("text for a list of addresses", [{"name": "aa", "bind": "127.0.0.1"}], {}, "Write it like ['127.0.0.1']"),
    ("text for a list of ports", [{"name": "aa", "ports": "6379:6379"}], {}, "'6379:6379' is no list. Write it like"),
    ("text for a list of networks", [{"name": "aa", "networks": "backend"}], {}, "Write it like ['backend']"),
    ("text for a list of volumes", [{"name": "aa", "volumes": "/a:/a"}], {}, "'/a:/a' is no list"),
    (
        "text for a list of packages",
        [{"name": "aa", "image_source": "packages", "image_packages": "redis-server"}],
        {},
        "Write it like ['redis-server']",
    ),
    ("user by name", [{"name": "aa", "user": "redis"}], {}, "such as '999:999'"),
    ("root", [{"name": "aa", "user": "0:0"}], {}, "0 is root"),
    ("no permissions", [{"name": "aa", "socket_mode": "999"}], {}, "Write it quoted, like '770'"),
    ("permissions of more", [{"name": "aa", "socket_mode": "1777"}], {}, "not three octal digits"),
    ("grace period", [{"name": "aa", "stop_grace_period": "soon"}], {}, "Write it like 120s"),
    ("grace period below Redis' own", [{"name": "aa", "stop_grace_period": "9s"}], {}, "Give at least 10s"),
    ("no grace period", [{"name": "aa", "stop_grace_period": "0m0s"}], {}, "killed then. Give at least 10s"),
    ("container without donor", [{"name": "aa", "network_mode": "container"}], {}, "Say which with donor"),
    ("its own donor", [{"name": "aa", "network_mode": "container", "donor": "aa"}], {}, "its own namespace"),
    ("donor in bridge mode", [{"name": "aa", "donor": "web"}], {}, "mode bridge has no donor"),
    (
        "ports in container mode",
        [{"name": "aa", "network_mode": "container", "donor": "web", "ports": ["6379:6379"]}],
        {},
        "publish it on the donor",
    ),
    ("ports in host mode", [{"name": "aa", "network_mode": "host", "ports": ["1:1"]}], {}, "leave ports out"),
    ("ports in none mode", [{"name": "aa", "network_mode": "none", "ports": ["1:1"]}], {}, "use the unix socket"),
    ("networks in host mode", [{"name": "aa", "network_mode": "host", "networks": ["n"]}], {}, "attaches no networks"),
    ("bind in none mode", [{"name": "aa", "network_mode": "none", "bind": ["::1"]}], {}, "no address to bind to"),
    ("managed directive", [{"name": "aa", "settings": {"Port": 1}}], {}, "set port instead"),
    ("password as a directive", [{"name": "aa", "settings": {"requirepass": "x"}}], {}, "set password instead"),
    ("a second line", [{"name": "aa", "settings": {"hz": "1\nport 1"}}], {}, "a value is one line"),
    ("a second line by a password", [{"name": "aa", "password": "x\nport 1"}], {}, "line break"),
    ("a directive with a space", [{"name": "aa", "settings": {"hz 1": 1}}], {}, "no directive of redis.conf"),
    ("archive without a file", [{"name": "aa", "image_source": "archive"}], {}, "which file on the controller"),
    ("no packages", [{"name": "aa", "image_source": "packages", "image_packages": []}], {}, "say which"),
    ("half of the credentials", [{"name": "aa", "registry_password": "x"}], {}, "without a user"),
    (
        "one port of the host twice",
        [{"name": "aa", "network_mode": "host"}, {"name": "bb", "network_mode": "host"}],
        {},
        "6379 is taken on the host by instance aa",
    ),
    (
        "one port of a donor's namespace twice",
        [
            {"name": "aa", "network_mode": "container", "donor": "web"},
            {"name": "bb", "network_mode": "container", "donor": "web"},
        ],
        {"companions": [{"name": "web"}]},
        "taken in the namespace of web by instance aa",
    ),
    (
        "the port of the donor, itself a Redis",
        [{"name": "aa"}, {"name": "bb", "network_mode": "container", "donor": "aa"}],
        {},
        "taken in the namespace of aa by instance aa",
    ),
    (
        "one published port twice",
        [{"name": "aa", "ports": ["127.0.0.1:7:6379"]}, {"name": "bb", "ports": ["127.0.0.1:7:6379"]}],
        {},
        "port 7 of the host is taken by aa",
    ),
    (
        "a published port that an instance in host mode has",
        [{"name": "aa", "network_mode": "host"}, {"name": "bb", "ports": ["127.0.0.1:6379:6379"]}],
        {},
        "port 6379 of the host is taken by aa",
    ),
    ("no published port", [{"name": "aa", "ports": ["redis"]}], {}, "is no published port"),
    ("a companion of the same name", [{"name": "aa"}], {"companions": [{"name": "aa"}]}, "Rename one"),
    ("a companion without a name", [{"name": "aa"}], {"companions": [{"image": "x"}]}, "redis_companions"),
    (
        "two recipes of one image",
        [
            {"name": "aa", "image_source": "packages"},
            {"name": "bb", "port": 7, "image_source": "packages", "image_suite": "trixie"},
        ],
        {},
        "same image with another image_suite",
    ),
]


@pytest.mark.parametrize(("instances", "options", "said"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED])
def test_refused_with_the_host_the_instance_the_reason_and_nothing_done(
    instances: list[Any], options: dict[str, Any], said: str
) -> None:
    told = problems(*instances, **options)
    assert len(told) == 1, told
    assert told[0].startswith("web1: ")
    assert said in told[0]


def test_what_else_is_wrong_is_told_of_one_without_a_proper_name_too() -> None:
    assert len(problems({"name": "a", "maxmemry": "1gb"})) == 2


# --- variables of the host --------------------------------------------------------------------------------------------


def test_the_variables_that_are_known_are_those_of_the_role() -> None:
    assert {f"redis_{name}" for name in (*SETTINGS, *HOST_VARIABLES)} == set(DEFAULTS)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("redis_netwrok_mode", "redis_network_mode"),
        ("redis_pasword", "redis_password"),
        ("redis_instnaces", "redis_instances"),
        ("redis_prot", "redis_port"),
    ],
)
def test_a_variable_that_looks_misspelt_is_refused(name: str, meant: str) -> None:
    (told,) = problems({"name": "cache"}, variables=[name, *DEFAULTS])
    assert told.startswith(f"web1: {name}: there is no such variable. Did you mean {meant}?")


@pytest.mark.parametrize("name", ["redis_passwords", "redis_ports_of_old", "redis_version", "redis_exporter_port"])
def test_a_variable_that_is_somebodys_own_is_left_alone(name: str) -> None:
    assert plan({"name": "cache"}, variables=[name, *DEFAULTS])["problems"] == []


@pytest.mark.parametrize("period", ["10s", "2m", "1h", "1m30s"])
def test_a_grace_period_is_long_enough_from_ten_seconds_on(period: str) -> None:
    assert plan({"name": "cache", "stop_grace_period": period})["problems"] == []


def test_a_list_that_is_null_is_empty() -> None:
    assert 'save ""' in conf({"name": "cache", "save": None, "bind": None, "networks": None})


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert len(problems({"name": "aa", "port": 0, "maxmemory": "x"}, {"name": "bb", "donor": "web"})) == 3


# --- R14: a Redis reachable from outside without a password -----------------------------------------------------------

EXPOSED = [
    ({"ports": ["6379:6379"]}, ()),
    ({"ports": ["0.0.0.0:7000:6379"]}, ()),
    ({"ports": ["192.0.2.1:6379:6379"]}, ()),
    ({"ports": ["[::]:6379:6379"]}, ()),
    ({"ports": ["6379"]}, ()),
    ({"ports": [{"target": 6379, "published": 6379, "host_ip": "::"}]}, ()),
    ({"ports": ["6000-6999:6000-6999"]}, ()),
    ({"network_mode": "host", "bind": ["*"]}, ()),
    ({"network_mode": "host", "bind": ["127.0.0.1", "192.0.2.1"]}, ()),
    ({"network_mode": "container", "donor": "web"}, ()),
    ({"network_mode": "container", "donor": "web"}, ({"name": "web", "ports": ["6379:6379"]},)),
    ({"network_mode": "container", "donor": "web"}, ({"name": "web", "network_mode": "host"},)),
    ({"networks": ["lan"]}, ()),
    ({"networks": {"backend": {}, "lan2": {"ipv4_address": "192.0.2.9"}}}, ()),
    ({"network_mode": "container", "donor": "web"}, ({"name": "web", "network_mode": "lan"},)),
    ({"network_mode": "container", "donor": "web"}, ({"name": "web", "networks": {"lan2": None}},)),
    *[
        ({"network_mode": "none", "interfaces": [{"name": "eth0", **interface}]}, ())
        for interface in (
            {"bridge": "br-own"},
            {"bridge": "lan"},
            {"kind": "macvlan", "parent": "eth1"},
            {"kind": "ipvlan", "parent": "eth1", "vlan": 7},
            {"kind": "physical", "parent": "eth1"},
        )
    ],
]
DEFINITIONS = [
    {"name": "backend", "bridge_name": "br-back"},
    {"name": "lan", "driver": "macvlan"},
    {"name": "lan2", "driver": "ipvlan"},
]
SEALED = [
    ({}, ()),
    ({"ports": ["127.0.0.1:6379:6379"]}, ()),
    ({"ports": ["[::1]:6379:6379"]}, ()),
    ({"ports": ["80:80"]}, ()),
    ({"ports": [{"target": 6379, "published": "6379", "host_ip": "::1"}]}, ()),
    ({"ports": [{"target": 6379, "published": 6379, "host_ip": "[::1]"}]}, ()),
    ({"networks": ["backend", "unknown"]}, ()),
    ({"networks": ["lan"], "bind": ["127.0.0.1"]}, ()),
    ({"network_mode": "host"}, ()),
    ({"network_mode": "host", "bind": ["127.0.0.1", "::1"]}, ()),
    ({"network_mode": "none"}, ()),
    *[
        ({"network_mode": "none", "interfaces": [{"name": "eth0", "bridge": bridge}]}, ())
        for bridge in ("docker0", "bridge", "backend", "br-back")
    ],
    ({"network_mode": "none", "interfaces": [{"name": "d0", "kind": "dummy"}]}, ()),
    ({"network_mode": "none", "interfaces": [{"name": "e0", "bridge": "br-own"}], "bind": ["127.0.0.1"]}, ()),
    ({"network_mode": "container", "donor": "web", "bind": ["127.0.0.1"]}, ()),
    ({"network_mode": "container", "donor": "web"}, ({"name": "web", "ports": ["80:80"]},)),
]


@pytest.mark.parametrize(("entry", "companions"), EXPOSED)
def test_r14_exposed_without_a_password_is_refused(entry: dict[str, Any], companions: Any) -> None:
    told = problems({"name": "cache", **entry}, companions=list(companions), definitions=DEFINITIONS)
    assert len(told) == 1
    assert "redis_allow_unauthenticated: true" in told[0]


@pytest.mark.parametrize(("entry", "companions"), EXPOSED)
@pytest.mark.parametrize("said", [{"password": "x"}, {"allow_unauthenticated": True}])
def test_r14_exposed_with_a_password_or_by_explicit_word_is_allowed(
    entry: dict[str, Any], companions: Any, said: dict[str, Any]
) -> None:
    told = plan({"name": "cache", **entry, **said}, companions=list(companions), definitions=DEFINITIONS)["problems"]
    assert told == []


@pytest.mark.parametrize(("entry", "companions"), SEALED)
def test_r14_what_only_the_host_reaches_needs_no_password(entry: dict[str, Any], companions: Any) -> None:
    assert plan({"name": "cache", **entry}, companions=list(companions), definitions=DEFINITIONS)["problems"] == []


def test_r14_the_donor_may_have_an_interface_that_lets_others_in() -> None:
    donor = {**isolated({"name": "eth0", "bridge": "br-own"})[0], "password": "x"}
    told = problems(donor, {"name": "bb", "network_mode": "container", "donor": "aa", "port": 7000})
    assert len(told) == 1
    assert "instance bb: password: none is set, and the interface eth0 on the bridge br-own" in told[0]


def test_r14_the_donor_may_be_a_redis_that_publishes_the_sharers_port() -> None:
    donor = {"name": "aa", "ports": ["7000:7000"]}
    told = problems(donor, {"name": "bb", "network_mode": "container", "donor": "aa", "port": 7000})
    assert len(told) == 1
    assert "instance bb" in told[0]


# --- the inventories that are shipped ---------------------------------------------------------------------------------

INVENTORY = ROLE.parents[1] / "playbooks" / "inventory"


def hosts_of(name: str) -> list[tuple[str, dict[str, Any]]]:
    """Each host of an inventory of one level of groups, with its variables; templates stay as they are."""
    everything = yaml.safe_load((INVENTORY / name).read_text())["all"]
    found = [(host, {**everything.get("vars", {}), **(own or {})}) for host, own in everything.get("hosts", {}).items()]
    for group in everything.get("children", {}).values():
        for host, own in group["hosts"].items():
            found.append((host, {**everything.get("vars", {}), **group.get("vars", {}), **(own or {})}))
    return found


@pytest.mark.parametrize("host", hosts_of("quickstart.yml") + hosts_of("fleet.example.yml"), ids=lambda host: host[0])
def test_shipped_inventories_are_accepted_and_use_no_unknown_variable(host: tuple[str, dict[str, Any]]) -> None:
    given = {key: value for key, value in host[1].items() if not key.startswith("ansible_")}
    assert set(given) <= set(DEFAULTS)
    settings = {key: given.get(f"redis_{key}", DEFAULTS[f"redis_{key}"]) for key in SETTINGS}
    instances = given.get("redis_instances", DEFAULTS["redis_instances"])
    assert redis_instances(settings, instances, given.get("redis_companions", ()), host[0])["problems"] == []


def test_the_quickstart_has_each_mode_once_and_the_fleet_a_group_for_each() -> None:
    modes = ["bridge", "container", "host", "none"]
    (quick,) = hosts_of("quickstart.yml")
    assert [entry["network_mode"] for entry in quick[1]["redis_instances"]] == modes
    assert list(dict.fromkeys(host[1]["redis_network_mode"] for host in hosts_of("fleet.example.yml"))) == modes
