# SPDX-License-Identifier: GPL-3.0-or-later
"""``redis_cluster`` on the controller: what makes a node of an instance, where the other nodes reach it, and refusals.

A node is reached at two ports, its own and that of the cluster's bus, and both clients and the other nodes go to where
it announces itself. So its network mode has to let both through from everywhere.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._redis.exposure import published
from ansible_collections.netmode.docker.plugins.module_utils._redis.listeners import (
    BUS_OFFSET,
    directives,
    needs_operator,
)
from ansible_collections.netmode.docker.plugins.module_utils._redis.tls import ports_of
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_replication import (
    AS_DEFAULT,
    Peers,
    UnfitError,
    announced,
    refuse_empty,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._redis.problems import Problems, Settings
    from ansible_collections.netmode.docker.plugins.plugin_utils._redis_replication import Host

HIGHEST_PORT = 65535 - BUS_OFFSET
"""The bus is that far above it."""


NONE: Mapping[str, Mapping[str, Any]] = MappingProxyType({})


def cluster(
    instances: list[Settings], own: Host, problems: Problems, hosts: Mapping[str, Mapping[str, Any]] = NONE
) -> list[dict[str, Any]]:
    """The nodes of this host, each with where it is reached. Their ``settings`` get what makes nodes of them.

    ``hosts``: the variables of all hosts, as they are given, where it is to be known who has nodes of the same cluster.
    """
    nodes = []
    for instance in instances:
        if not instance["cluster"] or instance["state"] == "absent":
            continue
        try:
            _refuse(instance)
            node = _node(instance, own)
            _refuse_apart(instance, node, own, hosts)
        except UnfitError as error:
            problems.add(instance["name"], *error.args)
            continue
        instance["settings"] = {**settings_of(instance, node), **instance["settings"]}
        nodes.append(node)
    return nodes


def nodes_of(instances: list[Settings], wait: int) -> dict[str, Any]:
    """What a host is told of those that are nodes, for when their containers are to go."""
    nodes = [
        {"instance": one["name"], "replicas": one["cluster_replicas"], "accept_gap": one["cluster_accept_gap"]}
        for one in instances
        if one["cluster"] and one["state"] != "absent"
    ]
    return {"nodes": nodes, "wait": wait}


def _refuse(instance: Settings) -> None:
    if instance["replica_of"]:
        raise UnfitError(
            "replica_of",
            "in a cluster the nodes share out who follows whom. Leave it out, and say redis_cluster_replicas.",
        )
    if needs_operator(instance) and "masteruser" not in directives(instance):
        raise UnfitError(
            "cluster",
            f"its user default is off or limited, {AS_DEFAULT} Give it +info +cluster|failover as well: a node whose "
            "container goes has its replica take over as that user.",
        )
    refuse_empty(instance)


def _node(instance: Settings, own: Host) -> dict[str, Any]:
    ports = ports_of(instance)
    port, name = ports.tls or ports.plain, str(instance["name"])
    inner = _number(instance, "cluster-port") or port + BUS_OFFSET
    if inner > HIGHEST_PORT + BUS_OFFSET:
        raise UnfitError(
            "port",
            f"{port}: the cluster's bus is {BUS_OFFSET} above it, and {inner} is too high. Give a port up to "
            f"{HIGHEST_PORT}.",
        )
    others = f"the other nodes of the cluster {instance['cluster']}"
    there = announced(own, name, Peers("cluster", others, "its nodes", f"its port and {inner}"), near=True)
    owner = own.namespaces.owner(name)
    is_published = owner != "(host)" and own.namespaces.knows(owner) and own.namespaces.published_by(owner)
    bus = _published(instance, own, owner, inner) if is_published else inner
    return {
        "instance": name, "cluster": str(instance["cluster"]), "replicas": instance["cluster_replicas"],
        "address": there.place.host, "port": there.place.port, "bus": bus, "tls": bool(ports.tls),
        "apart": not there.elsewhere,
    }  # fmt: skip


def _refuse_apart(instance: Settings, node: dict[str, Any], own: Host, hosts: Mapping[str, Mapping[str, Any]]) -> None:
    if not node["apart"]:
        return
    for host, given in hosts.items():
        others = [one for one in given.get("redis_instances") or () if hasattr(one, "get")]
        named = [given.get("redis_cluster"), *(one.get("cluster") for one in others)]
        if host != own.name and node["cluster"] in named:
            raise UnfitError(
                "network_mode",
                f"{instance['network_mode']}: it is reached on {own.name} alone, and {host} has nodes of the cluster "
                f"{node['cluster']} too. Use host mode, or publish its port and that of its bus (redis_ports).",
            )


def _number(instance: Settings, directive: str) -> int:
    given = directives(instance).get(directive, [""])[-1]
    return int(given) if given.isdecimal() else 0


def _published(instance: Settings, own: Host, owner: str, inner: int) -> int:
    for item in published(own.namespaces.published_by(owner)):
        if item.inner == inner and len(item.host) == 1:
            return item.host.start
    raise UnfitError(
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
