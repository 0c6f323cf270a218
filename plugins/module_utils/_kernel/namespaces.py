# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's links and the network namespaces of its containers, as the kernel shows them now.

A namespace is known by its inode, as ``readlink /proc/PID/ns/net`` shows it; its nsid is what the host's veths call it.
"""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from .netlink import KernelError, Netlink, inside

Facts = dict[str, Any]

NAMESPACE_FILES = "/var/run/docker/netns"
"""Where Docker keeps a file per namespace, unless the engine was started with another --exec-root."""

OWN_NAMESPACE = "/proc/thread-self/ns/net"


class Kernel:
    """The host's links and the namespaces of its containers, as the kernel shows them now.

    Every namespace file is opened before anything is read and held until the end: an open one cannot die, so no
    number (nsid, inode) can come to mean another namespace while its container is being read.
    """

    def __init__(self, directory: str = NAMESPACE_FILES) -> None:
        own = Path(OWN_NAMESPACE).stat()
        self.own, self._device = own.st_ino, own.st_dev
        self.limited = False
        """True: not allowed to look into namespaces (not root)."""
        self._open: dict[int, int] = {}
        self._views: dict[int, Facts | None] = {}
        self.netlink = Netlink()
        try:
            self.pin_all(directory)
            self.nsids: dict[int, int] = {}
            self.refresh()
            self.number()
            self.outdated = False
            """True: a namespace was found after the host's links were read, so a veth of it may be missing in them."""
        except NetmodeError:
            self.close()
            raise

    def close(self) -> None:
        self.netlink.close()
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def refresh(self) -> None:
        """Read the host's own links and addresses."""
        host = _view(self.netlink.links(), self.netlink.addresses())
        self.links, self.addresses = host["links"], host["addresses"]
        self.outdated = False

    def pin_all(self, directory: str) -> None:
        try:
            names = os.listdir(directory)  # noqa: PTH208 (names are all that is needed)
        except FileNotFoundError:
            return
        except PermissionError:
            self.limited = True
            return
        if len(names) > 400:
            _allow_open_files(len(names) + 400)
        for name in names:
            self._pin(f"{directory}/{name}")

    def _pin(self, path: str) -> int | None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except PermissionError:
            self.limited = True
            return None
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise KernelError(f"{path} cannot be opened", error.errno) from error
            return None
        status = os.fstat(descriptor)
        # What an engine that was killed leaves in its directory are plain files.
        if status.st_dev != self._device or status.st_ino in self._open or status.st_ino == self.own:
            os.close(descriptor)
            return status.st_ino if status.st_dev == self._device else None
        self._open[status.st_ino] = descriptor
        return status.st_ino

    def pin(self, path: str) -> int | None:
        """Hold a namespace that was not there, or not known, at first. Its inode; None if it is gone."""
        inode = self._pin(path)
        self.number()
        return inode

    def number(self) -> None:
        """Learn the nsid of what was pinned meanwhile; the dump of the host's links makes the kernel give them."""
        for inode, descriptor in self._open.items():
            if inode not in self.nsids:
                self.nsids[inode] = self.netlink.nsid(descriptor)
                self.outdated = True

    def view(self, inode: int | None) -> Facts | None:
        """``{links: {ifindex: link}, addresses: {ifindex: ([ipv4], [ipv6])}}`` of a held namespace, else None."""
        if inode is None or inode not in self._open:
            return None
        if inode not in self._views:
            self._views[inode] = self._read(inode)
        return self._views[inode]

    def _read(self, inode: int) -> Facts | None:
        nsid = self.nsids[inode]
        try:
            if nsid >= 0 and self.netlink.reads_by_nsid:
                return _view(self.netlink.links(nsid), self.netlink.addresses(nsid))
        except KernelError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM, errno.EACCES):
                raise
        try:
            with inside(self._open[inode]) as netlink:
                return _view(netlink.links(), netlink.addresses())
        except KernelError as error:
            if error.errno not in (errno.EPERM, errno.EACCES):
                raise
            self.limited = True
            return None

    def gateway(self, inode: int) -> str | None:
        """Where the namespace's default route leads. Routes are told inside only: None if it may not be entered."""
        try:
            with inside(self._open[inode]) as netlink:
                return netlink.gateway()
        except KernelError as error:
            if error.errno not in (errno.EPERM, errno.EACCES):
                raise
            return None

    def numbered(self) -> dict[int, Facts]:
        """{inode: view} of every held namespace that has a number: those that a veth of the host can lead to."""
        views = {inode: self.view(inode) for inode, nsid in self.nsids.items() if nsid >= 0}
        return {inode: view for inode, view in views.items() if view is not None}


def _allow_open_files(wanted: int) -> None:
    import resource  # noqa: PLC0415 (rarely needed)

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted and (hard == resource.RLIM_INFINITY or hard > soft):
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _by_interface(addresses: list[Facts]) -> dict[int, tuple[list[str], list[str]]]:
    found: dict[int, tuple[list[str], list[str]]] = {}
    for item in addresses:
        if item["family"] in (socket.AF_INET, socket.AF_INET6):
            found.setdefault(item["ifindex"], ([], []))[item["family"] == socket.AF_INET6].append(item["address"])
    return found


def _view(links: list[Facts], addresses: list[Facts]) -> Facts:
    return {"links": {link["ifindex"]: link for link in links}, "addresses": _by_interface(addresses)}
