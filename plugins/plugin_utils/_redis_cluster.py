# SPDX-License-Identifier: GPL-3.0-or-later
"""``redis_cluster`` on the controller: what makes a node of an instance, where the other nodes reach it, and refusals.

A node is reached at two ports, its own and that of the cluster's bus, and both clients and the other nodes go to where
it announces itself. So its network mode has to let both through from everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import is_address
from ansible_collections.netmode.docker.plugins.module_utils._redis.exposure import published
from ansible_collections.netmode.docker.plugins.module_utils._redis.listeners import (
    BUS_OFFSET,
    directives,
    needs_operator,
)
from ansible_collections.netmode.docker.plugins.module_utils._redis.tls import ports_of
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_replication import (
    AS_DEFAULT,
    comes_back_empty,
    is_local,
    reached,
)

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._redis.problems import Problems, Settings
    from ansible_collections.netmode.docker.plugins.plugin_utils._redis_replication import Host

HIGHEST_PORT = 65535 - BUS_OFFSET
"""The bus is that far above it."""


class _NoNodeError(Exception):
    """The option that is wrong, and why with what to do."""


def cluster(instances: list[Settings], own: Host, problems: Problems) -> list[dict[str, Any]]:
    """The nodes of this host, each with where it is reached. Their ``settings`` get what makes nodes of them."""
    nodes = []
    for instance in instances:
        if not instance["cluster"] or instance["state"] == "absent":
            continue
        try:
            _refuse(instance)
            node = _node(instance, own)
        except _NoNodeError as error:
            problems.add(instance["name"], *error.args)
            continue
        instance["settings"] = {**settings_of(instance, node), **instance["settings"]}
        nodes.append(node)
    return nodes


def _refuse(instance: Settings) -> None:
    if instance["replica_of"]:
        raise _NoNodeError(
            "replica_of",
            "in a cluster the nodes share out who follows whom. Leave it out, and say redis_cluster_replicas.",
        )
    if needs_operator(instance) and "masteruser" not in directives(instance):
        raise _NoNodeError(
            "cluster",
            f"its user default is off or limited, {AS_DEFAULT}",
        )
    if comes_back_empty(instance):
        raise _NoNodeError(
            "save",
            f"it keeps nothing (redis_appendonly: false, redis_save: []), so that a restart (redis_restart: "
            f"{instance['restart']}) brings a master back empty and empties its replicas. Have it keep its data, or "
            "set redis_restart to 'no'.",
        )


def _node(instance: Settings, own: Host) -> dict[str, Any]:
    ports = ports_of(instance)
    port, name = ports.tls or ports.plain, str(instance["name"])
    inner = _number(instance, "cluster-port") or port + BUS_OFFSET
    if inner > HIGHEST_PORT + BUS_OFFSET:
        raise _NoNodeError(
            "port",
            f"{port}: the cluster's bus is {BUS_OFFSET} above it, and {inner} is too high. Give a port up to "
            f"{HIGHEST_PORT}.",
        )
    there = reached(own, name)
    if is_local(own.address) and (
        there is None or is_local(there.place.host) or own.namespaces.owner(name) == "(host)"
    ):
        raise _NoNodeError(
            "cluster",
            f"the other nodes of the cluster {instance['cluster']} reach {own.name} at no address but {own.address}, "
            f"which is that host itself. Set redis_address of {own.name} to its IP address.",
        )
    if there is None or not there.elsewhere:
        raise _NoNodeError(
            "network_mode",
            f"{instance['network_mode']}: the other nodes of the cluster {instance['cluster']} do not reach it. Use "
            f"host mode, or publish its port and {inner} (redis_ports), or give it an interface of a network "
            f"that all hosts reach, and set redis_address of {own.name} to its address.",
        )
    address = there.place.host
    if not is_address(address):
        raise _NoNodeError(
            "cluster",
            f"its nodes go by addresses, and this one is reached at {address!r}. Set redis_address of {own.name} to an "
            "IP address.",
        )
    owner = own.namespaces.owner(name)
    is_published = owner != "(host)" and own.namespaces.knows(owner) and own.namespaces.published_by(owner)
    bus = _published(instance, own, owner, inner) if is_published else inner
    return {
        "instance": name, "cluster": str(instance["cluster"]), "replicas": instance["cluster_replicas"],
        "address": address, "port": there.place.port, "bus": bus, "tls": bool(ports.tls),
    }  # fmt: skip


def _number(instance: Settings, directive: str) -> int:
    given = directives(instance).get(directive, [""])[-1]
    return int(given) if given.isdecimal() else 0


def _published(instance: Settings, own: Host, owner: str, inner: int) -> int:
    for item in published(own.namespaces.published_by(owner)):
        if item.inner == inner and len(item.host) == 1:
            return item.host.start
    raise _NoNodeError(
        "ports",
        f"the other nodes reach its port and not its bus. Publish {inner} as well: '{inner}:{inner}'"
        f"{'' if owner == instance['name'] else f' of {owner}, whose network it has'}.",
    )


def settings_of(instance: Settings, node: dict[str, Any]) -> dict[str, Any]:
    """The address is what the others and clients are told: without one a node tells that by which it was met."""
    ports, tls = ports_of(instance), node["tls"]
    found: dict[str, Any] = {
        "cluster-enabled": "yes",
        "cluster-config-file": "nodes.conf",
        "cluster-announce-ip": node["address"],
        "cluster-announce-bus-port": node["bus"],
        "cluster-announce-port": 0 if tls and not ports.plain else node["port"],
    }
    if tls:
        found.update({"cluster-announce-tls-port": node["port"], "tls-cluster": "yes", "tls-replication": "yes"})
        if ports.plain:
            del found["cluster-announce-port"]
    if instance["password"]:
        found["masterauth"] = instance["password"]
    return found
