# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of the host lock share: one that holds it, and a module that may have to wait for it."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab import MODULE_UTILS, Host
from tree import COLLECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = "/run/netmode-{}.lock"


@contextmanager
def held(host: Host, subject: str) -> Iterator[None]:
    """The lock in the hands of another process, which is killed in the midst of it."""
    words = ["flock", LOCK.format(subject), "sh", "-c", "echo held; exec sleep 60"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        holder.stdout.readline()
        try:
            yield
        finally:
            host.sh(f"pkill -KILL -P {holder.pid}")


def begin(module: str, args: dict[str, Any]) -> subprocess.Popen[str]:
    """A module in a process of its own, which is not waited for."""
    argv = ["/usr/bin/python3", "-m", f"ansible_collections.netmode.docker.plugins.modules.{module}"]
    env = {**os.environ, "PYTHONPATH": f"{COLLECTIONS}:{MODULE_UTILS}"}
    run = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    assert run.stdin
    run.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": args}))
    run.stdin.close()
    return run
