# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of backup and restore on the controller: checked before a host is touched, and what opens a backup.

The private key stays here. A host gets the public half to encrypt for, and for a restore the password of one dump.
"""

from __future__ import annotations

import base64
import json
import stat
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis.formats import MAGIC, header_of
from ansible_collections.netmode.docker.plugins.module_utils._redis.tls import fingerprint
from ansible_collections.netmode.docker.plugins.module_utils._redis_backup import encryption, files, spec
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_material import WrongCertificateError, text_given

if TYPE_CHECKING:
    from collections.abc import Collection

    from ansible_collections.netmode.docker.plugins.module_utils._redis.problems import Problems, Settings

LEAST_BITS = 2048
"""Of an RSA key."""
ENCRYPT_FOR, KEY = "backup_encrypt_for", "restore_key"


def check_backups(variables: Settings, started: Collection[str], problems: Problems) -> str:
    """What is wrong goes to ``problems``. Returns the certificate that backups are encrypted for, '' for none.

    ``started``: the instances of the host that are to run.
    """
    found = [*_check_directories(variables), *_check_restore(variables)]
    if not problems.told:  # else an instance may be missing
        found += _check_instances(variables, started)
    certificate = ""
    try:
        if variables[ENCRYPT_FOR]:
            certificate = certificate_of(variables[ENCRYPT_FOR], datetime.now(timezone.utc))
        if variables[KEY]:
            key_of(variables[KEY])
    except WrongCertificateError as error:
        found.append(f"redis_{error.option}: {error.why}")
    problems.told += [f"{problems.host}: {line}" for line in found]
    return certificate


def _check_directories(variables: Settings) -> list[str]:
    found, to = [], variables["backup_fetch_to"]
    try:
        files.refuse_odd_directory(variables["backup_dir"])
    except NetmodeError as error:
        found.append(str(error))
    if to and not (to.startswith(("/", "~")) and to.isprintable()):
        found.append(
            f"redis_backup_fetch_to: {to!r} is not an absolute path, and so depends on where Ansible is started. Write "
            "it like /srv/backups or ~/backups."
        )
    elif to:
        kind = _kind(to)
        if kind not in ("directory", "nothing"):
            found.append(f"redis_backup_fetch_to: {to}: on the controller: is a {kind}. Give a directory.")
    return found


def _kind(text: str) -> str:
    """What lies at a path of the controller."""
    try:
        mode = Path(text).expanduser().stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "nothing"
    except (OSError, RuntimeError):  # RuntimeError: of ~name, where there is no such user
        return "path that cannot be looked at"
    return "file" if stat.S_ISREG(mode) else "directory" if stat.S_ISDIR(mode) else "thing that is not a file"


def _check_instances(variables: Settings, started: Collection[str]) -> list[str]:
    """Before a directory is made for one, which might be named like a path."""
    to_restore = [variables["restore_instance"]] if variables["restore_instance"] else []
    named = {"redis_backup_instances": variables["backup_instances"], "redis_restore_instance": to_restore}
    if variables["restore_src"] and not variables["restore_instance"] and len(started) != 1:
        has = ", ".join(started) or "none that is to run"
        return [f"redis_restore_instance: this host has {has}. Say which of them is to be restored."]
    told = {option: spec.why_unknown(names, started) for option, names in named.items()}
    return [f"{option}: {why}" for option, why in told.items() if why]


def _check_restore(variables: Settings) -> list[str]:
    backup, src = variables["restore_backup"], variables["restore_src"]
    if backup and src:
        return ["redis_restore_src: redis_restore_backup names another backup. Leave one of them out."]
    why = _why_no_dump(src) if src else ""
    return [f"redis_restore_src: {why}"] if why else []


def _why_no_dump(src: str) -> str:
    kind, path = _kind(src), Path(src)
    if kind != "file" or path.suffix == ".json":
        what = "there is nothing" if kind == "nothing" else f"it is a {'manifest' if kind == 'file' else kind}"
        return f"{src!r}: on the controller: {what}. Give the path of a dump there."
    try:
        with path.expanduser().open("rb") as stream:
            found = encryption.read(stream, path)
            stream.seek(0)
            if found is None and not header_of(stream.read(MAGIC)):
                return f"{src}: on the controller: it is not a dump of Redis or Valkey. Give one."
    except OSError as error:
        return f"{src}: on the controller: {error.strerror}."
    except NetmodeError as error:
        return f"on the controller: {error}"
    return ""


# --- the certificate and its key --------------------------------------------------------------------------------------


def certificate_of(given: str, now: datetime) -> str:
    """In PEM, and nothing else. WrongCertificateError: no backup can be encrypted for it."""
    from ansible_collections.netmode.docker.plugins.plugin_utils import _x509  # noqa: PLC0415 (a slow import)

    text = text_given(ENCRYPT_FOR, given)
    if "PRIVATE KEY-----" in text:
        raise WrongCertificateError(ENCRYPT_FOR, "holds a private key, which no host is to have. Give the certificate.")
    found = _x509.certificates(ENCRYPT_FOR, text)
    if len(found) != 1:
        raise WrongCertificateError(ENCRYPT_FOR, f"holds {len(found)} certificates. Give the one to encrypt for.")
    _refuse_other_kinds(ENCRYPT_FOR, _x509.public_key(found[0]))
    _x509.refuse_dates(ENCRYPT_FOR, found[0], now)
    return _x509.text_of(found[0])


def key_of(given: str) -> Any:
    """WrongCertificateError: it opens no backup."""
    from ansible_collections.netmode.docker.plugins.plugin_utils import _x509  # noqa: PLC0415 (as above)

    found = _x509.key(KEY, text_given(KEY, given))
    _refuse_other_kinds(KEY, found)
    return found


def _refuse_other_kinds(option: str, key: Any) -> None:
    if not type(key).__name__.startswith(("RSA", "_RSA")):
        raise WrongCertificateError(option, "its key is not an RSA key, and only that can encrypt. Give one with RSA.")
    if key.key_size < LEAST_BITS:
        raise WrongCertificateError(
            option, f"its key has {key.key_size} bits, which others may find out. Give one of {LEAST_BITS} or more."
        )


def opened(line: str, given: str) -> str:
    """What decrypts a dump with this first line, by the private key. WrongCertificateError: by that it cannot be."""
    from ansible_collections.netmode.docker.plugins.plugin_utils import _x509  # noqa: PLC0415 (as above)
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415

    private = key_of(given)
    try:
        found = json.loads(line)
        locked, subject = base64.b64decode(found["locked"]), str(found["subject"])
        (certificate,) = _x509.certificates(KEY, found["certificate"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise WrongCertificateError(KEY, "what the host says of the backup is not what a backup begins with.") from None
    if not _x509.belongs(private, certificate):
        raise WrongCertificateError(
            KEY, f"it is not the key of the certificate that the backup is encrypted for, {subject} (SHA-256 "
            f"{fingerprint(found['certificate'])}). Give the private key of that one.",
        )  # fmt: skip
    algorithm = hashes.SHA256()
    how = padding.OAEP(padding.MGF1(algorithm), algorithm, None)
    try:
        return str(private.decrypt(locked, how).decode())
    except ValueError:
        raise WrongCertificateError(
            KEY, "it fits the certificate, and does not open the backup: its first line was changed, or damaged."
        ) from None
