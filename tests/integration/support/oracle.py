# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``network_facts`` must say about this machine, found out another way.

Links and addresses come from ``ip -j -d`` on the host and within every container's namespace, ports of bridges from
``brctl show``, everything else from ``docker inspect``. Who owns a veth is read from what ``ip netns`` says: each
namespace gets a name for the moment of the reading, and the kernel says by which number (nsid) the host knows it.
"""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]


def output(*argv: str) -> str:
    """What a command prints; a failing command fails the test with its own words."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
    return done.stdout


def within(pid: int) -> tuple[str, ...]:
    return ("nsenter", "-t", str(pid), "-n")


def links(*prefix: str) -> dict[str, Json]:
    """Link name -> what ``ip -j -d addr`` says of it, here or behind ``prefix`` (nsenter)."""
    return {link["ifname"]: link for link in json.loads(output(*prefix, "ip", "-j", "-d", "addr", "show") or "[]")}


def kind(link: Json) -> str | None:
    return link.get("linkinfo", {}).get("info_kind")


def cidrs(link: Json, family: str) -> list[str]:
    """Global addresses with their prefix length. Link-local ones come and go by themselves and are left to the test."""
    found = [f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["family"] == family]
    return sorted(a for a in found if not ipaddress.ip_interface(a).is_link_local)


def namespace(pid: int) -> int:
    return Path(f"/proc/{pid}/ns/net").stat().st_ino


def inspect_all() -> list[Json]:
    ids = output("docker", "ps", "-aq", "--no-trunc").split()
    return json.loads(output("docker", "inspect", *ids)) if ids else []


def networks() -> list[Json]:
    found: list[Json] = json.loads(
        output("docker", "network", "inspect", *output("docker", "network", "ls", "-q").split())
    )
    return found


def brctl_show() -> dict[str, Json]:
    """Bridge -> its id, whether it speaks STP, and its sorted ports: the columns of ``brctl show``."""
    bridges: dict[str, Json] = {}
    ports: list[str] = []
    for line in output("brctl", "show").splitlines()[1:]:
        words = line.split()
        if not line.startswith("\t"):
            name, bridge_id, stp = words[:3]
            ports = words[3:]
            bridges[name] = {"bridge_id": bridge_id, "stp": stp == "yes", "ports": ports}
        else:
            ports += words
    for bridge in bridges.values():
        bridge["ports"].sort()
    return bridges


def bridge_link_ports() -> dict[str, list[str]]:
    """Bridge -> its ports as ``bridge -j link`` has them; bridges without a port are missing."""
    ports: dict[str, list[str]] = {}
    for port in json.loads(output("bridge", "-j", "link", "show")):
        ports.setdefault(port["master"], []).append(port["ifname"])
    return {name: sorted(found) for name, found in ports.items()}


@contextmanager
def named_namespaces(owners: list[Json]) -> Iterator[dict[str, str]]:
    """Give the namespace of each of these containers a name for a moment: yields name -> container id."""
    host = namespace(os.getpid())
    names: dict[str, str] = {}
    seen = {host}
    try:
        for container in owners:
            pid = container["State"]["Pid"]
            if not pid or namespace(pid) in seen:
                continue
            seen.add(namespace(pid))
            name = f"oracle-{container['Id'][:12]}"
            output("ip", "netns", "attach", name, str(pid))
            names[name] = container["Id"]
        yield names
    finally:
        for name in names:
            output("ip", "netns", "del", name)


def nsid_owners(owners: list[Json]) -> dict[int, str]:
    """Number on the host -> id of the container whose namespace it is."""
    with named_namespaces(owners) as names:
        known = json.loads(output("ip", "-j", "netns", "list-id") or "[]")
        return {entry["nsid"]: names[entry["name"]] for entry in known if entry.get("name") in names}


