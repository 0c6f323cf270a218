# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads values by an argument spec, from YAML, INI files, ``-e key=value`` and JSON alike, each as what was meant.

Numbers, booleans and dictionaries are read by Ansible's own rules. What YAML has changed beyond recognition is refused
instead of guessed: ``yes`` or ``1.10`` where text is wanted, which may have been ``"on"`` or ``"1.1"``.
"""

from __future__ import annotations

import ast
import copy
import json
import re
from collections.abc import Mapping
from typing import Any, Callable

from ansible.module_utils.common.validation import check_type_bool, check_type_dict, check_type_float, check_type_int
from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE

from .text import LONGEST_NUMBER, QUOTED, kind_of, text_of

Spec = Mapping[str, Any]
"""One option of an argument spec: ``type``, ``elements``, ``options``, ``choices``, ``default``, ``no_log``.

Of a number also ``bounds``: the least and the greatest, or None for no greatest.
"""

_WORDS = {True: BOOLEANS_TRUE, False: BOOLEANS_FALSE}
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,62}", re.ASCII)
"""What may stand in a list in the place of the entry of that name, and is no secret."""


class ItemError(ValueError):
    """What is wrong with an item of a list, and which one it is: ``[0]``, or ``[0][2]`` in a list of lists."""

    def __init__(self, at: str, why: str) -> None:
        super().__init__(f"{at}: {why}")
        self.at = at
        self.why = why


def placed(name: str, error: ValueError) -> tuple[str, str]:
    """(the option or the item of it, why it is refused as a sentence) of what ``read`` has raised for ``name``."""
    return (f"{name}{error.at}", f"{error.why}.") if isinstance(error, ItemError) else (name, f"{error}.")


def read_all(options: Mapping[str, Spec], given: Mapping[str, Any], problems: list[str], where: str = "") -> Any:
    """Every option, read; what is not given, or null, is the default. What is wrong goes to ``problems``."""
    found = {}
    for name, spec in options.items():
        try:
            found[name] = read(spec, given.get(name))
        except ValueError as error:
            problems.append(where + ": ".join(placed(name, error)))
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
    if spec.get("no_log") and not isinstance(given, (str, list, tuple, Mapping)):
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


def _integer(spec: Spec, given: Any) -> int:
    if not isinstance(given, bool) and not (isinstance(given, str) and _too_long(given)):
        try:
            return int(_within(spec, int(check_type_int(given))))
        except (TypeError, ValueError, OverflowError):
            pass
    raise ValueError(f"must be a whole number{_bounds(spec)}")


def _within(spec: Spec, number: Any) -> Any:
    least, greatest = spec.get("bounds") or (number, None)
    if number < least or (greatest is not None and number > greatest):
        raise ValueError
    return number


def _bounds(spec: Spec) -> str:
    if not spec.get("bounds"):
        return ""
    least, greatest = spec["bounds"]
    return f", {least} or more" if greatest is None else f" from {least} to {greatest}"


def _too_long(given: str) -> bool:
    """Whether the number has more digits than any that is meant, also those that an exponent stands for."""
    _, _, exponent = given.lower().partition("e")
    return len(given) > LONGEST_NUMBER or (exponent.strip("+-").isdigit() and int(exponent) > LONGEST_NUMBER)


def _float(spec: Spec, given: Any) -> float:
    if not isinstance(given, bool):
        try:
            number = float(_within(spec, float(check_type_float(given))))
        except (TypeError, ValueError, OverflowError):
            number = float("nan")
        if abs(number) < float("inf"):
            return number
    raise ValueError(f"must be a number{_bounds(spec)}")


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
        raise ValueError(f"must be a list, not {kind_of(items)}. Write - before each of its items")
    element = {
        **{key: spec[key] for key in ("options", "choices", "no_log") if key in spec},
        "type": spec.get("elements", "raw"),
    }
    return [_item(element, index, item) for index, item in enumerate(items)]


def _item(spec: Spec, index: int, given: Any) -> Any:
    at = f"[{index}]"
    if given is None:
        raise ItemError(at, "is null. Leave the item out")
    if spec["type"] == "dict" and not spec.get("no_log") and isinstance(given, str) and _NAME.fullmatch(given):
        key = _key_of(spec)
        raise ItemError(at, f"{given!r} must be a dictionary. Write it as - {key}: {given}")
    try:
        return read(spec, given)
    except ItemError as error:
        raise ItemError(at + error.at, error.why) from None
    except ValueError as error:
        raise ItemError(at, str(error)) from None


def _key_of(spec: Spec) -> str:
    """The option by which an entry is known: ``name``, or else the first that it cannot be without."""
    options = spec.get("options") or {"name": {}}
    required = (name for name, option in options.items() if option.get("required"))
    return "name" if "name" in options else next(required, next(iter(options)))


def _dict(spec: Spec, given: Any) -> dict[str, Any]:
    if isinstance(given, str) and not given.strip():
        return {}
    try:
        found = dict(check_type_dict(given))
    except (TypeError, ValueError, RecursionError):
        raise ValueError(f"must be a dictionary, not {kind_of(given)}. Write it as key: value") from None
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
