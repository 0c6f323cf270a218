# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a host's Redis instances: merged from the role's variables and the list, and each checked by itself."""

from __future__ import annotations

import difflib
import ipaddress
import re
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._compose import values
from ansible_collections.netmode.docker.plugins.module_utils._compose.names import container, image
from ansible_collections.netmode.docker.plugins.module_utils._compose.numbers import permissions
from ansible_collections.netmode.docker.plugins.module_utils._compose.typed import placed, read
from ansible_collections.netmode.docker.plugins.module_utils._containers import options as containers_options
from ansible_collections.netmode.docker.plugins.module_utils._engine.names import ROLE_LABEL
from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import is_loopback
from ansible_collections.netmode.docker.plugins.module_utils._redis.conf import lines_of, words_of
from ansible_collections.netmode.docker.plugins.module_utils._redis.exposure import EVERYWHERE
from ansible_collections.netmode.docker.plugins.module_utils._redis.interfaces import check_interfaces
from ansible_collections.netmode.docker.plugins.module_utils._redis.sentinel import without_data
from ansible_collections.netmode.docker.plugins.module_utils._redis.sources import check_sources
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_tls import check_tls
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_users import add_users
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import HIGHEST_PORT, options_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from ansible_collections.netmode.docker.plugins.module_utils._compose.typed import Spec
    from ansible_collections.netmode.docker.plugins.module_utils._redis.problems import Problems, Settings

MANAGED = {
    "bind": "bind", "port": "port", "requirepass": "password", "dir": None, "daemonize": None, "supervised": None,
    "unixsocket": None, "unixsocketperm": "socket_mode", "protected-mode": None, "logfile": None, "pidfile": None,
    "maxmemory": "maxmemory", "maxmemory-policy": "maxmemory_policy", "appendonly": "appendonly",
    "appendfsync": "appendfsync", "save": "save", "include": None, "aclfile": "users", "replicaof": "replica_of",
    "slaveof": "replica_of", "min-replicas-to-write": "replicas_min", "min-slaves-to-write": "replicas_min",
}  # fmt: skip
"""Directives that the role writes itself, and the variable (without ``redis_``) that sets each."""

HOST_VARIABLES = (
    "instances", "companions", "network_definitions", "config_dir", "socket_dir", "socket_group", "image_dir",
    "start_timeout", "keeper", "host_tuning", "address", "reach_witnesses", "teardown_data",
    "netmode_docker_host", "tls_ca_dir", "tls_renew_before", "problems",
    "backup_dir", "backup_keep", "backup_instances", "backup_timeout", "backup_fetch_to",
    "backup_encrypt_for", "restore_instance", "restore_backup", "restore_src", "restore_overwrite", "restore_key",
    "promote", "promote_timeout", "cluster_timeout", "sentinel_timeout",
)  # fmt: skip
"""The role's variables that are the host's and no setting of an instance, without ``redis_``."""

OF_THE_CONTAINER = ("ports", "networks", "volumes", "restart", "sysctls", "ulimits", "mem_limit", "cpus", "labels")
"""Settings that the module containers is given as they are: compared with its own reading before anything is done."""

LEAST_STOP_GRACE_PERIOD = 10
"""Seconds. Redis waits that long for its replicas before it saves and ends (``shutdown-timeout`` in redis.conf)."""

_PORTS = frozenset(
    """tls-port cluster-port cluster-announce-port cluster-announce-tls-port cluster-announce-bus-port
    replica-announce-port slave-announce-port""".split()
)
"""Directives whose value is a port."""

_SIZE = re.compile(r"[0-9]+(b|k|kb|m|mb|g|gb)?\Z", re.IGNORECASE)
_USER = re.compile(r"([0-9]{1,10}):([0-9]{1,10})\Z", re.ASCII)
_HIGHEST_ID = 2**31 - 1
"""Of a user or a group that an engine starts a process as: moby, vendor/github.com/moby/sys/user."""
_PARSERS = {**{option.name: option.parse for option in containers_options.OPTIONS}, "networks": values.networks}


def settings_of(variables: Mapping[str, Any]) -> Settings:
    """Of the role's variables those that an instance may set for itself."""
    return {name: value for name, value in variables.items() if name not in HOST_VARIABLES}


def merge(variables: Mapping[str, Any], instances: list[dict[str, Any]], problems: Problems) -> list[Settings]:
    """One complete set of settings per instance, in the order given; what an entry leaves null is the host's."""
    defaults = settings_of(variables)
    merged: list[Settings] = []
    seen: set[str] = set()
    for index, entry in enumerate(instances):
        called = f"number {index + 1}"
        try:
            name = read({}, entry.get("name")) or ""
            called = name or called
            why = _why_no_name(name, seen)
        except ValueError as error:
            why = f"{error}."
        own = _read_entry(called, entry, problems)
        if why:
            problems.add(called, "name", why)
            continue
        seen.add(name)
        merged.append(without_data({**defaults, **own, "name": name}, own, problems))
    return merged


