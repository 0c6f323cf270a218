# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server is there and what it is, at every endpoint that is asked.

Reads only: AUTH, PING and INFO go out in one write, so an endpoint costs one round trip. Whatever a peer does (refuses,
hangs, talks HTTP, closes half-way) becomes a value of the answer, never an exception.
"""

from __future__ import annotations

import errno
import socket
import time
from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import tls
from .protocol import (
    MAX_CLIENTS,
    Connection,
    Endpoint,
    ErrorReply,
    NotMeantError,
    NotRedisError,
    authentication,
    encode,
    let_in,
    parse_info,
)
from .replication import told_in
from .witness import recognised

LONGEST = 24 * 60 * 60
"""Seconds that are waited at most. A socket can be given 292 years, and nan and inf are floats as well."""

WITNESS_TIMEOUT = 10
"""Seconds that a Redis may take to say whether it sees a connection: its list of clients may be long."""

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

_MODES = ("redis_mode", "server_mode")
"""Lines of INFO that say ``cluster`` of a node, of Redis and of Valkey."""

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


def _ask(connection: Connection, endpoint: Endpoint) -> dict[str, Any]:
    commands: list[tuple[str, ...]] = [("PING",), ("INFO", "server"), ("INFO", "replication")]
    if endpoint.password is not None:
        commands.insert(0, authentication(endpoint, endpoint.password))
    asks_users = bool(endpoint.socket) and endpoint.password is not None
    if asks_users:
        commands.append(("ACL", "LIST"))
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
    nodes = _nodes(connection) if endpoint.socket and "cluster" in map(info.get, _MODES) else ""
    return {
        "answer": str(answer),
        "authenticated": auth is not None and not isinstance(auth, ErrorReply),
        "server": {key: info[key] for key in SERVER_FIELDS if key in info} or None,
        "open_users": users,
        "listens": connection.listening(),
        "seen": _seen(connection, endpoint.witness) if endpoint.witness else None,
        "replication": told_in(info, nodes),
    }


def _nodes(connection: Connection) -> str:
    """Of one that is a node of a cluster; asked of no other, which would count it as an error."""
    connection.send(encode("CLUSTER", "NODES"))
    said = connection.reply()
    return "" if isinstance(said, ErrorReply) else said or ""


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
