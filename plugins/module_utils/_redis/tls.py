# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS to a Redis: at which ports it speaks it, and how one is asked over it. Python's own ``ssl``, nothing else."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    import socket

    from .problems import Settings

Json = dict[str, Any]

OPTIONS: Json = {
    "tls": {"type": "bool", "default": False},
    "validate_certs": {"type": "bool", "default": True},
    "ca_certs": {"type": "str"},
    "server_name": {"type": "str"},
    "client_cert_file": {"type": "path"},
    "client_key_file": {"type": "path", "no_log": False},
}
"""How an endpoint of the module ``redis_ping`` is asked over TLS."""

PEM, CA = "tls.pem", "ca.pem"
"""Beside redis.conf. Key and certificate are one file, so that there never are two that do not fit."""

FILES = frozenset({"tls-cert-file", "tls-key-file", "tls-ca-cert-file"})
"""The directives that name them. CONFIG SET of one, also to what it is, has Redis read the file again (7.0.1)."""

CERTIFICATE_REQUIRED = "certificate required"
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


class Ports(NamedTuple):
    """Where an instance listens; 0 is nowhere."""

    plain: int
    tls: int


def ports_of(settings: Settings) -> Ports:
    """With TLS the port is its port, unless ``tls_port`` is beside it. Mode none without interfaces has no port."""
    port = int(settings["port"]) if settings["network_mode"] != "none" or settings["interfaces"] else 0
    if settings["tls"] == "off" or not port:
        return Ports(port, 0)
    beside = int(settings["tls_port"])
    return Ports(port if beside else 0, beside or port)


def lines_of_tls(settings: Settings, directory: str) -> list[str]:
    """The lines of redis.conf; ``directory`` is that of redis.conf as Redis sees it.

    Without a plain port its peers have none either: replication and the bus of a cluster speak TLS too.
    """
    ports = ports_of(settings)
    if not ports.tls:
        return []
    lines = [
        f"tls-port {ports.tls}",
        *lines_of_files(directory),
        f"tls-auth-clients {settings['tls_auth_clients']}",
    ]
    return lines if ports.plain else [*lines, "tls-replication yes", "tls-cluster yes"]


def lines_of_files(directory: str) -> list[str]:
    names = {"tls-cert-file": PEM, "tls-key-file": PEM, "tls-ca-cert-file": CA}
    return [f"{directive} {directory}/{name}" for directive, name in names.items()]


def is_pem(text: str) -> bool:
    """Whether it is the text itself, and not the path of a file."""
    return "-----BEGIN" in text


def fingerprint(pem: str) -> str:
    """SHA-256 of the first certificate of a PEM text, as ``openssl x509 -fingerprint`` has it; '' for none."""
    block = _BLOCK.search(pem)
    return hashlib.sha256(base64.b64decode(block[1])).hexdigest() if block else ""


class Tls(NamedTuple):
    """How an endpoint is asked over TLS."""

    context: Any
    """An ``ssl.SSLContext``."""
    server_name: str
    """Whom the certificate has to be for; '' for the host that is asked."""


def read(given: Json, where: str) -> Tls | None:
    """Of the options of an endpoint; None: plain. NetmodeError, which begins with ``where``: a file cannot be read."""
    if not given["tls"]:
        return None
    files = given["client_cert_file"] or "", given["client_key_file"] or ""
    try:
        context = _context(given["ca_certs"] or "", *files, validate=given["validate_certs"])
    except OSError as error:  # ssl.SSLError is one
        why = error.strerror or str(error)
        raise NetmodeError(f"{where}: {_culprit(given)}: {why}. Give files in PEM that this host has.") from None
    return Tls(context, given["server_name"] or "")


def unverified(certificate: str) -> Tls:
    """For who only looks at what is shown. ``certificate``: a file to show, '' for none. OSError: it cannot be read."""
    return Tls(_context("", certificate, "", validate=False), "")


def between(pem: str, ca: str) -> Tls:
    """As nodes ask each other: whose certificate is of that CA, whatever name it has. Both are files."""
    context = _context.__wrapped__(ca, pem, "", validate=True)
    context.check_hostname = False
    return Tls(context, "")


def _culprit(given: Json) -> str:
    named = [f"{name} {given[name]}" for name in ("client_cert_file", "client_key_file") if given[name]]
    if given["ca_certs"]:
        named.insert(0, "ca_certs" if is_pem(given["ca_certs"]) else f"ca_certs {given['ca_certs']}")
    return ", ".join(named) or "the certificates of this host"


@functools.lru_cache(maxsize=64)
def _context(ca_certs: str, certificate: str, key: str, *, validate: bool) -> Any:
    import ssl  # noqa: PLC0415 (ten milliseconds, which a host without TLS need not pay)

    if validate:
        from_text = is_pem(ca_certs)
        context = ssl.create_default_context(
            cadata=ca_certs if from_text else None, cafile=ca_certs if ca_certs and not from_text else None
        )
        # Python 3.13 asks more of a certificate than Redis and its other clients do.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate, key or None)
    return context


def wrap(connected: socket.socket, how: Tls, host: str) -> socket.socket:
    """The handshake, within the timeout of the socket. OSError: it did not come about, and the socket is closed."""
    try:
        wrapped: socket.socket = how.context.wrap_socket(connected, server_hostname=how.server_name or host)
    except (OSError, ValueError):
        connected.close()
        raise
    return wrapped


def certificate_of(connected: Any) -> Json | None:
    """``sha256`` of the certificate that a server has shown and, where it was verified, until when it is valid."""
    if not hasattr(connected, "getpeercert"):
        return None
    shown = connected.getpeercert(binary_form=True)
    if not shown:
        return None
    return {"sha256": hashlib.sha256(shown).hexdigest(), "not_after": (connected.getpeercert() or {}).get("notAfter")}


def word_of(error: OSError) -> str:
    """What went wrong with TLS in a few words; '' for an error of another kind."""
    if type(error).__module__ != "ssl":
        return ""
    verify = getattr(error, "verify_message", "")
    if verify:
        return f"certificate refused: {verify}"
    reason = str(getattr(error, "reason", None) or "").lower().replace("_", " ")
    if "certificate required" in reason:
        return CERTIFICATE_REQUIRED
    if reason in ("wrong version number", "record layer failure", "packet length too long"):
        return "no TLS"
    return f"TLS: {reason}" if reason and "eof" not in reason else "closed"
