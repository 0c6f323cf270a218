# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts, networks and containers for plans of networks."""

from __future__ import annotations

import ipaddress
from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._networks.compare import Daemon
from ansible_collections.netmode.docker.plugins.module_utils._networks.plan import (
    Around,
    Attachment,
    Host,
    Route,
    Step,
    compare,
    steps,
)
from ansible_collections.netmode.docker.plugins.module_utils._networks.spec import Network, parse_list, parse_present

ENGINE_20 = Daemon((1, 41), {}, ipv6_pools=False)
ENGINE_26 = Daemon((1, 45), {}, ipv6_pools=False)
ENGINE_28 = Daemon((1, 51), {}, ipv6_pools=False)
BARE_HOST = Host((), frozenset({"lo", "eth0", "docker0"}))
ID = "0123456789abcdef" * 4
_OWN = ipaddress.ip_interface("10.9.0.9/24")
OWN_BRIDGE = Host(
    (Route(_OWN.network, "br-own", ""),), frozenset({"lo", "br-own", "br-bare"}), {"br-own": (_OWN,), "br-bare": ()}
)
"""With a bridge that somebody made, and one without an address."""


MTU, BRIDGE = "com.docker.network.driver.mtu", "com.docker.network.bridge."


def entry(name: str = "net", **given: Any) -> dict[str, Any]:
    """One entry as the module's argument spec hands it on."""
    filled = {
        "name": name, "state": "present", "recreate": "auto", "driver": "bridge", "internal": False,
        "attachable": False, "enable_ipv4": True, "enable_ipv6": False, "allow_route_overlap": False,
    }  # fmt: skip
    return {**filled, **given}


def pool(subnet: str, **given: Any) -> dict[str, Any]:
    return {"config": [{"subnet": subnet, **given}]}


def there(name: str = "net", ident: str = ID, **given: Any) -> Network:
    """A network as an engine tells it; ``config`` and ``options`` for the nested parts."""
    ipam = {"Driver": "default", "Options": given.pop("ipam_options", {}), "Config": given.pop("config", [])}
    raw = {
        "Name": name, "Id": ident, "Driver": "bridge", "Scope": "local", "EnableIPv6": False, "IPAM": ipam,
        "Internal": False, "Attachable": False, "Options": given.pop("options", {}), "Labels": {},
    }  # fmt: skip
    return parse_present({**raw, **given})


def reasons(wanted: dict[str, Any], present: Network, daemon: Daemon = ENGINE_28) -> tuple[str, ...]:
    (change,) = compare(parse_list([wanted]), [present], daemon)
    assert (change.kind == "recreate") == bool(change.reasons)
    return change.reasons


def plan(
    wanted: list[dict[str, Any]],
    present: list[Network] | None = None,
    host: Host = BARE_HOST,
    attached: dict[str, tuple[Attachment, ...]] | None = None,
    daemon: Daemon = ENGINE_28,
) -> list[Step]:
    networks = present or []
    return steps(compare(parse_list(wanted), networks, daemon), Around(daemon, host, networks, attached or {}))


def container(name: str, ident: str = "", **given: Any) -> Attachment:
    endpoint = {"IPAMConfig": None, "Aliases": [], "NetworkID": ID, **given.pop("endpoint", {})}
    fields = {"state": "running", "network_mode": "net", "config_mac": "", **given}
    return Attachment(container_id=ident or name * 20, container=name, endpoint=endpoint, **fields)