def _read_entry(called: str, entry: Mapping[Any, Any], problems: Problems) -> Settings:
    """What an entry says, each as the variable of that name is read."""
    known = {name.removeprefix("redis_"): spec for name, spec in options_of("redis").items()}
    options: dict[str, Spec] = {name: spec for name, spec in known.items() if name not in HOST_VARIABLES}
    found: Settings = {}
    for key, value in entry.items():
        if key not in options and key != "name":
            near = difflib.get_close_matches(str(key)[:80].removeprefix("redis_"), options, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            problems.add(called, str(key), f"there is no such setting.{hint}")
        elif value is not None and key != "name":
            try:
                found[key] = read(options[key], value)
            except ValueError as error:
                problems.add(called, *placed(key, error))
    return found


def _why_no_name(name: str, others: AbstractSet[str]) -> str:
    if not name:
        return "an instance needs a name: that of its container."
    if name in others:
        return "two instances of this host have it. Give each a name of its own."
    try:
        container(name)
    except ValueError as error:
        return f"{error}."
    return ""


def check(instance: Settings, problems: Problems) -> None:
    """Everything that can be said of one instance without the others."""
    _check_for_the_container(instance, problems)
    _check_numbers(instance, problems)
    _check_user(instance, problems)
    _check_durations(instance, problems)
    _check_mode(instance, problems)
    check_interfaces(instance, problems)
    check_sources(instance, problems)
    add_users(instance, problems)
    _check_directives(instance, problems)
    check_tls(instance, problems)
    _check_image(instance, problems)


def _check_for_the_container(instance: Settings, problems: Problems) -> None:
    if ROLE_LABEL in (instance["labels"] or ()):
        problems.add(instance["name"], "labels", f"{ROLE_LABEL}: the role sets it by itself. Choose another name.")
    if instance["recreate"] == "always" and not instance["restart_allowed"]:
        problems.add(
            instance["name"], "recreate", "always recreates it at every run, and redis_restart_allowed: false allows "
            "none. Leave one of them out.",
        )  # fmt: skip
    for option in OF_THE_CONTAINER:
        given = instance[option]
        try:
            if option == "networks" and not isinstance(given, (list, dict)):
                given = instance[option] = read({"type": "list", "elements": "str"}, given)
            if given or isinstance(given, (bool, int, float)):
                instance[option] = _one_form(option, given, _PARSERS[option](given))
        except ValueError as error:
            instance[option] = None
            problems.add(instance["name"], *placed(option, error))


def _one_form(option: str, given: Any, parsed: Any) -> Any:
    """However a number or a word was written, the plan has it in one form, so that one meaning is one plan."""
    if option == "restart":
        return "no" if given is False else given
    if option == "mem_limit":
        return str(parsed or "")
    if option == "cpus":
        return f"{parsed / 10**9:.9f}".rstrip("0").rstrip(".") if parsed else ""
    return _numbers_as_text(given)


def _numbers_as_text(given: Any) -> Any:
    if isinstance(given, dict):
        return {_numbers_as_text(key): _numbers_as_text(value) for key, value in given.items()}
    if isinstance(given, list):
        return [_numbers_as_text(item) for item in given]
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given


def _check_numbers(instance: Settings, problems: Problems) -> None:
    name = instance["name"]
    maxmemory = instance["maxmemory"]
    if isinstance(maxmemory, bool) or (maxmemory != "" and not _SIZE.match(str(maxmemory))):
        problems.add(name, "maxmemory", f"{maxmemory!r} is not a size. Write it like 512mb or 2gb.")
    else:
        instance["maxmemory"] = "" if str(maxmemory) == "0" else str(maxmemory)
    for point in instance["save"]:
        parts = str(point).split()
        if not parts or len(parts) % 2 or not all(part.isdigit() for part in parts):
            problems.add(name, "save", f"{point!r} is not seconds and changes. Write it like '3600 1'.")
    for address in instance["bind"]:
        bare = str(address).lstrip("-").replace("*", "0.0.0.0").replace("::0.0.0.0", "::")  # noqa: S104
        try:
            ipaddress.ip_address(bare)
        except ValueError:
            problems.add(
                name, "bind", f"{address!r} is not an address. Give addresses of the namespace, or '*' for all."
            )


def _check_user(instance: Settings, problems: Problems) -> None:
    name, user = instance["name"], _USER.match(str(instance["user"]))
    if not user:
        problems.add(
            name, "user", f"{instance['user']!r}: a number and a group's number are wanted, such as '999:999', "
            "since the directories on the host are given to them.",
        )  # fmt: skip
    elif max(int(user[1]), int(user[2])) > _HIGHEST_ID:
        problems.add(name, "user", f"{instance['user']!r}: the highest number that an engine takes is {_HIGHEST_ID}.")
    elif int(user[1]) == 0:
        problems.add(name, "user", "0 is root, and Redis runs as root nowhere here. Give another, such as '999:999'.")
    try:
        mode = permissions(instance["socket_mode"])
        instance["socket_mode"] = f"{mode:03o}"
        wrong = "" if mode <= 0o777 else f"{instance['socket_mode']!r} is not three octal digits. Write it like '770'."
    except ValueError as error:
        wrong = f"{error}."
    if wrong:
        problems.add(name, "socket_mode", wrong)


def _check_durations(instance: Settings, problems: Problems) -> None:
    """The engine kills what does not end within its period, and what Redis has not saved by then is lost."""
    for option in ("stop_grace_period", "healthcheck_interval"):
        try:
            given = values.duration(instance[option])
        except ValueError:
            problems.add(instance["name"], option, f"{instance[option]!r} is not a duration. Write it like 120s or 5m.")
            continue
        if option == "stop_grace_period" and given < LEAST_STOP_GRACE_PERIOD * 10**9:
            problems.add(
                instance["name"], option, f"{instance[option]} may end before Redis has saved its data, and it is "
                f"killed then. Give at least {LEAST_STOP_GRACE_PERIOD}s, and what a dump of its data takes: 120s.",
            )  # fmt: skip
        instance[option] = values.duration_text(given)


def _check_mode(instance: Settings, problems: Problems) -> None:
    """What a network mode has no use for is refused, as the engine would drop it without a word."""
    name, mode = instance["name"], instance["network_mode"]
    if mode == "container" and not instance["donor"]:
        problems.add(name, "donor", "mode container joins the namespace of another container. Say which with donor.")
    if mode != "container" and instance["donor"]:
        problems.add(name, "donor", f"mode {mode} has no donor. Leave donor out, or set network_mode to container.")
    if mode == "container" and instance["donor"] == name:
        problems.add(name, "donor", "an instance cannot join its own namespace. Name another container.")
    if mode != "bridge" and instance["ports"]:
        instead = {
            "container": "publish it on the donor, whose namespace it is",
            "host": f"Redis listens on the host's own port {instance['port']} already: leave ports out",
            "none": "there is no network to publish on: use the unix socket, interfaces, or another mode",
        }.get(mode, "leave ports out")
        problems.add(name, "ports", f"mode {mode} publishes no ports; {instead}.")
    if mode != "bridge" and instance["networks"]:
        problems.add(
            name, "networks", f"mode {mode} attaches no networks. Leave networks out, or set network_mode to bridge."
        )
    if mode == "none":
        _check_bind_to_come(instance, problems)


def _check_bind_to_come(instance: Settings, problems: Problems) -> None:
    """When Redis starts there is nothing but lo; a custom interface comes after it."""
    name, bind = instance["name"], [str(address) for address in instance["bind"]]
    if bind and not instance["interfaces"]:
        problems.add(
            name, "bind", "mode none has no address to bind to; Redis is reached by its unix socket. Leave bind out."
        )
    for address in bind if instance["interfaces"] else ():
        if address.lstrip("-") not in EVERYWHERE and not is_loopback(address):
            problems.add(
                name, "bind", f"Redis cannot bind to {address}, since an interface of your own is there only after it "
                "has started. Leave bind out, and it listens at every address of its namespace.",
            )  # fmt: skip


def _check_directives(instance: Settings, problems: Problems) -> None:
    name = instance["name"]
    if any(char in instance["password"] for char in "\r\n"):
        problems.add(name, "password", "it holds a line break, and Redis takes none. Give one of a single line.")
    for directive, value in instance["settings"].items():
        if not isinstance(directive, str) or not re.match(r"[a-zA-Z][a-zA-Z0-9_-]*\Z", directive):
            problems.add(
                name, f"settings.{directive}", "that is not a directive of redis.conf. Write its name as it is there."
            )
            continue
        lower = directive.lower()
        if lower in MANAGED:
            instead = MANAGED[lower]
            way = f"set {instead} instead" if instead else "the role sets it by itself"
            problems.add(name, f"settings.{directive}", f"{way}.")
        try:
            lines = lines_of(directive, value)
        except ValueError as error:
            problems.add(name, f"settings.{directive}", f"{error}.")
            continue
        if lower in _PORTS:
            _check_ports_of(name, directive, [words_of(line)[1:] for line in lines], problems)


def _check_ports_of(name: str, directive: str, lines: list[list[str]], problems: Problems) -> None:
    for words in lines:
        number = words[0] if len(words) == 1 and words[0].isascii() and words[0].isdecimal() else ""
        if not number or len(number) > 5 or int(number) > HIGHEST_PORT:
            why = f"{' '.join(words)!r} is not a port. Give a number from 1 to {HIGHEST_PORT}, or 0 for none."
            problems.add(name, f"settings.{directive}", why)


def _check_image(instance: Settings, problems: Problems) -> None:
    name = instance["name"]
    try:
        image(instance["image"])
    except ValueError as error:
        why = f"{error}." if instance["image"] else "no image is named. Write it like redis:7.4.11."
        problems.add(name, "image", why)
    if instance["image_source"] == "archive" and not instance["image_archive"]:
        problems.add(name, "image_archive", "image_source is archive: say which file on the controller.")
    if instance["image_source"] == "packages" and not instance["image_packages"]:
        problems.add(name, "image_packages", "image_source is packages: say which.")
    if instance["registry_password"] and not instance["registry_username"]:
        problems.add(
            name, "registry_username", "a password at the registry without a user. Give registry_username too."
        )
