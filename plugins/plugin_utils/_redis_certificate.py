# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate that is given for a Redis, judged with its key and its CA as Redis, its clients and its peers will."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.plugin_utils import _x509
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_material import Material, WrongCertificateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


def judged(texts: Mapping[str, str], names: Sequence[str], wanted: Sequence[str], now: datetime) -> Material:
    """WrongCertificateError: a Redis with it would not start, or its clients or peers would refuse it.

    ``texts``: variable → PEM. It is to be for all of ``wanted`` or, where there are none, for one of ``names``.
    """
    found = _parsed(texts["tls_cert"], texts["tls_key"], texts["tls_ca_cert"])
    leaf = found.chain[0]
    _x509.refuse_dates("tls_cert", leaf, now)
    _x509.refuse_usage("tls_cert", leaf)
    _x509.refuse_untrusted(found.chain, found.authorities, now)
    name = _its_name(leaf, names, wanted)
    pem = "".join([*map(_x509.text_of, found.chain), found.key])
    ca = "".join(map(_x509.text_of, found.authorities))
    return Material(pem, ca, name, _x509.not_after(leaf).isoformat())


def _its_name(leaf: Any, names: Sequence[str], wanted: Sequence[str]) -> str:
    """One that a client may ask for: of a wildcard any."""
    missing = [name for name in wanted if not _x509.is_for(leaf, name)]
    name = next((name for name in wanted or names if _x509.is_for(leaf, name)), "")
    if name and not missing:
        return name.replace("*", "any", 1)
    whom = ", ".join(_x509.names_of(leaf)) or "nobody, since it has no subjectAltName"
    asked = f"not for {', '.join(missing)} of tls_names" if wanted else f"for none of {', '.join(names)}"
    raise WrongCertificateError(
        "tls_cert", f"it is for {whom}, and {asked}, so clients would refuse it. Give one that is, or say in tls_names "
        "by which names they reach this Redis.",
    )  # fmt: skip


class _Parsed(NamedTuple):
    chain: list[Any]
    key: str
    authorities: list[Any]


@functools.lru_cache(maxsize=256)
def _parsed(certificate: str, key: str, ca: str) -> _Parsed:
    """The plan of a host is made several times in a run, and asks for the same each time."""
    chain = _x509.certificates("tls_cert", certificate)
    own = _x509.key("tls_key", key)
    if not _x509.belongs(own, chain[0]):
        why = "it is another certificate's key. Give the one that tls_cert was made with."
        raise WrongCertificateError("tls_key", why)
    return _Parsed(chain, _x509.key_text(own), _x509.certificates("tls_ca_cert", ca))
