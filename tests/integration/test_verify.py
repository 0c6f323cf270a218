# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof and picture on a real host: the four modes as the article starts them, and what breaks each claim.

The containers are started by ``docker run``, not by the role: what is proven here must not hang on how they were made.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from lab import CHECKOUT, wait_until
from played import LOCAL
from verify_lab import PASSWORD, SOCKETS, proof, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab import Host, Play

VERIFY, FACTS = CHECKOUT / "playbooks" / "verify.yml", CHECKOUT / "playbooks" / "facts.yml"
INSTANCES = [
    {"name": "redis-bridge", "network_mode": "bridge", "ports": ["127.0.0.1:6379:6379"], "allow_unauthenticated": True},
    {"name": "redis-container", "network_mode": "container", "donor": "httpd"},
    {"name": "redis-host", "network_mode": "host", "port": 6515},
    {"name": "redis-none", "network_mode": "none"},
    {"name": "redis-secret", "network_mode": "bridge", "password": PASSWORD},
    {"name": "redis-off", "network_mode": "bridge", "state": "stopped"},
]
INVENTORY = {"redis": {"hosts": {"localhost": {**LOCAL, "redis_instances": INSTANCES}}}}


@pytest.fixture
def article(host: Host, image: str) -> Iterator[Host]:
    """The four modes of the article, one with a password, and one that is stopped."""
    host.sh(f"rm -rf {SOCKETS}")
    start(host, image, "redis-bridge", "bridge", run=("-p", "127.0.0.1:6379:6379"))
    host.docker("run", "-d", "--name", "httpd", image, "busybox", "httpd", "-f", "-p", "80")
    start(host, image, "redis-container", f"container:{host.docker('inspect', '-f', '{{.Id}}', 'httpd')}")
    start(host, image, "redis-host", "host", "--port", "6515", "--bind", "127.0.0.1", "-::1")
    start(host, image, "redis-none", "none", "--port", "0")
    start(host, image, "redis-secret", "bridge", "--requirepass", PASSWORD)
    host.docker("create", "--name", "redis-off", image)
    yield host
    host.sh(f"rm -rf {SOCKETS}")


def lines(played: Play, task: str = "Show the proof, that every Redis has the network that was asked for") -> list[str]:
    told = played.task(task)["msg"]
    return list(told) if isinstance(told, list) else str(told).splitlines()


def calm(host: Host) -> None:
    """Wait until every link is sure of its own IPv6 address, which takes a second or two after it came up."""
    shown = "ip -6 -o address show"
    wait_until(lambda: host.sh(f"{shown} docker0") and not host.sh(f"{shown} tentative"), "addresses are settled")


def veth_of(host: Host, name: str) -> str:
    """The host's end of a container's eth0, by iproute2 from both sides."""
    pid = host.docker("inspect", "-f", "{{.State.Pid}}", name)
    inside = json.loads(host.sh(f"nsenter -n -t {pid} ip -j link show eth0"))[0]
    found = [link["ifname"] for link in json.loads(host.sh("ip -j link")) if link["ifindex"] == inside["link_index"]]
    assert len(found) == 1
    return str(found[0])


def failures(told: list[str]) -> list[str]:
    return [re.sub(r"\s+", " ", line) for line in told if line.startswith("FAIL")]


def prove(host: Host) -> list[str]:
    told: list[str] = proof(host, INSTANCES)["lines"]
    return told


