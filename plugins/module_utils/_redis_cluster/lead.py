# SPDX-License-Identifier: GPL-3.0-or-later
"""A planned failover: a replica takes over from its master, which holds writes back until it has all of them.

Source: https://redis.io/docs/latest/commands/cluster-failover/. The other masters have to vote for it, and give no vote
about a master that they gave one about less than twice the node timeout ago (clusterSendFailoverAuthIfNeeded,
cluster_legacy.c), as in a run soon after another.
"""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import Connection

WITHIN, TIMES = 8.0, 3
"""Seconds that it may take (Redis gives it 5), and how often a replica is told to at least."""
PATIENCE = 120.0
"""Seconds for which votes are waited for at most."""
LONGEST = PATIENCE + (TIMES + 1) * WITHIN
"""Seconds that it may take in all."""
_USUAL = 15000
"""Milliseconds, Redis' ``cluster-node-timeout``."""
_PAUSE = 0.02
"""Seconds until it is looked at again."""


def lead(own: Connection) -> str:
    """Of a replica: OK once it is the master, or what it says. One that is the master already stays it."""
    for _ in attempts(patience(own)):
        if role(own)[0] == "master":
            return "OK"
        own.send(encode("CLUSTER", "FAILOVER"))
        said = str(own.reply())
        if said != "OK":
            return said
        if waits_for(own, ["master"]):
            return "OK"
    return "its master does not let it take over"


def patience(own: Connection) -> float:
    """Seconds after which the other masters may vote again. ``own``: to any node of the cluster."""
    own.send(encode("CONFIG", "GET", "cluster-node-timeout"))
    said = own.replies() or []
    timeout = int(said[1] or _USUAL) if len(said) > 1 else _USUAL
    return min(2 * timeout / 1000, PATIENCE)


def attempts(seconds: float) -> Iterator[int]:
    """So many that the last begins once that time is over."""
    until = time.monotonic() + seconds
    for attempt in count():
        is_over = time.monotonic() > until
        yield attempt
        if is_over and attempt + 1 >= TIMES:
            return


def follows(own: Connection) -> bool:
    """Of a master that hands over: whether it follows another within the time, and has everything of it."""
    return waits_for(own, ["slave", "connected"])


def waits_for(own: Connection, words: list[str]) -> bool:
    """Whether ROLE says that within the time: the role and, of a replica, its link."""
    until = time.monotonic() + WITHIN
    while time.monotonic() < until:
        if role(own)[: len(words)] == words:
            return True
        time.sleep(_PAUSE)
    return False


def role(own: Connection) -> list[str]:
    """The first word of ROLE and, of a replica, the fourth."""
    own.send(encode("ROLE"))
    said = own.tree()
    if not isinstance(said, list):  # it loads its data
        return [""]
    return [str(said[0]), *([str(said[3])] if len(said) > 3 else [])]
