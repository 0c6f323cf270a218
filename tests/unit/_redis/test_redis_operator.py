# SPDX-License-Identifier: GPL-3.0-or-later
"""The user of Redis that the role has for itself: what it may, its password, and as whom a Redis is asked."""

from __future__ import annotations

import ast
import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils import _redis, _redis_backup, _redis_cluster
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis import files, live, operator
from ansible_collections.netmode.docker.plugins.module_utils._redis.listeners import User

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = [
    path
    for package in (_redis, _redis_backup, _redis_cluster)
    for path in Path(str(package.__file__)).parent.glob("*.py")
]
NOT_SENT = {
    "LOADING", "NOAUTH", "NOPERM", "WRONGPASS", "PONG", "NONE", "CMD", "DOCKER", "FORWARD", "AUTH", "MOVED", "ASK",
    "SET", "MEET", "ADDSLOTSRANGE", "REPLICATE", "SETSLOT", "IMPORT", "OWN", "STABLE",
    "FORGET", "LEAD", "STAY", "MIGRATESLOTS", "GETSLOTMIGRATIONS", "MIGRATION",
}  # fmt: skip
"""Answers, chains of the host, AUTH, which needs no permission, and what follows CLUSTER."""
READS = {
    "select", "randomkey", "type", "pttl", "memory", "object", "get", "lrange", "smembers", "hgetall", "zrange",
    "migrate",
}  # fmt: skip
"""Of values that are compared, and moved within a cluster, where a user may read them, which this one may not."""
CONTAINERS = {"acl", "client", "command", "config", "debug"}
"""Commands that a rule of a user names with what follows them."""


