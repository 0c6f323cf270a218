# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates as Redis and its clients judge them: dates, uses, names, key, and who has signed them.

With ``cryptography``, which ansible-core itself requires. Redis verifies the chain of its peers and not their names
(a CA of its own for each fleet is what keeps others out); clients verify both. The plan of a host is made several times
in a run, so what was read and verified is kept.
"""

from __future__ import annotations

import functools
import ipaddress
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

from ansible_collections.netmode.docker.plugins.plugin_utils._redis_material import WrongCertificateError

with suppress(ImportError):  # ansible-core requires it; its tests of imports do without
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.x509.oid import ExtendedKeyUsageOID

LONGEST_CHAIN = 10
# --- reading ----------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1024)
def certificates(option: str, text: str) -> list[x509.Certificate]:
    """All of a PEM text, in order."""
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise WrongCertificateError(
            option, "holds no certificate in PEM (-----BEGIN CERTIFICATE-----). Give one."
        ) from None


def key(option: str, text: str) -> Any:
    try:
        return serialization.load_pem_private_key(text.encode(), password=None)
    except TypeError:
        why = "is encrypted. Give it without a passphrase, and keep that in Ansible's vault."
    except (ValueError, UnsupportedAlgorithm):
        why = "holds no private key in PEM (-----BEGIN PRIVATE KEY-----). Give one."
    raise WrongCertificateError(option, why)


def text_of(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_text(private: Any) -> str:
    """In the form that every OpenSSL reads (PKCS #8)."""
    encoding, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return str(private.private_bytes(encoding, kind, serialization.NoEncryption()).decode())


def public_key(certificate: x509.Certificate) -> Any:
    """None for one of a kind that is not known here."""
    try:
        return certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None


def belongs(private: Any, certificate: x509.Certificate) -> bool:
    return _public(private.public_key()) == _public(certificate.public_key())


def _public(public: Any) -> bytes:
    encoding, kind = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return bytes(public.public_bytes(encoding, kind))


# --- dates and uses ---------------------------------------------------------------------------------------------------


def not_after(certificate: x509.Certificate) -> datetime:
    found = getattr(certificate, "not_valid_after_utc", None)  # cryptography 42 and newer
    return found or certificate.not_valid_after.replace(tzinfo=timezone.utc)


def not_before(certificate: x509.Certificate) -> datetime:
    found = getattr(certificate, "not_valid_before_utc", None)
    return found or certificate.not_valid_before.replace(tzinfo=timezone.utc)


def refuse_dates(option: str, certificate: x509.Certificate, now: datetime) -> None:
    begins, ends = not_before(certificate), not_after(certificate)
    if ends <= now:
        raise WrongCertificateError(option, f"it has expired on {ends:%Y-%m-%d %H:%M} UTC. Give one that is valid.")
    if begins > now:
        why = f"it is valid from {begins:%Y-%m-%d %H:%M} UTC on only. Look at the clock here, or give another."
        raise WrongCertificateError(option, why)


def _extension(certificate: x509.Certificate, kind: Any) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def refuse_usage(option: str, certificate: x509.Certificate) -> None:
    """One that names no use is for all.

    A node is a server to clients and a client to its master and, in a cluster, to every other node.
    """
    needed = {ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth", ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth"}
    uses = _extension(certificate, x509.ExtendedKeyUsage)
    if uses is None or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in uses:
        return
    missing = [word for use, word in needed.items() if use not in uses]
    if missing:
        raise WrongCertificateError(
            option, f"it is not for {' and '.join(missing)} (extendedKeyUsage). A Redis is a server to its clients and "
            "a client to its peers: give a certificate for serverAuth and clientAuth. Public CAs issue none any more.",
        )  # fmt: skip


# --- names ------------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1024)
def names_of(certificate: x509.Certificate) -> list[str]:
    """The names and addresses of subjectAltName; the subject itself counts for no client."""
    found = _extension(certificate, x509.SubjectAlternativeName)
    if found is None:
        return []
    kinds: tuple[Any, ...] = (x509.DNSName, x509.IPAddress)
    return [str(name) for kind in kinds for name in found.get_values_for_type(kind)]


def is_for(certificate: x509.Certificate, name: str) -> bool:
    """As clients judge it (RFC 9525): a wildcard is the whole first label."""
    address = _address(name)
    if address:
        return address in names_of(certificate)
    wanted = name.lower().rstrip(".")
    above = f"*.{wanted.partition('.')[2]}"
    return any(one.lower() in (wanted, above) for one in names_of(certificate))


@functools.lru_cache(maxsize=1024)
def _address(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return ""


# --- who has signed it ------------------------------------------------------------------------------------------------


def is_ca(certificate: x509.Certificate) -> bool:
    found = _extension(certificate, x509.BasicConstraints)
    return bool(found and found.ca)


@functools.lru_cache(maxsize=1024)
def signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def refuse_untrusted(chain: list[x509.Certificate], trusted: list[x509.Certificate], now: datetime) -> None:
    """From the leaf over what comes with it to one that is trusted; a certificate may be trusted by itself."""
    at = chain[0]
    for _ in range(LONGEST_CHAIN):
        if at in trusted:
            return
        root = next((one for one in trusted if signed(at, one)), None)
        if root is not None:
            _refuse_issuer("tls_ca_cert", root, now)
            return
        between = next((one for one in chain if one != at and signed(at, one)), None)
        if between is None:
            break
        _refuse_issuer("tls_cert", between, now)
        at = between
    issuer = at.issuer.rfc4514_string() or "an unnamed CA"
    raise WrongCertificateError(
        "tls_cert", f"it was signed by {issuer}, which is not in tls_ca_cert. Give the CA that has signed it, and what "
        "is between them after the certificate in tls_cert.",
    )  # fmt: skip


def _refuse_issuer(option: str, certificate: x509.Certificate, now: datetime) -> None:
    if not is_ca(certificate):
        who = certificate.subject.rfc4514_string()
        raise WrongCertificateError(option, f"{who} is not a CA (basicConstraints), and may sign no certificate.")
    refuse_dates(option, certificate, now)
