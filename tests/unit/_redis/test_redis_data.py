# SPDX-License-Identifier: GPL-3.0-or-later
"""O18: what lies where data is, what a Redis of given names makes of it, and that none starts empty beside it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis import data
from ansible_collections.netmode.docker.plugins.module_utils._redis.data import Before, Kept, Names
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = Names(False, "dump.rdb", "appendonlydir", "appendonly.aof", True)
LOG = DEFAULT._replace(aof=True)
AUXILIARY = (
    b"\xfa\x09redis-ver\x057.2.5\xfa\x0aredis-bits\xc0\x40"
    b"\xfa\x05ctime\xc2\x6d\x08\x25\x67\xfa\x08used-mem\xc2\x00\x0f\x0e\x00"
)
EMPTY = b"REDIS0011" + AUXILIARY + b"\xff" + bytes(8)
FULL = b"REDIS0011" + AUXILIARY + b"\xfe\x00\xfb\x01\x00\x00\x01k\x01v\xff" + bytes(8)
VALKEY = b"VALKEY080" + FULL[9:]
COMMANDS = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nset\r\n$1\r\nk\r\n$1\r\nv\r\n"


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("", DEFAULT),
        ("appendonly yes", LOG),
        ("APPENDONLY YES\nDBFilename Cache.rdb", LOG._replace(dump="Cache.rdb")),
        ('dbfilename "my dump.rdb"', DEFAULT._replace(dump="my dump.rdb")),
        ("dbfilename a.rdb\ndbfilename b.rdb\n# dbfilename c.rdb", DEFAULT._replace(dump="b.rdb")),
        ("appenddirname logs\nappendfilename x.aof", DEFAULT._replace(directory="logs", file="x.aof")),
        ('save 3600 1\nsave ""', DEFAULT._replace(saves=False)),
        ('save ""\nsave 3600 1 300 100', DEFAULT),
        ("requirepass it's\ndbfilename x.rdb", DEFAULT._replace(dump="x.rdb")),
    ],
)
def test_names_are_read_as_redis_reads_them(content: str, names: Names) -> None:
    assert data.names_of(content) == names


def put(top: Path, **files: bytes) -> Path:
    for name, content in files.items():
        path = top / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return top


LISTINGS: list[tuple[dict[str, bytes], set[str], set[tuple[str, str]]]] = [
    ({}, set(), set()),
    ({"dump_rdb": FULL}, {"dump.rdb"}, set()),
    ({"dump_rdb": EMPTY}, set(), set()),
    ({"dump_rdb": EMPTY + b"x"}, {"dump.rdb"}, set()),
    ({"dump_rdb": b"REDIS0011"}, {"dump.rdb"}, set()),
    ({"other": VALKEY, "temp-12_rdb": FULL, "nodes_conf": b"x"}, {"other"}, set()),
    ({"data__dump_rdb": FULL, "a__b__c__dump_rdb": FULL}, {"data/dump.rdb"}, set()),
    ({"appendonly_aof": COMMANDS}, set(), {("", "appendonly.aof")}),
    ({"appendonly_aof": b""}, set(), set()),
    ({"appendonly_aof": FULL}, set(), {("", "appendonly.aof")}),
    ({"journal": COMMANDS}, set(), {("", "journal")}),
    ({"logs__x_manifest": b"file", "logs__x_1_base_rdb": FULL, "logs__x_1_incr_aof": b""}, set(), {("logs", "x")}),
    ({"logs__x_manifest": b"file", "logs__x_1_base_rdb": EMPTY, "logs__x_1_incr_aof": b""}, set(), set()),
    ({"logs__x_manifest": b"file", "logs__x_1_base_rdb": EMPTY, "logs__x_1_incr_aof": b"*"}, set(), {("logs", "x")}),
    ({"a__logs__x_manifest": b"f", "a__logs__x_1_incr_aof": b"*"}, set(), {("a/logs", "x")}),
]


@pytest.mark.parametrize(("files", "dumps", "logs"), LISTINGS)
def test_data_is_found_under_any_name_and_what_holds_no_key_is_none(
    tmp_path: Path, files: dict[str, bytes], dumps: set[str], logs: set[tuple[str, str]]
) -> None:
    kept = data.scan(put(tmp_path, **files))
    assert (set(kept.dumps), set(kept.logs)) == (dumps, logs)


def test_a_link_or_a_fifo_is_not_followed_and_nobody_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "dump.rdb")
    (tmp_path / "x.aof").symlink_to("/dev/zero")
    (tmp_path / "sub").symlink_to("/")
    assert data.scan(tmp_path) == data.NOTHING
    assert data.scan(tmp_path / "none") == data.NOTHING


DUMP, AOF = {"dump.rdb": 1.0}, {("appendonlydir", "appendonly.aof"): 1.0}
REFUSED: list[tuple[str, Names, Before, list[str]]] = [
    ("only a dump, and the log is asked for", LOG, Before(None, Kept(DUMP, {})), ["appendonly: ", "appendonly: false"]),
    (
        "another name of the dump",
        DEFAULT._replace(dump="x.rdb"),
        Before(None, Kept(DUMP, {})),
        ["settings.dbfilename: ", "settings dbfilename: dump.rdb"],
    ),
    (
        "another directory of the log",
        LOG._replace(directory="logs"),
        Before(None, Kept({}, AOF)),
        ["settings.appenddirname: ", "settings appenddirname: appendonlydir"],
    ),
    (
        "another file of the log",
        LOG._replace(file="x.aof"),
        Before(None, Kept({}, AOF)),
        ["settings.appendfilename: ", "settings appendfilename: appendonly.aof"],
    ),
    ("only a log, and the dump is asked for", DEFAULT, Before(None, Kept({}, AOF)), ["with appendonly: true"]),
    (
        "a dump in a directory below",
        DEFAULT,
        Before(None, Kept({"data/dump.rdb": 1.0}, {})),
        ["Move data/dump.rdb to the top of the volume"],
    ),
    ("a dump older than the log", DEFAULT, Before(None, Kept(DUMP, {("a", "b"): 9.0})), ["is older than a/b"]),
    ("a log older than the dump", LOG, Before(DEFAULT, Kept({"dump.rdb": 9.0}, AOF)), ["is older than dump.rdb"]),
    ("the log, while Redis runs without", LOG, Before(DEFAULT, data.NOTHING, running=True), ["does not answer"]),
    (
        "the log under another name, which it would begin under the old one",
        LOG._replace(directory="other"),
        Before(DEFAULT, data.NOTHING, running=True, answers=True),
        ["settings.appenddirname: "],
    ),
    (
        "the dump, while Redis runs and writes none",
        DEFAULT,
        Before(LOG._replace(saves=False), Kept({}, AOF), running=True),
        ["append-only file alone", "Set save"],
    ),
    (
        "a dump of another name, while Redis runs with its log",
        DEFAULT._replace(dump="x.rdb"),
        Before(LOG, Kept({}, AOF), running=True),
        ["settings.dbfilename: ", "dump.rdb", "x.rdb"],
    ),
    (
        "another directory of the log, while Redis runs",
        LOG._replace(directory="logs"),
        Before(LOG, Kept({}, AOF), running=True),
        ["settings.appenddirname: "],
    ),
    ("data elsewhere", DEFAULT, Before(None, data.NOTHING, elsewhere="old"), ["volume: ", "in old"]),
]  # fmt: skip
TAKEN: list[tuple[str, Names, Before]] = [
    ("nothing anywhere", LOG, Before(None, data.NOTHING)),
    ("nothing written yet", LOG._replace(file="x"), Before(DEFAULT, data.NOTHING)),
    ("both, and the log is asked for", LOG, Before(None, Kept({"dump.rdb": 9.0}, AOF))),
    ("both of one shutdown, and the dump is asked for", DEFAULT, Before(LOG, Kept(DUMP, AOF))),
    ("the single file of Redis 6", LOG, Before(None, Kept({}, {("", "appendonly.aof"): 1.0}))),
    ("the log, which it begins while it runs", LOG, Before(DEFAULT, data.NOTHING, running=True, answers=True)),
    ("the same names, running", LOG, Before(LOG, Kept({}, AOF), running=True)),
    ("the dump, which Redis writes when it is stopped", DEFAULT, Before(LOG, Kept({}, AOF), running=True)),
    ("another name of a dump that is not read", LOG._replace(dump="x"), Before(LOG, Kept(DUMP, AOF), running=True)),
    ("renamed manually while it was stopped", DEFAULT._replace(dump="x"), Before(DEFAULT, Kept({"x": 1.0}, {}))),
    ("data elsewhere, and here", DEFAULT, Before(None, Kept(DUMP, {}), elsewhere="old")),
]


@pytest.mark.parametrize(("wanted", "before", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_o18_a_redis_that_would_start_without_its_data_is_refused(
    wanted: Names, before: Before, said: list[str]
) -> None:
    why = data.refusal(wanted, before)
    assert [words for words in said if words not in why] == [], why


@pytest.mark.parametrize(("wanted", "before"), [row[1:] for row in TAKEN], ids=[row[0] for row in TAKEN])
def test_o18_a_redis_that_has_its_data_is_not_refused(wanted: Names, before: Before) -> None:
    assert data.refusal(wanted, before) == ""


# --- the whole domain -------------------------------------------------------------------------------------------------

NAMES = st.builds(
    Names, st.booleans(), st.sampled_from("ab"), st.sampled_from("cd"), st.sampled_from("ef"), st.booleans()
)
MOMENT = 100.0


@settings(max_examples=1000, deadline=None)
@given(
    had=NAMES, wanted=NAMES, running=st.booleans(), answers=st.booleans(), older=st.sampled_from(["", "dump", "log"])
)
def test_o18_what_is_taken_starts_with_the_newest_data_and_what_would_is_not_refused(
    had: Names, wanted: Names, running: bool, answers: bool, older: str
) -> None:
    """A Redis of the names ``had`` is stopped, and one of ``wanted`` started, as Redis does. Beside lies older data.

    One that runs and answers begins its append-only file before that, where it is to have one.
    """
    kept = Kept({"b": MOMENT - 50} if older == "dump" else {}, {("d", "f"): MOMENT - 50} if older == "log" else {})
    if had.aof:
        kept.logs[had.directory, had.file] = MOMENT
    if had.saves or (not had.aof and not running):  # one that was stopped with its data has saved it
        kept.dumps[had.dump] = MOMENT + 0.5
    now = kept
    if running:  # its last save was a while ago
        now = Kept(dict.fromkeys(kept.dumps, MOMENT - 10), dict(kept.logs))
        if answers and wanted.aof and not had.aof:
            kept.logs[had.directory, had.file] = MOMENT
    starts_with = kept.logs.get((wanted.directory, wanted.file)) if wanted.aof else kept.dumps.get(wanted.dump)
    has_all = starts_with is not None and starts_with >= MOMENT
    refused = data.refusal(wanted, Before(had, now, running, answers=answers))
    if running and not had.aof and not had.saves:
        return  # a Redis that keeps nothing has nothing to lose, and is refused or not
    assert bool(refused) != has_all, (refused, kept)
