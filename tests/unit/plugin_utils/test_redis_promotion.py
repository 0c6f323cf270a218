# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps promote a replica, over what the running servers of a fleet may say."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_promotion import promotion


def master(place: str, *replicas: str) -> dict[str, Any]:
    seen = [{"address": address, "state": "online", "offset": 9, "lag": 0} for address in replicas]
    return {"role": "master", "master": None, "link": None, "offset": 9, "replicas": seen, "place": place}


def replica(place: str | None, of: str = "10.0.0.1:6379", link: str = "up") -> dict[str, Any]:
    return {"role": "replica", "master": of, "link": link, "offset": 9, "replicas": [], "place": place}


FLEET = {
    "r1": {"redis": master("10.0.0.1:6379", "10.0.0.2:7000", "[fd00::3]:6379"), "other": master("10.0.0.1:6380")},
    "r2": {"redis": replica("10.0.0.2:7000")},
    "r3": {"redis": replica("[fd00::3]:6379"), "cache": replica("10.0.0.3:6380", of="10.0.0.1:6380")},
}


def test_its_master_hands_over_and_the_others_of_that_follow() -> None:
    made = promotion(FLEET, "r2")
    to = {"host": "10.0.0.2", "port": 7000}
    assert made["problem"] == ""
    assert made["line"] == "r1/redis hands over to r2/redis at 10.0.0.2:7000, and r3/redis follow it."
    assert made["steps"] == {
        "r1": {"hand_over": [{"instance": "redis", "step": "hand_over", **to}], "then": []},
        "r2": {"hand_over": [], "then": [{"instance": "redis", "step": "lead"}]},
        "r3": {"hand_over": [], "then": [{"instance": "redis", "step": "follow", **to}]},
    }
    assert promotion(FLEET, "r3/redis")["steps"]["r1"]["hand_over"][0]["host"] == "fd00::3"


def test_the_master_itself_has_nothing_to_do() -> None:
    made = promotion(FLEET, "r1/redis")
    assert made["line"] == "r1/redis is the master already."
    assert not any(step for of_host in made["steps"].values() for step in of_host.values())


REFUSED = [
    ("", FLEET, "say which replica is to become the master"),
    ("r9", FLEET, "it is not among the hosts of this play: r1, r2, r3."),
    ("r3", FLEET, "r3 has several, redis, cache: say which, as r3/redis."),
    ("r2/cache", FLEET, "r2 has no instance 'cache' that runs. It has redis."),
    ("r2", {**FLEET, "r2": {}}, "r2 has none that runs."),
    ("r2", {**FLEET, "r2": {"redis": replica(None)}}, "others do not reach it"),
    ("r2", {**FLEET, "r2": {"redis": replica("10.0.0.2:7000", link="down")}}, "its link to 10.0.0.1:6379 is down."),
    ("r2", {"r2": FLEET["r2"], "r3": FLEET["r3"]}, "its master at 10.0.0.1:6379 is none of the masters of this play."),
    ("r2", {**FLEET, "r4": {"redis": master("10.0.0.1:6379")}}, "its master at 10.0.0.1:6379 is several of"),
    (
        "r2",
        {**FLEET, "r1": {"redis": master("10.0.0.1:6379", "172.17.0.1:6379")}},
        "r1/redis sees no replica at 10.0.0.2:7000, only at 172.17.0.1:6379. Run site.yml",
    ),
]


@pytest.mark.parametrize(("wanted", "roles", "said"), REFUSED)
def test_what_cannot_be_promoted_has_one_reason_and_no_step(wanted: str, roles: dict[str, Any], said: str) -> None:
    made = promotion(roles, wanted)
    assert made["problem"].startswith(f"redis_promote: {wanted}: ")
    assert said in made["problem"]
    assert not any(step for of_host in made["steps"].values() for step in of_host.values())
