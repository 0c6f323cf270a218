# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate that a running Redis shows, and one CONFIG SET after which it has read its files again.

A handshake in its own network namespace tells, wherever that is reached from: neither the file nor the OK of CONFIG SET
says what is served. Which CAs it trusts no handshake tells, so that is noted once it was told.
"""

from __future__ import annotations

import hashlib
import os
import socket
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._kernel.netlink import entered

from . import tls
from .files import content_of
from .live import Said, directives

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .protocol import Connection

Instance = dict[str, Any]

_WITHIN = 2.0
"""Seconds of one handshake."""
_SHOWN_WITHIN = 5.0
"""Seconds until it shows what it was told to."""
_EVERYWHERE = ("*", "0.0.0.0", "::", "::*")  # noqa: S104 (read, not bound to)


def trusted(instance: Instance) -> str:
    """Digest of the CAs that it is to trust; '' without TLS."""
    given = instance.get("tls")
    return hashlib.sha256(given["ca"].encode()).hexdigest() if given else ""


def to_read_again(own: Connection, instance: Instance, now: Said, noted: str) -> dict[str, str]:
    """The directives to set, each to what it is: so Redis reads its files. Empty where it has, or speaks no TLS yet.

    ``now``: what it says. ``noted``: the digest of the CAs that it was told to trust.
    """
    if not instance.get("tls") or now.settings.get("tls-port", "0") == "0":
        return {}
    shown = _shown(own, instance)
    if noted == trusted(instance) and shown in (None, _wanted(instance)):
        return {}
    return {name: values[-1][0] for name, values in directives(content_of(instance)).items() if name in tls.FILES}


def refuse_unshown(own: Connection, instance: Instance, values: Mapping[str, str]) -> str:
    """Why what was set is not what it shows; '' where it is, or cannot be looked at."""
    if not tls.FILES & {*values} or not instance.get("tls"):
        return ""
    until = time.monotonic() + _SHOWN_WITHIN
    while True:
        shown = _shown(own, instance)
        if shown in (None, _wanted(instance)):
            return ""
        if time.monotonic() > until:
            return f"it goes on to show the certificate {str(shown)[:16]}, not {_wanted(instance)[:16]}"
        time.sleep(0.1)


def _wanted(instance: Instance) -> str:
    return tls.fingerprint(instance["tls"]["pem"])


def _shown(own: Connection, instance: Instance) -> str | None:
    """The fingerprint in a handshake; None where there is none: it may not be looked at, or has no client's place."""
    given = directives(content_of(instance))
    port = int(given["tls-port"][-1][0])
    at = [address.lstrip("-") for address in given.get("bind", [["*"]])[-1]]
    address = next((one for one in at if one not in _EVERYWHERE), "127.0.0.1")
    with suppress(OSError, ValueError, NetmodeError), closing(_socket_of(own.process(), address)) as plain:
        plain.settimeout(_WITHIN)
        plain.connect((address, port))
        with closing(tls.wrap(plain, tls.unverified(_own_file(instance)), address)) as wrapped:
            return str((tls.certificate_of(wrapped) or {}).get("sha256"))
    return None


def _own_file(instance: Instance) -> str:
    """For a Redis that needs a certificate of its clients."""
    path = Path(instance["directory"]) / tls.PEM
    return str(path) if path.is_file() else ""


def _socket_of(process: int, address: str) -> socket.socket:
    """A socket in the network namespace of a process."""
    descriptor = os.open(f"/proc/{process}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        with entered(descriptor):
            return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    finally:
        os.close(descriptor)
