# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that was meant as text, and not what YAML made of other words."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

LONGEST_NUMBER = 64
"""Characters. Ansible's own reader would count a number such as 1e999999999 out, digit for digit."""

QUOTED = "Write it quoted"
_ALONE = "Write its one item alone, without - and brackets"
_KINDS: tuple[tuple[Any, str], ...] = (
    (Mapping, "a dictionary"),
    ((list, tuple), "a list"),
    (str, "text"),
    (bool, "a boolean"),
    ((int, float), "a number"),
    ((datetime.date, datetime.time), "a date"),
)


def text_of(value: Any) -> str:
    """Text that was meant as text, or a whole number; ValueError without the value says why it is neither."""
    if isinstance(value, bool):
        raise ValueError(f"is a boolean, and text is needed. {QUOTED}, so that yes, no, on and off stay words")
    if isinstance(value, float):
        raise ValueError(f"is a number with a point, and text is needed. {QUOTED}, so that 1.10 does not become 1.1")
    if isinstance(value, (datetime.date, datetime.time)):
        raise ValueError(f"was read as a date, and text is needed. {QUOTED}")
    if isinstance(value, int):
        return integer_text(value)
    if not isinstance(value, str):
        raise ValueError(why_no_text(value))
    return checked_text(value)


def why_no_text(value: Any) -> str:
    """Of a value that is none, with the way out."""
    return f"must be text, not {kind_of(value)}. {_ALONE if isinstance(value, (list, tuple)) else QUOTED}"


def kind_of(value: Any) -> str:
    """What a value is to who has written it, with its article."""
    return next((word for types, word in _KINDS if isinstance(value, types)), f"of the type {type(value).__name__}")


def integer_text(value: int) -> str:
    if abs(value) >= 10**LONGEST_NUMBER:
        raise ValueError(f"is too large a number. {QUOTED} if it is text")
    return str(int(value))


def checked_text(value: str) -> str:
    """A text that a file, a process and the engine can be given."""
    if "\0" in value:
        raise ValueError("holds a NUL character, which can be in no argument, variable, path or name")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a character (a surrogate), which is not text") from None
    return str(value)
