# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role docker_engine has to do on a host: the host as observed against the variables of the role. Pure.

What cannot be right is told in the words of these variables, so that nothing on the host is touched before it is.
"""

from __future__ import annotations

import hashlib
import shlex
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.dockerd import values
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import packages
from .config import VARIABLES, plan_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .config import Change

FAMILIES = ("Debian", "Ubuntu")
"""What the role installs Docker Engine on."""
_PREFIX = "docker_engine_"
_NO_CHANGE = ("none", "reload", "restart")
"""What a running engine may have to do, each more than the one before."""


def make_plan(found: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """The plan that the module returns (see its RETURN). ``found``: what ``observe`` gives. ``desired``: the variables.

    NetmodeError with everything that is wrong, a line each.
    """
    init = found["init"] if desired["init"] == "auto" else desired["init"]
    # What a unit starts the engine with is systemd's alone: no other init system passes it a socket.
    arguments = found["arguments"] if found["pid"] is not None or init == "systemd" else []
    problems = list(_host_problems(found, desired))
    try:
        change = plan_config(
            found["config"]["text"],
            {key: desired[name[len(_PREFIX) :]] for key, name in VARIABLES.items()},
            desired["options"],
            desired["options_absent"],
            arguments,
            desired["config_file"],
        )
    except NetmodeError as error:
        raise NetmodeError("\n".join([*problems, str(error)])) from None
    due = packages.plan_packages(found, desired)
    owed = [change.action, found["pending"], "restart" if packages.restarts(found, desired) else "none"]
    action = max(owed, key=_NO_CHANGE.index) if found["answers"] else "start"
    problems += _change_problems(found, desired, change)
    if action == "none" and not change.keys and not due["steps"]:
        problems += _bridge_problems(found["bridge"] or {}, change.config, arguments, desired["config_file"])
    if problems:
        raise NetmodeError("\n".join(problems))
    return {
        "settled": action == "none" and not change.keys and not due["steps"],
        "install": [*due["distribution"], *due["docker"]],
        "packages": due,
        "changes": change.keys,
        "action": action,
        "init": init,
        "arguments": arguments,
        "pid_file": change.config.get("pidfile") or "/var/run/docker.pid",
        "sensitive": change.sensitive,
        "mode": "0600" if change.sensitive else found["config"]["mode"] or "0644",
        "checksum": hashlib.sha256(change.text.encode()).hexdigest(),
        "validate": _validate(found, arguments),
        "text": change.text,
    }


def _host_problems(found: Mapping[str, Any], desired: Mapping[str, Any]) -> Iterator[str]:
    """What the host lacks, whatever its daemon.json is to be."""
    families = " and ".join(FAMILIES)
    if not found["root"]:
        yield "docker_engine changes the host and requires root there. Set become: true."
    if desired["install"] and found["distribution"] not in FAMILIES:
        yield (
            f"docker_engine_install: the role installs Docker Engine on {families} only, and this host runs "
            f"{found['distribution']} {found['distribution_version']}. Where an engine and the Docker SDK for Python "
            "exist already, set docker_engine_install: false."
        )
    yield from packages.problems(found, desired)
    if not desired["install"] and found["dockerd"] is None and not found["answers"]:
        yield (
            "docker_engine_install is false, but this host has no dockerd. Install Docker Engine, or let the role "
            f"do it (docker_engine_install: true; on {families})."
        )
    elif not desired["install"] and not found["sdk"]:
        yield (
            f"docker_engine_install is false, but {found['python']} on this host does not find the Docker SDK for "
            "Python. Install it for that interpreter, or set ansible_python_interpreter to the one that has it."
        )
    if found["others"]:
        processes = ", ".join(str(other["pid"]) for other in found["others"])
        hosts = ", ".join(host for other in found["others"] for host in other["hosts"])
        yield (
            f"Nothing answers at {found['docker_host']}, and an engine of this host listens elsewhere: process "
            f"{processes}, at {hosts}. A second one beside it would share its files. Set netmode_docker_host to where "
            "it listens, or stop it."
        )


def _change_problems(found: Mapping[str, Any], desired: Mapping[str, Any], change: Change) -> Iterator[str]:
    """Why this engine cannot be given another daemon.json."""
    if not change.keys:
        return
    if found["reads"] not in (None, desired["config_file"]):
        yield (
            f"docker_engine_config_file: {desired['config_file']} is not what the engine reads, which is started with "
            f"--config-file={found['reads']}. Set docker_engine_config_file to that."
        )
    if found["dockerd"] is None and found["answers"]:
        yield (
            f"An engine answers at {found['docker_host']}, and its program is not found on this host, so it can be "
            f"neither given another configuration ({', '.join(change.keys)}) nor restarted. Leave these out."
        )


def _bridge_problems(
    link: Mapping[str, Any], config: Mapping[str, Any], arguments: list[str], config_file: str
) -> Iterator[str]:
    """Whether the engine's bridge has its address: the engine may have kept one that it found."""

    def given(key: str, *flags: str) -> str:
        return str(config.get(key) or next(iter(values(arguments, *flags)), ""))

    name, bip = given("bridge", "-b", "--bridge") or "docker0", given("bip", "--bip")
    if name == "none":
        return
    addresses = link["ipv4"] if link.get("name") == name else []
    prefix = f"/{(link.get('subnet') or '').rpartition('/')[2]}"
    # Without bip an engine may not say which address it gave: then it is the one that has the subnet's prefix length.
    own = [f"{link['gateway']}{prefix}"] if link.get("gateway") else [one for one in addresses if one.endswith(prefix)]
    expected = bip or next(iter(own), "an address")
    if expected not in addresses:
        why = "what the engine chose" if not bip else f"bip in {config_file}" if "bip" in config else "--bip"
        yield (
            f"{name} must have {expected} ({why}), and has {', '.join(addresses) or 'no such address'}. A restart of "
            "the engine with no container running (live-restore keeps the old bridge) sets it."
        )


def _validate(found: Mapping[str, Any], arguments: list[str]) -> str | None:
    """The command that lets the engine judge a file ``%s``, None where it cannot (Docker 20.10).

    With the flags that it is started with: a setting that is given by both is refused.
    """
    if not found["validates"]:
        return None
    flags = shlex.join([found["dockerd"], *arguments, "--validate"]).replace("%", "%%")
    return f"{flags} --config-file=%s"
