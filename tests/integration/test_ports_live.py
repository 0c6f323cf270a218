# SPDX-License-Identifier: GPL-3.0-or-later
"""O6, O7: a published port is refused where the engine could not publish it, and nowhere else.

For generated ports of a container beside what listens and publishes on the host, the module's verdict in check mode is
held against the engine's own: whether it starts such a container.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._containers.reconcile import bring
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from containers_lab import IDLE, IMAGE, Lab, entry, make_images
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from lab import SOCKET, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

Json = dict[str, Any]
pytestmark = [pytest.mark.engines, pytest.mark.spread]
ADDRESSES = ("", "0.0.0.0", "::", "127.0.0.1", "127.0.0.2", "::1")


class Process(NamedTuple):
    """A process of the host that listens: family, address, and whether its IPv6 socket leaves IPv4 alone."""

    address: str
    narrow: bool = False
    udp: bool = False

    def listen(self, port: int) -> socket.socket:
        kind = socket.SOCK_DGRAM if self.udp else socket.SOCK_STREAM
        one = socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET, kind)
        if ":" in self.address:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(self.narrow))
        one.bind((self.address, port))
        if not self.udp:
            one.listen()
        return one


PROCESSES = (
    Process("0.0.0.0"), Process("::"), Process("::", narrow=True), Process("127.0.0.1"), Process("::1"),
    Process("127.0.0.1", udp=True), Process("::", narrow=True, udp=True),
)  # fmt: skip
PROCESSES_FROM, CONTAINERS_FROM, FREE = 18400, 18420, 18440


@pytest.fixture(scope="module")
def busy(machine: Host) -> Iterator[Host]:
    """A host with IPv6 on its loopback; port 18400 + n is a process's, 18420 + n is published by a container."""
    before = machine.things()
    make_images(machine)
    machine.sh("sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.lo.disable_ipv6=0")
    with machine.engine_with(), ExitStack() as stack:  # which looks for IPv6 once
        for number, process in enumerate(PROCESSES):
            stack.enter_context(process.listen(PROCESSES_FROM + number))
        for number, address in enumerate(ADDRESSES):
            at = f"[{address}]:" if ":" in address else address and f"{address}:"
            machine.docker("run", "-d", "-p", f"{at}{CONTAINERS_FROM + number}:80", entry("")["image"], *IDLE)
        yield machine
    machine.remove_new(before)
    machine.sh("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.lo.disable_ipv6=1")


def ours(ports: list[Json], network: str = "bridge") -> str:
    """Why the module refuses to start a container with these ports; empty where it does not."""
    options: Json = {"state": "started", "recreate": "auto", "pull_policy": "missing", "network_mode": network}
    try:
        bring(Engine(f"unix://{SOCKET}", 60), [entry("new", ports=ports, **options)], check=True)
    except NetmodeError as error:
        return str(error)
    return ""


def engines(host: Host, ports: list[Json], network: str = "bridge") -> str:
    """Why the engine does not start it; it ends at once where it is."""
    bindings: dict[str, list[Json]] = {}
    for port in ports:
        target = f"{port['target']}/{port['protocol']}"
        bindings.setdefault(target, []).append({"HostIp": port["host_ip"], "HostPort": str(port["published"])})
    body = {
        "Image": entry("")["image"], "Entrypoint": ["busybox", "true"], "ExposedPorts": {port: {} for port in bindings},
        "HostConfig": {"PortBindings": bindings, "NetworkMode": network},
    }  # fmt: skip
    _, made = host.call("POST", "/containers/create", body)
    status, answer = host.call("POST", f"/containers/{made['Id']}/start")
    host.call("DELETE", f"/containers/{made['Id']}?force=1")
    assert status == 204 or "external connectivity" in answer["message"], answer
    return "" if status == 204 else str(answer["message"])


def port(published: int, address: str = "", target: int = 80, protocol: str = "tcp") -> Json:
    return {"host_ip": address, "published": published, "target": target, "protocol": protocol}


places = st.sampled_from(
    [PROCESSES_FROM + number for number in range(len(PROCESSES))]
    + [CONTAINERS_FROM + number for number in range(len(ADDRESSES))]
)
addresses = st.sampled_from(ADDRESSES)
protocols = st.sampled_from(["tcp", "tcp", "udp"])
beside = st.builds(lambda *one: [port(*one)], places, addresses, st.just(80), protocols)
itself = st.lists(
    st.builds(port, st.just(FREE), addresses, st.sampled_from([80, 81]), protocols),
    min_size=2, max_size=3, unique_by=lambda one: (one["host_ip"], one["target"], one["protocol"]),
)  # fmt: skip


