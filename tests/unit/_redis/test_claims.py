# SPDX-License-Identifier: GPL-3.0-or-later
"""The claims of the four modes: all hold on the article's host, and each breaks by what breaks it, alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_plan import make_plan
from proof import QUICKSTART, UNIT, failed, prove, redis_endpoints, settings

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def facts() -> dict[str, Any]:
    return dict(json.loads((UNIT / "golden" / "facts.json").read_text())["article"])


def test_the_article_s_claims_hold_on_the_article_s_host(facts: dict[str, Any]) -> None:
    proof = prove(facts, QUICKSTART)
    assert proof["lines"] == (UNIT / "golden" / "claims.txt").read_text().splitlines()
    assert proof["failed"] == 0


def test_every_address_is_asked(facts: dict[str, Any]) -> None:
    asked = {
        endpoint["name"].partition(": ")[0]
        + " "
        + endpoint.get("socket", f"{endpoint.get('host')}:{endpoint.get('port')}")
        for endpoint in redis_endpoints(facts, QUICKSTART)
    }
    assert asked == {
        "redis-bridge 172.17.0.2:6379",
        "redis-bridge 127.0.0.1:6379",
        "redis-bridge /run/r/redis-bridge/redis.sock",
        "redis-container 172.17.0.3:6379",
        "redis-container /run/r/redis-container/redis.sock",
        "redis-host 127.0.0.1:6515",
        "redis-host /run/r/redis-host/redis.sock",
        "redis-none /run/r/redis-none/redis.sock",
        "redis-none 127.0.0.1:6379",
        "redis-none 172.17.0.1:6379",
    }


def test_the_socket_is_where_the_role_puts_it(facts: dict[str, Any]) -> None:
    plan = make_plan(settings(allow_unauthenticated=True, instances=QUICKSTART, socket_dir="/run/r"), "web1")
    role = {endpoint["name"]: endpoint["socket"] for endpoint in plan["endpoints"]}
    asked = redis_endpoints(facts, QUICKSTART)
    assert {end["name"].partition(": ")[0]: end["socket"] for end in asked if "socket" in end} == role


def put(path: str, value: Any) -> Any:
    """A change of one value of the facts: ``containers/redis-host/mode``."""

    def change(facts: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        place: Any = facts
        for part in parents:
            place = place[int(part)] if isinstance(place, list) else place[part]
        place[last] = value

    return change


OTHER = {"name": "eth0", "kind": "veth", "mac": "02:00:00:00:00:01", "ipv4": [], "ipv6": [], "managed_by": None}
BRIDGE, SHARER = "containers/redis-bridge/", "containers/redis-container/"
BROKEN: list[tuple[str, Any, list[tuple[str, str, str, str]]]] = [
    (
        "docker0 has another address than the engine's",
        put("bridges/docker0/ipv4", ["10.9.9.9/24"]),
        [
            ("redis-bridge", "docker0 has 172.17.0.1/16", "172.17.0.1/16", "10.9.9.9/24"),
            (
                "redis-bridge",
                "docker0's address is Docker's choice from 172.17.0.0/16 of the engine's network bridge, not DHCP's",
                "172.17.0.1/16 alone",
                "10.9.9.9/24",
            ),
            ("redis-bridge", "its gateway is docker0's address", "10.9.9.9", "172.17.0.1"),
        ],
    ),
    (
        "an address by DHCP beside the engine's",
        put("bridges/docker0/ipv4", ["172.17.0.1/16", "192.168.1.7/24"]),
        [
            ("redis-bridge", "docker0 has 172.17.0.1/16", "172.17.0.1/16", "172.17.0.1/16, 192.168.1.7/24"),
            (
                "redis-bridge",
                "docker0's address is Docker's choice from 172.17.0.0/16 of the engine's network bridge, not DHCP's",
                "172.17.0.1/16 alone",
                "172.17.0.1/16, 192.168.1.7/24",
            ),
        ],
    ),
    (
        "the veth is out of docker0",
        put("bridges/docker0/ports", ["veth3b5b11d"]),
        [("redis-bridge", "one veth of docker0 is the peer of its eth0", "one veth", "none")],
    ),
    (
        "the veth was pulled out of docker0",
        lambda facts: (
            put("bridges/docker0/ports", ["veth3b5b11d"])(facts),
            put("containers/redis-bridge/interfaces/0/bridge", None)(facts),
        ),
        [("redis-bridge", "one veth of docker0 is the peer of its eth0", "one veth", "none")],
    ),
    (
        "nothing carries the network",
        put("bridges/docker0/network", None),
        [("redis-bridge", "a bridge of the host carries the network bridge", "a bridge", "none")],
    ),
    (
        "the veth leads elsewhere",
        put("veths/veth062947b/container", "httpd"),
        [("redis-bridge", "one veth of docker0 is the peer of its eth0", "one veth", "none")],
    ),
    (
        "another gateway",
        put(BRIDGE + "gateway", "172.17.0.9"),
        [("redis-bridge", "its gateway is docker0's address", "172.17.0.1", "172.17.0.9")],
    ),
    (
        "no gateway",
        put(BRIDGE + "gateway", None),
        [("redis-bridge", "its gateway is docker0's address", "172.17.0.1", "none")],
    ),
    (
        "a sharer of its donor's old namespace",
        lambda facts: facts["containers"]["redis-container"].update(stale=True, netns=4026539999, interfaces=[OTHER]),
        [
            ("redis-container", "it is in httpd's namespace", "4026532301", "4026539999 (stale)"),
            (
                "redis-container",
                "its eth0 has httpd's MAC and address",
                "02:42:ac:11:00:03 172.17.0.3/16",
                "02:00:00:00:00:01",
            ),
        ],
    ),
    (
        "a sharer of a dead id",
        put(SHARER + "network_mode", "container:deadbeefdeadbeef"),
        [
            (
                "redis-container",
                "its network mode names httpd's id",
                "container:687474706468",
                "container:deadbeefdead",
            )
        ],
    ),
    (
        "a sharer with networks",
        put(SHARER + "networks", ["bridge"]),
        [("redis-container", "it has no networks of its own", "none", "bridge")],
    ),
    (
        "the donor is gone",
        lambda facts: facts["containers"].pop("httpd"),
        [("redis-container", "its donor httpd is on this host", "httpd", "no such container")],
    ),
    (
        "host mode became bridge",
        put("containers/redis-host/mode", "bridge"),
        [("redis-host", "it is in host mode", "host", "bridge")],
    ),
    (
        "a veth of a container in host mode",
        put("veths/veth3b5b11d/container", "redis-host"),
        [
            ("redis-host", "it is not among the ports of docker0 or any bridge", "none", "veth3b5b11d of docker0"),
        ],
    ),
    (
        "a published port in host mode",
        put(
            "containers/redis-host/published",
            [{"host_ip": "1.2.3.4", "host_port": 7, "container_port": 7, "protocol": "tcp"}],
        ),
        [("redis-host", "nothing is published for it", "none", "1.2.3.4:7")],
    ),
    (
        "an interface in none mode",
        put("containers/redis-none/interfaces", [OTHER]),
        [("redis-none", "it has nothing but lo", "nothing else", "eth0")],
    ),
    (
        "a route in none mode",
        put("containers/redis-none/gateway", "10.0.0.1"),
        [("redis-none", "it has no route", "none", "10.0.0.1")],
    ),
    (
        "a container is stopped: one claim, and no guesses",
        put("containers/redis-none/status", "exited"),
        [("redis-none", "the container runs", "running", "exited")],
    ),
    (
        "a container is missing",
        lambda facts: facts["containers"].pop("redis-host"),
        [("redis-host", "the container runs", "running", "no such container")],
    ),
    (
        "two claims of two instances: both are told",
        lambda facts: (
            facts["containers"]["redis-host"].update(mode="bridge"),
            facts["containers"]["redis-none"].update(mode="host"),
        ),
        [
            ("redis-host", "it is in host mode", "host", "bridge"),
            ("redis-none", "it is in none mode", "none", "host"),
        ],
    ),
]


@pytest.mark.parametrize(("change", "told"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_what_is_broken_is_told_with_expected_and_observed_and_nothing_else(
    facts: dict[str, Any], change: Any, told: list[tuple[str, str, str, str]]
) -> None:
    change(facts)
    proof = prove(facts, QUICKSTART)
    assert failed(proof) == told
    assert proof["failed"] == len(told)
    for _instance, claim, expected, observed in told:
        line = next(line for line in proof["lines"] if line.startswith("FAIL") and claim in line)
        assert f"(expected {expected}, observed {observed})" in line
    assert proof["lines"][-1].endswith(f" {len(told)} {'does' if len(told) == 1 else 'do'} not hold")


def answer(**changed: Any) -> Callable[[str], Any]:
    def at(name: str) -> Any:
        return lambda answers: answers[name].update(changed)

    return at


ASKED: list[tuple[str, Any, str, str, str]] = [
    (
        "the container's address refuses",
        answer(reachable=False, answer=None, error="refused", server=None)(
            "redis-bridge: PONG over the container's address 172.17.0.2:6379"
        ),
        "PONG over the container's address 172.17.0.2:6379",
        "PONG",
        "refused",
    ),
    (
        "it is still loading",
        answer(answer="LOADING Redis is loading the dataset in memory")("redis-none: PONG over the unix socket"),
        "PONG over the unix socket",
        "PONG",
        "LOADING Redis is loading the dataset in memory",
    ),
    (
        "the published port leads to another Redis",
        answer(server={"run_id": "f" * 40})("redis-bridge: PONG over the published port 127.0.0.1:6379"),
        "all of its addresses are one Redis",
        "run id bri00000",
        "run id bri00000, ffffffff",
    ),
    (
        "another Redis holds the port of the host",
        answer(server={"run_id": "f" * 40})("redis-host: PONG over the host's port 127.0.0.1:6515"),
        "it has no namespace of its own: the host's port and its socket are one Redis",
        "run id hos00000",
        "run id hos00000, ffffffff",
    ),
    (
        "the isolated one is reached over the network",
        answer(reachable=True, answer="PONG", error=None, server={"run_id": "non" + "0" * 37})(
            "redis-none: it does not answer at 172.17.0.1:6379"
        ),
        "it does not answer at 172.17.0.1:6379",
        "no answer",
        "PONG",
    ),
    (
        "what answers there does not say which Redis it is",
        answer(reachable=True, answer="PONG", error=None)("redis-none: it does not answer at 172.17.0.1:6379"),
        "it does not answer at 172.17.0.1:6379",
        "no answer",
        "PONG",
    ),
    (
        "an address was not asked",
        lambda answers: answers.pop("redis-none: it does not answer at 172.17.0.1:6379"),
        "it does not answer at 172.17.0.1:6379",
        "an error",
        "not asked",
    ),
]


@pytest.mark.parametrize(
    ("change", "claim", "expected", "observed"), [case[1:] for case in ASKED], ids=[case[0] for case in ASKED]
)
def test_an_answer_that_is_not_as_claimed_is_told(
    facts: dict[str, Any], change: Any, claim: str, expected: str, observed: str
) -> None:
    assert [item[1:] for item in failed(prove(facts, QUICKSTART, change))] == [(claim, expected, observed)]


@pytest.mark.parametrize(
    ("changed", "observed"),
    [
        ({"answer": "PONG", "server": {"run_id": "f" * 40}}, "another Redis, run id ffffffff"),
        ({"answer": "NOAUTH Authentication required.", "server": None}, "another Redis, with a password"),
        (
            {"answer": "NOAUTH Authentication required.", "server": None, "seen": False},
            "another Redis, with a password",
        ),
        ({"reachable": False, "answer": "HTTP/1.1 400", "error": "not redis"}, "HTTP/1.1 400"),
    ],
)
def test_what_answers_beside_an_isolated_redis_may_be_another(
    facts: dict[str, Any], changed: dict[str, Any], observed: str
) -> None:
    asked = "redis-none: it does not answer at 172.17.0.1:6379"
    change = answer(**{"reachable": True, "error": None, **changed})(asked)
    proof = prove(facts, QUICKSTART, change)
    assert failed(proof) == []
    assert any(observed in line for line in proof["lines"])


def test_a_password_goes_over_the_instances_own_socket_alone(facts: dict[str, Any]) -> None:
    instances = [{**QUICKSTART[0], "password": "s3cret"}]
    endpoints = redis_endpoints(facts, instances)
    assert {end["name"]: end["password"] for end in endpoints if "password" in end} == {
        "redis-bridge: PONG over the unix socket": "s3cret"
    }
    assert [end["name"] for end in endpoints if end.get("witness")] == [
        end["name"] for end in endpoints if "host" in end
    ]
    proof = prove(facts, instances)
    assert failed(proof) == []
    assert "s3cret" not in json.dumps(proof)


def test_a_redis_that_answers_without_its_password_is_told(facts: dict[str, Any]) -> None:
    instances = [{**QUICKSTART[0], "password": "s3cret"}]
    change = answer(answer="PONG")("redis-bridge: no answer without the password")
    assert failed(prove(facts, instances, change)) == [
        ("redis-bridge", "no answer without the password", "NOAUTH", "PONG")
    ]


@pytest.mark.parametrize(
    ("state", "status", "ok"),
    [
        ("stopped", "exited", True),
        ("stopped", "created", True),
        ("stopped", "running", False),
        ("stopped", None, False),
        ("absent", None, True),
        ("absent", "exited", False),
    ],
)
def test_one_that_is_not_to_run_is_not_asked(facts: dict[str, Any], state: str, status: str | None, ok: bool) -> None:
    instances = [{"name": "redis-none", "network_mode": "none", "state": state}]
    if status is None:
        del facts["containers"]["redis-none"]
    else:
        facts["containers"]["redis-none"]["status"] = status
    assert redis_endpoints(facts, instances) == []
    assert (prove(facts, instances)["failed"] == 0) is ok


def test_a_user_defined_network_has_its_own_bridge(facts: dict[str, Any]) -> None:
    rich = json.loads((UNIT / "golden" / "facts.json").read_text())["rich"]
    instances = [{"name": "app", "network_mode": "bridge", "networks": ["back", "bridge"]}]
    instances[0]["ports"] = ["7000:6379", "[::1]:7001:6380"]
    proof = prove(rich, instances)
    assert failed(proof) == []
    told = [claim["claim"] for claim in proof["claims"]]
    assert "br-back has 10.89.0.1/24" in told
    assert "one veth of docker0 is the peer of its eth1" in told
    assert "its gateway is br-back's address" in told
    instances[0]["networks"] = ["other"]
    assert ("app", "it has an interface on the network other", "an interface", "none") in failed(prove(rich, instances))


def test_a_redis_bound_to_the_loopback_of_its_container_is_asked_over_the_socket(facts: dict[str, Any]) -> None:
    instances = [{"name": "redis-bridge", "network_mode": "bridge", "bind": ["127.0.0.1"]}]
    facts["containers"]["redis-bridge"]["published"] = []
    assert [end["socket"] for end in redis_endpoints(facts, instances)] == ["/run/r/redis-bridge/redis.sock"]


def test_two_published_entries_for_one_address_are_asked_once(facts: dict[str, Any]) -> None:
    published = [
        {"container_port": 6379, "host_ip": ip, "host_port": 6379, "protocol": "tcp"} for ip in ("0.0.0.0", "::")
    ]
    facts["containers"]["redis-bridge"]["published"] = published
    instances = [{"name": "redis-bridge", "network_mode": "bridge", "ports": ["6379:6379"]}]
    names = [endpoint["name"] for endpoint in redis_endpoints(facts, instances)]
    assert len(names) == len(set(names)) == 3
