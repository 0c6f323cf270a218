# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception of this collection: its message is what the user reads."""

from __future__ import annotations

from typing import Any


class NetmodeError(Exception):
    """A failure told for the person who must act on it: what, which option or container, why, and the way out.

    ``more``: what a module returns beside that, for its own part on the controller.
    """

    def __init__(self, message: str = "", **more: Any) -> None:
        super().__init__(message)
        self.more = more


class NotFoundError(NetmodeError):
    """The engine does not know the object that was asked for (HTTP 404)."""


class UnreachableError(NetmodeError):
    """No answer came from the engine: it is not there, does not let this user in, or is silent."""


class NobodyListensError(UnreachableError):
    """There is no engine's socket, or nothing listens at it."""
