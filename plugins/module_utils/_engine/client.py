# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker Engine: fast reads over its socket, changes through the Docker SDK for Python.

Reading needs nothing but a socket: importing the SDK costs a host 150 to 220 ms, about as much as a whole Ansible task,
and the standard library's http.client still 12 ms; most runs change nothing. A read is HTTP/1.0: its answer is a header
and then the body, up to the end of the connection. The SDK is imported the moment that something is to be changed, in
:mod:`sdk` only.
Every failure leaves this file as a :class:`NetmodeError`.
"""

from __future__ import annotations

import json
import os
import socket
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote, urlencode

from ansible_collections.netmode.docker.plugins.module_utils._errors import (
    NetmodeError,
    NobodyListensError,
    NotFoundError,
    UnreachableError,
)

from .this_host import USUAL, is_certain, locate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from .sdk import Sdk


def _of_environment(name: str) -> str:
    """Ansible's fallback for an option that is not given; an empty variable is none, as to Docker's own tools."""
    if not os.environ.get(name):
        from ansible.module_utils.common.parameters import AnsibleFallbackNotFound  # noqa: PLC0415 (as below)

        raise AnsibleFallbackNotFound
    return os.environ[name]


ENGINE_ARGUMENTS: dict[str, Any] = {
    "docker_host": {
        "type": "str",
        "default": f"unix://{USUAL}",
        "fallback": (_of_environment, ["DOCKER_HOST"]),
    },
    "timeout": {"type": "int", "default": 60},
}
"""The argument spec behind the documentation fragment ``netmode.docker.engine``."""

LONGEST_TIMEOUT = 86400
_HTTP = b"HTTP/"
OLDEST_API = (1, 41)
"""Docker Engine 20.10, the oldest that is supported and tested."""


def target_of(path: str, query: dict[str, Any]) -> str:
    """The request's target; values of ``query`` that are no strings as JSON."""
    pairs = {key: value if isinstance(value, str) else json.dumps(value) for key, value in query.items()}
    return quote(path) + ("?" + urlencode(pairs) if pairs else "")


