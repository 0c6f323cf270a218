# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan for networks needs to know: the engine's defaults, the host's links and routes, who is on it."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine import dockerd
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError

from .compare import Daemon
from .plan import (
    Attachment,
    Host,
    Route,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
    from ansible_collections.netmode.docker.plugins.module_utils._kernel.netlink import Netlink

    from .spec import (
        Network,
    )


def observe_daemon(api_version: str, arguments: list[str]) -> Daemon:
    """The engine's defaults for new networks: it tells them nowhere, so its file is read; no file, no such defaults.

    ``arguments``: what it was started with.
    """
    config = dockerd.configuration(arguments)
    pools = config.get("default-address-pools") or []
    return Daemon(
        api=tuple(int(part) for part in api_version.split(".")),
        options=config.get("default-network-opts") or {},
        ipv6_pools=any(":" in str(pool.get("base", "")) for pool in pools),
    )


def observe_host() -> Host:
    """Links, routes, and the networks of the links' own addresses: a link that is down has no route, but comes up."""
    from ansible_collections.netmode.docker.plugins.module_utils._kernel.netlink import Netlink  # noqa: PLC0415 (rarely needed)

    with Netlink() as kernel:
        links = {link["ifindex"]: link for link in kernel.links()}
        addresses = kernel.addresses()
        routes = list(_routes(kernel, links))
    on_link = []
    for item in addresses:
        network = ipaddress.ip_interface(item["address"]).network
        link = links.get(item["ifindex"])
        if link and not link["loopback"] and not network.is_link_local:
            on_link.append(Route(network, link["name"], ""))
    owned: dict[int, list[ipaddress.IPv4Interface]] = {}
    for item in addresses:
        address = ipaddress.ip_interface(item["address"])
        if isinstance(address, ipaddress.IPv4Interface):
            owned.setdefault(item["ifindex"], []).append(address)
    return Host(
        routes=(*on_link, *routes),
        links=frozenset(link["name"] for link in links.values()),
        bridges={link["name"]: tuple(owned.get(key, ())) for key, link in links.items() if link["kind"] == "bridge"},
    )


def _routes(kernel: Netlink, links: dict[int, dict[str, Any]]) -> Iterable[Route]:
    """Those of the main table that lead somewhere in particular, of both families."""
    for family in (socket.AF_INET, socket.AF_INET6):
        for route in kernel.routes(family):
            subnet, link = ipaddress.ip_network(route["destination"]), links.get(route["ifindex"])
            local = subnet.version == 6 and (subnet.is_link_local or subnet.is_multicast)
            if link and not link["loopback"] and subnet.prefixlen > 1 and not local:
                yield Route(subnet, link["name"], route["gateway"] or "")


def observe_attachments(engine: Engine, networks: list[Network]) -> dict[str, tuple[Attachment, ...]]:
    """By network id, every container on it. A stopped one counts: it keeps the id and cannot start without it."""
    found: dict[str, list[Attachment]] = {network.id: [] for network in networks}
    if not found:
        return {}
    for item in engine.get("/containers/json", all=True):
        endpoints = (item.get("NetworkSettings") or {}).get("Networks") or {}
        on = [network for network in networks if _endpoint(endpoints, network)]
        if not on:
            continue
        try:
            details = engine.get(f"/containers/{item['Id']}/json")
        except NotFoundError:  # removed since the list was made
            continue
        for network in on:
            endpoint = _endpoint(details["NetworkSettings"]["Networks"] or {}, network)
            if endpoint:
                found[network.id].append(_attachment(details, endpoint))
    for network in networks:
        _refuse_unknown_endpoints(engine, network, found[network.id])
    return {key: tuple(items) for key, items in found.items()}


def _endpoint(endpoints: dict[str, Any], network: Network) -> dict[str, Any] | None:
    """The container's endpoint on that network. One not started since it was connected has no network id yet."""
    for key in (network.name, network.id):
        endpoint: dict[str, Any] | None = endpoints.get(key)
        if endpoint and endpoint.get("NetworkID") in ("", None, network.id):
            return endpoint
    return None


def _attachment(details: dict[str, Any], endpoint: dict[str, Any]) -> Attachment:
    return Attachment(
        container_id=details["Id"],
        container=details["Name"].lstrip("/"),
        state=details["State"]["Status"],
        network_mode=details["HostConfig"]["NetworkMode"],
        config_mac=details["Config"].get("MacAddress") or "",
        endpoint=endpoint,
    )


def _refuse_unknown_endpoints(engine: Engine, network: Network, known: list[Attachment]) -> None:
    ids = {item.container_id for item in known}
    endpoints = engine.get(f"/networks/{network.id}").get("Containers") or {}
    strangers = sorted(value.get("Name") or key[:12] for key, value in endpoints.items() if key not in ids)
    if strangers:
        raise NetmodeError(
            f"network {network.name}: endpoints that are no container's are on it: {', '.join(strangers)}. "
            f"Remove them first: docker network disconnect --force {network.name} {strangers[0]}"
        )
