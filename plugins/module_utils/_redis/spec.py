# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of the configuration of a host's Redis instances."""

from __future__ import annotations

from typing import Any

from . import replication, sentinel

Json = dict[str, Any]

SECRET_DIRECTIVES = ("masterauth", "primaryauth", "user", "tls-key-file-pass", "tls-client-key-file-pass")
"""Directives of ``settings`` that hold a secret: written to the file, shown nowhere."""

_TRIAL = {
    "container": {"type": "dict", "required": True},
    "password": {"type": "str", "default": "", "no_log": True},
}
_TLS = {
    "pem": {"type": "str", "required": True, "no_log": True},
    "ca": {"type": "str", "required": True},
}
_UNAUTHENTICATED = {
    "reason": {"type": "str", "required": True},
    "networks": {"type": "list", "elements": "dict", "required": True},
    "ports": {"type": "list", "elements": "dict", "required": True},
}
INSTANCE_ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "directory": {"type": "path", "required": True},
    "socket_directory": {"type": "path"},
    "socket_mode": {"type": "str", "default": "770"},
    "volume": {"type": "str"},
    "uid": {"type": "int", "default": 999},
    "gid": {"type": "int", "default": 999},
    "lines": {"type": "list", "elements": "str", "default": []},
    "secrets": {"type": "list", "elements": "str", "default": [], "no_log": True},
    "operator": {"type": "bool", "default": False},
    "tls": {"type": "dict", "options": _TLS},
    "unauthenticated": {"type": "dict", "options": _UNAUTHENTICATED},
    "trial": {"type": "dict", "options": _TRIAL},
    "restart_allowed": {"type": "bool", "default": True},
    "left": {"type": "bool", "default": False},
    "replication": {"type": "dict", "options": replication.ARGUMENTS},
    "sentinel": {"type": "dict", "options": sentinel.ARGUMENTS},
}

ARGUMENTS: Json = {
    "socket_group": {"type": "str", "default": ""},
    "image_dir": {"type": "path"},
    "renewed": {"type": "list", "elements": "str", "default": []},
    "replaced": {"type": "list", "elements": "str", "default": []},
    "wait": {"type": "float", "default": 60},
    "instances": {"type": "list", "elements": "dict", "required": True, "options": INSTANCE_ARGUMENTS},
}
"""The options of the module ``redis_config``, but for those that say where the engine is."""

NODES: Json = {
    "nodes": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "instance": {"type": "str", "required": True},
            "replicas": {"type": "int", "default": 1},
            "accept_gap": {"type": "bool", "default": False},
        },
    },
    "wait": {"type": "float", "default": 60},
}
"""The nodes of clusters of a plan, and how many seconds one may take to be back in its cluster."""