def test_every_claim_of_the_article_holds_and_nothing_is_changed(
    article: Host, play: Callable[..., Play], host_state: Callable[[], Any]
) -> None:
    calm(article)
    before = host_state()
    proven = play(VERIFY, INVENTORY)
    assert proven.rc == 0, proven.stdout
    assert proven.changed == 0
    assert host_state() == before
    told = "\n".join(lines(proven))
    assert told.endswith("claims, all hold")
    assert PASSWORD not in proven.stdout + proven.stderr + json.dumps(proven.tasks)
    # What was observed, told by others: iproute2, brctl and the engine's own inspect.
    docker0 = json.loads(article.sh("ip -j -4 address show docker0"))[0]["addr_info"][0]
    assert f"docker0 has {docker0['local']}/{docker0['prefixlen']}" in told
    veth = veth_of(article, "redis-bridge")
    assert f"one veth of docker0 is the peer of its eth0  (observed {veth})" in told
    assert veth in article.sh("brctl show docker0")
    for name, field in (("redis-bridge", "IPAddress"), ("redis-bridge", "Gateway"), ("httpd", "MacAddress")):
        assert article.docker("inspect", "-f", f"{{{{.NetworkSettings.{field}}}}}", name) in told
    run_id = article.sh("redis-cli -p 6515 info server | tr -d '\\r' | sed -n s/^run_id://p")
    assert f"host's port and its socket are one Redis  (observed run id {run_id[:8]})" in told
    assert re.search(r"redis-none +it does not answer at 127.0.0.1:6379 +\(observed another Redis", told)
    assert re.search(r"redis-secret +no answer without the password +\(observed NOAUTH", told)


def test_in_batches_every_host_is_proven_and_drawn_once(article: Host, play: Callable[..., Play]) -> None:
    two = {"redis": {"hosts": dict.fromkeys(("web1", "web2"), INVENTORY["redis"]["hosts"]["localhost"])}}
    (proof,) = yaml.safe_load(VERIFY.with_name("prove.yml").read_text())
    played = play([{**proof, "serial": 1}], two, ("--check", "--diff"))
    assert (played.rc, played.changed) == (0, 0), played.stdout
    trees = [task for task in played.tasks if task["task"].endswith("Show the networks of all hosts")]
    assert [task["host"] for task in trees] == ["web1", "web2"]


def recreate(name: str, network: str, *words: str, run: tuple[str, ...] = ()) -> Callable[[Host, str], object]:
    def damage(host: Host, image: str) -> None:
        host.docker("rm", "-f", name)
        start(host, image, name, network, *words, run=run)

    return damage


def shell(command: str) -> Callable[[Host, str], object]:
    return lambda host, _image: host.sh(command)


