# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces of its own for a Redis of none mode, by the role: given, proven, left alone, taken away, refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from interfaces_lab import inside
from lab import CHECKOUT, wait_until
from redis_lab import IMAGE, TEARDOWN, digest, fill, running

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab import Host, Play

pytestmark = pytest.mark.usefixtures("no_files_left")

RECORD = "/var/lib/netmode/interfaces.json"
GIVE = "Give those in none mode the interfaces that are theirs"
ETH0 = {"name": "eth0", "bridge": "docker0", "addresses": ["172.17.200.5/16"], "gateway": "172.17.0.1"}
BACK0 = {"name": "back0", "bridge": "docker0", "addresses": ["172.17.200.6/24"], "mtu": 1400}
VAULT = {"redis_instances": [{"name": "vault", "network_mode": "none", "interfaces": [ETH0]}]}


def vault(*interfaces: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"redis_instances": [{**VAULT["redis_instances"][0], "interfaces": list(interfaces), **more}]}


def answers(host: Host, address: str = "172.17.200.5") -> bool:
    return "PONG" in host.sh(f"timeout 2 redis-cli -h {address} ping", check=False)


def recorded(host: Host) -> list[str]:
    return sorted(json.loads(host.sh(f"cat {RECORD} 2>/dev/null || echo '{{}}'")).get("interfaces", {}))


def given(played: Play) -> dict[str, list[str]]:
    """What the role's task did, by interface; nothing where it was not asked."""
    results = [task["result"] for task in played.tasks if GIVE in task["task"] and task["status"] != "skipped"]
    return {name: one["actions"] for result in results for name, one in (result.get("interfaces") or {}).items()}


def test_check_mode_predicts_an_interface_the_first_run_makes_it_and_the_second_changes_nothing(
    host: Host, deploy: Callable[..., Play], host_state: Callable[[], Any]
) -> None:
    before = host_state()
    predicted = deploy(options=("--check", "--diff"), **VAULT)
    assert host_state() == before, "check mode changed the host"
    first = deploy(**VAULT)
    assert given(first) == given(predicted) == {"vault:eth0": ["create", "record"]}
    assert answers(host)
    assert recorded(host) == ["vault:eth0"]
    there, deployed = inside_vault(host), running(host)
    for options in (("--diff",), ("--check", "--diff")):
        again = deploy(options=options, **VAULT)
        assert (again.changed, given(again)) == (0, {}), again.stdout
    assert (inside_vault(host), running(host)) == (there, deployed)


def inside_vault(host: Host) -> dict[str, Any]:
    return inside(host, "vault")


def test_an_interface_that_is_changed_in_the_variables_is_fixed_and_redis_runs_on(
    host: Host, deploy: Callable[..., Play]
) -> None:
    deploy(**VAULT)
    deployed = running(host)
    predicted = deploy(options=("--check",), **vault(ETH0, BACK0))
    played = deploy(**vault(ETH0, BACK0))
    assert given(played) == given(predicted) == {"vault:eth0": [], "vault:back0": ["create", "record"]}
    assert answers(host, "172.17.200.6")
    moved = {**ETH0, "addresses": ["172.17.200.7/16"]}
    played = deploy(**vault(moved))
    assert given(played) == {"vault:eth0": ["set mac", "set addresses", "record"], "vault:back0": ["remove", "forget"]}
    assert running(host) == deployed
    assert [answers(host, f"172.17.200.{last}") for last in (5, 6, 7)] == [False, False, True]
    assert deploy(**vault(moved)).changed == 0


@pytest.mark.thorough
def test_a_redis_that_is_recreated_is_reached_at_once_by_who_knew_it(host: Host, deploy: Callable[..., Play]) -> None:
    companions = [
        {"name": "web", "command": ["busybox", "httpd", "-f"], "init": True}
    ]  # so docker0 forgets no neighbour
    deploy(**VAULT, redis_companions=companions)
    for maxmemory in ("64mb", "65mb"):
        assert answers(host)
        assert given(deploy(**VAULT, redis_companions=companions, redis_maxmemory=maxmemory)) == {
            "vault:eth0": ["create"]
        }
        assert answers(host), "its address leads to the old one"


def test_an_interface_that_is_taken_out_of_the_variables_is_removed_and_redis_is_not_reached_any_more(
    host: Host, deploy: Callable[..., Play]
) -> None:
    deploy(**VAULT)
    wanted, record = fill(host, "vault"), host.sh(f"cat {RECORD}")
    predicted = deploy(options=("--check",), **vault())
    assert given(predicted) == {"vault:eth0": ["remove", "forget"]}
    assert given(deploy(**vault())) == given(predicted)
    assert not answers(host)
    assert inside_vault(host) == {"routes": []}
    assert recorded(host) == []
    assert digest(host, "vault") == wanted
    again = deploy(**vault())
    assert (again.changed, given(again)) == (0, {})
    host.write(RECORD, record)  # as if that run had been interrupted after the containers
    assert given(deploy(**vault())) == {"vault:eth0": ["forget"]}
    assert recorded(host) == []


