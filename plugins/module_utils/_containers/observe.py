# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host runs, observed: the containers that a list concerns, with their images, networks and files."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine import defaults as engine_defaults
from ansible_collections.netmode.docker.plugins.module_utils._engine.names import own_names, twins
from ansible_collections.netmode.docker.plugins.module_utils._errors import NotFoundError
from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import takes_ipv6

from .options import NAME_LABEL
from .state import NEW_SUFFIX, OLD_SUFFIX, Host

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .spec import Wanted

Json = dict[str, Any]


def links(inspect: Json) -> list[tuple[str, str]]:
    """(name of the container, alias) of each legacy link; the engine writes ``/web:/sharer/alias``."""
    pairs = [link.partition(":")[::2] for link in inspect["HostConfig"].get("Links") or []]
    return [(target.lstrip("/"), alias.rpartition("/")[2]) for target, alias in pairs]


def with_ties(engine: Engine, host: Host) -> Host:
    """The host with what only an inspect of every container tells: 2 ms each, so only for a plan that stops one."""
    for key in [key for key in host.modes if key not in host.inspected]:
        inspect = _look(engine, f"/containers/{key}/json")
        if inspect is None:
            _forget(host, key)
        else:
            host.inspected[key] = inspect
    return host._replace(ties={key: _ties(host, inspect) for key, inspect in host.inspected.items()})


def _ties(host: Host, inspect: Json) -> dict[str, str]:
    found = {key: "link" for target, _ in links(inspect) if (key := host.find(target))}
    for kind in ("pid", "ipc"):
        mode, _, reference = str(inspect["HostConfig"].get(f"{kind.title()}Mode") or "").partition(":")
        key = host.find(reference) if mode == "container" else None
        if key:
            found[key] = kind
    return found


def observe(engine: Engine, wanted: list[Wanted]) -> Host:
    """One list, one inspect per container that the list concerns, one per distinct image. Nothing is changed."""
    listed = engine.get("/containers/json", all=True)
    names = {name: item["Id"] for item in listed for name in own_names(item)}
    modes = {item["Id"]: item["HostConfig"].get("NetworkMode", "") for item in listed}
    states = {item["Id"]: item["State"] for item in listed}
    marks = {item["Id"]: mark for item in listed if (mark := _mark(engine, item))}
    known = engine.get("/networks") if any(one.endpoints for one in wanted) else []
    networks = {item["Name"]: item for item in known}
    published = {item["Id"]: _published(item) for item in listed}
    addresses = {item["Id"]: _addresses(item) for item in listed if item["State"] == "running"}
    host = Host(names, modes, states, marks, published, addresses, {}, {}, {}, networks, {})
    for key in _concerned(host, wanted):
        inspect = _look(engine, f"/containers/{key}/json")
        if inspect is None:
            _forget(host, key)
        else:
            host.inspected[key] = inspect
            host.states[key] = inspect["State"]["Status"]  # the list may lag behind by a moment
            namespace = _namespace(inspect["State"].get("Pid"))
            if namespace:
                host.namespaces[key] = namespace
    for reference in sorted({one.image for one in wanted if one.state != "absent"}):
        image = find_image(engine, reference)
        if image is not None:
            host.images[reference] = image
    for one in wanted:
        key = host.names.get(one.name, "")
        _look_at_own_image(engine, host, key)
        if key in host.inspected and one.configs and one.state != "absent":
            host.contents[key] = {path: _read_file(engine, key, path) for path in one.configs}
    unlimited = any(inspect["HostConfig"].get("MemorySwap") == -1 for inspect in host.inspected.values())
    info = engine.get("/info") if unlimited or any(one.options.get("cpus") for one in wanted) else {}
    return host._replace(
        cpus=info.get("NCPU", 0),
        limits_swap=info.get("SwapLimit", True),
        host_name=socket.gethostname(),
        twins=twins(known),
        takes_ipv6=takes_ipv6(),
        defaults=engine_defaults.read(engine.docker_host) if host.inspected else engine_defaults.BUILT_IN,
        version=engine.version,
    )


