# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose's ways of writing a value, each turned into the engine's one way. Errors are ValueError with the reason.

Source of the rules: the Compose specification, https://github.com/compose-spec/compose-spec/blob/main/spec.md.
"""

from __future__ import annotations

import ipaddress
import math
import posixpath
import re
import shlex
from typing import TYPE_CHECKING, Any

from . import names as compose_names
from . import numbers
from . import pairs as compose_pairs
from .text import QUOTED, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZE_UNITS = {"": 1, "b": 1, "k": 2**10, "kb": 2**10, "m": 2**20, "mb": 2**20, "g": 2**30, "gb": 2**30}
_DURATION_UNITS = {"us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_LARGEST = 2**63 - 1
"""The engine's numbers are 64 bits wide, with a sign."""


def text(value: Any) -> str:
    """Text, or a whole number; nothing that YAML may have made of another text, such as ``yes`` or ``1.10``."""
    try:
        return text_of(value)
    except ValueError as error:
        raise ValueError(f"{value!r} {error}") from None


def _numeral(value: Any) -> str:
    """A number, or text that may be one: where a value is counted, 1.50 and 1.5 are the same."""
    return str(value) if isinstance(value, float) else text(value)


def fields(value: Any, known: str) -> dict[str, Any]:
    """A mapping that has no keys but ``known``, words; nothing is an empty one."""
    if not isinstance(value, dict) and value is not None:
        raise ValueError(f"{value!r} is not a mapping; known are {', '.join(sorted(known.split()))}")
    unknown = sorted(str(key) for key in value or {} if key not in known.split())
    if unknown:
        raise ValueError(f"{unknown[0]!r} is unknown; known are {', '.join(sorted(known.split()))}")
    return value or {}


def path(value: Any) -> str:
    """An absolute path in the container, canonical as the engine makes it: ``/x/../srv/`` is ``/srv``."""
    given = text(value)
    if not given.startswith("/"):
        raise ValueError(f"{given!r}: the path in the container must be absolute")
    return clean(given)


def clean(given: str) -> str:
    """A path of the engine's, which another engine or image tool may have left uncleaned."""
    return "/" + posixpath.normpath(f"/{given}").lstrip("/")


def boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "yes", "on", "1"):
        return True
    if str(value).lower() in ("false", "no", "off", "0"):
        return False
    raise ValueError(f"{value!r} is neither true nor false")


