# SPDX-License-Identifier: GPL-3.0-or-later
"""redis.conf: every value is read by Redis as it was given, or it is refused."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis.conf import lines_of, quoted, words_of
from hypothesis import example, given, settings
from hypothesis import strategies as st
from redis_role import conf, problems

WRITABLE = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))


@settings(max_examples=1000, deadline=None)
@given(WRITABLE)
@example("")
@example("two words")
@example("a\"b'c\\d")
@example("\\x41 \\n")
@example("# no comment")
@example("\t\a\b\x1b\x7f")
@example("päss wörd 密 🔑")
@example("'quoted'")
@example("trailing ")
def test_o8_a_value_is_read_back_as_it_was_given(value: str) -> None:
    assert words_of(quoted(value)) == [value]
    assert words_of(lines_of("masterauth", value)[0]) == ["masterauth", value]


@settings(max_examples=500, deadline=None)
@given(st.lists(WRITABLE, min_size=1, max_size=5))
def test_o8_several_words_are_read_back_as_several(values: list[str]) -> None:
    line = " ".join(map(quoted, values))
    assert words_of(line) == values
    assert words_of(lines_of("user", line)[0]) == ["user", *values]


@settings(max_examples=500, deadline=None)
@given(st.text(st.sampled_from("ab \\\"'xn4\t")))
@example('a"')
@example('"a"b')
@example("'\\'")
@example('"\\')
def test_any_line_is_read_or_refused(line: str) -> None:
    try:
        words = words_of(line)
    except ValueError as error:
        assert "quote" in str(error)  # noqa: PT017 (either is right)
    else:
        assert words_of(" ".join(map(quoted, words))) == words


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        (None, []),
        ([], []),
        ("", ['masterauth ""']),
        (50, ["masterauth 50"]),
        (True, ["masterauth yes"]),
        (False, ["masterauth no"]),
        (["a", None, "b c"], ["masterauth a", 'masterauth "b c"']),
    ],
)
def test_o8_lines_of_a_directive(value: Any, lines: list[str]) -> None:
    assert lines_of("masterauth", value) == lines


@pytest.mark.parametrize(
    ("directive", "value", "why"),
    [
        ("dbfilename", "a\nport 1", "a value is one line"),
        ("dbfilename", "a\0b", "NUL"),
        ("dbfilename", "\ud800", "surrogate"),
        ("dbfilename", {"a": 1}, "must be text, not a dictionary"),
        ("dbfilename", datetime.date(2026, 1, 2), "Write it quoted"),
        ("hz", float("inf"), "Write it quoted"),
        ("hz", 1e22, "Write it quoted"),
        ("user", 'alice on ">a', "a quote is not closed"),
        ("user", "", "needs arguments"),
        ("user", [["a"], {"b": 1}], "must be text, not a dictionary"),
    ],
)
def test_o8_what_no_line_can_say_is_refused_by_its_directive(directive: str, value: Any, why: str) -> None:
    (told,) = problems({"name": "one", "settings": {directive: value}})
    assert told.startswith(f"web1: instance one: settings.{directive}: ")
    assert why in told


def test_o8_null_leaves_a_directive_out() -> None:
    assert not any("dbfilename" in line for line in conf({"name": "one", "settings": {"dbfilename": None}}))
