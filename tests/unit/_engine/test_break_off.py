# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to the engine that breaks off, at any byte of any kind of answer, is one message."""

from __future__ import annotations

import io
import json
import select
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._engine import client
from ansible_collections.netmode.docker.plugins.module_utils._engine.archive import get_archive
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._engine.direct import LeanEngine
from ansible_collections.netmode.docker.plugins.module_utils._engine.events import Events
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, UnreachableError
from ansible_collections.netmode.docker.plugins.module_utils._images import registry
from breaking_engine import BreakingEngine, breaking_engine, in_chunks, to_the_end, with_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WHAT = "web: try"


def changing(call: Callable[[Any], Any]) -> Callable[[Engine], Any]:
    def change(engine: Engine) -> Any:
        with engine.changing(WHAT) as api:
            return call(api)

    return change


def asked_before(engine: Engine) -> Any:
    engine.ask("/containers/json")
    return engine.get("/containers/json")


def events(engine: Engine) -> Any:
    with Events(engine, "start") as listening:
        found: list[Any] = []
        while not found:
            select.select([listening], [], [], 5)
            found += listening.read()
        return found


def a_file(engine: Engine) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(get_archive(engine, "a" * 64, "/app.conf"))) as tar:
        return tar.extractfile("app.conf").read()  # type: ignore[union-attr]


def an_archive() -> bytes:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        member = tarfile.TarInfo("app.conf")
        member.size = 600
        tar.addfile(member, io.BytesIO(b"x" * 600))
    return body.getvalue()


LIST, ONE = json.dumps([{"Id": "a" * 64}] * 3).encode(), json.dumps({"Id": "a" * 64}).encode()
EVENT = json.dumps({"Type": "container", "Action": "start"}).encode() + b"\n"
PROGRESS = [json.dumps({"status": f"Pulling {layer}"}).encode() + b"\r\n" for layer in "abc"]
TAR = an_archive()
READS: dict[str, tuple[bytes, Callable[[Engine], Any]]] = {
    "get": (with_length(LIST), lambda engine: engine.get("/containers/json")),
    "get without a length": (to_the_end(LIST), lambda engine: engine.get("/containers/json")),
    "ask and get": (with_length(LIST), asked_before),
    "a file": (to_the_end(TAR), a_file),
    "events": (to_the_end(EVENT), events),
    "logs": (to_the_end(b""), lambda engine: engine.stream("/containers/a/logs", follow=1)[1]),
    "an error": (with_length(b'{"message": "no"}', "500 Internal"), lambda engine: engine.get("/containers/json")),
    "an error of a stream": (with_length(b'{"message": "no"}', "500 Internal"), events),
}
CHANGES: dict[str, tuple[bytes, Callable[[Engine], Any]]] = {
    "create": (with_length(ONE, "201 Created"), changing(lambda api: api.create_container_from_config({}, "web"))),
    "start": (with_length(b"", "204 No Content"), changing(lambda api: api.start("a"))),
    "stop": (with_length(b"", "204 No Content"), changing(lambda api: api.stop("a", timeout=1))),
    "remove": (with_length(b"", "204 No Content"), changing(lambda api: api.remove_container("a", force=True, v=True))),
    "put": (with_length(b""), changing(lambda api: api.put_archive("a", "/", TAR))),
    "post": (with_length(ONE), lambda engine: engine.post(WHAT, "/networks/create", {"Name": "a"})),
    "restart": (with_length(b"", "204 No Content"), lambda engine: engine.restart(WHAT, "a", 1)),
    "pull": (in_chunks(*PROGRESS), lambda engine: registry.pull(engine, WHAT, "redis:7")),
    "load": (in_chunks(*PROGRESS), changing(lambda api: list(api.load_image(TAR)))),
    "import": (in_chunks(*PROGRESS), changing(lambda api: api.import_image_from_data(TAR, repository="a", tag="b"))),
    "exec create": (with_length(ONE, "201 Created"), changing(lambda api: api.exec_create("a", ["true"])["Id"])),
    "exec inspect": (with_length(b'{"ExitCode": 0}'), changing(lambda api: api.exec_inspect("a")["ExitCode"])),
    "an error of a change": (with_length(b'{"message": "no"}', "500 Internal"), changing(lambda api: api.start("a"))),
    "volume": (with_length(b'{"Mountpoint": "/a"}', "201 Created"), changing(lambda api: api.create_volume("a"))),
}
LEAN = ("create", "start", "stop", "remove", "put")
TABLE = [
    pytest.param(kind, *case, id=f"{kind.__name__} {name}")
    for kind, cases in ((Engine, {**READS, **CHANGES}), (LeanEngine, {name: CHANGES[name] for name in LEAN}))
    for name, case in cases.items()
]


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BreakingEngine, str]]:
    directory = tmp_path_factory.mktemp("e")
    with breaking_engine(directory) as engine, pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "is_certain", lambda *_: True)
        yield engine, f"unix://{directory / 'docker.sock'}"


@pytest.mark.parametrize(("kind", "answer", "use"), TABLE)
def test_a_connection_that_breaks_off_anywhere_is_one_message(
    broken: tuple[BreakingEngine, str], kind: type[Engine], answer: bytes, use: Callable[[Engine], Any]
) -> None:
    engine, host = broken
    head = answer.index(b"\r\n\r\n") + 4
    # Every byte of a short body, some of a long one. Of the head as well, but where http.client is what reads it: that
    # takes one that ends early for whole, and an engine sends it in one go.
    cuts = {0, *range(head, min(len(answer), head + 400)), *range(head, len(answer), 97)}
    cuts |= set() if (answer, use) in CHANGES.values() and kind is Engine else {*range(head)}
    words = f"the engine at {host} stopped answering (the connection broke off). Look at it and at its log"
    right = outcome(kind, host, engine, answer, len(answer), use)
    for cut in sorted(cuts - {len(answer)}):
        said = outcome(kind, host, engine, answer, cut, use)
        assert said == right or (isinstance(said, UnreachableError) and words in str(said)), (cut, answer[:cut], said)


def outcome(
    kind: type[Engine], host: str, engine: BreakingEngine, answer: bytes, cut: int, use: Callable[[Engine], Any]
) -> Any:
    asked = kind(host, 5)
    engine.answer, engine.until = with_length(b"{}"), len(with_length(b"{}"))
    asked.get("/version")
    engine.answer, engine.until = answer, cut
    try:
        return use(asked)
    except UnreachableError as error:
        return error
    except NetmodeError as error:
        return str(error)


def test_what_ends_before_it_is_connected_is_told_as_before(tmp_path: Path) -> None:
    with pytest.raises(NetmodeError, match="there is no such socket"):
        Engine(f"unix://{tmp_path}/none.sock", 5).get("/version")
