# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports: whether what a plan will listen on is free, read from the kernel before anything is stopped.

Source: /proc/net/tcp, tcp6, udp, udp6 (state 0A is LISTEN; a UDP socket in state 07 is bound) of the host, and of a
donor by its process. Who holds a port is looked up only once one is taken.
"""

from __future__ import annotations

import re
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._wanted import Wanted, host_ports, overlap

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._host import Host
    from ansible_collections.netmode.docker.plugins.module_utils._plan_containers import Plan

_STARTING = ("create", "recreate", "start", "restart")


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


def refuse_taken(host: Host, wanted: list[Wanted], plan: Plan) -> None:
    """Raise NetmodeError when a container that the plan starts would find its port taken, naming who holds it."""
    starting = {step.name for step in plan.steps if step.action in _STARTING}
    ending = {step.container for step in plan.steps if step.action in ("stop", "remove", "recreate", "rename")}
    tables: dict[Any, list[Listener]] = {}
    for one in wanted:
        if one.state != "started" or one.name not in starting:
            continue
        own = {host.names.get(one.name, ""), *ending}
        for ip, port, protocol in host_ports(one):
            if not _refuse_published(one, (ip, port, protocol), own, host):
                table = tables.setdefault("self", listeners())
                _refuse(one, f"{port}/{protocol} of the host", _taken(table, ip, port, protocol), own, host)
        donor = host.find(one.donor) if one.donor else None
        pid = host.inspected[donor]["State"]["Pid"] if donor in host.inspected else 0
        if pid and donor not in ending:
            table = tables.setdefault(pid, listeners(pid))
            for exposed in one.options.get("expose") or []:
                port, _, protocol = exposed.partition("/")
                what = f"{exposed} in the namespace of the donor {host.name(donor or '')}"
                _refuse(one, what, _taken(table, "", port, protocol), own, host)


def _refuse_published(one: Wanted, port: tuple[str, str, str], own: set[str], host: Host) -> bool:
    """Whether a container that the plan ends publishes the port; one that stays is named in the refusal."""
    for key, published in host.published.items():
        if any(item[1:] == port[1:] and overlap(item[0], port[0]) for item in published):
            if key in own:
                return True
            raise NetmodeError(
                f"{one.where}: port {port[1]}/{port[2]} of the host is taken: "
                f"the container {host.name(key)} publishes it. Stop it, or give one of them another port."
            )
    return False


def _taken(table: list[Listener], ip: str, port: str, protocol: str) -> list[Listener]:
    return [
        item for item in table if item.protocol == protocol and item.port == int(port) and overlap(ip, item.address)
    ]


def _refuse(one: Wanted, what: str, taken: list[Listener], own: set[str], host: Host) -> None:
    for item in taken:
        pid, command, container = _holder(item.inode)
        if container in own:
            continue
        if container:
            holder = f"the container {host.name(container)}"
        else:
            holder = f"the process {command} (pid {pid})" if pid else "another process"
        raise NetmodeError(
            f"{one.where}: port {what} is taken: {holder} listens on {item.address}:{item.port}. "
            "Stop it, or give one of them another port."
        )


def _holder(inode: str) -> tuple[int, str, str]:
    """(pid, command, container id or empty) of the process that holds a socket; pid 0 where it may not be seen."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if not any(str(fd.readlink()) == f"socket:[{inode}]" for fd in (process / "fd").iterdir()):
                continue
            command = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
            match = re.search(r"[0-9a-f]{64}", (process / "cgroup").read_text(encoding="ascii", errors="replace"))
        except OSError:
            continue
        return int(process.name), command, match.group() if match else ""
    return 0, "", ""
