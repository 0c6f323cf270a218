# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as they come: the variables of every role are read by their argument specs, each as what was meant."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.filter.redis_ports import redis_ports
from ansible_collections.netmode.docker.plugins.module_utils._compose.numbers import permissions, refuse_base_60
from ansible_collections.netmode.docker.plugins.module_utils._compose.typed import read
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_settings import HOST_VARIABLES
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import (
    BOUNDS,
    PLAYBOOKS,
    misnamed,
    options_of,
    read_variables,
)
from redis_role import DEFAULTS, ROLE, SETTINGS, conf, plan, problems

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROLES = ROLE.parent
OWNERS = ("redis", "docker_engine", "keeper", "topology", "playbooks")

ENTRY = {"type": "list", "elements": "dict"}
WORDS = {"type": "list", "elements": "str"}


@pytest.mark.parametrize(
    ("spec", "given", "meant"),
    [
        *[({"type": "bool"}, word, True) for word in (True, "true", "True", "yes", "on", "1", 1, " y ")],
        *[({"type": "bool"}, word, False) for word in (False, "false", "FALSE", "no", "off", "0", 0, "n")],
        *[({"type": "int"}, number, 6380) for number in (6380, "6380", " 6380 ", 6380.0, "6.38e3")],
        *[({"type": "float"}, number, 1.5) for number in (1.5, "1.5", " 1.50")],
        ({"type": "str"}, "1.10", "1.10"),
        ({"type": "str"}, 6380, "6380"),
        ({"type": "str", "choices": ["always", "no"]}, False, "no"),
        ({"type": "str", "default": "x"}, None, "x"),
        ({"type": "bool", "default": True}, None, True),
        (WORDS, "a,b", ["a", "b"]),
        (WORDS, " a , b ", ["a", "b"]),
        (WORDS, '["a", "b,c"]', ["a", "b,c"]),
        (WORDS, "['a', 'b']", ["a", "b"]),
        (WORDS, "[::1]:80:80", ["[::1]:80:80"]),
        (WORDS, "", []),
        (WORDS, 5, ["5"]),
        (ENTRY, '[{"name": "one", "appendonly": false}]', [{"name": "one", "appendonly": False}]),
        (ENTRY, "[{'name': 'one', 'appendonly': False}]", [{"name": "one", "appendonly": False}]),
        ({"type": "dict"}, '{"hz": 50}', {"hz": 50}),
        ({"type": "dict"}, "hz=50", {"hz": "50"}),
        ({"type": "dict"}, "", {}),
        ({"type": "raw"}, '["a"]', ["a"]),
        ({"type": "raw"}, "512mb", "512mb"),
    ],
)
def test_o20_a_value_is_read_as_what_was_meant(spec: dict[str, Any], given: Any, meant: Any) -> None:
    found = read(spec, given)
    assert (found, type(found)) == (meant, type(meant))


