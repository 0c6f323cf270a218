# SPDX-License-Identifier: GPL-3.0-or-later
"""One picture of a host's container networking: what the engine says joined with what the kernel shows.

Two requests to the engine and one dump of the host's links give most of it; each container's namespace is read from
outside. Which namespace is whose is told by the MAC addresses of the engine's list. Only where the list cannot tell
(sharers, ``none``, duplicates) is a container inspected, at about 2 ms each.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.names import bridge_of, end_of_chain
from ansible_collections.netmode.docker.plugins.module_utils._errors import NotFoundError
from ansible_collections.netmode.docker.plugins.module_utils._kernel.namespaces import Kernel

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    Facts = dict[str, Any]


def listed_container(raw: Facts, drivers: dict[str, str]) -> Facts:
    """One entry of /containers/json, with ``endpoints``: {network: {mac, ipv4, ipv6, gateway}} while it runs, and
    ``static``: {network: addresses that were asked for}, running or not.

    ``drivers``: {name or id of a network: its driver}.
    """
    names = [name[1:] for name in raw.get("Names") or [] if name.count("/") == 1]  # /other/alias: a link, not a name
    network_mode = (raw.get("HostConfig") or {}).get("NetworkMode") or "default"
    networks = (raw.get("NetworkSettings") or {}).get("Networks") or {}
    running = raw.get("State") in ("running", "paused")
    return {
        "name": names[0] if names else raw["Id"][:12],
        "id": raw["Id"],
        "image": raw.get("Image"),
        "status": raw.get("State"),
        "mode": _mode(network_mode, drivers),
        "network_mode": network_mode,
        "networks": sorted(networks),
        "running": running,
        "endpoints": {name: _endpoint(networks[name] or {}) for name in sorted(networks)} if running else {},
        "static": {name: _static(networks[name] or {}) for name in sorted(networks)},
        "published": _published(raw.get("Ports") or []) if running else [],
        "inode": None,
        "started": None,
    }


def _mode(network_mode: str, drivers: dict[str, str]) -> str:
    if network_mode in ("host", "none"):
        return network_mode
    if network_mode.startswith("container:"):
        return "container"
    driver = drivers.get(network_mode)
    if driver is None:  # the engine keeps what was given, which may be the beginning of an id
        ids = (known for known in drivers if len(known) == 64 and known.startswith(network_mode))
        driver = drivers.get(next(ids, ""))
    return "bridge" if network_mode == "default" or driver == "bridge" else "other"


def _endpoint(raw: Facts) -> Facts:
    def address(value: str, prefix: str) -> list[str]:
        return [f"{raw[value]}/{raw.get(prefix)}"] if raw.get(value) else []

    return {
        "mac": (raw.get("MacAddress") or "").lower() or None,
        "gateway": raw.get("Gateway") or None,
        "ipv4": address("IPAddress", "IPPrefixLen"),
        "ipv6": address("GlobalIPv6Address", "GlobalIPv6PrefixLen"),
    }


def _static(raw: Facts) -> list[str]:
    asked = raw.get("IPAMConfig") or {}
    return [asked[key] for key in ("IPv4Address", "IPv6Address") if asked.get(key)]


def _published(ports: list[Facts]) -> list[Facts]:
    found = [
        {
            "container_port": port["PrivatePort"],
            "protocol": port.get("Type") or "tcp",
            "host_ip": port.get("IP") or "",
            "host_port": port["PublicPort"],
        }
        for port in ports
        if port.get("PublicPort")
    ]
    return sorted(found, key=lambda port: tuple(port.values()))


def match_by_mac(containers: list[Facts], views: dict[int, Facts]) -> dict[str, int]:
    """{container id: inode} where the container's MACs are in exactly one namespace, which no other claims."""
    holders: dict[str, set[int]] = {}
    for inode, view in views.items():
        for link in view["links"].values():
            if link["mac"] and not link["loopback"]:
                holders.setdefault(link["mac"], set()).add(inode)
    found: dict[str, int] = {}
    claims: dict[int, list[str]] = {}
    for container in containers:
        macs = {endpoint["mac"] for endpoint in container["endpoints"].values()} - {None}
        common = set.intersection(*(holders.get(mac, set()) for mac in macs)) if macs else set()
        if len(common) == 1:
            inode = next(iter(common))
            found[container["id"]] = inode
            claims.setdefault(inode, []).append(container["id"])
    return {identifier: inode for identifier, inode in found.items() if len(claims[inode]) == 1}


def observe(engine: Engine) -> Facts:
    """Everything that is read from engine and kernel, nothing decided but whose namespace is whose.

    ``{networks: raw, containers: {id: listed_container()}, links, addresses, routes, own, nsids, views: {inode: view},
    gateways: {inode: gateway}, limited}``.
    """
    engine.ask("/containers/json", all=True)
    engine.ask("/networks")
    with Kernel() as kernel:
        kernel.numbered()  # the engine works at its lists for as long as the kernel is read
        listed = engine.get("/containers/json", all=True)
        networks = engine.get("/networks")
        drivers = {network[key]: network.get("Driver") or "" for network in networks for key in ("Id", "Name")}
        containers = {raw["Id"]: listed_container(raw, drivers) for raw in listed}
        if kernel.limited:
            _date_sharers(engine, containers)
        else:
            _locate(engine, containers, kernel)
        if kernel.outdated:
            kernel.refresh()
        return _seen(kernel, networks, containers)


