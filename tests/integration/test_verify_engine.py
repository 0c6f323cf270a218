# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof is right in both directions, on each engine and with two shapes of images.

What a hand changed on the host is told as exactly its claim; of what is right no claim is false. And a password goes to
nobody but the Redis that it is of.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

import pytest
from lab import wait_until
from shapes import BARE, OFFICIAL
from verify_lab import PASSWORD, SOCKETS, await_answer, failed, launch, proof, start

if TYPE_CHECKING:
    from lab import Host

pytestmark = [pytest.mark.engines, pytest.mark.spread, pytest.mark.usefixtures("shape_images")]
IMAGES = [BARE, OFFICIAL]
TURNS = pytest.mark.parametrize("turn", [0, pytest.param(1, marks=pytest.mark.thorough)])
"""Which of the two shapes the first has; the other way round takes as long again."""
OTHER = ("--requirepass", PASSWORD)


@pytest.fixture
def clean(host: Host) -> Iterator[Host]:
    host.sh(f"rm -rf {SOCKETS}")
    yield host
    host.sh(f"rm -rf {SOCKETS}")


class Case(NamedTuple):
    asked: dict[str, Any]
    """The entry of redis_instances, but for its name."""
    network: str = "bridge"
    run: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    damage: Callable[[Host, str], object] = lambda _host, _name: None
    told: tuple[str, ...] = ()
    """Patterns of what does not hold."""


def within(command: str) -> Callable[[Host, str], object]:
    """A command in the network namespace of a container."""

    def run(host: Host, name: str) -> None:
        pid = host.docker("inspect", "-f", "{{.State.Pid}}", name)
        host.sh(f"nsenter -n -t {pid} {command}")

    return run


def outside(command: str) -> Callable[[Host, str], object]:
    return lambda host, name: host.sh(command.format(name=name, socket=f"{SOCKETS}/{name}/redis.sock"))


def onto_another_bridge(host: Host, name: str) -> None:
    pid = host.docker("inspect", "-f", "{{.State.Pid}}", name)
    inside = json.loads(host.sh(f"nsenter -n -t {pid} ip -j link show eth0"))[0]
    links = json.loads(host.sh("ip -j link"))
    (veth,) = (x["ifname"] for x in links if x["ifindex"] == inside["link_index"])
    host.sh(f"ip link add nm-other type bridge; ip link set {veth} master nm-other")


def another_behind_the_port(host: Host, _name: str) -> None:
    """The engine's proxy is gone, and another Redis with the very password listens in its place."""
    host.sh("pkill -f 'docker-proxy.* -host-port 7104 '")
    ended = ("sh", "-c", "! ss -Hltn 'sport = :7104' | grep -q .")
    wait_until(lambda: host.run(*ended, check=False).returncode == 0, "port 7104 is free")
    words = ("--port", "7104", "--bind", "127.0.0.1", "--requirepass", PASSWORD, "--save", "")
    host.docker("run", "-d", "--name", "other", "--network", "host", BARE, "redis-server", *words)
    wait_until(lambda: host.sh("redis-cli -p 7104 ping", check=False).startswith("NOAUTH"), "the other answers")


def second_server(host: Host, name: str) -> None:
    host.docker("exec", "-d", name, "redis-server", "--port", "7777", "--save", "", "--bind", "0.0.0.0")
    wait_until(lambda: host.docker("exec", name, "redis-cli", "-p", "7777", "ping", check=False), "the second answers")


def restarted_donor(host: Host, _name: str) -> None:
    host.docker("restart", "-t", "0", "donor")


