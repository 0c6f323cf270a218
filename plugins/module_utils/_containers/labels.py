# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose the labels of a container are.

A label is the list's where the list gives it, else the image's where the image brings it. What is left is drift, but
for two kinds: this collection's own notes, and those that the tools of Docker keep on what they made, such as Compose's
``com.docker.compose.project``. Docker reserves namespaces for that (docs.docker.com: Docker object labels).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "netmode.docker.name"
"""Carries the name of the list entry, so that a container renamed manually is found again."""

CONFIGS = "netmode.docker.configs"
"""Carries the paths of the files that were written into the container, so that one taken out of the list is noticed."""

SERVICE = "com.docker.compose.service"
"""Carries the name by which the other services of a Compose project call the container."""

RESERVED = ("com.docker.", "io.docker.", "org.dockerproject.")
"""Namespaces of the tools of Docker."""

Labels = dict[str, Any]


def to_compare(labels: Mapping[str, Any] | None) -> Labels:
    """Without this collection's own notes."""
    return {key: value for key, value in (labels or {}).items() if key not in (NAME, CONFIGS)}


def without_notes(current: Mapping[str, Any] | None, wanted: Mapping[str, Any] | None) -> Labels:
    """A container's labels without the notes of tools that neither its list entry nor its image asks for."""
    asked = wanted or {}
    return {key: value for key, value in (current or {}).items() if key in asked or not key.startswith(RESERVED)}


def notes(current: Mapping[str, Any] | None, image: Mapping[str, Any] | None) -> Labels:
    """The notes of tools on a container, which its successor keeps; what its ``image`` brought is the image's."""
    own = (current or {}).items() - (image or {}).items()
    return {key: value for key, value in own if key.startswith(RESERVED)}
