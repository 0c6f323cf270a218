# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules that keep ports to their sources: made of what is asked, and found again in what the kernel has."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._sources import look, rules
from ansible_collections.netmode.docker.plugins.module_utils._sources.rules import Bridge, Listed
from ansible_collections.netmode.docker.plugins.module_utils._sources.spec import parse_list, source
from hypothesis import given
from hypothesis import strategies as st

BRIDGES = {
    "bridge": Bridge("docker0", (ipaddress.ip_network("172.17.0.0/16"),)),
    "six": Bridge("br-six", (ipaddress.ip_network("10.9.0.0/24"), ipaddress.ip_network("fd00:9::/64"))),
}
END = "-m comment --comment netmode.docker.redis:cache -j"
LOCAL = "-p tcp -m tcp --dport 7000 -m addrtype --dst-type LOCAL"


def made(**entry: Any) -> dict[int, list[str]]:
    (one,) = parse_list([{"name": "cache", "sources": [], "published": [], "direct": [], **entry}])
    return rules.rules_of(one, BRIDGES)


def port(number: int = 7000, address: str = "") -> list[dict[str, Any]]:
    return [{"address": address, "port": number}]


def test_a_port_of_all_addresses_lets_its_sources_in_and_drops_the_rest_in_each_family() -> None:
    found = made(sources=["10.0.0.0/8", "192.0.2.7"], published=port())
    assert found == {
        4: [
            f"-A NETMODE-REDIS -s 10.0.0.0/8 {LOCAL} {END} RETURN",
            f"-A NETMODE-REDIS -s 192.0.2.7/32 {LOCAL} {END} RETURN",
            f"-A NETMODE-REDIS {LOCAL} {END} DROP",
        ],
        6: [f"-A NETMODE-REDIS {LOCAL} {END} DROP"],
    }


@pytest.mark.parametrize(
    ("address", "families", "at"),
    [
        ("", (4, 6), "--dst-type LOCAL"),
        ("*", (4, 6), "--dst-type LOCAL"),
        ("0.0.0.0", (4,), "--dst-type LOCAL"),
        ("::", (6,), "--dst-type LOCAL"),
        ("192.0.2.1", (4,), "-d 192.0.2.1/32 "),
        ("127.0.0.1", (4,), "-d 127.0.0.1/32 "),
        ("2001:DB8::1", (6,), "-d 2001:db8::1/128 "),
    ],
)
def test_a_published_address_says_the_family_and_what_the_rules_are_for(
    address: str, families: tuple[int, ...], at: str
) -> None:
    found = made(sources=["198.51.100.0/24", "2001:db8:1::/48"], published=port(address=address))
    for family, lines in found.items():
        assert len(lines) == (2 if family in families else 0)
        assert all(at in line for line in lines)


def test_who_has_a_route_to_the_container_is_kept_out_too() -> None:
    found = made(sources=["fd01::/16"], published=port(), direct=[{"network": "six", "port": 6379}])
    assert [line for line in found[4] if "-d" in line.split()] == [
        f"-A NETMODE-REDIS -d 10.9.0.0/24 ! -i br-six -p tcp -m tcp --dport 6379 {END} DROP"
    ]
    assert [line for line in found[6] if "br-six" in line] == [
        f"-A NETMODE-REDIS -s fd01::/16 -d fd00:9::/64 ! -i br-six -p tcp -m tcp --dport 6379 {END} RETURN",
        f"-A NETMODE-REDIS -d fd00:9::/64 ! -i br-six -p tcp -m tcp --dport 6379 {END} DROP",
    ]


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"published": port()},
        {"sources": ["10.0.0.0/8"]},
        {"sources": ["::1"], "direct": [{"network": "six", "port": 1}]},
    ],
)
def test_without_sources_or_a_published_port_there_are_no_rules(entry: dict[str, Any]) -> None:
    assert made(**entry) == {4: [], 6: []}


def test_everybody_of_a_family_is_written_as_the_kernel_writes_it() -> None:
    found = made(sources=["0.0.0.0/0"], published=port(address="0.0.0.0"))
    assert found[4] == [f"-A NETMODE-REDIS {LOCAL} {END} RETURN", f"-A NETMODE-REDIS {LOCAL} {END} DROP"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("10.1.2.3/8", "Write 10.0.0.0/8 or 10.1.2.3"),
        ("fd00::1/64", "Write fd00::/64 or fd00::1"),
        ("10.0.0", "is not an address or a network"),
        ("all", "is not an address or a network"),
        ("10.0.0.0/33", "is not an address or a network"),
        ("", "is not an address or a network"),
        ("fe80::1%eth0/128", "is not an address or a network"),
    ],
)
def test_a_source_that_is_none_is_refused_with_what_to_write(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        source(text)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"sources": ["x"]}, "instance cache: 'x' is not"),
        ({"published": port(0)}, "0 is not a port"),
        ({"published": port(65536)}, "65536 is not a port"),
        ({"published": port(address="here")}, "'here' does not appear to be an IPv4 or IPv6 address"),
        ({"direct": [{"network": "six", "port": -1}]}, "-1 is not a port"),
        ({"name": "c" * 201}, "more than 200 characters"),
        ({"name": "a b"}, "not a container name"),
    ],
)
def test_what_is_wrong_is_refused_by_name(entry: dict[str, Any], why: str) -> None:
    with pytest.raises(NetmodeError, match=why):
        made(**entry)