PORTS = "its published ports are those asked for "
ALONE = "as asked, and nowhere else "
WRONG = {
    "unpublished": Case({"ports": ["127.0.0.1:7101:6379"]}, told=(rf"{PORTS}\(127.0.0.1:7101->6379, none\)",)),
    "elsewhere": Case(
        {"ports": ["127.0.0.1:7102:6379"]}, run=("-p", "127.0.0.2:7102:6379"),
        told=(rf"{PORTS}\(127.0.0.1:7102->6379, 127.0.0.2:7102->6379\)",),
    ),
    "one-more": Case({}, run=("-p", "127.0.0.1:7103:6379"), told=(rf"{PORTS}\(none, 127.0.0.1:7103->6379\)",)),
    "other-redis": Case(
        {"ports": ["127.0.0.1:7104:6379"], "password": PASSWORD}, run=("-p", "127.0.0.1:7104:6379"), words=OTHER,
        damage=another_behind_the_port,
        told=(r"all of its addresses are one Redis \(run id (\w+), run id \1, of another Redis\)",),
    ),
    "open": Case(
        {"allow_unauthenticated": False, "ports": ["7106:6379"]}, run=("-p", "7106:6379"), told=(
            (r"it needs no password, and no .* \(none, port 6379 of the container is published at 0.0.0.0 of the host"
            r"(; port 6379 of the container is published at :: of the host)?(; Docker \S+ \(before 28.0\) .*)?\)"),
        ),
    ),
    "other-bridge": Case({}, damage=onto_another_bridge, told=(
        r"one veth of docker0 is the peer of its eth0 \(one veth, none\)",
        r"PONG over the container's address .*",
    )),
    "more-addresses": Case({}, damage=within("ip address add 172.17.200.9/16 dev eth0"), told=(
        r"its eth0 has the MAC and the address that the engine gave it \(.* 172\.17\.\S+, .* 172\.17\.200\.9/16\)",
    )),
    "other-mac": Case({}, damage=lambda host, name: (
        within("ip link set eth0 address 02:00:00:00:00:99")(host, name), host.sh("ip neigh flush dev docker0"),
    ), told=(
        r"its eth0 has the MAC and the address that the engine gave it \(.*, 02:00:00:00:00:99 172.*\)",
    )),
    "more-networks": Case({}, damage=outside("docker network connect nm-more {name}"), told=(
        r"it has no other interface \(none, eth1\)",
    )),
    "more-links": Case({}, damage=within("ip link add nm9 type veth peer name nm8"), told=(
        r"it has no other interface \(none, nm8, nm9\)",
    )),
    "no-password": Case(
        {"password": PASSWORD}, words=OTHER,
        damage=outside(f"REDISCLI_AUTH={PASSWORD} redis-cli -s {{socket}} config set requirepass ''"),
        told=(r"no answer without the password \(NOAUTH, PONG\)",),
    ),
    "open-user": Case(
        {"password": PASSWORD, "allow_unauthenticated": False}, words=OTHER,
        damage=outside(f"REDISCLI_AUTH={PASSWORD} redis-cli -s {{socket}} acl setuser guest on nopass '~*' +@all"),
        told=(r"no answer without the password \(NOAUTH, NOAUTH .*, but the user guest needs none\)",),
    ),
    "on-the-lan": Case({"allow_unauthenticated": False}, damage=outside("docker network connect nm-lan {name}"), told=(
        r"it has no other interface \(none, eth1\)",
        r"it needs no password, and no .* \(none, .*the network nm-lan \(macvlan\) makes it one more machine of theirs\)",
    )),
    "more-listeners": Case({}, damage=second_server, told=(
        rf"it listens at port 6379 {ALONE}\(0.0.0.0:6379, .*, 0.0.0.0:6379, 0.0.0.0:7777, .*\)",
    )),
    "more-addresses-of-host": Case(
        {"network_mode": "host", "port": 7105, "allow_unauthenticated": False}, "host", words=("--port", "7105", "--bind", "127.0.0.1", "-::1"),
        damage=outside("redis-cli -s {socket} config set bind '127.0.0.1 172.17.0.1'"),
        told=(
            rf"it listens at port 7105 {ALONE}\(127.0.0.1:7105, 127.0.0.1:7105, 172.17.0.1:7105\)",
            r"it needs no password, and no .* \(none, it listens at 172.17.0.1:7105 of the host\)",
        ),
    ),
    "left-behind": Case({"network_mode": "container", "donor": "donor"}, "container:donor", damage=restarted_donor, told=(
        r"it is in donor's namespace \(\d+, \d+ \(stale\)\)",
        r"its eth0 has donor's MAC and address \(.*\)",
        r"PONG over donor's address .* \(PONG, (refused|no route|timeout)\)",
    )),
    "isolated": Case(
        {"network_mode": "none"}, "none", words=("--port", "0"), damage=within("ip link add nm7 type veth peer name nm6"),
        told=(r"it has nothing but lo \(nothing else, nm6, nm7\)",),
    ),
    "isolated-open": Case({"network_mode": "none"}, "none", told=(
        r"it listens at no port \(nothing, 0.0.0.0:6379, \[::\]:6379\)",
    )),
}  # fmt: skip


