# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine makes of a request to create a container: moby's runconfig.Merge and the defaults of its daemon.

A model to compare with, written from moby's sources. Live tests compare the collection with the engines themselves.
"""

from __future__ import annotations

import copy
from typing import Any

Json = dict[str, Any]
ID = "c" * 64
HOST_NAME = "host"


def create(request: Json, image: Json, *, settings: Json) -> Json:
    """The inspect of the container. ``settings``: the daemon's ``shm_size`` and ``ulimits``, {name: (soft, hard)}."""
    config = {key: value for key, value in copy.deepcopy(request).items() if key != "HostConfig"}
    host = copy.deepcopy(request["HostConfig"])
    for key in ("User", "WorkingDir", "StopSignal"):
        config[key] = config.get(key) or image.get(key, "")
    for key in ("ExposedPorts", "Volumes", "Labels"):
        config[key] = {**(image.get(key) or {}), **(config.get(key) or {})}
    names = [item.split("=")[0] for item in config.get("Env") or []]
    config["Env"] = [*(config.get("Env") or []), *(i for i in image.get("Env") or [] if i.split("=")[0] not in names)]
    _command(config, image)
    _healthcheck(config, image)
    host["ShmSize"] = host.get("ShmSize") or settings["shm_size"]
    if host.get("Memory") and not host.get("MemorySwap"):
        host["MemorySwap"] = 2 * host["Memory"]
    given = {item["Name"] for item in host.get("Ulimits") or []}
    defaults = [
        {"Name": name, "Soft": soft, "Hard": hard}
        for name, (soft, hard) in settings["ulimits"].items()
        if name not in given
    ]
    host["Ulimits"] = [*(host.get("Ulimits") or []), *defaults]  # as engines up to 20.10 write them down at a start
    config["Hostname"] = config.get("Hostname") or (HOST_NAME if host["NetworkMode"] == "host" else ID[:12])
    return {"Id": ID, "Config": config, "HostConfig": host, "Mounts": []}


def _command(config: Json, image: Json) -> None:
    if not config.get("Entrypoint"):
        if not config.get("Cmd"):
            config["Cmd"] = image.get("Cmd")
        if config.get("Entrypoint") is None:
            config["Entrypoint"] = image.get("Entrypoint")


def _healthcheck(config: Json, image: Json) -> None:
    inherited, own = image.get("Healthcheck"), config.get("Healthcheck")
    if inherited is not None and own is None:
        config["Healthcheck"] = inherited
    elif inherited is not None:
        for part, value in inherited.items():
            own[part] = own.get(part) or value
