# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user asks of ``containers``, made canonical and checked for all that can be known without a host."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._compose import mounts, names, values
from ansible_collections.netmode.docker.plugins.module_utils._engine.version import version
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import modes
from . import options as containers_options

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

_OF_AN_INTERFACE = re.compile(r"net\.[^.]+\.[^.]+\.eth\d+\.")

CONTAINER_ARGUMENTS: Json = {
    "name": {"type": "str", "required": True},
    "image": {"type": "str"},
    "state": {"type": "str", "default": "started", "choices": ["started", "stopped", "absent"]},
    "network_mode": {"type": "str"},
    "recreate": {"type": "str", "default": "auto", "choices": ["auto", "always", "never"]},
    "pull_policy": {"type": "str", "default": "missing", "choices": ["missing", "always", "never"]},
    "networks": {"type": "raw"},
    "mac_address": {"type": "raw"},
    "ports": {"type": "list", "elements": "raw"},
    "expose": {"type": "list", "elements": "raw"},
    "command": {"type": "raw"},
    "entrypoint": {"type": "raw"},
    "environment": {"type": "raw"},
    "labels": {"type": "raw"},
    "user": {"type": "raw"},
    "working_dir": {"type": "str"},
    "hostname": {"type": "str"},
    "volumes": {"type": "list", "elements": "raw"},
    "tmpfs": {"type": "raw"},
    "configs": {
        "type": "list",
        "elements": "dict",
        "options": {
            "target": {"type": "str", "required": True},
            "content": {"type": "str", "required": True, "no_log": True},
            "mode": {"type": "raw", "default": "0444"},
            "uid": {"type": "int", "default": 0},
            "gid": {"type": "int", "default": 0},
        },
    },
    "restart": {"type": "raw"},
    "sysctls": {"type": "raw"},
    "ulimits": {"type": "dict"},
    "cap_add": {"type": "list", "elements": "str"},
    "cap_drop": {"type": "list", "elements": "str"},
    "privileged": {"type": "bool"},
    "read_only": {"type": "bool"},
    "security_opt": {"type": "list", "elements": "str"},
    "device_cgroup_rules": {"type": "list", "elements": "str"},
    "init": {"type": "bool"},
    "mem_limit": {"type": "raw"},
    "cpus": {"type": "raw"},
    "cpu_shares": {"type": "int"},
    "cpuset": {"type": "str"},
    "pids_limit": {"type": "int"},
    "shm_size": {"type": "raw"},
    "group_add": {"type": "list", "elements": "str"},
    "stop_grace_period": {"type": "raw"},
    "stop_signal": {"type": "str"},
    "healthcheck": {"type": "dict"},
    "dns": {"type": "raw"},
    "dns_search": {"type": "raw"},
    "dns_opt": {"type": "raw"},
    "extra_hosts": {"type": "raw"},
}

ARGUMENTS: Json = {
    "containers": {"type": "list", "elements": "dict", "required": True, "options": CONTAINER_ARGUMENTS},
    "pending": {"type": "list", "elements": "str", "default": []},
    "restarted": {"type": "dict", "default": {}},
}
"""The options of the module ``containers``, but for those that say where the engine is."""


class Wanted(NamedTuple):
    where: str
    """How messages name this entry: ``containers[2] (redis-b)``."""
    name: str
    state: str
    image: str
    network_mode: str
    """As given, or the first of ``networks``; ``default`` is ``bridge``."""
    mode_given: bool
    """False: any of ``networks`` will do as the first."""
    donor: str
    """Name or id of the container whose namespace is shared, else empty."""
    endpoints: Json
    """``{network: {aliases, ipv4_address, ipv6_address, mac_address}}``, the primary first; empty without networks."""
    configs: dict[str, mounts.File]
    options: Json
    recreate: str
    pull_policy: str
    listens: tuple[tuple[str, str, str], ...] = ()
    """(address or empty, port, protocol) that the process listens on, as far as ``expose`` says."""

    @property
    def grace(self) -> int | None:
        """Seconds, None where the entry sets no stop_grace_period."""
        period: int | None = self.options.get("stop_grace_period")
        return period


def read(entries: list[Json], engine_version: str) -> list[Wanted]:
    """The list of the module as Wanted, or a NetmodeError for the first entry that is wrong in itself."""
    named = [(f"containers[{index}] ({entry['name']})", entry) for index, entry in enumerate(entries)]
    wanted = [read_one(where, entry, engine_version) for where, entry in named]
    seen: dict[str, str] = {}
    for one in wanted:
        if one.name in seen:
            raise NetmodeError(f"{one.where}: {seen[one.name]} has the same name. A name stands for one container.")
        seen[one.name] = one.where
    _refuse_shared_addresses(wanted)
    return wanted


