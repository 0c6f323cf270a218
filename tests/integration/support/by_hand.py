# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers as people make them: the command line of Docker that asks for what a list entry asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]
LETTERS = {
    "user": "--user", "working_dir": "--workdir", "hostname": "--hostname", "stop_signal": "--stop-signal",
    "stop_grace_period": "--stop-timeout", "restart": "--restart", "mem_limit": "--memory", "cpus": "--cpus",
    "cpu_shares": "--cpu-shares", "pids_limit": "--pids-limit", "shm_size": "--shm-size",
}  # fmt: skip
LISTS = {
    "volumes": "--volume", "tmpfs": "--tmpfs", "ports": "--publish", "cap_add": "--cap-add", "cap_drop": "--cap-drop",
    "security_opt": "--security-opt", "group_add": "--group-add", "extra_hosts": "--add-host", "dns": "--dns",
    "expose": "--expose",
}  # fmt: skip
PAIRS = {"environment": "--env", "labels": "--label", "sysctls": "--sysctl"}
FLAGS = {"read_only": "--read-only", "init": "--init", "privileged": "--privileged"}


def create(entry: Json) -> list[str]:
    """The words after ``docker create`` for this entry, whose options are written in Compose's short forms."""
    mode = entry.get("network_mode", "bridge")
    words = ["--name", entry["name"], "--network", mode, *_options(entry, mode)]
    entrypoint = entry.get("entrypoint")
    if entrypoint is not None:
        words += ["--entrypoint", entrypoint[0] if entrypoint else ""]
    command = entry.get("command") or []
    return [*words, entry["image"], *(entrypoint or [])[1:], *command]


def _options(entry: Json, mode: str) -> Iterator[str]:
    for option, value in entry.items():
        if option in LETTERS:
            yield from (LETTERS[option], str(value))
        elif option in FLAGS:
            yield from [FLAGS[option]] * bool(value)
        elif option in LISTS and not (option == "expose" and mode.startswith("container:")):
            for item in value:
                yield from (LISTS[option], str(item))
        elif option in PAIRS:
            for key, item in value.items():
                yield from (PAIRS[option], f"{key}={item}")
        elif option == "healthcheck":
            yield from _healthcheck(value)
        elif option == "ulimits":
            for name, limit in value.items():
                yield from ("--ulimit", f"{name}={limit['soft']}:{limit['hard']}")


def _healthcheck(value: Json) -> Iterator[str]:
    if value.get("disable"):
        yield "--no-healthcheck"
    if value.get("test"):
        yield from ("--health-cmd", value["test"])
    for key in ("interval", "timeout", "retries"):
        if value.get(key):
            yield from (f"--health-{key}", str(value[key]))
