# SPDX-License-Identifier: GPL-3.0-or-later
"""The tunables of a host: what they are, who set them, whether they can be set. All of it is below a root directory.

What this collection sets is kept for the next start of the host: sysctls in a file of ``sysctl.d`` that also says what
they were before, and the huge pages, which are not a sysctl, in a program that the host runs at its start.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils import _files
from ansible_collections.netmode.docker.plugins.module_utils._boot import Boot

from .spec import HUGE_PAGES, OVERCOMMIT, SOMAXCONN

if TYPE_CHECKING:
    from pathlib import Path

PATHS = {
    OVERCOMMIT: "proc/sys/vm/overcommit_memory",
    SOMAXCONN: "proc/sys/net/core/somaxconn",
    HUGE_PAGES: "sys/kernel/mm/transparent_hugepage/enabled",
}
OWN = "etc/sysctl.d/90-netmode-redis.conf"
_OF_ADMINISTRATORS = ("etc/sysctl.conf", "etc/sysctl.d/*.conf", "run/sysctl.d/*.conf")
"""Where they set sysctls; what is below /usr is the distribution's, whose defaults anybody may change."""

_SET = re.compile(r"^\s*-?([\w./-]+)\s*=\s*(.*?)\s*$", re.MULTILINE)
_WAS = re.compile(r"^# (\S+) was (\S+)$", re.MULTILINE)
_RAISED_SINCE, _BEFORE, _SINCE = (5, 4), 128, 4096
"""``SOMAXCONN`` of the kernel's include/linux/socket.h, which each new network namespace begins with."""


class Ours(NamedTuple):
    """What this collection has set: the value that it found, and the one that it wrote."""

    before: str
    value: str


class Host(NamedTuple):
    values: dict[str, str]
    """Of the tunables that this kernel has."""
    fixed: frozenset[str]
    """Those that cannot be set from here."""
    ours: dict[str, Ours]
    elsewhere: dict[str, tuple[str, str]]
    """Tunable → (value, file) that an administrator gave it."""
    of_new_namespaces: int
    """``net.core.somaxconn`` that a container gets which asks for none."""


def boot(root: Path) -> Boot:
    return Boot("netmode-host-tuning", "Tunes huge pages for Redis", root)


def observe(root: Path) -> Host:
    values = {key: found for key, path in PATHS.items() if (found := _value(key, root / path))}
    fixed = frozenset(key for key in values if os.geteuid() == 0 and not os.access(root / PATHS[key], os.W_OK))
    return Host(values, fixed, _ours(root), _elsewhere(root), _of_new_namespaces(root))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _value(key: str, path: Path) -> str:
    """Of the huge pages the word in brackets: ``always [madvise] never``."""
    text = _text(path).strip()
    found = re.search(r"\[(\w+)\]", text)
    return (found[1] if found else "") if key == HUGE_PAGES else text


def _ours(root: Path) -> dict[str, Ours]:
    found = {}
    for text in (_text(root / OWN), boot(root).read()):
        before, after = dict(_WAS.findall(text)), dict(_SET.findall(text))
        found.update({key: Ours(before[key], after[key]) for key in before if key in after})
    return found


def _elsewhere(root: Path) -> dict[str, tuple[str, str]]:
    """The last file of those that set it, as the host reads them: by name, sysctl.conf at the end."""
    files = [path for pattern in _OF_ADMINISTRATORS for path in root.glob(pattern) if path != root / OWN]
    found = {}
    for path in sorted(files, key=lambda path: (path.name == "sysctl.conf", path.name)):
        for key, value in _SET.findall(_text(path)):
            found[key.replace("/", ".")] = (value, f"/{path.relative_to(root)}")
    return found


def _of_new_namespaces(root: Path) -> int:
    release = re.match(r"(\d+)\.(\d+)", _text(root / "proc/sys/kernel/osrelease"))
    raised = release is not None and (int(release[1]), int(release[2])) >= _RAISED_SINCE
    return _SINCE if raised else _BEFORE


def set_value(root: Path, key: str, value: str) -> str:
    """Why the kernel did not take it; else ''."""
    path = root / PATHS[key]
    try:
        path.write_text(value, encoding="ascii")
    except OSError as error:
        return error.strerror or "error"
    return "" if _value(key, path) == value else "the kernel left it as it was"


_HEAD = "# Written by Ansible: the module netmode.docker.host_tuning, which takes it back with state: absent.\n"
_PROGRAM = """\
#!/bin/sh
{head}### BEGIN INIT INFO
# Provides:          netmode-host-tuning
# Required-Start:    $local_fs
# Required-Stop:
# X-Start-Before:    docker
# Default-Start:     2 3 4 5
# Default-Stop:
# Short-Description: Tunes huge pages for Redis
### END INIT INFO
# {key} was {before}
{key}={value}
case "${{1:-start}}" in start | restart | force-reload) ;; *) exit 0 ;; esac
echo "${key}" >/{path}
"""


def kept(ours: dict[str, Ours]) -> tuple[str, str]:
    """The texts of the file of sysctls and of the program for the start; empty where there is to be none."""
    pages, sysctls = ours.get(HUGE_PAGES), {key: own for key, own in sorted(ours.items()) if key != HUGE_PAGES}
    lines = [f"# {key} was {own.before}\n{key} = {own.value}\n" for key, own in sysctls.items()]
    program = _PROGRAM.format(head=_HEAD, key=HUGE_PAGES, path=PATHS[HUGE_PAGES], **pages._asdict()) if pages else ""
    return _HEAD + "".join(lines) if lines else "", program


def is_kept(root: Path, ours: dict[str, Ours]) -> bool:
    """Whether the host will have them at its next start."""
    sysctls, program = kept(ours)
    return _text(root / OWN) == sysctls and boot(root).is_set(program)


def keep(root: Path, ours: dict[str, Ours]) -> str:
    """Have the host set them at its next start; why not all of them will be, else ''."""
    sysctls, program = kept(ours)
    path = root / OWN
    try:
        if sysctls:
            _files.make_directory(path.parent)
            _files.write(path, sysctls.encode(), 0o644, (os.geteuid(), os.getegid()))
        else:
            path.unlink(missing_ok=True)
        if program:
            return boot(root).set(program)
        if not boot(root).is_set(""):
            boot(root).unset()
    except OSError as error:
        return f"{error.filename}: {error.strerror}. What was set holds until the next start of the host."
    return ""
