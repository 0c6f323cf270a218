# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks: reads what a plan needs from the engine and the kernel, and carries a plan's steps out."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._compose.names import MADE_LABEL
from ansible_collections.netmode.docker.plugins.module_utils._engine import dockerd, plugins
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone, undisturbed

from .compare import Daemon
from .plan import (
    Around,
    Attachment,
    Change,
    Host,
    Route,
    Step,
    compare,
    steps,
)
from .spec import (
    Entry,
    Network,
    parse_list,
    parse_present,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ansible_collections.netmode.docker.plugins.module_utils._kernel.netlink import Netlink


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The module's work from its parameters to its result. Raises NetmodeError."""
    entries = parse_list(params["networks"])
    engine = Engine(params["docker_host"], params["timeout"])
    pending = params["pending"] if check_mode else ()
    found = undisturbed("containers", engine.docker_host, lambda: _planned(engine, entries, pending))
    if not found.steps or check_mode:
        return _result(found.changes, found.steps, found.attachments, found.ids)
    engine.require_sdk()
    who = "netmode.docker.networks: " + ", ".join(change.name for change in found.changes)
    with alone("containers", who, engine.docker_host):  # a network that is recreated takes its containers along
        found = _planned(engine, entries)  # whoever had the lock may have changed it
        found.ids.update((step.change.name, apply(engine, step)) for step in found.steps)
    return _result(found.changes, found.steps, found.attachments, found.ids)


class _Plan(NamedTuple):
    changes: list[Change]
    steps: list[Step]
    attachments: dict[str, tuple[Attachment, ...]]
    ids: dict[str, str]
    """Network name → id, empty where it is not there."""


def _planned(engine: Engine, entries: list[Entry], leaving: Collection[str] = ()) -> _Plan:
    """``leaving``: containers that a task before this one would remove."""
    networks = [parse_present(raw) for raw in engine.get("/networks")]
    arguments = next(iter(dockerd.serving(engine.docker_host).values()), [])
    daemon = observe_daemon(engine.api_version, arguments)
    changes = compare(entries, networks, daemon)
    ids = {change.name: change.current.id if change.current else "" for change in changes}
    if all(change.kind == "none" for change in changes):
        return _Plan(changes, [], {}, ids)
    for change in changes:
        if change.kind in ("create", "recreate"):
            where = f"network {change.name}: ipam.driver"
            plugins.refuse_missing(engine, where, change.entry.network.ipam_driver, ("default", "null"))
    going = [change.current for change in changes if change.current and change.kind != "none"]
    attachments = {
        key: tuple(one for one in attached if one.container not in leaving)
        for key, attached in observe_attachments(engine, going).items()
    }
    changes = [_spared(change, attachments) for change in changes]
    return _Plan(changes, steps(changes, Around(daemon, observe_host(), networks, attachments)), attachments, ids)


def _spared(change: Change, attachments: dict[str, tuple[Attachment, ...]]) -> Change:
    """One that is to go where only this module's containers are on it stays for the sake of others."""
    used = change.kind == "remove" and change.current and attachments[change.current.id]
    return change._replace(kind="none", reasons=()) if used and change.entry.only_made_here else change


def _result(
    changes: list[Change], plan: list[Step], attachments: dict[str, tuple[Attachment, ...]], ids: dict[str, str]
) -> dict[str, Any]:
    actions = {step.change.name: step.actions for step in plan}
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for change in changes:
        name = change.name
        if change.kind == "none":
            continue
        attached = sorted(item.container for item in attachments.get(change.current.id if change.current else "", ()))
        if change.current:
            before[name] = _described(change.current, attached)
        if change.kind != "remove":
            after[name] = _described(change.entry.network, attached)
    return {
        "changed": bool(plan),
        "left": [
            change.name
            for change in changes
            if change.entry.state == "absent" and change.kind == "none" and change.current
        ],
        "networks": {
            change.name: {
                "id": ids[change.name],
                "changed": change.kind != "none",
                "actions": actions.get(change.name, []),
                "reasons": list(change.reasons),
            }
            for change in changes
        },
        "diff": {"before": before, "after": after},
    }


def _described(network: Network, attached: list[str]) -> dict[str, Any]:
    return {
        "driver": network.driver,
        "driver_opts": network.options,
        "ipam": {
            "driver": network.ipam_driver,
            "options": network.ipam_options,
            "config": [_pool_body(pool) for pool in network.pools],
        },
        "internal": network.internal,
        "attachable": network.attachable,
        "enable_ipv4": network.ipv4,
        "enable_ipv6": network.ipv6,
        "labels": network.labels,
        "containers": attached,
    }


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


def apply(engine: Engine, step: Step) -> str:
    """Carries one step out. The network's id, empty once it is removed."""
    network, current = step.change.entry.network, step.change.current
    if step.change.kind == "create":
        return _create(engine, network)
    if current is None:
        raise NetmodeError(f"network {network.name}: there is nothing to {step.change.kind}.")
    if step.change.kind == "remove":
        _remove(engine, current)
        return ""
    return _recreate(engine, step, current)


def _recreate(engine: Engine, step: Step, current: Network) -> str:
    try:
        for item in step.attachments:
            _disconnect(engine, current, item)
        _remove(engine, current)
        new = _create(engine, step.change.entry.network)
        for item in step.attachments:
            _connect(engine, step.change.entry.network, new, item)
    except NetmodeError as error:
        names = ", ".join(item.container for item in step.attachments) or "none"
        try:
            _put_back(engine, step, current)
        except NetmodeError as second:
            raise NetmodeError(
                f"{_sentence(error)} Putting the old network back failed as well: {_sentence(second)} "
                f"Containers that were on it: {names}. Fix the cause, run again, and connect those that are off it."
            ) from error
        raise NetmodeError(
            f"{_sentence(error)} The network is again as it was, with its containers: {names}."
        ) from error
    return new


def _sentence(error: NetmodeError) -> str:
    return str(error).rstrip(".") + "."


def _put_back(engine: Engine, step: Step, current: Network) -> None:
    """The old network with its containers, from whatever state a failed recreate left."""
    by_name = [item for item in engine.get("/networks") if item["Name"] == current.name]
    old_id = next((item["Id"] for item in by_name if item["Id"] == current.id), "")
    if not old_id:
        for item in by_name:
            new = current._replace(id=item["Id"])
            for attachment in step.attachments:
                _disconnect(engine, new, attachment)
            _remove(engine, new)
        old_id = _create(engine, current)
    attached = observe_attachments(engine, [current._replace(id=old_id)])[old_id]
    on_it = {item.container_id for item in attached}
    for attachment in step.attachments:
        if attachment.container_id not in on_it:
            _connect(engine, current, old_id, attachment)


def _create(engine: Engine, network: Network) -> str:
    body = {
        "Name": network.name,
        "CheckDuplicate": True,
        "Driver": network.driver,
        "Options": network.options,
        "IPAM": {
            "Driver": network.ipam_driver,
            "Options": network.ipam_options,
            "Config": [_pool_body(pool) for pool in network.pools],
        },
        "Internal": network.internal,
        "Attachable": network.attachable,
        "EnableIPv6": network.ipv6,
        "Labels": {**network.labels, MADE_LABEL: ""},
    }
    if not network.ipv4:
        body["EnableIPv4"] = False
    answer = engine.post(f"network {network.name}: create", "/networks/create", body)
    return str(answer["Id"])


def _pool_body(pool: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"Subnet": str(pool.subnet)}
    if pool.ip_range:
        body["IPRange"] = str(pool.ip_range)
    if pool.gateway:
        body["Gateway"] = str(pool.gateway)
    if pool.aux:
        body["AuxiliaryAddresses"] = {name: str(address) for name, address in pool.aux.items()}
    return body


def _remove(engine: Engine, network: Network) -> None:
    with engine.changing(f"network {network.name}: remove") as client:
        client.remove_network(network.id)


def _disconnect(engine: Engine, network: Network, item: Attachment) -> None:
    try:
        engine.get(f"/containers/{item.container_id}/json")
    except NotFoundError:  # it went away by itself
        return
    with engine.changing(f"network {network.name}: disconnect container {item.container}") as client:
        client.disconnect_container_from_network(item.container_id, network.id)


def _connect(engine: Engine, network: Network, network_id: str, item: Attachment) -> None:
    what = f"network {network.name}: connect container {item.container}"
    body = {"Container": item.container_id, "EndpointConfig": endpoint_config(item)}
    try:
        engine.post(what, f"/networks/{network_id}/connect", body)
    except NotFoundError:
        if not any(entry["Id"] == item.container_id for entry in engine.get("/containers/json", all=True)):
            return
        raise


def endpoint_config(item: Attachment) -> dict[str, Any]:
    """What the user asked of the endpoint; what the engine gave by itself (addresses, its alias) it gives again.

    The MAC address is not among it: engines before 25 give a container's own to it again, later ones drop what is sent
    (moby/moby 48192), so a plan never gets here with one.
    """
    old = item.endpoint
    config = {key: old[key] for key in ("IPAMConfig", "Links", "DriverOpts", "GwPriority") if old.get(key)}
    config["Aliases"] = [alias for alias in old.get("Aliases") or [] if alias != item.container_id[:12]]
    return config
