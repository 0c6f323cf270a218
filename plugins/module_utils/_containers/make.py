# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates containers that are not started yet, with their networks and files."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.version import version
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import acts, clone
from .state import NEW_SUFFIX

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .run import Run
    from .state import Step

Json = dict[str, Any]
Files = dict[str, tuple[str, int, int, int]]
"""Path → (content, mode, uid, gid)."""


def make_for_entry(run: Run, step: Step) -> str:
    """The id of the new container of a list entry, beside the old one if there is one."""
    endpoints = {network: endpoint_settings(spec) for network, spec in step.data["endpoints"].items()}
    name = step.name if step.action == "create" else step.name + NEW_SUFFIX
    return make(run, step.name, name, step.data["body"], endpoints, step.data["configs"])


def make(run: Run, owner: str, name: str, body: Json, endpoints: dict[str, Json], configs: Files) -> str:
    """A created container that is not started; nothing of it is left when a part of it fails.

    ``owner``: what messages call it; ``endpoints``: network → the engine's EndpointSettings.
    """
    engine = run.engine
    mode = body["HostConfig"]["NetworkMode"]
    if mode.startswith("container:@"):
        body["HostConfig"]["NetworkMode"] = f"container:{run.ids[mode[len('container:@') :]]}"
    clone.rejoin(body["HostConfig"], run.replaced)
    later = dict(endpoints)
    primary = next(iter(endpoints), "")
    first = later.pop(primary, {})
    if primary:
        body["NetworkingConfig"] = {"EndpointsConfig": {primary: first}}
    if first.get("MacAddress"):
        body["MacAddress"] = first["MacAddress"]
    with acts.changing(engine, owner, "create") as client:
        key = str(client.create_container_from_config(body, name)["Id"])
    if first.get("IPAMConfig") and version(engine.version) < (25,):
        later[primary] = first  # joined once more for the engine to look at the address: before 25 not at create
    try:
        for network, endpoint in later.items():
            acts.connect(engine, owner, key, network, endpoint)
        _write_files(engine, owner, key, configs, body)
    except NetmodeError:
        acts.discard(engine, owner, key)
        raise
    return key


def endpoint_settings(spec: Json) -> Json:
    """The engine's EndpointSettings of a list entry's network."""
    ipam = {"IPv4Address": spec["ipv4_address"], "IPv6Address": spec["ipv6_address"]}
    return {
        "IPAMConfig": {key: value for key, value in ipam.items() if value},
        "Aliases": spec["aliases"],
        **({"MacAddress": spec["mac_address"]} if spec["mac_address"] else {}),
        **spec.get("kept", {}),
    }


def _write_files(engine: Engine, name: str, key: str, configs: Files, body: Json) -> None:
    """One archive for the root and one for each volume: the engine takes no path of a volume through the root."""
    mounted = [bind.split(":")[1] for bind in body["HostConfig"].get("Binds") or []] + list(body.get("Volumes") or {})
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
        with acts.changing(engine, name, f"write its configs into {base or '/'}") as client:
            client.put_archive(key, base or "/", archive.getvalue())
