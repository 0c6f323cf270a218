# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine and the kernel know by name: capabilities, signals, limits, sysctls, security options, CPUs, images.

An engine looks at these only while it creates or starts a container, when the old one may be stopped already, so each
is compared with its list before. Errors are ValueError with the reason.
"""

from __future__ import annotations

import re
import signal

# capabilities(7), without CAP_
_CAPABILITIES = frozenset(
    """ALL AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH
    FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE
    NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE
    SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM""".split()
)

# getrlimit(2), as Docker writes them
_LIMITS = frozenset(
    "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split()
)

# What has a value for each namespace, and so may be set for one container: ipc_namespaces(7), network_namespaces(7)
_SYSCTLS = re.compile(
    r"net([./][\w@:+-]+)+|fs\.mqueue\..+|kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced|domainname)"
)

# What follows the option in ContainerCreate's SecurityOpt. A later engine may take more than an earlier one.
_SECURITY = {
    "apparmor": re.compile(r".+"),
    "label": re.compile(r".+"),
    "no-new-privileges": re.compile(r"(?i:true|false|t|f|0|1)?"),
    "seccomp": re.compile(r"unconfined|builtin|\{.*\}", re.DOTALL),
    "systempaths": re.compile(r"unconfined"),
    "writable-cgroups": re.compile(r"(?i:true|false|t|f|0|1)?"),
}

# The grammar of https://pkg.go.dev/github.com/distribution/reference
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_DOMAIN = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_IMAGE = re.compile(
    rf"(?:{_DOMAIN}/)?{_PART}(?:/{_PART})*(?::\w[\w.-]{{0,127}})?(?:@[a-z0-9]+:[0-9a-f]{{32,}})?", re.ASCII
)

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)
"""The engine's rule for the names of containers and of volumes."""
_NAME_SAID = "two or more of letters, digits, '_', '.', '-', beginning with a letter or digit"


MADE_LABEL = "netmode.docker.made"
"""On the volumes and networks that modules of this collection make: teardown removes no others."""


def capability(name: str) -> str:
    if name.upper().replace("CAP_", "", 1) not in _CAPABILITIES:
        raise ValueError(f"{name!r} is not a capability that Linux knows (examples: NET_ADMIN, SYS_NICE, ALL)")
    return name


def signal_name(name: str) -> str:
    """``SIGTERM``, ``TERM``, ``15``, ``SIGRTMIN+3``."""
    number = int(name) if name.isdigit() else 0
    full = name.upper() if name.upper().startswith("SIG") else f"SIG{name.upper()}"
    base, _, offset = full.partition("+" if "+" in full else "-")
    real_time = base in ("SIGRTMIN", "SIGRTMAX") and offset.isdigit() and int(offset) <= 30
    if not (1 <= number <= 64 or full in signal.Signals.__members__ or real_time):
        raise ValueError(f"{name!r} is not a signal that Linux knows (examples: SIGTERM, SIGINT, 15)")
    return name


def status_of(name: str) -> int:
    """The exit status of a process that a signal ended; 0 for a signal of real time, whose number is not fixed."""
    full = name.upper() if name.upper().startswith("SIG") else f"SIG{name.upper()}"
    number = int(name) if name.isdigit() else signal.Signals.__members__.get(full, 0)
    return 128 + number if number else 0


def limit(name: str, soft: int, hard: int) -> None:
    """-1 is unlimited."""
    if name not in _LIMITS:
        raise ValueError(f"{name!r} is no limit that Linux knows (known: {', '.join(sorted(_LIMITS))})")
    for value in (soft, hard):
        if value < -1:
            raise ValueError(f"{name}: {value} is below -1, which is unlimited")
    if hard != -1 and (soft > hard or soft == -1):
        raise ValueError(f"{name}: soft ({soft}) is above hard ({hard})")


def security(given: str) -> str:
    """``no-new-privileges``, ``NAME=VALUE`` or ``NAME:VALUE``; a profile of seccomp is JSON, not the path of a file."""
    name, _, value = given.replace("=", ":", 1).partition(":")
    if name not in _SECURITY:
        raise ValueError(f"{given!r} is not a security option (known: {', '.join(sorted(_SECURITY))})")
    if not _SECURITY[name].fullmatch(value):
        raise ValueError(f"{given!r}: {value!r} is not a value for {name}")
    return given


def cpuset(given: str) -> str:
    """``0-3``, ``0,2-3``; empty is every CPU."""
    for part in given.split(",") if given else []:
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part, re.ASCII)
        if not match or int(match.group(2) or match.group(1)) < int(match.group(1)):
            raise ValueError(f"{given!r} is not a list of CPUs (examples: 0, 0-3, 0,2-3)")
    return given


def sysctl(name: str) -> str:
    if name.startswith("net.") and not _SYSCTLS.fullmatch(name):
        raise ValueError(f"{name!r} is not a name of a kernel parameter (example: net.core.somaxconn)")
    if not _SYSCTLS.fullmatch(name):
        raise ValueError(
            f"{name} belongs to the whole host, not to a container. Set it on the host (ansible.posix.sysctl or "
            "/etc/sysctl.d) and leave it out here"
        )
    return name


def image(reference: str) -> str:
    """A name with tag or digest, or an id."""
    if not _IMAGE.fullmatch(reference):
        raise ValueError(
            f"{reference!r} does not name an image (examples: redis:8, registry.example:5000/redis:8); it is lower case"
        )
    return reference


def volume(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is neither an absolute path on the host nor the name of a volume: {_NAME_SAID}")
    return name


def container(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a container name: {_NAME_SAID}")
    return name
