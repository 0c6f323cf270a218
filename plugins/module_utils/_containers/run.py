# SPDX-License-Identifier: GPL-3.0-or-later
"""What the steps of a plan share while they are taken."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine


class Watch(Protocol):
    """Looks at what runs in a container that another one replaces."""

    def before_stop(self, name: str, container: str) -> None:
        """The last look at the old one, which runs. NetmodeError: it goes on running."""

    def started(self, name: str, container: str) -> None:
        """The new one was started. NetmodeError: the old one comes back."""

    def put_back(self, name: str, container: str) -> None:
        """The old one is about to be started again. NetmodeError: it is not."""


class Turn(Protocol):
    """Has others do what a container does before it is stopped, and lets the next one go once it is back."""

    def leave(self, name: str, container: str) -> None:
        """It is about to be stopped. NetmodeError: it goes on running."""

    def returned(self, name: str) -> None:
        """It was started, or its place taken. NetmodeError: nothing more is done."""


class Run:
    """``ids`` and ``replaced`` tell which new container those that join another are to join."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ids: dict[str, str] = {}
        """Name → id of what this run made, for the sharers of it."""
        self.replaced: dict[str, str] = {}
        """Id of a container → id of the one that takes its place."""
        self.unused: dict[str, str] = {}
        """Name → id of what this run made and has not put into its place yet."""
        self.warnings: list[str] = []
        """What went well enough to go on but should be known."""
        self.between: Mapping[str, Callable[[], None]] = MappingProxyType({})
        """Name → what is done while its container is stopped, before it starts. NetmodeError: it starts as it was."""
        self.watch: Watch | None = None
        self.turn: Turn | None = None

    def before_start(self, name: str) -> None:
        if name in self.between:
            self.between[name]()