class Engine:
    """The Docker Engine of this host. ``version`` and ``api_version`` are known once anything was read.

    One that turns out to be another host's is refused with the first answer, so before anything is changed.
    """

    def __init__(self, docker_host: str, timeout: int) -> None:
        self.docker_host = docker_host
        self.timeout = timeout
        self.version = ""
        self.api_version = ""
        self._where = locate(docker_host)
        self._is_certain = False
        self._refusal = ""
        self._asked: dict[str, socket.socket] = {}
        self._loaded: Sdk | None = None
        if not 1 <= timeout <= LONGEST_TIMEOUT:
            raise NetmodeError(f"timeout: {timeout} s is not between 1 and {LONGEST_TIMEOUT} (a day).")

    def get(self, path: str, /, *, headers: Mapping[str, str] = MappingProxyType({}), **query: Any) -> Any:
        """The decoded JSON answer to ``GET path``. Values of ``query`` that are no strings are sent as JSON.

        Raises NotFoundError for a 404, NetmodeError for everything else that is not an answer.
        """
        return self._decoded(f"GET {path}", self.get_bytes(path, headers=headers, **query))

    def _decoded(self, what: str, body: bytes) -> Any:
        """Of an engine, which is known by the headers before it; one that has no length may be cut off."""
        try:
            return json.loads(body)
        except ValueError as error:
            raise self.stopped(what, error) from None

    def ask(self, path: str, /, **query: Any) -> None:
        """Send the request of a later ``get`` with the same arguments: the engine works at it meanwhile."""
        target = target_of(path, query)
        try:
            self._asked[target] = self._send(target)
        except OSError as error:
            raise self.stopped(f"GET {path}", error) from error

    def get_bytes(self, path: str, /, *, headers: Mapping[str, str] = MappingProxyType({}), **query: Any) -> bytes:
        """Like ``get``, for what is no JSON: the body as it came."""
        target = target_of(path, query)
        try:
            asked = self._asked.pop(target) if target in self._asked else self._send(target, headers=headers)
            status, reason, headers, body = self._answer(asked)
        except OSError as error:
            raise self.stopped(f"GET {path}", error) from error
        self._note_version(headers)
        if status >= 400:
            self.refuse(f"Docker Engine at {self.docker_host}: GET {path}", status, reason, body)
        return body

    def refuse(self, what: str, status: int, reason: str, body: bytes) -> NoReturn:
        """What the engine says with a status of 400 or above. ``what`` begins the error."""
        try:
            answer = json.loads(body) if body else None
        except ValueError:
            raise _stranger(self.docker_host) from None
        message = answer.get("message", "") if isinstance(answer, dict) else ""
        raise (NotFoundError if status == 404 else NetmodeError)(f"{what}: {message or reason}")

    def _send(
        self, target: str, method: str = "GET", body: bytes = b"", headers: Mapping[str, str] = MappingProxyType({})
    ) -> socket.socket:
        connection = self._connect()
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if method in ("POST", "PUT") else ""
        kind += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        try:
            connection.sendall(f"{method} {target} HTTP/1.0\r\nHost: docker\r\n{kind}\r\n".encode() + body)
        except OSError:
            connection.close()
            raise
        return connection

    def _answer(self, connection: socket.socket, received: bytes = b"") -> tuple[int, str, dict[str, str], bytes]:
        """(status, reason, headers with lower-case names, body) of what was asked; ``received``: read of it before.

        OSError if no whole answer comes.
        """
        whole = bytearray(received)
        with connection:
            while chunk := connection.recv(1 << 16):
                whole += chunk
        head, end, body = bytes(whole).partition(b"\r\n\r\n")
        if not end and _HTTP.startswith(head[: len(_HTTP)]):
            raise OSError("it closed the connection in the middle of its answer")
        status, reason, headers = self._head(head)
        if status == 400 and b"HTTP request to an HTTPS server" in body:
            raise NetmodeError(
                f"docker_host: the engine at {self.docker_host} speaks TLS there, which is not supported. On its own "
                "host it is reached by its unix socket, usually unix:///var/run/docker.sock."
            )
        length = headers.get("content-length", "")
        if length.isdigit() and len(body) < int(length):
            raise OSError("it closed the connection in the middle of its answer")
        return status, reason, headers, body

    def _head(self, head: bytes) -> tuple[int, str, dict[str, str]]:
        first, *lines = head.decode("latin-1").split("\r\n")
        protocol, _, answer = first.partition(" ")
        status, _, reason = answer.partition(" ")
        if not protocol.startswith("HTTP/") or not status.isdigit():
            raise _stranger(self.docker_host)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(status), reason, headers

    def stream(self, path: str, /, **query: Any) -> tuple[socket.socket, bytes]:
        """The connection of an answer that goes on, and what of its body has come already. NetmodeError without one."""
        try:
            connection = self._send(target_of(path, query))
            received = b""
            while b"\r\n\r\n" not in received:
                chunk = connection.recv(1 << 16)
                if not chunk:
                    raise OSError("it closed the connection in the middle of its answer")
                received += chunk
            status, reason, headers = self._head(received.partition(b"\r\n\r\n")[0])
            if status != 200:
                status, reason, _, body = self._answer(connection, received)
                self.refuse(f"Docker Engine at {self.docker_host}: GET {path}", status, reason, body)
        except OSError as error:
            raise self.stopped(f"GET {path}", error) from error
        self._note_version(headers)
        return connection, received.partition(b"\r\n\r\n")[2]

    def _connect(self) -> socket.socket:
        where = self._where
        try:
            if not where.path:
                return socket.create_connection((where.host, where.port), timeout=self.timeout)
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(self.timeout)
            try:
                connection.connect(where.path)
                self._is_certain = self._is_certain or is_certain(connection, where.path)
            except (OSError, NetmodeError):
                connection.close()
                raise
        except OSError as error:
            raise self._unreachable(error) from error
        return connection

    def shows_where_it_runs(self) -> bool:
        """Whether its socket shows that it is this host's. NetmodeError without one that answers."""
        self._connect().close()
        return self._is_certain

    def _note_version(self, headers: dict[str, str]) -> None:
        """With the first answer. Whoever asks again an engine that was refused is refused again."""
        if self._refusal:
            raise NetmodeError(self._refusal)
        if self.api_version:
            return
        try:
            self._judge(headers)
        except NetmodeError as error:
            self._refusal = str(error)
            raise

    def _judge(self, headers: dict[str, str]) -> None:
        self.api_version = headers.get("api-version", "")
        # Server: Docker/20.10.24+dfsg1 (linux)
        product, _, version = headers.get("server", "").partition("/")
        self.version = version.partition(" ")[0]
        try:
            api = tuple(int(part) for part in self.api_version.split("."))
        except ValueError:
            raise _stranger(self.docker_host) from None
        if api < OLDEST_API:
            raise NetmodeError(
                f"Docker Engine {self.version} (API {self.api_version}) at {self.docker_host} is too old: "
                "20.10 (API 1.41) is the oldest that is supported. Upgrade the engine on this host."
            )
        if product != "Docker":
            self._refuse_others()
        if not self._is_certain:
            from . import elsewhere  # noqa: PLC0415 (a socket usually shows it)

            self._is_certain = True  # or refused
            elsewhere.require_own(self)

    def _refuse_others(self) -> None:
        """Podman answers to the same API; a proxy may put its own name in the engine's place."""
        said = self.get("/version")
        parts = [part.get("Name") for part in said.get("Components") or []] if isinstance(said, dict) else []
        if "Podman Engine" in parts:
            raise NetmodeError(
                f"What answers at {self.docker_host} is Podman, which is not supported: its networks are not Docker's. "
                "docker_host says where a Docker Engine listens."
            )
        if "Engine" not in parts:
            raise _stranger(self.docker_host)
        self.version = str(said["Version"])

    def stopped(self, what: str, error: Exception) -> UnreachableError:
        """Of a connection that broke off, whenever that was, or on which nothing came. ``what`` begins the message."""
        silent = isinstance(error, (socket.timeout, TimeoutError)) or "timed out" in str(error)
        why = f"no answer within {self.timeout} s" if silent else "the connection broke off"
        return UnreachableError(
            f"{what}: the engine at {self.docker_host} stopped answering ({why}). Look at it and at its log: it may "
            "have ended, or hang. Then run again."
        )

    def _unreachable(self, error: OSError) -> UnreachableError:
        """Of a connection that was not made."""
        if isinstance(error, FileNotFoundError):
            why = "there is no such socket. Is Docker installed and started on this host?"
        elif isinstance(error, PermissionError):
            why = "permission denied. Run with become: true, or as a member of the group docker."
        elif isinstance(error, ConnectionRefusedError):
            why = "nothing listens there. The engine is down: start it and look at its log."
        elif isinstance(error, (socket.timeout, TimeoutError)):
            why = f"no answer within {self.timeout} s. The engine hangs or is overloaded."
        else:
            why = f"{error or type(error).__name__}."
        nobody = isinstance(error, (FileNotFoundError, NotADirectoryError, ConnectionRefusedError))
        return (NobodyListensError if nobody else UnreachableError)(
            f"Cannot talk to the Docker Engine at {self.docker_host}: {why} "
            "The role netmode.docker.docker_engine installs and starts it; docker_host says where it listens."
        )

    def require_sdk(self) -> None:
        """Raise unless the Docker SDK for Python is there: called once a plan has steps, before the first of them."""
        _ = self._sdk

    def post(self, what: str, path: str, body: Any) -> Any:
        """``POST path``, for what ``APIClient`` has no method or option for: the answer, decoded.

        ``what`` begins an error, NotFoundError for a 404.
        """
        return self._sdk.post(what, path, body)

    def restart(self, what: str, key: str, seconds: int) -> None:
        """The engine's own restart: the container has so many seconds to end. ``what`` begins an error."""
        with self.changing(what) as client:
            client.restart(key, timeout=seconds)

    def wait(self, what: str, key: str, seconds: int, condition: str = "not-running") -> None:
        """Return when a container has ended, or is removed, or the seconds are over. ``what`` begins an error."""
        self._sdk.wait(what, key, seconds, condition)

    def changing(self, what: str) -> AbstractContextManager[Any]:
        """The SDK's ``APIClient`` for one change. A failure inside is told as ``what`` and the engine's own words."""
        return self._sdk.changing(what)

    @property
    def _sdk(self) -> Sdk:
        if self._loaded is None:
            from .sdk import Sdk  # noqa: PLC0415 (see the top of this file)

            self._loaded = Sdk(self)
        return self._loaded


def _stranger(docker_host: str) -> NetmodeError:
    return NetmodeError(f"What listens at {docker_host} does not answer like a Docker Engine.")
