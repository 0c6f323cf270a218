# SPDX-License-Identifier: GPL-3.0-or-later
"""The page as people meet it: in light and dark, on a phone, on paper, by keyboard, without script, of a fleet."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.filter.topology_page import topology_page
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tree import CHECKOUT

FILES = CHECKOUT / "roles" / "topology" / "files"
SHOTS = CHECKOUT / "build" / "screenshots"
GOLDEN = CHECKOUT / "tests" / "unit" / "support" / "golden" / "facts.json"
FACTS: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
FLEET = {"web1": FACTS["article"], "db2": FACTS["rich"], "db1": None}
PORTS = {"web1": {"redis-host": 6515, "redis-container": 6379}, "db2": {"h1": [6379, 6380], "first": 7001}}
ROLES = {"web1": {"redis-bridge": "slots 0-5461; master of 10.0.0.2:7001"}}
CELL = {"to": "web1", "instance": "redis-bridge", "where": "10.0.0.1:6379", "observed": "PONG"}
CELLS = [{**CELL, "from": "web1", "ok": True}, {**CELL, "from": "db2", "ok": False}]
WIDTHS = (390, 820, 1280)


def html(fleet: dict[str, Any], **more: Any) -> str:
    style, script = ((FILES / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return topology_page(fleet, style=style, script=script, **more)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("page") / "topology.html"
    file.write_text(html(FLEET, ports=PORTS, roles=ROLES, cells=CELLS), encoding="utf-8")
    return file.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def seen(browser: Browser, address: str) -> Iterator[Page]:
    """The page; what it says on the console, or asks for beside itself, fails the test."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if request.url.partition("#")[0] != address else None)
    page.goto(address)
    yield page
    page.close()
    assert said == []


def names(page: Page) -> list[str]:
    """Containers that are seen."""
    return [str(one.text_content()) for one in page.locator("#hosts .c > b").all() if one.is_visible()]


def everything() -> set[str]:
    return {*FACTS["article"]["containers"], *FACTS["rich"]["containers"]}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_is_readable_for_everyone_and_fits(browser: Browser, address: str, width: int, scheme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(address)
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"topology-{scheme}-{width}.png", full_page=True)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert set(names(page)) == everything()
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = sum(map(int, paper.strip("rgb()").split(","))) < 384
    assert dark == (scheme == "dark")
    page.close()


def test_what_is_typed_filters_and_is_kept_in_the_address(seen: Page) -> None:
    seen.keyboard.press("/")
    seen.keyboard.type("donor")
    assert set(names(seen)) == {"donor", "chained", "first", "second", "orphan", "widow"}
    assert seen.locator("output").inner_text() == "3 found"
    assert not seen.get_by_text("The host's own network").locator("visible=true").count()
    seen.wait_for_url("**#find=donor")
    seen.reload()
    assert seen.input_value("#find") == "donor"
    assert set(names(seen)) == {"donor", "chained", "first", "second", "orphan", "widow"}
    seen.focus("#find")
    seen.keyboard.press("Escape")
    assert set(names(seen)) == everything()


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("172.17.0.4", {"a-rather-long-container-name"}),
        ("02:42:0a:59:00:03", {"donor", "chained", "first", "second"}),
        ("veth10", {"app"}),
        ("db2 host redis:7", {"h1", "h1-side", "h2"}),
        ("nothing has this", set()),
    ],
)
def test_each_part_is_found(seen: Page, typed: str, found: set[str]) -> None:
    seen.fill("#find", typed)
    assert set(names(seen)) == found


def test_the_keyboard_reaches_every_link_in_their_order(seen: Page) -> None:
    seen.keyboard.press("Tab")
    assert seen.evaluate("document.activeElement.className") == "skip"
    seen.keyboard.press("Enter")
    assert seen.evaluate("location.hash") == "#hosts"
    seen.goto(seen.url.partition("#")[0])
    links = seen.evaluate("[...document.querySelectorAll('a')].map((one) => one.textContent)")
    reached = []
    for _ in range(len(links) + 10):
        seen.keyboard.press("Tab")
        if seen.evaluate("document.activeElement.tagName") == "A":
            reached.append(seen.evaluate("document.activeElement.textContent"))
        if len(reached) == len(links):
            break
    assert reached == links


def test_a_finding_leads_to_its_place(seen: Page) -> None:
    finding = seen.locator(".wrong li", has_text="second is no longer").locator("a")
    finding.focus()
    seen.keyboard.press("Enter")
    target = seen.locator(":target")
    assert target.locator("> b").text_content() == "second"
    expect(target).to_be_in_viewport()


def test_without_script_everything_is_there_and_no_search_that_does_nothing(browser: Browser, address: str) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(address)
    assert set(names(page)) == everything()
    assert not page.locator("#search").is_visible()
    page.context.close()


def test_on_paper_everything_is_there(seen: Page) -> None:
    seen.emulate_media(media="print", color_scheme="dark")
    assert set(names(seen)) == everything()
    assert not seen.locator("#search").is_visible()
    assert seen.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert seen.pdf().startswith(b"%PDF")


def test_a_hundred_hosts_with_fifty_containers_open_and_are_searched_in_two_seconds(
    browser: Browser, tmp_path: Path
) -> None:
    interface = FACTS["article"]["containers"]["httpd"]["interfaces"][0]

    def container(number: int) -> dict[str, Any]:
        own = {**interface, "veth": f"veth{number:07x}", "ipv4": [f"172.17.0.{number + 2}/16"]}
        name = f"container-{number}"
        return {**FACTS["article"]["containers"]["httpd"], "name": name, "interfaces": [own], "joined_by": []}

    host = {**FACTS["article"], "containers": {f"container-{n}": container(n) for n in range(50)}}
    file = tmp_path / "many.html"
    started = time.monotonic()
    file.write_text(html({f"host{number:03}": host for number in range(100)}), encoding="utf-8")
    made = time.monotonic() - started
    page = browser.new_page()
    started = time.monotonic()
    page.goto(file.as_uri())
    opened = time.monotonic() - started
    started = time.monotonic()
    page.fill("#find", "host042 container-7")
    assert page.locator("output").inner_text() == "1 found"
    found = time.monotonic() - started
    page.close()
    size = file.stat().st_size / 1e6
    print(f"\n    {size:.2f} MB made in {made:.2f} s, opened in {opened:.2f} s, searched in {found:.2f} s")
    assert (made < 5, opened + found < 2) == (True, True)
