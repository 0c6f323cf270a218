# SPDX-License-Identifier: GPL-3.0-or-later
"""Who on the host may read an instance's configuration and reach its socket: owners and modes of what holds them.

The numbers of Redis' user and group belong to others on the host (999 is systemd-journal's group on Debian 12), so what
is secret is closed above them: no user of the host gets through a directory of root's. The engine mounts as root.
"""

from __future__ import annotations

import grp
import os
import stat
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils import _files
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._host import regular

Instance = dict[str, Any]

MARK = "(netmode.docker.redis)"
"""In the first line of every redis.conf that is written here."""
OWN = (Path("/etc/netmode"), Path("/var/lib/netmode"))
"""This collection's own on a host: everybody gets through them, and root alone writes there."""
_CONFIGURATION, _SOCKET = "redis.conf", "redis.sock"


class Access(NamedTuple):
    """File type and permissions, owner and group."""

    mode: int
    uid: int
    gid: int


def group_of(named: str) -> int | None:
    """The number of a group of the host, by its name or number; None for none."""
    if not named:
        return None
    try:
        return int(named) if named.isdecimal() else grp.getgrnam(named).gr_gid
    except KeyError:
        raise NetmodeError(
            f"socket_group: this host has no group {named!r}. Make it first, or give the number of one "
            "(redis_socket_group in the role redis)."
        ) from None


def wanted(instance: Instance, group: int | None, *, passed: bool = False) -> dict[Path, Access]:
    """Of the directories and files of an instance; the socket's is there once Redis runs, and is given its group.

    ``passed``: everybody gets through the directory above, for the sake of another instance. Then the number of Redis'
    own group, which belongs to others of the host, does not open this one.
    """
    uid, gid = instance["uid"], instance["gid"]
    directory = Path(instance["directory"])
    found = {
        directory: Access(stat.S_IFDIR | 0o700, uid, gid),
        directory / _CONFIGURATION: of_file(instance),
    }
    if instance["socket_directory"]:
        reach = _reach(instance)
        of_group = reach & 0o020 and not (passed and group is None and not reach & 0o002)
        mode = 0o700 | (0o050 if of_group else 0) | (0o005 if reach & 0o002 else 0)
        # The socket is made by Redis, which is in no group of the host: it takes over that of its directory.
        mode |= 0 if group is None else stat.S_ISGID
        path = Path(instance["socket_directory"])
        found[path] = Access(stat.S_IFDIR | mode, uid, gid if group is None else group)
    return found


def of_file(instance: Instance) -> Access:
    """Of what Redis reads: its user's alone."""
    return Access(stat.S_IFREG | 0o600, instance["uid"], instance["gid"])


def _reach(instance: Instance) -> int:
    """The permissions of the socket: who may write to it, may connect."""
    return int(str(instance["socket_mode"]), 8)


def is_passed(instances: list[Instance]) -> bool:
    """Whether everybody gets through the directory above those of the sockets, to one of them."""
    return any(_reach(instance) & 0o002 for instance in _with_sockets(instances))


def _with_sockets(instances: list[Instance]) -> list[Instance]:
    return [one for one in instances if one["state"] == "present" and one["socket_directory"]]


def wanted_above(instances: list[Instance], group: int | None) -> dict[Path, Access]:
    """Of the directories above, which are root's, as far as they hold nothing but what was made here. A run that made
    them may have had any umask.

    Through that of the sockets get those who may connect: root alone, the group, or everybody.
    """
    present = [instance for instance in instances if instance["state"] == "present"]
    of_sockets = _with_sockets(instances)
    reach = 0
    for instance in of_sockets:
        reach |= _reach(instance)
    mode = 0o711 if is_passed(instances) else 0o710 if reach & 0o020 and group is not None else 0o700
    uid, gid = os.geteuid(), os.getegid()  # root's, on a host
    found = {Path(instance["directory"]).parent: Access(stat.S_IFDIR | 0o700, uid, gid) for instance in present}
    through = group if mode == 0o710 and group is not None else gid
    for instance in of_sockets:
        found[Path(instance["socket_directory"]).parent] = Access(stat.S_IFDIR | mode, uid, through)
    names = {instance["name"] for instance in instances}
    for parent in {Path(instance["directory"]).parent for instance in instances}:
        names.update(entry.name for entry in (parent.iterdir() if parent.is_dir() else ()) if is_instance(entry))
    open_ones = {path: Access(stat.S_IFDIR | 0o755, uid, gid) for path in OWN if path in {one.parent for one in found}}
    open_ones = {path: access for path, access in open_ones.items() if not path.is_symlink()}
    return {**open_ones, **{path: access for path, access in found.items() if _made_here(path, names)}}


def _made_here(parent: Path, names: set[str]) -> bool:
    """A directory of the user's own (``redis_config_dir: /srv``) stays as it is, also an empty one below the root."""
    if parent.is_symlink():
        return False
    if not parent.exists():
        return True
    return parent.parent != Path("/") and all(entry.name in names for entry in parent.iterdir())


def is_instance(directory: Path) -> bool:
    """Whether it holds the configuration of an instance, of this inventory or of one before."""
    return directory.is_dir() and not directory.is_symlink() and written_here(directory / _CONFIGURATION)


def written_here(file: Path) -> bool:
    """Whether a redis.conf is there and was written here. A link is not followed."""
    there = regular.found(file)
    ours = there is not None and stat.S_ISREG(there.st_mode)
    return ours and MARK.encode() in (_files.read(file) or b"").partition(b"\n")[0]


def holds(path: Path, access: Access) -> bool:
    """Whether it is there, and is so."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return (found.st_mode, found.st_uid, found.st_gid) == access


def give(path: Path, access: Access) -> None:
    """To a directory, which is not a link."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
    try:
        os.fchown(descriptor, access.uid, access.gid)
        os.fchmod(descriptor, stat.S_IMODE(access.mode))  # after the owner, whose change takes the setgid bit away
    finally:
        os.close(descriptor)


def socket_is_right(instance: Instance, group: int | None) -> bool:
    """Whether the socket of a Redis that runs has the group; one that is not there is right."""
    found = _socket(instance)
    return found is None or group is None or found.st_gid == group


def give_socket(instance: Instance, group: int | None) -> None:
    """One that a Redis has made before its directory had the group."""
    if group is not None and not socket_is_right(instance, group):
        os.chown(Path(instance["socket_directory"]) / _SOCKET, -1, group, follow_symlinks=False)


def _socket(instance: Instance) -> os.stat_result | None:
    if not instance["socket_directory"]:
        return None
    try:
        found = (Path(instance["socket_directory"]) / _SOCKET).lstat()
    except FileNotFoundError:
        return None
    return found if stat.S_ISSOCK(found.st_mode) and found.st_uid == instance["uid"] else None
