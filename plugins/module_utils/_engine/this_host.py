# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an engine is this host's: another's would be joined with the wrong kernel, and the wrong host be changed."""

from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_KNOWN = "unix:///path/to/docker.sock nor tcp://address:port"
WAY_OUT = (
    "Its containers are not in this host's kernel. Make the host of that engine a host of the inventory and run this "
    "there, where docker_host is usually unix:///var/run/docker.sock."
)
USUAL = "/var/run/docker.sock"
_ACTIVATED = "/run/docker.sock"
"""Where systemd listens for the engine (docker.socket): the other end is systemd then."""
_UNSUPPORTED = {
    "ssh": f"an engine is not reached by ssh from here. {WAY_OUT}",
    "https": "TLS is not spoken here. On its own host an engine is reached by its unix socket.",
    "fd": "that is what an engine is started with. Give the unix socket that systemd listens at.",
    "npipe": "that is an engine for Windows, which is not supported.",
}


class Where(NamedTuple):
    """Where an engine listens: at a unix socket, or at an address of this host."""

    path: str
    host: str
    port: int


def locate(docker_host: str) -> Where:
    """``docker_host`` taken apart. NetmodeError if no engine of this host can be there."""
    told = f"docker_host: {docker_host!r}"
    if docker_host and docker_host == os.environ.get("DOCKER_HOST"):
        told += " (so says DOCKER_HOST in the environment)"
    try:
        url = urlsplit(docker_host)
        (url.hostname or "").encode("idna")
        port = url.port
    except ValueError as error:  # brackets, an invalid port, a name that is too long
        raise NetmodeError(f"{told} is neither {_KNOWN} ({error}).") from None
    if url.scheme in _UNSUPPORTED:
        raise NetmodeError(f"{told}: {_UNSUPPORTED[url.scheme]}")
    if url.scheme == "unix" and url.path.startswith("/") and not url.netloc and "\0" not in url.path:
        return Where(url.path, "", 0)
    if url.scheme not in ("tcp", "http") or not url.hostname or port == 0:
        raise NetmodeError(f"{told} is neither {_KNOWN}.{_missing_slash(url)}")
    for address in _addresses(told, url.hostname):
        if not is_own(address):
            what = address if address == url.hostname else f"{url.hostname} ({address})"
            raise NetmodeError(f"{told} is an engine of another host: {what} is not an address of this one. {WAY_OUT}")
    return Where("", url.hostname, port or 2375)


def _missing_slash(url: SplitResult) -> str:
    return f" Write unix:///{url.netloc}{url.path}." if url.scheme == "unix" and url.netloc else ""


def _addresses(told: str, name: str) -> list[str]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NetmodeError(f"{told}: {name} has no address ({error.args[-1]}).") from None
    return [str(item[4][0]) for item in found]


def is_own(address: str) -> bool:
    """Whether an IP address is one of this host's: the kernel binds a socket to no other."""
    ip = ipaddress.ip_address(address)
    if ip.is_loopback or ip.is_unspecified:  # the kernel takes the latter for the former
        return True
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def is_certain(connection: socket.socket, path: str) -> bool:
    """Whether the other end of a unix socket shows that the engine is this host's; else it has to be asked.

    What listens may as well be a tunnel of ssh or a proxy. NetmodeError for an engine of this host that lives in a
    network namespace of its own (a rootless one does): its bridges and veths are not among this host's.
    """
    pid = int.from_bytes(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], "little")
    if pid == 1:
        return os.path.realpath(path) == _ACTIVATED
    try:
        if pid == 0 or Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip() != "dockerd":
            return False
        elsewhere = Path(f"/proc/{pid}/ns/net").stat().st_ino != Path("/proc/thread-self/ns/net").stat().st_ino
    except PermissionError:
        return True  # of another user; who may not look takes dockerd's word
    except OSError:  # ended
        return False
    if elsewhere:
        raise NetmodeError(
            f"docker_host: the engine at unix://{path} runs in a network namespace of its own (a rootless one does), "
            "so its bridges and veths are not on this host. Name the engine that runs in the host's namespace."
        )
    return True
