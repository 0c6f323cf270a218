# SPDX-License-Identifier: GPL-3.0-or-later
"""Links, addresses and routes of any network namespace, asked of the kernel itself (rtnetlink(7), no process started).

The parsers are pure functions over bytes: ``parse_x(data, start, end)`` reads one message's payload. :class:`Netlink`
is the thin part that talks. A namespace is read from outside by its nsid (``IFLA_TARGET_NETNSID`` and
``IFA_TARGET_NETNSID``, Linux 4.20); :func:`inside` is for one that has no nsid, for routes, and for older kernels.
Every failure is a :class:`KernelError`.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Parsed = dict[str, Any]

OWNER_MARK = "netmode:"
"""An interface whose alternative name or alias begins with this was made by this collection."""

RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETNSID = 18, 22, 26, 90
SOCK_DIAG = 4
"""The part of the kernel that tells of sockets, sock_diag(7); the routing tables are 0."""
_SOCK_DIAG_BY_FAMILY, _INET_DIAG_SKV6ONLY = 20, 11
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NLM_F_REQUEST, _NLM_F_DUMP, _NLM_F_MULTI, _NLM_F_DUMP_INTR = 0x1, 0x300, 0x2, 0x10
_SOL_NETLINK, _NETLINK_GET_STRICT_CHK = 270, 12
_IFLA_EXT_MASK, _IFLA_TARGET_NETNSID, _IFA_TARGET_NETNSID, _NETNSA_FD = 29, 46, 10, 3
_RTEXT_FILTER_SKIP_STATS = 8
_CLONE_NEWNET = 0x40000000
_RETRIES = 8
_OPERSTATES = ("UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP")

_OF_LINK = frozenset((1, 3, 4, 5, 10, 16, 18, 20, 37, _IFLA_TARGET_NETNSID, 52))
_OF_LINK_INFO, _OF_BRIDGE, _OF_NSID = frozenset((1, 2)), frozenset((5, 7, 11, 39)), frozenset((1,))
_OF_ADDRESS, _OF_ROUTE = frozenset((1, 2, _IFA_TARGET_NETNSID)), frozenset((1, 4, 5, 6, 9, 15))

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_INT = struct.Struct("=i")
_UINT = struct.Struct("=I")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=8BI")
_SOCKETS = struct.Struct("=BBBBI48x")
"""struct inet_diag_req_v2: family, protocol, attributes, padding, states, and no socket in particular."""


class KernelError(NetmodeError):
    """The kernel refused or answered nonsense; ``errno`` is its reason, 0 for nonsense."""

    def __init__(self, what: str, number: int = 0) -> None:
        super().__init__(f"{what}: {os.strerror(number)}." if number else f"{what}.")
        self.errno = number


def messages(data: bytes) -> Iterator[tuple[int, int, int, int, int]]:
    """The netlink messages of one datagram, as (type, flags, sequence, start of payload, end of payload)."""
    start, size = 0, len(data)
    while start < size:
        if size - start < 16:
            raise KernelError("netlink: the kernel's answer ends in the middle of a header")
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, start)
        if length < 16 or start + length > size:
            raise KernelError(f"netlink: a message of {length} bytes in a datagram of {size}")
        yield kind, flags, sequence, start + 16, start + length
        start += (length + 3) & ~3


def attributes(data: bytes, start: int, end: int, wanted: frozenset[int]) -> dict[int, bytes]:
    """The attributes between ``start`` and ``end`` whose type is wanted as {type: value}; of a repeated one the last.

    A link carries some thirty of which ten are wanted, and a host hundreds of links: the rest is stepped over.
    """
    found = {}
    unpack = _ATTRIBUTE.unpack_from
    while start + 4 <= end:
        length, kind = unpack(data, start)
        if length < 4 or start + length > end:
            raise KernelError(f"netlink: an attribute of {length} bytes where {end - start} are left")
        kind &= 0x3FFF  # the two high bits are flags
        if kind in wanted:
            found[kind] = data[start + 4 : start + length]
        start += (length + 3) & ~3
    return found


def _number(found: dict[int, bytes], kind: int) -> int | None:
    value = found.get(kind)
    if value is None:
        return None
    if len(value) != 4:
        raise KernelError(f"netlink: attribute {kind} has {len(value)} bytes instead of 4")
    number: int = _INT.unpack(value)[0]
    return number


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode("utf-8", "replace")


def _require(start: int, end: int, size: int) -> None:
    if end - start < size:
        raise KernelError(f"netlink: a payload of {end - start} bytes instead of at least {size}")


def parse_link(data: bytes, start: int, end: int) -> Parsed:
    """One RTM_NEWLINK as {ifindex, name, kind, mac, mtu, up, alias, operstate, master, link, link_netnsid, netnsid, …}.

    ``link``: ifindex of the peer (veth) or parent (macvlan, vlan), in the namespace ``link_netnsid``, None where it is
    the link's own namespace. ``netnsid``: the namespace that was asked for, as the kernel repeats it. A bridge also has
    ``bridge_id`` (as brctl prints it), ``stp`` and ``vlan``: the VLAN of a new port if it filters by VLAN, else None.
    A link without a kind of its own is ``physical``. ``loopback`` is for lo, ``marked`` for what carries
    :data:`OWNER_MARK`.
    """
    _require(start, end, 16)
    _, device_type, ifindex, flags, _ = _LINK.unpack_from(data, start)
    found = attributes(data, start + 16, end, _OF_LINK)
    mac = found.get(1)
    operstate = (found.get(16) or b"\0")[0]
    link: Parsed = {
        "ifindex": ifindex,
        "name": _text(found.get(3, b"")),
        "kind": "loopback" if device_type == 772 else "physical",
        "mac": mac.hex(":") if mac else None,
        "mtu": _number(found, 4),
        "up": bool(flags & 1),
        "alias": _text(found.get(20, b"")),
        "operstate": _OPERSTATES[operstate] if operstate < len(_OPERSTATES) else "UNKNOWN",
        "master": _number(found, 10),
        "link": _number(found, 5),
        "link_netnsid": _number(found, 37),
        "netnsid": _number(found, _IFLA_TARGET_NETNSID),
        "loopback": device_type == 772,
        "marked": _marked(found.get(20), found.get(52)),
    }
    info = found.get(18)
    if info is not None:
        detail = attributes(info, 0, len(info), _OF_LINK_INFO)
        if 1 in detail:
            link["kind"] = _text(detail[1])
        if link["kind"] == "bridge":
            _add_bridge(link, detail.get(2, b""))
    return link


def _add_bridge(link: Parsed, data: bytes) -> None:
    detail = attributes(data, 0, len(data), _OF_BRIDGE)
    identifier = detail.get(11, b"")
    link["bridge_id"] = f"{identifier[:2].hex()}.{identifier[2:].hex()}" if len(identifier) == 8 else None
    state = _number(detail, 5)
    link["stp"] = None if state is None else state != 0
    filters = detail.get(7, b"\0") != b"\0"
    link["vlan"] = int.from_bytes(detail.get(39, b""), sys.byteorder) if filters else None


def _marked(alias: bytes | None, names: bytes | None) -> bool:
    mark = OWNER_MARK.encode()
    if alias is not None and alias.startswith(mark):
        return True
    start = 0
    while names is not None and start + 4 <= len(names):
        length, _ = _ATTRIBUTE.unpack_from(names, start)
        if length < 4:
            raise KernelError("netlink: a malformed list of alternative names")
        if names[start + 4 : start + length].startswith(mark):
            return True
        start += (length + 3) & ~3
    return False


def parse_address(data: bytes, start: int, end: int) -> Parsed:
    """One RTM_NEWADDR as {ifindex, family, address ("172.17.0.1/16"), permanent, netnsid}.

    ``permanent``: somebody set it; false for one that an IPv6 router announced.
    """
    _require(start, end, 8)
    family, prefix, flags, _, ifindex = _ADDRESS.unpack_from(data, start)
    found = attributes(data, start + 8, end, _OF_ADDRESS)
    # IFA_LOCAL is the interface's own address; IFA_ADDRESS is the same, or the far end of a point-to-point link.
    value = found.get(2) or found.get(1) or b""
    return {
        "ifindex": ifindex,
        "family": family,
        "address": f"{_address_text(family, value)}/{prefix}",
        "permanent": bool(flags & 0x80),
        "netnsid": _number(found, _IFA_TARGET_NETNSID),
    }


def _address_text(family: int, value: bytes) -> str:
    try:
        return socket.inet_ntop(family, value)
    except (ValueError, OSError):
        raise KernelError(f"netlink: an address of {len(value)} bytes in family {family}") from None


def parse_route(data: bytes, start: int, end: int) -> Parsed:
    """One RTM_NEWROUTE as {default, table, protocol, metric, destination, gateway, ifindex}.

    ``default``: it leads anywhere; ``destination`` is CIDR, ``0.0.0.0/0`` for a default route; what it has not is None.
    """
    _require(start, end, 12)
    family, prefix, _, _, table, protocol, _, kind, _ = _ROUTE.unpack_from(data, start)
    found = attributes(data, start + 12, end, _OF_ROUTE)
    gateway, ifindex, to = found.get(5), _number(found, 4), found.get(1)
    if gateway is None and len(found.get(9, b"")) > 8:  # RTA_MULTIPATH: the first way counts
        length = min(len(found[9]), struct.unpack_from("=H", found[9])[0])
        gateway = attributes(found[9], 8, length, _OF_ROUTE).get(5)
        ifindex = struct.unpack_from("=i", found[9], 4)[0]
    nowhere = bytes(16 if family == socket.AF_INET6 else 4)
    return {
        "default": prefix == 0 and kind == 1,
        "table": _number(found, 15) or table,
        "protocol": protocol,
        "metric": _number(found, 6) or 0,
        "unicast": kind == 1,
        "destination": f"{_address_text(family, to or nowhere)}/{prefix}",
        "ifindex": ifindex,
        "gateway": _address_text(family, gateway) if gateway else None,
    }


def parse_nsid(data: bytes, start: int, end: int) -> int:
    """One RTM_NEWNSID: the namespace's number as seen from the asking one, -1 if it has none."""
    _require(start, end, 4)
    number = _number(attributes(data, start + 4, end, _OF_NSID), 1)
    return -1 if number is None else number


