# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of modes against this engine: each forbidden container is made past the collection, and looked at."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._containers.modes import (
    DROPPED,
    MISDIRECTED,
    REFUSED,
    RULES,
    UNUSED,
    WARNED,
    Rule,
)  # fmt: skip
from containers_lab import IDLE, NET, make_networks
from lab import IMAGE, SOCKET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

Json = dict[str, Any]
pytestmark = pytest.mark.engines

MAC = "02:42:ac:11:00:63"
BODIES: dict[str, Json] = {
    "ports": {"ExposedPorts": {"80/tcp": {}}, "HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "18290"}]}}},
    "networks": {},
    "hostname": {"Hostname": "mine"},
    "mac_address": {"MacAddress": MAC, "Endpoint": {"MacAddress": MAC}},
    "ipv4_address": {"Endpoint": {"IPAMConfig": {"IPv4Address": "172.17.0.99"}}},
    "ipv6_address": {"Endpoint": {"IPAMConfig": {"IPv6Address": "fd00::99"}}},
    "aliases": {"Endpoint": {"Aliases": ["cache"]}},
    "dns": {"HostConfig": {"Dns": ["10.9.9.9"]}},
    "dns_search": {"HostConfig": {"DnsSearch": ["example.com"]}},
    "dns_opt": {"HostConfig": {"DnsOptions": ["ndots:7"]}},
    "extra_hosts": {"HostConfig": {"ExtraHosts": ["db:10.0.0.5"]}},
    "sysctls net.*": {"HostConfig": {"Sysctls": {"net.core.somaxconn": "513"}}},
}
"""Option → what a request to create has of it; ``Endpoint`` is that of the network which the mode names."""

IN_IT = "docker exec modes-new busybox"
EFFECTS = {
    "ports": ("docker port modes-new", "18290"),
    "networks": (f"{IN_IT} ip addr", "10.77.0."),
    "hostname": (f"{IN_IT} hostname", "mine"),
    "mac_address": (f"{IN_IT} ip link", MAC),
    "ipv4_address": (f"{IN_IT} ip addr", "172.17.0.99"),
    "ipv6_address": (f"{IN_IT} ip addr", "fd00::99"),
    "dns": (f"{IN_IT} cat /etc/resolv.conf", "10.9.9.9"),
    "dns_search": (f"{IN_IT} cat /etc/resolv.conf", "example.com"),
    "dns_opt": (f"{IN_IT} cat /etc/resolv.conf", "ndots:7"),
    "extra_hosts": (f"{IN_IT} cat /etc/hosts", "10.0.0.5"),
    "sysctls net.*": ("docker exec modes-donor busybox cat /proc/sys/net/core/somaxconn", "513"),
}
"""Option → a command, and what it prints once the option has taken effect."""
TAKEN = {"sysctls net.*": MISDIRECTED, "dns": UNUSED, "dns_search": UNUSED, "dns_opt": UNUSED}


@pytest.fixture(scope="module")
def furnished(machine: Host) -> Iterator[Host]:
    before = machine.things()
    try:
        make_networks(machine)
        machine.docker("run", "-d", "--name", "modes-donor", IMAGE, *IDLE)
        yield machine
    finally:
        machine.remove_new(before)


def post(host: Host, path: str, body: Json) -> tuple[int, Json]:
    """Status and decoded answer of the engine."""
    out = host.run(
        *("curl", "-sS", "--unix-socket", SOCKET, "-w", "\n%{http_code}", "-H", "Content-Type: application/json"),
        *("-d", json.dumps(body), f"http://engine{path}"),
    ).stdout
    answer, _, status = out.rpartition("\n")
    return int(status), json.loads(answer or "{}")


def outcome(host: Host, rule: Rule) -> str:
    """What the engine does with a container of the rule's mode and option, in the words of the table."""
    mode = "container:modes-donor" if rule.mode == "container" else rule.mode
    body = {"Image": IMAGE, "Cmd": IDLE, **BODIES[rule.option]}
    body["HostConfig"] = {**body.get("HostConfig", {}), "NetworkMode": mode}
    if "Endpoint" in body:
        body["NetworkingConfig"] = {"EndpointsConfig": {mode: body.pop("Endpoint")}}
    status, created = post(host, "/containers/create?name=modes-new", body)
    if status == 201 and rule.option == "networks":
        status, _ = post(host, f"/networks/{NET}/connect", {"Container": "modes-new"})
    if status < 300:
        status, _ = post(host, "/containers/modes-new/start", {})
    if status >= 300:
        return REFUSED
    command, word = EFFECTS[rule.option]
    if word in host.sh(command):
        return TAKEN.get(rule.option, "takes it")
    return WARNED if any("discarded" in warning for warning in created["Warnings"]) else DROPPED


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.mode}-{rule.option}")
def test_n16_n17_this_engine_does_what_the_table_says(furnished: Host, host: Host, rule: Rule) -> None:
    version = host.api("/version")["Version"]
    assert outcome(furnished, rule) == rule.act(version), f"Docker {version}"
