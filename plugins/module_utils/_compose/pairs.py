# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose's mappings of names to text, also as lists of ``KEY=value``. Errors are ValueError with the reason."""

from __future__ import annotations

import re
from typing import Any

from .text import QUOTED, text_of

_PERMISSIONS = re.compile(r"umask|mode\Z|perm|chmod", re.IGNORECASE)
"""Names of variables whose number is likely to be octal."""


def mapping(value: Any) -> dict[str, str]:
    """``{KEY: value}`` or a list of ``KEY=value``; a missing value is the empty string."""
    return {key: item or "" for key, item in _pairs(value).items()}


def flags(value: Any) -> dict[str, str]:
    """The same for options of a driver, which reads booleans in lower case, so that yes and true are one."""
    given = value
    if isinstance(value, dict):
        given = {key: str(item).lower() if isinstance(item, bool) else item for key, item in value.items()}
    return mapping(given)


def environment(value: Any) -> list[str]:
    """``KEY=value``, or ``KEY`` alone where it is null or has no value, which unsets what the image has (Compose)."""
    found = []
    for key, item in _pairs(value).items():
        given = value[key] if isinstance(value, dict) else item
        if _PERMISSIONS.search(key) and isinstance(given, int) and given > 7:
            raise ValueError(f"{key}: {given} may be what YAML makes of 0{given:o}. {QUOTED}")
        found.append(key if item is None else f"{key}={item}")
    return found


def _pairs(value: Any) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    items = value.items() if isinstance(value, dict) else map(_pair, value if isinstance(value, list) else [value])
    for key, item in items:
        name = text_of(key) if key is not None else ""
        if not name or "=" in name:
            raise ValueError(f"{name!r} is not a name (example: KEY=value)")
        try:
            found[name] = None if item is None else text_of(item)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return found


def _pair(value: Any) -> tuple[str, str | None]:
    if isinstance(value, (bool, int, float)):
        raise ValueError(f"{value!r} is neither a mapping nor KEY=value")
    try:
        key, equals, item = text_of(value).partition("=")
    except ValueError as error:
        raise ValueError(f"{value!r} {error}") from None
    return key, item if equals else None
