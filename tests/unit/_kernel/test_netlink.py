# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading netlink: dumps recorded from a host with Docker against what ``ip -j -d`` said there, and faulty answers.

``recorded/netlink.json`` holds the datagrams as hex. The host had one container on docker0 and on br-lab (its way out),
and a veth pair of its own: wire0 with the alternative name ``netmode:x``, wire1 with the alias ``netmode:web``.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._kernel import netlink as kernel_netlink
from ansible_collections.netmode.docker.plugins.module_utils._kernel.netlink import KernelError, Netlink

RECORDED = json.loads((Path(__file__).parents[1] / "support" / "recorded" / "netlink.json").read_text(encoding="utf-8"))
NEWLINK, DONE, ERROR = 16, 3, 2
MULTI, INTERRUPTED = 0x2, 0x10


def datagrams(name: str) -> list[bytes]:
    return [bytes.fromhex(datagram) for datagram in RECORDED[name]]


def parsed(name: str, parse: Any) -> list[dict[str, Any]]:
    return [
        parse(data, start, end)
        for data in datagrams(name)
        for kind, _, _, start, end in kernel_netlink.messages(data)
        if kind != DONE
    ]


def links(name: str) -> dict[str, dict[str, Any]]:
    return {link["name"]: link for link in parsed(name, kernel_netlink.parse_link)}


# --- recorded dumps ------------------------------------------------------------------------------------------------


def test_links_are_what_ip_says() -> None:
    found = links("host_links")
    names = {link["ifindex"]: link["name"] for link in found.values()}
    assert set(found) == {link["name"] for link in RECORDED["ip"]}
    for said in RECORDED["ip"]:
        link = found[said["name"]]
        assert {key: link[key] for key in ("ifindex", "mac", "mtu", "operstate")} == {
            key: said[key] for key in ("ifindex", "mac", "mtu", "operstate")
        }
        assert names.get(link["master"]) == said["master"]
        assert link["kind"] == (said["kind"] or "loopback")


def test_a_bridge_has_its_id_as_brctl_prints_it() -> None:
    found = links("host_links")
    assert (found["docker0"]["bridge_id"], found["docker0"]["stp"]) == ("8000.02421de9b46c", False)
    assert (found["br-lab"]["bridge_id"], found["br-lab"]["stp"]) == ("8000.0242ad66328d", True)
    assert "bridge_id" not in found["wire0"]


def test_the_two_ends_of_a_veth_name_each_other() -> None:
    host, container = links("host_links"), links("container_links")
    outer, inner = host["veth2cef901"], container["eth0"]
    assert (outer["link"], outer["link_netnsid"]) == (inner["ifindex"], RECORDED["nsid_value"])
    assert inner["link"] == outer["ifindex"]
    assert inner["netnsid"] == RECORDED["nsid_value"]
    assert outer["netnsid"] is None


def test_a_veth_with_both_ends_on_the_host_has_no_nsid() -> None:
    host = links("host_links")
    assert (host["wire0"]["link"], host["wire0"]["link_netnsid"]) == (host["wire1"]["ifindex"], None)


@pytest.mark.parametrize(("name", "marked"), [("wire0", True), ("wire1", True), ("docker0", False), ("lo", False)])
def test_the_owners_mark_is_an_alternative_name_or_an_alias(name: str, marked: bool) -> None:
    assert links("host_links")[name]["marked"] is marked


def test_only_lo_is_loopback() -> None:
    assert [name for name, link in links("host_links").items() if link["loopback"]] == ["lo"]


def test_addresses_are_what_ip_says() -> None:
    found = parsed("host_addresses", kernel_netlink.parse_address)
    assert sorted(f"{item['ifindex']} {item['address']}" for item in found) == RECORDED["ip_addresses"]


def test_a_containers_addresses_come_with_the_namespace_asked_for() -> None:
    found = parsed("container_addresses", kernel_netlink.parse_address)
    assert {item["netnsid"] for item in found} == {RECORDED["nsid_value"]}
    assert {"172.17.0.2/16", "172.30.0.2/16", "fd00:1::2/64"} <= {item["address"] for item in found}


