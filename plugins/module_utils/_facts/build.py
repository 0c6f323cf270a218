# SPDX-License-Identifier: GPL-3.0-or-later
"""From an observed host (``observe``) to ``docker_network``: pure functions, nothing is read here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.names import (
    bridge_of,
    end_of_chain,
    find_donor,
    publishes_at,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Facts = dict[str, Any]
_LINK_KEYS = ("name", "ifindex", "mac", "mtu", "operstate")


def compose(seen: Facts) -> Facts:
    """``{bridges, veths, containers, unclaimed, routes}`` as documented under RETURN of the module."""
    carried = {bridge_of(network): network for network in seen["networks"]}
    shares = _shares(seen["containers"])
    owners = _owners(seen, shares)
    veths, outer = _veths(seen, owners)
    bridges = {
        link["name"]: _bridge(link, seen, carried.get(link["name"]))
        for link in sorted(seen["links"].values(), key=lambda link: link["name"])
        if link["kind"] == "bridge"
    }
    networks = {name: network["Name"] for name, network in carried.items() if name}
    containers = {}
    for container in sorted(seen["containers"].values(), key=lambda container: container["name"]):
        donor, stale = shares.get(container["id"], (None, False))
        sharing = container["mode"] == "container" and owners.get(container["inode"]) != container["name"]
        if seen["limited"]:
            interfaces = _known_to_engine(container, networks)
        else:
            interfaces = [] if sharing else _interfaces(seen, container, outer, networks)
        containers[container["name"]] = {
            "name": container["name"],
            "id": container["id"],
            "image": container["image"],
            "status": container["status"],
            "mode": container["mode"],
            "network_mode": container["network_mode"],
            "networks": container["networks"],
            "netns": container["inode"],
            "joins": seen["containers"][donor]["name"] if donor else None,
            "joined_by": [],
            "stale": stale,
            "gateway": None if sharing else _gateway(seen, container),
            "interfaces": interfaces,
            "published": container["published"],
        }
    for container in containers.values():
        if container["joins"]:
            containers[container["joins"]]["joined_by"].append(container["name"])
    unclaimed = [] if seen["limited"] else [name for name, veth in veths.items() if veth["container"] is None]
    return {
        "bridges": bridges,
        "veths": veths,
        "containers": containers,
        "unclaimed": unclaimed,
        "routes": _routes(seen),
    }


def owner_of(containers: Mapping[str, Mapping[str, Any]], name: str, *, past_stale: bool) -> Mapping[str, Any]:
    """The container whose namespace ``name`` is in: its own, or that at the end of its chain of donors.

    ``containers``: of ``docker_network``; empty where one of the chain is not there. ``past_stale``: a sharer in a
    namespace that its donor has left counts as in the one where it is to be.
    """
    owner, passed = containers.get(name) or {}, {name}
    while owner.get("joins") and owner["joins"] not in passed and (past_stale or not owner["stale"]):
        passed.add(owner["joins"])
        owner = containers.get(owner["joins"]) or {}
    return owner


def _routes(seen: Facts) -> list[Facts]:
    """The host's own, those of its bridges among them. One whose interface went meanwhile is none any more."""
    found = [
        {
            "destination": route["destination"],
            "gateway": route["gateway"],
            "interface": seen["links"][route["ifindex"]]["name"],
        }
        for route in seen["routes"]
        if route["ifindex"] in seen["links"]
    ]
    return sorted(found, key=lambda route: (route["destination"], route["interface"], route["gateway"] or ""))


def _shares(containers: dict[str, Facts]) -> dict[str, tuple[str | None, bool]]:
    """{id of a sharer: (id of the container that it names or None, stale)}."""
    found = {}
    for identifier, container in containers.items():
        if container["mode"] == "container":
            end = end_of_chain(identifier, containers)
            stale = end is None or _is_stale(container, containers[end])
            found[identifier] = (find_donor(identifier, containers), stale)
    return found


