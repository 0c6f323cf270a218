# SPDX-License-Identifier: GPL-3.0-or-later
"""The CA of a fleet in a directory of the controller, and the certificates that it has signed for each Redis.

The files are all that is known. ``ca-N.crt`` is trusted by every Redis until it ends or is removed. The oldest that has
its key, ``ca-N.key``, and outlives what it signs is the one that signs. So a new CA is trusted everywhere for a year
before it signs, and one whose key was removed signs nothing more: what it has signed is made again.
"""

from __future__ import annotations

import fcntl
import functools
import ipaddress
import os
import stat
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from ansible_collections.netmode.docker.plugins.module_utils import _files
from ansible_collections.netmode.docker.plugins.plugin_utils import _x509
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_material import (
    Material,
    Node,
    WrongCertificateError,
)

with suppress(ImportError):  # ansible-core requires it; its tests of imports do without
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

OPTION = "tls_ca_dir"
ALWAYS = "127.0.0.1"
"""Every certificate made here is for it."""
VALID = timedelta(days=365)
"""How long a certificate made here is valid."""
_CA_VALID = timedelta(days=3650)
_SKEW = timedelta(hours=1)
"""A certificate is valid from so long before it is made on, for hosts whose clocks are slow."""
_LONGEST_COMMON_NAME = 64


class Authority(NamedTuple):
    number: int
    certificate: x509.Certificate
    key: Path | None

    @property
    def name(self) -> str:
        return f"ca-{self.number}"


# --- what is there ----------------------------------------------------------------------------------------------------


def authorities(directory: Path, now: datetime) -> list[Authority]:
    """Those that are trusted, the oldest first. WrongCertificateError: others get at them, or one cannot be read."""
    _refuse_open(directory)
    found = []
    for path in directory.glob("ca-*.crt"):
        number = path.stem.partition("-")[2]
        if number.isdecimal():
            certificate = _x509.certificates(OPTION, _read(path))[0]
            key = path.with_suffix(".key")
            if _x509.not_after(certificate) > now:
                found.append(Authority(int(number), certificate, key if key.exists() else None))
    return sorted(found, key=lambda one: one.number)


def _refuse_open(directory: Path) -> None:
    try:
        there = directory.stat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise WrongCertificateError(OPTION, f"{directory}: on the controller: {error.strerror}.") from None
    if not stat.S_ISDIR(there.st_mode) or there.st_mode & 0o077 or there.st_uid != os.geteuid():
        raise WrongCertificateError(
            OPTION, f"{directory}: on the controller: it holds the CA's key, and has to be your own directory that "
            f"nobody else gets into: chmod 700 {directory}.",
        )  # fmt: skip


def _read(path: Path) -> str:
    try:
        return (_files.read(path) or b"").decode("ascii", "replace")
    except OSError as error:
        raise WrongCertificateError(OPTION, f"{path}: on the controller: {error.strerror}.") from None


def signer(found: Sequence[Authority], now: datetime) -> Authority | None:
    """The oldest that has its key and outlives what it signs."""
    return next((one for one in found if _signs(one, now, VALID)), None)


def _signs(one: Authority, now: datetime, ahead: timedelta) -> bool:
    """Whether it has its key and is valid now and so long ahead: one made while a clock was fast is not yet."""
    begins, ends = _x509.not_before(one.certificate), _x509.not_after(one.certificate)
    return one.key is not None and begins <= now and ends >= now + ahead


def needs_another(found: Sequence[Authority], now: datetime) -> bool:
    """Once the last one has less than two periods left, so that the next is trusted for one before it signs."""
    return not any(_signs(one, now, 2 * VALID) for one in found)


def path_of(directory: Path, node: Node) -> Path:
    """Quoted, the name of a host has no @."""
    return directory / "nodes" / f"{node.instance}@{quote(node.host, safe='')}.pem"


