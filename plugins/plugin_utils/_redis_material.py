# SPDX-License-Identifier: GPL-3.0-or-later
"""What the variables, the CA of a fleet and the judge of certificates speak of: a Redis, and what it gets."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._redis.tls import is_pem


class WrongCertificateError(Exception):
    """A certificate, key or CA that no Redis should have: which variable it is of, and why."""

    def __init__(self, option: str, why: str) -> None:
        super().__init__(f"{option}: {why}")
        self.option = option
        self.why = why


class Material(NamedTuple):
    """What a Redis gets: its files, and what its certificate says."""

    pem: str
    """Certificates and key in one file, so that there never are two that do not fit."""
    ca: str
    name: str
    """One that the certificate is for."""
    not_after: str


class Node(NamedTuple):
    """A Redis, and for which names and addresses its certificate is to be."""

    instance: str
    host: str
    names: list[str]


def text_given(option: str, given: str) -> str:
    """PEM that was given as text, or as the path of a file on the controller."""
    if is_pem(given):
        return given
    try:
        path = Path(given).expanduser()
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise WrongCertificateError(option, f"{given}: on the controller: is not a file. Give one in PEM.")
        return path.read_text(encoding="ascii")
    except RuntimeError as error:  # ~name, where there is no such user
        why = f"{given}: on the controller: {error}"
    except OSError as error:
        why = f"{given}: on the controller: {error.strerror}. Give the path of a file there, or the PEM text itself."
    except UnicodeDecodeError:
        why = f"{given}: on the controller: is not a PEM file."
    raise WrongCertificateError(option, why)
