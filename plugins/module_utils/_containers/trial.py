# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the engine would start a new container, tried beside the old one before anything is stopped.

Most values are judged only by a start: users, sysctls, limits, capabilities, mounts. A trial is the new container with
a program that is not there: runtime and kernel set everything up, and fail at the last step, so that nothing of the
image ever runs. It has no network, no port and no health check, and none of the volumes that are yet to be made.
"""

from __future__ import annotations

import base64
import copy
import json
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, UnreachableError

from . import options
from .state import NEW_SUFFIX

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .state import Step

    Json = dict[str, Any]

_ENDING = ("recreate", "clone", "stop", "restart", "remove")
_NOTHING = "/.netmode-no-such-program"
_OF_AN_INTERFACE = re.compile(r"net[./][^./]+[./](conf|neigh)[./](?!(all|default|lo)[./])")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DIRECTORY, _LINK = 1 << 31, 1 << 27
"""Bits of Go's ``fs.FileMode``."""


def refuse_failing(engine: Engine, steps: list[Step]) -> None:
    """Raise NetmodeError for a container that could not be started, where the plan is about to end another one.

    A recreate whose ``proven`` is set differs from the container that runs in nothing that a start judges.
    """
    if not any(step.action in _ENDING and not step.data.get("early") for step in steps):
        return
    for step in steps:
        if step.action in ("create", "recreate") and step.data["start"] and not step.data.get("proven"):
            _refuse(engine, step)


def _refuse(engine: Engine, step: Step) -> None:
    body = _trial_of(engine, step.data["body"])
    option, said = _tried(engine, step, body, look=True)
    if said and not option:
        suspects = ((one.name, _without(body, one.path)) for one in options.OPTIONS if one.name not in options.UNTRIED)
        guilty = (name for name, less in suspects if less is not None and not _tried(engine, step, less)[1])
        option = next(guilty, "")
    if said:
        raise NetmodeError(
            f"{step.name}: {f'{option}: ' if option else ''}the engine cannot start the new container: {said}. "
            "Nothing was stopped. Give a value that it takes, or leave the option out."
        )


def _trial_of(engine: Engine, given: Json) -> Json:
    body: Json = copy.deepcopy(given)
    for name in ("ExposedPorts", "Labels", "Volumes"):
        body.pop(name, None)
    body.update(Healthcheck={"Test": ["NONE"]}, Argv=[*(given.get("Entrypoint") or []), *(given.get("Cmd") or [])])
    body.update(Entrypoint=[_NOTHING], Cmd=[])
    host = body["HostConfig"]
    for name in ("PortBindings", "RestartPolicy", "Dns", "DnsSearch", "DnsOptions", "ExtraHosts"):
        host.pop(name, None)
    host["NetworkMode"] = "host" if host["NetworkMode"] == "host" else "none"
    sysctls = (host.get("Sysctls") or {}).items()
    host["Sysctls"] = {name: value for name, value in sysctls if not _OF_AN_INTERFACE.match(name)}
    binds = [bind.partition(":")[0] for bind in host.get("Binds") or []]
    named = any(not source.startswith("/") for source in binds)
    volumes = {item["Name"] for item in (engine.get("/volumes").get("Volumes") or [])} if named else set()
    there = [Path(source).exists() if source.startswith("/") else source in volumes for source in binds]
    host["Binds"] = [bind for bind, known in zip(host.get("Binds") or [], there) if known]
    return body


def _without(body: Json, path: str) -> Json | None:
    """The body without an option, None where it has none."""
    section, _, key = path.rpartition(".")
    if not (body[section] if section else body).get(key) or key in ("Entrypoint", "Cmd"):
        return None
    less = copy.deepcopy(body)
    del (less[section] if section else less)[key]
    return less


def _tried(engine: Engine, step: Step, body: Json, *, look: bool = False) -> tuple[str, str]:
    """(the option that is to blame, where it is known; why the container could not be started, or empty).

    ``look``: also for its program.
    """
    name = step.name + NEW_SUFFIX  # which the next run sweeps, should this one be killed
    argv = body["Argv"]
    with engine.changing(f"{step.name}: create") as client:
        config = {key: value for key, value in body.items() if key != "Argv"}
        key = str(client.create_container_from_config(config, name)["Id"])
    try:
        try:
            with engine.changing("start") as client:
                client.start(key)
        except UnreachableError:
            raise
        except NetmodeError as error:
            if _NOTHING not in str(error):
                return "", _plain(str(error))
        missing = _program_missing(engine, key, argv, body) if look and argv else ""
        return ("command" if missing else ""), missing
    finally:
        with engine.changing(f"{step.name}: remove what it was tried with") as client:
            client.remove_container(key, force=True, v=True)


def _plain(said: str) -> str:
    """The engine's reason without the names of the programs that handed it on."""
    for words in ("start: ", "unable to start container process: ", "error during container init: "):
        said = said.rpartition(words)[2]
    return said.removesuffix(": unknown").rstrip(".")


def _program_missing(engine: Engine, key: str, argv: list[str], body: Json) -> str:
    """What the last step of a start would say of the container's program, or empty."""
    program, image = argv[0], body["Image"]
    if "/" in program:
        places = [posixpath.join(body.get("WorkingDir") or "/", program)]
    else:
        given = dict(item.partition("=")[::2] for item in body.get("Env") or [])
        places = [f"{directory}/{program}" for directory in given.get("PATH", _PATH).split(":")]
    if any(_runs(engine, key, place) for place in places):
        return ""
    return f"there is no program {program!r} that it could run (image {image})"


def _runs(engine: Engine, key: str, path: str) -> bool:
    """Whether a path in a container that does not run is a file that may be executed."""
    for _ in range(8):
        found = _stat(engine, key, path)
        if not found or found["mode"] & _DIRECTORY:
            return False
        if not found["mode"] & _LINK:
            return bool(found["mode"] & 0o111)
        path = posixpath.join(posixpath.dirname(path), found["linkTarget"])
    return False


def _stat(engine: Engine, key: str, path: str) -> Json | None:
    with engine.changing(f"look for {path}") as client:
        url = f"{client.base_url}/v{engine.api_version}/containers/{key}/archive"
        answer = client.head(url, params={"path": path}, timeout=engine.timeout)
    told = answer.headers.get("X-Docker-Container-Path-Stat")
    found: Json | None = json.loads(base64.b64decode(told)) if answer.status_code == 200 and told else None
    return found
