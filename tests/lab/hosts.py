# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's hosts, and playbooks over them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration" / "support"))

from lab import CHECKOUT, Host, Play  # noqa: E402 (its directory is not on the path before)

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


def run_play(playbook: str | list[dict[str, Any]], *options: str, limit: str = "", **extra_vars: Any) -> Play:
    """A playbook of the collection by its file's name, or plays as data, over the lab's fleet."""
    path = CHECKOUT / "playbooks" / playbook if isinstance(playbook, str) else playbook
    limits = ("--limit", limit) if limit else ()
    return CONTROLLER.play(path, STATE / "hosts.yml", (*FLEET, *options, *limits), **extra_vars)


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
