# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps encrypted for a certificate by the host's own ``openssl``: neither the host nor the inventory can decrypt them.

Such a file is a line of JSON, and what ``openssl enc`` makes of the dump with a random password of its own. The line
has that password and the dump's SHA-256, encrypted for the certificate's public key (RSA-OAEP). A public key says who
may read a backup and not who has made it; the checksum in there says that nobody has changed it since.

``openssl cms`` would do all of it, but reads into memory all that it decrypts.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._host import regular
from ansible_collections.netmode.docker.plugins.module_utils._redis.formats import header_of
from ansible_collections.netmode.docker.plugins.module_utils._redis.tls import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Json = dict[str, Any]

BEGINS = b'{"encrypted dump": 1, '
"""What the first line of an encrypted dump begins with."""
LONGEST_LINE = 1 << 16
_CIPHER = ("enc", "-aes-256-ctr", "-pbkdf2", "-md", "sha256")
_OAEP = ("-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256", "-pkeyopt", "rsa_mgf1_md:sha256")
_SECRET_BYTES = 32


class Recipient(NamedTuple):
    """Whom dumps are encrypted for."""

    certificate: str
    """PEM."""
    subject: str

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.certificate)

    def __str__(self) -> str:
        return f"{self.subject} ({self.fingerprint[:16]})"


class Encrypted(NamedTuple):
    """What an encrypted dump says of itself, to everybody."""

    line: str
    recipient: Recipient
    format: str
    """``REDIS0010``."""
    locked: str
    """Its password and its SHA-256, encrypted, as Base64."""

    @property
    def begins(self) -> int:
        """Where the encrypted part begins, in bytes."""
        return len(self.line) + 1


def recipient_of(certificate: str) -> Recipient:
    """NetmodeError: this host cannot encrypt for it. All that is asked of ``openssl`` later is tried."""
    where = "redis_backup_encrypt_for"
    if len(certificate) > LONGEST_LINE // 2:
        raise NetmodeError(f"{where}: it has {len(certificate)} characters. Give a certificate alone.")
    with _readable(certificate.encode()) as (path, descriptor):
        told = _openssl(
            where, ["x509", "-in", path, "-noout", "-subject", "-nameopt", "RFC2253", "-checkend", "0"], (descriptor,)
        )
    subject = told.decode(errors="replace").splitlines()[0].partition("=")[2].strip()
    found = Recipient(certificate, subject)
    _lock(found, "x")
    with _password("x") as (given, descriptor):
        _openssl(where, [*_CIPHER, "-pass", given], (descriptor,))
    return found


