# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules an image loads by itself: it is started once, with nothing of the instance's but its user and mounts."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._containers.observe import find_image
from ansible_collections.netmode.docker.plugins.module_utils._errors import (
    NetmodeError,
    UnreachableError,
)

from . import conf, container, trial
from .data import DATA_AT, SOCKET_AT
from .modules import plain_path
from .tried import LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine


Json = dict[str, Any]
Instance = dict[str, Any]
_OPTION = "--loadmodule"
_WITHIN = 20.0
"""Seconds. Of an image whose server is not ready until then the trial tells."""
_ASKED_WITH = (
    "daemonize no", "port 0", f"unixsocket {SOCKET_AT}/redis.sock", f"dir {DATA_AT}", 'save ""', "appendonly no",
    'logfile ""', "loglevel notice", "set-proc-title no",
)  # fmt: skip
"""Of its redis.conf. A server that sets its title writes over the arguments that it was started with."""


def ask(engine: Engine, instances: list[Instance]) -> dict[str, list[str]]:
    """What the images of ``settled`` instances load of which that is not known yet, by ``loads_of``."""
    unknown = {one["loads_of"]: one for one in instances if not one["loads_known"]}
    found: dict[str, list[str]] = {of: [] for of in unknown}
    started: dict[str, str] = {}
    try:
        for of, instance in unknown.items():
            if (find_image(engine, instance["given"]["image"]) or {}).get("Config", {}).get("Entrypoint"):
                with _left_to_the_trial():
                    started[of] = _make(engine, instance)
                    with engine.changing("ask an image for its modules") as client:
                        client.start(started[of])
        for of, key in started.items():
            with _left_to_the_trial():
                if container.listen(engine, key, _WITHIN)[0] == container.READY:
                    found[of] = _added(engine, key)
    finally:
        trial.sweep(engine, [*started.values()], [])
    return found


@contextmanager
def _left_to_the_trial() -> Iterator[None]:
    """An image that does not start is refused by the trial, which says why."""
    try:
        yield
    except UnreachableError:
        raise
    except NetmodeError:
        pass


def _make(engine: Engine, instance: Instance) -> str:
    given = {**instance, "trial": {**instance["trial"], "container": instance["given"]}}
    name = f"netmode-modules-{instance['name']}-{secrets.token_hex(4)}"
    body = container.body(engine, given, name, LABEL, container.mounts_of(engine, given, ""))
    what = f"instance {instance['name']}: ask its image for its modules"
    written = container.archive(given, {container.FILE: "\n".join([*_ASKED_WITH, ""]).encode()})
    return container.make(engine, body, name, what, written)


def _added(engine: Engine, key: str) -> list[str]:
    """The arguments of each ``--loadmodule`` that its server was started with."""
    process = engine.get(f"/containers/{key}/json")["State"]["Pid"]
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:  # it has ended
        return []
    return loaded_by(words)


def loaded_by(words: list[str]) -> list[str]:
    """The arguments of each ``--loadmodule`` on a command line, as they are written in redis.conf."""
    found: list[list[str]] = []
    option = ""
    for word in words:
        if word.startswith("--"):
            option = word.lower()
            found += [[]] if option == _OPTION else []
        elif option == _OPTION and word:
            found[-1].append(word)
    return [" ".join(map(conf.quoted, [plain_path(path), *rest])) for path, *rest in filter(None, found)]