def start_all(host: Host, turn: int, cases: dict[str, Case]) -> list[dict[str, Any]]:
    """All of them at once, of the two shapes in turn; their entries."""
    host.docker("run", "-d", "--name", "donor", IMAGES[turn], "busybox", "sleep", "9999")
    for number, (name, case) in enumerate(cases.items(), turn):
        launch(host, IMAGES[number % 2], name, case.network, *case.words, run=case.run)
    for name in cases:
        await_answer(host, name)
    return [{"name": name, "allow_unauthenticated": True, **case.asked} for name, case in cases.items()]


@TURNS
def test_what_a_hand_changed_is_told_as_exactly_its_claim(clean: Host, turn: int) -> None:
    clean.docker("network", "create", "nm-more")
    clean.sh("ip link add nm-card type veth peer name nm-far && ip link set nm-card up")
    clean.docker("network", "create", "-d", "macvlan", "-o", "parent=nm-card", "--subnet", "10.93.0.0/24", "nm-lan")
    instances = start_all(clean, turn, WRONG)
    for name, case in WRONG.items():
        case.damage(clean, name)
    told = failed(proof(clean, instances))
    assert set(told) == set(WRONG), told
    for name, case in WRONG.items():
        assert len(told[name]) == len(case.told), (name, told[name])
        for pattern, line in zip(case.told, told[name]):
            assert re.fullmatch(pattern, line), f"{name}: {pattern}: {line}"


