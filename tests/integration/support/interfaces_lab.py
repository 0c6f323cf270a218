# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of interfaces ask for and look at, and the module's run that is interrupted at any of its steps."""

from __future__ import annotations

import json
from typing import Any

from lab import COLLECTIONS, MODULE_UTILS, SOCKET, Host, wait_until

OPEN = ("redis-server", "--protected-mode", "no")
"""The command of a Redis that answers others."""
ETH0 = {
    "container": "web",
    "name": "eth0",
    "bridge": "docker0",
    "addresses": ["172.17.200.5/16"],
    "gateway": "172.17.0.1",
}
UP0 = {"container": "web", "name": "up0", "kind": "physical", "parent": "uplink", "addresses": ["10.91.0.2/24"]}
UPLINK = "02:00:00:00:91:01"

INTERRUPTED = """
import json, os, signal, sys
from ansible_collections.netmode.docker.plugins.module_utils._interfaces import apply as steps, reconcile
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

given = json.load(sys.stdin)
left = given["steps"]

def one_by_one(spaces, identifier, commands):
    global left
    for number, command in enumerate(commands):
        if left == 0 and given["how"] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        if left == -1:
            return number, "it is made to fail here"
        done, why = steps.run_batch(spaces, identifier, [command])
        if not done:
            return number, why
    return len(commands), ""

apply = reconcile.apply
reconcile.apply = lambda changes, spaces: apply(changes, spaces, one_by_one)
try:
    reconcile.run(given["params"], check_mode=False)
except NetmodeError as error:
    sys.exit(str(error))
"""
"""The module's own run, its commands one at a time; after some steps it is killed, or the next command fails."""


def interrupt(host: Host, how: str, steps: int, *wanted: dict[str, Any]) -> str:
    """Run the module up to a step. What it said when it failed, ``killed``, or nothing when it came to its end."""
    host.write("/tmp/interrupted.py", INTERRUPTED)
    plain = {"state": "present", "kind": "veth", "addresses": [], "routes": []}
    params = {"interfaces": [{**plain, **item} for item in wanted], "docker_host": f"unix://{SOCKET}", "timeout": 60}
    done = host.run(
        "/usr/bin/python3", "-B", "/tmp/interrupted.py", check=False, env={"PYTHONPATH": f"{COLLECTIONS}:{MODULE_UTILS}"},
        stdin=json.dumps({"how": how, "steps": steps, "params": params}),
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return "killed" if done.returncode in (-9, 137) else done.stderr.strip()


def inside(host: Host, container: str = "web") -> dict[str, Any]:
    """What the container's namespace has: links by name with their addresses and the main table's routes."""
    found: dict[str, Any] = {}
    pid = host.api(f"/containers/{container}/json")["State"]["Pid"]
    links, _, routes = host.sh(f"nsenter -t {pid} -n sh -c 'ip -j address; ip -4 route; ip -6 route'").partition("\n")
    for link in json.loads(links):
        if link["ifname"] != "lo":
            addresses = [f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["scope"] == "global"]
            found[link["ifname"]] = {key: link[key] for key in ("ifindex", "mtu", "address", "ifalias") if key in link}
            found[link["ifname"]].update(addresses=sorted(addresses), up="UP" in link["flags"])
    found["routes"] = sorted(line.strip() for line in routes.splitlines() if line and "proto kernel" not in line)
    return found


def pongs(host: Host, address: str) -> bool:
    return wait_until(
        lambda: "PONG" in host.sh(f"timeout 2 redis-cli -h {address} ping", check=False), f"PONG from {address}"
    )