@pytest.mark.thorough
def test_r2_from_none_to_bridge_and_back_keeps_the_data_forgets_the_interface_and_makes_it_again(
    host: Host, deploy: Callable[..., Play]
) -> None:
    deploy(**VAULT)
    wanted = fill(host, "vault")
    bridged = vault(network_mode="bridge")
    predicted = deploy(options=("--check",), **bridged)
    played = deploy(**bridged)
    assert given(played) == given(predicted) == {"vault:eth0": ["forget"]}
    assert (recorded(host), digest(host, "vault")) == ([], wanted)
    predicted = deploy(options=("--check",), **VAULT)
    played = deploy(**VAULT)
    assert given(played) == given(predicted) == {"vault:eth0": ["create", "record"]}
    assert (recorded(host), digest(host, "vault"), answers(host)) == (["vault:eth0"], wanted, True)


@pytest.mark.thorough
def test_one_that_does_not_run_is_given_none_and_is_given_it_when_it_does(
    host: Host, deploy: Callable[..., Play]
) -> None:
    stopped = vault(ETH0, state="stopped")
    assert given(deploy(**stopped)) == {}
    predicted = deploy(options=("--check",), **VAULT)
    assert given(deploy(**VAULT)) == given(predicted) == {"vault:eth0": ["create", "record"]}
    assert answers(host)
    host.docker("kill", "vault")
    predicted = deploy(options=("--check",), **VAULT)
    assert given(deploy(**VAULT)) == given(predicted) == {"vault:eth0": ["create"]}
    assert answers(host)
    assert given(deploy(**stopped)) == {"vault:eth0": ["forget"]}


@pytest.mark.thorough
def test_an_interface_on_a_network_that_is_yet_to_be_made(host: Host, deploy: Callable[..., Play]) -> None:
    backend = {"name": "backend", "ipam": {"config": [{"subnet": "172.31.7.0/24"}]}}
    entry = {"name": "eth0", "bridge": "backend", "addresses": ["172.31.7.9/24"]}
    variables = {**vault(entry), "redis_network_definitions": [backend]}
    assert deploy(options=("--check",), **variables).changed > 0
    deploy(**variables)
    assert answers(host, "172.31.7.9")
    assert deploy(**variables).changed == 0
    deploy(**{**variables, "redis_network_definitions": [{**backend, "mtu": 1400}]})
    assert answers(host, "172.31.7.9")


def test_the_proof_names_the_interfaces_and_no_other(
    host: Host, deploy: Callable[..., Play], play: Callable[..., Play]
) -> None:
    deploy(**VAULT)
    verify = CHECKOUT / "playbooks" / "verify.yml"
    proven = play(verify, **{**IMAGE, **VAULT})
    assert proven.rc == 0, proven.stdout
    for told in (
        "its eth0 is the veth on docker0 that it is to have  (observed veth on docker0, by netmode, 172.17.200.5/16)",
        "one veth of docker0 is the peer of its eth0",
        "it has nothing but lo and eth0  (observed nothing else)",
        "its gateway is 172.17.0.1  (observed 172.17.0.1)",
        "PONG over its eth0 172.17.200.5:6379  (observed PONG)",
        "all of its addresses are one Redis",
        "vault:eth0  172.17.200.5/16",
    ):
        assert told in proven.stdout.replace("\\n", "\n"), told
    assert "only lo" not in proven.stdout
    failing = play(verify, **{**IMAGE, **vault()})
    assert failing.rc == 2
    assert "it has nothing but lo  (expected nothing else, observed eth0)" in failing.stdout


def test_teardown_leaves_nothing_of_them(
    host: Host, deploy: Callable[..., Play], play: Callable[..., Play], host_state: Callable[[], Any]
) -> None:
    before = host_state()
    deploy(**VAULT)
    deployed = host_state()
    predicted = play(TEARDOWN, options=("--check",), **{**IMAGE, **VAULT})
    assert (predicted.rc, host_state()) == (0, deployed), predicted.stdout
    torn = play(TEARDOWN, teardown_data=True, **{**IMAGE, **VAULT})
    assert torn.rc == 0, torn.stdout
    assert host_state() == before
    assert host.sh(f"ls -d {RECORD} /etc/netmode /var/lib/netmode 2>/dev/null || true") == ""
    assert play(TEARDOWN, **{**IMAGE, **VAULT}).changed == 0


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("mode bridge takes none of your own", vault(ETH0, network_mode="bridge")),
    ("interfaces: eth0: container: it is the instance's own name", vault({**ETH0, "container": "web"})),
    ("Did you mean addresses?", vault({**ETH0, "address": []})),
    ("cannot bind to 172.17.200.5", vault(ETH0, bind=["172.17.200.5"])),
    ("redis_allow_unauthenticated: true", vault({**ETH0, "bridge": "br-own"})),
    ("br-own is neither a bridge of this host nor", vault({**ETH0, "bridge": "br-own"}, allow_unauthenticated=True)),
    ("172.17.0.1 is in use on docker0", vault({**ETH0, "addresses": ["172.17.0.1/16"], "gateway": None})),
]


@pytest.mark.parametrize(
    "options", [pytest.param((), id="run"), pytest.param(("--check",), id="check", marks=pytest.mark.thorough)]
)
def test_interfaces_that_cannot_be_are_refused_with_one_message_before_anything_changes(
    host: Host, deploy: Callable[..., Play], refuse: Callable[..., list[str]], options: tuple[str, ...]
) -> None:
    wrong = [variables for _, variables in REFUSED]
    first = refuse(wrong, options)
    deploy(**VAULT)
    wait_until(lambda: answers(host), "it answers")
    for told in (first, refuse(wrong, options, redis_maxmemory="64mb")):
        assert [said in message for (said, _), message in zip(REFUSED, told)] == [True] * len(REFUSED), told
