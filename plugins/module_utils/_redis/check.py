# SPDX-License-Identifier: GPL-3.0-or-later
"""What the data and the servers of a host forbid: looked at before a configuration is written, all of it at once.

No Redis starts empty beside its data, no two write into one directory, and none starts on data that it may not use.
"""

from __future__ import annotations

import stat
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._containers.options import NAME_LABEL
from ansible_collections.netmode.docker.plugins.module_utils._containers.state import NEW_SUFFIX, OLD_SUFFIX
from ansible_collections.netmode.docker.plugins.module_utils._engine.names import own_names
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._volumes import user_base

from . import data, layer
from . import servers as redis_servers
from .data import (
    CONFIG_AT,
    DATA_AT,
    READ,
    SEARCH,
    SOCKET_AT,
    WRITE,
)
from .files import content_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .files import Found, Instance
    from .servers import Identity, Server

Json = dict[str, Any]


class Place(NamedTuple):
    """The directory of data that Redis will start with."""

    uid: int
    gid: int
    mode: int = 0o755
    empty: bool = True
    """A volume without content, which the engine gives what the image has there, and to its owner."""


class Around(NamedTuple):
    """What is on the host beside the configuration files."""

    volumes: dict[str, Json]
    containers: list[Json]
    servers: list[Server]
    base: tuple[int, int] = (0, 0)
    """What the engine adds to the numbers of a container's user and group (userns-remap)."""
    layer: Callable[[str, Collection[str]], str] = lambda *_: ""
    """As ``layer.data_in`` of this engine: asked for a container, as that costs."""


def observe(engine: Engine) -> Around:
    for path in ("/volumes", "/info"):
        engine.ask(path)
    containers = engine.get("/containers/json", all=True)
    volumes = {item["Name"]: item for item in (engine.get("/volumes") or {}).get("Volumes") or []}
    return Around(
        volumes, containers, redis_servers.running(), user_base(engine.get("/info")), partial(layer.data_in, engine)
    )


def on_host(instances: list[Instance], around: Around) -> list[Instance]:
    """The instances with the numbers that their users have on the host, beside those that they have ``inside``."""
    uid, gid = around.base
    return [
        {**one, "uid": one["uid"] + uid, "gid": one["gid"] + gid, "inside": (one["uid"], one["gid"])}
        for one in instances
    ]


def missing_volumes(instances: list[Instance], around: Around) -> list[str]:
    """Named volumes that are yet to be made."""
    names = [one["volume"] for one in instances if one["state"] == "present" and one["volume"]]
    return [name for name in dict.fromkeys(names) if not name.startswith("/") and name not in around.volumes]


def not_made_here(around: Around) -> list[str]:
    """The containers that do not carry the label of the module ``containers`` for the name that they have."""
    found = []
    for item in around.containers:
        mark = (item.get("Labels") or {}).get(NAME_LABEL, "")
        names = own_names(item)
        if not {mark, mark + NEW_SUFFIX, mark + OLD_SUFFIX} & set(names):
            found += names
    return sorted(found)


def refuse(
    instances: list[Instance], current: dict[str, Found], around: Around, answering: Collection[str] = ()
) -> None:
    """NetmodeError for the first instance that may not be, before anything is changed.

    ``answering``: instances whose Redis can be changed while it runs. Notes of each other its ``place``, and the
    ``headers`` of its data, for the trial.
    """
    for one in instances:
        one["place"], one["headers"] = Place(one["uid"], one["gid"]), set()
    present = [one for one in instances if one["state"] == "present" and one["volume"]]
    _refuse_shared(instances, present, around)
    for instance in present:
        look = _Look(instance, current[instance["name"]], around)
        look.refuse_path()
        look.refuse_foreign()
        look.refuse_loss(answers=instance["name"] in answering)
        instance["place"], instance["headers"] = look.data_place(), look.headers()


# --- two servers on one place -----------------------------------------------------------------------------------------


def _refuse_shared(instances: list[Instance], present: list[Instance], around: Around) -> None:
    places: dict[Identity, Instance] = {}
    leaving = {key for one in instances if one["state"] == "absent" for key in _own_keys(one["name"], around)}
    for instance in present:
        place = redis_servers.identity_of(instance["volume"], around.volumes)
        holder = places.setdefault(place, instance)
        if holder is not instance:
            again = "" if holder["volume"] == instance["volume"] else f" as {holder['volume']}"
            raise NetmodeError(
                f"instance {instance['name']}: volume: {instance['volume']} is that of instance {holder['name']} as "
                f"well{again}. {_SHARED}"
            )
        server = redis_servers.other(place, around.servers, leaving | _own_keys(instance["name"], around))
        if server:
            raise NetmodeError(
                f"instance {instance['name']}: volume: {_holder(server, around)} runs a server on "
                f"{instance['volume']}. {_SHARED} To have this instance take it over, stop that one first."
            )


_SHARED = "Two servers on one volume write over each other's files. Give each a volume of its own."


def _own_keys(name: str, around: Around) -> set[str]:
    names = {name, name + NEW_SUFFIX, name + OLD_SUFFIX}
    return {
        item["Id"]
        for item in around.containers
        if names & set(own_names(item)) or (item.get("Labels") or {}).get(NAME_LABEL) == name
    }