def _is_stale(sharer: Facts, donor: Facts) -> bool:
    """``donor``: the end of the chain, for a whole chain is left behind when the namespace at its end is given up."""
    if not sharer["running"]:
        return False
    if not donor["running"]:
        return True
    if sharer["inode"] is not None and donor["inode"] is not None:
        return bool(sharer["inode"] != donor["inode"])
    # Namespaces unreadable: a donor that was started after its sharer got a new one. Text compares as the times do.
    return bool(sharer["started"] and donor["started"] and donor["started"] > sharer["started"])


def _owners(seen: Facts, shares: dict[str, tuple[str | None, bool]]) -> dict[int, str]:
    """{inode: name of the container that the namespace belongs to}: a sharer only once its donor has left it."""
    found: dict[int, str] = {}
    for container in sorted(seen["containers"].values(), key=lambda container: container["name"]):
        if container["inode"] in (None, seen["own"]):
            continue
        if container["mode"] != "container":
            found[container["inode"]] = container["name"]
        elif shares[container["id"]][1]:
            found.setdefault(container["inode"], container["name"])
    return found


def _veths(seen: Facts, owners: dict[int, str]) -> tuple[dict[str, Facts], dict[tuple[int, int], Facts]]:
    """Every veth of the host by name, and those of containers by (inode, ifindex inside).

    The key of a veth is (ifindex of its peer, nsid of its peer's namespace): the index alone repeats from container
    to container. The peer must name this veth back, else it is a newcomer under an old number.
    """
    inodes = {nsid: inode for inode, nsid in seen["nsids"].items() if nsid >= 0}
    veths: dict[str, Facts] = {}
    outer: dict[tuple[int, int], Facts] = {}
    for link in sorted(seen["links"].values(), key=lambda link: link["name"]):
        if link["kind"] != "veth":
            continue
        master = seen["links"].get(link["master"]) or {}
        veth = {key: link[key] for key in _LINK_KEYS}
        veth["bridge"] = master["name"] if master.get("kind") == "bridge" else None
        veth.update(netnsid=link["link_netnsid"], container=None, interface=None)
        veths[link["name"]] = veth
        inode = inodes.get(link["link_netnsid"])
        peer = seen["views"].get(inode, {"links": {}})["links"].get(link["link"])
        if inode in owners and peer and peer["kind"] == "veth" and peer["link"] == link["ifindex"]:
            veth.update(container=owners[inode], interface=peer["name"])
            outer[inode, peer["ifindex"]] = veth
    return veths, outer


def _bridge(link: Facts, seen: Facts, network: Facts | None) -> Facts:
    ipv4, ipv6 = seen["addresses"].get(link["ifindex"], ([], []))
    return {
        **{key: link[key] for key in _LINK_KEYS},
        "bridge_id": link["bridge_id"],
        "stp": link["stp"],
        "ipv4": ipv4,
        "ipv6": ipv6,
        "network": network["Name"] if network else None,
        "ports": sorted(port["name"] for port in seen["links"].values() if port["master"] == link["ifindex"]),
        "configured": configured(network or {}),
    }


def configured(network: Facts) -> Facts:
    """What the engine says of a network; the first IPv4 pool counts."""
    options = network.get("Options") or {}
    pools = (network.get("IPAM") or {}).get("Config") or []
    pool: Facts = next((pool for pool in pools if "." in pool.get("Subnet", "")), {})
    mtu = options.get("com.docker.network.driver.mtu") or ""
    return {
        "subnet": pool.get("Subnet"),
        "ip_range": pool.get("IPRange") or None,
        "gateway": pool.get("Gateway"),
        "default_gateway": (pool.get("AuxiliaryAddresses") or {}).get("DefaultGatewayIPv4"),
        "host_ip": publishes_at(network),
        "unaddressed": _unaddressed(options) if options or pool else None,
        "mtu": int(mtu) if mtu.isdigit() else None,
        "icc": _switch(options.get("com.docker.network.bridge.enable_icc")),
        "masquerade": _switch(options.get("com.docker.network.bridge.enable_ip_masquerade")),
    }