DAMAGE: list[tuple[str, Callable[[Host, str], object], list[str]]] = [
    (
        "the donor was restarted and its sharer was not",
        shell("docker restart -t 0 httpd"),
        [
            r"FAIL redis-container it is in httpd's namespace \(expected \d+, observed \d+ \(stale\)\)",
            r"FAIL redis-container its eth0 has httpd's MAC and address \(expected 02:42:.* observed .*\)",
            r"FAIL redis-container PONG over httpd's address .* \(expected PONG, observed refused\)",
        ],
    ),
    (
        "two are stopped: both are told",
        shell("docker stop -t 1 redis-host && docker kill redis-none"),
        [
            r"FAIL redis-host the container runs \(expected running, observed exited\)",
            r"FAIL redis-none the container runs \(expected running, observed exited\)",
        ],
    ),
    (
        "one is gone, and one runs that should not",
        shell("docker rm -f redis-bridge && docker start redis-off"),
        [
            r"FAIL redis-bridge the container runs \(expected running, observed no such container\)",
            r"FAIL redis-off the container does not run \(expected not running, observed running\)",
        ],
    ),
    (
        "the veth was pulled out of docker0",
        lambda host, _image: host.sh(f"ip link set dev {veth_of(host, 'redis-secret')} nomaster"),
        [
            r"FAIL redis-secret one veth of docker0 is the peer of its eth0 \(expected one veth, observed none\)",
            r"FAIL redis-secret an answer over the container's address .* \(expected an answer, observed (no route|timeout)\)",
        ],
    ),
    (
        "an address that Docker did not give",
        shell("ip address add 192.168.250.1/24 dev docker0"),
        [
            r"FAIL redis-\w+ docker0 has 172.17.0.1/16 \(expected 172.17.0.1/16, observed .*, 192.168.250.1/24\)",
            r"FAIL redis-\w+ docker0's address is Docker's choice .* \(expected 172.17.0.1/16 alone, observed .*\)",
        ]
        * 2,
    ),
    (
        "host mode became a published port",
        recreate("redis-host", "bridge", "--port", "6515", run=("-p", "6515:6515")),
        [
            r"FAIL redis-host it is in host mode \(expected host, observed bridge\)",
            r"FAIL redis-host it is not among the ports of docker0 .* \(expected none, observed veth\w+ of docker0\)",
            r"FAIL redis-host it has no interface of its own \(expected none, observed eth0\)",
            r"FAIL redis-host nothing is published for it \(expected none, observed 0.0.0.0:6515, :::6515\)",
            r"FAIL redis-host it listens at port 6515 .* \(expected 127.0.0.1:6515, observed 0.0.0.0:6515, \[::\]:6515\)",
            r"FAIL redis-host it needs no password, .* \(expected none, observed port 6515 .* published at 0.0.0.0 .*\)",
        ],
    ),
    (
        "another Redis listens on the port of the host",
        shell(
            f"redis-cli -s {SOCKETS}/redis-host/redis.sock config set port 6516 &&"
            " redis-server --port 6515 --daemonize yes --save '' --pidfile /tmp/other.pid >/dev/null"
        ),
        [
            r"FAIL redis-host it has no namespace of its own: .* \(expected run id (\w+), observed run id \1, \w+\)",
            r"FAIL redis-host it listens at port 6515 .* \(expected 127.0.0.1:6515, observed 127.0.0.1:6516, \[::1\]:6516\)",
        ],
    ),
    (
        "the isolated one is not",
        recreate("redis-none", "bridge", run=("-p", "172.17.0.1:6379:6379")),
        [
            r"FAIL redis-none it is in none mode \(expected none, observed bridge\)",
            r"FAIL redis-none it has nothing but lo \(expected nothing else, observed eth0\)",
            r"FAIL redis-none it has no route \(expected none, observed 172.17.0.1\)",
            r"FAIL redis-none it does not answer at 172.17.0.1:6379 \(expected no answer, observed PONG\)",
            r"FAIL redis-none it listens at no port \(expected nothing, observed 0.0.0.0:6379, \[::\]:6379\)",
            r"FAIL redis-none it needs no password, .* \(expected none, observed port 6379 .* published at 172.17.0.1 .*\)",
        ],
    ),
    (
        "a password is no longer asked for",
        shell(f"REDISCLI_AUTH={PASSWORD} redis-cli -s {SOCKETS}/redis-secret/redis.sock config set requirepass ''"),
        [r"FAIL redis-secret no answer without the password \(expected NOAUTH, observed PONG\)"],
    ),
]


@pytest.mark.parametrize(("damage", "told"), [case[1:] for case in DAMAGE], ids=[case[0] for case in DAMAGE])
def test_what_is_broken_on_the_host_is_told_with_expected_and_observed(
    article: Host, image: str, damage: Callable[[Host, str], object], told: list[str]
) -> None:
    try:
        damage(article, image)
        proven = prove(article)
    finally:
        article.sh("ip address del 192.168.250.1/24 dev docker0", check=False)
        article.sh("kill $(cat /tmp/other.pid) && rm -f /tmp/other.pid", check=False)
    found = failures(proven)
    assert len(found) == len(told), found
    for pattern, line in zip(told, found):
        assert re.fullmatch(pattern, line), (pattern, line)
    assert re.search(rf" {len(told)} do(es)? not hold$", proven[-1])


def test_a_claim_that_fails_fails_the_play_and_check_mode_only_tells(host: Host, play: Callable[..., Play]) -> None:
    """Before anything is there every claim that something runs fails."""
    failing, looked = play(VERIFY, INVENTORY), play(VERIFY, INVENTORY, ("--check",))
    assert (failing.rc, looked.rc) == (2, 0), looked.stdout
    assert lines(looked) == ["localhost: not deployed yet, so there is nothing to prove."]
    assert len(failures(lines(failing))) == failing.refusals()["localhost"].count("FAIL ") == 6
    assert "localhost  Docker " in failing.stdout, "a host whose claims fail is drawn all the same"


