# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of a Redis as lines of its redis.conf, and the passwords that are valid together while one is changed."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from redis_role import plan, problems


def digest(word: str) -> str:
    return "#" + hashlib.sha256(word.encode()).hexdigest()


def secrets(**entry: Any) -> list[str]:
    (file,) = plan({"name": "cache", "password": "n3w", **entry})["files"]
    return [line for line in file["secrets"] if line.startswith("user ")]


APP = {"name": "app", "passwords": ["one", "two"], "rules": "~app:* +@read (~other +get)"}


@pytest.mark.parametrize(
    ("entry", "lines"),
    [
        ({}, []),
        ({"users": [APP]}, [f"user app on {digest('one')} {digest('two')} ~app:* +@read (~other +get)"]),
        ({"users": [{**APP, "enabled": False, "passwords": []}]}, ["user app off ~app:* +@read (~other +get)"]),
        ({"users": [{"name": "none", "passwords": ["x", "x", ""]}]}, [f"user none on {digest('x')}"]),
        ({"password_previous": "old"}, [f"user default on {digest('n3w')} {digest('old')} ~* &* +@all"]),
        ({"password_previous": "n3w"}, []),
        (
            {"password": "", "users": [{"name": "default", "passwords": ["x"], "enabled": False}]},
            [f"user default off {digest('x')} ~* &* +@all"],
        ),
        (
            {"users": [{"name": "default", "passwords": ["n3w"], "rules": "~* +@all -@admin"}]},
            [f"user default on {digest('n3w')} ~* +@all -@admin"],
        ),
        (
            {"users": [{"name": "app", "passwords": ["one"]}], "settings": {"User": "other on >plain +get"}},
            [f"user app on {digest('one')}", "user other on >plain +get"],
        ),
    ],
)
def test_users_are_lines_with_digests(entry: dict[str, Any], lines: list[str]) -> None:
    assert secrets(**entry) == lines


def test_no_password_of_a_user_is_in_the_plan() -> None:
    users = [{**APP, "passwords": ["s3cret"]}]
    made = plan({"name": "cache", "password": "n3w", "password_previous": "0ld-s3cret", "users": users})
    assert "s3cret" not in str(made)


OFF = {"name": "default", "enabled": False}


@pytest.mark.parametrize(
    ("entry", "own"),
    [
        ({}, False),
        ({"password": ""}, False),
        ({"users": [APP], "password_previous": "old"}, False),
        ({"users": [{"name": "default", "passwords": ["n3w"], "rules": "~* +@all"}]}, False),
        ({"users": [{"name": "default", "passwords": ["n3w"], "rules": "~* +@all -@admin"}]}, True),
        ({"users": [{"name": "default", "passwords": ["n3w"], "rules": "~a +get"}], "appendonly": False}, True),
        ({"users": [OFF], "password": ""}, True),
        ({"users": [{"name": "default", "passwords": ["other"], "rules": "~* +@all"}], "password": ""}, True),
        ({"settings": {"user": "default on nopass ~* +@all"}, "password": ""}, False),
        ({"settings": {"user": "default on nopass ~* +@read"}, "password": "", "appendonly": False}, True),
        ({"settings": {"user": "default off ~* +@all"}, "password": ""}, True),
    ],
)
def test_the_role_has_a_user_of_its_own_where_default_is_not_one_to_ask_as(entry: dict[str, Any], own: bool) -> None:
    made = plan({"name": "cache", "password": "n3w", "bind": ["127.0.0.1"], "network_mode": "host", **entry})
    assert made["problems"] == []
    (file,), (endpoint,) = made["files"], made["endpoints"]
    assert file["operator"] is own
    asked = {"username": "netmode", "password_file": "/etc/netmode/redis/cache/.operator"}
    assert (asked.items() <= endpoint.items()) is own
    assert ("password" in endpoint) is (not own and bool(entry.get("password", "n3w")))


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"users": [{"name": "a b", "passwords": ["x"]}]}, "users (a b): a name has no blanks, quotes or backslashes"),
        ({"users": [{"name": "", "passwords": ["x"]}]}, "users (): a name has no blanks"),
        ({"users": [APP, APP]}, "users (app): two have this name"),
        ({"users": [{"name": "app", "rules": "+get"}]}, "users (app): passwords: it has none"),
        ({"users": [{**APP, "rules": "+get >hunter2"}]}, "users (app): rules: >…: say that by passwords"),
        ({"users": [{**APP, "rules": "nopass +get"}]}, "users (app): rules: nopass: say that by passwords"),
        ({"users": [{**APP, "rules": "OFF"}]}, "users (app): rules: OFF: say that by enabled"),
        ({"users": [APP], "settings": {"user": "app on +get"}}, "users (app): settings.user has a line for it as well"),
        (
            {"password_previous": "old", "users": [{"name": "default", "passwords": ["n3w"]}]},
            "password_previous: the default user",
        ),
        (
            {"password_previous": "old", "settings": {"user": "default on >n3w +@all"}},
            "password_previous: the default user",
        ),
        ({"password_previous": "old", "password": ""}, "password_previous: redis_password is empty"),
        (
            {"users": [{"name": "default", "passwords": ["other"]}]},
            "redis_password is not among the passwords of default",
        ),
        ({"users": [{"name": "default", "enabled": False}]}, "users (default): default is off, so redis_password"),
        ({"users": [{"name": "netmode", "passwords": ["x"]}]}, "users (netmode): the role has a user of this name"),
        ({"settings": {"user": "netmode on >x +get"}}, "settings.user: the role has a user of this name"),
        (
            {"password": "", "users": [{"name": "default", "enabled": False, "rules": "+get"}]},
            "users (default): rules: nobody gets in as this user",
        ),
        (
            {"users": [{"name": "default", "passwords": ["n3w"], "rules": "~* +@all -@dangerous"}]},
            "users (default): Redis loads its append-only file as the user default",
        ),
        (
            {"password": "", "settings": {"user": "default off"}},
            "scripts that default may not run. Write 'default off ~* &* +@all'",
        ),
        (
            {
                "password": "",
                "users": [{"name": "default", "enabled": False}],
                "settings": {"Rename-Command": "CONFIG x"},
            },
            "settings.Rename-Command: config: the role needs it",
        ),
        ({"settings": {"aclfile": "/data/users.acl"}}, "settings.aclfile: set users instead"),
        ({"users": [{"name": "app", "password": "x"}]}, "password"),
        ({"users": ["app"]}, "users"),
    ],
)
def test_users_that_cannot_be_are_refused(entry: dict[str, Any], told: str) -> None:
    found = problems({"name": "cache", "password": "n3w", "bind": ["127.0.0.1"], "network_mode": "host", **entry})
    assert any(told in line for line in found), found
    assert "hunter2" not in str(found)
