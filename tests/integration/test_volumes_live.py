# SPDX-License-Identifier: GPL-3.0-or-later
"""The module volumes on a real engine: made, left alone, never recreated, removed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

MEMORY = {
    "name": "lab-memory",
    "driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"},
    "labels": {"team": "cache"},
}


@pytest.fixture
def volumes(run_module: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def run(*wanted: dict[str, Any], pending: tuple[str, ...] = (), **options: Any) -> dict[str, Any]:
        return run_module("volumes", {"volumes": list(wanted), "pending": list(pending)}, **options)

    return run


def test_made_once_as_asked_and_removed_once(
    docker: Callable[..., str], volumes: Callable[..., dict[str, Any]], image: str
) -> None:
    plain = {"name": "lab-plain"}
    predicted = volumes(plain, MEMORY, check=True, diff=True)
    assert predicted["changed"] is True
    assert "lab-plain" not in docker("volume", "ls", "-q")
    made = volumes(plain, MEMORY, diff=True)
    assert made["volumes"] == predicted["volumes"]
    assert made["diff"] == predicted["diff"]
    docker("create", "-v", "lab-plain:/data", "--name", "lab-user", image)
    going = {"name": "lab-plain", "state": "absent"}
    assert "lab-user has it" in volumes(going, check=True)["msg"]
    assert volumes(going, check=True, pending=("lab-user",))["changed"] is True
    assert "lab-user has it" in volumes(going, pending=("lab-user",))["msg"], "of effect in check mode alone"
    docker("rm", "lab-user")
    (found,) = json.loads(docker("volume", "inspect", "lab-memory"))
    assert found["Options"] == MEMORY["driver_opts"]
    assert found["Labels"] == {**MEMORY["labels"], "netmode.docker.made": ""}
    assert volumes(plain, MEMORY)["changed"] is False
    gone = [{"name": "lab-plain", "state": "absent"}, {"name": "lab-memory", "state": "absent"}]
    assert volumes(*gone)["changed"] is True
    assert volumes(*gone)["changed"] is False
    assert "lab-" not in docker("volume", "ls", "-q")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ([{"name": "lab-plain", "driver_opts": {"type": "tmpfs"}}], "holds data"),
        ([{"name": "lab-plain"}, {"name": "lab-plain"}], "in the list twice"),
        ([{"name": "lab-new", "driver": "none-such"}], "lab-new: driver: 'none-such' is none that"),
        (
            [{"name": "lab-new", "driver_opts": {"sise": "1m"}}],
            "driver_opts: 'sise' is not an option of the driver local",
        ),
        ([{"name": "lab-new", "driver_opts": {"type": "tmpfs"}}], "takes type and device together"),
        (
            [{"name": "lab-new"}, {"name": "lab-plain", "state": "absent"}],
            "volume lab-plain: state: absent: lab-user has",
        ),
        ([{"name": "lab-new"}, {"name": ""}], "volume '': name: no volume can be called so"),
    ],
    ids=[
        "other options",
        "one name twice",
        "no such driver",
        "no such option",
        "half the options",
        "in use",
        "no name",
    ],
)
def test_refused_with_one_message_and_the_data_stays(
    docker: Callable[..., str],
    volumes: Callable[..., dict[str, Any]],
    image: str,
    wanted: list[dict[str, Any]],
    said: str,
) -> None:
    docker("run", "-v", "lab-plain:/data", "--name", "lab-user", image, "busybox", "touch", "/data/kept")
    result = volumes(*wanted)
    assert result["failed"]
    assert said in result["msg"], result["msg"]
    assert "lab-new" not in docker("volume", "ls", "-q"), "made before the refusal"
    assert docker("run", "--rm", "-v", "lab-plain:/data", image, "busybox", "ls", "/data") == "kept"
