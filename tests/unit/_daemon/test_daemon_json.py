# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for daemon.json: merged, checked, and what it asks of a running engine."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._daemon.config import plan_config
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError


def test_nothing_asked_leaves_the_file_to_the_byte() -> None:
    text = '{"debug":true,   "bip": "10.9.0.1/24"}'
    plan = plan_config(text, settings={"bip": None, "mtu": None}, options={"debug": None})
    assert (plan.text, plan.keys, plan.action) == (text, [], "none")


def test_what_is_already_so_changes_nothing() -> None:
    text = '{"bip": "10.9.0.1/24", "features": {"buildkit": true, "x": 1}}'
    plan = plan_config(text, settings={"bip": "10.9.0.1/24"}, options={"features": {"buildkit": True}})
    assert (plan.text, plan.keys) == (text, [])


def test_keys_that_are_not_asked_for_stay() -> None:
    plan = plan_config('{"labels": ["a=b"], "mtu": 1500}', settings={"mtu": 1400, "icc": False})
    assert plan.config == {"labels": ["a=b"], "mtu": 1400, "icc": False}
    assert json.loads(plan.text) == plan.config
    assert plan.keys == ["icc", "mtu"]


def test_options_merge_dictionaries_and_replace_everything_else() -> None:
    old = {"features": {"buildkit": True, "old": {"a": 1}}, "labels": ["a=b"]}
    plan = plan_config(json.dumps(old), options={"features": {"old": {"b": 2}}, "labels": ["c=d"]})
    assert plan.config == {"features": {"buildkit": True, "old": {"a": 1, "b": 2}}, "labels": ["c=d"]}


def test_a_variable_is_the_whole_value() -> None:
    old = '{"log-driver": "json-file", "log-opts": {"max-size": "1m", "max-file": "2"}}'
    plan = plan_config(old, settings={"log-opts": {"max-size": "5m"}})
    assert plan.config["log-opts"] == {"max-size": "5m"}


def test_no_file_and_nothing_asked_makes_no_file() -> None:
    assert plan_config("").keys == []
    assert plan_config("", settings={"icc": True}).text == '{\n    "icc": true\n}\n'


@pytest.mark.parametrize(
    ("old", "asked", "remove", "action"),
    [
        ({}, {"registry-mirrors": ["https://m.example"], "live-restore": True}, [], "reload"),
        ({"debug": False}, {"debug": True}, [], "reload"),
        ({}, {"insecure-registries": ["r.example:5000"], "mtu": 1400}, [], "restart"),
        ({}, {"bip": "10.9.0.1/24"}, [], "restart"),
        ({"live-restore": True}, {}, ["live-restore"], "restart"),
        ({}, {"features": {"containerd-snapshotter": True}}, [], "restart"),
        ({}, {}, ["bip"], "none"),
    ],
)
def test_the_engine_is_restarted_only_for_what_it_cannot_take_while_it_runs(
    old: dict[str, Any], asked: dict[str, Any], remove: list[str], action: str
) -> None:
    assert plan_config(json.dumps(old), options=asked, remove=remove).action == action


@pytest.mark.parametrize(
    ("config", "sensitive"),
    [
        ({"proxies": {"http-proxy": "http://user:word@proxy.example:3128"}}, True),
        ({"log-opts": {"splunk-token": "0815"}}, True),
        ({"registry-mirrors": ["https://m.example:5000"]}, False),
    ],
)
def test_a_file_that_holds_a_password_is_known_for_it(config: dict[str, Any], sensitive: bool) -> None:
    assert plan_config(json.dumps(config), settings={"mtu": 1400}).sensitive is sensitive


POOL = {"base": "10.10.0.0/16", "size": 24}

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"bip": "172.17.0.1"}, "docker_engine_bip: '172.17.0.1' is not an address in CIDR notation"),
    ({"bip": "172.17.0.0/16"}, "docker_engine_bip: 172.17.0.0/16 is the network's own address"),
    ({"bip": "172.17.255.255/16"}, "broadcast"),
    ({"bip": "172.17.0.256/16"}, "docker_engine_bip: '172.17.0.256/16' does not appear"),
    ({"bip": "172.17.0.1/33"}, "docker_engine_bip: "),
    ({"bip": "10.0.0.1/31"}, "leaves no address"),
    ({"bip": "fd00::1/64"}, "not an IPv4 address"),
    ({"bip": "224.0.0.1/16"}, "is not an address that a bridge can have"),
    ({"bip": "127.0.0.1/8"}, "is not an address that a bridge can have"),
    ({"mtu": 67}, "docker_engine_mtu: 67 is not a number of bytes from 68 to 65535"),
    ({"mtu": 70000}, "docker_engine_mtu"),
    ({"mtu": True}, "docker_engine_mtu"),
    ({"default-address-pools": [{"base": "10.10.0.0/16"}]}, "must have base"),
    ({"default-address-pools": [{"base": "10.10.0.5/16", "size": 24}]}, "host bits"),
    ({"default-address-pools": [{"base": "10.10.0.0/16", "size": 15}]}, "from 16 to 30"),
    ({"default-address-pools": [{"base": "10.10.0.0/16", "size": 31}]}, "from 16 to 30"),
    ({"default-address-pools": [POOL, {"base": "10.10.64.0/18", "size": 24}]}, "overlap"),
    ({"default-address-pools": [POOL, POOL]}, "10.10.0.0/16 and 10.10.0.0/16 overlap"),
    ({"icc": "no"}, "docker_engine_icc: 'no' must be true or false"),
    ({"live-restore": 1}, "docker_engine_live_restore"),
    ({"log-driver": ""}, "docker_engine_log_driver"),
    ({"log-opts": {"max-file": 3}}, "docker_engine_log_opts.max-file: 3 must be text, not a number. Write it quoted"),
    ({"log-opts": {"max-file": "0"}}, "1 or more"),
    ({"log-opts": {"max-size": "ten"}}, "docker_engine_log_opts.max-size: 'ten' is not a size"),
    ({"registry-mirrors": ["mirror.example"]}, "docker_engine_registry_mirrors: 'mirror.example'"),
    ({"registry-mirrors": ["https://user:word@mirror.example"]}, "no user"),
    ({"registry-mirrors": "https://mirror.example"}, "not a list"),
    ({"insecure-registries": ["http://r.example:5000"]}, "has a scheme"),
    ({"insecure-registries": ["10.0.0.0/40"]}, "docker_engine_insecure_registries: "),
    ({"insecure-registries": ["r example"]}, "not host:port"),
    ({"icc": False, "iptables": False}, "docker_engine_icc: icc: false is kept by iptables"),
    ({"bip": "10.0.0.1/24", "bridge": "br0"}, "together with bridge"),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED, ids=[str(settings) for settings, _message in REFUSED])
