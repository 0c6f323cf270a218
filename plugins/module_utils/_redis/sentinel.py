# SPDX-License-Identifier: GPL-3.0-or-later
"""A Sentinel as an instance: it has no data, and writes into its redis.conf what it knows, beside what is asked for.

It does so whenever it learns something, and reads that again at its start: its id, the masters that it watches, their
replicas, the other Sentinels, and the epochs of failovers. All of that is its own and stays. Pure.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from .conf import quoted, words_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from .problems import Problems, Settings

Instance = dict[str, Any]

PORT = 26379
OPTION = "--sentinel"
"""The last word of its command."""
LABEL = "netmode.docker.sentinel"
"""Of its container: what it was started with, as a digest without secrets."""

ARGUMENTS: dict[str, Any] = {
    "username": {"type": "str", "default": ""},
    "password": {"type": "str", "default": "", "no_log": True},
}
"""The option ``sentinel`` of an instance of the module ``redis_config``: as whom it asks the servers it watches."""

_OF_ITS_OWN = frozenset(
    """auth-pass auth-user client-reconfig-script config-epoch current-epoch deny-scripts-reconfig
    down-after-milliseconds failover-timeout known-replica known-sentinel known-slave leader-epoch
    master-reboot-down-after-period monitor myid notification-script parallel-syncs primary-reboot-down-after-period
    rename-command""".split()
)
"""What it is told by commands or learns, after the word ``sentinel``."""
_SPELT_ALIKE = frozenset("bind dir port protected-mode requirepass tls-port unixsocket".split())
"""Directives of which it writes back what it has read, or nothing where that is the default; as all of ``sentinel``."""
_MARK = "# What is asked for: "
_OF_DATA: dict[str, Any] = {
    "replica_of": "", "replica_overwrite": False, "replicas_min": 0, "cluster": "", "sentinel_set": "",
    "appendonly": False, "save": [], "maxmemory": "", "users": [], "password_previous": "", "settings": {},
    "tls_port": 0, "ports": [], "port": PORT,
}  # fmt: skip
"""Settings that a Sentinel does not take over from its host, and what it has instead."""
_UNUSED = ("replica_of", "replicas_min", "cluster", "sentinel_set", "appendonly", "save", "maxmemory", "users")
"""Those of them that it has no use for."""


def is_sentinel(settings: Settings) -> bool:
    return bool(settings["sentinel_of"])


def without_data(merged: Settings, own: Settings, problems: Problems) -> Settings:
    """The settings of an instance; of a Sentinel without what its host says of Redis' data. ``own``: of its entry."""
    if not is_sentinel(merged):
        return merged
    for option in _UNUSED:
        if own.get(option):
            problems.add(merged["name"], option, "a Sentinel has no data and follows nobody. Leave it out.")
    for option in ("password", "sentinel_password"):
        if merged[option] and quoted(merged[option]) != merged[option]:
            problems.add(
                merged["name"], option, "a Sentinel writes it into its redis.conf without quotes, and could not read "
                "it again. Give one of letters, digits and any of -_.,:;/@%+=*~^<>&|!?{}()[].",
            )  # fmt: skip
    return {**merged, **{key: own.get(key, value) for key, value in _OF_DATA.items()}}


def digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def content(header: str, lines: list[str], asks: Mapping[str, str], current: str | None) -> str:
    """What its redis.conf is to be: what it is, where that says what is asked for, else that and what is its own.

    ``asks``: as whom it asks the servers that it watches, which it is to do from its start on.
    """
    mark = _MARK + digest(lines)
    there = (current or "").splitlines()
    if current is not None and mark in there and not _differ(there, lines):
        return current
    own = [_asking(line, asks) for line in there if _is_its_own(_words(line))]
    return header + "".join(f"{line}\n" for line in [mark, *lines, *own])


def _words(line: str) -> list[str]:
    try:
        return words_of(line)
    except ValueError:  # which it would not read either
        return []


def _is_its_own(words: list[str]) -> bool:
    return len(words) > 2 and words[0].lower() == "sentinel" and words[1].lower() in _OF_ITS_OWN


def _asking(line: str, asks: Mapping[str, str]) -> str:
    kind, name, value = [*_words(line)[1:], ""][:3]
    value = {"auth-pass": asks["password"], "auth-user": asks["username"]}.get(kind, value)
    return f"sentinel {kind} {name} {value}" if kind in ("auth-pass", "auth-user") and value else line


def _differ(there: list[str], lines: list[str]) -> bool:
    """Whether one says another value: a Sentinel that was not restarted since has written back what it has."""
    found, asked = _values(there), _values(lines)
    return any(found[name] != value for name, value in asked.items() if name in found)


def _values(lines: Collection[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for words in map(_words, lines):
        name = words[0].lower() if words else ""
        if name == "sentinel" and len(words) > 2 and not _is_its_own(words):
            found[f"sentinel {words[1]}"] = words[2:]
        elif name in _SPELT_ALIKE:
            found[name] = words[1:]
    return found
