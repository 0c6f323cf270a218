# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's hosts, and playbooks over them."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ansible
import yaml

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration" / "support"))

from lab import CHECKOUT, MODULE_UTILS, Host, Play  # noqa: E402 (its directory is not on the path before)

LAB = HERE / "lab"
STATE = Path(os.environ.get("NETMODE_LAB", "/var/tmp/netmode-lab")) / "tmp" / "lab"
HOSTS = ("bookworm", "trixie", "forky")
FLEET = ("-i", str(HERE / "fleet"))
CONTROLLER = Host()


def on(name: str) -> Host:
    """A host entered from beneath, and not by ssh; so also one whose ssh is down."""
    return Host((str(LAB), "exec", name, "--"))


def address_of(name: str) -> str:
    hosts = yaml.safe_load(STATE.joinpath("hosts.yml").read_text())["all"]["hosts"]
    return str(hosts[name]["ansible_host"])


@functools.cache
def _preforked(name: str, _process: str) -> str:
    """The interpreter of a host whose first process is this one; its server ends with that."""
    MODULE_UTILS.mkdir(parents=True, exist_ok=True)
    if not (MODULE_UTILS / "ansible").is_symlink():
        (MODULE_UTILS / "ansible").symlink_to(Path(ansible.__file__).parent)
    return on(name).modules.python


def _interpreters() -> tuple[str, ...]:
    """Of hosts that have imported what modules import already: half of what a module costs otherwise."""
    first = beneath("docker", "inspect", "-f", "{{.State.Pid}}", *HOSTS).split()
    given = {name: {"ansible_python_interpreter": _preforked(name, pid)} for name, pid in zip(HOSTS, first)}
    path = STATE / "interpreters.json"
    path.write_text(json.dumps({"all": {"hosts": given}}))
    return "-i", str(path)


def run_play(
    playbook: str | list[dict[str, Any]], *options: str, limit: str = "", packed: bool = False, **extra_vars: Any
) -> Play:
    """A playbook of the collection by its file's name, or plays as data, over the lab's fleet.

    ``packed``: with hosts that have nothing of the collection but what Ansible sends along.
    """
    path = CHECKOUT / "playbooks" / playbook if isinstance(playbook, str) else playbook
    limits = ("--limit", limit) if limit else ()
    given = (*FLEET, *(() if packed else _interpreters()), *options, *limits)
    return CONTROLLER.play(path, STATE / "hosts.yml", given, **extra_vars)


def done(play: Play) -> Play:
    """Without a failure; else what Ansible said, and what was last logged by the hosts that failed."""
    if play.rc != 0:
        logs = [on(task["host"]).sh("journalctl --no-pager -n 40", check=False) for task in play.failed]
        raise AssertionError("\n".join([play.stdout, play.stderr, *logs]))
    return play


def changed(play: Play) -> list[tuple[str, str]]:
    return [(task["host"], task["task"]) for task in play.tasks if task["result"].get("changed")]


def settled(play: Play) -> None:
    """Nothing failed, and nothing was or would be changed, on any host."""
    done(play)
    assert play.changed == 0, changed(play)


@contextmanager
def without_ssh(host: str) -> Iterator[None]:
    """The cable is out: what comes from the controller is dropped, what is connected already included."""
    rule = "INPUT -p tcp --dport 22 -j REJECT --reject-with tcp-reset"
    on(host).sh(f"iptables -I {rule}")
    try:
        yield
    finally:
        on(host).sh(f"iptables -D {rule}")


def beneath(*command: str) -> str:
    """A command on the machine whose containers the hosts are."""
    return Host((str(LAB), "run", "--")).run(*command).stdout.strip()
