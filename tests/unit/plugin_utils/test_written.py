# SPDX-License-Identifier: GPL-3.0-or-later
"""Every variable of every role, as YAML, INI files, ``-e`` and JSON bring it: the same meaning, or one refusal.

The values go through Ansible's own readers of inventories and of the command line.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from ansible._internal._datatag._tags import Origin
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.splitter import parse_kv
from ansible.plugins.inventory.ini import InventoryModule
from ansible_collections.netmode.docker.plugins.module_utils._redis.ways import instances_of
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_plan import make_plan
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import options_of, read_variables
from hypothesis import example, given, settings
from hypothesis import strategies as st

OWNERS = ("redis", "docker_engine", "keeper", "topology", "playbooks")
INI = InventoryModule()
INI._origin = Origin(description="an INI file")
EVERY = [(owner, name) for owner in OWNERS for name in options_of(owner)]
TEXT = st.text("abcXYZ019._/-:", min_size=1, max_size=12).filter(
    lambda text: not text[0].isdigit() and text[0] not in ":-."
)
WORDS = st.sampled_from(
    ["yes", "no", "on", "off", "true", "False", "1.10", "null", "~", "2026-01-02", "1.0e+3", ".inf", "a b", "é"]
)
PLAIN = st.one_of(TEXT, WORDS)
BARE = PLAIN.filter(lambda word: ":" not in word)


def meant(spec: dict[str, Any]) -> st.SearchStrategy[Any]:
    kind = spec.get("type", "str")
    if spec.get("choices"):
        return st.sampled_from(spec["choices"])
    if kind == "list":
        if spec.get("options"):
            return st.lists(
                st.fixed_dictionaries({name: meant(one) for name, one in spec["options"].items()}), max_size=2
            )
        if spec.get("elements") == "dict":
            return st.lists(st.dictionaries(TEXT, st.one_of(TEXT, st.booleans()), min_size=1, max_size=3), max_size=2)
        return st.lists(TEXT.filter(lambda text: ":" not in text), max_size=3)
    return {
        "raw": TEXT.filter(lambda text: text[0].isalpha()),
        "bool": st.booleans(),
        "int": st.integers(*(99999 if end is None else end for end in spec.get("bounds", (0, None)))),
        "float": st.sampled_from([0.0, 1.5, 20.0, 99.25]),
        "dict": st.dictionaries(TEXT, st.one_of(TEXT, st.integers(0, 99), st.booleans()), max_size=3),
    }.get(kind, PLAIN)


def as_yaml(name: str, value: Any) -> Any:
    return DataLoader().load(yaml.safe_dump({name: value}, allow_unicode=True))[name]


def as_ini(name: str, value: Any) -> Any:
    return INI._parse_value(_written(value))


def as_extra(name: str, value: Any) -> Any:
    quoted = _written(value).replace("\\", "\\\\").replace('"', '\\"')
    return parse_kv(f'{name}="{quoted}"')[name]


def as_json(name: str, value: Any) -> Any:
    return DataLoader().load(json.dumps({name: value}))[name]


def _written(value: Any) -> str:
    """As people write it where all is text: JSON for what is in brackets, a list of words with commas."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    return json.dumps(value) if isinstance(value, (dict, list, bool)) else str(value)


FORMS = (as_yaml, as_ini, as_extra, as_json)


def outcome(owner: str, name: str, value: Any) -> tuple[Any, list[str]]:
    problems: list[str] = []
    return read_variables(owner, {name: value}, problems), problems


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(EVERY).flatmap(lambda one: st.tuples(st.just(one), meant(options_of(one[0])[one[1]]))))
@example((("redis", "redis_allow_unauthenticated"), False))
@example((("redis", "redis_keeper"), False))
@example((("playbooks", "teardown_data"), False))
@example((("redis", "redis_donor"), "no"))
@example((("redis", "redis_image_suite"), "1.10"))
@example((("redis", "redis_instances"), [{"name": "one", "appendonly": False}]))
@example((("docker_engine", "docker_engine_options"), {"debug": True}))
def test_o20_however_a_value_is_written_it_is_the_same_or_refused_by_its_name(
    case: tuple[tuple[str, str], Any],
) -> None:
    (owner, name), value = case
    right, refused = outcome(owner, name, value)
    assert refused == []
    for form in FORMS:
        found, problems = outcome(owner, name, form(name, value))
        if problems:
            assert len(problems) == 1, form
            assert problems[0].startswith((f"{name}: ", f"{name}[")), form
        else:
            assert found == right, form


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from([one for one in EVERY if options_of(one[0])[one[1]].get("type", "str") in ("str", "bool")]), BARE
)
@example(("redis", "redis_password"), "yes")
@example(("redis", "redis_password"), "1.10")
@example(("redis", "redis_volume"), "2026-01-02")
@example(("redis", "redis_allow_unauthenticated"), "off")
def test_o8_a_bare_word_of_yaml_is_that_word_or_refused(variable: tuple[str, str], word: str) -> None:
    """Without quotes YAML makes booleans, numbers, dates and null of words."""
    owner, name = variable
    right, refused = outcome(owner, name, word)
    given_bare = DataLoader().load(f"{name}: {word}")[name]
    found, problems = outcome(owner, name, given_bare)
    if given_bare is None:
        assert found == outcome(owner, name, None)[0]
    elif problems:
        assert problems[0].startswith(f"{name}: ")
    else:
        assert refused or found == right