class Oracle:
    """One reading of a machine on which nothing changes meanwhile."""

    def __init__(self) -> None:
        self.raw = {c["Id"]: c for c in inspect_all()}
        self.names = {i: c["Name"].lstrip("/") for i, c in self.raw.items()}
        self.networks = networks()
        self.host = links()
        self.inside = {i: links(*within(c["State"]["Pid"])) for i, c in self.raw.items() if c["State"]["Pid"]}
        # A namespace is its donor's, not its sharers'; one that the donor has left is the sharer's who stayed in it.
        sharers = [c for c in self.raw.values() if self._donor(c)]
        donors = [c for c in self.raw.values() if not self._donor(c)]
        self.by_nsid = nsid_owners(donors + [c for c in sharers if self._stale(c)])

    # --- the four sections, in the shape of the facts ---------------------------------------------------------------

    def bridges(self) -> dict[str, Json]:
        shown = brctl_show()
        return {
            name: {
                "name": name,
                "ifindex": link["ifindex"],
                "mac": link["address"],
                "mtu": link["mtu"],
                "operstate": link["operstate"],
                "ipv4": cidrs(link, "inet"),
                "ipv6": cidrs(link, "inet6"),
                **shown[name],
                **self._carried(name),
            }
            for name, link in self.host.items()
            if kind(link) == "bridge"
        }

    def veths(self) -> dict[str, Json]:
        return {
            name: {
                "name": name,
                "ifindex": link["ifindex"],
                "mac": link["address"],
                "mtu": link["mtu"],
                "operstate": link["operstate"],
                "bridge": link.get("master"),
                "netnsid": link.get("link_netnsid"),
                **self._claimed_by(link),
            }
            for name, link in self.host.items()
            if kind(link) == "veth"
        }

    def routes(self) -> list[Json]:
        """The host's, by ``ip``, which leaves out the gateway and /32 where there is nothing to say."""
        found = []
        for route in json.loads(output("ip", "-j", "-4", "route", "show", "table", "main", "type", "unicast") or "[]"):
            destination = "0.0.0.0/0" if route["dst"] == "default" else route["dst"]
            destination += "" if "/" in destination else "/32"
            found.append({"destination": destination, "gateway": route.get("gateway"), "interface": route["dev"]})
        return sorted(found, key=lambda route: (route["destination"], route["interface"], route["gateway"] or ""))

    def unclaimed(self) -> list[str]:
        return sorted(name for name, veth in self.veths().items() if veth["container"] is None)

    def containers(self) -> dict[str, Json]:
        return {self.names[i]: self._container(i) for i in self.raw}

    # --- how each is known ------------------------------------------------------------------------------------------

    def _carried(self, bridge: str) -> Json:
        unknown = dict.fromkeys(("subnet", "ip_range", "gateway", "host_ip", "mtu", "icc", "masquerade"))
        for network in self.networks:
            options = network["Options"] or {}
            name = options.get("com.docker.network.bridge.name", f"br-{network['Id'][:12]}")
            if network["Driver"] != "bridge" or name != bridge:
                continue
            ipam = next((c for c in network["IPAM"]["Config"] or [] if ":" not in c["Subnet"]), {})
            mtu = options.get("com.docker.network.driver.mtu")
            configured = {
                "subnet": ipam.get("Subnet"),
                "ip_range": ipam.get("IPRange"),
                "gateway": ipam.get("Gateway"),
                "host_ip": options.get("com.docker.network.bridge.host_binding_ipv4"),
                "mtu": int(mtu) if mtu else None,
                "icc": _flag(options.get("com.docker.network.bridge.enable_icc")),
                "masquerade": _flag(options.get("com.docker.network.bridge.enable_ip_masquerade")),
            }
            return {"network": network["Name"], "configured": configured}
        return {"network": None, "configured": unknown}

    def _claimed_by(self, host_veth: Json) -> Json:
        """The owner by nsid and peer ifindex, and from within: the peer must point back at this veth."""
        owner = self.by_nsid.get(host_veth.get("link_netnsid", -1))
        if owner is None:
            return {"container": None, "interface": None}
        (peer,) = [x for x in self.inside[owner].values() if x["ifindex"] == host_veth["link_index"]]
        assert peer["link_index"] == host_veth["ifindex"], "the two ends of a veth disagree"
        return {"container": self.names[owner], "interface": peer["ifname"]}

    def _mode(self, network_mode: str) -> str:
        if network_mode.startswith("container:"):
            return "container"
        if network_mode in ("default", "bridge", "host", "none"):
            return {"default": "bridge"}.get(network_mode, network_mode)
        drivers = [n["Driver"] for n in self.networks if network_mode == n["Name"] or n["Id"].startswith(network_mode)]
        return "bridge" if drivers == ["bridge"] else "other"

    def _donor(self, container: Json) -> str | None:
        """The id that a sharer's network mode names; it may be a sharer itself, or gone."""
        kind_of, _, donor = container["HostConfig"]["NetworkMode"].partition(":")
        return donor if kind_of == "container" else None

    def _stale(self, container: Json) -> bool:
        """A running sharer whose namespace is not (or no longer) that of the container at the end of its chain."""
        pid, end = container["State"]["Pid"], container
        if self._donor(container) is None or not pid:
            return False
        while (donor := self._donor(end)) is not None:
            if donor not in self.raw:
                return True
            end = self.raw[donor]
        return not end["State"]["Pid"] or namespace(end["State"]["Pid"]) != namespace(pid)

    def _container(self, ident: str) -> Json:
        raw = self.raw[ident]
        donor = self._donor(raw)
        return {
            "name": self.names[ident],
            "id": ident,
            "image": raw["Config"]["Image"],
            "status": raw["State"]["Status"],
            "mode": self._mode(raw["HostConfig"]["NetworkMode"]),
            "network_mode": raw["HostConfig"]["NetworkMode"],
            "networks": sorted(raw["NetworkSettings"]["Networks"]),
            "joins": self.names.get(donor) if donor else None,
            "joined_by": sorted(self.names[i] for i, c in self.raw.items() if self._donor(c) == ident),
            "stale": self._stale(raw),
            "interfaces": self._interfaces(ident),
            "published": published(raw),
        }

    def gateway(self, name: str) -> str | None:
        """The next hop of the default route within a running container."""
        (ident,) = [i for i, known in self.names.items() if known == name]
        routes = json.loads(
            output(*within(self.raw[ident]["State"]["Pid"]), "ip", "-j", "-4", "route", "show", "default") or "[]"
        )
        return routes[0]["gateway"] if routes else None

    def _interfaces(self, ident: str) -> list[Json]:
        raw = self.raw[ident]
        own = self._donor(raw) is None or self._stale(raw)
        if not own or raw["HostConfig"]["NetworkMode"] == "host" or ident not in self.inside:
            return []
        found = [self._interface(ident, x) for x in self.inside[ident].values() if x["ifname"] != "lo"]
        return sorted(found, key=lambda interface: str(interface["name"]))

    def _interface(self, ident: str, link: Json) -> Json:
        host_end = next(
            (
                x
                for x in self.host.values()
                if kind(x) == kind(link) == "veth"
                and x.get("link_index") == link["ifindex"]
                and self.by_nsid.get(x.get("link_netnsid", -1)) == ident
            ),
            {},
        )
        addresses = [a.partition("/")[0] for a in cidrs(link, "inet") + cidrs(link, "inet6")]
        endpoints = self.raw[ident]["NetworkSettings"]["Networks"]
        network = next((n for n, e in endpoints.items() if e["IPAddress"] and e["IPAddress"] in addresses), None)
        return {
            "name": link["ifname"],
            "kind": kind(link),
            "ifindex": link["ifindex"],
            "mac": link["address"],
            "mtu": link["mtu"],
            "operstate": link["operstate"],
            "ipv4": cidrs(link, "inet"),
            "ipv6": cidrs(link, "inet6"),
            "veth": host_end.get("ifname"),
            "bridge": host_end.get("master"),
            "network": network,
            "managed_by": "docker" if network else None,
            "assigned": None,
        }


def _flag(value: str | None) -> bool | None:
    return None if value is None else value == "true"


def published(raw: Json) -> list[Json]:
    """The published ports by ``docker inspect``; an exposed port that is not published is none."""
    found = [
        {
            "container_port": int(key.partition("/")[0]),
            "protocol": key.partition("/")[2],
            "host_ip": binding["HostIp"],
            "host_port": int(binding["HostPort"]),
        }
        for key, bindings in (raw["NetworkSettings"]["Ports"] or {}).items()
        for binding in bindings or []
    ]
    return sorted(found, key=lambda port: tuple(str(part) for part in port.values()))
