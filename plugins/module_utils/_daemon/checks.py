# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be known to be wrong in Docker's daemon.json before the engine sees it, one check for each key."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Callable, NoReturn

from ansible_collections.netmode.docker.plugins.module_utils._compose.text import why_no_text
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    from collections.abc import Mapping

MTU = (68, 65535)
"""The least and the greatest, in bytes."""


def refuse(where: str, reason: str) -> NoReturn:
    """Raise: ``where`` names the option, ``reason`` says what is wrong and the way out."""
    raise NetmodeError(f"{where}: {reason}")


def _check_bip(where: str, value: Any) -> None:
    example = "Give the bridge's own address with its prefix length, such as 172.17.0.1/16."
    if not isinstance(value, str) or "/" not in value:
        refuse(where, f"{value!r} is not an address in CIDR notation. {example}")
    try:
        interface = ipaddress.ip_interface(value)
    except ValueError as error:
        raise NetmodeError(f"{where}: {error}. {example}") from error
    network = interface.network
    if interface.version != 4:
        refuse(where, f"{value} is not an IPv4 address. The bridge's IPv6 subnet is set by fixed-cidr-v6.")
    if network.prefixlen > 30:
        refuse(where, f"{value} leaves no address for a container. The longest prefix that does is /30.")
    if interface.ip == network.network_address:
        first = next(network.hosts())
        refuse(
            where,
            f"{value} is the network's own address. The bridge needs one in it, such as {first}/{network.prefixlen}.",
        )
    if interface.ip == network.broadcast_address:
        refuse(where, f"{value} is the network's broadcast address. {example}")
    if interface.ip.is_multicast or interface.ip.is_loopback or interface.ip.is_unspecified:
        refuse(where, f"{value} is not an address that a bridge can have. {example}")


