# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of redis.conf as Redis reads them (``sdssplitargs`` in its sds.c): quoting a value, and reading it back."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._compose.text import QUOTED, text_of

SEVERAL_WORDS = frozenset(
    """bind client-output-buffer-limit include latency-tracking-info-percentiles loadmodule oom-score-adj-values
    rdma-bind rename-command replicaof save sentinel shutdown-on-sigint shutdown-on-sigterm slaveof user""".split()
)
"""Directives that take several arguments, written as in redis.conf. The value of any other is one argument."""

_PLAIN = re.compile(r"[\w.,:;/@%+=*~^<>&|!?{}()\[\]-]+\Z", re.ASCII)
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\t": "\\t", "\a": "\\a", "\b": "\\b"}
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "a": "\a"}
_BLANKS = " \t\n\r\v\f"


def quoted(value: str) -> str:
    """One argument, in quotes where Redis would read another or several without. It holds no line break and no NUL."""
    if _PLAIN.match(value):
        return value
    letters = (_ESCAPES.get(letter) or (letter if letter >= " " else f"\\x{ord(letter):02x}") for letter in value)
    return f'"{"".join(letters)}"'


def words_of(line: str) -> list[str]:
    """The arguments of a line. ValueError where Redis would refuse it, for its quotes are not closed as they should."""
    words, rest = [], line.lstrip(_BLANKS)
    while rest:
        word, rest = _word(rest)
        words.append(word)
        rest = rest.lstrip(_BLANKS)
    return words


def _word(text: str) -> tuple[str, str]:
    """The first argument of a text that begins with none of the blanks, and what follows it."""
    found, index, quote = "", 0, ""
    while index < len(text):
        letter = text[index]
        if quote == '"' and letter == "\\" and index + 1 < len(text):
            code = re.match(r"\\x([0-9a-fA-F]{2})", text[index : index + 4])
            found += chr(int(code[1], 16)) if code else _ESCAPED.get(text[index + 1], text[index + 1])
            index += 4 if code else 2
            continue
        if quote == "'" and text.startswith("\\'", index):
            found, index = f"{found}'", index + 2
            continue
        if letter == quote:
            if text[index + 1 : index + 2].strip(_BLANKS):
                raise ValueError("something follows a closing quote. Leave a blank between, or quote all of it")
            return found, text[index + 1 :]
        if not quote and letter in "\"'":
            quote = letter
        elif not quote and letter in _BLANKS:
            break
        else:
            found += letter
        index += 1
    if quote:
        raise ValueError("a quote is not closed. Write one at its end")
    return found, text[index:]


def lines_of(directive: str, value: Any) -> list[str]:
    """The lines of one directive: a list is several, null is none. ValueError says what cannot be written."""
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [line for item in value for line in lines_of(directive, item)]
    return [f"{directive} {_value(directive, value)}"]


def _value(directive: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"  # redis.conf has no other words for it
    if isinstance(value, float):
        text = str(value)
        if not re.fullmatch(r"-?\d+\.\d+", text):
            raise ValueError(f"{text} is not a number that Redis reads. {QUOTED}")
        return text
    text = text_of(value)
    if any(letter in text for letter in "\r\n"):
        raise ValueError("a value is one line. For several lines of one directive give a list")
    if directive.lower() not in SEVERAL_WORDS:
        return quoted(text)
    if not words_of(text):
        raise ValueError("needs arguments, as in redis.conf")
    return text.strip(_BLANKS)
