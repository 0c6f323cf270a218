# SPDX-License-Identifier: GPL-3.0-or-later
"""A Redis that runs with another configuration than its redis.conf is to say; real ones are in test_redis_live.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis import data, drift, files, live, protocol, set_live
from ansible_collections.netmode.docker.plugins.module_utils._redis.live import Change, Said
from hypothesis import given
from hypothesis import strategies as st
from redis_server import Redis, listening, rules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINES = ["bind * -::*", "port 6379", "protected-mode yes", "maxmemory 100mb", "databases 16", "appendonly no"]


@pytest.fixture
def redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    monkeypatch.setattr(protocol, "why_not", lambda *_, **__: "")
    with listening(tmp_path / "redis.sock") as served:
        yield served


def instance(directory: Path, *secrets: str, password: str = "s3cret", lines: list[str] = LINES) -> dict[str, Any]:
    given = [f"requirepass {password}"] if password else []
    return {
        "name": "cache", "socket_directory": str(directory), "lines": lines, "secrets": [*given, *secrets],
        "trial": {"password": password}, "operator": False, "operator_password": "",
    }  # fmt: skip


def trial_of(redis: Redis) -> Said:
    return Said(dict(redis.config), dict(redis.users), live._digest(redis.commands, ""))


def running(one: dict[str, Any], content: str | None = None) -> drift.Running:
    found = drift.running(one, "a" * 64, files.content_of(one) if content is None else content)
    assert found
    return found


def found(one: dict[str, Any], wanted: Said, content: str | None = None) -> drift.Drift:
    asked = drift.ask(running(one, content))
    assert asked.now
    return drift.compare(running(one, content), one, asked.now, live.meant(one, wanted))


def set_to(one: dict[str, Any], change: Change, content: str | None = None) -> None:
    names = data.names_of(files.content_of(one))
    set_live.set_to(running(one, content), one, change, names, names, {})


def test_one_as_its_redis_conf_says_has_no_drift(redis: Redis, tmp_path: Path) -> None:
    one = instance(tmp_path)
    assert found(one, trial_of(redis)) == drift.NONE
    redis.config.update(dir="/elsewhere", logfile="/log")  # its own, and what a trial has another of
    assert found(one, trial_of(Redis())) == drift.NONE


@pytest.mark.parametrize(
    ("odd", "names"),
    [
        ({"maxmemory": "0"}, ["maxmemory"]),
        ({"bind": "0.0.0.0", "protected-mode": "no"}, ["bind", "protected-mode"]),
        ({"port": "7000", "maxmemory": ""}, ["maxmemory", "port"]),
        (
            {"hash-max-ziplist-entries": "7", "hash-max-listpack-entries": "7"},
            ["hash-max-listpack-entries", "hash-max-ziplist-entries"],
        ),
        ({"masterauth": "x", "primaryauth": "x"}, ["masterauth", "primaryauth"]),
        ({"appendonly": "yes"}, ["appendonly"]),
    ],
)
def test_every_setting_is_compared_and_set_while_it_runs_also_one_that_redis_conf_does_not_name(
    redis: Redis, tmp_path: Path, odd: dict[str, str], names: list[str]
) -> None:
    wanted = trial_of(redis)
    redis.config.update(odd)
    one = instance(tmp_path)
    drifted = found(one, wanted)
    assert (drifted.change.names, drifted.restart) == (names, "")
    set_to(one, drifted.change)
    assert trial_of(redis) == wanted
    assert found(one, wanted) == drift.NONE


@pytest.mark.parametrize(
    ("users", "names"),
    [
        ({"default": rules("s3cret"), "guest": "on nopass ~* +@all"}, ["user guest"]),
        ({"default": rules()}, ["requirepass"]),
        ({"default": rules("another", "s3cret")}, ["requirepass"]),
        ({"default": rules("s3cret"), "app": "off ~x +get"}, ["user app"]),
    ],
)
def test_users_and_their_passwords_are_what_redis_conf_says(
    redis: Redis, tmp_path: Path, users: dict[str, str], names: list[str]
) -> None:
    redis.users["app"] = "on #1 ~app:* +@read (~x +get)"
    wanted = trial_of(redis)
    redis.users = {"app": redis.users["app"], **users}
    one = instance(tmp_path, "user app on #1 ~app:* +@read (~x +get)")
    drifted = found(one, wanted)
    assert (drifted.change.names, drifted.restart) == (names, "")
    set_to(one, drifted.change)
    asked = drift.ask(running(one))
    assert asked.now
    assert asked.now.users == wanted.users
    assert found(one, wanted) == drift.NONE


def test_those_of_an_aclfile_are_their_operators(redis: Redis, tmp_path: Path) -> None:
    wanted = trial_of(redis)
    redis.users["guest"] = "on nopass ~* +@all"
    assert found(instance(tmp_path, lines=[*LINES, "aclfile /data/users.acl"]), wanted) == drift.NONE


def test_r12_a_password_is_changed_at_once_by_the_one_in_redis_conf(redis: Redis, tmp_path: Path) -> None:
    """No client sees a moment in which neither is valid, or none is needed: it is one transaction."""
    old, new = instance(tmp_path), instance(tmp_path, password="n3w")
    wanted = Redis()
    wanted.set([("requirepass", "n3w")])
    drifted = found(new, trial_of(wanted), files.content_of(old))
    assert drifted.change.names == ["requirepass"]
    redis.asked.clear()
    set_to(new, drifted.change, files.content_of(old))
    assert redis.password == "n3w"
    assert rules("n3w").split() == [word for word in redis.users["default"].split() if word != "sanitize-payload"]
    words = [words[0] for words in redis.asked]
    assert words[words.index("MULTI") : words.index("EXEC") + 1] == ["MULTI", "CONFIG", "ACL", "EXEC"]


def test_what_only_a_start_changes_is_left_to_one(redis: Redis, tmp_path: Path) -> None:
    wanted = trial_of(redis)
    redis.config.update(databases="4", maxmemory="0")
    redis.commands.append("flushall")
    drifted = found(instance(tmp_path), wanted)
    assert drifted.change.names == ["maxmemory"]
    assert drifted.restart == (
        "its redis.conf says another databases, rename-command or loadmodule, which Redis reads only when it starts"
    )
    assert redis.config["maxmemory"] == "0", "it was asked, and nothing is set by that"


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({"password": "another"}, drift.Asked(refused=True)),
        ({"says": {"PING": "LOADING Redis is loading", "AUTH": "LOADING Redis is loading"}}, drift.Asked()),
        ({"says": {"CONFIG": "ERR unknown command"}}, drift.Asked(mute=True)),
        ({"says": {"ACL": "NOPERM"}}, drift.Asked(mute=True)),
    ],
)
def test_one_that_does_not_say_is_not_compared(
    redis: Redis, tmp_path: Path, change: dict[str, Any], asked: drift.Asked
) -> None:
    vars(redis).update(change)
    assert drift.ask(running(instance(tmp_path))) == asked


def test_it_is_let_in_with_either_password_or_none(redis: Redis, tmp_path: Path) -> None:
    one = instance(tmp_path, password="n3w")
    for password in ("n3w", "s3cret", ""):
        redis.password = password
        assert drift.ask(running(one, files.content_of(instance(tmp_path)))).now, password


def test_one_that_does_not_listen_says_nothing(tmp_path: Path) -> None:
    assert drift.ask(running(instance(tmp_path))) == drift.Asked()
    assert drift.running({**instance(tmp_path), "trial": None}, "a", "") is None


@pytest.mark.parametrize(
    ("prepare", "values", "why"),
    [
        ({"kept": {"maxmemory"}}, {"maxmemory": "1"}, "afterwards its maxmemory is 104857600"),
        ({"says": {"CONFIG": "OOM command not allowed"}}, {"maxmemory": "1"}, "OOM command not allowed"),
        ({"password": "another"}, {"maxmemory": "1"}, "WRONGPASS"),
        ({"info": {"aof_last_bgrewrite_status": "err"}}, {"appendonly": "yes"}, "could not write its append-only file"),
    ],
)
def test_what_cannot_be_set_is_one_message(
    redis: Redis, tmp_path: Path, prepare: dict[str, Any], values: dict[str, str], why: str
) -> None:
    before = dict(redis.config)
    vars(redis).update(prepare)
    lines = ["appendonly yes"] if "appendonly" in values else LINES
    with pytest.raises(NetmodeError, match=f"instance cache: settings: its .*{why}.*docker logs cache"):
        set_to(instance(tmp_path, lines=lines), Change(values, {}))
    assert redis.config == before


def test_what_a_server_refuses_by_name_is_left_to_a_restart_and_all_else_is_set(redis: Redis, tmp_path: Path) -> None:
    """Such as more clients than its limit of open files lets it have."""
    names = data.names_of("")
    for values, done in (({"maxmemory": "1", "databases": "3"}, {"maxmemory": "1"}), ({"databases": "3"}, {})):
        one = instance(tmp_path)
        found = set_live.set_to(running(one), one, Change(values, {}), names, names, {})
        assert found.change.settings == done
        assert found.restart.startswith("it does not take all of its redis.conf while it runs (ERR CONFIG SET failed")
        assert redis.config["databases"] == "16"
    assert redis.config["maxmemory"] == "1"


def test_r1_the_log_is_waited_for_before_redis_conf_says_so_and_a_dump_is_written_before_it_says_no(
    redis: Redis, tmp_path: Path
) -> None:
    off, on = data.names_of("appendonly no"), data.names_of("appendonly yes")
    one = instance(tmp_path)
    redis.info.update(aof_rewrite_in_progress="0", aof_rewrite_scheduled="0")
    set_live.set_to(running(one), one, Change({"appendonly": "yes"}, {}), off, on, {})
    assert redis.asked[-1] == ["INFO", "persistence"]
    set_live.set_to(running(one), one, Change({"appendonly": "no"}, {}), on, off, {})
    assert [words[0] for words in redis.asked[-3:]] == ["INFO", "BGSAVE", "INFO"]
    redis.asked.clear()
    set_live.set_to(running(one), one, Change({"appendonly": "no"}, {}), on, off._replace(saves=False), {})
    assert "BGSAVE" not in [words[0] for words in redis.asked]


@pytest.mark.parametrize("tried", [True, False])
def test_before_its_trial_the_lines_say_what_will_change(redis: Redis, tmp_path: Path, tried: bool) -> None:
    old = instance(tmp_path, "user app on +get", "user gone on +get")
    lines = [line for line in LINES if "maxmemory" not in line] + [
        "databases 4",
        "rename-command get x",
        "save 1 1",
    ]
    new = instance(tmp_path, "user app on +set", "user app2 off", lines=lines)
    redis.users.update(app="on +get", gone="on +get")
    noted = live.meant(old, trial_of(redis)) if tried else None
    redis.config["port"] = "7000"  # by hand
    now = trial_of(redis)
    said = live.predicted(new, files.content_of(old), now, noted)
    drifted = drift.compare(running(new), new, now, said)
    by_hand = ["port"] if tried else []
    names = ["maxmemory", *by_hand, "user app", "user app2", "user gone"]
    assert drifted.change.names == names, (said, now)
    assert drifted.restart.startswith("its redis.conf says another databases, rename-command")


@pytest.mark.parametrize(
    ("lines", "secrets", "judged"),
    [
        (["maxmemory 200mb"], [], {"maxmemory": "200mb"}),
        (["maxmemory 200mb", 'databases "4"'], [], {"maxmemory": "200mb", "databases": "4"}),
        ([], [], {}),
        (["maxmemory"], [], {}),  # removed
        (["save 1 1"], [], {}),  # of several words
        (["maxmemory 200mb", "maxmemory 300mb"], [], {}),
        (["appendonly yes"], [], {}),
        (["dir /elsewhere"], [], {}),
        (["rename-command GET x"], [], {}),
        (["no-such-thing 1"], [], {}),
        (["maxmemory 200mb"], ["masterauth x"], {}),
    ],
)
def test_a_running_redis_judges_settings_of_one_word_that_it_knows(
    redis: Redis, tmp_path: Path, lines: list[str], secrets: list[str], judged: dict[str, str]
) -> None:
    names = {line.split()[0] for line in lines}
    kept = [line for line in LINES if line.split()[0] not in names]
    new = instance(tmp_path, *secrets, lines=[*kept, *(line for line in lines if " " in line)])
    assert live.judged(new, files.content_of(instance(tmp_path)), trial_of(redis)) == judged


def test_what_it_refuses_changes_nothing(redis: Redis, tmp_path: Path) -> None:
    one, before = instance(tmp_path), dict(redis.config)
    for values in ({"databases": "4", "maxmemory": "1"}, {"no-such-option-2": "1"}):
        assert set_live.set_and_ask(running(one), values) is None
        assert redis.config == before
    redis.kept = {"maxmemory"}
    said = set_live.set_and_ask(running(one), {"maxmemory": "100mb"})
    assert said
    assert said.settings["maxmemory"] == "104857600"
    redis.password = "another"
    assert set_live.set_and_ask(running(one), {"maxmemory": "1"}) is None


NAMES = st.sampled_from(["maxmemory", "port", "bind", "databases", "masterauth", "primaryauth", "requirepass", "dir"])


@given(st.dictionaries(NAMES, st.text("ab ", max_size=3)), st.dictionaries(NAMES, st.text("ab ", max_size=3)))
def test_what_was_set_to_the_difference_has_none(now: dict[str, str], wanted: dict[str, str]) -> None:
    """Whatever the server says and is to say: pure, so without aliases."""
    one = instance(None, lines=[])  # type: ignore[arg-type]
    said = Said(now, {"default": "on"}, "")
    meant = live.meant(one, Said(wanted, {"default": "on"}, ""))
    change = live.difference(one, said, meant)
    after = {**now, **change.settings, **({} if change.password is None else {"requirepass": change.password})}
    assert live.difference(one, Said(after, {"default": "on"}, ""), meant) == Change({}, {})
    assert change.settings.keys() <= now.keys() - {"dir", "requirepass"}


def test_no_secret_is_noted_of_a_trial(redis: Redis, tmp_path: Path) -> None:
    assert (
        not {"requirepass", "masterauth", "primaryauth"}
        & live.meant(instance(tmp_path), trial_of(redis)).settings.keys()
    )
