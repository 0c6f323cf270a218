# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a Redis Cluster on each of the lab's hosts: what the role is told of them, and what they say."""

from __future__ import annotations

from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster.nodes import Node, parse
from hosts import HOSTS, STATE, done, on, run_play

PASSWORD = "lab-password"
NAMES = ("c0", "c1", "c2")
PORTS = {"c0": 6390, "c1": 6391, "c2": 6392}
MODES: dict[str, dict[str, dict[str, Any]]] = {
    "host": {name: {"network_mode": "host"} for name in NAMES},
    "bridge": {
        name: {"network_mode": "bridge", "ports": [f"{port}:{port}", f"{port + 10000}:{port + 10000}"]}
        for name, port in PORTS.items()
    },
}


def variables(mode: str, names: tuple[str, ...] = NAMES[:2], **more: Any) -> dict[str, Any]:
    own = {"cluster": "cache", "appendfsync": "always", "tls": "off", "tls_port": 0, "bind": ["*"], **more}
    return {
        "redis_instances": [{"name": name, "port": PORTS[name], **own, **MODES[mode][name]} for name in names],
        "redis_companions": [],
        "redis_password": PASSWORD,
        "redis_allowed_sources": [],
        "redis_tls_ca_dir": str(STATE / "redis-tls"),
        "target": "all",
    }


def redis(host: str, name: str, *words: str, password: str = PASSWORD) -> str:
    command = ("redis-cli", "-s", f"/var/lib/netmode/redis/{name}/redis.sock", *words)
    return on(host).run(*command, env={"REDISCLI_AUTH": password}).stdout.strip()


def nodes(host: str = HOSTS[0], name: str = "c0") -> tuple[Node, ...]:
    return parse(redis(host, name, "cluster", "nodes"))


def remove(*names: str) -> None:
    """Containers of these names, else all nodes, with their data."""
    names = names or NAMES
    tasks: list[dict[str, Any]] = [
        {"netmode.docker.containers": {"containers": [{"name": name, "state": "absent"} for name in names]}},
        {"netmode.docker.volumes": {"volumes": [{"name": f"{name}-data", "state": "absent"} for name in names]}},
    ]
    done(run_play([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    for host in HOSTS:
        on(host).sh("rm -rf " + " ".join(f"/etc/netmode/redis/{name} /var/lib/netmode/redis/{name}" for name in names))
