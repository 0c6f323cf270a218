# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of every kind for the options of an argument spec: right ones, of other types, huge, deep and hostile."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

DEEP: Any = "x"
for _ in range(300):
    DEEP = [DEEP]

NOTHING = [None, "", " ", [], {}, [None], [""], [[]], [{}], {"": ""}, {"a": None}]
NUMBERS = [
    True,
    False,
    0,
    1,
    -1,
    7,
    18,
    416,
    511,
    1342,
    2013,
    6379,
    65536,
    2**31,
    2**63,
    10**80,
    1.1,
    -0.0,
    1e308,
    1e22,
]
WORDS = [
    "yes",
    "no",
    "on",
    "true",
    "False",
    "022",
    "0640",
    "22:22",
    "999:999",
    "0:0",
    "1e3",
    "1e999999999",
    "0x10",
    "1_000",
    "inf",
    "nan",
    "1.10",
    "512mb",
    "9" * 400,
    "120s",
    "1m30s",
    "always",
    "on-failure:3",
    "unless-stopped",
    "٣",
    "²",
    "Infinity",
]
TEXTS = [
    "a",
    "redis",
    "a b",
    "a\0b",
    "\ud800",
    "ünï🔑",
    "x" * 70000,
    "a\nb",
    "a'b",
    'a"b',
    "\\",
    "$(id)",
    "{{ x }}",
    "{% raw %}",
    "/",
    "//",
    "/data",
    "/proc/1",
    "../..",
    "~",
    "/a:/b",
    "/a:/b:ro",
    "a:/b:z,Z",
    "[",
    "{",
    "[1,",
    '{"a":',
    "[]",
    "{}",
    '["a"]',
    '[{"name": "one"}]',
    "[" * 5000,
    "a=b",
    "=",
    "a=",
    "=b",
    ",",
    "*",
    "-::*",
    "::1",
    "127.0.0.1",
    "0.0.0.0",
    "10.0.0.0/8",
    "fd00::/64",
    "6379:6379",
    "127.0.0.1:1-5:1-5",
    "[::1]:80:80",
    "80/icmp",
    ":",
    "::::",
    "1-",
    "-",
    "container:",
    "container:a",
    "host",
    "none",
    "bridge",
    "02:42:ac:11:00:05",
    "SIGTERM",
    "net.core.somaxconn",
    "label=",
    "no-new-privileges",
    "c 1:3 rwm",
]
STRUCTURES = [
    DEEP,
    {"a": {"b": {"c": [1, {"d": None}]}}},
    {"a": []},
    {"a": {}},
    {1: 2},
    [1, "a", None, {}],
    [[["a"]]],
    [True, 1.1],
    {"name": []},
    {"name": {"a": 1}},
    {"name": "one"},
    [{"name": "one"}, {"name": "one"}],
    {"soft": 1},
    {"nofile": {"soft": "x"}},
    {"target": 80, "published": {}},
    {"type": []},
    {"type": "bind", "source": "a"},
    {"test": {}},
    {"test": ["CMD"], "interval": []},
    [{"subnet": []}],
    {"config": [{"subnet": "x"}]},
    {"default": {"aliases": 5, "ipv4_address": []}},
    {"hz": [[1]]},
    {"user": [{}]},
    [{"to": 1}],
    {"save": None, "Port": 1},
    [datetime.date(2026, 1, 2)],
    {"a": datetime.datetime(2026, 1, 2, 3, 4)},
]
ALL = [*NOTHING, *NUMBERS, *WORDS, *TEXTS, *STRUCTURES, float("nan"), float("inf"), datetime.date(2026, 1, 2)]
NAMES = {
    "name": ["one", "two", "redis"],
    "image": ["redis:8", "a/b@sha256:" + "0" * 64],
    "container": ["one"],
    "bridge": ["docker0"],
    "directory": ["/nowhere/one"],
    "user": ["999:999", "1000"],
    "socket": ["/nowhere/redis.sock"],
    "subnet": ["172.30.0.0/24"],
}


def value(spec: Mapping[str, Any], chance: random.Random, name: str = "") -> Any:
    """For one option: mostly one that its spec takes, else any."""
    if chance.random() < 0.25:
        return chance.choice(ALL)
    if spec.get("choices"):
        return chance.choice(list(spec["choices"]))
    kind = spec.get("type", "str")
    if kind == "list":
        element = {**spec, "type": spec.get("elements", "raw"), "choices": None}
        return [value(element, chance, name) for _ in range(chance.choice([0, 1, 1, 2, 3]))]
    if spec.get("options") and kind == "dict":
        return values(spec["options"], chance)
    fitting: dict[str, list[Any]] = {
        "bool": [True, False, "yes", "no"],
        "int": [0, 1, 6379, "7000", 1400],
        "float": [1, 1.5, "2.5"],
        "dict": [{"a": "b"}, {"a": 1}, {}, {"nofile": 1024}, {"hz": 50}],
    }
    return chance.choice(NAMES.get(name) or fitting.get(kind) or [*TEXTS, *WORDS])


def values(options: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    """For a whole argument spec: what is required, and of the rest one or a few."""
    some = {name for name in options if chance.random() < min(1, 3 / len(options))}
    found = {name: value(spec, chance, name) for name, spec in options.items() if name in some or spec.get("required")}
    if chance.random() < 0.03:
        found[chance.choice(["nme", "", "a b", "ünï"])] = chance.choice(ALL)
    return found
