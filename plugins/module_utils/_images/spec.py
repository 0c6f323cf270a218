# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of the images of a host."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_USER = {
    "name": {"type": "str", "required": True},
    "uid": {"type": "int", "required": True},
    "gid": {"type": "int", "required": True},
    "home": {"type": "str", "default": "/nonexistent"},
}
_DIRECTORY = {
    "path": {"type": "str", "required": True},
    "uid": {"type": "int", "default": 0},
    "gid": {"type": "int", "default": 0},
    "mode": {"type": "raw", "default": "0755"},
}
IMAGE_ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "only_made_here": {"type": "bool", "default": False},
    "source": {"type": "str", "choices": ["pull", "archive", "packages"], "default": "pull"},
    "pull_policy": {"type": "str", "choices": ["missing", "always"], "default": "missing"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "archive": {"type": "path"},
    "archive_id": {"type": "str"},
    "packages": {"type": "list", "elements": "str", "default": []},
    "suite": {"type": "str", "default": "stable"},
    "mirror": {"type": "str", "default": ""},
    "command": {"type": "list", "elements": "str", "default": []},
    "users": {"type": "list", "elements": "dict", "default": [], "options": _USER},
    "directories": {"type": "list", "elements": "dict", "default": [], "options": _DIRECTORY},
}

ARGUMENTS: Json = {
    "pending": {"type": "list", "elements": "str", "default": []},
    "ask_registries": {"type": "bool", "default": True},
    "images": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": IMAGE_ARGUMENTS,
        "required_if": [("source", "archive", ["archive"])],
    },
}
"""The options of the module ``images``, but for those that say where the engine is."""
