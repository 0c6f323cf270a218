# SPDX-License-Identifier: GPL-3.0-or-later
"""O15: what a neighbour of the host, a machine with a route to it, reaches of a Redis that needs no password.

The verdict of redis_config, which is given before any change, against what a neighbour finds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from lab import wait_until
from neighbour_lab import asked
from verify_lab import await_answer, proof, start

if TYPE_CHECKING:
    from lab import Host

pytestmark = pytest.mark.engines


class Case(NamedTuple):
    network: tuple[str, ...] = ()
    """Options of a network of its own; none: the default bridge."""
    publish: str = ""
    before: str = ""
    after: str = ""
    since: int = 0
    definition: dict[str, Any] | None = None
    """The network as the role would be told of it before it is made."""


MODE = "com.docker.network.bridge.gateway_mode_ipv4"
TRUSTED = "com.docker.network.bridge.trusted_host_interfaces=nbhost"
LOOPBACK = "127.0.0.1:6379:6379"
CASES = {
    "unpublished": Case(),
    "published to the loopback": Case(publish=LOOPBACK),
    "unpublished, FORWARD accepts": Case(before="iptables -P FORWARD ACCEPT", after="iptables -P FORWARD DROP"),
    "published to the loopback, nothing is forwarded": Case(
        publish=LOOPBACK, before="sysctl -qw net.ipv4.ip_forward=0", after="sysctl -qw net.ipv4.ip_forward=1"
    ),
    "a network of its own": Case(("--subnet", "10.99.1.0/24"), publish="127.0.0.1:7000:6379", definition={}),
    "an internal one": Case(("--internal",), publish=LOOPBACK, definition={"internal": True}),
    "a routed one": Case(("-o", f"{MODE}=routed"), definition={"driver_opts": {MODE: "routed"}}),
    "a routed one, published": Case(
        ("-o", f"{MODE}=routed"), publish=LOOPBACK, definition={"driver_opts": {MODE: "routed"}}
    ),
    "an unprotected one": Case(
        ("-o", f"{MODE}=nat-unprotected"), definition={"driver_opts": {MODE: "nat-unprotected"}}, since=28
    ),
    "one that trusts": Case(
        ("-o", TRUSTED), publish=LOOPBACK, definition={"driver_opts": dict([TRUSTED.split("=")])}, since=28
    ),
    "with IPv6, published and forwarded": Case(
        ("--ipv6", "--subnet", "fd00:99::/64"), definition={"enable_ipv6": True}, publish="[::1]:6379:6379",
        before="sysctl -qw net.ipv6.conf.all.forwarding=1", after="sysctl -qw net.ipv6.conf.all.forwarding=0",
    ),
    "with IPv6": Case(("--ipv6", "--subnet", "fd00:99::/64"), definition={"enable_ipv6": True}),
    "with IPv6, which the host forwards": Case(
        ("--ipv6", "--subnet", "fd00:99::/64"), definition={"enable_ipv6": True},
        before="sysctl -qw net.ipv6.conf.all.forwarding=1", after="sysctl -qw net.ipv6.conf.all.forwarding=0",
    ),
}  # fmt: skip


class Otherwise(NamedTuple):
    options: tuple[str, ...]
    publish: str
    before: str = ""
    after: str = ""
    network: tuple[str, ...] = ()
    since: int = 0


def verdict(host: Host, network: dict[str, Any], publish: str) -> str:
    given = {
        "reason": "none is set",
        "networks": [network],
        "ports": [{"option": "port", "port": 6379, "published": [publish[: -len(":7000:6379")]] if publish else []}],
    }
    instance = {"name": "near", "directory": "/etc/netmode/redis/near", "unauthenticated": given}
    before = host.sh("ls -R /etc/netmode 2>/dev/null", check=False)
    told = host.run_module("redis_config", {"instances": [instance]}, check=True)
    assert host.sh("ls -R /etc/netmode 2>/dev/null", check=False) == before
    if told.get("failed"):
        assert "instance near: none is set, and neighbours of this host reach it: " in told["msg"]
        assert "redis_allow_unauthenticated: true" in told["msg"]
    return str(told.get("msg") or "")


def reached(host: Host, image: str, network: str, publish: str, by_hand: str = "") -> tuple[list[str], str]:
    """At which addresses a neighbour gets a PONG of the Redis, and what the proof has to say of it.

    A port published to the loopback is looked for there.
    """
    start(host, image, "near", network, run=("-p", publish) if publish else ())
    try:
        if by_hand:
            host.sh(by_hand)
            await_answer(host, "near")
        seen = json.loads(host.docker("inspect", "near"))[0]["NetworkSettings"]["Networks"][network]
        at = [[address, 6379] for address in (seen["IPAddress"], seen["GlobalIPv6Address"]) if address]
        own = [address for address, _ in at]
        wait_until(lambda: asked(host, at) == own, "the host itself reaches it")  # a new IPv6 address takes its time
        at += [["127.0.0.1", int(publish.split(":")[-2])]] if publish.startswith("127") else []
        entry = {"name": "near", "networks": [network], "ports": [publish] if publish else []}
        told = [claim for claim in proof(host, [entry])["claims"] if "neighbour" in claim["claim"]]
        assert [claim["expected"] for claim in told] == ["none"]
        return asked(host, at, "ip", "netns", "exec", "neighbour"), "" if told[0]["ok"] else told[0]["observed"]
    finally:
        host.docker("rm", "-f", "near")


@contextmanager
def made(host: Host, case: Case) -> Iterator[str]:
    if case.network:
        host.docker("network", "create", *case.network, "nearnet")
    try:
        if case.before:
            host.sh(case.before)
        yield "nearnet" if case.network else "bridge"
    finally:
        if case.after:
            host.sh(case.after)
        if case.network:
            host.docker("network", "rm", "nearnet")


ALWAYS = (
    "published to the loopback",
    "a routed one, published",
    "an unprotected one",
    "with IPv6, published and forwarded",
)


@pytest.mark.parametrize(
    "name", [name if name in ALWAYS else pytest.param(name, marks=pytest.mark.thorough) for name in CASES]
)
def test_o15_what_the_engine_lets_neighbours_reach_is_refused_without_a_password(
    neighbour: Host, image: str, name: str
) -> None:
    case, predicted = CASES[name], None
    if neighbour.engine_version()[0] < case.since:
        case = case._replace(network=("--internal",), definition={"internal": True})  # such a network is none there
    if case.definition is not None and not case.before:
        predicted = verdict(neighbour, {"name": "nearnet", **case.definition}, case.publish)
    with made(neighbour, case) as network:
        said = verdict(neighbour, {"name": network}, case.publish)
        found, told = reached(neighbour, image, network, case.publish)
    assert bool(said) == bool(found) == bool(told), (said, found, told)
    assert predicted in (None, said), "a network that is yet to be made is judged as it will be"


def test_o15_before_28_a_port_published_to_the_loopback_is_reached(neighbour: Host, image: str) -> None:
    """So that the table above does not hold for want of a route."""
    found, _ = reached(neighbour, image, "bridge", LOOPBACK)
    if neighbour.engine_version() >= (28,):
        assert found == []
    else:
        assert "127.0.0.1" in found
        assert len(found) == 2


LAN = ("--subnet", "192.168.77.0/24", "--ip-range", "192.168.77.128/25", "-o", "parent=nbhost")
BRIDGED = """
ip link add link nbhost name nbport type macvlan mode passthru; ip link set nbport master nbbridge; ip link set nbport up
ip netns exec neighbour ip address add 10.99.2.200/24 dev nb0
"""
ON_THE_LAN = {
    "macvlan": (("-d", "macvlan", *LAN), ""),
    "a private macvlan": (("-d", "macvlan", "-o", "macvlan_mode=private", *LAN), ""),
    "a bridge with a card": (("--subnet", "10.99.2.0/24", "-o", "com.docker.network.bridge.name=nbbridge"), BRIDGED),
}


@pytest.mark.spread
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.thorough] if "private" in name else []) for name in ON_THE_LAN]
)
def test_o22_a_network_that_the_host_has_on_its_lan_is_refused_and_told(neighbour: Host, image: str, name: str) -> None:
    """One that the role does not define, by its name and its id; the proof tells it of a sharer as well."""
    options, by_hand = ON_THE_LAN[name]
    key = neighbour.docker("network", "create", *options, "nearnet")
    try:
        neighbour.sh(f"set -e\n{by_hand}")
        start(neighbour, image, "near", "nearnet")
        start(neighbour, image, "sharer", "container:near", "--port", "7000")
        seen = json.loads(neighbour.docker("inspect", "near"))[0]["NetworkSettings"]["Networks"]["nearnet"]["IPAddress"]
        at = [[seen, 6379], [seen, 7000]]
        wait_until(lambda: asked(neighbour, at, "ip", "netns", "exec", "neighbour") == [seen] * 2, "it is reached")
        assert all(verdict(neighbour, {"name": one}, "") for one in ("nearnet", key, key[:12]))
        sharer = {"name": "sharer", "network_mode": "container", "donor": "near", "port": 7000}
        claims = proof(neighbour, [{"name": "near", "networks": ["nearnet"]}, sharer])["claims"]
        told = {claim["instance"]: claim["ok"] for claim in claims if "neighbour" in claim["claim"]}
        assert told == {"near": False, "sharer": False}
    finally:
        neighbour.sh("docker rm -f sharer near; docker network rm nearnet; ip link delete nbport", check=False)
        neighbour.sh("ip netns exec neighbour ip address delete 10.99.2.200/24 dev nb0", check=False)


AS_AT_BOOT = "for t in raw nat filter; do iptables -t $t -F; done; iptables -P FORWARD ACCEPT"
"""What an engine left that was ended stays until then."""
OTHERWISE = {
    "no rules": Otherwise(("--iptables=false",), LOOPBACK),
    "no rules, and FORWARD accepts": Otherwise(
        ("--iptables=false",), LOOPBACK, AS_AT_BOOT, "iptables -P FORWARD DROP"
    ),
    "no rules, unpublished, and FORWARD accepts": Otherwise(
        ("--iptables=false",), "", AS_AT_BOOT, "iptables -P FORWARD DROP"
    ),
    "direct routing": Otherwise(("--allow-direct-routing",), LOOPBACK, since=28),
    "direct routing, unpublished": Otherwise(("--allow-direct-routing",), "", since=28),
    "no rules for IPv6": Otherwise(
        ("--ip6tables=false", "--experimental"), "[::1]:7000:6379", "sysctl -qw net.ipv6.conf.all.forwarding=1",
        "sysctl -qw net.ipv6.conf.all.forwarding=0", network=("--ipv6", "--subnet", "fd00:99::/64"),
    ),
    "rules for IPv6": Otherwise(
        ("--ip6tables=true", "--experimental"), "[::1]:7000:6379", "sysctl -qw net.ipv6.conf.all.forwarding=1",
        "sysctl -qw net.ipv6.conf.all.forwarding=0", network=("--ipv6", "--subnet", "fd00:99::/64"),
    ),
}  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("name", OTHERWISE)
def test_o15_an_engine_with_other_options_is_judged_by_them(neighbour: Host, image: str, name: str) -> None:
    case = OTHERWISE[name]
    if neighbour.engine_version()[0] < case.since:
        case = case._replace(options=())
    with (
        neighbour.engine_with(*case.options),
        made(neighbour, Case(case.network, "", case.before, case.after)) as network,
    ):
        said = verdict(neighbour, {"name": network}, case.publish)
        found, told = reached(neighbour, image, network, case.publish)
    assert bool(said) == bool(found) == bool(told), (said, found, told)


@pytest.mark.thorough
def test_o15_what_an_engine_without_rules_left_of_those_before_is_seen(neighbour: Host, image: str) -> None:
    """Containers that go on while it is restarted (live-restore) keep the rules that were made for them."""
    with neighbour.engine_with("--live-restore"):
        start(neighbour, image, "near", "bridge", run=("-p", LOOPBACK))
        with neighbour.engine_with("--live-restore", "--iptables=false"):
            address = neighbour.docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "near")
            entry = {"name": "near", "ports": [LOOPBACK]}
            told = [claim for claim in proof(neighbour, [entry])["claims"] if "neighbour" in claim["claim"]]
            found = asked(neighbour, [[address, 6379], ["127.0.0.1", 6379]], "ip", "netns", "exec", "neighbour")
            neighbour.docker("rm", "-f", "near")
    assert told[0]["ok"] is (not found), (told, found)
    assert bool(found) is (neighbour.engine_version() < (28,))
