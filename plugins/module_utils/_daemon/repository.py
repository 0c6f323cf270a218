# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's own apt repository as files of a host: the source, its key, and the pin of a version. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._engine.version import version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SOURCE = "/etc/apt/sources.list.d/docker.sources"
KEY = "/etc/apt/keyrings/docker.asc"
PIN = "/etc/apt/preferences.d/docker"
FILES = (SOURCE, KEY, PIN)
"""Those that Docker's manual names, so that a host that was set up by it has no second source."""

PINNED = ("docker-ce", "docker-ce-cli")
"""The packages that carry the engine's version. That of containerd.io is its own."""

_VERSION = re.compile(r"(5:)?\d+(\.\d+){0,2}([-~][0-9A-Za-z.+~-]+)?")
_ARMOUR = "-----BEGIN PGP PUBLIC KEY BLOCK-----"


class Repository(NamedTuple):
    write: dict[str, str]
    """File → its text, where that is another now."""
    remove: list[str]
    fetch: str
    """Where the key is fetched from, empty where it is not."""


def url_of(desired: Mapping[str, Any], distribution: str) -> str:
    """That of the repository. ``desired``: the variables of the role."""
    own = desired["repository_url"] or f"https://download.docker.com/linux/{distribution.lower()}"
    return str(own).rstrip("/")


def plan_repository(packages: Mapping[str, Any], desired: Mapping[str, Any], distribution: str) -> Repository:
    """What of its files is due. ``packages``: what ``_daemon.apt.observe`` gives."""
    url = url_of(desired, distribution)
    key = desired["repository_key"] or f"{url}/gpg"
    fetched, given = _is_url(key), key.lstrip().startswith(_ARMOUR)
    files = {PIN: _pin(desired["version"])}
    if not packages["other_sources"]:
        signed_by = KEY if fetched or given else key
        files[SOURCE] = _source(
            url, packages["codename"], desired["repository_channel"], signed_by, key if fetched else ""
        )
        if given:
            files[KEY] = f"{key.strip()}\n"
    current = packages["files"]
    write = {path: text for path, text in files.items() if text and text != current[path]}
    remove = [path for path, text in files.items() if not text and current[path]]
    due = fetched and not packages["other_sources"] and (SOURCE in write or not current[KEY])
    return Repository(write, remove, key if due else "")


def problems(desired: Mapping[str, Any], *, key_exists: bool) -> Iterator[str]:
    """What of the repository's variables cannot be right."""
    wanted, url, key = (desired[name] for name in ("version", "repository_url", "repository_key"))
    if wanted and not _VERSION.fullmatch(wanted):
        yield f"docker_engine_version: {wanted!r} is not a version such as 28, 28.5.2 or 5:28.5.2-1~debian.12~bookworm."
    if url and not _is_url(url):
        yield f"docker_engine_repository_url: {url!r} is not an address such as https://mirror.example.org/linux/debian."
    if not key or _is_url(key) or key.lstrip().startswith(_ARMOUR):
        return
    if not re.fullmatch(r"/\S+", key):
        yield (
            "docker_engine_repository_key must be an address, the absolute path of a key on the host, or the text of a "
            f"key ({_ARMOUR} ...)."
        )
    elif not key_exists:
        yield f"docker_engine_repository_key: there is no {key} on this host."


def matches(wanted: str, found: str) -> bool:
    """Whether a version of a package is one of those that the variable means. 28.5 → 5:28.5.2-1~debian.12~bookworm."""
    own, exact = _plain(found), _plain(wanted)
    return own == exact or own.startswith((f"{exact}.", f"{exact}-", f"{exact}~"))


def runs(wanted: str, running: str) -> bool:
    """Whether the version that an engine reports is one of those."""
    numbers = version(_plain(wanted))[:3]
    return version(running)[: len(numbers)] == numbers


def is_older(wanted: str, found: str) -> bool:
    """Whether all that the variable means is older than the version of a package."""
    numbers = version(_plain(wanted))[:3]
    return numbers < version(_plain(found))[: len(numbers)]


def _plain(text: str) -> str:
    """Without the epoch."""
    return text.rpartition(":")[2]


def _is_url(text: str) -> bool:
    return bool(re.fullmatch(r"https?://[^\s/]+(/\S*)?", text))


def _source(url: str, codename: str, channel: str, signed_by: str, fetched: str) -> str:
    """The key's address is part of it, so that another one is noticed without asking for it."""
    note = f" The key is that of {fetched}" if fetched else ""
    return (
        f"# Written by the role netmode.docker.docker_engine.{note}\n"
        f"Types: deb\nURIs: {url}\nSuites: {codename}\nComponents: {channel}\nSigned-By: {signed_by}\n"
    )


def _pin(wanted: str | None) -> str:
    """The versions that are meant before all others, which are installed neither now nor by an upgrade of the host."""
    if not wanted:
        return ""
    plain = _plain(wanted)
    pattern = plain if re.search(r"[-~]", plain) else f"{plain}-*" if plain.count(".") == 2 else f"{plain}.*"
    names = " ".join(PINNED)
    return (
        "# Written by the role netmode.docker.docker_engine: docker_engine_version\n"
        f"Package: {names}\nPin: version 5:{pattern}\nPin-Priority: 999\n\n"
        f"Package: {names}\nPin: release *\nPin-Priority: -1\n"
    )