def test_one_instance_twice_is_refused() -> None:
    one = {"name": "cache", "sources": [], "published": [], "direct": []}
    with pytest.raises(NetmodeError, match="cache is given twice"):
        parse_list([one, one])


# --- what others have -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        f'-A NETMODE-REDIS -s 10.0.0.0/8 {LOCAL} -m comment --comment "netmode.docker.redis:cache" -j RETURN',
        f"-A NETMODE-REDIS {LOCAL} -s 10.0.0.0/8 {END} RETURN".replace("-m tcp ", ""),
        f"-A NETMODE-REDIS --source 10.0.0.0/8 {LOCAL} --comment netmode.docker.redis:cache --jump RETURN",
        f"-A NETMODE-REDIS -s 10.0.0.0/8 {LOCAL} {END} RETURN".replace("--dport", "--destination-port"),
    ],
)
def test_one_rule_written_by_another_program_is_the_same(other: str) -> None:
    (own, *_) = made(sources=["10.0.0.0/8"], published=port())[4]
    assert rules.meaning(own) == rules.meaning(other)
    assert rules.owner_of(own) == rules.owner_of(other) == "cache"


@pytest.mark.parametrize("other", ["-s 10.0.0.0/9", "! -s 10.0.0.0/8", ""])
def test_another_source_is_another_rule(other: str) -> None:
    (own, *_) = made(sources=["10.0.0.0/8"], published=port())[4]
    assert rules.meaning(own) != rules.meaning(own.replace("-s 10.0.0.0/8", other))


@pytest.mark.parametrize(
    ("line", "owner"),
    [
        ("-A NETMODE-REDIS -j ACCEPT", ""),
        ("-A NETMODE-REDIS -m comment --comment cache -j DROP", ""),
        ('-A NETMODE-REDIS -m comment --comment "netmode.docker.redis:a.b-c_d" -j DROP', "a.b-c_d"),
        ('-A NETMODE-REDIS -m comment --comment "netmode.docker.redis:a b" -j DROP', ""),
    ],
)
def test_a_rule_is_known_by_its_comment(line: str, owner: str) -> None:
    assert rules.owner_of(line) == owner


LINES = made(sources=["10.0.0.0/8"], published=port())[4]
OTHERS = [line.replace("cache", "vault") for line in LINES]
CALL = "-A PREROUTING ! -i lo -j NETMODE-REDIS"


def seen(lines: list[str], *, call: str = CALL, chain: bool = True) -> Listed:
    return rules.listed(
        "\n".join(
            ["-P PREROUTING ACCEPT", *(["-N NETMODE-REDIS"] if chain else []), "-A PREROUTING -j DOCKER", call, *lines]
        )
    )


@pytest.mark.parametrize(
    ("current", "differing"),
    [
        (seen([*LINES, *OTHERS]), []),
        (seen([*LINES, *OTHERS], call="-A PREROUTING -j NETMODE-REDIS ! -i lo"), []),
        (seen([*OTHERS, *LINES]), []),
        (seen([*LINES, *OTHERS], call=""), ["cache", "vault"]),
        (seen([*LINES, *OTHERS], call="-A PREROUTING -j NETMODE-REDIS"), ["cache", "vault"]),
        (seen([], chain=False, call=""), ["cache", "vault"]),
        (seen(LINES), ["vault"]),
        (seen([LINES[0], *OTHERS]), ["cache"]),
        (seen([LINES[1], LINES[0], *OTHERS]), ["cache"]),
        (seen([*LINES, LINES[1], *OTHERS]), ["cache"]),
        (seen(["-A NETMODE-REDIS -j ACCEPT", *LINES, *OTHERS]), ["cache", "vault"]),
    ],
)
def test_what_somebody_changed_is_found(current: Listed, differing: list[str]) -> None:
    assert rules.differing([*LINES, *OTHERS], current) == differing


def test_rules_of_others_stay_and_the_order_of_calls_shows_in_nothing() -> None:
    assert rules.merge(OTHERS, ["cache"], {"cache": LINES}) == rules.merge(LINES, ["vault"], {"vault": OTHERS})
    assert rules.merge([*LINES, *OTHERS], ["cache"], {"cache": []}) == OTHERS
    assert rules.merge([*LINES, *OTHERS], ["cache", "vault"], {"cache": [], "vault": []}) == []


def test_rules_of_others_stay_where_their_record_was_lost() -> None:
    assert rules.with_others(LINES, seen([*LINES[1:], *OTHERS, "-A NETMODE-REDIS -j ACCEPT"])) == [*LINES, *OTHERS]
    assert rules.with_others(LINES, None) == LINES


