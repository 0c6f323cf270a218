# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of the Redis protocol (RESP2) as it takes to ask a server whether it is there and what it is.

Standard library only, reads only: AUTH, PING and INFO go out in one write, so an endpoint costs one round trip.
Whatever a peer does (refuses, hangs, talks HTTP, closes half-way) becomes a value of the answer, never an exception.
"""

from __future__ import annotations

import errno
import socket
import time
from dataclasses import dataclass
from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import tls
from .peer import peer_of, why_not
from .replication import told_in
from .witness import listening, recognised

LONGEST = 24 * 60 * 60
"""Seconds that are waited at most. A socket can be given 292 years, and nan and inf are floats as well."""

MAX_REPLY = 1 << 20
"""Bytes of one reply that are read at most: INFO is some 6 KB, and what listens may be anything."""

WITNESS_TIMEOUT = 10
"""Seconds that a Redis may take to say whether it sees a connection: its list of clients may be long."""

MAX_CLIENTS = 64 << 20
"""The same for CLIENT LIST, some 400 bytes for each client."""

SERVER_FIELDS = (
    "server_name",
    "redis_version",
    "valkey_version",
    "redis_mode",
    "server_mode",
    "role",
    "run_id",
    "tcp_port",
)
"""Lines of INFO that are handed on. ``run_id`` tells two servers behind one address apart."""

_ERRNO_WORDS = {
    errno.ECONNREFUSED: "refused",
    errno.ENETUNREACH: "no route",
    errno.EHOSTUNREACH: "no route",
    errno.ETIMEDOUT: "timeout",
    errno.ENOENT: "no socket",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ECONNRESET: "closed",
    errno.EPIPE: "closed",
}


@dataclass(frozen=True)
class Endpoint:
    """Where a Redis may be: ``socket`` (a path), or else ``host`` and ``port``. Times are seconds."""

    name: str
    host: str | None = None
    port: int = 6379
    socket: str | None = None
    username: str | None = None
    password: str | None = None
    container: str | None = None
    """Of a socket: the id of the container that its server runs in. Nothing is sent to another process."""
    witness: Endpoint | None = None
    """A socket whose server is asked whether it sees the connection: so an address is known without a password."""
    timeout: float | None = None
    """How long this one may take, where that is less than what all others may."""
    tls: tls.Tls | None = None
    """Of an address: how it is asked over TLS; None: plain."""

    @property
    def where(self) -> str:
        """The address as a person writes it."""
        if self.socket:
            return self.socket
        return f"[{self.host}]:{self.port}" if ":" in (self.host or "") else f"{self.host}:{self.port}"


class ErrorReply(str):
    """What a server said after ``-``: ``NOAUTH Authentication required.``"""

    __slots__ = ()


class NotMeantError(Exception):
    """The server of a socket is another than the one that is meant; the message says why. It was sent nothing."""


class NotRedisError(Exception):
    """The peer answered with something that is no RESP reply. The message is its first line."""


def encode(*words: str) -> bytes:
    """One command as an array of bulk strings."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word.encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