def _check_mtu(where: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not MTU[0] <= value <= MTU[1]:
        refuse(where, f"{value!r} is not a number of bytes from {MTU[0]} to {MTU[1]}.")


def _pool(where: str, pool: Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    if not isinstance(pool, dict) or set(pool) != {"base", "size"}:
        refuse(
            where,
            f"{pool!r} must have base (a network such as 10.10.0.0/16) and size (a prefix length such as 24), no more.",
        )
    base, size = pool["base"], pool["size"]
    try:
        network = ipaddress.ip_network(base)
    except ValueError as error:
        raise NetmodeError(f"{where}: base: {error}. Give a network such as 10.10.0.0/16.") from error
    longest = network.max_prefixlen - 2
    if isinstance(size, bool) or not isinstance(size, int) or not network.prefixlen <= size <= longest:
        refuse(
            where,
            f"size {size!r} must be the prefix length of the networks that are cut out of {base}: "
            f"from {network.prefixlen} to {longest}.",
        )
    return network


def _check_pools(where: str, value: Any) -> None:
    if not isinstance(value, list):
        refuse(where, f"{value!r} is not a list of pools.")
    networks = [_pool(f"{where}[{index}]", pool) for index, pool in enumerate(value)]
    for index, network in enumerate(networks):
        for other in networks[:index]:
            if network.version == other.version and network.overlaps(other):
                refuse(where, f"{other} and {network} overlap: two networks would be given the same addresses.")


def _check_bool(where: str, value: Any) -> None:
    if not isinstance(value, bool):
        refuse(where, f"{value!r} must be true or false.")


def _check_text(where: str, value: Any) -> None:
    if not isinstance(value, str):
        refuse(where, f"{value!r} {why_no_text(value)}.")
    if not value:
        refuse(where, "it is empty. Leave it out, or give it a value.")


def _check_texts(where: str, value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        refuse(where, f"{value!r} is not a list of texts.")


def _check_log_opts(where: str, value: Any) -> None:
    if not isinstance(value, dict):
        refuse(where, f"{value!r} is not a dictionary of options, such as {{'max-size': '10m'}}.")
    for name, option in value.items():
        if not isinstance(option, str):
            refuse(f"{where}.{name}", f"{option!r} {why_no_text(option)}: the engine takes nothing else here.")
    for name in ("max-size", "max-buffer-size"):
        if name in value and not re.fullmatch(r"-1|\d+(\.\d+)?\s*[kmgtKMGT]?[bB]?", value[name]):
            refuse(f"{where}.{name}", f"{value[name]!r} is not a size such as 10m.")
    if "max-file" in value and not re.fullmatch(r"[1-9]\d*", value["max-file"]):
        refuse(f"{where}.max-file", f"{value['max-file']!r} is not a number of files, 1 or more.")


def _check_mirrors(where: str, value: Any) -> None:
    _check_texts(where, value)
    for url in value:
        match = re.fullmatch(r"https?://[^/?#@\s]+(/[^?#\s]*)?", url)
        if not match:
            refuse(
                where,
                f"{url!r} is not the address of a mirror. Write http:// or https://, a host, and no user or query.",
            )


def _check_insecure(where: str, value: Any) -> None:
    _check_texts(where, value)
    for registry in value:
        if "://" in registry:
            refuse(where, f"{registry!r} has a scheme. Write host:port, or a network in CIDR notation.")
        host, slash, _prefix = registry.partition("/")
        if slash:
            try:
                ipaddress.ip_network(registry, strict=False)
            except ValueError as error:
                raise NetmodeError(f"{where}: {error}. Write host:port, or a network such as 10.0.0.0/8.") from error
        elif not re.fullmatch(r"[\w.-]+(:\d{1,5})?|\[[0-9a-fA-F:.]+\](:\d{1,5})?", host):
            refuse(where, f"{registry!r} is not host:port.")


def _check_log_level(where: str, value: Any) -> None:
    levels = ("debug", "info", "warn", "error", "fatal")
    if value not in levels:
        refuse(where, f"{value!r} is not one of {', '.join(levels)}.")


CHECKS: dict[str, Callable[[str, Any], None]] = {
    "bip": _check_bip,
    "mtu": _check_mtu,
    "default-address-pools": _check_pools,
    "log-driver": _check_text,
    "log-level": _check_log_level,
    "log-opts": _check_log_opts,
    "registry-mirrors": _check_mirrors,
    "insecure-registries": _check_insecure,
    "data-root": _check_text,
    "storage-driver": _check_text,
    "bridge": _check_text,
    "hosts": _check_texts,
    "labels": _check_texts,
    **dict.fromkeys(
        (
            "debug",
            "experimental",
            "icc",
            "ip-forward",
            "ip-masq",
            "ip6tables",
            "iptables",
            "ipv6",
            "live-restore",
            "userland-proxy",
        ),
        _check_bool,
    ),
}


def check(config: Mapping[str, Any], source: Callable[[str], str]) -> None:
    """Raise unless every known key of ``config`` can be right. ``source`` names where a key's value comes from."""
    for key in sorted(config):
        if key in CHECKS:
            CHECKS[key](source(key), config[key])
    bridge = config.get("bridge")
    if bridge and config.get("bip"):
        refuse(source("bip"), f"the engine refuses it together with bridge ({bridge!r}), which has its own address.")
    if config.get("icc") is False and config.get("iptables") is False:
        refuse(source("icc"), "icc: false is kept by iptables, and iptables is false too. Let iptables be true.")


FLAGS = {
    "-D": "debug",
    "-G": "group",
    "-H": "hosts",
    "-b": "bridge",
    "-l": "log-level",
    "-p": "pidfile",
    "-s": "storage-driver",
    "--host": "hosts",
    "--authorization-plugin": "authorization-plugins",
    "--default-address-pool": "default-address-pools",
    "--default-ulimit": "default-ulimits",
    "--dns-opt": "dns-opts",
    "--exec-opt": "exec-opts",
    "--insecure-registry": "insecure-registries",
    "--label": "labels",
    "--log-opt": "log-opts",
    "--registry-mirror": "registry-mirrors",
    "--storage-opt": "storage-opts",
}
"""dockerd's flags whose keys in daemon.json are called otherwise (its manual, "Daemon configuration file")."""
_BOTH = frozenset({"runtimes", "features", "builder"})
"""Keys that the engine takes from the file and from flags together."""


def refuse_flags(config: Mapping[str, Any], arguments: list[str], source: Callable[[str], str]) -> None:
    """Raise for a key that the engine is given by a flag, too: it does not start with both."""
    for index, word in enumerate(arguments):
        flag, equals, _ = word.partition("=")
        key = FLAGS.get(flag, flag[2:] if flag.startswith("--") else "")
        if key not in config or key in _BOTH:
            continue
        shown = word if equals else " ".join([flag, *arguments[index + 1 : index + 2]])
        way_out = "Leave it out here, or take the flag from the unit or the command that starts the engine"
        if key == "hosts":
            way_out += (
                " (a drop-in in /etc/systemd/system/docker.service.d, with an empty ExecStart= and one without -H)"
            )
        refuse(
            source(key),
            f"the engine is started with {shown}, and refuses a setting that is specified both as a flag and in the "
            f"configuration file: {key}. {way_out}.",
        )
