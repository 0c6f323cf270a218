# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose's ways of writing a value, each turned into the engine's one way. Errors are ValueError with the reason.

Source of the rules: the Compose specification, https://github.com/compose-spec/compose-spec/blob/main/spec.md.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils import _known

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZE_UNITS = {"": 1, "b": 1, "k": 2**10, "kb": 2**10, "m": 2**20, "mb": 2**20, "g": 2**30, "gb": 2**30}
_DURATION_UNITS = {"us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_BIND_OPTIONS = frozenset(
    "ro rw z Z nocopy consistent cached delegated private rprivate shared rshared slave rslave".split()
)


def text(value: Any) -> str:
    if isinstance(value, (dict, list)) or value is None:
        raise ValueError(f"{value!r} is not a string")
    return str(value)


def boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "yes", "on", "1"):
        return True
    if str(value).lower() in ("false", "no", "off", "0"):
        return False
    raise ValueError(f"{value!r} is neither true nor false")


def integer(value: Any) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is not a whole number") from None


def strings(value: Any) -> list[str]:
    """A list of strings; one string counts as a list of one."""
    return [text(item) for item in value] if isinstance(value, list) else [text(value)]


def words(value: Any) -> list[str]:
    """A command: a list is taken as it is, a string is split as a shell splits it (no shell is run)."""
    try:
        return strings(value) if isinstance(value, list) else shlex.split(text(value))
    except ValueError as error:
        raise ValueError(f"{value!r} cannot be split into words: {error}") from None


def mapping(value: Any) -> dict[str, str]:
    """``{KEY: value}`` or a list of ``KEY=value``; a missing value is the empty string, booleans are lower case."""
    if isinstance(value, dict):
        found = {str(key): _plain(item) for key, item in value.items()}
    else:
        found = {key: item for key, _, item in (text(item).partition("=") for item in strings(value))}
    if "" in found:
        raise ValueError(f"the value {found['']!r} has no name (example: KEY=value)")
    return found


def sysctls(value: Any) -> dict[str, str]:
    return {_known.sysctl(name): item for name, item in mapping(value).items()}


def capabilities(value: Any) -> list[str]:
    return [_known.capability(name) for name in strings(value)]


def stop_signal(value: Any) -> str:
    return _known.signal_name(text(value))


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return text(value)