def test_a_host_without_a_running_engine(fresh_machine: Callable[..., Host]) -> None:
    fresh = fresh_machine(engine=False)
    failing = fresh.play(VERIFY, INVENTORY)
    assert failing.rc == 2
    assert [task["result"]["msg"].partition(" at ")[0] for task in failing.failed] == [
        "Cannot talk to the Docker Engine"
    ]
    assert fresh.play(VERIFY, INVENTORY, ("--check",)).rc == 0
    for read in (fresh.play(FACTS, INVENTORY), fresh.play(FACTS, INVENTORY, facts_dir="/tmp/facts")):
        assert read.refusals()["localhost"].startswith("Cannot talk to the Docker Engine at ")
    assert not fresh.sh("ls /tmp/facts", check=False)


def test_the_tree_of_a_fleet_is_drawn_once_and_a_host_that_cannot_be_read_is_in_it(
    article: Host, play: Callable[..., Play]
) -> None:
    hosts = dict.fromkeys(("web2", "web1"), INVENTORY["redis"]["hosts"]["localhost"])
    ill = {**LOCAL, "ansible_python_interpreter": "/nowhere/python3"}
    played = play(FACTS, {"all": {"hosts": {**hosts, "ill": ill}}}, topology_file="/tmp/tree.txt")
    assert played.rc == 2, played.stdout
    assert {task["host"] for task in played.failed} == {"ill"}
    tree = lines(played, "Show the networks of all hosts")
    assert article.sh("cat /tmp/tree.txt; rm /tmp/tree.txt").splitlines() == tree
    assert [line.split()[0] for line in tree if line[:1].isalpha()] == ["ill", "web1", "web2"]
    assert tree[:2] == ["ill  no facts", ""]
    web1 = tree[2 : tree.index("", 2)]
    veth = {name: veth_of(article, name) for name in ("httpd", "redis-bridge", "redis-secret")}
    seen = {
        name: article.docker(
            "inspect", "-f", "{{.NetworkSettings.IPAddress}}/16  {{.NetworkSettings.MacAddress}}", name
        )
        for name in veth
    }
    assert web1 == [
        "web1  Docker 20.10.24+dfsg1",
        "├── docker0  172.17.0.1/16  network bridge",
        f"│   ├── {veth['httpd']} ── httpd:eth0         {seen['httpd']}",
        "│   │   └── redis-container  port 6379  shares httpd's namespace",
        f"│   ├── {veth['redis-bridge']} ── redis-bridge:eth0  {seen['redis-bridge']}  127.0.0.1:6379→6379",
        f"│   └── {veth['redis-secret']} ── redis-secret:eth0  {seen['redis-secret']}",
        "├── host network",
        "│   └── redis-host  port 6515",
        "├── isolated",
        "│   └── redis-none  only lo",
        "└── not running",
        "    └── redis-off  created  bridge mode",
    ]


def test_facts_are_written_for_each_host_and_the_fleet_and_a_second_run_changes_nothing(
    article: Host, play: Callable[..., Play], run_module: Callable[..., Any], host_state: Callable[[], Any]
) -> None:
    directory = article.sh("mktemp -d")
    calm(article)
    before = host_state()
    try:
        first = play(FACTS, INVENTORY, facts_dir=f"{directory}/facts")
        again = play(FACTS, INVENTORY, facts_dir=f"{directory}/facts")
        fleet = json.loads(article.sh(f"cat {directory}/facts/fleet.json"))
        one = json.loads(article.sh(f"cat {directory}/facts/localhost.json"))
    finally:
        article.sh(f"rm -rf {directory}")
    assert (first.rc, again.rc, again.changed) == (0, 0, 0), again.stdout
    assert host_state() == before
    assert fleet == {"localhost": one}
    assert one == run_module("network_facts")["ansible_facts"]["docker_network"]


