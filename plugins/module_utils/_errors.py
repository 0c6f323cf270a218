# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception of this collection: its message is what the user reads."""

from __future__ import annotations


class NetmodeError(Exception):
    """A failure told for the person who must act on it: what, which option or container, why, and the way out."""


class NotFoundError(NetmodeError):
    """The engine does not know the object that was asked for (HTTP 404)."""
