# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for tests, right and wrong ones: a CA, and what it signs. It shares no code with the collection."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta, timezone
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
NOW = datetime.now(timezone.utc)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _san(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def key_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, passphrase: bytes = b"") -> str:
    how = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, how).decode()


class Authority:
    """A CA, of its own or signed by ``parent``."""

    def __init__(self, name: str = "CA", days: tuple[float, float] = (-1, 3650), parent: Any = None) -> None:
        self.name = _name(name)
        self.key = ec.generate_private_key(ec.SECP256R1())
        signer = parent or self
        self.certificate = (
            _builder(self.name, signer.name, self.key, days)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .sign(signer.key, hashes.SHA256())
        )

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(
        self,
        *names: str,
        days: tuple[float, float] = (-1, 90),
        uses: tuple[Any, ...] | None = (SERVER, CLIENT),
        subject: str = "redis",
    ) -> tuple[str, str]:
        """(certificate, key) in PEM, for ``names``, from and until so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(subject), self.name, key, days)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(map(_san, names)), critical=False)
        if uses is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        made = builder.sign(self.key, hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM).decode(), key_pem(key)


def _builder(name: x509.Name, issuer: x509.Name, key: Any, days: tuple[float, float]) -> x509.CertificateBuilder:
    begins, ends = (NOW + timedelta(days=number) for number in days)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def rsa_pair(subject: str, days: tuple[float, float] = (-1, 3650), bits: int = 2048) -> tuple[str, str]:
    """(certificate, key) in PEM, signed by itself: what a person makes to encrypt for."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    made = _builder(_name(subject), _name(subject), key, days).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode(), key_pem(key)