def test_the_default_route_leads_to_the_gateway() -> None:
    found = [route for route in parsed("container_routes", kernel_netlink.parse_route) if route["default"]]
    assert [(route["table"], route["gateway"]) for route in found] == [(254, "172.30.0.1")]


def test_nsid() -> None:
    assert parsed("nsid", kernel_netlink.parse_nsid) == [RECORDED["nsid_value"]]


# --- built manually: what the recording has not -----------------------------------------------------------------------


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", len(value) + 4, kind) + value + b"\0" * (-len(value) % 4)


def message(kind: int, payload: bytes, sequence: int = 1, flags: int = 0) -> bytes:
    return struct.pack("=IHHII", 16 + len(payload), kind, flags, sequence, 0) + payload


def link_payload(ifindex: int, *attributes: bytes) -> bytes:
    return struct.pack("=BxHiII", 0, 1, ifindex, 0, 0) + b"".join(attributes)


def address_payload(family: int, prefix: int, *attributes: bytes) -> bytes:
    return struct.pack("=BBBBI", family, prefix, 0, 0, 7) + b"".join(attributes)


def whole(parse: Any, payload: bytes) -> Any:
    return parse(payload, 0, len(payload))


def test_a_point_to_point_address_is_the_local_one() -> None:
    payload = address_payload(2, 32, attribute(1, bytes([10, 0, 0, 2])), attribute(2, bytes([10, 0, 0, 1])))
    assert whole(kernel_netlink.parse_address, payload)["address"] == "10.0.0.1/32"


def test_a_link_without_address_kind_and_state() -> None:
    link = whole(kernel_netlink.parse_link, link_payload(9, attribute(3, b"tun0\0")))
    assert (link["name"], link["mac"], link["kind"], link["operstate"]) == ("tun0", None, "physical", "UNKNOWN")
    assert (link["master"], link["link"], link["link_netnsid"], link["marked"]) == (None, None, None, False)


def test_the_flag_bits_of_an_attributes_type_do_not_count() -> None:
    link = whole(kernel_netlink.parse_link, link_payload(9, attribute(3 | 0x8000, b"eth0\0")))
    assert link["name"] == "eth0"


def test_a_state_of_a_kernel_to_come_is_unknown() -> None:
    assert whole(kernel_netlink.parse_link, link_payload(9, attribute(16, b"\x63")))["operstate"] == "UNKNOWN"


def test_a_bridge_that_filters_by_vlan_has_that_of_a_new_port() -> None:
    def of(*data: bytes) -> Any:
        info = attribute(1, b"bridge\0") + attribute(2, b"".join(data))
        return whole(kernel_netlink.parse_link, link_payload(9, attribute(18, info)))["vlan"]

    own = attribute(39, struct.pack("=H", 300))
    assert (of(attribute(7, b"\1"), own), of(attribute(7, b"\0"), own), of()) == (300, None, None)
    assert links("host_links")["docker0"]["vlan"] is None


def test_a_link_has_its_alias_and_whether_it_was_set_up() -> None:
    found = links("host_links")
    assert (found["wire1"]["alias"], found["docker0"]["alias"]) == ("netmode:web", "")
    assert (found["lo"]["up"], whole(kernel_netlink.parse_link, link_payload(9))["up"]) == (True, False)


def test_what_somebody_set_is_told_from_what_came_by_itself() -> None:
    given = struct.pack("=BBBBI", 10, 64, 0x80, 0, 7) + attribute(1, bytes(15) + b"\1")
    assert whole(kernel_netlink.parse_address, given)["permanent"] is True
    announced = address_payload(10, 64, attribute(1, bytes(15) + b"\1"))
    assert whole(kernel_netlink.parse_address, announced)["permanent"] is False
    route = struct.pack("=8BI", 10, 0, 0, 0, 254, 9, 0, 1, 0)
    told = whole(kernel_netlink.parse_route, route)
    assert (told["protocol"], told["destination"]) == (9, "::/0")


def test_a_multipath_default_route_has_its_first_way() -> None:
    hop = struct.pack("=HBBi", 16, 0, 0, 2) + attribute(5, bytes([10, 0, 0, 254]))
    payload = struct.pack("=8BI", 2, 0, 0, 0, 254, 3, 0, 1, 0) + attribute(9, hop + hop)
    route = whole(kernel_netlink.parse_route, payload)
    assert (route["gateway"], route["ifindex"], route["destination"]) == ("10.0.0.254", 2, "0.0.0.0/0")


