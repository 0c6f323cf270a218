# SPDX-License-Identifier: GPL-3.0-or-later
"""What listens in a network namespace, and who holds a socket.

Source: /proc/net/tcp, tcp6, udp, udp6 (state 0A is LISTEN; a UDP socket in state 07 is bound) of the host, and of a
donor by its process; whether a socket of IPv6 takes IPv4 as well is told by sock_diag(7) alone.
"""

from __future__ import annotations

import os
import re
import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from .netlink import SOCK_DIAG, Netlink, inside

_PROTOCOLS = {"tcp": (socket.IPPROTO_TCP, "0A"), "udp": (socket.IPPROTO_UDP, "07")}


class Listener(NamedTuple):
    protocol: str
    address: str
    port: int
    inode: str
    dual: bool = False
    """It listens on ``::``, and on every address of IPv4 as well."""

    @property
    def at(self) -> str:
        """The address as :func:`addresses.overlap` takes it."""
        return "" if self.dual else self.address


def listeners(pid: int | str = "self") -> list[Listener]:
    """What listens in the network namespace of a process; empty where it may not be read."""
    found = []
    for protocol, (number, state) in _PROTOCOLS.items():
        for name in (protocol, f"{protocol}6"):
            try:
                lines = Path(f"/proc/{pid}/net/{name}").read_text(encoding="ascii").splitlines()[1:]
            except OSError:
                continue
            for fields in map(str.split, lines):
                if fields[3] == state:
                    address, _, port = fields[1].partition(":")
                    found.append(Listener(protocol, _address(address), int(port, 16), fields[9]))
        wide = [item.address == "::" and item.protocol == protocol for item in found]
        narrow = _only_ipv6(pid, number) if any(wide) else frozenset()
        found = [item._replace(dual=item.inode not in narrow) if of_all else item for item, of_all in zip(found, wide)]
    return list(dict.fromkeys(found))  # while others come and go, one may be read twice


def _address(given: str) -> str:
    """An address of /proc/net: 32-bit words, each in the byte order of the machine."""
    words = [struct.pack("=I", int(given[at : at + 8], 16)) for at in range(0, len(given), 8)]
    packed = b"".join(words)
    if packed.startswith(b"\0" * 10 + b"\xff\xff"):
        packed = packed[12:]
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def _only_ipv6(pid: int | str, protocol: int) -> frozenset[str]:
    """The inodes of the sockets of IPv6 that take no IPv4; none where the kernel does not tell."""
    try:
        with _diagnosis(pid) as kernel:
            return frozenset(str(inode) for inode, narrow in kernel.sockets_of_ipv6(protocol) if narrow)
    except (NetmodeError, OSError):
        return frozenset()


def _diagnosis(pid: int | str) -> Netlink:
    if pid == "self":  # which asks for no right
        return Netlink(SOCK_DIAG)
    descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return inside(descriptor, SOCK_DIAG)
    finally:
        os.close(descriptor)


def open_sockets(pid: int | str) -> set[str]:
    """The inodes of all sockets that a process has open; OSError where it has ended or may not be looked into.

    A descriptor that is closed while they are read, as a server's are with its connections, says nothing of the others.
    """
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            name = str(descriptor.readlink())
            if name.startswith("socket:["):
                found.add(name[len("socket:[") : -1])
    return found


def holder(inode: str) -> tuple[int, str, list[str]]:
    """(pid, command, what may be container ids) of the process that holds a socket; pid 0 where it may not be seen.

    The ids are those in its control groups: where the host is itself a container, that one's is among them.
    """
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if inode not in open_sockets(process.name):
                continue
            command = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
            groups = re.findall(r"[0-9a-f]{64}", (process / "cgroup").read_text(encoding="ascii", errors="replace"))
        except OSError:
            continue
        return int(process.name), command, groups
    return 0, "", []