class Connection:
    """One connection with one deadline for everything that is done over it."""

    def __init__(self, endpoint: Endpoint, timeout: float, limit: int = MAX_REPLY) -> None:
        self._limit = limit
        self._deadline = time.monotonic() + timeout
        self._buffer = b""
        if endpoint.socket:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self._socket.settimeout(timeout)
                self._socket.connect(endpoint.socket)
                secret = endpoint.password is not None
                why = why_not(self._socket, endpoint.socket, endpoint.container, secret=secret)
                if why:
                    raise NotMeantError(why)
            except (OSError, NotMeantError):
                self._socket.close()
                raise
        else:
            self._socket = socket.create_connection((endpoint.host, endpoint.port), timeout)
            if endpoint.tls:
                self._socket.settimeout(self._left())
                self._socket = tls.wrap(self._socket, endpoint.tls, str(endpoint.host))

    def listening(self) -> list[str] | None:
        """Where the server of a unix socket listens for TCP."""
        return listening(self._socket) if self._socket.family == socket.AF_UNIX else None

    def process(self) -> int:
        """Of the server of a unix socket, the number of its process; 0 where that is not to be seen."""
        return peer_of(self._socket).pid

    def certificate(self) -> dict[str, Any] | None:
        """That of the server, None without TLS."""
        return tls.certificate_of(self._socket)

    def close(self) -> None:
        """Close it; the server is told nothing."""
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send all of ``data`` before the deadline."""
        self._socket.settimeout(self._left())
        try:
            self._socket.sendall(data)
        except OSError as error:
            if isinstance(error, (socket.timeout, TimeoutError)):
                raise
            self._socket.recv(1)  # over TLS, why it was closed, such as that a certificate is required, was sent before
            raise

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        return left

    def _more(self) -> None:
        if len(self._buffer) > self._limit:
            raise NotRedisError(f"more than {self._limit} bytes without an end")
        self._socket.settimeout(self._left())
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionResetError(errno.ECONNRESET, "closed by the peer")
        self._buffer += data

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._more()
        line, _end, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def tree(self) -> Any:
        """The next reply, where it is an array a list of what each of its own is."""
        line = self._line()
        is_array = line[:1] == b"*" and line[1:].isdigit() and int(line[1:]) <= self._limit
        return [self.tree() for _ in range(int(line[1:]))] if is_array else self._value(line)

    def reply(self) -> str | None:
        """The next reply: a status or bulk string, an integer as text, None for nil, ErrorReply for an error."""
        return self._value(self._line())

    def _value(self, line: bytes) -> str | None:
        kind, rest = line[:1], line[1:].decode("utf-8", "replace")
        if kind in (b"+", b":"):
            return rest
        if kind == b"-":
            return ErrorReply(rest)
        if kind != b"$" or not rest.lstrip("-").isdigit() or int(rest) > self._limit:
            raise NotRedisError(line[:80].decode("utf-8", "replace"))
        size = int(rest)
        if size < 0:
            return None
        while len(self._buffer) < size + 2:
            self._more()
        data, self._buffer = self._buffer[:size], self._buffer[size + 2 :]
        return data.decode("utf-8", "replace")

    def replies(self) -> list[str | None] | None:
        """The next reply, an array of what ``reply`` returns; None for an error or nil."""
        line = self._line()
        if line[:1] == b"-":
            return None
        if line[:1] != b"*" or not line[1:].lstrip(b"-").isdigit() or int(line[1:]) > self._limit:
            raise NotRedisError(line[:80].decode("utf-8", "replace"))
        return [self.reply() for _ in range(int(line[1:]))] if int(line[1:]) >= 0 else None

    def tables(self) -> list[dict[str, str]] | None:
        """The next reply, an array of arrays of names and values in turn; None for an error."""
        line = self._line()
        if line[:1] == b"-":
            return None
        if line[:1] != b"*" or not line[1:].isdigit() or int(line[1:]) > self._limit:
            raise NotRedisError(line[:80].decode("utf-8", "replace"))
        rows = [[word or "" for word in self.replies() or ()] for _ in range(int(line[1:]))]
        return [dict(zip(row[::2], row[1::2])) for row in rows]


def parse_info(text: str) -> dict[str, str]:
    """The ``key:value`` lines of INFO."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))
    return {key: value.strip() for key, value in pairs}


def info_of(connection: Connection, *sections: str) -> dict[str, str]:
    """What a server says of itself in these sections of INFO; of one that it may not be asked for, nothing."""
    connection.send(b"".join(encode("INFO", section) for section in sections))
    found: dict[str, str] = {}
    for _ in sections:
        found.update(parse_info(str(connection.reply())))
    return found


def _error_word(error: OSError) -> str:
    if isinstance(error, (socket.timeout, TimeoutError)):
        return "timeout"
    if tls.word_of(error):
        return tls.word_of(error)
    if isinstance(error, socket.gaierror):
        return "unknown host"
    if error.errno is None:  # CPython's own refusals: "AF_UNIX path too long"
        return str(error)
    return _ERRNO_WORDS.get(error.errno, (error.strerror or str(error)).lower())


def _auth(endpoint: Endpoint, password: str) -> tuple[str, ...]:
    return ("AUTH", *((endpoint.username,) if endpoint.username else ()), password)


def let_in(connection: Connection, endpoint: Endpoint) -> str:
    """Give the endpoint's password, if it has one. What the server says against it; empty where it says nothing."""
    if endpoint.password is None:
        return ""
    connection.send(encode(*_auth(endpoint, endpoint.password)))
    said = connection.reply()
    return str(said) if isinstance(said, ErrorReply) else ""


def _ask(connection: Connection, endpoint: Endpoint) -> dict[str, Any]:
    commands: list[tuple[str, ...]] = [("PING",), ("INFO", "server"), ("INFO", "replication")]
    if endpoint.password is not None:
        commands.insert(0, _auth(endpoint, endpoint.password))
    asks_users = bool(endpoint.socket) and endpoint.password is not None
    if asks_users:
        commands.append(("ACL", "LIST"))
    if endpoint.socket:
        commands.append(("CLUSTER", "NODES"))
    connection.send(b"".join(encode(*command) for command in commands))
    auth = connection.reply() if endpoint.password is not None else None
    answer = connection.reply()
    if answer is None:
        raise NotRedisError("nil in answer to PING")
    if isinstance(answer, ErrorReply) and isinstance(auth, ErrorReply):
        answer = auth  # WRONGPASS says more than the NOAUTH that follows it
    info: dict[str, str] = {}
    for _section in ("server", "replication"):
        text = connection.reply()
        if text is not None and not isinstance(text, ErrorReply):
            info.update(parse_info(text))
    users = open_users(connection.replies()) if asks_users else None
    nodes = connection.reply() if endpoint.socket else None
    return {
        "answer": str(answer),
        "authenticated": auth is not None and not isinstance(auth, ErrorReply),
        "server": {key: info[key] for key in SERVER_FIELDS if key in info} or None,
        "open_users": users,
        "listens": connection.listening(),
        "seen": _seen(connection, endpoint.witness) if endpoint.witness else None,
        "replication": told_in(info, "" if isinstance(nodes, ErrorReply) else nodes or ""),
    }


