# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypted dumps: by openssl of this machine, opened with the private key as the controller does, and by hand."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis_backup import encryption
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_backups import opened
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_material import WrongCertificateError
from certificates import Authority, rsa_pair
from tree import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CERTIFICATE, KEY = rsa_pair("backups")
OWN = (os.geteuid(), os.getegid())
DUMP = b"REDIS0010" + bytes(range(256)) * 9000


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    found = tmp_path / "dump.rdb"
    found.write_bytes(DUMP)
    return found


def made(dump: Path, content: bytes = DUMP) -> Path:
    to = dump.with_name("backup.enc")
    with dump.open("rb") as stream:
        stream.read(9)
        recipient = encryption.recipient_of(CERTIFICATE)
        size, sha256 = encryption.encrypt(stream, to, recipient, "REDIS0010", hashlib.sha256(content).hexdigest())
    assert (size, sha256) == (to.stat().st_size, hashlib.sha256(to.read_bytes()).hexdigest())
    return to


def restored(file: Path, key: str = KEY) -> bytes:
    to = file.with_name("restored.rdb")
    with file.open("rb") as stream:
        found = encryption.read(stream, file)
        assert found is not None
        encryption.decrypt(stream, found, opened(found.line, key), to, OWN)
    return to.read_bytes()


def test_what_was_encrypted_is_decrypted_with_the_key_and_is_its_owners_alone(dump: Path) -> None:
    file = made(dump)
    assert b"REDIS0010\x00" not in file.read_bytes()
    with file.open("rb") as stream:
        found = encryption.read(stream, file)
    assert found is not None
    assert (found.format, found.recipient.subject) == ("REDIS0010", "CN=backups")
    assert restored(file) == DUMP
    assert {oct(path.stat().st_mode & 0o777) for path in (file, file.with_name("restored.rdb"))} == {"0o600"}


def test_the_same_dump_is_never_the_same_file(dump: Path) -> None:
    first = made(dump).read_bytes()
    dump.with_name("backup.enc").unlink()
    assert first[2000:4000] != made(dump).read_bytes()[2000:4000]


def test_openssl_alone_decrypts_it_as_the_docs_say(dump: Path) -> None:
    file, key = made(dump), dump.with_name("backups.key")
    key.write_text(KEY)
    text = (CHECKOUT / "docs" / "operations.md").read_text(encoding="utf-8")
    decrypt = text.partition("```\nhead -n1 cache-….enc")[2].partition("```")[0]
    command = f"head -n1 cache-….enc{decrypt}".replace("cache-….enc", "backup.enc").replace(
        "> dump.rdb", "> by-hand.rdb"
    )
    check = 'echo "$(tail -n1 secret)  by-hand.rdb" | sha256sum --check'
    command = f"set -euo pipefail; cd {dump.parent}\n{command}\n{check}"
    subprocess.run(["bash", "-c", command], check=True, capture_output=True)
    assert file.with_name("by-hand.rdb").read_bytes() == DUMP


@pytest.mark.parametrize("at", [0.5, 1.0])
def test_a_dump_that_was_changed_is_told(dump: Path, at: float) -> None:
    file = made(dump)
    content = bytearray(file.read_bytes())
    content[int((len(content) - 1) * at)] ^= 1
    file.write_bytes(content)
    with pytest.raises(NetmodeError, match="It was changed, or damaged"):
        restored(file)
    file.with_name("restored.rdb").unlink()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(NetmodeError, match="It was changed, or damaged"):
        restored(file)


def test_it_is_opened_with_its_own_key_alone(dump: Path) -> None:
    file = made(dump)
    _, another = rsa_pair("another")
    with pytest.raises(WrongCertificateError, match=r"it is not the key .* CN=backups \(SHA-256 [0-9a-f]{64}"):
        restored(file, another)
    line, rest = file.read_bytes().split(b"\n", 1)
    text = json.loads(line)
    text["locked"] = text["locked"][:-8] + "AAAAAA=="
    file.write_bytes(json.dumps(text).encode() + b"\n" + rest)
    with pytest.raises(WrongCertificateError, match="its first line was changed"):
        restored(file)


@pytest.mark.parametrize(
    "line", ["", "[", "[]", "7", '{"locked": 1}', '{"locked": "x", "subject": "", "certificate": ""}']
)
def test_what_a_host_says_is_not_trusted(line: str) -> None:
    with pytest.raises(WrongCertificateError, match="restore_key: "):
        opened(line, KEY)


BROKEN = [
    b"not json\n", b"}\n", b'"locked": "x", "certificate": "", "subject": "", "format": ""}\n',
    json.dumps({"locked": "", "certificate": CERTIFICATE, "subject": "", "format": "RDB"}).encode()[1:] + b"\n",
    json.dumps({"locked": "", "certificate": CERTIFICATE, "subject": "", "format": "REDIS0010"}).encode()[1:],
    b'"locked": ' + b"[" * 100_000 + b"\n",
]  # fmt: skip


@pytest.mark.parametrize("rest", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_first_line_is_one_message(tmp_path: Path, rest: bytes) -> None:
    file = tmp_path / "x.enc"
    file.write_bytes(encryption.BEGINS + rest)
    with file.open("rb") as stream, pytest.raises(NetmodeError, match=r"x\.enc: its first line"):
        encryption.read(stream, file)


def test_other_files_are_no_encrypted_dumps(dump: Path) -> None:
    for content in (DUMP, b"", b"{", b'{"encrypted dump": 2, '):
        dump.write_bytes(content)
        with dump.open("rb") as stream:
            assert encryption.read(stream, dump) is None


EC, _ = Authority().issue("a")
EXPIRED, _ = rsa_pair("old", days=(-9, -1))


WRONG = {"none": "", "text": "x", "ec": EC, "expired": EXPIRED, "cut": CERTIFICATE[:200]}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_certificate_that_the_host_cannot_encrypt_for_is_refused_before_anything(text: str) -> None:
    with pytest.raises(NetmodeError, match=r"^redis_backup_encrypt_for: openssl .* of this host does not take it"):
        encryption.recipient_of(text)


@pytest.fixture
def without_openssl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PATH", str(tmp_path))
    return


@pytest.mark.usefixtures("without_openssl")
def test_a_host_without_openssl_is_told() -> None:
    with pytest.raises(NetmodeError, match="openssl: there is no such program on this host"):
        encryption.recipient_of(CERTIFICATE)


def test_no_secret_is_in_an_argument_or_the_environment(dump: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, popen = [], subprocess.Popen

    def noted(command: list[str], **more: object) -> object:
        seen.append(repr((command, more.get("env"))))
        return popen(command, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", noted)
    file = made(dump)
    with file.open("rb") as stream:
        found = encryption.read(stream, file)
    assert found is not None
    password = opened(found.line, KEY).partition("\n")[0]
    assert len(seen) > 3
    assert restored(file) == DUMP
    assert not [one for one in seen if password in one or "PRIVATE" in one]