def integer(value: Any, least: int = -_LARGEST - 1, most: int = _LARGEST) -> int:
    try:
        number = int(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is not a whole number") from None
    if not least <= number <= most:
        raise ValueError(f"{value!r} is not between {least} and {most}")
    return number


def strings(value: Any) -> list[str]:
    """A list of strings; one string counts as a list of one."""
    return [text(item) for item in value] if isinstance(value, list) else [text(value)]


def words(value: Any) -> list[str]:
    """A command: a list is taken as it is, a string is split as a shell splits it (no shell is run)."""
    try:
        return strings(value) if isinstance(value, list) else shlex.split(text(value))
    except ValueError as error:
        raise ValueError(f"{value!r} cannot be split into words: {error}") from None


def sysctls(value: Any) -> dict[str, str]:
    return {compose_names.sysctl(name): item for name, item in compose_pairs.mapping(value).items()}


def capabilities(value: Any) -> list[str]:
    return [compose_names.capability(name) for name in strings(value)]


def stop_signal(value: Any) -> str:
    return compose_names.signal_name(text(value))


def security(value: Any) -> list[str]:
    return [compose_names.security(item) for item in strings(value)]


def cpuset(value: Any) -> str:
    return compose_names.cpuset(text(value))


def cpu_shares(value: Any) -> int:
    """0 is the kernel's default; the control group takes 2 to 262144."""
    return 0 if integer(value) == 0 else integer(value, 2, 262144)


def user(value: Any) -> str:
    """A name or number, with that of a group or without."""
    first, second = divmod(value, 60) if isinstance(value, int) and not isinstance(value, bool) else (0, 0)
    if 0 < first == second:
        raise ValueError(f"{value} may be what YAML makes of {first}:{second}. {QUOTED}")
    return text(value)


def working_dir(value: Any) -> str:
    return path(value) if value != "" else ""


def hostname(value: Any) -> str:
    if len(text(value)) > 63:
        raise ValueError(f"{value!r} is longer than the 63 characters that a host name may have")
    return text(value)


def size(value: Any) -> int:
    """Bytes: 67108864, ``64m``, ``64mb``, ``1.5g``. Units are powers of 1024, as Docker's are."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", _numeral(value).strip().lower(), re.ASCII)
    if not match or match.group(2) not in _SIZE_UNITS:
        raise ValueError(f"{value!r} is not a size (examples: 67108864, 64m, 1.5g)")
    number = float(match.group(1)) * _SIZE_UNITS[match.group(2)]
    return _representable(number, value)


def _representable(number: float, value: Any) -> int:
    if number > _LARGEST:
        raise ValueError(f"{value!r} is more than the engine can count")
    return int(number)


def memory(value: Any) -> int:
    """Bytes; 0 is no limit. The engine starts nothing in less than 6 MB."""
    given = size(value)
    if 0 < given < 6 * 2**20:
        raise ValueError(f"{value!r} is less than the 6 MB that the engine asks for")
    return given


def duration(value: Any) -> int:
    """Nanoseconds: ``1m30s``, ``500ms``; a bare number is seconds."""
    given = _numeral(value).strip()
    if re.fullmatch(r"\d+(\.\d+)?", given, re.ASCII):
        return _representable(float(given) * 10**9, value)
    parts = re.findall(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)", given, re.ASCII)
    if not parts or "".join(number + unit for number, unit in parts) != given:
        raise ValueError(f"{value!r} is not a duration (examples: 90, 1m30s, 500ms)")
    return _representable(sum(float(number) * _DURATION_UNITS[unit] for number, unit in parts), value)


def seconds(value: Any) -> int:
    return duration(value) // 10**9


def duration_text(nanoseconds: int) -> str:
    """One way of writing for what ``duration`` reads: ``90s``, or ``1500000us`` where it is not whole seconds."""
    whole, rest = divmod(nanoseconds, 10**9)
    return f"{nanoseconds // 10**3}us" if rest else f"{whole}s"


def nano_cpus(value: Any) -> int:
    """Billionths of a CPU; 0 is no limit."""
    try:
        cpus = float(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is not a number of CPUs (examples: 2, 0.5)") from None
    if cpus != 0 and not 0.01 <= cpus < math.inf:
        raise ValueError(f"{value!r} is not a number of CPUs from 0.01 on")
    return round(cpus * 10**9) if _representable(cpus * 10**9, value) else 0


def address(value: Any, version: int = 0) -> str:
    try:
        parsed = ipaddress.ip_address(text(value))
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address") from None
    if version and parsed.version != version:
        raise ValueError(f"{value!r} is not an IPv{version} address")
    return str(parsed)


def addresses(value: Any) -> list[str]:
    return [address(item) for item in strings(value)]


def mac(value: Any) -> str:
    if isinstance(value, int):
        raise ValueError(f"{value!r} is what YAML makes of a MAC address or another number. {QUOTED}")
    given = text(value).lower().replace("-", ":")
    if not re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", given):
        raise ValueError(f"{value!r} is not a MAC address (example: 02:42:ac:11:00:05)")
    if int(given[:2], 16) & 1:
        raise ValueError(f"{value!r} is a multicast address: the first byte of a MAC must be even")
    return given


def extra_hosts(value: Any) -> list[str]:
    """``{name: address}`` or a list of ``name=address`` / ``name:address``; the engine wants ``name:address``."""
    pairs = (
        value.items() if isinstance(value, dict) else (re.split("[=:]", item, maxsplit=1) for item in strings(value))
    )
    hosts = []
    for pair in pairs:
        if len(pair) != 2:
            raise ValueError(f"{pair[0]!r} has no address (example: db=10.0.0.5)")
        target = str(pair[1]).strip("[]")
        hosts.append(f"{pair[0]}:{target if target == 'host-gateway' else address(target)}")
    return sorted(hosts)


def restart(value: Any) -> dict[str, Any]:
    name, _, retries = ("no" if value is False else text(value)).partition(":")
    known = name in ("no", "always", "on-failure", "unless-stopped")
    if not known or (retries and (name != "on-failure" or not retries.isdigit())):
        raise ValueError(f"{value!r} is not one of no, always, unless-stopped, on-failure, on-failure:N")
    return {"Name": name, "MaximumRetryCount": integer(retries) if retries else 0}


def ulimits(value: Any) -> list[dict[str, Any]]:
    """``{nofile: 1024}`` or ``{nofile: {soft: 1024, hard: 2048}}``."""
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is not a mapping (example: {{nofile: {{soft: 1024, hard: 2048}}}})")
    limits = []
    for name, limit in value.items():
        both = limit if isinstance(limit, dict) else {"soft": limit, "hard": limit}
        if set(both) != {"soft", "hard"}:
            raise ValueError(f"{name}: needs soft and hard, or one number")
        soft, hard = integer(both["soft"]), integer(both["hard"])
        compose_names.limit(str(name), soft, hard)
        limits.append({"Name": str(name), "Soft": soft, "Hard": hard})
    return limits


def device_rules(value: Any) -> list[str]:
    """``c 1:3 rwm``: type, numbers, access, as the control group of devices takes them."""
    rules = strings(value)
    for rule in rules:
        if not re.fullmatch(r"[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}", rule):
            raise ValueError(f"{rule!r} is not a rule for devices (examples: 'c 1:3 rwm', 'a *:* rwm')")
    return rules


def healthcheck(value: Any) -> dict[str, Any]:
    """Compose's healthcheck; durations become nanoseconds, a string test runs in the image's shell."""
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is not a mapping (example: {{test: [CMD, redis-cli, ping]}})")
    fields(value, "test interval timeout retries start_period disable")
    if boolean(value.get("disable") or False):
        return {"Test": ["NONE"]}
    check: dict[str, Any] = {}
    test = value.get("test")
    if test is not None:
        check["Test"] = strings(test) if isinstance(test, list) else ["CMD-SHELL", text(test)]
        if check["Test"][:1] not in (["CMD"], ["CMD-SHELL"], ["NONE"]):
            raise ValueError(f"test: a list begins with CMD, CMD-SHELL or NONE, not {check['Test'][:1]}")
    for key, name in (("interval", "Interval"), ("timeout", "Timeout"), ("start_period", "StartPeriod")):
        if value.get(key) is not None:
            check[name] = duration(value[key])
            if 0 < check[name] < 10**6:
                raise ValueError(f"{key}: {value[key]!r} is less than the millisecond that the engine asks for")
    if value.get("retries") is not None:
        check["Retries"] = integer(value["retries"], 0)
    return check


def _port_range(given: str, what: str) -> list[int]:
    first, _, last = given.partition("-")
    try:
        bounds = int(first), int(last or first)
    except ValueError:
        raise ValueError(f"{what} port {given!r} is not a number or a range") from None
    if not 1 <= bounds[0] <= bounds[1] <= 65535:
        raise ValueError(f"{what} port {given} is not between 1 and 65535")
    return list(range(bounds[0], bounds[1] + 1))


def _short_port(given: str) -> tuple[str, str, str, str]:
    """``[[ip:][published]:]target[/protocol]`` → (ip, published, target, protocol)."""
    rest, _, protocol = given.partition("/")
    head, _, target = rest.rpartition(":")
    ip, _, published = head.rpartition(":")
    return ip.strip("[]"), published, target, protocol


def _long_port(given: dict[str, Any]) -> tuple[str, str, str, str]:
    names = "host_ip published target protocol"
    ip, published, target, protocol = (text(fields(given, names).get(name) or "") for name in names.split())
    return ip.strip("[]"), published, target, protocol


def _protocol(given: str) -> str:
    protocol = given.lower() or "tcp"
    if protocol not in ("tcp", "udp", "sctp"):
        raise ValueError(f"protocol {given!r} is not tcp, udp or sctp")
    return protocol


def ports(value: Any) -> dict[str, list[dict[str, str]]]:
    """Compose's ports, short or long, as the engine's PortBindings: ``{"6379/tcp": [{HostIp, HostPort}]}``."""
    bindings: dict[str, list[dict[str, str]]] = {}
    for item in value if isinstance(value, list) else [value]:
        numbers.refuse_base_60(item)
        ip, published, target, given = _long_port(item) if isinstance(item, dict) else _short_port(text(item))
        protocol = _protocol(given)
        if ip:
            address(ip)
        targets = _port_range(target, "container")
        hosts = [str(port) for port in _port_range(published, "host")] if published else [""] * len(targets)
        if len(targets) == 1 and len(hosts) > 1:
            hosts = [published]
        if len(hosts) != len(targets):
            raise ValueError(f"{item!r}: {len(hosts)} host ports for {len(targets)} container ports")
        for port, host in zip(targets, hosts):
            entry = {"HostIp": ip, "HostPort": host}
            if entry not in bindings.setdefault(f"{port}/{protocol}", []):
                bindings[f"{port}/{protocol}"].append(entry)
    return bindings


def listening(value: Any) -> list[tuple[str, str, str]]:
    """``6379``, ``"6379/udp"``, ``"7000-7005"``, ``"127.0.0.1:6379"`` → [(address or empty, port, protocol)]."""
    found = []
    for item in strings(value):
        place, _, protocol = item.partition("/")
        given, _, ports_of = place.rpartition(":")
        ip, kind = address(given.strip("[]")) if given else "", _protocol(protocol)
        found += [(ip, str(port), kind) for port in _port_range(ports_of, "container")]
    return found


def exposed(value: Any) -> list[str]:
    """What an image or a container can expose: sorted ``["6379/tcp", …]``, without the addresses."""
    return sorted({f"{port}/{protocol}" for _, port, protocol in listening(value)})


_ENDPOINT: dict[str, Callable[[Any], Any]] = {
    "aliases": lambda value: sorted(set(strings(value or []))),
    "ipv4_address": lambda value: address(value, 4),
    "ipv6_address": lambda value: address(value, 6),
    "mac_address": mac,
}


def _endpoint_option(network: Any, given: dict[str, Any], option: str) -> Any:
    if option != "aliases" and not given.get(option):
        return ""
    try:
        return _ENDPOINT[option](given.get(option))
    except ValueError as error:
        raise ValueError(f"{network}: {option}: {error}") from None


def networks(value: Any) -> dict[str, dict[str, Any]]:
    """``[a, b]`` or ``{a: {aliases, ipv4_address, ipv6_address, mac_address}}`` → the mapping, each value canonical."""
    entries = value if isinstance(value, dict) else dict.fromkeys(strings(value))
    found = {}
    for name, entry in entries.items():
        try:
            given = fields(entry or {}, " ".join(_ENDPOINT))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        found[str(name)] = {option: _endpoint_option(name, given, option) for option in _ENDPOINT}
    return found