def open_users(listed: list[str | None] | None) -> list[str] | None:
    """Of ACL LIST the users that are on and need no password (``user guest on nopass ...``); None: it is not said."""
    if listed is None:
        return None
    users = [str(line).split() for line in listed]
    return [words[1] for words in users if len(words) > 1 and {"on", "nopass"} <= set(words[2:])]


def _seen(connection: Connection, witness: Endpoint) -> bool | None:
    """Whether the server behind ``witness`` sees ``connection``; None where it does not answer or does not say."""

    def ask(mark: bytes) -> None:
        connection.send(encode("PING") + mark)
        connection.reply()

    def clients() -> str | None:
        asked.send(encode("CLIENT", "LIST"))
        listed = asked.reply()
        return None if isinstance(listed, ErrorReply) else listed

    try:
        asked = Connection(witness, WITNESS_TIMEOUT, MAX_CLIENTS)
    except (OSError, NotMeantError):
        return None
    try:
        let_in(asked, witness)
        return recognised(ask, connection.send, clients)
    except (OSError, NotRedisError):
        return None
    finally:
        asked.close()


def ping(endpoint: Endpoint, timeout: float) -> dict[str, Any]:
    """Ask ``endpoint`` once. Keys: where, reachable, answer, authenticated, server, open_users, listens, seen,
    certificate, replication, ms, error.

    ``reachable`` means that a Redis answered, whatever it answered (``NOAUTH …`` is an answer, and so is that it wants
    a certificate); ``error`` is the one word for why not. ``ms`` is the time from the first packet to the last reply.
    """
    result: dict[str, Any] = {"where": endpoint.where, "reachable": False, "answer": None, "authenticated": False}
    result.update(server=None, open_users=None, listens=None, seen=None, certificate=None, error=None, replication=None)
    start = time.monotonic()
    try:
        connection = Connection(endpoint, min(timeout, endpoint.timeout or timeout))
        try:
            result["certificate"] = connection.certificate()
            result.update(_ask(connection, endpoint), reachable=True)
        finally:
            connection.close()
    except NotRedisError as error:
        result.update(error="not redis", answer=str(error))
    except NotMeantError as error:
        result.update(error=str(error))
    except UnicodeError:  # a host name that no resolver can be asked for
        result.update(error="unknown host")
    except OSError as error:
        word = _error_word(error)
        refused = word == tls.CERTIFICATE_REQUIRED
        result.update({"answer": word, "reachable": True} if refused else {"error": word})
    result["ms"] = round((time.monotonic() - start) * 1000, 1)
    return result


def ping_all(endpoints: list[Endpoint], timeout: float) -> dict[str, dict[str, Any]]:
    """Ask all at once, so that the whole takes as long as the slowest. By name, in the order given."""
    if len(endpoints) == 1:
        return {endpoints[0].name: ping(endpoints[0], timeout)}
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 (some milliseconds that one endpoint need not pay)

    with ThreadPoolExecutor(max_workers=min(64, len(endpoints) or 1)) as pool:
        answers = pool.map(lambda endpoint: ping(endpoint, timeout), endpoints)
        return {endpoint.name: answer for endpoint, answer in zip(endpoints, answers)}


def refuse_odd_times(timeout: float, wait: float) -> None:
    """Raise NetmodeError for seconds that no socket can be given, and for those that never end."""
    if not 0 < timeout <= LONGEST:
        raise NetmodeError(f"timeout: {timeout} is not a time to wait. Give seconds above 0, up to {LONGEST} (a day).")
    if not wait <= LONGEST:
        raise NetmodeError(f"wait: {wait} is not a time to wait. Give seconds, up to {LONGEST} (a day).")


def unmet(expect: str | None, result: dict[str, Any]) -> bool:
    """Whether ``result`` is not what was expected: ``pong``, ``reachable``, ``unreachable`` or (None) nothing.

    ``linked`` is ``pong`` and, of a replica, that its link is up.
    """
    if expect in ("pong", "linked"):
        linked = expect == "pong" or (result["replication"] or {}).get("link") in (None, "up")
        return result["answer"] != "PONG" or not result["reachable"] or not linked
    if expect == "reachable":
        return not result["reachable"]
    return expect == "unreachable" and bool(result["reachable"])


def ping_until(
    endpoints: list[Endpoint], expected: dict[str, str | None], timeout: float, wait: float
) -> dict[str, dict[str, Any]]:
    """Ask all; ask those that are not as expected again until they are or ``wait`` seconds have passed."""
    deadline = time.monotonic() + wait
    results = ping_all(endpoints, timeout)
    pause = 0.05
    while True:
        again = [endpoint for endpoint in endpoints if unmet(expected.get(endpoint.name), results[endpoint.name])]
        if not again or time.monotonic() + pause > deadline:
            return results
        time.sleep(pause)
        pause = min(pause * 2, 1.0)
        results.update(ping_all(again, timeout))