def _holder(server: Server, around: Around) -> str:
    for item in around.containers:
        if item["Id"] == server.container:
            return f"container {own_names(item)[0]}"
    return f"process {server.pid} of this host"


# --- one instance -----------------------------------------------------------------------------------------------------


class _Look:
    """One instance, its data, and the container that it has now."""

    def __init__(self, instance: Instance, found: Found, around: Around) -> None:
        self.instance = instance
        self.found = found
        self.around = around
        self.volume: str = instance["volume"]
        self.place = redis_servers.identity_of(self.volume, around.volumes)
        self.path: Path | None = redis_servers.path_of(self.volume, around.volumes)
        names = (instance["name"], instance["name"] + OLD_SUFFIX)
        self.container: Json = next(
            (item for name in names for item in around.containers if name in own_names(item)), {}
        )
        self.running = self.container.get("State") in ("running", "paused")
        self.names = data.names_of(content_of(instance))

    def _refuse(self, why: str) -> None:
        raise NetmodeError(f"instance {self.instance['name']}: {why}")

    def refuse_path(self) -> None:
        """The engine would make a directory that is missing, for root."""
        if self.volume.startswith("/") and self.path is not None and not self.path.is_dir():
            what = "is not a directory" if self.path.exists() else "is not there"
            owner = f"{self.instance['uid']}:{self.instance['gid']}"
            self._refuse(
                f"volume: {self.volume} {what}. A path has to be a directory of this host that belongs to {owner}: "
                f"install -d -o {self.instance['uid']} -g {self.instance['gid']} -m 0750 {self.volume}; "
                "or give the name of a volume."
            )

    def headers(self) -> set[str]:
        """What its data begins with."""
        return data.headers(self.path, self.names) if self.path and self.path.is_dir() else set()

    def data_place(self) -> Place:
        if self.path is None or not self.path.is_dir():
            return Place(self.instance["uid"], self.instance["gid"])
        there = self.path.stat()
        empty = not self.volume.startswith("/") and not any(self.path.iterdir())
        return Place(there.st_uid, there.st_gid, stat.S_IMODE(there.st_mode), empty)

    def refuse_loss(self, *, answers: bool) -> None:
        had = None if self.found.content is None else data.names_of(self.found.content)
        kept = data.scan(self.path) if self.path else data.NOTHING
        why = data.refusal(self.names, data.Before(had, kept, self.running, self._elsewhere(), answers))
        if why:
            option, _, reason = why.partition(": ")
            self._refuse(f"{option}: volume {self.volume}: {reason}")

    def _elsewhere(self) -> str:
        """Where the container of this name has its data, if it is not the place that it is to have it."""
        mounts = [
            one for one in self.container.get("Mounts") or [] if one.get("Destination") not in (CONFIG_AT, SOCKET_AT)
        ]
        places = {self._place(one): one for one in mounts}
        for server in self.around.servers:
            if server.container == self.container.get("Id"):
                if server.working == self.place:
                    return ""
                mount = places.get(server.working)
                return _called(mount) if mount else f"its own file system ({server.directory})"
        if any(one.get("Destination") == DATA_AT and self._place(one) == self.place for one in mounts):
            return ""
        for place, mount in places.items():
            path = redis_servers.path_of(_called(mount), self.around.volumes)
            if place != self.place and path and data.scan(path) != data.NOTHING:
                return _called(mount)
        own = self.around.layer(self.container["Id"], (self.names.dump, self.names.file)) if self.container else ""
        return f"its own file system ({own})" if own else ""

    def _place(self, mount: Json) -> Identity:
        return redis_servers.identity_of(_called(mount), self.around.volumes)

    def refuse_foreign(self) -> None:
        """Such a Redis would not start, or would keep nothing. What it has run on so far it may use."""
        if self.found.content is not None and not self.found.moved and self.container:
            return
        user = f"{self.instance['uid']}:{self.instance['gid']}"
        foreign = self._foreign()
        if foreign:
            self._refuse(
                f"user: {user} may not {foreign} on its volume {self.volume}. Leave user as it was, stop Redis and "
                f"give its data to {user} (chown -R), or give it another volume."
            )

    def _foreign(self) -> str:
        """The engine gives an empty volume to the owner of the image's directory, so that says nothing."""
        path, names = self.path, self.names
        if path is None or not path.is_dir() or not (self.volume.startswith("/") or any(path.iterdir())):
            return ""
        log = path / names.directory
        needs = [(path, WRITE | SEARCH), (log, WRITE | SEARCH)]
        needs += [(part, READ | WRITE) for part in sorted(log.glob(f"{names.file}.*"))]
        needs += [(path / names.dump, READ), (path / names.file, READ | WRITE)]
        for part, need in needs:
            if part.exists() and not self._may(part, need):
                there = part.stat()
                return f"{'write' if need & WRITE else 'read'} {part} (of {there.st_uid}:{there.st_gid})"
        return ""

    def _may(self, path: Path, need: int) -> bool:
        return data.may(path.stat(), self.instance["uid"], self.instance["gid"], need)


def _called(mount: Json) -> str:
    return str(mount.get("Name") or mount.get("Source") or "")
