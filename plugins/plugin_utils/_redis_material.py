# SPDX-License-Identifier: GPL-3.0-or-later
"""What the variables, the CA of a fleet and the judge of certificates speak of: a Redis, and what it gets."""

from __future__ import annotations

from typing import NamedTuple


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