def test_what_is_wrong_is_refused_by_the_name_that_the_user_gave(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(NetmodeError) as error:
        plan_config("", settings=settings)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "settings", "options", "remove", "message"),
    [
        ('{"debug": tru', {}, {}, [], "/etc/docker/daemon.json on the host is not JSON"),
        ("[]", {}, {}, [], "is not a JSON object"),
        ('{"mtu": "big"}', {}, {}, [], "/etc/docker/daemon.json on the host: mtu: 'big'"),
        ("", {}, {"debug": "yes"}, [], "docker_engine_options.debug: 'yes'"),
        ("", {}, {"log-level": "loud"}, [], "debug, info, warn, error, fatal"),
        ("", {"mtu": 1400}, {"mtu": 1500}, [], "docker_engine_mtu says 1400, this says 1500"),
        ("", {"mtu": 1400}, {}, ["mtu"], "removed and set at once"),
        ('{"log-opts": {"max-size": "1m"}}', {"log-driver": "syslog"}, {}, [], "docker_engine_log_opts too"),
    ],
)
def test_what_contradicts_itself_is_refused(
    text: str, settings: dict[str, Any], options: dict[str, Any], remove: list[str], message: str
) -> None:
    with pytest.raises(NetmodeError) as error:
        plan_config(text, settings=settings, options=options, remove=remove)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"bip": "172.17.0.1/16"},
        {"bip": "10.0.0.2/30"},
        {"default-address-pools": [POOL, {"base": "10.11.0.0/16", "size": 16}]},
        {"default-address-pools": [{"base": "fd00::/48", "size": 64}, POOL]},
        {"default-address-pools": []},
        {"log-driver": "local", "log-opts": {"max-size": "10m", "max-file": "3", "compress": "false"}},
        {"insecure-registries": ["localhost:5000", "10.0.0.0/8", "[fd00::1]:5000", "r.example"]},
        {"registry-mirrors": ["http://10.0.0.1:5000", "https://m.example/path/"]},
    ],
)
def test_what_is_right_is_taken(settings: dict[str, Any]) -> None:
    assert plan_config("", settings=settings).config == settings


DEBIAN = ["-H", "fd://", "--containerd=/run/containerd/containerd.sock"]


@pytest.mark.parametrize(
    ("arguments", "options", "flag"),
    [
        (DEBIAN, {"hosts": ["unix:///var/run/docker.sock", "tcp://127.0.0.1:2375"]}, "started with -H fd://"),
        (DEBIAN, {"containerd": "/run/other.sock"}, "started with --containerd=/run/containerd/containerd.sock"),
        (["--host=unix:///srv/d.sock"], {"hosts": ["fd://"]}, "started with --host=unix:///srv/d.sock"),
        (["--log-level", "warn"], {"log-level": "debug"}, "started with --log-level warn"),
        (["-l=warn"], {"log-level": "debug"}, "started with -l=warn"),
        (["--label=rack=7"], {"labels": ["rack=8"]}, "started with --label=rack=7"),
        (["--registry-mirror=https://m.example"], {"registry-mirrors": ["https://n.example"]}, "--registry-mirror="),
    ],
)
def test_o12_what_the_engine_is_given_by_a_flag_is_refused_in_the_file(
    arguments: list[str], options: dict[str, Any], flag: str
) -> None:
    (key,) = options
    with pytest.raises(NetmodeError, match=f"^docker_engine_options.{key}: the engine is ") as told:
        plan_config("", options=options, arguments=arguments)
    assert flag in str(told.value)
    assert "Leave it out here" in str(told.value)


def test_o12_flags_that_do_not_clash_are_no_matter() -> None:
    options = {"runtimes": {"crun": {"path": "/usr/bin/crun"}}, "debug": True}
    assert plan_config("", options=options, arguments=[*DEBIAN, "--add-runtime=x=/x", "--config-file=/x"]).keys
