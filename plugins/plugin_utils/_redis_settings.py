# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a host's Redis instances: merged from the role's variables and the list, and each checked by itself."""

from __future__ import annotations

import difflib
import ipaddress
import re
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._known import container
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_exposure import EVERYWHERE, is_loopback
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_interfaces import EXAMPLE, check_interfaces

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

Settings = dict[str, Any]

MODES = ("bridge", "container", "host", "none")

MANAGED = {
    "bind": "bind", "port": "port", "requirepass": "password", "dir": None, "daemonize": None, "supervised": None,
    "unixsocket": None, "unixsocketperm": "socket_mode", "protected-mode": None, "logfile": None, "pidfile": None,
    "maxmemory": "maxmemory", "maxmemory-policy": "maxmemory_policy", "appendonly": "appendonly",
    "appendfsync": "appendfsync", "save": "save", "include": None,
}  # fmt: skip
"""Directives that the role writes itself, and the variable (without ``redis_``) that sets each."""

POLICIES = (
    "noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random",
    "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
)  # fmt: skip

_LISTS = {
    "bind": ["127.0.0.1"], "ports": ["127.0.0.1:6379:6379"], "networks": ["backend"], "save": ["3600 1"],
    "volumes": ["/srv/tls:/tls:ro"], "image_packages": ["redis-server"], "interfaces": [EXAMPLE],
}  # fmt: skip
"""Settings that are lists, each as it may be written."""

HOST_VARIABLES = (
    "instances", "companions", "network_definitions", "config_dir", "socket_dir", "socket_group", "image_dir",
    "start_timeout", "keeper", "address", "reach_witnesses", "teardown_data",
)  # fmt: skip
"""The role's variables that are the host's and no setting of an instance, without ``redis_``."""

_NEAR = 0.9
"""How alike, of 1, a variable's name has to be to one of the role's to be taken for it: a letter or two."""

LEAST_STOP_GRACE_PERIOD = 10
"""Seconds. Redis waits that long for its replicas before it saves and ends (``shutdown-timeout`` in redis.conf)."""

_SIZE = re.compile(r"[0-9]+(b|k|kb|m|mb|g|gb)?\Z", re.IGNORECASE)
_USER = re.compile(r"([0-9]+):[0-9]+\Z")
_MODE = re.compile(r"0?[0-7]{3}\Z")
_DURATION = re.compile(r"(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?\Z")


