# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with an engine as it is observed, and the variables of the role docker_engine as they are read."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._daemon.plan import make_plan
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import read_variables

BRIDGE = {"name": "docker0", "subnet": "172.17.0.0/16", "gateway": "172.17.0.1", "ipv4": ["172.17.0.1/16"]}


def host(daemon_json: dict[str, Any] | None = None, **changed: Any) -> dict[str, Any]:
    """Debian with an engine that runs, but for what is changed."""
    text = "" if daemon_json is None else json.dumps(daemon_json)
    return {
        "root": True, "python": "/usr/bin/python3", "sdk": True,
        "distribution": "Debian", "distribution_version": "13", "init": "systemd", "needed": [],
        "unit": "docker.service", "dockerd": "/usr/sbin/dockerd", "validates": True, "pid": 412,
        "arguments": ["-H", "fd://"], "reads": None, "others": [],
        "docker_host": "unix:///var/run/docker.sock", "answers": True, "bridge": BRIDGE,
        "config": {"exists": bool(text), "mode": "0640" if text else None, "text": text}, "pending": "none",
        **changed,
    }  # fmt: skip


DOWN: dict[str, Any] = {"pid": None, "answers": False, "bridge": None}
NONE: dict[str, Any] = {**DOWN, "dockerd": None, "validates": False, "sdk": False, "needed": ["docker.io"]}


def desired(**variables: Any) -> dict[str, Any]:
    """The variables as they come to the host. ``variables``: those that are set, without ``docker_engine_``."""
    given = {f"docker_engine_{name}": value for name, value in variables.items()}
    read: dict[str, Any] = json.loads(json.dumps(read_variables("docker_engine", given, []), default=str))
    return read


def plan(found: dict[str, Any], **variables: Any) -> dict[str, Any]:
    """What the role has to do there."""
    return make_plan(found, desired(**variables))
