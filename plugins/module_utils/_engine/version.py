# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of the engine, comparable."""

from __future__ import annotations


def version(text: str) -> tuple[int, ...]:
    """``20.10.24+dfsg1`` → (20, 10, 24)."""
    numbers = []
    for part in text.replace("+", ".").replace("-", ".").split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)
