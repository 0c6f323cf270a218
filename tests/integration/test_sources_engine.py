# SPDX-License-Identifier: GPL-3.0-or-later
"""``redis_allowed_sources``: a neighbour with an address that is allowed reaches a port, and one with another does not.

By every way that leads to a Redis: the port that the engine forwards, the one that its proxy serves, the container's own
address, and a port of the host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from lab import wait_until
from neighbour_lab import ALSO_THEIRS, ALSO_THEIRS6, OURS, OURS6, THEIRS, THEIRS6, WITHIN, asked
from verify_lab import failed, proof, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

pytestmark = [pytest.mark.engines, pytest.mark.spread]
PROGRAMS = "/etc/netmode/netmode-redis-sources /etc/init.d/netmode-redis-sources"
ENTRY = {
    "name": "near", "sources": [THEIRS, THEIRS6], "published": [{"port": 7000}],
    "direct": [{"network": "bridge", "port": 6379}],
}  # fmt: skip
RULES = "iptables -t raw -S; ip6tables -t raw -S"


@pytest.fixture
def near(neighbour: Host, host: Host, image: str) -> Iterator[Host]:
    start(neighbour, image, "near", "bridge", run=("-p", "7000:6379"))
    yield neighbour
    keep(neighbour, {"name": "near"})


def keep(host: Host, *entries: dict[str, Any], **how: Any) -> dict[str, Any]:
    told = host.run_module("redis_sources", {"instances": list(entries)}, **how)
    assert not told.get("failed"), told
    return told


def reached(host: Host, *, allowed: bool) -> list[str]:
    """At which addresses a neighbour gets an answer, from an address that is in the list, or from another."""
    source, source6 = (THEIRS, THEIRS6) if allowed else (ALSO_THEIRS, ALSO_THEIRS6)
    return [
        *asked(host, [[OURS, 7000]], *WITHIN, source=source),
        *asked(host, [[OURS6, 7000]], *WITHIN, source=source6),
    ]


def own(host: Host) -> list[str]:
    return asked(host, [["127.0.0.1", 7000], [OURS, 7000], [OURS6, 7000]])


def test_the_sources_that_are_allowed_reach_it_and_no_others(near: Host) -> None:
    before = near.sh(RULES)
    wait_until(lambda: reached(near, allowed=False) == [OURS, OURS6], "without rules everybody reaches it")
    predicted = keep(near, ENTRY, check=True, diff=True)
    assert near.sh(RULES) == before, "check mode changed the host"
    done = keep(near, ENTRY, diff=True)
    assert (predicted["changed"], predicted["instances"], predicted["diff"]) == (True, done["instances"], done["diff"])
    assert reached(near, allowed=True) == [OURS, OURS6]
    assert reached(near, allowed=False) == []
    assert own(near) == ["127.0.0.1", OURS, OURS6], "the host itself always reaches it"
    assert not keep(near, ENTRY)["changed"]
    assert keep(near, {**ENTRY, "sources": [ALSO_THEIRS]})["changed"]
    assert (reached(near, allowed=True), reached(near, allowed=False)) == ([], [OURS])
    assert keep(near, {"name": "near"})["changed"]
    assert near.sh(RULES) == before
    assert near.sh(f"ls {PROGRAMS} /etc/rc2.d/*netmode* 2>/dev/null", check=False) == "", "a trace is left"
    assert not keep(near, {"name": "near"})["changed"]


def test_who_has_a_route_to_the_container_does_not_get_around_it(near: Host) -> None:
    (address,) = near.docker("inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", "near").split()
    at = [[address, 6379]]
    routed = asked(near, at, *WITHIN, source=ALSO_THEIRS)
    assert bool(routed) is (near.engine_version() < (28,)), "so that this does not hold for want of a route"
    keep(near, ENTRY)
    assert asked(near, at, *WITHIN, source=THEIRS) == routed
    assert asked(near, at, *WITHIN, source=ALSO_THEIRS) == []
    assert asked(near, at) == [address]


REMOVED = {
    "a rule": "iptables -t raw -D NETMODE-REDIS 1",
    "the call": "ip6tables -t raw -D PREROUTING ! -i lo -j NETMODE-REDIS",
    "all of them": "for c in '-F' '-D PREROUTING ! -i lo -j' '-X'; do iptables -t raw $c NETMODE-REDIS; done",
    "what sets them at the start": f"rm -f {PROGRAMS}",
}


@pytest.mark.parametrize("name", REMOVED)
def test_what_somebody_removed_is_told_by_the_proof_and_set_by_the_next_run(near: Host, name: str) -> None:
    keep(near, ENTRY)
    entry = {"name": "near", "ports": ["7000:6379"], "allowed_sources": [THEIRS, THEIRS6]}
    others = failed(proof(near, [{**entry, "allowed_sources": []}])).get("near", [])
    assert failed(proof(near, [entry])).get("near", []) == others
    before = near.sh(RULES)
    near.sh(REMOVED[name])
    told = [line for line in failed(proof(near, [entry]))["near"] if line not in others]
    assert len(told) == 1
    assert f"its ports are kept to {THEIRS}/32, {THEIRS6}/128 and this host" in told[0]
    assert keep(near, ENTRY, check=True)["changed"]
    assert keep(near, ENTRY)["instances"]["near"]["reasons"]
    assert sorted(near.sh(RULES).splitlines()) == sorted(before.splitlines())
    assert reached(near, allowed=False) == []
    assert not keep(near, ENTRY)["changed"]
    assert failed(proof(near, [entry])).get("near", []) == others


def test_they_outlive_the_engine_and_come_back_with_the_host_before_it(near: Host) -> None:
    keep(near, ENTRY)
    with near.engine_with():
        pass
    assert not keep(near, ENTRY)["changed"]
    near.sh("for t in raw nat filter; do iptables -t $t -F; ip6tables -t $t -F; done; iptables -t raw -X NETMODE-REDIS")
    near.sh(f"for program in {PROGRAMS}; do test ! -e $program || sh $program start; done")  # as the host does
    assert not keep(near, ENTRY)["changed"]


def test_rules_of_others_and_of_other_instances_are_left_alone(near: Host) -> None:
    other = {**ENTRY, "name": "other", "published": [{"port": 7001}], "direct": []}
    near.sh("iptables -t raw -A PREROUTING -p udp --dport 9 -j DROP")
    try:
        before = near.sh(RULES)
        keep(near, other)
        kept = near.sh(RULES)
        keep(near, ENTRY)
        assert set(kept.splitlines()) < set(near.sh(RULES).splitlines())
        keep(near, {"name": "near"})
        assert near.sh(RULES) == kept
        keep(near, {"name": "other"})
        assert near.sh(RULES) == before
    finally:
        near.sh("iptables -t raw -D PREROUTING -p udp --dport 9 -j DROP")


def test_a_port_of_the_host_is_kept_as_well(neighbour: Host, host: Host, image: str) -> None:
    start(neighbour, image, "near", "host", "--port", "7000")
    keep(neighbour, {**ENTRY, "direct": []})
    try:
        assert reached(neighbour, allowed=True) == [OURS, OURS6]
        assert reached(neighbour, allowed=False) == []
        assert own(neighbour) == ["127.0.0.1", OURS, OURS6]
    finally:
        keep(neighbour, {"name": "near"})
