# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates containers that are not started yet: for a list entry, or as the equal of another one."""

from __future__ import annotations

import io
import tarfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.version import version
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError

from . import clone
from . import configs as containers_configs
from .observe import find_image, links
from .state import NEW_SUFFIX

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

Json = dict[str, Any]
Files = dict[str, tuple[str, int, int, int]]
"""Path → (content, mode, uid, gid)."""


class Maker:
    """``ids`` and ``replaced`` tell which new container those that join another are to join."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ids: dict[str, str] = {}
        """Name → id of what this run made, for the sharers of it."""
        self.replaced: dict[str, str] = {}
        """Id of a container → id of the one that takes its place."""

    # A step's message begins with the container and what was tried: the engine's own words follow.
    def _changing(self, name: str, what: str) -> Any:
        return self.engine.changing(f"{name}: {what}")

    def _copy(self, owner: str, inspect: Json, replaced: dict[str, str]) -> str:
        """The equal of a container, created beside it and not started. NetmodeError: something of it would be lost."""
        given, ident = inspect["Config"].get("Image") or "", inspect["Image"]
        meant = find_image(self.engine, given) if given else None
        sources = [self._source(owner, one) for one in inspect["HostConfig"].get("VolumesFrom") or []]
        image = given if meant and meant["Id"] == ident else ident  # a tag may mean another one by now
        body = clone.body(inspect, image, replaced, clone.inherited(inspect, sources))
        key = self._make(owner, owner + NEW_SUFFIX, body, clone.endpoints(inspect), {})
        try:
            lost = clone.lost(inspect, self.engine.get(f"/containers/{key}/json"), replaced)
            if lost:
                raise NetmodeError(
                    f"{owner}: cannot be recreated as it is, so nothing was stopped for it: Docker Engine "
                    f"{self.engine.version} does not give its {', '.join(lost)} again. Remove it "
                    f"(docker rm -f {owner}), run again, and make it once more as it was made."
                )
            self._carry_files(owner, inspect, key)
        except NetmodeError:
            self._discard(owner, key)
            raise
        return key

    def _carry_files(self, owner: str, inspect: Json, key: str) -> None:
        """What ``configs`` wrote into the container itself. What is on a volume goes along with that."""
        mounted = [mount["Destination"] for mount in inspect.get("Mounts") or []]
        for path in containers_configs.written(inspect):
            if any(path.startswith(f"{target.rstrip('/')}/") for target in mounted):
                continue
            with suppress(NotFoundError):  # it was removed manually
                archive = self.engine.get_bytes(f"/containers/{inspect['Id']}/archive", path=path)
                with self._changing(owner, f"write {path} into the new container") as client:
                    client.put_archive(key, path.rpartition("/")[0] or "/", archive)

    def _source(self, owner: str, reference: str) -> Json:
        found: Json
        try:
            found = self.engine.get(f"/containers/{reference.partition(':')[0]}/json")
        except NotFoundError as error:
            raise NetmodeError(
                f"{owner}: cannot be recreated as it is: it has volumes from {reference.partition(':')[0]}, which is "
                f"gone. Remove it (docker rm -f {owner}) and make it again with the volumes by their names."
            ) from error
        return found

    def _in_place_of(self, inspect: Json, donor: str) -> dict[str, str]:
        """Id or name that a container joins or links to → the id to join instead."""
        replaced = dict(self.replaced)
        for target, _ in links(inspect):
            with suppress(NotFoundError):
                linked = self.engine.get(f"/containers/{target}/json")["Id"]
                replaced[target] = self.replaced.get(linked, linked)
        _, _, joined = inspect["HostConfig"]["NetworkMode"].partition("container:")
        if joined and joined not in replaced and donor in self.ids:
            try:
                self.engine.get(f"/containers/{joined}/json")
            except NotFoundError:  # what it joined is gone, and another has its name
                replaced[joined] = self.ids[donor]
        return replaced

    def _make(self, owner: str, name: str, body: Json, endpoints: dict[str, Json], configs: Files) -> str:
        """A created container that is not started; nothing of it is left when a part of it fails.

        ``endpoints``: network → the engine's EndpointSettings.
        """
        mode = body["HostConfig"]["NetworkMode"]
        if mode.startswith("container:@"):
            body["HostConfig"]["NetworkMode"] = f"container:{self.ids[mode[len('container:@') :]]}"
        clone.rejoin(body["HostConfig"], self.replaced)
        later = dict(endpoints)
        primary = next(iter(endpoints), "")
        first = later.pop(primary, {})
        if primary:
            body["NetworkingConfig"] = {"EndpointsConfig": {primary: first}}
        if first.get("MacAddress"):
            body["MacAddress"] = first["MacAddress"]
        with self._changing(owner, "create") as client:
            key = str(client.create_container_from_config(body, name)["Id"])
        if first.get("IPAMConfig") and version(self.engine.version) < (25,):
            later[primary] = first  # joined once more for the engine to look at the address: before 25 not at create
        try:
            for network, endpoint in later.items():
                self._join(owner, key, network, endpoint)
            self._write_files(owner, key, configs, body)
        except NetmodeError:
            self._discard(owner, key)
            raise
        return key

    @staticmethod
    def _endpoint(spec: Json) -> Json:
        ipam = {"IPv4Address": spec["ipv4_address"], "IPv6Address": spec["ipv6_address"]}
        return {
            "IPAMConfig": {key: value for key, value in ipam.items() if value},
            "Aliases": spec["aliases"],
            **({"MacAddress": spec["mac_address"]} if spec["mac_address"] else {}),
        }

    def _join(self, name: str, key: str, network: str, endpoint: Json) -> None:
        body = {"Container": key, "EndpointConfig": endpoint}
        self.engine.post(f"{name}: connect to the network {network}", f"/networks/{network}/connect", body)

    def _write_files(self, name: str, key: str, configs: Files, body: Json) -> None:
        """One archive for the root and one for each volume: the engine takes no path of a volume through the root."""
        mounted = [bind.split(":")[1] for bind in body["HostConfig"].get("Binds") or []] + list(
            body.get("Volumes") or {}
        )
        bases: dict[str, list[str]] = {}
        for path in configs:
            inside = [target for target in mounted if path.startswith(f"{target}/")]
            bases.setdefault(max(inside, key=len, default=""), []).append(path)
        for base, paths in bases.items():
            archive = io.BytesIO()
            with tarfile.open(fileobj=archive, mode="w") as tar:
                for path in paths:
                    content, mode, uid, gid = configs[path]
                    data = content.encode()
                    member = tarfile.TarInfo(path[len(base) + 1 :])
                    member.size, member.mode, member.uid, member.gid = len(data), mode, uid, gid
                    tar.addfile(member, io.BytesIO(data))
            with self._changing(name, f"write its configs into {base or '/'}") as client:
                client.put_archive(key, base or "/", archive.getvalue())

    def _discard(self, name: str, key: str) -> None:
        with self._changing(name, "remove what could not be used") as client:
            client.remove_container(key, force=True, v=True)  # v: volumes without a name, which nothing was put into
