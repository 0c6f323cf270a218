# SPDX-License-Identifier: GPL-3.0-or-later
"""O2, O3: what a run leaves as it is: the notes that tools keep on a container, and what it tells of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from containers_lab import IDLE, IMAGE, RICH, Lab, entry, make_images
from in_process import bring
from lab import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

Json = dict[str, Any]
pytestmark = [pytest.mark.engines, pytest.mark.spread]
COMPOSE = {
    "com.docker.compose.project": "shop",
    "com.docker.compose.service": "one",
    "com.docker.compose.config-hash": "0123",
    "com.docker.compose.oneoff": "False",
}


@pytest.fixture(scope="module")
def images(machine: Host) -> Iterator[Host]:
    before = machine.things()
    make_images(machine)
    yield machine
    machine.remove_new(before)


@pytest.fixture
def lab(images: Host) -> Iterator[Lab]:
    yield Lab(images)
    images.sh("docker rm -f -v one", check=False)


def by_hand(lab: Lab, *options: str, image: str = IMAGE) -> str:
    lab.docker("run", "-d", "--name", "one", *options, image, *IDLE)
    # Before that its first process does not listen to a signal either, and would be killed.
    ask = ("exec", "one", "redis-cli", "-s", IDLE[-1], "ping")
    wait_until(lambda: lab.docker(*ask, check=False) == "PONG", "it answers")
    return lab.id("one")


def both(one: Json) -> tuple[bool, list[str]]:
    """Whether it changes, and the warnings: the same in check mode and in the run."""
    said, done = bring(one, check=True), bring(one)
    assert (said.changed, said.warnings, said.diff) == (done.changed, done.warnings, done.diff)
    return done.changed, done.warnings


def test_o3_a_container_of_compose_is_adopted_and_keeps_its_labels(lab: Lab) -> None:
    made = by_hand(lab, *[f"--label={key}={value}" for key, value in COMPOSE.items()], "--label=tier=back")
    assert both(entry("one", labels={"tier": "back"})) == (False, [])
    assert lab.id("one") == made
    asked = entry("one", labels={"tier": "front", "com.docker.compose.oneoff": "True"})
    assert both(asked)[0] is True
    labels = lab.inspect("one")["Config"]["Labels"]
    assert {**COMPOSE, "com.docker.compose.oneoff": "True", "tier": "front"}.items() <= labels.items()
    assert both(asked) == (False, [])
    assert both(entry("one"))[0] is True, "a label that is nobody's note goes with its entry"
    labels = lab.inspect("one")["Config"]["Labels"]
    assert "tier" not in labels
    assert labels["com.docker.compose.project"] == "shop"


def test_o3_what_a_container_has_otherwise_than_one_made_now_is_told_and_left(lab: Lab) -> None:
    made = by_hand(lab, "--log-driver", "none")
    for _ in range(2):
        changed, warnings = both(entry("one"))
        assert changed is False
        assert ["log driver: none, not json-file" in warning for warning in warnings] == [True], warnings
    assert lab.id("one") == made
    assert both(entry("one", recreate="always")) == (True, [])
    assert both(entry("one")) == (False, [])


def test_o2_a_volume_that_is_mounted_no_more_is_told_in_check_mode_too(lab: Lab) -> None:
    by_hand(lab, image=RICH)
    changed, warnings = both(entry("one", image=RICH, command=IDLE, volumes=["nmt-named:/data"]))
    assert changed
    assert ["mounted no more" in warning for warning in warnings] == [True], warnings
