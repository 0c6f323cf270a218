# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of a plan for interfaces, carried out by iproute2 in the namespaces that they are for."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from .commands import HOST, NETNS
from .plan import Change, in_order
from .spaces import Spaces, process

if TYPE_CHECKING:
    from collections.abc import Callable

    from .commands import Command
    from .spec import Interface

    Batch = Callable[["Spaces", str, list[Command]], tuple[int, str]]


def apply(changes: list[Change], spaces: Spaces, batch: Batch | None = None) -> None:
    """Carry out what is due. When a command fails, all that were done before it are taken back.

    ``batch`` does some commands of one tool in one namespace: (how many were done, why the next was not).
    """
    do = batch or run_batch
    done: list[tuple[Change, Command]] = []
    for change in in_order(changes):
        for _, group in itertools.groupby(change.commands, key=lambda command: (command.tool, command.inside)):
            commands = list(group)
            count, why = _until_failure(do, spaces, _id(change), commands)
            done += [(change, command) for command in commands[:count]]
            if count < len(commands):
                for owner, command in reversed(done):
                    if command.undo:
                        do(spaces, _id(owner), [command.undo])
                raise NetmodeError(_failure(change.entry, commands[count], why) + _not_put_back(done))


def _id(change: Change) -> str:
    return change.container.id if change.container else ""


def _not_put_back(done: list[tuple[Change, Command]]) -> str:
    deleted = [change.entry for change, command in done if change.before and command.words.startswith("link delete")]
    names = ", ".join(dict.fromkeys(f"{entry.container}:{entry.name}" for entry in deleted))
    return f" What it had removed is not put back: {names}." if names else ""


def _until_failure(batch: Batch, spaces: Spaces, container_id: str, commands: list[Command]) -> tuple[int, str]:
    """Like ``batch``; a link that is to be deleted may go by itself, with the namespace of a container that ended."""
    count, why = batch(spaces, container_id, commands)
    while count < len(commands) and commands[count].words.startswith("link delete") and "Cannot find device" in why:
        count += 1
        if count < len(commands):
            more, why = batch(spaces, container_id, commands[count:])
            count += more
    return count, why


def _failure(entry: Interface, command: Command, why: str) -> str:
    taken_back = "What this run had made is removed again."
    if "Unknown device type" in why or "not supported" in why:
        kind = command.words.partition(" type ")[2].partition(" ")[0]
        if kind:
            return (
                f"{entry.where}: kind: this host's kernel has no {kind} links ({why}). Load its module (modprobe "
                f"{kind}), or choose another kind. {taken_back}"
            )
    return f"{entry.where}: {command.tool} {command.words}: {why}. {taken_back}"


def run_batch(spaces: Spaces, container_id: str, commands: list[Command]) -> tuple[int, str]:
    """How many of the commands, all of one tool in one namespace, were done, and why the next one was not."""
    own = spaces.of.get(container_id)
    enter = ["nsenter", f"--net=/proc/self/fd/{own}"] if commands[0].inside else []
    kept = (spaces.host,) if own is None else (spaces.host, own)
    if commands[0].tool == "ipv6":
        # Docker switches IPv6 off in a namespace that has no IPv6 network.
        for number, command in enumerate(commands):
            done = process([*enter, "tee", f"/proc/sys/net/ipv6/conf/{command.words}/disable_ipv6"], "0\n", kept)
            if done.returncode:
                return number, _reason(done.stderr)
        return len(commands), ""
    lines = "".join(f"{command.words}\n" for command in commands)
    lines = lines.replace(NETNS, f"/proc/self/fd/{own}").replace(HOST, f"/proc/self/fd/{spaces.host}")
    done = process([*enter, commands[0].tool, "-batch", "-"], lines, kept)
    failed = re.search(r"Command failed -:(\d+)", done.stderr)
    if done.returncode == 0:
        return len(commands), ""
    return (int(failed.group(1)) - 1 if failed else 0), _reason(done.stderr)


def _reason(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line and not line.startswith("Command failed")]
    return re.sub(r"^(Error:|RTNETLINK answers:) ", "", lines[0] if lines else "it failed").rstrip(".")