def _unaddressed(options: Facts) -> bool:
    """Whether the bridge is to have no IPv4 address of the engine's; one before 27.1 gives it one all the same."""
    mode = options.get("com.docker.network.bridge.gateway_mode_ipv4")
    return mode == "isolated" or bool(_switch(options.get("com.docker.network.bridge.inhibit_ipv4")))


def _switch(value: str | None) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())


def _gateway(seen: Facts, container: Facts) -> str | None:
    if container["inode"] in seen["gateways"]:
        gateway: str | None = seen["gateways"][container["inode"]]
        return gateway
    known = [endpoint["gateway"] for endpoint in container["endpoints"].values() if endpoint["gateway"]]
    return known[0] if seen["limited"] and len(known) == 1 else None


def _interfaces(
    seen: Facts, container: Facts, outer: dict[tuple[int, int], Facts], networks: dict[str, str]
) -> list[Facts]:
    """What is in the container's own namespace but lo, by ifindex."""
    inode = container["inode"]
    view = seen["views"].get(inode)
    if view is None:
        return []
    found = []
    for ifindex, link in sorted(view["links"].items()):
        if link["loopback"]:
            continue
        veth = outer.get((inode, ifindex))
        ipv4, ipv6 = view["addresses"].get(ifindex, ([], []))
        found.append(
            {
                "name": link["name"],
                "kind": link["kind"],
                "ifindex": ifindex,
                "mac": link["mac"],
                "mtu": link["mtu"],
                "operstate": link["operstate"],
                "ipv4": ipv4,
                "ipv6": ipv6,
                "veth": veth["name"] if veth else None,
                "bridge": veth["bridge"] if veth else None,
                "network": None,
                "managed_by": "netmode" if link["marked"] else None,
                "assigned": None,
            }
        )
    _claim_for_docker(found, container["endpoints"], networks)
    return found


def _claim_for_docker(interfaces: list[Facts], endpoints: dict[str, Facts], networks: dict[str, str]) -> None:
    """Give each endpoint of the engine its interface: by MAC and bridge, else by MAC, else (MAC changed) by bridge."""
    waiting = dict(endpoints)
    for by_mac, by_bridge in ((True, True), (True, False), (False, True)):
        for name, endpoint in list(waiting.items()):
            for interface in interfaces:
                free = interface["managed_by"] is None
                same_mac = not by_mac or (endpoint["mac"] is not None and interface["mac"] == endpoint["mac"])
                same_bridge = not by_bridge or networks.get(interface["bridge"]) == name
                if free and same_mac and same_bridge:
                    interface.update(network=name, managed_by="docker", assigned=_assigned(interface, endpoint))
                    del waiting[name]
                    break


def _assigned(interface: Facts, endpoint: Facts) -> Facts | None:
    """What the engine gave to an interface, where the kernel shows another; it adds no IPv6 address to the engine's."""
    same = (
        endpoint["mac"] in (None, interface["mac"])
        and (not endpoint["ipv4"] or endpoint["ipv4"] == interface["ipv4"])
        and set(endpoint["ipv6"]) <= set(interface["ipv6"])
    )
    return None if same else {key: endpoint[key] for key in ("mac", "ipv4", "ipv6")}


def _known_to_engine(container: Facts, networks: dict[str, str]) -> list[Facts]:
    """For who may not look into namespaces: the engine's endpoints, everything that only the kernel knows null."""
    bridges = {network: bridge for bridge, network in networks.items()}
    return [
        {
            "name": None,
            "kind": None,
            "ifindex": None,
            "mac": endpoint["mac"],
            "mtu": None,
            "operstate": None,
            "ipv4": endpoint["ipv4"],
            "ipv6": endpoint["ipv6"],
            "veth": None,
            "bridge": bridges.get(name),
            "network": name,
            "managed_by": "docker",
            "assigned": None,
        }
        for name, endpoint in container["endpoints"].items()
        if endpoint["mac"] or endpoint["ipv4"]
    ]
