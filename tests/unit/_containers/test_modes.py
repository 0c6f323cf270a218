# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of modes: what is refused, in whose words, and that the page in docs is the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._containers import modes, spec
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

PAGE = Path(__file__).parents[3] / "docs" / "modes.md"

VALUES: dict[str, dict[str, Any]] = {
    "ports": {"ports": ["80:80"]},
    "networks": {"networks": ["front"]},
    "hostname": {"hostname": "redis"},
    "mac_address": {"mac_address": "02:42:ac:11:00:05"},
    "ipv4_address": {"networks": {"bridge": {"ipv4_address": "172.17.0.9"}}},
    "ipv6_address": {"networks": {"bridge": {"ipv6_address": "fd00::9"}}},
    "aliases": {"networks": {"bridge": {"aliases": ["db"]}}},
    "dns": {"dns": "10.0.0.1"},
    "dns_search": {"dns_search": "example.org"},
    "dns_opt": {"dns_opt": "ndots:1"},
    "extra_hosts": {"extra_hosts": {"db": "10.0.0.5"}},
    "sysctls net.*": {"sysctls": {"net.core.somaxconn": 1024}},
}


@pytest.mark.parametrize("rule", modes.RULES, ids=lambda rule: f"{rule.mode}-{rule.option}")
def test_n16_n17_every_rule_refuses_and_says_why_and_the_way_out(rule: modes.Rule) -> None:
    mode = "container:web" if rule.mode == "container" else rule.mode
    with pytest.raises(NetmodeError) as refusal:
        spec.read([{"name": "redis", "image": "redis", "network_mode": mode, **VALUES[rule.option]}], "20.10.24")
    message = str(refusal.value)
    assert message.startswith("containers[0] (redis): ")
    assert f"does not go with network_mode: {rule.mode}" in message
    if "ipv" not in rule.option:
        assert rule.why in message
        assert rule.instead in message


def test_a_rule_tells_what_this_engine_does() -> None:
    given = {"mac_address": "02:42:ac:11:00:05"}
    with pytest.raises(NetmodeError, match=r"Docker Engine 24\.0\.7 refuses it"):
        modes.check("x", "host", given, "24.0.7")
    with pytest.raises(NetmodeError, match=r"Docker Engine 25\.0\.1 drops it"):
        modes.check("x", "host", given, "25.0.1")


@pytest.mark.parametrize("mode", ["bridge", "front"])
def test_a_network_takes_every_option(mode: str) -> None:
    options = ["ports", "hostname", "mac_address", "dns", "extra_hosts", "sysctls net.*"]
    given = {key: value for option in options for key, value in VALUES[option].items()}
    assert spec.read([{"name": "redis", "image": "redis", "network_mode": mode, **given}], "28.5.2")


@pytest.mark.parametrize("engine", ["20.10.24", "26.1.5", "27.0.3", "28.5.2"])
@pytest.mark.parametrize("interface", ["eth0", "eth12", "lo", "all", "default", "ether"])
@pytest.mark.parametrize("what", ["net.ipv4.conf.{}.forwarding", "net.ipv6.neigh.{}.gc_stale_time"])
def test_o6_a_sysctl_of_one_interface_is_refused_early_where_the_engine_does_not_take_it(
    engine: str, interface: str, what: str
) -> None:
    entry = {"name": "redis", "image": "redis", "sysctls": {what.format(interface): 1}}
    if interface.startswith("eth") and interface != "ether" and engine >= "27":
        with pytest.raises(NetmodeError, match=r"\(redis\): sysctls: .* only as a driver option"):
            spec.read([entry], engine)
    else:
        assert spec.read([entry], engine)


def test_the_page_prints_the_table() -> None:
    assert modes.table() in PAGE.read_text(encoding="utf-8")