def test_every_query_of_the_documentation_selects_something(article: Host, play: Callable[..., Play]) -> None:
    page = (CHECKOUT / "docs" / "facts.md").read_text()
    queries = [
        query.strip()
        for block in re.findall(r"```jmespath\n(.*?)```", page, re.DOTALL)
        for query in block.strip().split("\n\n")
    ]
    assert len(queries) >= 6
    article.docker("restart", "-t", "0", "httpd")  # a stale sharer, which one of them looks for
    article.sh("ip link add nm-loose type veth peer name nm-other")
    tasks: list[dict[str, Any]] = [{"netmode.docker.network_facts": {}}]
    for number, query in enumerate(queries):
        asked = "{{ ansible_facts['docker_network'] | netmode.docker.jmespath(query) }}"
        tasks.append({"name": f"query {number}", "ansible.builtin.debug": {"msg": asked}, "vars": {"query": query}})
    played = play([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}])
    assert played.rc == 0, played.stdout
    empty = [query for number, query in enumerate(queries) if not played.task(f"query {number}")["msg"]]
    assert empty == []


def test_redis_ping_tells_why_and_waits(article: Host, image: str, run_module: Callable[..., Any]) -> None:
    article.sh(f"redis-cli -s {SOCKETS}/redis-none/redis.sock acl setuser reader on '>{PASSWORD}' +ping")
    secret = article.docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "redis-secret")
    none = f"{SOCKETS}/redis-none/redis.sock"
    cases: list[tuple[dict[str, Any], bool, str | None, str | None]] = [
        ({"host": "127.0.0.1"}, True, "PONG", None),
        ({"host": secret}, True, "NOAUTH", None),
        ({"host": secret, "password": "wrong"}, True, "WRONGPASS", None),
        ({"host": secret, "password": PASSWORD}, True, "PONG", None),
        ({"socket": none, "container": "redis-none", "username": "reader", "password": PASSWORD}, True, "PONG", None),
        ({"socket": none}, True, "PONG", None),
        ({"host": "127.0.0.1", "port": 1}, False, None, "refused"),
        ({"host": "172.17.0.222"}, False, None, "timeout"),
        ({"socket": "/nowhere/redis.sock"}, False, None, "no socket"),
        ({"socket": "/var/run/docker.sock"}, False, "HTTP/1.1 400", "not redis"),
    ]
    endpoints = [{"name": str(number), **case[0]} for number, case in enumerate(cases)]
    for check in (False, True):
        result = run_module("redis_ping", {"endpoints": endpoints, "timeout": 1}, check=check)
        assert result["changed"] is False
        assert PASSWORD not in json.dumps(result)
        for number, (endpoint, reachable, answer, error) in enumerate(cases):
            seen = result["endpoints"][str(number)]
            assert (seen["reachable"], seen["error"]) == (reachable, error), endpoint
            assert (seen["answer"] or "").startswith(answer or ""), endpoint
    assert result["endpoints"]["3"]["authenticated"] is True
    assert result["endpoints"]["4"]["server"] is None, "that user may not read INFO"
    refused = run_module("redis_ping", {"endpoints": [{"name": "x", "host": "127.0.0.1", "port": 1, "expect": "pong"}]})
    assert refused["msg"] == "x (127.0.0.1:1): expected pong, observed refused"
    article.docker(
        "run",
        "-d",
        "--name",
        "late",
        "--network",
        "host",
        image,
        "busybox",
        "sh",
        "-c",
        "sleep 1; exec redis-server --port 7777",
    )
    late = {"name": "late", "host": "127.0.0.1", "port": 7777, "expect": "pong"}
    assert run_module("redis_ping", {"endpoints": [late], "wait": 20})["endpoints"]["late"]["answer"] == "PONG"
