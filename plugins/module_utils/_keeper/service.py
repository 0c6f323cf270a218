# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper as a service of its host: the files that make it one, how it is now, and what is to be changed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils import _files
from ansible_collections.netmode.docker.plugins.module_utils._compose import names
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import trust
from .notes import NOTES, SCRIPT, UNIT, read_state, stamps

ARGUMENTS: dict[str, dict[str, Any]] = {
    "docker_host": ENGINE_ARGUMENTS["docker_host"],
    "ignore": {"type": "list", "elements": "str", "default": []},
    "log_file": {"type": "path", "default": "/var/log/netmode-keeper.log"},
    "path": {"type": "path", "default": "/usr/local/sbin/netmode-keeper"},
}
"""How the service is to be: options of the module ``keeper``."""

NAME = "netmode-keeper"
_PID = Path(f"/run/{NAME}.pid")
_ALIVE = ("active", "activating", "reloading")
_SOCKET = re.compile(r"unix:///[^\s%\"'\\]+")

_UNIT_TEXT = """\
# Written by Ansible: the module netmode.docker.keeper.
[Unit]
Description=Brings interfaces and sharers of containers back after a restart
Documentation=https://github.com/netmode/docker/blob/main/roles/keeper/README.md
# Stopped with the engine and started after it: who asks at docker.socket starts an engine that was stopped on purpose.
After=docker.service
PartOf=docker.service
# However often it has failed, it is started again.
StartLimitIntervalSec=0

[Service]
ExecStart={program} run {options}
Restart=always
RestartSec=1
# Root, with no more of what root may than it takes to enter network namespaces and to make links there. The tunables of
# the kernel stay writable: IPv6 is switched on in a namespace by one of them.
CapabilityBoundingSet=CAP_NET_ADMIN CAP_SYS_ADMIN CAP_SYS_PTRACE
NoNewPrivileges=yes
ProtectSystem=full
ProtectHome=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6
RestrictNamespaces=net
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=docker.service
"""

_SCRIPT_TEXT = """\
#!/bin/sh
# Written by Ansible: the module netmode.docker.keeper.
### BEGIN INIT INFO
# Provides:          netmode-keeper
# Required-Start:    $local_fs
# Required-Stop:     $local_fs
# Should-Start:      docker
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Brings interfaces and sharers of containers back after a restart
### END INIT INFO

program={program}
pid={pid}
log={log}

case "$1" in
start)
    start-stop-daemon --start --oknodo --background --make-pidfile --pidfile "$pid" --output "$log" \\
        --startas "$program" -- supervise {options} ;;
stop)
    start-stop-daemon --stop --oknodo --pidfile "$pid" --remove-pidfile --retry TERM/10/KILL/5 ;;
restart | force-reload)
    "$0" stop && "$0" start ;;
status)
    start-stop-daemon --status --pidfile "$pid" || {{ echo "netmode-keeper is not running"; exit 3; }}
    echo "netmode-keeper is running" ;;
*)
    echo "usage: $0 start|stop|restart|status" >&2; exit 2 ;;
esac
"""


class File(NamedTuple):
    """One of the service's, as it is and as it is to be; None: not there."""

    path: Path
    before: bytes | None
    after: bytes | None
    mode: int


class Now(NamedTuple):
    running: bool
    enabled: bool
    """The host starts it by itself."""
    outdated: bool
    """What runs was started before the files were written: an earlier run was interrupted before the restart."""
    unread: bool
    """systemd goes by an older unit than there is."""


def init_system() -> str:
    """``systemd`` or ``sysv``: what starts services on this host."""
    return "systemd" if Path("/run/systemd/system").is_dir() else "sysv"


def options(docker_host: str, ignore: list[str]) -> list[str]:
    """What the program is started with. NetmodeError for what could be no socket or no container's name."""
    if not _SOCKET.fullmatch(docker_host):
        raise NetmodeError(
            f"docker_host: {docker_host!r} is not a socket. The keeper works on the engine's own host, by its socket, "
            "like unix:///var/run/docker.sock."
        )
    try:
        ignored = [f"--ignore={names.container(name)}" for name in ignore]
    except ValueError as error:
        raise NetmodeError(f"ignore: {error}.") from None
    return [f"--docker-host={docker_host}", *ignored]