def read_one(where: str, entry: Json, engine_version: str) -> Wanted:
    """One entry, or a NetmodeError that begins with ``where``."""
    name = entry["name"]
    try:
        names.container(name)
    except ValueError as error:
        raise NetmodeError(f"{where}: name: {error}.") from None
    state = entry.get("state") or "started"
    if state != "absent" and not entry.get("image"):
        raise NetmodeError(f"{where}: image: is needed for state: {state}.")
    options = containers_options.parse(where, entry)
    _parsed(where, entry, "image", names.image, "")
    networks = _parsed(where, entry, "networks", values.networks, {})
    configs = _parsed(where, entry, "configs", lambda value: _configs(value, options), {})
    mac = _parsed(where, entry, "mac_address", values.mac, "")
    given_mode = entry.get("network_mode") or next(iter(networks), "bridge")
    mode = "bridge" if given_mode == "default" else given_mode
    kind = modes.kind(mode)
    modes.check(where, kind, {**options, "networks": networks, "mac_address": mac}, engine_version)
    _refuse_late_mac(where, networks, mode)
    _refuse_sysctls_of_an_interface(where, options.get("sysctls") or {}, engine_version)
    donor = mode.partition(":")[2].lstrip("/") if kind == "container" else ""
    if kind == "container" and not donor:
        raise NetmodeError(f"{where}: network_mode: {mode!r} names no donor (example: container:web).")
    return Wanted(
        where,
        name,
        state,
        entry.get("image") or "",
        mode,
        bool(entry.get("network_mode")),
        donor,
        _endpoints(mode, kind, networks, mac),
        configs,
        options,
        entry.get("recreate") or "auto",
        entry.get("pull_policy") or "missing",
        tuple(_parsed(where, entry, "expose", values.listening, [])),
    )


def _parsed(where: str, entry: Json, option: str, parse: Callable[[Any], Any], default: Any) -> Any:
    try:
        return parse(entry[option]) if entry.get(option) else default
    except ValueError as error:
        raise NetmodeError(f"{where}: {option}: {error}.") from None


def _configs(value: list[Json], options: Json) -> dict[str, mounts.File]:
    files = mounts.configs(value)
    mounts.refuse_unreachable(files, options)
    return files


def _refuse_late_mac(where: str, networks: Json, mode: str) -> None:
    """A MAC on a network that is connected later: dropped without a word up to 24, and since 25 (moby#48192)."""
    late = [name for name, spec in networks.items() if spec["mac_address"] and name != mode]
    if late:
        raise NetmodeError(
            f"{where}: networks: {late[0]}: mac_address: the engine takes one on the first network only and drops this "
            f"without a word. Make {late[0]} the network_mode, or leave mac_address out."
        )


def _refuse_sysctls_of_an_interface(where: str, sysctls: Json, engine_version: str) -> None:
    """From 28 on an engine refuses one of ``ethN``; 27 moves it from the container's to those of its first network."""
    own = [name for name in sysctls if _OF_AN_INTERFACE.match(name)]
    if own and version(engine_version) >= (27,):
        raise NetmodeError(
            f"{where}: sysctls: {own[0]} is one interface's, which Docker Engine {engine_version} takes only as "
            "a driver option of a network. Set it for all (net.*.*.all.*) or for those to come (net.*.*.default.*)."
        )


def _endpoints(mode: str, kind: str, networks: Json, mac: str) -> Json:
    if kind not in ("bridge", "network"):
        return {}
    nothing = {"aliases": [], "ipv4_address": "", "ipv6_address": "", "mac_address": ""}
    primary = dict(networks.get(mode, nothing))
    primary["mac_address"] = primary["mac_address"] or mac
    return {mode: primary, **{name: spec for name, spec in networks.items() if name != mode}}


def _refuse_shared_addresses(wanted: list[Wanted]) -> None:
    """Of containers that run: the engine gives an address when a container starts, and takes it back when it stops."""
    holders: dict[tuple[str, str], Wanted] = {}
    for one in (entry for entry in wanted if entry.state == "started"):
        for network, spec in one.endpoints.items():
            for address in filter(None, (spec["ipv4_address"], spec["ipv6_address"])):
                other = holders.setdefault((network, address), one)
                if other is not one:
                    raise NetmodeError(
                        f"{one.where}: networks: {network}: {address} is also asked for by {other.where}. "
                        "Give one of them another address."
                    )
