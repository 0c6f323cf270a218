# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports: whether what a plan will listen on is free, read from the kernel before anything is stopped.

Source: /proc/net/tcp, tcp6, udp, udp6 (state 0A is LISTEN; a UDP socket in state 07 is bound) of the host, and of a
donor by its process. Who holds a port is looked up only once one is taken.
"""

from __future__ import annotations

import errno
import re
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._donors import at_the_end
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._host import Host
    from ansible_collections.netmode.docker.plugins.module_utils._plan_containers import Plan
    from ansible_collections.netmode.docker.plugins.module_utils._wanted import Wanted

_STARTING = ("create", "recreate", "start", "restart")
_ENDING = ("stop", "remove", "recreate")
_WAY_OUT = (
    "Stop it, or give one of them another port; to exchange ports takes a run that moves one to a free port first."
)


class Listener(NamedTuple):
    protocol: str
    address: str
    port: int
    inode: str


def listeners(pid: int | str = "self") -> list[Listener]:
    """What listens in the network namespace of a process; empty where it may not be read."""
    found = []
    for name, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        try:
            lines = Path(f"/proc/{pid}/net/{name}").read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == state:
                address, _, port = fields[1].partition(":")
                found.append(Listener(name[:3], _address(address), int(port, 16), fields[9]))
    return found


def _address(given: str) -> str:
    """An address of /proc/net: 32-bit words, each in the byte order of the machine."""
    words = [struct.pack("=I", int(given[at : at + 8], 16)) for at in range(0, len(given), 8)]
    packed = b"".join(words)
    if packed.startswith(b"\0" * 10 + b"\xff\xff"):
        packed = packed[12:]
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def host_ports(one: Wanted) -> list[tuple[str, str, str]]:
    """(address or empty, port, protocol) of the host that the entry holds once it runs."""
    if one.network_mode == "host":
        return [("", *exposed.split("/", 1)) for exposed in one.options.get("expose") or []]
    return [
        (binding["HostIp"], binding["HostPort"], target.partition("/")[2])
        for target, bindings in (one.options.get("ports") or {}).items()
        for binding in bindings
        if binding["HostPort"] and "-" not in binding["HostPort"]
    ]


def _option(one: Wanted) -> str:
    return "ports" if one.options.get("ports") else "expose"


def overlap(one: str, other: str) -> bool:
    """Whether two listening addresses exclude each other on one port."""
    everything = ("", "0.0.0.0", "::")  # noqa: S104 (compared, not bound)
    return one == other or one in everything or other in everything


def refuse_shared(host: Host, wanted: list[Wanted]) -> None:
    """Raise NetmodeError for two entries that would hold one port of the host, or of a donor's namespace."""
    holders: dict[tuple[str, str, str], list[tuple[str, Wanted]]] = {}
    for one in wanted:
        if one.state != "started":
            continue
        held = [("the host", *port) for port in host_ports(one)]
        if one.network_mode != "host":
            space = f"the namespace of {at_the_end(host, wanted, one)}"
            held += [(space, "", *exposed.split("/", 1)) for exposed in one.options.get("expose") or []]
        for space, ip, port, protocol in held:
            for other_ip, other in holders.setdefault((space, port, protocol), []):
                if other is not one and overlap(ip, other_ip):
                    raise NetmodeError(
                        f"{one.where}: {_option(one)}: port {port}/{protocol} of {space} is also asked for by "
                        f"{other.where}. Give one of them another port or another host address."
                    )
            holders[space, port, protocol].append((ip, one))


def held(host: Host, one: Wanted) -> set[str]:
    """Ids of the containers that hold a port of the host that the entry is to have, as far as the engine knows."""
    listening = {
        key: [("", *exposed.split("/", 1)) for exposed in inspect["Config"].get("ExposedPorts") or {}]
        for key, inspect in host.inspected.items()
        if host.modes[key] == "host" and host.states[key] == "running"
    }
    return {
        key
        for ports in (host.published, listening)
        for key, there in ports.items()
        if any(_on_one_port(port, other) for port in host_ports(one) for other in there)
    }


