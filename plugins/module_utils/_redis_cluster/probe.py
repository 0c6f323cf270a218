# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this host reaches the ports of the nodes: all at once, since what a firewall drops is never answered."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import with_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WITHIN = 3.0
"""Seconds, in which a lost packet is sent again."""


class Place(NamedTuple):
    name: str
    address: str
    port: int


def unreached(places: Iterable[Mapping[str, Any]]) -> list[str]:
    """Of those that do not take a connection, which and why: ``r3/c0 (10.0.0.3:17000): no answer within 3 s``."""
    found = []
    with selectors.DefaultSelector() as selector:
        for given in places:
            place = Place(given["name"], given["address"], given["port"])
            own = socket.socket(socket.AF_INET6 if ":" in place.address else socket.AF_INET)
            own.setblocking(False)
            code = own.connect_ex((place.address, place.port))
            if code in (0, errno.EINPROGRESS):
                selector.register(own, selectors.EVENT_WRITE, place)
            else:
                found.append(_told(place, os.strerror(code)))
                own.close()
        until = time.monotonic() + WITHIN
        while selector.get_map() and (left := until - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                own = key.fileobj  # type: ignore[assignment]  # as it was registered
                code = own.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                found += [_told(key.data, os.strerror(code))] if code else []
                selector.unregister(own)
                own.close()
        for key in list(selector.get_map().values()):
            found.append(_told(key.data, f"no answer within {WITHIN:g} s"))
            key.fileobj.close()  # type: ignore[union-attr]
    return found


def _told(place: Place, why: str) -> str:
    return f"{place.name} ({with_port(place.address, place.port)}): {why}"
