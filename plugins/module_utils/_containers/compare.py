# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between a container and its list entry, and which of that needs a new container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import configs, endpoints, modes, options

if TYPE_CHECKING:
    from .spec import Wanted
    from .state import Host

Json = dict[str, Any]
Differences = dict[str, tuple[Any, Any]]
"""Option → (now, wanted)."""

_UPDATABLE = frozenset(option.name for option in options.OPTIONS if option.live)


class Expected(NamedTuple):
    """The container of a list entry, as the engine would have it."""

    options: Json
    """As ``options.expected`` gives them."""
    mode: str
    """NetworkMode, as ``sharing.network_mode`` gives it."""


class Comparison(NamedTuple):
    differences: Differences
    """Without the networks to join and to leave."""
    reasons: list[str]
    """Why it has to be recreated; empty where the differences can be set on the container as it is."""


def compare(host: Host, one: Wanted, key: str, expected: Expected) -> Comparison:
    """An entry with its container. NetmodeError: it would have to be recreated, and that cannot or may not be."""
    inspect, found = host.inspected[key], _differences(host, one, key, expected)
    updatable = _updatable(inspect, expected.options, found)
    reasons = [] if updatable else [reason(name, *pair) for name, pair in found.items()]
    if one.recreate == "never" and reasons:
        raise NetmodeError(f"{one.where}: recreate: never, but it would have to be recreated: {'; '.join(reasons)}.")
    if one.recreate == "always" and not reasons:
        found["recreate"], reasons = ("", "always"), ["recreate: always"]
    if reasons and inspect["State"]["Status"] == "removing":
        raise NetmodeError(f"{one.where}: the engine is removing the container. Run again when it is gone.")
    return Comparison(found, reasons)


def reason(option: str, before: Any, after: Any) -> str:
    if option in options.HIDDEN:
        return f"{option} differs"
    return (
        f"{option}: {before!r} -> {after!r}"
        if option not in ("image", "network_mode")
        else f"{option}: {before} -> {after}"
    )


def _differences(host: Host, one: Wanted, key: str, expected: Expected) -> Differences:
    inspect = host.inspected[key]
    found: Differences = {}
    image = host.images.get(one.image)
    if image is None or image["Id"] != inspect["Image"]:
        found["image"] = (inspect["Config"].get("Image"), one.image)
    mode = inspect["HostConfig"]["NetworkMode"]
    if not _same_mode(host, mode, expected.mode) and not _on_one_of(host, one, mode):
        before, after = _told(host, mode), _told(host, expected.mode)
        found["network_mode"] = (before, f"{after} (recreated)" if before == after else after)
    mac = endpoints.mac_differs(one, inspect)
    if mac:
        found["mac_address"] = mac
    current = options.observed(inspect, host.host_name, expected.options, host.defaults)
    found.update(options.differences(current, expected.options))
    if configs.differ(one.configs, host.contents.get(key, {}), inspect, image):
        found["configs"] = ("", "")
    if _removes_itself(inspect) and one.state == "started" and not host.runs(key):
        found["auto_remove"] = (True, False)  # the engine would delete one that it cannot start
    return found


def _updatable(inspect: Json, wanted: Json, found: Differences) -> bool:
    if _removes_itself(inspect) and "restart" in found:  # the engine gives no policy to one that it is to delete
        return False
    return found.keys() <= _UPDATABLE and options.update_body(wanted, set(found)) is not None


def _removes_itself(inspect: Json) -> bool:
    return bool(inspect["HostConfig"].get("AutoRemove"))


def _same_mode(host: Host, current: str, wanted: str) -> bool:
    if modes.kind(current) != modes.kind(wanted):
        return False
    if current.startswith("container:"):
        joined, donor = current.partition(":")[2], wanted.partition(":")[2]
        return not donor.startswith("@") and host.find(joined) == donor
    return modes.kind(wanted) != "network" or _network_id(host, current) == _network_id(host, wanted)


def _on_one_of(host: Host, one: Wanted, current: str) -> bool:
    """Whether the container began on one of the entry's networks, where no mode says which of them is the first."""
    first = "bridge" if modes.kind(current) == "bridge" else current
    return not one.mode_given and _network_id(host, first) in {_network_id(host, name) for name in one.endpoints}


def _network_id(host: Host, reference: str) -> str:
    if reference in host.networks:
        return str(host.networks[reference]["Id"])
    return next((one["Id"] for one in host.networks.values() if one["Id"].startswith(reference)), reference)


def _told(host: Host, mode: str) -> str:
    """A NetworkMode as a person says it: the donor by name."""
    if not mode.startswith("container:"):
        return mode
    reference = mode.partition(":")[2].lstrip("@")
    key = host.find(reference)
    if key:
        return f"container:{host.name(key)}"
    return f"container:{reference}" if len(reference) < 64 else f"container:{reference[:12]} (gone)"