@pytest.mark.parametrize(
    ("spec", "given", "why"),
    [
        *[({"type": "bool"}, given, "must be true or false") for given in ("maybe", 2, [], "", 0.5, {})],
        *[
            ({"type": "int"}, given, "must be a whole number")
            for given in ("http", True, 1.5, "inf", "1e999999999", [])
        ],
        *[({"type": "float"}, given, "must be a number") for given in ("nan", "inf", False, "fast")],
        *[({"type": "str"}, given, "Write it quoted") for given in (True, 1.1, datetime.date(2026, 1, 2), 10**70)],
        ({"type": "str"}, ["redis:7"], r"\['redis:7'\] must be text, not a list. Write its one item alone"),
        ({"type": "str"}, {"a": 1}, "must be text, not a dictionary. Write it quoted"),
        ({"type": "str", "no_log": True}, ["a"], "the value must be text, not a list"),
        ({"type": "int", "bounds": (0, None)}, -3, "-3 must be a whole number, 0 or more"),
        ({"type": "int", "bounds": (1, 9)}, "http", "'http' must be a whole number from 1 to 9"),
        ({"type": "float", "bounds": (0, 100)}, 100.5, "100.5 must be a number from 0 to 100"),
        ({"type": "str"}, "a\0b", "NUL"),
        ({"type": "str"}, "\ud800", "surrogate"),
        ({"type": "str", "choices": ["a", "b"]}, "c", "must be one of a, b"),
        ({"type": "str", "choices": ["a", "yes", "on"]}, True, "Write it quoted"),
        (WORDS, True, "must be a list, not a boolean. Write - before each of its items"),
        (WORDS, {"a": 1}, "must be a list, not a dictionary"),
        (WORDS, ["a", None], r"^\[1\]: is null. Leave the item out"),
        (WORDS, ["a", ["b"]], r"^\[1\]: \['b'\] must be text, not a list"),
        (ENTRY, "redis", r"^\[0\]: 'redis' must be a dictionary. Write it as - name: redis"),
        (ENTRY, [{"name": "one"}, "two"], r"^\[1\]: 'two' must be a dictionary. Write it as - name: two"),
        (ENTRY, [[]], r"^\[0\]: must be a dictionary, not a list. Write it as key: value"),
        (ENTRY, ["a secret word"], r"^\[0\]: must be a dictionary, not text"),
        ({**ENTRY, "no_log": True}, ["s3cret"], r"^\[0\]: must be a dictionary, not text"),
        ({**ENTRY, "options": {"size": {}, "base": {"required": True}}}, ["a"], "Write it as - base: a"),
        ({"type": "list", "elements": "list"}, [[], True], r"^\[1\]: must be a list, not a boolean"),
        (ENTRY, '{"name": "one"}', "must be a list, not a dictionary"),
        ({"type": "dict"}, "redis", "must be a dictionary, not text. Write it as key: value"),
        ({"type": "dict", "options": {"size": {"type": "int"}}}, {"size": "x"}, "size: 'x' must be a whole number"),
        ({"type": "dict", "options": {"size": {"type": "int"}}}, {"siz": 1}, "has no option 'siz'. Known are size"),
    ],
)
def test_o20_what_cannot_be_read_is_refused(spec: dict[str, Any], given: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(spec, given)


def numbers(options: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, spec in options.items():
        if spec["type"] in ("int", "float"):
            yield within + name, spec
        yield from numbers(spec.get("options") or {}, f"{within}{name}.")


def test_o20_every_number_of_every_role_has_its_bounds() -> None:
    specs = {name: spec for owner in OWNERS for name, spec in numbers(options_of(owner))}
    assert set(specs) == set(BOUNDS)
    for name, spec in specs.items():
        least, greatest = BOUNDS[name]
        assert read(spec, least) == least
        beyond = [least - 1] if greatest is None else [least - 1, greatest + 1]
        for number in beyond:
            with pytest.raises(ValueError, match=f"^{number} must be a (whole )?number"):
                read(spec, number)
        if spec.get("default") is not None:
            assert read(spec, spec["default"]) == spec["default"]


@pytest.mark.parametrize("given", [1234, 1.5, True, ["s3cret"], "s3cret\0"])
def test_a_secret_that_is_not_text_is_refused_and_not_shown(given: Any) -> None:
    with pytest.raises(ValueError, match="the value") as caught:
        read({"type": "str", "no_log": True}, given)
    assert "s3cret" not in str(caught.value)
    assert "1234" not in str(caught.value)


# --- numbers of YAML --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o660, 0o700, 0o750, 0o755, 0o770, 0o440, 0o444, 0o400])
def test_o8_permissions_are_read_from_octal_and_from_plain_numbers(mode: int) -> None:
    """YAML makes 416 of 0640; an INI file makes 640 of 640."""
    assert permissions(f"{mode:04o}") == permissions(f"{mode:o}") == permissions(f"0o{mode:o}") == mode
    assert {read_or_refused(number) for number in (mode, int(f"{mode:o}"))} <= {mode, "quoted"}


def read_or_refused(number: int) -> int | str:
    try:
        return permissions(number)
    except ValueError as error:
        return "quoted" if "Write it quoted" in str(error) else str(error)


@pytest.mark.parametrize(("number", "mode"), [(416, 0o640), (504, 0o770), (384, 0o600), (770, 0o770), (644, 0o644)])
def test_o8_a_number_that_can_be_one_mode_only_is_that(number: int, mode: int) -> None:
    assert permissions(number) == mode


@pytest.mark.parametrize("given", [511, 400, -1, 99999, True, 1.5, None, "rw", "0o", "17777", "08", "", [], 10**30])
def test_o8_other_permissions_are_refused(given: Any) -> None:
    with pytest.raises(ValueError, match=r"octal|quoted|limit"):
        permissions(given)


@pytest.mark.parametrize("written", [(22, 22), (53, 53), (2222, 22), (222, 22), (8022, 22), (10022, 22)])
def test_o8_a_port_that_yaml_read_in_base_60_is_refused(written: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"makes of {written[0]}:{written[1]}. Write it quoted"):
        refuse_base_60(written[0] * 60 + written[1])


@pytest.mark.parametrize("port", [80, 443, 6379, 6380, 7000, 8080, 8443, 26379, 5432, 3306, True, "22:22", None])
def test_o8_a_port_stays_a_port(port: Any) -> None:
    refuse_base_60(port)


# --- variables --------------------------------------------------------------------------------------------------------


def test_the_variables_of_the_host_are_variables_of_the_role() -> None:
    own = {f"redis_{name}" for name in (*SETTINGS, *HOST_VARIABLES)} - {"redis_problems", "redis_netmode_docker_host"}
    assert {*own, "netmode_docker_host"} == set(DEFAULTS)


@pytest.mark.parametrize("owner", ["redis", "docker_engine", "keeper", "topology", "playbooks"])
def test_nothing_given_is_the_defaults(owner: str) -> None:
    wrong: list[str] = []
    found = read_variables(owner, {}, wrong)
    assert wrong == []
    assert list(found.values()) == [spec.get("default") for spec in options_of(owner).values()]


@pytest.mark.parametrize("word", ["false", "False", "no", "off", "0"])
def test_o20_an_open_redis_is_refused_however_false_is_written(word: str) -> None:
    (told,) = problems({"name": "cache"}, allow_unauthenticated=word, ports="6379:6379")
    assert told.startswith("web1: instance cache: password: none is set, and its port is published")
    (told,) = problems({"name": "cache", "allow_unauthenticated": word, "ports": ["6379:6379"]})
    assert "password: none is set" in told


def test_o20_everything_as_text_is_the_same_plan() -> None:
    entry = {"name": "one", "port": 7000, "appendonly": False, "ports": ["127.0.0.1:7000:7000"], "bind": ["127.0.0.1"]}
    text = {"name": "one", "port": "7000", "appendonly": "no", "ports": "127.0.0.1:7000:7000", "bind": "127.0.0.1"}
    assert plan(entry) == plan(text)
    assert plan(entry, save=["60 1", "5 2"]) == plan(text, save="60 1,5 2")


def test_o8_the_socket_has_the_permissions_that_were_meant() -> None:
    for mode in ("770", "0770", 0o770, 770):
        assert "unixsocketperm 770" in conf({"name": "one", "socket_mode": mode})
    assert "Write it quoted" in problems({"name": "one", "socket_mode": 0o777})[0]


@pytest.mark.parametrize("word", ["no", False, "on-failure:3", "always"])
def test_a_restart_policy_as_yaml_brings_it(word: Any) -> None:
    assert plan({"name": "one", "restart": word})["problems"] == []


def test_the_ports_that_a_tree_shows_are_read_as_the_role_reads_them() -> None:
    given = {"redis_port": "7000", "redis_instances": '[{"name": "one"}, {"name": "two", "port": "7001"}]'}
    assert redis_ports(given) == {"one": 7000, "two": 7001}
    assert redis_ports({"redis_port": "http"}) == {"redis": 6379}


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("redis_pasword", "redis_password"),
        ("redis_passwrod", "redis_password"),
        ("redis_bindd", "redis_bind"),
        ("redis_alow_unauthenticated", "redis_allow_unauthenticated"),
        ("redis_netwrok_mode", "redis_network_mode"),
    ],
)
def test_o27_a_setting_that_keeps_others_out_is_refused_misspelt(name: str, meant: str) -> None:
    (told,) = misnamed("redis", {name: "x", meant: DEFAULTS[meant]}).refused
    assert told.startswith(f"{name}: there is no such variable. Did you mean {meant}?")
    assert misnamed("redis", {name: "x", meant: "set"}).refused == []