class Problems:
    """Collects what is wrong, so that all of it is told at once: host, instance, option, why, and the way out."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.told: list[str] = []

    def add(self, name: str, option: str, why: str) -> None:
        self.told.append(f"{self.host}: instance {name}: {option}: {why}")


def merge(defaults: Settings, instances: Any, problems: Problems) -> list[Settings]:
    """One complete set of settings per instance, in the order given."""
    if not isinstance(instances, list) or not all(isinstance(item, dict) for item in instances):
        problems.told.append(f"{problems.host}: redis_instances: a list of mappings is wanted, each with a name.")
        return []
    merged: list[Settings] = []
    seen: set[str] = set()
    for index, entry in enumerate(instances):
        name = str(entry.get("name") or "")
        called = name or f"number {index + 1}"
        for key in sorted(set(entry) - set(defaults) - {"name"}):
            near = difflib.get_close_matches(key.removeprefix("redis_"), defaults, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            problems.add(called, key, f"there is no such setting.{hint}")
        why = _why_no_name(name, seen)
        if why:
            problems.add(called, "name", why)
            continue
        seen.add(name)
        merged.append({**defaults, **{key: value for key, value in entry.items() if key in defaults}, "name": name})
    return merged


def _why_no_name(name: str, others: AbstractSet[str]) -> str:
    if not name:
        return "an instance wants a name: that of its container."
    if name in others:
        return "two instances of this host have it. Give each a name of its own."
    try:
        container(name)
    except ValueError as error:
        return f"{error}."
    return ""


def check_variables(names: Iterable[str], defaults: Settings, problems: Problems) -> None:
    """Of the variables that a host has: those that look like one of the role's misspelt, which would be without effect.

    ``redis_ports_of_old`` and ``redis_passwords`` may well be somebody's own.
    """
    known = {f"redis_{name}" for name in (*defaults, *HOST_VARIABLES)}
    for name in sorted(set(names) - known):
        near = next(iter(difflib.get_close_matches(name, known, 1, _NEAR)), "")
        if near and name.rstrip("s") != near.rstrip("s") and not name.startswith(f"{near}_"):
            problems.told.append(
                f"{problems.host}: {name}: there is no such variable. Did you mean {near}? "
                "If it is one of your own, give it a name that is less like it."
            )


def check(instance: Settings, problems: Problems) -> None:
    """Everything that can be said of one instance without the others."""
    _check_lists(instance, problems)
    _check_choices(instance, problems)
    _check_numbers(instance, problems)
    _check_user(instance, problems)
    _check_stop(instance, problems)
    _check_mode(instance, problems)
    check_interfaces(instance, problems)
    _check_directives(instance, problems)
    _check_image(instance, problems)


def _check_lists(instance: Settings, problems: Problems) -> None:
    """The example stands in for what is no list, so that the other checks can go on."""
    for option, example in _LISTS.items():
        value = instance[option]
        if value is None:
            instance[option] = []
        elif not isinstance(value, (list, dict) if option == "networks" else list):
            problems.add(instance["name"], option, f"{value!r} is no list. Write it like {example}.")
            instance[option] = example


def _check_choices(instance: Settings, problems: Problems) -> None:
    choices = {
        "network_mode": MODES,
        "state": ("started", "stopped", "absent"),
        "recreate": ("auto", "always", "never"),
        "image_source": ("pull", "archive", "packages"),
        "image_pull_policy": ("missing", "always"),
        "maxmemory_policy": POLICIES,
        "appendfsync": ("always", "everysec", "no"),
    }
    for option, allowed in choices.items():
        value = instance[option]
        # YAML reads a bare no as false.
        if (value is False and "no" in allowed) or value in allowed:
            continue
        problems.add(instance["name"], option, f"{value!r} is none of {', '.join(allowed)}.")


def _port(value: Any) -> int | None:
    try:
        number = int(value)
    except (TypeError, ValueError):
        return None
    return number if 1 <= number <= 65535 and not isinstance(value, bool) else None


def _check_numbers(instance: Settings, problems: Problems) -> None:
    name = instance["name"]
    if _port(instance["port"]) is None:
        problems.add(name, "port", f"{instance['port']!r} is no TCP port. Give a number from 1 to 65535.")
    if instance["maxmemory"] and not _SIZE.match(str(instance["maxmemory"])):
        problems.add(name, "maxmemory", f"{instance['maxmemory']!r} is no size. Write it like 512mb or 2gb.")
    for point in instance["save"]:
        parts = str(point).split()
        if not parts or len(parts) % 2 or not all(part.isdigit() for part in parts):
            problems.add(name, "save", f"{point!r} is not seconds and changes. Write it like '3600 1'.")
    for address in instance["bind"]:
        bare = str(address).lstrip("-").replace("*", "0.0.0.0").replace("::0.0.0.0", "::")  # noqa: S104
        try:
            ipaddress.ip_address(bare)
        except ValueError:
            problems.add(name, "bind", f"{address!r} is no address. Give addresses of the namespace, or '*' for all.")


def _check_user(instance: Settings, problems: Problems) -> None:
    name, user = instance["name"], _USER.match(str(instance["user"]))
    if not user:
        problems.add(
            name, "user", f"{instance['user']!r}: a number and a group's number are wanted, such as '999:999', "
            "since the directories on the host are given to them.",
        )  # fmt: skip
    elif int(user[1]) == 0:
        problems.add(name, "user", "0 is root, and Redis runs as root nowhere here. Give another, such as '999:999'.")
    if not _MODE.match(str(instance["socket_mode"])):
        problems.add(
            name, "socket_mode", f"{instance['socket_mode']!r} is not three octal digits. Write it quoted, like '770'."
        )


def _check_stop(instance: Settings, problems: Problems) -> None:
    """The engine kills what does not end within its period, and what Redis has not saved by then is lost."""
    period = str(instance["stop_grace_period"])
    parts = _DURATION.match(period)
    if not period or not parts:
        problems.add(instance["name"], "stop_grace_period", f"{period!r} is no duration. Write it like 120s or 5m.")
        return
    hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    if hours * 3600 + minutes * 60 + seconds < LEAST_STOP_GRACE_PERIOD:
        problems.add(
            instance["name"], "stop_grace_period", f"{period} may end before Redis has saved its data, and it is "
            f"killed then. Give at least {LEAST_STOP_GRACE_PERIOD}s, and as much as a dump of its data takes: 120s.",
        )  # fmt: skip


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
    """When Redis starts there is nothing but lo; an interface of one's own comes after it."""
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
    if any(char in str(instance["password"]) for char in "\r\n\0"):
        problems.add(name, "password", "it holds a line break. Redis cannot be given such a password.")
    if not isinstance(instance["settings"], dict):
        problems.add(name, "settings", "a mapping from directives of redis.conf to their values is wanted.")
        return
    for directive, value in instance["settings"].items():
        lower = str(directive).lower()
        if lower in MANAGED:
            instead = MANAGED[lower]
            way = f"set {instead} instead" if instead else "the role sets it by itself"
            problems.add(name, f"settings.{directive}", f"{way}.")
        if not re.match(r"[a-zA-Z][a-zA-Z0-9_-]*\Z", str(directive)):
            problems.add(name, f"settings.{directive}", "that is no directive of redis.conf.")
        values = value if isinstance(value, list) else [value]
        if any("\n" in str(item) or "\r" in str(item) for item in values):
            problems.add(
                name, f"settings.{directive}", "a value is one line. For several lines of one directive give a list."
            )


def _check_image(instance: Settings, problems: Problems) -> None:
    name = instance["name"]
    if not instance["image"]:
        problems.add(name, "image", "no image is named. Write it like redis:7.4.11.")
    if instance["image_source"] == "archive" and not instance["image_archive"]:
        problems.add(name, "image_archive", "image_source is archive: say which file on the controller.")
    if instance["image_source"] == "packages" and not instance["image_packages"]:
        problems.add(name, "image_packages", "image_source is packages: say which.")
    if instance["registry_password"] and not instance["registry_username"]:
        problems.add(
            name, "registry_username", "a password at the registry without a user. Give registry_username too."
        )