@pytest.mark.parametrize("examples", [25, pytest.param(60, marks=pytest.mark.thorough)])
def test_o6_o7_a_port_is_refused_exactly_where_the_engine_could_not_publish_it(busy: Host, examples: int) -> None:
    @settings(max_examples=examples, deadline=None, derandomize=True, database=None)
    @example([port(FREE), port(FREE, "127.0.0.1")])
    @example([port(FREE, "0.0.0.0"), port(FREE, "::")])
    @example([port(PROCESSES_FROM + 2, "0.0.0.0")])
    @example([port(CONTAINERS_FROM + 1, "::")])
    @example([port(CONTAINERS_FROM + 3, "127.0.0.2")])
    @given(st.one_of(beside, itself))
    def same(ports: list[Json]) -> None:
        refused_exactly(busy, ports)

    same()


def refused_exactly(busy: Host, ports: list[Json]) -> None:
    udp = [(one["target"], one["published"]) for one in ports if one["protocol"] == "udp"]
    assume(len(udp) == len(set(udp)))  # from 28 on one container may have a UDP port twice over, and no good of it
    mine, theirs = ours(ports), engines(busy, ports)
    assert "(new): ports: " in mine or not mine
    assert bool(mine) == bool(theirs), f"{ports}: ours: {mine or 'taken'}; the engine's: {theirs or 'taken'}"


@pytest.fixture(scope="module")
def elsewhere(machine: Host) -> Iterator[Host]:
    """An engine that publishes at 127.0.0.2 what names no address, with a network of which that is 127.0.0.3.

    A process listens at each of the three on the port 18450 plus its last number.
    """
    before = machine.things()
    make_images(machine)
    with machine.engine_with("--ip", "127.0.0.2"), ExitStack() as stack:
        machine.docker("network", "create", "-o", "com.docker.network.bridge.host_binding_ipv4=127.0.0.3", "nmt-at-3")
        machine.docker("network", "create", "nmt-plain")
        for number in (1, 2, 3):
            stack.enter_context(socket.create_server((f"127.0.0.{number}", 18450 + number)))
        yield machine
        machine.remove_new(before)


@pytest.mark.parametrize("network", ["bridge", "nmt-at-3", pytest.param("nmt-plain", marks=pytest.mark.thorough)])
def test_o7_where_ports_are_published_that_name_no_address_is_the_networks(elsewhere: Host, network: str) -> None:
    for number in (1, 2, 3):
        for address in ("", "0.0.0.0", "127.0.0.2"):
            asked = [port(18450 + number, address)]
            mine, theirs = ours(asked, network), engines(elsewhere, asked, network)
            assert bool(mine) == bool(theirs), (
                f"{network}, {asked}: {mine or 'taken'}; the engine's: {theirs or 'taken'}"
            )


@pytest.mark.parametrize("space", ["host", "container:donor"])
def test_o7_two_of_one_namespace_listen_on_one_port_of_different_addresses(host: Host, space: str) -> None:
    make_images(host)
    lab = Lab(host)
    lab.docker("run", "-d", "--name", "donor", IMAGE)

    def at(name: str, *addresses: str) -> Json:
        words = ["redis-server", "--port", "18460", "--save", "", "--bind", *addresses]
        return entry(name, network_mode=space, command=words, expose=[18460])

    def listen(*places: tuple[str, str]) -> None:
        for name, address in places:
            ask = ("exec", name, "redis-cli", "-h", address, "-p", "18460", "config", "get", "bind")
            wait_until(lambda ask=ask, at=address: at in lab.docker(*ask, check=False).split(), f"{name} answers")

    two = [at("one", "127.0.0.1"), at("two", "127.0.0.2", "127.0.0.3")]
    lab.converge(*two, until=lambda: listen(("one", "127.0.0.1"), ("two", "127.0.0.2"), ("two", "127.0.0.3")))
    lab.refused(at("three", "127.0.0.3"), words=["three", "18460"])
    lab.refused(*two, at("three", "*"), words=["three", "18460", "also asked for by"])
    lab.converge(*two, at("three", "127.0.0.4"), until=lambda: listen(("three", "127.0.0.4")))
