# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a label is: the list's, the image's, a tool's note, or drift. And what is told of an outdated container."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._containers import labels
from ansible_collections.netmode.docker.plugins.module_utils._engine import defaults as engine_defaults

COMPOSE = {"com.docker.compose.project": "shop", "com.docker.compose.config-hash": "17"}


@pytest.mark.parametrize(
    ("current", "wanted", "differs"),
    [
        ({**COMPOSE, "a": "b"}, {"a": "b"}, False),
        ({**COMPOSE, "a": "b"}, {}, True),
        ({**COMPOSE}, {}, False),
        ({**COMPOSE}, {"com.docker.compose.project": "shop"}, False),
        ({**COMPOSE}, {"com.docker.compose.project": "other"}, True),
        ({}, {"com.docker.compose.project": "shop"}, True),
        ({"io.docker.note": "x", "org.dockerproject.note": "y"}, {}, False),
        ({"com.dockerish": "x"}, {}, True),
        ({"com.example.docker": "x"}, {}, True),
        ({labels.NAME: "web", labels.CONFIGS: "x"}, {}, False),
        (None, None, False),
    ],
)
def test_labels_that_docker_tools_keep_are_no_drift(current: Any, wanted: Any, differs: bool) -> None:
    kept = labels.without_notes(current, wanted)
    assert (labels.to_compare(kept) != labels.to_compare(wanted)) is differs


def test_the_successor_keeps_the_notes_but_not_what_the_old_image_brought() -> None:
    current = {**COMPOSE, "com.docker.compose.service": "web", "a": "b"}
    assert labels.notes(current, {}) == {**COMPOSE, "com.docker.compose.service": "web"}
    assert labels.notes(current, {"com.docker.compose.service": "web"}) == COMPOSE
    assert labels.notes(current, {"com.docker.compose.service": "api"})["com.docker.compose.service"] == "web"


MADE: dict[str, Any] = {"HostConfig": {"ShmSize": 64 << 20, "LogConfig": {"Type": "json-file", "Config": {}}}}


@pytest.mark.parametrize(
    ("config", "arguments", "given", "told"),
    [
        ({}, [], {}, []),
        ({"default-shm-size": "128m"}, [], {}, ["shm_size in bytes: 67108864, not 134217728"]),
        ({"default-shm-size": "128m"}, [], {"shm_size": 64 << 20}, []),
        ({}, ["--default-shm-size=1g"], {}, ["shm_size in bytes: 67108864, not 1073741824"]),
        ({"log-driver": "journald"}, [], {}, ["log driver: json-file, not journald"]),
        ({}, ["--log-driver=local"], {}, ["log driver: json-file, not local"]),
        ({"log-opts": {"max-size": "10m"}}, [], {}, ["log option max-size: none, not 10m"]),
        (
            {"log-opts": {"max-file": 3}},
            ["--log-opt", "max-size=1m"],
            {},
            ["log option max-file: none, not 3", "log option max-size: none, not 1m"],
        ),
        ({"log-driver": "journald", "log-opts": {"tag": "x"}}, [], {}, ["log driver: json-file, not journald"]),
    ],
)
def test_what_a_container_has_otherwise_than_one_made_now_is_told(
    config: Any, arguments: list[str], given: Any, told: list[str]
) -> None:
    defaults = engine_defaults.parse(config, arguments)
    assert engine_defaults.outdated(MADE, given, defaults) == told
    assert engine_defaults.outdated(MADE, given, engine_defaults.UNKNOWN) == []