@settings(max_examples=500, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "redis_port": st.sampled_from([6379, 7000]),
            "redis_ports": st.sampled_from([[], ["127.0.0.1:7000:7000"], ["7000:6379"], [6379], ["6379"]]),
            "redis_bind": st.sampled_from([[], ["127.0.0.1"], ["0.0.0.0", "::"]]),
            "redis_allow_unauthenticated": st.booleans(),
            "redis_appendonly": st.booleans(),
            "redis_appendfsync": st.sampled_from(["always", "no"]),
            "redis_save": st.sampled_from([[], ["60 1"], ["3600 1", "300 100"]]),
            "redis_network_mode": st.sampled_from(["bridge", "host", "none"]),
            "redis_networks": st.sampled_from([[], ["backend"], ["one", "two"]]),
            "redis_maxmemory": st.sampled_from(["", "512mb", "1048576", 1048576, "0", 0]),
            "redis_mem_limit": st.sampled_from(["", "1g", "1073741824", 1073741824, "0", 0]),
            "redis_cpus": st.sampled_from(["", "1.5", 1.5, "1.50", "2", 2, "0", 0]),
            "redis_socket_mode": st.sampled_from(["770", "700"]),
            "redis_restart": st.sampled_from(["no", "always", "on-failure:3"]),
            "redis_stop_grace_period": st.sampled_from(["120s", "2m", "90", 90, "90.5", 90.50]),
            "redis_healthcheck_interval": st.sampled_from(["10s", "10", 10, "1m30s", "0.5", 0.5]),
            "redis_sysctls": st.sampled_from([{}, {"net.core.somaxconn": 1024}]),
            "redis_ulimits": st.sampled_from([{"nofile": 20000}, {"nofile": {"soft": 20000, "hard": "20000"}}]),
            "redis_labels": st.sampled_from([{}, {"tier": 1}, {"tier": "1"}]),
            "redis_settings": st.sampled_from([{}, {"hz": 50}, {"activedefrag": True, "dbfilename": "a b"}]),
            "redis_instances": st.sampled_from(
                [[{"name": "one"}], [{"name": "one", "port": 7001, "appendonly": False}]]
            ),
        },
    )
)
@example({"redis_stop_grace_period": "90"})
@example({"redis_healthcheck_interval": "10", "redis_cpus": "2", "redis_mem_limit": "1073741824"})
@example({"redis_maxmemory": "0", "redis_restart": "no", "redis_ports": ["6379"]})
def test_o20_one_meaning_is_one_plan(variables: dict[str, Any]) -> None:
    plans = []
    for form in (lambda _name, value: value, *FORMS):
        problems: list[str] = []
        read = read_variables("redis", {name: form(name, value) for name, value in variables.items()}, problems)
        assert problems == []
        plans.append(make_plan(read, "web1"))
    assert all(plan == plans[0] for plan in plans)


@pytest.mark.parametrize(
    ("variable", "spellings"),
    [
        ("redis_stop_grace_period", ["90", 90, 90.0, "90s", "1m30s", "1.5m"]),
        ("redis_healthcheck_interval", ["0.5", 0.5, 0.50, "500ms", "0.5s", "500000us"]),
        ("redis_cpus", ["1.5", 1.5, "1.50"]),
        ("redis_cpus", ["2", 2, 2.0, "2.0"]),
        ("redis_cpus", ["", "0", 0, 0.0]),
        ("redis_mem_limit", ["1g", "1gb", "1024m", 2**30, str(2**30)]),
        ("redis_mem_limit", ["", "0", 0]),
        ("redis_maxmemory", ["1048576", 1048576]),
        ("redis_maxmemory", ["", "0", 0]),
        ("redis_socket_mode", ["770", "0770", 0o770, 770]),
        ("redis_restart", ["no", False]),
        ("redis_ports", [["6379"], [6379], 6379, "6379"]),
        ("redis_networks", [["7000"], [7000], 7000, "7000"]),
        ("redis_sysctls", [{"net.core.somaxconn": 1024}, {"net.core.somaxconn": "1024"}]),
        ("redis_ulimits", [{"nofile": 20000}, {"nofile": "20000"}]),
        ("redis_labels", [{"tier": 1}, {"tier": "1"}]),
        ("redis_settings", [{"hz": 50}, {"hz": "50"}]),
        ("redis_settings", [{"activedefrag": True}, {"activedefrag": "yes"}]),
    ],
)
def test_o20_spellings_of_one_value_are_one_plan(variable: str, spellings: list[Any]) -> None:
    """For the host and for one instance, where text and numbers are mixed more freely."""
    plans = []
    for spelling in spellings:
        instance = {"name": "redis", variable.removeprefix("redis_"): spelling}
        for variables in ({variable: spelling}, {"redis_instances": [instance]}):
            problems: list[str] = []
            read = read_variables("redis", {"redis_password": "secret", **variables}, problems)
            made = make_plan(read, "web1")
            assert problems == made["problems"] == []
            plans.append({**made, "proof": instances_of(made["proof"]["instances"], "/run/r")})
    assert all(plan == plans[0] for plan in plans)