def test_a_route_has_its_destination_and_interface() -> None:
    payload = struct.pack("=8BI", 2, 12, 0, 0, 254, 3, 0, 1, 0)
    payload += attribute(1, bytes([172, 16, 0, 0])) + attribute(4, struct.pack("=i", 7))
    route = whole(kernel_netlink.parse_route, payload)
    assert (route["destination"], route["ifindex"], route["gateway"]) == ("172.16.0.0/12", 7, None)


def test_an_unreachable_default_is_no_way_out() -> None:
    payload = struct.pack("=8BI", 2, 0, 0, 0, 254, 3, 0, 7, 0)
    assert whole(kernel_netlink.parse_route, payload)["default"] is False


# --- malformed -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [b"\0" * 15, struct.pack("=IHHII", 8, NEWLINK, 0, 1, 0), struct.pack("=IHHII", 200, NEWLINK, 0, 1, 0)],
    ids=["half a header", "shorter than its header", "longer than the datagram"],
)
def test_a_malformed_datagram_is_a_clear_error(data: bytes) -> None:
    with pytest.raises(KernelError, match="netlink: "):
        list(kernel_netlink.messages(data))


@pytest.mark.parametrize(
    ("parse", "payload"),
    [
        (kernel_netlink.parse_link, b"\0" * 15),
        (kernel_netlink.parse_link, link_payload(9, struct.pack("=HH", 0, 3))),
        (kernel_netlink.parse_link, link_payload(9, struct.pack("=HH", 3, 3))),
        (kernel_netlink.parse_link, link_payload(9, struct.pack("=HH", 40, 3) + b"eth0")),
        (kernel_netlink.parse_link, link_payload(9, attribute(4, b"\1\2"))),
        (kernel_netlink.parse_link, link_payload(9, attribute(18, struct.pack("=HH", 99, 1)))),
        (kernel_netlink.parse_link, link_payload(9, attribute(52, struct.pack("=HH", 1, 53)))),
        (kernel_netlink.parse_address, b"\0" * 7),
        (kernel_netlink.parse_address, address_payload(2, 8, attribute(1, b"\1"))),
        (kernel_netlink.parse_address, address_payload(99, 8, attribute(1, b"\1\1\1\1"))),
        (kernel_netlink.parse_route, b"\0" * 11),
        (kernel_netlink.parse_nsid, b""),
    ],
)
def test_a_malformed_payload_is_a_clear_error(parse: Any, payload: bytes) -> None:
    with pytest.raises(KernelError, match="netlink: "):
        whole(parse, payload)


def is_refused(call: Any, *given: Any) -> bool:
    """Whether it raised a KernelError. Any other exception goes on and fails the test."""
    try:
        call(*given)
    except KernelError:
        return True
    return False


def test_no_cut_of_a_recorded_dump_escapes_as_another_error() -> None:
    """Whatever is lost at the end of an answer, it parses or it is a KernelError."""
    data = datagrams("host_links")[0]
    _, _, _, start, end = next(kernel_netlink.messages(data))
    cuts = range(start + 1, end)
    assert all(is_refused(list, kernel_netlink.messages(data[:cut])) for cut in cuts)
    assert sum(is_refused(kernel_netlink.parse_link, data, start, cut) for cut in cuts) > len(cuts) / 2


# --- the socket: faults that a kernel cannot be made to show ----------------------------------------------------------


class ScriptedSocket:
    """Answers each request with the next script: datagrams (their sequence put right) or errors to raise."""

    def __init__(self, *scripts: list[bytes | OSError], strict: bool = True) -> None:
        self.scripts = list(scripts)
        self.strict = strict
        self.pending: list[bytes | OSError] = []
        self.sequence = 0
        self.closed = False

    def setsockopt(self, level: int, *_: Any) -> None:
        if level == 270 and not self.strict:
            raise OSError(errno.ENOPROTOOPT, "no such option")

    def send(self, data: bytes) -> None:
        self.sequence = struct.unpack_from("=I", data, 8)[0]
        self.pending = self.scripts.pop(0)

    def recv(self, _size: int) -> bytes:
        answer = self.pending.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer[:8] + struct.pack("=I", self.sequence) + answer[12:]

    def close(self) -> None:
        self.closed = True


