# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a network that is there is the one that is wanted: option by option, as the engine would read them."""

from __future__ import annotations

from typing import Any, NamedTuple

from .spec import (
    BOOLEANS,
    BRIDGE_NAME,
    FALSE,
    MTU,
    TRUE,
    IPAddress,
    Network,
    Pool,
)

_DEFAULTS = {
    "bridge": {
        MTU: "1500",
        "com.docker.network.bridge.enable_icc": "true",
        "com.docker.network.bridge.enable_ip_masquerade": "true",
        "com.docker.network.bridge.inhibit_ipv4": "false",
        "com.docker.network.bridge.gateway_mode_ipv4": "nat",
        "com.docker.network.bridge.gateway_mode_ipv6": "nat",
        "com.docker.network.container_iface_prefix": "eth",
    },
    "macvlan": {"macvlan_mode": "bridge"},
    "ipvlan": {"ipvlan_mode": "l2", "ipvlan_flag": "bridge"},
}
"""What each driver does when an option is not given: libnetwork's drivers, ``parseNetworkOptions``."""
_ENGINES_OWN = ("com.docker.network.enable_ipv4", "com.docker.network.enable_ipv6")
"""Keys that newer engines write among the options to repeat fields that are compared by themselves."""


class Daemon(NamedTuple):
    """What the engine is and how it is set."""

    api: tuple[int, ...]
    options: dict[str, dict[str, str]]
    """``default-network-opts`` of daemon.json: driver → options that the engine adds to every new network."""
    ipv6_pools: bool
    """``default-address-pools`` of daemon.json has an IPv6 pool."""


def differences(current: Network, desired: Network, daemon: Daemon) -> tuple[str, ...]:
    """``option: present -> desired`` for each that differs; empty if nothing does."""
    rows: list[tuple[str, Any, Any]] = [
        ("driver", current.driver, desired.driver),
        ("internal", current.internal, desired.internal),
        ("attachable", current.attachable, desired.attachable),
        ("enable_ipv4", current.ipv4, desired.ipv4),
        ("enable_ipv6", current.ipv6, desired.ipv6),
        ("ipam.driver", current.ipam_driver, desired.ipam_driver),
        ("ipam.options", current.ipam_options, desired.ipam_options),
    ]
    rows += [
        (f"labels {key}", current.labels.get(key), desired.labels.get(key))
        for key in sorted({*current.labels, *desired.labels})
    ]
    if current.driver == desired.driver:
        rows += _option_rows(current, desired, daemon)
    rows += [row for version in (4, 6) for row in _pool_rows(current, desired, version)]
    return tuple(f"{name}: {_shown(old)} -> {_shown(new)}" for name, old, new in rows if old != new)


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value) or '""'


def _option_rows(current: Network, desired: Network, daemon: Daemon) -> list[tuple[str, Any, Any]]:
    builtin = dict(_DEFAULTS.get(desired.driver, {}))
    if desired.driver == "bridge":
        builtin[BRIDGE_NAME] = f"br-{current.id[:12]}"
    else:
        builtin["parent"] = f"dm-{current.id[:12]}"
    added = daemon.options.get(desired.driver, {})
    rows = []
    for key in sorted({*current.options, *desired.options} - {*_ENGINES_OWN}):
        boolean = key in BOOLEANS
        old = _plain(current.options.get(key, builtin.get(key)), boolean=boolean)
        new = _plain(desired.options.get(key, builtin.get(key)), boolean=boolean)
        by_engine = key not in desired.options and key in added and old == _plain(added[key], boolean=boolean)
        if old != new and not by_engine and not (key == MTU and {old, new} <= {"0", builtin.get(MTU)}):
            rows.append((f"driver_opts {key}", old, new))
    return rows


def _plain(value: str | None, *, boolean: bool) -> str | None:
    """Booleans in one spelling: the engine reads what Go's ``strconv.ParseBool`` reads and keeps what was typed."""
    if value is None or not boolean:
        return value
    low = value.lower()
    return "true" if low in TRUE else "false" if low in FALSE else value


def _pool_rows(current: Network, desired: Network, version: int) -> list[tuple[str, Any, Any]]:
    wanted = {pool.subnet: pool for pool in desired.pools if pool.subnet.version == version}
    present = {pool.subnet: pool for pool in current.pools if pool.subnet.version == version}
    if not wanted:  # the engine chose, and may choose
        return []
    if set(wanted) != set(present):
        old, new = (", ".join(str(subnet) for subnet in sorted(pools, key=str)) for pools in (present, wanted))
        return [(f"ipam.config IPv{version} subnet", old or None, new)]
    rows: list[tuple[str, Any, Any]] = []
    for subnet, pool in wanted.items():
        was = present[subnet]
        if (was.ip_range or subnet) != (pool.ip_range or subnet):
            rows.append((f"ipam.config {subnet} ip_range", was.ip_range, pool.ip_range))
        if not _same_gateway(was, pool):
            rows.append((f"ipam.config {subnet} gateway", was.gateway, pool.gateway))
        if was.aux != pool.aux:
            old, new = (", ".join(f"{k}={v}" for k, v in sorted(aux.items())) for aux in (was.aux, pool.aux))
            rows.append((f"ipam.config {subnet} aux_addresses", old or None, new or None))
    return rows


def _same_gateway(was: Pool, pool: Pool) -> bool:
    """The engine tells a gateway only where it was given or where it chose the subnet too."""
    if pool.gateway is None:
        return was.gateway is None or was.gateway in (default_gateway(pool), pool.subnet[1])
    return pool.gateway == (was.gateway or default_gateway(was))


def default_gateway(pool: Pool) -> IPAddress:
    """The first address of the range that is not the subnet's own: libnetwork's IPAM takes it when none is given."""
    area = pool.ip_range or pool.subnet
    return area[1] if area[0] == pool.subnet[0] else area[0]


def pool_body(pool: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"Subnet": str(pool.subnet)}
    if pool.ip_range:
        body["IPRange"] = str(pool.ip_range)
    if pool.gateway:
        body["Gateway"] = str(pool.gateway)
    if pool.aux:
        body["AuxiliaryAddresses"] = {name: str(address) for name, address in pool.aux.items()}
    return body
