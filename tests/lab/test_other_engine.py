# SPDX-License-Identifier: GPL-3.0-or-later
"""O12: the engine of another host and another generation, behind a tunnel, is refused by each of the three hosts."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hosts import HOSTS, LAB, beneath, on, run_play
from lab import IMAGE
from tree import CHECKOUT

TUNNEL = f"""
import sys
sys.path.append("{CHECKOUT}/tests/integration/support")
from tunnel import tunnel
with tunnel(sys.argv[1], at=sys.argv[2]):
    print("open", flush=True)
    sys.stdin.read()
"""
AT = "/run/o12.sock"


@contextmanager
def tunnelled(host: str, other: str) -> Iterator[str]:
    """The docker_host on one host of what leads to the engine of another."""
    here, there = (beneath("docker", "inspect", "-f", "/proc/{{.State.Pid}}/root", name) for name in (host, other))
    words = [str(LAB), "run", "--", "python3", "-B", "-c", TUNNEL, f"{there}/run/docker.sock", f"{here}{AT}"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tunnel:
        assert tunnel.stdout
        assert tunnel.stdout.readline() == "open\n"
        yield f"unix://{AT}"
        assert tunnel.stdin
        tunnel.stdin.close()
    on(host).sh(f"rm -f {AT}")


@pytest.mark.usefixtures("fleet")  # by which each host has an engine that runs
@pytest.mark.parametrize(("host", "other"), [*zip(HOSTS, [*HOSTS[1:], HOSTS[0]])])
def test_o12_the_engine_of_another_generation_is_refused(host: str, other: str) -> None:
    """By its name; and, where it bears the very same, by its containers and by itself."""
    asked = on(other)
    before, name = asked.docker("ps", "-aq"), asked.sh("hostname")
    wanted = {"containers": [{"name": "told", "image": IMAGE}]}
    with tunnelled(host, other) as url:
        for module, args, called in (("network_facts", {}, name), ("containers", wanted, on(host).sh("hostname"))):
            asked.sh(f"hostname {called}")
            try:
                task = {f"netmode.docker.{module}": {**args, "docker_host": url}}
                told = run_play([{"hosts": host, "become": True, "gather_facts": False, "tasks": [task]}]).refusals()
            finally:
                asked.sh(f"hostname {name}")
            assert list(told) == [host]
            assert "is an engine of another host" in told[host]
    assert asked.docker("ps", "-aq") == before
