# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what root is to run can be changed by root alone: over the whole path, links and their ways included."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import sys
from pathlib import Path

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

SYSTEM_PYTHON = "/usr/bin/python3"
_LONGEST_LINE = 127
"""Bytes of a file's first line that every kernel reads (execve(2))."""
_MOST_LINKS = 40
"""As many as the kernel follows (path_resolution(7))."""


def first_line(interpreter: str) -> bytes:
    """Of a program of root's: with nothing of site-packages, which others may write to."""
    return f"#!{interpreter} -ISB\n".encode()


def weakness(path: Path) -> str:
    """The first part of a path that others than root can change, with why, or empty. The file need not be there."""
    at, waiting, links = Path("/"), list(path.parts[1:]), 0
    while True:
        try:
            status = at.lstat()
        except FileNotFoundError:
            return ""
        except OSError as error:
            return f"{at} ({error.strerror})"
        if stat.S_ISLNK(status.st_mode):
            links += 1
            target = at.readlink()
            if status.st_uid or links > _MOST_LINKS:
                return f"{at} (a link of user {_user(status.st_uid)})"
            at, waiting = (Path("/") if target.is_absolute() else at.parent), [*target.parts, *waiting]
        elif why := _who_else(at, status):
            return f"{at} ({why})"
        if not waiting:
            return ""
        word = waiting.pop(0)
        at = at.parent if word == ".." else at if word == "/" else at / word


def _who_else(path: Path, status: os.stat_result) -> str:
    """Why others than root can write to a file or directory, or empty."""
    if status.st_uid:
        return f"owned by {_user(status.st_uid)}"
    if status.st_mode & stat.S_IWOTH:
        return "writable by everyone"
    if status.st_mode & stat.S_IWGRP and (_has_members(status.st_gid) or _has_acl(path)):
        return f"writable by the group {status.st_gid}"
    return ""


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _has_members(gid: int) -> bool:
    """Whether a group has anybody in it but root, by its own list or as somebody's first group."""
    try:
        named = set(grp.getgrgid(gid).gr_mem)
    except KeyError:
        return True  # who knows
    return bool((named | {one.pw_name for one in pwd.getpwall() if one.pw_gid == gid and one.pw_uid}) - {"root"})


def _has_acl(path: Path) -> bool:
    """An access control list shows as rights of the group."""
    try:
        return bool(os.getxattr(path, "system.posix_acl_access"))
    except OSError:
        return False


def require(option: str, path: Path) -> None:
    why = weakness(path)
    if why:
        raise NetmodeError(
            f"{option}: root is to run {path}, and others than root can change {why}. Choose a place where root alone "
            "writes, such as /usr/local/sbin, or give it to root (chown root:root, chmod go-w)."
        )


def interpreter() -> str:
    """The Python that a program of root's may run under: the one that runs here, or else the system's own.

    Its standard library has to be root's as well. NetmodeError where neither is.
    """
    found = []
    for candidate, library in ((sys.executable, os.__file__), (SYSTEM_PYTHON, "")):
        why = weakness(Path(candidate)) or (weakness(Path(library)) if library else "")
        odd = not candidate.startswith("/") or any(letter.isspace() for letter in candidate)
        if not why and not Path(candidate).exists():
            why = f"{candidate} (it is not there)"
        elif not why and (odd or len(first_line(candidate).rstrip()) > _LONGEST_LINE):
            why = f"{candidate} (no first line of a script can name it)"
        if not why:
            return candidate
        found.append(why)
    raise NetmodeError(
        "The keeper runs as root, and others than root can change the Python that it would run under: "
        f"{'; '.join(found)}. Install the system's own ({SYSTEM_PYTHON}), or set ansible_python_interpreter to one "
        "that belongs to root, with every directory above it."
    )