def parse_socket(data: bytes, start: int, end: int) -> tuple[int, bool]:
    """One struct inet_diag_msg of IPv6: (inode of the socket, whether it takes IPv6 alone)."""
    _require(start, end, 72)
    narrow = attributes(data, start + 72, end, frozenset((_INET_DIAG_SKV6ONLY,))).get(_INET_DIAG_SKV6ONLY, b"")
    return _UINT.unpack_from(data, start + 68)[0], narrow == b"\1"


def _attribute(kind: int, number: int) -> bytes:
    return _ATTRIBUTE.pack(8, kind) + _INT.pack(number)


class Netlink:
    """A socket to the kernel's routing tables, of the namespace that the calling thread is in when it is made.

    ``protocol``: another part of the kernel, :data:`SOCK_DIAG`.
    """

    def __init__(self, protocol: int = 0) -> None:
        self._sequence = 0
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            # The kernel always answers at once; 10 s are the bound should an answer be lost for want of memory.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 10, 0))
        except OSError as error:
            raise KernelError("netlink: no socket to the kernel", error.errno or 0) from error
        try:
            self._socket.setsockopt(_SOL_NETLINK, _NETLINK_GET_STRICT_CHK, 1)
            self.reads_by_nsid = True
            """Can this kernel be asked about other namespaces? Withdrawn once it answers for the wrong one."""
        except OSError:
            self.reads_by_nsid = False

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Netlink:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def links(self, nsid: int | None = None) -> list[Parsed]:
        body = _LINK.pack(0, 0, 0, 0, 0) + _attribute(_IFLA_EXT_MASK, _RTEXT_FILTER_SKIP_STATS)
        return self._of_namespace(RTM_GETLINK, body, nsid, _IFLA_TARGET_NETNSID, parse_link)

    def addresses(self, nsid: int | None = None) -> list[Parsed]:
        return self._of_namespace(RTM_GETADDR, _ADDRESS.pack(0, 0, 0, 0, 0), nsid, _IFA_TARGET_NETNSID, parse_address)

    def routes(self, family: int = socket.AF_INET) -> list[Parsed]:
        """The routes of the main table that lead somewhere."""
        found = self._dump(RTM_GETROUTE, _ROUTE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0), parse_route)
        return [route for route in found if route["table"] == 254 and route["unicast"]]

    def sockets_of_ipv6(self, protocol: int) -> list[tuple[int, bool]]:
        """(inode, takes IPv6 alone) of every socket of IPv6 of an IP protocol, where the socket is one of SOCK_DIAG."""
        body = _SOCKETS.pack(socket.AF_INET6, protocol, 0, 0, 0xFFFFFFFF)
        return self._dump(_SOCK_DIAG_BY_FAMILY, body, parse_socket)

    def gateway(self) -> str | None:
        """The IPv4 gateway of the main table's best default route, None without one."""
        found = [route for route in self.routes() if route["default"] and route["gateway"]]
        return min(found, key=lambda route: route["metric"])["gateway"] if found else None

    def nsid(self, descriptor: int) -> int:
        """The number by which this namespace knows the one behind an open namespace file, -1 if it has none."""
        body = b"\0\0\0\0" + _attribute(_NETNSA_FD, descriptor)
        numbers, _ = self._ask(RTM_GETNSID, _NLM_F_REQUEST, body, parse_nsid)
        return int(numbers[0]) if numbers else -1

    def _of_namespace(
        self, kind: int, body: bytes, nsid: int | None, attribute: int, parse: Callable[[bytes, int, int], Parsed]
    ) -> list[Parsed]:
        if nsid is None:
            return self._dump(kind, body, parse)
        found = self._dump(kind, body + _attribute(attribute, nsid), parse)
        if any(item["netnsid"] != nsid for item in found):
            # A kernel that does not know the attribute passes it over and answers for the socket's own namespace.
            self.reads_by_nsid = False
            raise KernelError("netlink: this kernel reads its own namespace only", errno.EOPNOTSUPP)
        return found

    def _dump(self, kind: int, body: bytes, parse: Callable[[bytes, int, int], Any]) -> list[Any]:
        """A whole table. Changed while it was read, it is read again; under constant change the last reading counts."""
        found: list[Any] = []
        for _ in range(_RETRIES):
            found, interrupted = self._ask(kind, _NLM_F_REQUEST | _NLM_F_DUMP, body, parse)
            if not interrupted:
                break
        return found

    def _ask(
        self, kind: int, flags: int, body: bytes, parse: Callable[[bytes, int, int], Any]
    ) -> tuple[list[Any], bool]:
        self._sequence += 1
        found: list[Any] = []
        interrupted = False
        try:
            self._socket.send(_HEADER.pack(16 + len(body), kind, flags, self._sequence, 0) + body)
        except OSError as error:
            raise KernelError("netlink: the kernel cannot be asked", error.errno or 0) from error
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise KernelError("netlink: no answer of the kernel", error.errno or 0) from error
                interrupted = True
                continue
            for answer, answer_flags, sequence, start, end in messages(data):
                if sequence != self._sequence:
                    continue
                interrupted = interrupted or bool(answer_flags & _NLM_F_DUMP_INTR)
                if answer in (_NLMSG_ERROR, _NLMSG_DONE):
                    _raise_error(data, start, end)
                    return found, interrupted
                found.append(parse(data, start, end))
                if not answer_flags & _NLM_F_MULTI:
                    return found, interrupted


def _raise_error(data: bytes, start: int, end: int) -> None:
    """NLMSG_ERROR and NLMSG_DONE both begin with 0 or a negative errno (an empty NLMSG_DONE means 0)."""
    number = -_INT.unpack_from(data, start)[0] if end - start >= 4 else 0
    if number > 0:
        raise KernelError("netlink: the kernel refuses", number)


def inside(descriptor: int, protocol: int = 0) -> Netlink:
    """A socket that belongs to the namespace behind an open namespace file. The caller's own namespace is kept."""
    with entered(descriptor):
        return Netlink(protocol)


@contextmanager
def entered(descriptor: int) -> Iterator[None]:
    """The thread is in the namespace behind an open namespace file. A socket that is made there stays there."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _set_namespace(descriptor)
        try:
            yield
        finally:
            _set_namespace(own)
    finally:
        os.close(own)


def _set_namespace(descriptor: int) -> None:
    try:
        if hasattr(os, "setns"):  # Python 3.12
            os.setns(descriptor, _CLONE_NEWNET)
            return
        import ctypes  # noqa: PLC0415 (rarely needed)

        if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    except OSError as error:
        raise KernelError("The network namespace cannot be entered", error.errno or 0) from error