def sent(tree: ast.AST) -> Iterator[str]:
    """Each command in a source: arguments of a call, or a tuple, of which the first constant is in capitals."""
    for node in ast.walk(tree):
        given = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple) else []
        words = [one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        if words and re.fullmatch(r"[A-Z]{3,}", words[0]) and words[0] not in NOT_SENT:
            name = words[0].lower()
            yield f"{name}|{words[1].lower()}" if name in CONTAINERS else name


def test_each_command_that_is_sent_is_one_that_the_user_may_run() -> None:
    found = {command for path in SOURCES for command in sent(ast.parse(path.read_text()))}
    assert found - operator.COMMANDS.keys() == READS, "add it to COMMANDS, with arguments to try it"
    assert operator.COMMANDS.keys() - found == set(), "nothing sends it any more"


def test_its_line_has_a_digest_no_keys_and_these_commands_alone() -> None:
    user = User(operator.line_of("s3cret").partition(" ")[2])
    assert (user.name, user.on, user.nopass, user.all_keys, user.all_commands) == ("netmode", True, False, False, False)
    assert user.passwords == {hashlib.sha256(b"s3cret").hexdigest()}
    assert "s3cret" not in operator.line_of("s3cret")


def instance(root: Path, **given: Any) -> dict[str, Any]:
    return {
        "name": "cache", "state": "present", "directory": str(root / "cache"), "socket_directory": None, "volume": None,
        "socket_mode": "770", "uid": os.geteuid(), "gid": os.getegid(), "lines": ["port 0"], "secrets": [],
        "operator": True, "trial": {"password": ""}, **given,
    }  # fmt: skip


def bring(wanted: dict[str, Any]) -> dict[str, Any]:
    (one,) = operator.with_passwords([wanted])
    access = files.access_of([one])
    for step in files.plan([one], files.observe([one], access)):
        files.apply(step, access)
    return one


def test_its_password_is_made_once_kept_for_root_alone_and_goes_with_it(tmp_path: Path) -> None:
    first, second = bring(instance(tmp_path)), bring(instance(tmp_path))
    file, conf = (tmp_path / "cache" / name for name in (operator.FILE, "redis.conf"))
    assert first["operator_password"] == second["operator_password"] == file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert first["operator_password"] not in conf.read_text()
    assert operator.line_of(first["operator_password"]) in conf.read_text()
    bring(instance(tmp_path, operator=False))
    assert not file.exists()
    assert "netmode on" not in conf.read_text()
    bring(instance(tmp_path))
    bring(instance(tmp_path, state="absent"))
    assert not file.exists()


def test_it_stays_as_long_as_the_redis_conf_that_may_go_back_has_its_user(tmp_path: Path) -> None:
    instance = {"name": "cache", "directory": str(tmp_path), "operator": False}
    path = tmp_path / operator.FILE
    for before, stays in (
        (f"port 0\n{operator.line_of('s3cret')}\n", True),
        ("port 0\nuser app on\n", False),
        ("", False),
    ):
        path.write_text("s3cret")
        operator.remove_unwanted(instance, before)
        assert path.exists() is stays
    path.write_text("s3cret")
    operator.remove_unwanted({**instance, "operator": True})
    assert path.exists()


def test_one_that_a_killed_run_left_goes_with_the_next(tmp_path: Path) -> None:
    bring(instance(tmp_path, operator=False))
    left = tmp_path / "cache" / f".{operator.FILE}.{'a' * 16}"
    left.write_text("half")
    bring(instance(tmp_path, operator=False))
    assert not left.exists()


@pytest.mark.parametrize("damage", ["chmod 644 {}", "echo x >{}", "rm {0} && ln -s redis.conf {0}", "rm {}"])
def test_one_that_is_not_as_it_was_written_is_made_anew(tmp_path: Path, damage: str) -> None:
    first = bring(instance(tmp_path))
    assert os.system(damage.format(tmp_path / "cache" / operator.FILE)) == 0
    if "ln" in damage:
        with pytest.raises(NetmodeError, match=r"instance cache: .*\.operator is a symbolic link, not a regular file"):
            bring(instance(tmp_path))
        return
    second = bring(instance(tmp_path))
    assert first["operator_password"] != second["operator_password"] == (tmp_path / "cache/.operator").read_text()


LINE, DEFAULT = operator.line_of("0" * 64), ("default", "x")
OWN = ("netmode", "s3cret")


@pytest.mark.parametrize(
    ("has", "password", "before", "password_before", "asked"),
    [
        (False, "", "", "", []),
        (False, "x", "", "", [DEFAULT]),
        (False, "x", "", "old", [DEFAULT, ("default", "old")]),
        (False, "x", "", "x", [DEFAULT]),
        (True, "", "", "", [OWN]),
        (True, "", "", "old", [OWN, ("default", "old")]),
        (True, "x", LINE, "x", [OWN, DEFAULT]),
        (False, "x", LINE, "", [DEFAULT, OWN]),
        (False, "", LINE, "", [("default", ""), OWN]),
        (True, "", 'user "unclosed', "", [OWN]),
    ],
)
def test_a_redis_is_asked_as_its_variables_say_and_then_as_its_redis_conf_says(
    has: bool, password: str, before: str, password_before: str, asked: list[tuple[str, str]]
) -> None:
    one = {"operator": has, "operator_password": "s3cret", "trial": {"password": password}}
    assert operator.all_credentials(one, before, password_before) == asked


@pytest.mark.parametrize(
    ("listed", "rules"),
    [
        ("on #1 ~* -@all +@read +set +get -config +acl|list", "on #1 ~* -@all +@read +acl|list -config +get +set"),
        ("on -@all +config|set +config|get +@read", "on -@all +config|get +config|set +@read"),
        ("off sanitize-payload &* +@all -get -config|set -@admin", "off &* +@all -config|set -get -@admin"),
        ("on -@all (~a +set +get)", "on -@all (~a +get) +set"),
    ],
)
def test_single_commands_of_a_user_are_in_one_order_whatever_the_server_lists(listed: str, rules: str) -> None:
    assert live._rules(listed.split()) == rules


ALL = "~* &* +@all"
LOADS = [
    (f"off {ALL}", True),
    ("off allkeys allcommands", True),
    ("on %RW~* +@all", True),
    (f"on >x {ALL} -@admin -config -acl|setuser -keys", True),
    ("off", False),
    ("off ~*", False),
    ("off +@all", False),
    (f"off {ALL} resetkeys", False),
    (f"off {ALL} reset", False),
    (f"off {ALL} -@all", False),
    (f"off {ALL} nocommands", False),
    (f"off {ALL} -flushall", False),
    (f"off {ALL} -@dangerous", False),
    (f"off {ALL} -set +@all", True),
    ("off ~a* +@all", False),
    ("on nopass ~* +@read", False),
]


@pytest.mark.parametrize(("rules", "loads"), LOADS)
def test_whether_the_user_default_may_do_all_that_an_append_only_file_holds(rules: str, loads: bool) -> None:
    assert User(f"default {rules}").loads_all is loads
