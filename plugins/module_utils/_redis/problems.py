# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of an instance, and what is wrong with them: all of it at once, in the words of the role's variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Settings = dict[str, Any]
"""All variables of the role redis that are an instance's, without ``redis_``, each of its type."""


class Problems:
    """Collects what is wrong, so that all of it is told at once: host, instance, option, why, and the way out."""

    def __init__(self, host: str, told: Iterable[str] = ()) -> None:
        self.host = host
        self.told = list(told)

    def add(self, name: str, option: str, why: str) -> None:
        self.told.append(f"{self.host}: instance {name}: {option}: {why}")