def netlink_over(monkeypatch: pytest.MonkeyPatch, scripted: ScriptedSocket) -> Netlink:
    monkeypatch.setattr(socket, "socket", lambda *_: scripted)
    return Netlink()


def eth(number: int, flags: int = MULTI, *attributes: bytes) -> bytes:
    return message(NEWLINK, link_payload(number, attribute(3, b"eth%d\0" % number), *attributes), flags=flags)


END = message(DONE, b"\0\0\0\0", flags=MULTI)


def names(found: list[dict[str, Any]]) -> list[str]:
    return [link["name"] for link in found]


def test_a_dump_that_was_interrupted_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first: list[bytes | OSError] = [eth(1), eth(2, MULTI | INTERRUPTED), END]
    scripted = ScriptedSocket(first, [eth(1), eth(3), END])
    assert names(netlink_over(monkeypatch, scripted).links()) == ["eth1", "eth3"]


def test_a_dump_interrupted_for_ever_ends_with_the_last_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = ScriptedSocket(*([eth(number, MULTI | INTERRUPTED), END] for number in range(20)))
    assert names(netlink_over(monkeypatch, scripted).links()) == ["eth7"]


def test_a_lost_part_of_a_dump_makes_it_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = ScriptedSocket([eth(1), OSError(errno.ENOBUFS, "lost"), END], [eth(1), eth(2), END])
    assert names(netlink_over(monkeypatch, scripted).links()) == ["eth1", "eth2"]


@pytest.mark.parametrize("kind", [ERROR, DONE], ids=["as an error", "at the end of the dump"])
def test_a_refusal_carries_the_kernels_reason(monkeypatch: pytest.MonkeyPatch, kind: int) -> None:
    scripted = ScriptedSocket([message(kind, struct.pack("=i", -errno.EPERM))])
    with pytest.raises(KernelError, match=os.strerror(errno.EPERM)) as caught:
        netlink_over(monkeypatch, scripted).links()
    assert caught.value.errno == errno.EPERM


def test_a_refusal_as_it_was_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = ScriptedSocket([bytes.fromhex(data) for data in RECORDED["unknown_nsid"]])
    with pytest.raises(KernelError) as caught:
        netlink_over(monkeypatch, scripted).links(4711)
    assert caught.value.errno == RECORDED["errno"]


def test_a_kernel_that_passes_over_the_namespace_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would give the host's links for the container's."""
    netlink = netlink_over(monkeypatch, ScriptedSocket([eth(1), END]))
    assert netlink.reads_by_nsid
    with pytest.raises(KernelError):
        netlink.links(5)
    assert not netlink.reads_by_nsid


def test_a_kernel_without_strict_checks_reads_its_own_namespace_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not netlink_over(monkeypatch, ScriptedSocket(strict=False)).reads_by_nsid


def test_an_answer_to_an_older_question_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = ScriptedSocket([eth(1), END])
    netlink = netlink_over(monkeypatch, scripted)
    late = eth(9)
    true_recv = scripted.recv
    queue = [late]
    monkeypatch.setattr(scripted, "recv", lambda size: queue.pop() if queue else true_recv(size))
    netlink._sequence = 40
    assert names(netlink.links()) == ["eth1"]


def test_an_answer_that_does_not_come_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = ScriptedSocket([OSError(errno.EAGAIN, "timed out")])
    with pytest.raises(KernelError, match="no answer of the kernel"):
        netlink_over(monkeypatch, scripted).links()


# --- this very kernel: needs no rights -------------------------------------------------------------------------------


def test_this_machines_own_links_are_those_of_sysfs() -> None:
    with Netlink() as netlink:
        found = {link["name"]: link for link in netlink.links()}
        addresses = netlink.addresses()
    assert {link["ifindex"]: name for name, link in found.items()} == dict(socket.if_nameindex())
    assert "127.0.0.1/8" in {item["address"] for item in addresses}
