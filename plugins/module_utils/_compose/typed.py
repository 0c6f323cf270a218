# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads values by an argument spec, from YAML, INI files, ``-e key=value`` and JSON alike, each as what was meant.

Numbers, booleans and dictionaries are read by Ansible's own rules. What YAML has changed beyond recognition is refused
instead of guessed: ``yes`` or ``1.10`` where text is wanted, which may have been ``"on"`` or ``"1.1"``.
"""

from __future__ import annotations

import ast
import copy
import json
from collections.abc import Mapping
from typing import Any, Callable

from ansible.module_utils.common.validation import check_type_bool, check_type_dict, check_type_float, check_type_int
from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE

from .text import LONGEST_NUMBER, QUOTED, text_of

Spec = Mapping[str, Any]
"""One option of an argument spec: ``type``, ``elements``, ``options``, ``choices``, ``default``, ``no_log``."""

_WORDS = {True: BOOLEANS_TRUE, False: BOOLEANS_FALSE}


def read_all(options: Mapping[str, Spec], given: Mapping[str, Any], problems: list[str], where: str = "") -> Any:
    """Every option, read; what is not given, or null, is the default. What is wrong goes to ``problems``."""
    found = {}
    for name, spec in options.items():
        try:
            found[name] = read(spec, given.get(name))
        except ValueError as error:
            problems.append(f"{where}{name}: {error}.")
            found[name] = copy.deepcopy(spec.get("default"))
        if found[name] is None and spec.get("required"):
            problems.append(f"{where}{name}: is required.")
    return found


def read(spec: Spec, given: Any) -> Any:
    """One value. ValueError says why it is refused; it shows no value that the spec says is secret (``no_log``)."""
    if given is None:
        return copy.deepcopy(spec.get("default"))
    kind = spec.get("type", "str")
    try:
        value = _READERS[kind](spec, given)
    except ValueError as error:
        if kind in ("list", "dict"):  # what is wrong in them was told of the item; as a whole they may hold a secret
            raise
        raise ValueError(f"{_shown(spec, given)} {error}") from None
    for item in value if isinstance(value, list) else [value]:
        choices = spec.get("choices")
        if choices and item not in choices:
            raise ValueError(f"{_shown(spec, item)} must be one of {', '.join(map(str, choices))}")
    return value


def _shown(spec: Spec, value: Any) -> str:
    if spec.get("no_log"):
        return "the value"
    try:
        text = repr(value)
    except ValueError:  # more digits than Python writes
        return "the number"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _text(spec: Spec, given: Any) -> str:
    if spec.get("no_log") and not isinstance(given, str):
        # As a number it may have lost its zeros: a secret is what was written, or it is refused.
        raise ValueError(f"is not text. {QUOTED}")
    # Where one choice alone is what YAML reads as a boolean, that was meant.
    words = [word for word in spec.get("choices") or () if isinstance(given, bool) and word in _WORDS[given]]
    return str(words[0]) if len(words) == 1 else text_of(given)


def _boolean(_spec: Spec, given: Any) -> bool:
    try:
        return bool(check_type_bool(given))
    except (TypeError, ValueError):
        raise ValueError("must be true or false") from None


def _integer(_spec: Spec, given: Any) -> int:
    if not isinstance(given, bool) and not (isinstance(given, str) and _too_long(given)):
        try:
            return int(check_type_int(given))
        except (TypeError, ValueError, OverflowError):
            pass
    raise ValueError("must be a whole number")


def _too_long(given: str) -> bool:
    """Whether the number has more digits than any that is meant, also those that an exponent stands for."""
    _, _, exponent = given.lower().partition("e")
    return len(given) > LONGEST_NUMBER or (exponent.strip("+-").isdigit() and int(exponent) > LONGEST_NUMBER)


def _float(_spec: Spec, given: Any) -> float:
    if not isinstance(given, bool):
        try:
            number = float(check_type_float(given))
        except (TypeError, ValueError, OverflowError):
            number = float("nan")
        if abs(number) < float("inf"):
            return number
    raise ValueError("must be a number")


def structure(given: str) -> Any:
    """A list or dictionary that was written as JSON or, as Ansible's INI files have it, as Python; else None."""
    if given.strip()[:1] not in ("[", "{"):
        return None
    for parse in (json.loads, ast.literal_eval):
        try:
            found = parse(given.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        if isinstance(found, (list, dict)):
            return found
    return None


def _raw(_spec: Spec, given: Any) -> Any:
    found = structure(given) if isinstance(given, str) else None
    return given if found is None else found


def _list(spec: Spec, given: Any) -> list[Any]:
    """Text is split at its commas, as Ansible does, unless it is a list written as JSON; no text is not an item."""
    items = given
    if isinstance(given, str):
        items = structure(given)
        if items is None:
            items = [item.strip() for item in given.split(",")] if given.strip() else []
    elif isinstance(given, tuple) or (isinstance(given, (int, float)) and not isinstance(given, bool)):
        items = list(given) if isinstance(given, tuple) else [given]
    if not isinstance(items, list):
        raise ValueError("must be a list")
    element = {
        **{key: spec[key] for key in ("options", "choices", "no_log") if key in spec},
        "type": spec.get("elements", "raw"),
    }
    if any(item is None for item in items):
        raise ValueError("has an item that is null. Leave the item out")
    return [read(element, item) for item in items]


def _dict(spec: Spec, given: Any) -> dict[str, Any]:
    if isinstance(given, str) and not given.strip():
        return {}
    try:
        found = dict(check_type_dict(given))
    except (TypeError, ValueError, RecursionError):
        raise ValueError("must be a dictionary") from None
    options = spec.get("options")
    if options is None:
        return found
    unknown = sorted(str(key) for key in found if key not in options)
    if unknown:
        raise ValueError(f"has no option {unknown[0]!r}. Known are {', '.join(sorted(options))}")
    problems: list[str] = []
    read_options: dict[str, Any] = read_all(options, found, problems)
    if problems:
        raise ValueError("; ".join(problem.rstrip(".") for problem in problems))
    return read_options


_READERS: dict[str, Callable[[Spec, Any], Any]] = {
    "str": _text,
    "path": _text,
    "bool": _boolean,
    "int": _integer,
    "float": _float,
    "list": _list,
    "dict": _dict,
    "raw": _raw,
}


def secrets_of(options: Mapping[str, Spec], values: Mapping[str, Any]) -> set[str]:
    """Every text of ``values``, as ``read_all`` gives them, that the spec says is secret (``no_log``)."""
    found: set[str] = set()
    for name, spec in options.items():
        value = values.get(name)
        items = value if isinstance(value, list) else [value]
        if spec.get("no_log"):
            found.update(str(item) for item in items if item)
        for item in items if spec.get("options") else []:
            found |= secrets_of(spec["options"], item or {})
    return found