NETWORKS: dict[str, tuple[str, ...]] = {
    "n-range": ("--subnet", "10.91.0.0/16", "--ip-range", "10.91.5.0/24"),
    "n-aux": ("--subnet", "10.92.0.0/16", "--aux-address", "x=10.92.0.9"),
    "n-internal": ("--internal",),
    "n-bare": ("-o", "com.docker.network.bridge.inhibit_ipv4=true"),
    "n-six": ("--ipv6", "--subnet", "fd00:98::/64"),
    "n-routed": ("-o", "com.docker.network.bridge.gateway_mode_ipv4=routed"),
    "n-isolated": ("--internal", "-o", "com.docker.network.bridge.gateway_mode_ipv4=isolated"),
    "n-host-ip": ("-o", "com.docker.network.bridge.host_binding_ipv4=127.0.0.6"),
}
SINCE_28 = {"n-only-six": ("--ipv4=false", "--ipv6", "--subnet", "fd00:97::/64")}
RIGHT = {
    **{f"on-{name}": Case({"networks": [name]}, name) for name in NETWORKS},
    "on-two": Case({"networks": ["n-range", "n-aux"]}, "n-range"),
    "host-ip": Case({"networks": ["n-host-ip"], "ports": ["7201:6379"]}, "n-host-ip", ("-p", "7201:6379")),
    "all": Case({"ports": ["7202:6379"], "allow_unauthenticated": True}, run=("-p", "7202:6379")),
    "loopback": Case({"ports": ["127.0.0.1:7203:6379"], "password": PASSWORD}, run=("-p", "127.0.0.1:7203:6379"), words=OTHER),
    "everywhere": Case({"ports": ["0.0.0.0:7204:6379"]}, run=("-p", "0.0.0.0:7204:6379")),
    "any": Case({"ports": [6379]}, run=("-p", "6379")),
    "any-of": Case({"ports": ["127.0.0.1:7205-7209:6379"]}, run=("-p", "127.0.0.1:7205-7209:6379")),
    "ranges": Case({"ports": ["7210-7211:6379-6380"]}, run=("-p", "7210-7211:6379-6380")),
    "long": Case(
        {"ports": [{"target": 6379, "published": "7212", "host_ip": "127.0.0.1"}, "7213:53/udp"]},
        run=("-p", "127.0.0.1:7212:6379", "-p", "7213:53/udp"),
    ),
    "of-ipv6": Case({"ports": ["[::1]:7215:6379"]}, run=("-p", "[::1]:7215:6379")),
    "tcp": Case({"ports": ["127.0.0.1:7216:6379/tcp", "7217:7217/udp"]}, run=("-p", "127.0.0.1:7216:6379/tcp", "-p", "7217:7217/udp")),
    "any-at-loopback": Case({"ports": ["127.0.0.1::6379"]}, run=("-p", "127.0.0.1::6379")),
    "renamed": Case({}, words=("--rename-command", "CONFIG", "", "--rename-command", "INFO", "")),
    "renamed-beside": Case(
        {"password": PASSWORD, "ports": ["7218:6379"]}, run=("-p", "7218:6379"),
        words=(*OTHER, "--rename-command", "CLIENT", "", "--rename-command", "ACL", ""),
    ),
    "users": Case(
        {"password": PASSWORD, "allow_unauthenticated": False, "ports": ["7219:6379"]}, run=("-p", "7219:6379"),
        words=(*OTHER, "--user", "away", "off", "nopass", "--user", "app", "on", ">other", "~*", "+@all"),
    ),
    "own-loopback": Case({"bind": ["127.0.0.1"]}, words=("--bind", "127.0.0.1")),
    "of-a-cluster": Case({"settings": {"cluster-enabled": True}}, words=("--cluster-enabled", "yes")),
    "on-host": Case(
        {"network_mode": "host", "port": 7214, "password": PASSWORD}, "host",
        words=("--port", "7214", "--bind", "127.0.0.1", "-::1", *OTHER),
    ),
    "sharer": Case({"network_mode": "container", "donor": "all", "port": 7000}, "container:all", words=("--port", "7000")),
    "alone": Case({"network_mode": "none", "password": PASSWORD}, "none", words=("--port", "0", *OTHER)),
}  # fmt: skip


@TURNS
def test_of_what_is_right_no_claim_is_false(clean: Host, turn: int) -> None:
    clean.sh("sysctl -qw net.ipv6.conf.lo.disable_ipv6=0")
    networks, cases = dict(NETWORKS), dict(RIGHT)
    if clean.engine_version() >= (28,):
        networks.update(SINCE_28)
        cases.update({f"on-{name}": Case({"networks": [name]}, name) for name in SINCE_28})
    for name, options in networks.items():
        clean.docker("network", "create", *options, name)
    instances = start_all(clean, turn, cases)
    clean.docker("network", "connect", "n-aux", "on-two")
    six = "ip -6 -o address show tentative"
    wait_until(lambda: not clean.sh(six), "new IPv6 addresses are settled")
    assert failed(proof(clean, instances)) == {}