def observe_kernel() -> Facts:
    """Like ``observe`` on a host without an engine: what the kernel shows is there all the same."""
    with Kernel() as kernel:
        kernel.limited = False  # there is no container to look into
        return _seen(kernel, [], {})


def _seen(kernel: Kernel, networks: list[Facts], containers: dict[str, Facts]) -> Facts:
    inodes = {container["inode"] for container in containers.values() if container["inode"]} - {kernel.own}
    views = {inode: kernel.view(inode) for inode in sorted(inodes)}
    return {
        "networks": networks,
        "containers": containers,
        "links": kernel.links,
        "addresses": kernel.addresses,
        "routes": kernel.netlink.routes(),
        "own": kernel.own,
        "nsids": kernel.nsids,
        "views": {inode: view for inode, view in views.items() if view is not None},
        "gateways": _gateways(containers, networks, kernel),
        "limited": kernel.limited,
    }


def _date_sharers(engine: Engine, containers: dict[str, Facts]) -> None:
    """Without a look into namespaces, when donor and sharer were started tells whether they still share one."""
    wanted = set()
    for identifier, container in containers.items():
        if container["mode"] == "container" and container["running"]:
            wanted.update({identifier, end_of_chain(identifier, containers) or identifier})
    for identifier in sorted(wanted):
        _inspect(engine, containers, identifier)


def _inspect(engine: Engine, containers: dict[str, Facts], identifier: str) -> Facts | None:
    """Bring a listed container up to date; one gone meanwhile leaves ``containers``. The engine's whole answer."""
    container = containers[identifier]
    try:
        raw: Facts = engine.get(f"/containers/{identifier}/json")
    except NotFoundError:
        del containers[identifier]
        return None
    container["status"] = raw["State"]["Status"]
    container["started"] = raw["State"]["StartedAt"].rstrip("Z")
    if not raw["State"]["Running"] or not raw["State"]["Pid"]:
        container.update(running=False, endpoints={}, published=[])
        return None
    return raw


def _locate(engine: Engine, containers: dict[str, Facts], kernel: Kernel) -> None:
    """Fill in every running container's ``inode``: by MAC where that is certain, else by an inspect."""
    running = [container for container in containers.values() if container["running"]]
    for container in running:
        if container["mode"] == "host":
            container["inode"] = kernel.own
    searched = [container for container in running if container["inode"] is None]
    if searched and not kernel.nsids:
        raw = next(filter(None, (_inspect(engine, containers, container["id"]) for container in searched)), None)
        sandbox = (raw or {}).get("NetworkSettings", {}).get("SandboxKey")
        if sandbox:  # an engine started with another --exec-root keeps its files elsewhere
            kernel.pin_all(str(Path(sandbox).parent))
            kernel.number()
        if kernel.limited:
            return
    matched = match_by_mac(searched, kernel.numbered())
    for container in searched:
        if container["id"] not in matched:
            _locate_one(engine, containers, kernel, container)
    taken = {container["inode"] for container in searched if container["mode"] != "container"}
    for identifier, inode in matched.items():
        containers[identifier]["inode"] = inode
        if inode in taken:
            _locate_one(engine, containers, kernel, containers[identifier])


def _locate_one(engine: Engine, containers: dict[str, Facts], kernel: Kernel, container: Facts) -> None:
    container["inode"] = None
    if container["id"] not in containers:
        return
    raw = _inspect(engine, containers, container["id"])
    if raw is None:
        return
    sandbox = (raw.get("NetworkSettings") or {}).get("SandboxKey")
    if sandbox and container["mode"] != "container":
        container["inode"] = kernel.pin(sandbox)
    if container["inode"] is None:
        container["inode"] = kernel.pin(f"/proc/{raw['State']['Pid']}/ns/net")


def _gateways(containers: dict[str, Facts], networks: list[Facts], kernel: Kernel) -> dict[int, str | None]:
    """{inode: gateway}. The engine's word is taken for a container with nothing but one ordinary Docker interface."""
    ordinary = {network["Name"] for network in networks if bridge_of(network) and not network.get("Internal")}
    found: dict[int, str | None] = {}
    for container in containers.values():
        inode, endpoints = container["inode"], container["endpoints"]
        view = kernel.view(inode)
        if inode is None or view is None or inode in found:
            continue
        macs = [link["mac"] for link in view["links"].values() if not link["loopback"]]
        if len(endpoints) == 1 and set(endpoints) <= ordinary and macs == [e["mac"] for e in endpoints.values()]:
            found[inode] = next(iter(endpoints.values()))["gateway"]
        elif container["mode"] != "container" or macs:
            found[inode] = kernel.gateway(inode)
    return found
