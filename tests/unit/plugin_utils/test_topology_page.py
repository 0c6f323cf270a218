# SPDX-License-Identifier: GPL-3.0-or-later
"""The page: everything of the facts is in it as text, each link leads somewhere, and nothing but its own may run."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.filter.topology_page import topology_page
from hypothesis import given
from hypothesis import strategies as st
from tree import CHECKOUT

FILES = CHECKOUT / "roles" / "topology" / "files"
FACTS: dict[str, Any] = json.loads(
    (CHECKOUT / "tests" / "unit" / "support" / "golden" / "facts.json").read_text(encoding="utf-8")
)
FLEET = {"web1": FACTS["article"], "db2": FACTS["rich"], "db1": None}
PORTS = {"web1": {"redis-host": 6515}, "db2": {"h1": [6379, 6380], "first": 7001}}


class Read(HTMLParser):
    """What a browser would make of it: elements with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += f"{data}\n"

    def all(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]


def drawn(data: Any = None, **more: Any) -> Read:
    given_data = FLEET if data is None else data
    return Read(topology_page(given_data, **{"ports": PORTS, "style": "", "script": "", **more}))


def test_every_container_veth_bridge_and_address_is_in_it() -> None:
    text = drawn().text
    for facts in (FACTS["article"], FACTS["rich"]):
        for name, container in facts["containers"].items():
            assert re.search(rf"^{re.escape(name)}$", text, re.MULTILINE), name
            if container["status"] == "running" and not container["stale"]:
                for interface in container["interfaces"]:
                    assert interface["mac"] in text
                    assert all(address in text for address in interface["ipv4"])
        assert all(re.search(rf"\b{name}\b", text) for name in [*facts["veths"], *facts["bridges"]])


def test_each_link_leads_to_its_place_and_no_place_is_there_twice() -> None:
    read = drawn()
    places = read.all("id")
    assert len(places) == len(set(places))
    assert {link.removeprefix("#") for link in read.all("href")} <= set(places)


def test_what_is_wrong_stands_first() -> None:
    text = drawn().text
    answers = text[text.index("What is wrong") : text.index("What is open")]
    for told in (
        "could not be read",
        "second is no longer in donor's namespace; restart it",
        "orphan is without a network: its donor is gone",
        "widow is without a network: its donor old does not run",
        "vethdead001 on docker0 is a veth of no container",
        "vethfree is a veth of no container and on no bridge",
        "a-rather-long-container-name's eth0 is down",
    ):
        assert told in answers
    quiet = drawn({"web1": FACTS["article"]}).text
    assert "Nothing." in quiet[quiet.index("What is wrong") : quiet.index("What is open")]


@pytest.mark.parametrize(
    ("address", "told"),
    [("10.89.0.9/16", "br-back and br-own overlap"), ("10.89.1.9/24", ""), ("fd00::9/64", "")],
)
def test_subnets_that_overlap_are_told(address: str, told: str) -> None:
    rich = json.loads(json.dumps(FACTS["rich"]))
    rich["bridges"]["br-own"]["ipv4"] = [address]
    found = [line for line in drawn({"db2": rich}).text.splitlines() if "overlap" in line]
    assert [line.partition(":")[0] for line in found] == ([told] if told else [])


def test_an_address_that_two_have_is_told() -> None:
    rich = json.loads(json.dumps(FACTS["rich"]))
    rich["containers"]["donor"]["interfaces"][0]["ipv4"] = ["10.89.0.2/24"]
    assert "10.89.0.2 on br-back is that of app and donor" in drawn({"db2": rich}).text


def test_the_order_of_the_facts_does_not_matter() -> None:
    turned = {name: FLEET[name] for name in reversed(FLEET)}
    turned["db2"] = {**FACTS["rich"], "containers": dict(reversed(FACTS["rich"]["containers"].items()))}
    assert topology_page(turned, ports=PORTS) == topology_page(FLEET, ports=PORTS)


def test_only_its_own_style_and_script_may_run_and_nothing_is_loaded() -> None:
    style, script = ((FILES / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    html = topology_page(FLEET, style=style, script=script)
    read = Read(html)
    (policy,) = (one["content"] for _, one in read.elements if one.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    for kind, text in (("style", style), ("script", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
        assert html.count(f"<{kind}>") == 1
    assert not {"src", "style", "onclick"} & {key for _, attributes in read.elements for key in attributes}
    assert not re.search(r"https?://|url\(|@import", html)


HOSTILE = st.one_of(
    st.text(min_size=1, max_size=128),
    st.sampled_from(
        ["<script>alert(1)</script>", "\u202egnp.exe", '"><img src=x onerror=x>', "a' b", "&lt;", "]]>", "{0}"]
    ),
)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_any_name_is_text(host: str, image: str, network: str) -> None:
    facts = json.loads(json.dumps(FACTS["article"]))
    facts["containers"]["httpd"]["image"] = image
    facts["bridges"]["docker0"]["network"] = network
    read = drawn({host: facts}, ports={}, roles={host: {"httpd": network}})
    assert [tag for tag, _ in read.elements if tag in ("script", "img", "style")] == ["style", "script"]
    kept = {"a", "b", "section", "li", "div"}
    assert [tag for tag, _ in read.elements if tag in kept] == [
        tag for tag, _ in drawn({"h": facts}, ports={}).elements if tag in kept
    ]


def test_a_hundred_hosts_with_fifty_containers_each_are_less_than_two_megabytes() -> None:
    style, script = ((FILES / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))

    def container(number: int) -> dict[str, Any]:
        interface = {
            "name": "eth0", "kind": "veth", "veth": f"veth{number:07x}", "bridge": "docker0", "network": "bridge",
            "ipv4": [f"172.17.0.{number + 2}/16"], "ipv6": [], "mac": f"02:42:ac:11:00:{number:02x}",
            "operstate": "UP", "managed_by": "docker",
        }  # fmt: skip
        published = [{"host_ip": "0.0.0.0", "host_port": 7000 + number, "container_port": 6379, "protocol": "tcp"}]
        return {
            "name": f"container-{number}", "image": "redis:8.2-bookworm", "mode": "bridge", "status": "running",
            "interfaces": [interface], "published": published, "joins": None, "stale": False,
        }  # fmt: skip

    host = {**FACTS["article"], "containers": {f"container-{n}": container(n) for n in range(50)}}
    html = topology_page({f"host{number:03}": host for number in range(100)}, style=style, script=script)
    assert len(html.encode()) < 2_000_000
    assert html.count("container-49</bdi>") >= 100
