# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS of the role redis on the controller: its variables, and the certificates, before a host is touched."""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import is_address
from ansible_collections.netmode.docker.plugins.module_utils._redis.exposure import EVERYWHERE, published
from ansible_collections.netmode.docker.plugins.module_utils._redis.interfaces import interfaces_of
from ansible_collections.netmode.docker.plugins.module_utils._redis.tls import ports_of
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_material import (
    Material,
    Node,
    WrongCertificateError,
    text_given,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.netmode.docker.plugins.module_utils._redis.exposure import Namespaces
    from ansible_collections.netmode.docker.plugins.module_utils._redis.problems import Problems, Settings

GIVEN = ("tls_cert", "tls_key", "tls_ca_cert")
"""The variables of a certificate that is given."""

MANAGED = {
    "tls-port": "tls_port", "tls-cert-file": "tls_cert", "tls-key-file": "tls_key", "tls-ca-cert-file": "tls_ca_cert",
    "tls-auth-clients": "tls_auth_clients",
}  # fmt: skip
"""Directives that the role writes where an instance speaks TLS, and the variable of each."""


_PENDING = Material("", "", "", "")
"""Of a certificate that is yet to be made."""
_NAME = re.compile(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")
"""What a certificate can be for, beside addresses."""


def check_tls(instance: Settings, problems: Problems) -> None:
    """What the variables say, without a look at a certificate."""
    name, tls = instance["name"], instance["tls"]
    given = [option for option in GIVEN if instance[option]]
    if tls != "given" and given:
        meant = "this Redis speaks none" if tls == "off" else "the certificate is made here"
        why = f"without effect: tls is {tls}, so {meant}. Set tls to given, or leave {given[0]} out."
        problems.add(name, given[0], why)
    if tls == "given" and len(given) < len(GIVEN):
        missing = next(option for option in GIVEN if not instance[option])
        problems.add(name, missing, "tls is given: say which, as a file on the controller or as the PEM text itself.")
    if tls == "off" and instance["tls_port"]:
        problems.add(name, "tls_port", "tls is off, so nothing would listen there. Set tls to own or given.")
    for odd in (one for one in instance["tls_names"] if not (_NAME.fullmatch(one) or is_address(one))):
        problems.add(name, "tls_names", f"{odd!r} is neither a name nor an address. Write it like redis.example.org.")
    for directive in instance["settings"] if tls != "off" else ():
        if str(directive).lower() in MANAGED:
            problems.add(name, f"settings.{directive}", f"set {MANAGED[str(directive).lower()]} instead.")


class Found(NamedTuple):
    material: Material | None
    """None where it has no use."""
    due: Node | None = None
    """What it is to be made for, for the first time or again."""


def find(instance: Settings, host: str, names: list[str], variables: Settings, problems: Problems) -> Found:
    """What an instance has. What is wrong with it goes to ``problems``. Nothing is made."""
    if instance["tls"] == "off" or instance["state"] == "absent" or not ports_of(instance).tls:
        return Found(None)
    try:
        if instance["tls"] == "given":
            return Found(_given(instance, names))
        node = Node(instance["name"], host, [*dict.fromkeys([*map(_normal, instance["tls_names"]), *names])])
        return _own(node, variables)
    except WrongCertificateError as error:
        problems.add(instance["name"], error.option, error.why)
        return Found(None)


def _given(instance: Settings, names: list[str]) -> Material:
    # A fifth of a second of imports, which only they have whose Redis speaks TLS.
    from ansible_collections.netmode.docker.plugins.plugin_utils._redis_certificate import judged  # noqa: PLC0415

    texts = {option: text_given(option, instance[option]) for option in GIVEN}
    return judged(texts, names, instance["tls_names"], datetime.now(timezone.utc))


def _own(node: Node, variables: Settings) -> Found:
    from ansible_collections.netmode.docker.plugins.plugin_utils import _redis_ca  # noqa: PLC0415 (as above)

    directory, now = Path(variables["tls_ca_dir"]).expanduser(), datetime.now(timezone.utc)
    trusted = _redis_ca.authorities(directory, now)
    has, why = _redis_ca.look(directory, node, trusted, variables["tls_renew_before"], now)
    return Found(has or _PENDING, node if why or _redis_ca.needs_another(trusted, now) else None)


def names_of(instance: Settings, host: str, address: str, namespaces: Namespaces) -> list[str]:
    """By which names and addresses clients reach an instance, as far as that is known before it runs."""
    found = [instance["name"], host, address, "localhost", "127.0.0.1", "::1", *_addresses(instance, namespaces)]
    known = (str(name) for name in found if is_address(str(name)) or _NAME.fullmatch(str(name)))
    return list(dict.fromkeys(map(_normal, known)))


def _addresses(instance: Settings, namespaces: Namespaces) -> Iterator[str]:
    """Those of its namespace that do not change, and those of the host where that is reached."""
    yield from (str(item).lstrip("-") for item in instance["bind"] if str(item).lstrip("-") not in EVERYWHERE)
    owner = namespaces.owner(instance["name"])
    holder = namespaces.instances.get(owner) or namespaces.companions.get(owner) or {}
    networks = holder.get("networks") or {}
    for options in networks.values() if isinstance(networks, dict) else ():
        yield from (str(options[key]) for key in ("ipv4_address", "ipv6_address") if options and options.get(key))
    if owner in namespaces.instances:
        yield from (str(one.ip) for interface in interfaces_of(holder) for one in interface.addresses)
    yield from (item.ip for item in published(holder.get("ports")) if item.ip not in ("", *EVERYWHERE))


def _normal(name: str) -> str:
    return str(ipaddress.ip_address(name)) if is_address(name) else name