networks = st.one_of(
    st.integers(0, 32).map(lambda bits: ipaddress.ip_network((0x0A01 << 16, bits), strict=False)),
    st.integers(0, 128).map(lambda bits: ipaddress.ip_network((0xFD01 << 112, bits), strict=False)),
)
entries = st.builds(
    dict,
    name=st.from_regex(r"[a-z][a-z0-9_.-]{1,20}", fullmatch=True),
    sources=st.lists(networks.map(str), max_size=4),
    published=st.lists(
        st.builds(
            dict, address=st.sampled_from(["", "::", "0.0.0.0", "192.0.2.1", "fd00::1"]), port=st.integers(1, 65535)
        ),
        max_size=3,
    ),
    direct=st.lists(
        st.builds(dict, network=st.sampled_from([*BRIDGES, "gone"]), port=st.integers(1, 65535)), max_size=3
    ),
)


@given(st.lists(entries, max_size=4, unique_by=lambda entry: str(entry["name"])))
def test_what_a_program_sets_is_read_back_from_its_text_and_is_what_the_kernel_is_to_have(
    given_entries: list[dict[str, Any]],
) -> None:
    own = {one.name: rules.rules_of(one, BRIDGES) for one in parse_list(given_entries)}
    lines = {family: rules.merge([], own, {name: found[family] for name, found in own.items()}) for family in (4, 6)}
    assert rules.recorded(rules.program(lines)) == lines
    for found in lines.values():
        assert rules.differing(found, seen(found)) == []
        for one in found:
            assert rules.owner_of(one) in own
        drops = [index for index, line in enumerate(found) if line.endswith(" DROP")]
        assert bool(drops) == bool(found), "what lets somebody in also keeps others out"


@pytest.mark.parametrize("text", ["#!/bin/sh\n", "set_rules iptables <<'RULES'\nRULES\n"])
def test_a_program_of_somebody_else_is_not_taken_for_its_own(text: str) -> None:
    with pytest.raises(NetmodeError, match="not as redis_sources wrote it"):
        rules.recorded(text)


def test_where_there_is_none_nothing_is_recorded() -> None:
    assert rules.recorded("") == {4: [], 6: []}


# --- the plan ---------------------------------------------------------------------------------------------------------


class NoBoot:
    """A host on which nothing is set at its start, or all."""

    def __init__(self, *, done: bool) -> None:
        self.done = done

    def is_set(self, text: str) -> bool:
        return self.done if text else not self.done


@pytest.mark.parametrize(
    ("before", "kernel", "boot", "reasons"),
    [
        (LINES, seen(LINES), True, []),
        ([], seen([], chain=False, call=""), False, ["iptables: its rules are to be others"]),
        (LINES, seen(LINES[1:]), True, ["iptables: the kernel does not have its rules"]),
        (LINES, seen(LINES), False, ["its rules are not set at the start of the host"]),
    ],
)
def test_the_plan_says_why(
    monkeypatch: pytest.MonkeyPatch, before: list[str], kernel: Listed, boot: bool, reasons: list[str]
) -> None:
    monkeypatch.setattr(look, "BOOT", NoBoot(done=boot))
    (one,) = parse_list(
        [{"name": "cache", "sources": ["10.0.0.0/8"], "published": port(address="0.0.0.0"), "direct": []}]
    )
    plan = look.plan([one], {4: before, 6: []}, {4: LINES, 6: []}, {4: kernel, 6: None}, set())
    assert plan.reasons == ({"cache": reasons} if reasons else {})
    assert plan.changed is bool(reasons)
    assert plan.left is False


@pytest.mark.parametrize(
    ("kernel", "boot", "left"),
    [
        (seen([], chain=False, call=""), False, False),
        (seen([], chain=True, call=""), False, True),
        (seen([], chain=False, call=CALL), False, True),
        (seen([], chain=False, call=""), True, True),
    ],
)
def test_where_nothing_is_kept_what_is_left_of_it_goes(
    monkeypatch: pytest.MonkeyPatch, kernel: Listed, boot: bool, left: bool
) -> None:
    monkeypatch.setattr(look, "BOOT", NoBoot(done=boot))
    nothing: dict[int, list[str]] = {4: [], 6: []}
    plan = look.plan([], nothing, nothing, {4: kernel, 6: None}, set())
    assert (plan.left, plan.changed, plan.program) == (left, left, "")


def test_a_network_that_is_yet_to_be_made_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "BOOT", NoBoot(done=True))
    entry = {"name": "cache", "sources": ["10.0.0.0/8"], "published": port(address="0.0.0.0")}
    (one,) = parse_list([{**entry, "direct": [{"network": "new", "port": 6379}]}])
    plan = look.plan([one], {4: LINES, 6: []}, {4: LINES, 6: []}, {4: seen(LINES), 6: None}, {"bridge"})
    assert plan.reasons == {"cache": ["its network new is yet to be made"]}
