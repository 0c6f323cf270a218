# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception of this collection: its message is what the user reads."""

from __future__ import annotations


class NetmodeError(Exception):
    """A failure told for the person who must act on it: what, which option or container, why, and the way out."""


class NotFoundError(NetmodeError):
    """The engine does not know the object that was asked for (HTTP 404)."""


class UnreachableError(NetmodeError):
    """No answer came from the engine: it is not there, does not let this user in, or is silent."""


class NobodyListensError(UnreachableError):
    """There is no engine's socket, or nothing listens at it."""
