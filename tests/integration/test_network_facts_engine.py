# SPDX-License-Identifier: GPL-3.0-or-later
"""``network_facts`` where the engine is missing, forbidden, unfit or going away: one clear message, and empty hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from network_shape import assert_shape, read
from retold_engine import CLOSE, HANG, retold_engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab import Host


def test_a_reader_without_access_to_the_socket_is_told_the_way_out(host: Host) -> None:
    result = host.run_module("network_facts", {}, user="games")
    assert result["failed"]
    assert "permission denied" in result["msg"].lower()
    assert "become" in result["msg"]


def test_engine_down_is_one_clear_message(host: Host) -> None:
    result = host.run_module("network_facts", {"docker_host": "unix:///run/no-engine.sock"})
    assert result["failed"]
    assert "unix:///run/no-engine.sock" in result["msg"]
    assert "Is Docker installed and started" in result["msg"]


@pytest.mark.parametrize(
    ("headers", "word"),
    [({"api_version": "1.40", "server": "Docker/19.03.15"}, "too old"), ({"api_version": "x"}, "does not answer like")],
)
def test_an_engine_that_cannot_be_used_is_named(host: Host, headers: dict[str, str], word: str) -> None:
    with retold_engine(lambda _path, answer: answer, **headers) as url:
        result = host.run_module("network_facts", {"docker_host": url})
    assert result["failed"]
    assert word in result["msg"]


def test_an_engine_that_hangs_is_given_up_after_the_timeout(host: Host) -> None:
    with retold_engine(lambda _path, _answer: HANG) as url:
        result = host.run_module("network_facts", {"docker_host": url, "timeout": 1})
    assert result["failed"]
    assert "within 1 s" in result["msg"]


def test_an_engine_that_dies_between_two_answers_is_one_clear_message(host: Host) -> None:
    with retold_engine(lambda path, answer: CLOSE if "/networks" in path else answer) as url:
        result = host.run_module("network_facts", {"docker_host": url})
    assert result["failed"]
    assert "Cannot talk to the Docker Engine" in result["msg"]
    assert url in result["msg"]


def test_an_engine_without_containers(fresh_machine: Callable[..., Host]) -> None:
    facts = read(fresh_machine())
    assert_shape(facts)
    assert facts["containers"] == facts["veths"] == {}
    assert facts["unclaimed"] == []
    assert facts["bridges"]["docker0"]["ports"] == []
    assert facts["bridges"]["docker0"]["network"] == "bridge"