def files(init: str, state: str, path: Path, options: list[str], log: str, program: bytes) -> list[File]:
    """The program, and what makes a service of it; for ``absent`` as they are, whatever they would become.

    NetmodeError where others than root could change what root is to run.
    """
    _refuse_odd("path", str(path))
    if set(str(path)) & set("'\"\\"):
        raise NetmodeError(f"path: {str(path)!r}: systemd starts no program with a quote or a backslash in its path.")
    _refuse_odd("log_file", log)
    unit, mode = (UNIT, 0o644) if init == "systemd" else (SCRIPT, 0o755)
    if path == unit:
        raise NetmodeError(f"path: {str(path)!r} is the file of the service, which starts the program at another path.")
    text = ""
    if state == "present":
        trust.require("path", path)
        text = _unit_text(path, options) if init == "systemd" else _script_text(path, options, log)
    wanted = (path, program, 0o755), (unit, text.encode(), mode)
    return [File(one, _files.read(one), after, mode) for one, after, mode in wanted]


def _refuse_odd(option: str, path: str) -> None:
    if not path.startswith("/") or not path.isprintable():
        raise NetmodeError(f"{option}: {path!r} is not the absolute path of a file. Give one like /usr/local/sbin/x.")


def _unit_text(path: Path, options: list[str]) -> str:
    """As systemd reads it (systemd.service(5), "Command lines"): in the program's own path ``$`` begins no variable."""
    words = [_quoted(option).replace("$", "$$") for option in options]
    return _UNIT_TEXT.format(program=_quoted(str(path)), options=" ".join(words))


def _quoted(word: str) -> str:
    """``%`` begins a specifier, in quotes too."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _script_text(path: Path, options: list[str], log: str) -> str:
    words = {"program": shlex.quote(str(path)), "log": shlex.quote(log), "pid": _PID}
    return _SCRIPT_TEXT.format(options=shlex.join(options), **words)


def observe(init: str, files: list[File]) -> Now:
    running, enabled, unread = _by_systemd() if init == "systemd" else _by_script(files)
    return Now(running, enabled, running and _is_outdated(files), unread)


def _by_systemd() -> tuple[bool, bool, bool]:
    """(running, enabled, unread) as in :class:`Now`."""
    asked = ["systemctl", "show", NAME, "-p", "ActiveState", "-p", "UnitFileState", "-p", "NeedDaemonReload"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    said = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    running, enabled = said.get("ActiveState") in _ALIVE, said.get("UnitFileState") == "enabled"
    return running, enabled, said.get("NeedDaemonReload") == "yes"


def _by_script(files: list[File]) -> tuple[bool, bool, bool]:
    program, script = files
    enabled = script.before is not None and any(link.name.startswith("S") for link in _boot_links())
    return _is_supervised(program.path), enabled, False


def plan(state: str, files: list[File]) -> list[File]:
    """Those of the files that are to change; for ``absent`` also what a keeper that ran has left.

    NetmodeError where they could not be written.
    """
    if state == "present":
        changes = [file for file in files if file.before != file.after or file.path.stat().st_mode & 0o777 != file.mode]
    else:
        left = [one for one in (*NOTES, *_boot_links()) if one.is_symlink() or one.exists()]
        changes = [
            *(file._replace(after=None) for file in files if file.before is not None),
            *(File(one, b"", None, 0) for one in left),
        ]
    for change in changes:
        _refuse_place(change.path)
    return changes


def _refuse_place(path: Path) -> None:
    directory = path.parent
    why = "is no directory" if not directory.is_dir() else "is read-only" if _files.read_only(directory) else ""
    if why:
        raise NetmodeError(
            f"{path}: {directory} {why}. Program and service are written into directories that are there, and writable."
        )


def apply(changes: list[File]) -> None:
    """Each file at once, as a whole."""
    for path, _, content, mode in changes:
        if content is None:
            path.unlink()
            if path in NOTES:
                with suppress(OSError):  # not empty
                    path.parent.rmdir()
        else:
            _files.write(path, content, mode, (os.geteuid(), os.getegid()))


def have_units_read() -> None:
    subprocess.run(["systemctl", "daemon-reload"], capture_output=True, check=True)


def _boot_links() -> list[Path]:
    """Those by which a host without systemd starts it, and ends it."""
    return sorted(Path("/etc").glob(f"rc[0-9S].d/[SK][0-9][0-9]{NAME}"))


def _is_supervised(program: Path) -> bool:
    try:
        command = Path(f"/proc/{int(_PID.read_text(encoding='ascii'))}/cmdline").read_bytes()
    except (OSError, ValueError):
        return False
    return os.fsencode(program) in command.split(b"\0")


def _is_outdated(files: list[File]) -> bool:
    """Of one that has not said yet from which files it was started nothing is known."""
    said = read_state()
    if not Path(f"/proc/{said.get('pid')}").exists():
        return False
    had = said.get("files", {})
    return any(had.get(path, stamp) != stamp for path, stamp in stamps(file.path for file in files).items())