def read(stream: BinaryIO, file: Path) -> Encrypted | None:
    """From the beginning of ``file``; None where it is not an encrypted dump. NetmodeError: it is a broken one."""
    stream.seek(0)
    line = stream.readline(LONGEST_LINE)
    if not line.startswith(BEGINS):
        return None
    try:
        found = json.loads(line)
        given = {key: found[key] for key in ("certificate", "subject", "format", "locked")}
        base64.b64decode(found["locked"], validate=True)
        whole = line.endswith(b"\n") and line.isascii() and bool(fingerprint(found["certificate"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        whole = False
    if not whole or header_of(str(given["format"]).encode()) != given["format"]:
        raise NetmodeError(f"{file}: its first line is not that of an encrypted dump any more. Restore another backup.")
    recipient = Recipient(given["certificate"], str(given["subject"]))
    return Encrypted(line.decode()[:-1], recipient, given["format"], given["locked"])


def encrypt(dump: BinaryIO, to: Path, recipient: Recipient, header: str, sha256: str) -> tuple[int, str]:
    """(size, sha256) of what was written into a new file, which is its writer's alone."""
    password = base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    text = {"encrypted dump": 1, "certificate": recipient.certificate, "subject": recipient.subject, "format": header}
    line = json.dumps({**text, "locked": _lock(recipient, f"{password}\n{sha256}\n")}).encode() + b"\n"
    dump.seek(0)
    with regular.created(to, (os.geteuid(), os.getegid())) as stream:
        size, digest = len(line), hashlib.sha256(line)
        stream.write(line)
        with _streamed([*_CIPHER], password, dump) as chunks:
            for chunk in chunks:
                size += len(chunk)
                digest.update(chunk)
                stream.write(chunk)
        _sync(stream)
    return size, digest.hexdigest()


def decrypt(source: BinaryIO, found: Encrypted, key: str, to: Path, owner: tuple[int, int]) -> None:
    """The dump into a new file, which is its owner's alone. ``key``: what the controller has found in its first line.

    NetmodeError: it is not what was encrypted.
    """
    password, _, sha256 = key.strip().partition("\n")
    source.seek(found.begins)
    digest = hashlib.sha256()
    with regular.created(to, owner) as stream:
        with _streamed([*_CIPHER, "-d"], password, source) as chunks:
            for chunk in chunks:
                digest.update(chunk)
                stream.write(chunk)
        _sync(stream)
    if digest.hexdigest() != sha256:
        raise NetmodeError("decrypted, it is not the dump that was encrypted. It was changed, or damaged.")


def _sync(stream: BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _lock(recipient: Recipient, text: str) -> str:
    with _readable(recipient.certificate.encode()) as (path, descriptor):
        command = ["pkeyutl", "-encrypt", "-certin", "-inkey", path, *_OAEP]
        made = _openssl("redis_backup_encrypt_for", command, (descriptor,), text.encode())
    return base64.b64encode(made).decode()


# --- openssl ----------------------------------------------------------------------------------------------------------


def program() -> str:
    found = shutil.which("openssl")
    if found is None:
        raise NetmodeError(
            "openssl: there is no such program on this host, which encrypts and decrypts its backups. Install it "
            "(apt install openssl, dnf install openssl)."
        )
    return found


def _openssl(where: str, words: list[str], descriptors: tuple[int, ...], given: bytes = b"") -> bytes:
    """What it prints. ``where``: the variable that is to blame where it fails."""
    done = subprocess.run(
        [program(), *words], input=given, capture_output=True, pass_fds=descriptors, check=False, env=_environment()
    )
    if done.returncode:
        told = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-1:]
        raise NetmodeError(
            f"{where}: openssl {words[0]} of this host does not take it: {' '.join(told) or 'it says nothing'}. "
            "A certificate that is valid, with an RSA key, and OpenSSL 1.1.1 or newer are needed."
        )
    return done.stdout


@contextmanager
def _streamed(words: list[str], password: str, source: BinaryIO) -> Iterator[Iterator[bytes]]:
    """What it makes of a file from where that is read on, piece by piece. NetmodeError at the end: it has failed."""
    os.lseek(source.fileno(), source.tell(), os.SEEK_SET)
    with _password(password) as (given, descriptor):
        process = subprocess.Popen(
            [program(), *words, "-pass", given], stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            pass_fds=(descriptor,), env=_environment(),
        )  # fmt: skip
    if process.stdout is None or process.stderr is None:
        raise NetmodeError("openssl: it has no output.")
    try:
        yield regular.chunks(process.stdout)
        told = process.stderr.read().decode(errors="replace").strip().splitlines()[-1:]
        if process.wait():
            raise NetmodeError(f"openssl enc has failed: {' '.join(told) or f'status {process.returncode}'}")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}


@contextmanager
def _password(text: str) -> Iterator[tuple[str, int]]:
    """(what says it to openssl, descriptor) of a pipe that has it: no argument, environment or file ever does."""
    out, into = os.pipe()
    try:
        with os.fdopen(into, "wb") as stream:
            stream.write(text.encode() + b"\n")
        yield f"fd:{out}", out
    finally:
        os.close(out)


@contextmanager
def _readable(content: bytes) -> Iterator[tuple[str, int]]:
    """(path, descriptor) of a file in memory."""
    descriptor = os.memfd_create("certificate")
    try:
        os.write(descriptor, content)
        yield f"/proc/self/fd/{descriptor}", descriptor
    finally:
        os.close(descriptor)