def size(value: Any) -> int:
    """Bytes: 67108864, ``64m``, ``64mb``, ``1.5g``. Units are powers of 1024, as Docker's are."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text(value).strip().lower())
    if not match or match.group(2) not in _SIZE_UNITS:
        raise ValueError(f"{value!r} is not a size (examples: 67108864, 64m, 1.5g)")
    return int(float(match.group(1)) * _SIZE_UNITS[match.group(2)])


def memory(value: Any) -> int:
    """Bytes; 0 is no limit. The engine starts nothing in less than 6 MB."""
    given = size(value)
    if 0 < given < 6 * 2**20:
        raise ValueError(f"{value!r} is less than the 6 MB that the engine asks for")
    return given


def duration(value: Any) -> int:
    """Nanoseconds: ``1m30s``, ``500ms``; a bare number is seconds."""
    given = text(value).strip()
    if re.fullmatch(r"\d+(\.\d+)?", given):
        return int(float(given) * 10**9)
    parts = re.findall(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)", given)
    if not parts or "".join(number + unit for number, unit in parts) != given:
        raise ValueError(f"{value!r} is not a duration (examples: 90, 1m30s, 500ms)")
    return int(sum(float(number) * _DURATION_UNITS[unit] for number, unit in parts))


def seconds(value: Any) -> int:
    return duration(value) // 10**9


def nano_cpus(value: Any) -> int:
    try:
        cpus = float(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is not a number of CPUs (examples: 2, 0.5)") from None
    if cpus <= 0:
        raise ValueError(f"{value!r} is not more than 0")
    return round(cpus * 10**9)


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
    name, _, retries = {"False": "no", "True": "always"}.get(text(value), text(value)).partition(":")
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
        _known.limit(str(name), soft, hard)
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
    known = {"test", "interval", "timeout", "retries", "start_period", "disable"}
    if set(value) - known:
        raise ValueError(f"{sorted(set(value) - known)[0]!r} is unknown; known are {', '.join(sorted(known))}")
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
    if value.get("retries") is not None:
        check["Retries"] = integer(value["retries"])
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
    return ip.strip("[]"), published, target, protocol or "tcp"


def ports(value: Any) -> dict[str, list[dict[str, str]]]:
    """Compose's ports, short or long, as the engine's PortBindings: ``{"6379/tcp": [{HostIp, HostPort}]}``."""
    bindings: dict[str, list[dict[str, str]]] = {}
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            parts = tuple(str(item.get(key) or "") for key in ("host_ip", "published", "target", "protocol"))
            ip, published, target, protocol = parts[0], parts[1], parts[2], parts[3] or "tcp"
        else:
            ip, published, target, protocol = _short_port(text(item))
        if protocol not in ("tcp", "udp", "sctp"):
            raise ValueError(f"{item!r}: protocol {protocol!r} is not tcp, udp or sctp")
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
    _refuse_one_for_two(bindings)
    return bindings


def _refuse_one_for_two(bindings: dict[str, list[dict[str, str]]]) -> None:
    """A port of the host leads to one port of the container."""
    leads: dict[tuple[str, str, str], str] = {}
    for target, entries in bindings.items():
        for entry in entries:
            published = (entry["HostIp"], entry["HostPort"], target.partition("/")[2])
            other = leads.setdefault(published, target)
            if other != target and entry["HostPort"] and "-" not in entry["HostPort"]:
                raise ValueError(
                    f"port {entry['HostPort']} of the host would lead to {other} and to {target} of the container"
                )


def exposed(value: Any) -> list[str]:
    """``6379``, ``"6379/udp"``, ``"7000-7005"`` → sorted ``["6379/tcp", …]``."""
    found: set[str] = set()
    for item in strings(value):
        port, _, protocol = item.partition("/")
        found.update(f"{number}/{protocol or 'tcp'}" for number in _port_range(port, "container"))
    return sorted(found)


def tmpfs(value: Any) -> dict[str, str]:
    mounts = {}
    for item in strings(value):
        path, _, options = item.partition(":")
        if not path.startswith("/"):
            raise ValueError(f"{item!r}: the path in the container must be absolute")
        mounts[path] = options
    return mounts


def volumes(value: Any) -> list[tuple[str, str, tuple[str, ...]]]:
    """Compose's volumes, short or long, as (source, target, options); no source: an anonymous volume.

    ``rw`` is the default and left out. Relative sources are refused: a playbook has no project directory on the host.
    """
    found = []
    for item in value if isinstance(value, list) else [value]:
        source, target, options = _long_volume(item) if isinstance(item, dict) else _short_volume(text(item))
        if not target.startswith("/"):
            raise ValueError(f"{item!r}: the path in the container must be absolute")
        if source.startswith((".", "~")):
            raise ValueError(f"{item!r}: the path on the host must be absolute")
        if set(options) - _BIND_OPTIONS:
            raise ValueError(f"{item!r}: unknown option {sorted(set(options) - _BIND_OPTIONS)[0]!r}")
        if source and not source.startswith("/"):
            _known.volume(source)
        found.append((source.rstrip("/") or source, target.rstrip("/") or "/", tuple(sorted(set(options) - {"rw"}))))
    targets = [target for _, target, _ in found]
    twice = {target for target in targets if targets.count(target) > 1}
    if twice:
        raise ValueError(f"{sorted(twice)[0]} is mounted twice")
    return sorted(found)


def _short_volume(given: str) -> tuple[str, str, list[str]]:
    parts = given.split(":")
    if len(parts) == 1:
        return "", parts[0], []
    if len(parts) > 3:
        raise ValueError(f"{given!r} is not source:target or source:target:options")
    return parts[0], parts[1], parts[2].split(",") if len(parts) == 3 else []


def _long_volume(given: dict[str, Any]) -> tuple[str, str, list[str]]:
    kind = given.get("type", "volume")
    if kind not in ("volume", "bind") or set(given) - {"type", "source", "target", "read_only", "bind", "volume"}:
        raise ValueError(f"{given!r}: known are type (volume, bind), source, target, read_only, bind and volume")
    source = str(given.get("source") or "")
    if (kind == "bind") != source.startswith("/"):
        raise ValueError(f"{given!r}: a bind has an absolute path as its source, a volume has a name")
    options = ["ro"] if boolean(given.get("read_only") or False) else []
    if (given.get("bind") or {}).get("propagation"):
        options.append(str(given["bind"]["propagation"]))
    if boolean((given.get("volume") or {}).get("nocopy") or False):
        options.append("nocopy")
    return source, str(given.get("target") or ""), options


_ENDPOINT: dict[str, Callable[[Any], Any]] = {
    "aliases": lambda value: sorted(strings(value or [])),
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
        given = entry or {}
        if not isinstance(given, dict) or set(given) - set(_ENDPOINT):
            raise ValueError(f"{name}: known are {', '.join(sorted(_ENDPOINT))}")
        found[str(name)] = {option: _endpoint_option(name, given, option) for option in _ENDPOINT}
    return found


def configs(value: list[dict[str, Any]]) -> dict[str, tuple[str, int, int, int]]:
    """``[{target, content, mode, uid, gid}]`` → ``{target: (content, mode, uid, gid)}``."""
    found = {}
    for item in value:
        target = item["target"]
        if not target.startswith("/"):
            raise ValueError(f"{target!r} must be an absolute path in the container")
        try:
            mode = int(item["mode"], 8)
        except ValueError:
            raise ValueError(f"{target}: mode {item['mode']!r} is not octal (example: '0440')") from None
        found[target] = (item["content"], mode, item["uid"], item["gid"])
    return found
