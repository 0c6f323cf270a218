# SPDX-License-Identifier: GPL-3.0-or-later
"""What a proof warns of where Redis speaks TLS: a certificate that ends soon, and a server with known holes there."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .ways import Instance

_REDIS = {(6, 2): 24, (7, 2): 16, (7, 4): 11, (8, 2): 9, (8, 4): 6, (8, 6): 6, (8, 8): 2, (8, 10): 1}
"""Release line → the first without CVE-2026-81934, a use after free in TLS before any login. No other line has one."""
_VALKEY = {(9, 0): 5, (9, 1): 1}
"""The same of Valkey's CVE-2026-56684; of its older lines it is not known."""


def warnings(
    instances: Sequence[Instance], servers: Mapping[str, Mapping[str, Any]], renew_before: int
) -> Iterator[str]:
    """``servers``: instance → what INFO says of the server, where that is known. ``renew_before`` is days."""
    now = datetime.now(timezone.utc)
    for instance in instances:
        if not instance.tls_port or instance.state != "started":
            continue
        hole = hole_in(servers.get(instance.name, {}))
        if hole:
            yield f"instance {instance.name}: {hole}"
        ends = datetime.fromisoformat(instance.certificate["not_after"]) if instance.certificate else None
        if ends and ends - now < timedelta(days=renew_before):
            left = max(0, (ends - now).days)
            when = f"on {ends:%Y-%m-%d}, in {left} days"
            yield f"instance {instance.name}: its certificate ends {when}. Give another, or run the role."


def hole_in(server: Mapping[str, Any]) -> str:
    """By the version that the binary says, not the tag of an image. Distributions patch without another number."""
    if server.get("valkey_version"):
        name, version, fixed, which = "Valkey", str(server["valkey_version"]), _VALKEY, "CVE-2026-56684"
    else:
        name, version, fixed, which = "Redis", str(server.get("redis_version") or ""), _REDIS, "CVE-2026-81934"
    parts = [int(part) if part.isdecimal() else 0 for part in version.split(".")[:3]]
    if len(parts) < 3:
        return ""
    line = (parts[0], parts[1])
    unknown = line > max(fixed) or (name == "Valkey" and line not in fixed)
    if unknown or (line in fixed and parts[2] >= fixed[line]):
        return ""
    known = ", ".join(f"{major}.{minor}.{patch}" for (major, minor), patch in fixed.items())
    return (
        f"{name} {version} has a hole in TLS that needs no login ({which}), unless who built it has closed that. "
        f"It is closed in {known}."
    )