def test_o3_of_the_daemons_own_defaults_no_claim_is_false(clean: Host, image: str) -> None:
    """The address that ports are published at, and the gateway of the default bridge."""
    with clean.engine_with("--ip", "127.0.0.5", "--default-gateway", "172.17.0.77"):
        start(clean, image, "plain", "bridge", run=("-p", "7301:6379", "-p", "127.0.0.1:7302:6379"))
        asked = {"name": "plain", "ports": ["7301:6379", "127.0.0.1:7302:6379"], "allow_unauthenticated": True}
        told = proof(clean, [asked])
        clean.docker("rm", "-f", "plain")
    assert failed(told) == {}
    assert any("127.0.0.5:7301" in claim["claim"] for claim in told["claims"]), "it is asked where it is published"


# --- O14: who listens learns no password --------------------------------------------------------------------------------

RECORDER = """
import socket, sys, threading
def take(wire, out):
    with wire:
        while True:
            data = wire.recv(65536)
            if not data:
                return
            out.write(data); out.flush()
            if data.startswith(b"*"):
                wire.sendall(b"-NOAUTH Authentication required.\\r\\n" * data.count(b"*"))
out = open(sys.argv[1], "wb")
servers = []
for at in sys.argv[2:]:
    address, _, port = at.rpartition(":")
    servers.append(socket.create_server((address, int(port))))
def serve(server):
    while True:
        wire, _ = server.accept()
        threading.Thread(target=take, args=(wire, out), daemon=True).start()
for server in servers:
    threading.Thread(target=serve, args=(server,), daemon=True).start()
print("listens", flush=True)
threading.Event().wait()
"""
LISTENED = {
    # Nothing is published, and another program has the port that was asked for.
    "bridge": ({"ports": ["127.0.0.1:7401:6379"]}, "bridge", (), ["127.0.0.1:7401"]),
    # Redis was told to listen elsewhere, and another program has its port of the host.
    "host": ({"network_mode": "host", "port": 7402}, "host", ("--port", "7403", "--bind", "127.0.0.1"), ["127.0.0.1:7402"]),
    # Whoever listens on the host at the port of one that is isolated.
    "none": ({"network_mode": "none", "port": 7404}, "none", ("--port", "0"), ["0.0.0.0:7404"]),
    # Redis is gone from its port, and its donor has it.
    "container": ({"network_mode": "container", "donor": "donor", "port": 7405}, "container:donor", ("--port", "7406"), []),
}  # fmt: skip


@pytest.mark.parametrize(
    "mode", ["host", "none", *(pytest.param(mode, marks=pytest.mark.thorough) for mode in ("bridge", "container"))]
)
def test_o14_who_listens_where_a_redis_was_asked_for_is_sent_no_password(clean: Host, mode: str) -> None:
    entry, network, words, at = LISTENED[mode]
    clean.docker("run", "-d", "--name", "donor", BARE, "busybox", "sleep", "9999")
    start(clean, BARE, "guarded", network, "--requirepass", PASSWORD, *words)
    prefix: list[str] = []
    if mode == "container":
        prefix = ["nsenter", "-n", "-t", clean.docker("inspect", "-f", "{{.State.Pid}}", "donor")]
        at = [clean.docker("inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", "donor") + ":7405"]
    heard = "/tmp/heard"
    with subprocess.Popen(
        [*prefix, "python3", "-c", RECORDER, heard, *at], stdout=subprocess.PIPE, text=True
    ) as listener:
        try:
            assert listener.stdout is not None
            assert listener.stdout.readline() == "listens\n"
            told = proof(clean, [{"name": "guarded", "password": PASSWORD, **entry}])
        finally:
            listener.kill()
    said = clean.sh(f"cat {heard}; rm {heard}")
    assert PASSWORD not in said
    assert "AUTH" not in said
    if mode != "bridge":
        assert "PING" in said, "it was asked"
    assert PASSWORD not in json.dumps(told)
    wrong = failed(told).get("guarded", [])
    assert bool(wrong) is (mode != "none"), "another that listens beside an isolated one is not a fault of that one"
    if mode in ("host", "container"):
        assert any("of another Redis" in line for line in wrong), wrong
