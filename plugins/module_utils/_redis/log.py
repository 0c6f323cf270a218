# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a container's log, for a message that says why what runs in it does not answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from .files import SECRET

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

_NAME = re.compile(r"[\w.-]+\Z")
"""Of a user; a rule that stands in its place may be a password."""
_LINES = 15
"""What Redis prints of a bad redis.conf is 5 lines, and of a start that fails later up to 12."""


def last_lines(engine: Engine, name: str) -> str:
    """What the container wrote last, each line indented on one of its own, or why that cannot be told."""
    try:
        status = engine.get(f"/containers/{name}/json")["State"]["Status"]
        said = text_of(engine.get_bytes(f"/containers/{name}/logs", stdout=1, stderr=1, tail=_LINES))
    except NetmodeError as error:
        return f"The log of the container {name} cannot be read: {error}"
    return with_log(f"The container {name} is {status}.", said)


def with_log(what: str, said: str) -> str:
    """``what`` and the end of a log, each line of it indented on one of its own, without secrets."""
    lines = [f"  {_without_secret(line)}" for line in said.splitlines()[-_LINES:] if line.strip()]
    return "\n".join([f"{what} The end of its log:", *(lines or ["  (it is empty)"])])


def text_of(body: bytes) -> str:
    """What the engine sends of a log: as written with a terminal, else frames of (stream, 0, 0, 0, size in 4 bytes)."""
    if body[1:4] != b"\0\0\0":
        return body.decode(errors="replace")
    parts = []
    while len(body) >= 8:
        end = 8 + int.from_bytes(body[4:8], "big")
        parts.append(body[8:end])
        body = body[end:]
    return b"".join(parts).decode(errors="replace")


def _without_secret(line: str) -> str:
    """Redis quotes the line of redis.conf that it refuses, as ``>>> 'user worker on >secret'``."""
    start, quote, directive = line.partition(">>> '")
    word, _, rest = directive.partition(" ")
    name = rest.partition(" ")[0]
    shown = f"{word} {name}" if word.lower() == "user" and _NAME.match(name) else word
    return f"{start}{quote}{shown} (hidden)'" if quote and word.lower() in SECRET else line