def look(
    directory: Path, node: Node, found: Sequence[Authority], renew_before: int, now: datetime
) -> tuple[Material | None, str]:
    """What a Redis has, and why it is to be made again, or for the first time; '' where it is right as it is.

    ``found``: the CAs that are trusted.
    """
    text = _read(path_of(directory, node))
    ca = "".join(_x509.text_of(one.certificate) for one in found)
    try:
        leaf = _leaf(text)
    except WrongCertificateError:
        return None, "there is none" if not text else "it cannot be read"
    ends = _x509.not_after(leaf)
    material = Material(text, ca, ALWAYS, ends.isoformat())
    issuer = next((one for one in found if _x509.signed(leaf, one.certificate)), None)
    missing = [name for name in node.names if not _x509.is_for(leaf, name)]
    if issuer is None:
        return (material if ends > now else None), "its CA is trusted no more"
    if issuer.key is None:
        return material, f"{issuer.name} signs no more"
    begins = max(_x509.not_before(leaf), _x509.not_before(issuer.certificate))
    if begins > now:
        return material, f"it is valid from {begins:%Y-%m-%d %H:%M} UTC on only, as the clock here was fast"
    if ends <= now + timedelta(days=renew_before):
        return material, f"it ends on {ends:%Y-%m-%d}"
    return material, f"it is not for {', '.join(missing)}" if missing else ""


@functools.lru_cache(maxsize=1024)
def _leaf(text: str) -> x509.Certificate:
    """Of a file with its key. WrongCertificateError: one of the two is missing, or they do not fit."""
    leaf = _x509.certificates(OPTION, text)[0]
    if not _x509.belongs(_x509.key(OPTION, text), leaf):
        raise WrongCertificateError(OPTION, "it is another certificate's key.")
    return leaf


# --- making -----------------------------------------------------------------------------------------------------------


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hosts of a play are worked on at once, and there may be two plays."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def make_authority(directory: Path, now: datetime) -> Authority:
    numbers = [int(path.stem[3:]) for path in directory.glob("ca-*.crt") if path.stem[3:].isdecimal()]
    number = max(numbers, default=0) + 1
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "netmode.docker"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Redis CA {number} of {now:%Y-%m-%d}"),
        ]
    )
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = (
        _builder(name, name, key, now, _CA_VALID)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / f"ca-{number}.key"
    _write(path, _x509.key_text(key))  # before the certificate, without which it is not looked at
    _write(directory / f"ca-{number}.crt", _x509.text_of(made))
    return Authority(number, made, path)


def make_node(directory: Path, node: Node, by: Authority, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    signing = _x509.key(OPTION, _read(by.key) if by.key else "")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node.instance[:_LONGEST_COMMON_NAME])])
    uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    made = (
        _builder(subject, by.certificate.subject, key, now, VALID)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(x509.SubjectAlternativeName(map(_general, node.names)), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by.certificate.public_key()),  # type: ignore[arg-type]
            critical=False,
        )
        .sign(signing, hashes.SHA256())
    )
    path = path_of(directory, node)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    _write(path, _x509.text_of(made) + _x509.key_text(key))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Any, now: datetime, valid: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + valid)
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, text: str) -> None:
    _files.write(path, text.encode(), 0o600, (os.geteuid(), os.getegid()))


def make(
    directory: Path, nodes: Sequence[Node], renew_before: int, now: datetime, *, another: bool, check: bool
) -> list[str]:
    """Make what is missing or due. Returns what was, or in check mode would be, made, a line each."""
    told = []
    found = authorities(directory, now)
    if another or needs_another(found, now):
        made = None if check else make_authority(directory, now)
        told.append(f"{made.name if made else 'a CA'}: made, which signs from then on that no older one can")
        found = found if made is None else [*found, made]
    by = signer(found, now)
    for node in nodes:
        _, why = look(directory, node, found, renew_before, now)
        if not why:
            continue
        if by is not None and not check:
            make_node(directory, node, by, now)
        told.append(f"{node.instance} of {node.host}: {why}, so one was made, valid until {now + VALID:%Y-%m-%d}")
    return told