def _on_one_port(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return one[1:] == other[1:] and overlap(one[0], other[0])


def refuse_taken(host: Host, wanted: list[Wanted], plan: Plan) -> None:
    """Raise NetmodeError when a container that the plan starts would find its port taken, naming who holds it."""
    starts: dict[str, int] = {}
    ends: dict[str, int] = {}
    for at, step in enumerate(plan.steps):
        if step.action in _STARTING:
            starts.setdefault(step.name, at)
        if step.action in _ENDING:
            ends.setdefault(step.container, at)
    tables: dict[Any, list[Listener]] = {}
    for one in wanted:
        if one.state != "started" or one.name not in starts:
            continue
        gone = {key for key, at in ends.items() if at < starts[one.name]}
        gone |= {step.container for step in plan.steps if step.name == one.name and step.container}
        for ip, port, protocol in host_ports(one):
            _refuse_foreign_address(one, ip)
            if not _refuse_published(one, (ip, port, protocol), gone, host):
                table = tables.setdefault("self", listeners())
                _refuse(one, f"{port}/{protocol} of the host", _taken(table, ip, port, protocol), gone, host)
        donor = host.find(one.donor) if one.donor else None
        pid = host.inspected[donor]["State"]["Pid"] if donor in host.inspected else 0
        if pid and donor not in ends:
            table = tables.setdefault(pid, listeners(pid))
            for exposed in one.options.get("expose") or []:
                port, _, protocol = exposed.partition("/")
                what = f"{exposed} in the namespace of the donor {host.name(donor or '')}"
                _refuse(one, what, _taken(table, "", port, protocol), gone, host)


def _refuse_foreign_address(one: Wanted, ip: str) -> None:
    """The engine publishes on addresses that the host has; a bind asks the kernel, which knows of ip_nonlocal_bind."""
    if not ip:
        return
    with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((ip, 0))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise NetmodeError(
                    f"{one.where}: ports: this host has no address {ip}. Publish on one that it has, or on all of them "
                    "by leaving the address out."
                ) from None


def _refuse_published(one: Wanted, port: tuple[str, str, str], gone: set[str], host: Host) -> bool:
    """Whether a container that is ended before publishes the port; one that is there is named in the refusal."""
    holders = [key for key, published in host.published.items() if any(_on_one_port(port, item) for item in published)]
    for key in holders:
        if key not in gone:
            raise NetmodeError(
                f"{one.where}: {_option(one)}: port {port[1]}/{port[2]} of the host is taken: "
                f"the container {host.name(key)} publishes it. Stop it, or give one of them another port; "
                "to exchange ports takes a run that moves one of them to a free port first."
            )
    return bool(holders)


def _taken(table: list[Listener], ip: str, port: str, protocol: str) -> list[Listener]:
    return [
        item for item in table if item.protocol == protocol and item.port == int(port) and overlap(ip, item.address)
    ]


def _refuse(one: Wanted, what: str, taken: list[Listener], gone: set[str], host: Host) -> None:
    for item in taken:
        pid, command, groups = _holder(item.inode)
        container = next((key for key in groups if key in host.modes), "")
        if container in gone:
            continue
        if container:
            holder = f"the container {host.name(container)}"
        else:
            holder = f"the process {command} (pid {pid})" if pid else "another process"
        raise NetmodeError(
            f"{one.where}: {_option(one)}: port {what} is taken: {holder} listens on {item.address}:{item.port}. "
            "Stop it, or give one of them another port."
        )


def _holder(inode: str) -> tuple[int, str, list[str]]:
    """(pid, command, what may be container ids) of the process that holds a socket; pid 0 where it may not be seen.

    The ids are those in its control groups: where the host is itself a container, that one's is among them.
    """
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if not any(str(fd.readlink()) == f"socket:[{inode}]" for fd in (process / "fd").iterdir()):
                continue
            command = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
            groups = re.findall(r"[0-9a-f]{64}", (process / "cgroup").read_text(encoding="ascii", errors="replace"))
        except OSError:
            continue
        return int(process.name), command, groups
    return 0, "", []
