# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints asked as the options of a module name them: who is asked, by what proof, and what came of it."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ansible_collections.netmode.docker.plugins.module_utils import _files
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS, Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError

from . import tls
from .log import last_lines
from .neighbours import reached
from .ping import ping_until, refuse_odd_times, unmet
from .protocol import Endpoint

Json = dict[str, Any]

ENDPOINT_ARGUMENTS: Json = {
    "name": {"type": "str", "required": True},
    "host": {"type": "str"},
    "port": {"type": "int", "default": 6379},
    "socket": {"type": "path"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "password_file": {"type": "path", "no_log": False},
    "witness": {"type": "str"},
    "expect": {"type": "str", "choices": ["pong", "linked", "reachable", "unreachable"]},
    "container": {"type": "str"},
    "neighbours": {"type": "bool", "default": False},
    "timeout": {"type": "float"},
    **tls.OPTIONS,
}
"""An entry of the option ``endpoints`` of the module ``redis_ping``."""

_NOT_ASKED_WITH = ("password", "password_file", "expect", "container", "witness", "neighbours", *tls.OPTIONS)
_FULL_ID = re.compile(r"[0-9a-f]{64}")
WAY_OUT = (
    "Fix the reported line and run this again: the data is on its volume. Where it names nothing, Redis may need more "
    "time (wait, which is redis_start_timeout in the role redis)."
)


def _endpoints(given: list[Json], params: Json) -> list[Endpoint]:
    found: dict[str, Endpoint] = {}
    ids = _ids([item["container"] for item in given if item["socket"] and item["container"]], params)
    for item in given:
        name = item["name"]
        if item["timeout"] is not None:
            refuse_odd_times(item["timeout"], 0)
        if name in found:
            raise NetmodeError(f"endpoints: two of them have the name {name!r}. Give each a name of its own.")
        password = _password(item)
        if item["username"] and password is None:
            raise NetmodeError(f"endpoint {name}: username without a password. Add password, or leave both out.")
        how = {key: value for key, value in item.items() if key not in _NOT_ASKED_WITH}
        container = ids.get(item["container"]) if item["socket"] else None
        over = tls.read(item, f"endpoint {name}")
        found[name] = Endpoint(**how, password=password, container=container, tls=over)
    return [_with_witness(found[item["name"]], item["witness"], found) for item in given]


def _password(item: Json) -> str | None:
    """A file that is not there has an empty one, which a Redis refuses in its own words."""
    if item["password"] is not None or not item["password_file"]:
        given: str | None = item["password"]
        return given
    try:
        return (_files.read(Path(item["password_file"])) or b"").decode(errors="replace").rstrip("\n")
    except (OSError, NetmodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise NetmodeError(f"endpoint {item['name']}: password_file: {item['password_file']}: {why}.") from None


def _ids(named: list[str], params: Json) -> dict[str, str]:
    """The id of each container; '' for one that is not there, which has no process."""
    found = {name: name for name in named if _FULL_ID.fullmatch(name)}
    asked = sorted(set(named) - set(found))
    if asked:
        engine = Engine(params["docker_host"], ENGINE_ARGUMENTS["timeout"]["default"])
    for name in asked:
        found[name] = ""
        with suppress(NotFoundError):
            found[name] = engine.get(f"/containers/{quote(name, safe='')}/json")["Id"]
    return found


def _with_witness(endpoint: Endpoint, named: str | None, found: dict[str, Endpoint]) -> Endpoint:
    if not named:
        return endpoint
    if named not in found or not found[named].socket:
        raise NetmodeError(
            f"endpoint {endpoint.name}: witness: {named!r} is not the name of an endpoint with a socket."
        )
    return replace(endpoint, witness=found[named])


def _look_for_neighbours(endpoints: list[Endpoint], names: list[str], results: dict[str, Json], params: Json) -> None:
    asked = {one.name: str(one.container) for one in endpoints if one.name in names}
    listens = {asked[name]: results[name]["listens"] for name in asked if results[name]["listens"] is not None}
    found = reached(Engine(params["docker_host"], ENGINE_ARGUMENTS["timeout"]["default"]), listens) if listens else {}
    for name, result in results.items():
        result["neighbours"] = found.get(asked.get(name, ""))


def _logs(endpoints: list[Json], params: Json) -> list[str]:
    """The end of the log of each container among them, and what to do with it."""
    containers = dict.fromkeys(item["container"] for item in endpoints if item["container"])
    if not containers:
        return []
    try:
        engine = Engine(params["docker_host"], ENGINE_ARGUMENTS["timeout"]["default"])
    except NetmodeError as error:
        return [str(error)]
    return [*(last_lines(engine, name) for name in containers), WAY_OUT]


def _seen(name: str, expected: str | None, result: Json) -> str:
    observed = result["error"] or result["answer"]
    if expected == "linked" and observed == "PONG":
        observed = f"PONG, and its link to {result['replication']['master']} is {result['replication']['link']}"
    return f"{name} ({result['where']}): expected {expected}, observed {observed}"


def ask(given: list[Json], docker_host: str, timeout: float, wait: float = 0) -> dict[str, Json]:
    """{name of the endpoint: what came of it}. NetmodeError: it is not asked like that, or not answered in time."""
    expected = {item["name"]: item["expect"] for item in given}
    refuse_odd_times(timeout, wait)
    params = {"docker_host": docker_host}
    endpoints = _endpoints(given, params)
    results = ping_until(endpoints, expected, timeout, wait)
    _look_for_neighbours(endpoints, [item["name"] for item in given if item["neighbours"]], results, params)
    return results


def failures(given: list[Json], results: dict[str, Json], docker_host: str) -> list[str]:
    """What was not as expected, and the end of the log of each container concerned; empty where all is."""
    expected = {item["name"]: item["expect"] for item in given}
    wrong = [name for name, result in results.items() if unmet(expected[name], result)]
    if not wrong:
        return []
    seen = [_seen(name, expected[name], results[name]) for name in wrong]
    return ["; ".join(seen), *_logs([item for item in given if item["name"] in wrong], {"docker_host": docker_host})]
