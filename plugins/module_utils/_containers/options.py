# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of a container in one table: how it is written, where the engine keeps it, when two values are equal.

A container is compared option by option with what the engine would have made of the same list entry on a fresh host:
the value given, else the image's, else the engine's default. So an option taken out of the list is a change as well,
and no label has to remember what was asked for. Source of paths and defaults: Docker Engine API, ContainerCreate.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._compose import mounts as compose_mounts
from ansible_collections.netmode.docker.plugins.module_utils._compose import values as compose
from ansible_collections.netmode.docker.plugins.module_utils._compose.pairs import environment, mapping
from ansible_collections.netmode.docker.plugins.module_utils._engine import defaults as engine_defaults
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import image as containers_image
from . import labels, modes
from . import mounted as containers_mounted

if TYPE_CHECKING:
    from collections.abc import Callable

NAME_LABEL, CONFIGS_LABEL = labels.NAME, labels.CONFIGS

HIDDEN = frozenset({"environment", "configs", "command", "entrypoint", "healthcheck", "labels"})
"""Options whose values may hold a secret: a diff says that they differ, never what they are."""

UNTRIED = frozenset(
    """configs dns dns_opt dns_search environment expose extra_hosts healthcheck labels mac_address network_mode ports
    recreate restart stop_grace_period stop_signal""".split()
)
"""Options with any value of which an engine that creates a container starts it, as far as it depends on them."""