@pytest.mark.parametrize(
    ("owner", "name", "meant"),
    [
        ("redis", "redis_conf_dir", "redis_config_dir"),
        ("redis", "redis_instnaces", "redis_instances"),
        ("redis", "redis_prot", "redis_port"),
        ("docker_engine", "docker_engine_instal", "docker_engine_install"),
        ("keeper", "keeper_log_flie", "keeper_log_file"),
        ("topology", "topology_refesh", "topology_refresh"),
    ],
)
def test_o27_any_other_name_is_a_warning_that_names_both(owner: str, name: str, meant: str) -> None:
    found = misnamed(owner, {name: "x"})
    assert found.refused == []
    assert found.warnings == [
        f"{name} is not a variable of the role {owner}, which does not read it. Did you mean {meant}?"
    ]


def test_where_the_engine_listens_is_the_same_variable_in_every_role() -> None:
    specs = [options_of(owner)["netmode_docker_host"] for owner in OWNERS if owner != PLAYBOOKS]
    assert specs.count(specs[0]) == len(specs)
    files = [file for folder in ("tasks", "vars") for file in ROLES.glob(f"*/{folder}/*.yml")]
    assert not [file for file in files if "unix:///" in file.read_text()], "the modules know it by themselves"


@pytest.mark.parametrize("owner", [owner for owner in OWNERS if owner != PLAYBOOKS])
def test_o27_the_variable_of_all_roles_is_told_of_misspelt_by_each_role_in_the_same_words(owner: str) -> None:
    meant = "netmode_docker_host"
    named = [f"{meant}s", *(meant[:at] + meant[at + 1 :] for at in range(3, len(meant))), "netmode_dcoker_host"]
    for name in named:
        assert misnamed(owner, {name: "x"}) == (
            [],
            [f"{name} is not a variable of any role of netmode.docker. Did you mean {meant}?"],
        )
    assert misnamed(owner, {meant: "x", "netmode_docker_host_of_old": "x", "network": "x"}) == ([], [])


@pytest.mark.parametrize(
    "name",
    ["redis_passwords", "redis_ports_of_old", "redis_version", "redis_exporter_port", "other", "redis_maxclients"],
)
def test_o27_a_variable_that_is_somebodys_own_is_left_alone(name: str) -> None:
    assert misnamed("redis", {name: "x", **DEFAULTS}) == ([], [])
