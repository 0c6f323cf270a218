# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages the role docker_engine installs, of the distribution or of Docker's repository, pins and holds."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._daemon.repository import (
    FILES,
    KEY,
    PIN,
    SOURCE,
    is_older,
    matches,
    runs,
)
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from daemon_host import DOWN, NONE, host, plan

FULL = "5:28.5.2-1~debian.12~bookworm"
ENGINE = {"docker-ce": FULL, "docker-ce-cli": FULL, "containerd.io": "1.7.28-1"}
NOTHING: dict[str, Any] = {
    "codename": "bookworm",
    "versions": {},
    "held": [],
    "files": dict.fromkeys(FILES, ""),
    "other_sources": [],
    "key_exists": False,
}


def packages(found: dict[str, Any], **variables: Any) -> dict[str, Any]:
    made: dict[str, Any] = plan(found, source="docker", **variables)["packages"]
    return made


def set_up(**variables: Any) -> dict[str, Any]:
    """A host with Docker's engine, as the role leaves it."""
    due = packages(host(**NONE, packages=NOTHING), **variables)
    files = {**NOTHING["files"], KEY: "a key\n", **{one["path"]: one["text"] for one in due["write"]}}
    return host(version="28.5.2", packages={**NOTHING, "versions": ENGINE, "files": files})


def text(made: dict[str, Any], path: str) -> str:
    return next(one["text"] for one in made["write"] if one["path"] == path)


def test_a_host_without_an_engine_gets_docker_s() -> None:
    made = packages(
        host(**NONE | {"needed": ["docker.io", "docker-cli", "iptables", "python3-docker"]}, packages=NOTHING)
    )
    assert made["distribution"] == ["iptables", "python3-docker"]
    assert made["docker"] == ["docker-ce", "docker-ce-cli", "containerd.io"]
    assert made["key"] == "https://download.docker.com/linux/debian/gpg"
    assert text(made, SOURCE).splitlines()[1:] == [
        "Types: deb",
        "URIs: https://download.docker.com/linux/debian",
        "Suites: bookworm",
        "Components: stable",
        f"Signed-By: {KEY}",
    ]


@pytest.mark.parametrize(
    "variables", [{}, {"version": "28"}, {"version": FULL}, {"repository_key": "https://a.example/k"}]
)
def test_a_host_that_was_set_up_is_settled(variables: dict[str, Any]) -> None:
    assert plan(set_up(**variables), source="docker", **variables)["settled"] is True


@pytest.mark.parametrize(
    ("variables", "steps"),
    [
        ({"version": "28.5"}, [f"write {PIN}"]),
        ({"repository_channel": "test"}, ["fetch https://download.docker.com/linux/debian/gpg", f"write {SOURCE}"]),
        ({"version": "28.6.0"}, [f"write {PIN}", "install docker-ce (28.6.0), docker-ce-cli (28.6.0)"]),
        ({"hold": True}, ["hold docker-ce, docker-ce-cli, containerd.io"]),
        ({"hold": False}, []),
    ],
)
def test_what_is_due_where_a_variable_changes(variables: dict[str, Any], steps: list[str]) -> None:
    made = plan(set_up(), source="docker", **variables)
    assert made["packages"]["steps"] == steps
    assert made["action"] == ("restart" if variables.get("version") == "28.6.0" else "none")


def test_an_engine_that_was_upgraded_and_not_restarted_is_restarted() -> None:
    found = {**set_up(version="28.5.2"), "version": "28.5.1"}
    made = plan(found, source="docker", version="28.5.2")
    assert (made["packages"]["steps"], made["action"], made["settled"]) == ([], "restart", False)


def test_a_version_that_is_no_longer_set_leaves_no_pin() -> None:
    assert packages(set_up(version="28"))["remove"] == [PIN]


def test_a_source_of_others_is_used_as_it_is() -> None:
    found = host(**NONE, packages={**NOTHING, "other_sources": ["/etc/apt/sources.list.d/docker.list"]})
    assert (packages(found)["write"], packages(found)["key"]) == ([], "")


@pytest.mark.parametrize(
    ("wanted", "pattern"),
    [
        ("28", "5:28.*"),
        ("28.5", "5:28.5.*"),
        ("28.5.2", "5:28.5.2-*"),
        (FULL, FULL),
        ("28.0.0~rc.1-1~debian.12~bookworm", "5:28.0.0~rc.1-1~debian.12~bookworm"),
    ],
)
def test_the_pin_takes_what_is_meant_and_nothing_else(wanted: str, pattern: str) -> None:
    pin = text(packages(host(**NONE, packages=NOTHING), version=wanted), PIN)
    assert f"Pin: version {pattern}\nPin-Priority: 999\n" in pin
    assert pin.endswith("Pin: release *\nPin-Priority: -1\n")


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [("28", True), ("28.5", True), ("28.5.2", True), (FULL, True), ("2", False), ("28.5.20", False), ("29", False)],
)
def test_which_version_is_meant(wanted: str, meant: bool) -> None:
    assert matches(wanted, FULL) is meant
    assert runs(wanted, "28.5.2") is meant


def test_what_is_older() -> None:
    assert [is_older(wanted, FULL) for wanted in ("27", "28", "28.4", "28.5.2", "29")] == [
        True,
        False,
        True,
        False,
        False,
    ]


ASKED = {"source": "docker"}
REFUSED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (host(packages=NOTHING), ASKED, "docker_engine_source is docker, and the engine of this host is not"),
    (host(**DOWN, packages=NOTHING), ASKED, "The role replaces no engine"),
    (host(), {"version": "28"}, "docker_engine_version: the distribution has one version only"),
    (
        host(**NONE, packages=NOTHING),
        {**ASKED, "version": "latest"},
        "docker_engine_version: 'latest' is not a version",
    ),
    (set_up(), {**ASKED, "version": "27"}, "docker_engine_version: 27 is older than what is installed"),
    (
        host(**NONE, packages=NOTHING),
        {**ASKED, "repository_url": "mirror"},
        "docker_engine_repository_url: 'mirror' is not",
    ),
    (host(**NONE, packages=NOTHING), {**ASKED, "repository_key": "0EBFCD88"}, "docker_engine_repository_key must be"),
    (
        host(**NONE, packages=NOTHING),
        {**ASKED, "repository_key": "/etc/no.asc"},
        "there is no /etc/no.asc on this host",
    ),
    (host(**NONE, distribution="Fedora"), ASKED, "docker_engine_install: false"),
]


@pytest.mark.parametrize(("found", "variables", "said"), REFUSED)
def test_what_cannot_be_right_is_refused(found: dict[str, Any], variables: dict[str, Any], said: str) -> None:
    with pytest.raises(NetmodeError) as raised:
        plan(found, **variables)
    assert said in str(raised.value)


def test_without_installing_no_package_is_looked_at() -> None:
    made = plan(host(packages=None), source="docker", install=False, hold=True)
    assert (made["settled"], made["packages"]["steps"]) == (True, [])