BUILT_IN = engine_defaults.BUILT_IN
UNCONFINED = "label=disable"
"""What the engine adds to security_opt where a container is privileged or in the host's PID or IPC namespace."""
USUAL_CAPABILITIES = frozenset(
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID"
    " SYS_CHROOT".split()
)
"""Of a container that asks for none: https://github.com/moby/moby/blob/v28.5.2/oci/caps/defaults.go"""
_DRAWN = re.compile(r"[0-9a-f]{12}")
"""A host name that the engine drew: the short id of this container, or of one that a tool made it again from."""
_SIGNALS = {"1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "10": "USR1", "12": "USR2", "15": "TERM"}

Json = dict[str, Any]


class Option(NamedTuple):
    name: str
    path: str
    """Where create and inspect keep it; without ``HostConfig.`` it lies in the inspect's ``Config``."""
    parse: Callable[[Any], Any]
    """The user's value to the engine's; ValueError says what is wrong."""
    same: Callable[[Any], Any] = lambda value: value or None
    """The engine's value to what is compared: two equal results mean no change."""
    live: bool = False
    """``docker update`` can set it on a running container."""


def _signal(value: Any) -> str:
    given = str(value or "TERM").upper()
    return _SIGNALS.get(given, given[3:] if given.startswith("SIG") else given)


def _capabilities(value: Any) -> list[str]:
    return sorted({str(item).upper().replace("CAP_", "", 1) for item in value or []})


def _telling_capabilities(current: Json, wanted: Json) -> Json:
    """``cap_add`` and ``cap_drop`` without those that nobody asked for and that change nothing: tools list them all."""
    added, dropped = _capabilities(current["cap_add"]), _capabilities(current["cap_drop"])
    asked, unasked = _capabilities(wanted["cap_add"]), _capabilities(wanted["cap_drop"])
    kept = {*asked, *dropped} if "ALL" not in dropped else {*added}
    left = {*unasked, *USUAL_CAPABILITIES, "ALL"} if "ALL" not in added else {*dropped}
    return {
        "cap_add": [name for name in added if name in kept or name not in USUAL_CAPABILITIES],
        "cap_drop": [name for name in dropped if name in left],
    }


def _security(value: Any) -> list[str]:
    normal = {str(item).replace("=", ":", 1) for item in value or []}
    return sorted("no-new-privileges" if item == "no-new-privileges:true" else item for item in normal)


def _unmasked(security: Any) -> bool:
    """``systempaths=unconfined`` is the client's word: the API has two lists of paths instead, empty ones."""
    return "systempaths:unconfined" in _security(security)


def _pairs(value: Any) -> list[str]:
    return sorted(value or [])


def _variables(value: Any) -> list[str]:
    """What processes get: of two of one name the last, and none without a value, which keeps the image's away."""
    return sorted(item for item in {item.partition("=")[0]: item for item in value or []}.values() if "=" in item)


def _limits(value: Any) -> list[tuple[str, int, int]]:
    return sorted((item["Name"], item["Soft"], item["Hard"]) for item in value or [])


def _restart(value: Any) -> tuple[str, int]:
    policy = value or {}
    return policy.get("Name") or "no", policy.get("MaximumRetryCount") or 0


def _check(value: Any) -> Json:
    if (value or {}).get("Test") == ["NONE"]:
        return {"Test": ["NONE"]}  # the image's intervals, which the engine adds, mean nothing then
    return {key: item for key, item in (value or {}).items() if item}


def _ports(value: Any) -> list[tuple[str, str, str]]:
    bindings = (value or {}).items()
    return sorted(
        (port, item.get("HostIp") or "", item.get("HostPort") or "")
        for port, items in bindings
        for item in items or [{}]
    )


def _tmpfs(value: Any) -> list[tuple[str, list[str]]]:
    mounts = (value or {}).items()
    return sorted((compose.clean(path), containers_mounted.tmpfs_options(options)) for path, options in mounts)


def _pids(value: Any) -> int:
    return max(int(value or 0), 0)


# No list entry can ask for memswap_limit and mem_reservation: they follow mem_limit, and go back when changed manually.
OPTIONS: tuple[Option, ...] = (
    Option("command", "Cmd", compose.words),
    Option("entrypoint", "Entrypoint", compose.words),
    Option("environment", "Env", environment, same=_variables),
    Option("labels", "Labels", mapping, same=labels.to_compare),
    Option("user", "User", compose.user),
    Option("working_dir", "WorkingDir", compose.working_dir, same=lambda value: compose.clean(value or "/")),
    Option("hostname", "Hostname", compose.hostname),
    Option("stop_signal", "StopSignal", compose.stop_signal, same=_signal),
    Option("stop_grace_period", "StopTimeout", compose.seconds, same=lambda value: 10 if value is None else value),
    Option("healthcheck", "Healthcheck", compose.healthcheck, same=_check),
    Option("expose", "ExposedPorts", compose.exposed, same=_pairs),
    Option("ports", "HostConfig.PortBindings", compose.ports, same=_ports),
    Option("volumes", "HostConfig.Binds", compose_mounts.volumes, same=_pairs),
    Option("tmpfs", "HostConfig.Tmpfs", compose_mounts.tmpfs, same=_tmpfs),
    Option("restart", "HostConfig.RestartPolicy", compose.restart, same=_restart, live=True),
    Option("sysctls", "HostConfig.Sysctls", compose.sysctls),
    Option("ulimits", "HostConfig.Ulimits", compose.ulimits, same=_limits),
    Option("cap_add", "HostConfig.CapAdd", compose.capabilities, same=_capabilities),
    Option("cap_drop", "HostConfig.CapDrop", compose.capabilities, same=_capabilities),
    Option("privileged", "HostConfig.Privileged", compose.boolean),
    Option("read_only", "HostConfig.ReadonlyRootfs", compose.boolean),
    Option("security_opt", "HostConfig.SecurityOpt", compose.security, same=_security),
    Option("device_cgroup_rules", "HostConfig.DeviceCgroupRules", compose.device_rules, same=_pairs),
    Option("init", "HostConfig.Init", compose.boolean),
    Option("mem_limit", "HostConfig.Memory", compose.memory, live=True),
    Option("memswap_limit", "HostConfig.MemorySwap", compose.size, live=True),
    Option("mem_reservation", "HostConfig.MemoryReservation", compose.size, live=True),
    Option("cpus", "HostConfig.NanoCpus", compose.nano_cpus, live=True),
    Option("cpu_shares", "HostConfig.CpuShares", compose.cpu_shares, live=True),
    Option("cpuset", "HostConfig.CpusetCpus", compose.cpuset, live=True),
    Option("pids_limit", "HostConfig.PidsLimit", lambda value: compose.integer(value, -1), same=_pids, live=True),
    Option("shm_size", "HostConfig.ShmSize", compose.size),
    Option("group_add", "HostConfig.GroupAdd", compose.strings, same=_pairs),
    Option("dns", "HostConfig.Dns", compose.addresses),
    Option("dns_search", "HostConfig.DnsSearch", compose.strings),
    Option("dns_opt", "HostConfig.DnsOptions", compose.strings),
    Option("extra_hosts", "HostConfig.ExtraHosts", compose.extra_hosts, same=_pairs),
)


def parse(where: str, given: Json) -> Json:
    """The options that a list entry gives, in the engine's terms. ``where`` begins the message of a NetmodeError."""
    values = {}
    for option in OPTIONS:
        if given.get(option.name) is not None:
            try:
                values[option.name] = option.parse(given[option.name])
            except ValueError as error:
                raise NetmodeError(f"{where}: {option.name}: {error}.") from None
    twice = {target for _, target, _ in values.get("volumes") or []} & set(values.get("tmpfs") or {})
    if twice:
        raise NetmodeError(f"{where}: tmpfs: {min(twice)} is mounted by volumes as well. One of them must go.")
    return values


def expected(given: Json, image: Json, *, shares: bool, limits_swap: bool = True) -> Json:
    """What the engine would make of the options: each given, else the image's, else None for the engine's default.

    ``image``: the image's ``Config``; ``shares``: the network namespace is another's, so the engine takes no port of
    the entry's; ``limits_swap``: the kernel can limit swap, else the engine leaves it unlimited.
    """
    values: Json = {option.name: given.get(option.name) for option in OPTIONS}
    values.update(containers_image.merged({**given, "expose": [], "ports": {}} if shares else given, image))
    security = values["security_opt"] or []
    if values["privileged"]:  # which unmasks all of /proc and /sys by itself
        confined = any(item.startswith("label") for item in security)
        security = [item for item in security if not _unmasked([item])]
        values["security_opt"] = security if confined else [*security, UNCONFINED]
    if values["mem_limit"]:
        values["memswap_limit"] = 2 * values["mem_limit"] if limits_swap else -1
    own = [containers_mounted.canonical(volume) for volume in given.get("volumes") or []]
    mounted = {target for _, target, _ in own} | set(given.get("tmpfs") or {})
    values["volumes"] = sorted([*own, *(("", path, ()) for path in containers_image.volumes(image) - mounted)])
    return values


def observed(inspect: Json, host_name: str, wanted: Json, defaults: engine_defaults.Defaults = BUILT_IN) -> Json:
    """The same options of a live container, from its inspect. What the engine adds by itself is left out.

    ``host_name``: the host's, which is the container's as well in host mode where it was given none. ``wanted``: what
    is expected of it, which decides what a default of the engine's and a volume that was handed on count as.
    """
    config, host = inspect["Config"], inspect["HostConfig"]
    values = {}
    for option in OPTIONS:
        section, _, key = option.path.rpartition(".")
        values[option.name] = (host if section else config).get(key)
    if host.get("PublishAllPorts") and modes.kind(host["NetworkMode"]) in ("bridge", "network"):
        every: Json = {port: [{}] for port in config.get("ExposedPorts") or {}}  # as an entry's without a host port
        values["ports"] = {**every, **(values["ports"] or {})}
    values["expose"] = sorted({*(config.get("ExposedPorts") or {}), *(host.get("PortBindings") or {})})
    declared = {compose.clean(path) for path in config.get("Volumes") or {}}
    values["volumes"] = containers_mounted.settled(
        containers_mounted.volumes(config, host), wanted["volumes"], declared
    )
    values["tmpfs"] = containers_mounted.tmpfs(host)
    values["labels"] = labels.without_notes(values["labels"], wanted["labels"])
    if host.get("MaskedPaths") == [] and not host.get("Privileged"):
        values["security_opt"] = [*(values["security_opt"] or []), "systempaths=unconfined"]
    if "host" in (host.get("PidMode"), host.get("IpcMode")) and not host.get("Privileged"):
        values["security_opt"] = [item for item in values["security_opt"] or [] if item != UNCONFINED]
    mode = host["NetworkMode"]
    own = host_name if mode == "host" else inspect["Id"][:12]
    drawn = wanted["hostname"] is None and _DRAWN.fullmatch(values["hostname"] or "")
    if values["hostname"] == own or drawn or mode.startswith("container:"):
        values["hostname"] = None
    values.update(_telling_capabilities(values, wanted))
    return {**values, **engine_defaults.told(values, wanted, defaults)}


def differences(current: Json, wanted: Json) -> dict[str, tuple[Any, Any]]:
    """``{option: (compared value now, compared value wanted)}`` for the options that differ."""
    found = {}
    for option in OPTIONS:
        before, after = option.same(current[option.name]), option.same(wanted[option.name])
        if before != after:
            found[option.name] = (before, after)
    return found


def body(values: Json, image: str, network_mode: str, entry_name: str) -> Json:
    """The request body of ContainerCreate."""
    made: Json = {"Image": image, "HostConfig": {"NetworkMode": network_mode}}
    for option in OPTIONS:
        section, _, key = option.path.rpartition(".")
        if values[option.name] is not None and option.name not in ("expose", "volumes"):
            (made["HostConfig"] if section else made)[key] = values[option.name]
    if _unmasked(values["security_opt"]):
        given = values["security_opt"]
        made["HostConfig"]["SecurityOpt"] = [item for item in given if not _unmasked([item])]
        made["HostConfig"].update(MaskedPaths=[], ReadonlyPaths=[])
    shares = network_mode.startswith("container:")  # where the engine takes the image's ports, and none from a request
    made["ExposedPorts"] = {} if shares else {port: {} for port in values["expose"]}
    made["HostConfig"]["Binds"] = [
        ":".join(filter(None, (source, target, ",".join(options))))
        for source, target, options in values["volumes"]
        if source
    ]
    made["Volumes"] = {target: {} for source, target, _ in values["volumes"] if not source}
    made["Labels"] = {**(values["labels"] or {}), NAME_LABEL: entry_name}
    return made


def update_body(values: Json, names: set[str]) -> Json | None:
    """The request body of ContainerUpdate for these options, or None where one of them needs a new container."""
    made: Json = {}
    for option in OPTIONS:
        if option.name not in names:
            continue
        value = values[option.name]
        if not option.live or (option.name != "restart" and not value):
            return None
        made[option.path.rpartition(".")[2]] = value or {"Name": "no", "MaximumRetryCount": 0}
    if "Memory" in made:
        made["MemorySwap"] = values["memswap_limit"]
    return made