def _look_at_own_image(engine: Engine, host: Host, key: str) -> None:
    """That of a container that is to have another: it says what the container's volumes were for."""
    own = host.inspected[key]["Image"] if key in host.inspected else ""
    if own and own not in {image["Id"] for image in host.images.values()}:
        image = find_image(engine, own)
        if image is not None:
            host.images[own] = image


def _mark(engine: Engine, item: Json) -> str:
    """The list entry that a container was made for, by its label, or empty.

    An image that was committed from a container hands the label on to all that is made of it, so under another name
    the label counts only where the container's image does not carry it.
    """
    mark = str((item.get("Labels") or {}).get(NAME_LABEL, ""))
    if not mark or {mark, mark + NEW_SUFFIX, mark + OLD_SUFFIX} & set(own_names(item)):
        return mark
    image = find_image(engine, item["ImageID"])
    carried = ((image or {}).get("Config") or {}).get("Labels") or {}
    return "" if image is None or carried.get(NAME_LABEL) == mark else mark


def _published(item: Json) -> list[tuple[str, str, str]]:
    ports = item.get("Ports") or []
    return [(port.get("IP") or "", str(port["PublicPort"]), port["Type"]) for port in ports if port.get("PublicPort")]


def _addresses(item: Json) -> dict[str, list[str]]:
    endpoints = (item["NetworkSettings"].get("Networks") or {}).items()
    return {name: [end.get(key) or "" for key in ("IPAddress", "GlobalIPv6Address")] for name, end in endpoints}


def _namespace(pid: int | None) -> int:
    """The inode of a process's network namespace, as ``readlink /proc/PID/ns/net`` shows it; 0 where it is unknown."""
    try:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino if pid else 0
    except OSError:
        return 0


def _concerned(host: Host, wanted: list[Wanted]) -> list[str]:
    """Ids that the list names, what they were or may be called, their donors, and all who share with any of these."""
    names = {one.name for one in wanted}
    found: dict[str, None] = {}
    for one in wanted:
        for name in (one.name, one.name + NEW_SUFFIX, one.name + OLD_SUFFIX):
            if name in host.names:
                found[host.names[name]] = None
        donor = host.find(one.donor) if one.donor else None
        if donor:
            found[donor] = None
    found.update((key, None) for key, mark in host.marks.items() if mark in names)
    pending = list(found)
    while pending:
        joining = [key for key in host.sharers(pending.pop()) if key not in found]
        found.update((key, None) for key in joining)
        pending += joining
    return list(found)


def _forget(host: Host, key: str) -> None:
    """A container that went while the host was read."""
    for mapping in (host.modes, host.states, host.marks):
        mapping.pop(key, None)
    for name in [name for name, owner in host.names.items() if owner == key]:
        del host.names[name]


def find_image(engine: Engine, reference: str) -> Json | None:
    """The inspect of an image on this host, or None."""
    return _look(engine, f"/images/{reference}/json")


def _look(engine: Engine, path: str) -> Json | None:
    try:
        found: Json = engine.get(path)
    except NotFoundError:
        return None
    return found


def _read_file(engine: Engine, key: str, path: str) -> tuple[str, int, int, int] | None:
    """(content, mode, uid, gid) of a file in a container, or None where there is none."""
    import io  # noqa: PLC0415 (few containers have such files, and it takes longer than all of this file)
    import tarfile  # noqa: PLC0415

    from ansible_collections.netmode.docker.plugins.module_utils._engine.archive import get_archive  # noqa: PLC0415

    try:
        archive = get_archive(engine, key, path)
    except NotFoundError:
        return None
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        member = tar.next()
        stream = tar.extractfile(member) if member is not None and member.isfile() else None
        if member is None or stream is None:
            return None
        return stream.read().decode(errors="replace"), member.mode & 0o7777, member.uid, member.gid
