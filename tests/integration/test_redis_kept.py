# SPDX-License-Identifier: GPL-3.0-or-later
"""R1, R3: data is kept when the way of keeping it changes, and what could not be saved is not taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lab import wait_until
from redis_lab import AGAIN, IMAGE, cli, digest, fill, inspect, running

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab import Host, Play

pytestmark = pytest.mark.usefixtures("no_files_left")


def test_r1_the_append_only_file_is_begun_and_ended_while_redis_runs_and_a_kill_after_each_loses_nothing(
    host: Host, deploy: Callable[..., Play]
) -> None:
    deploy(redis_appendonly=False)
    wanted = fill(host, "redis")
    for appendonly in (True, False):
        before = running(host)
        assert deploy(options=("--check",), redis_appendonly=appendonly).changed == 1
        deploy(redis_appendonly=appendonly)
        assert running(host) == before
        assert deploy(redis_appendonly=appendonly).changed == 0
        host.docker("kill", "redis")
        host.docker("start", "redis")
        wait_until(lambda: cli(host, "redis", "ping") == "PONG", "Redis is back")
        assert digest(host, "redis") == wanted


def test_r1_one_that_does_not_answer_is_not_restarted_into_an_empty_log(
    host: Host, deploy: Callable[..., Play]
) -> None:
    deploy(redis_appendonly=False)
    wanted = fill(host, "redis")
    host.docker("pause", "redis")
    before = running(host)
    refused = deploy(rc=2, redis_appendonly=True)
    assert "all its data would be lost" in refused.failed[0]["result"]["msg"]
    assert running(host) == before
    deploy(redis_appendonly=False)  # which unpauses it
    deploy(redis_appendonly=True, redis_image=IMAGE["redis_image"], redis_labels={"another": "container"})
    assert digest(host, "redis") == wanted


def test_r3_a_redis_whose_last_save_fails_goes_on_running_with_its_data(
    host: Host, deploy: Callable[..., Play]
) -> None:
    settings = {"redis_appendonly": False, "redis_stop_grace_period": "10s"}
    deploy(redis_maxmemory="64mb", **settings)
    wanted, before = fill(host, "redis"), running(host)
    process = inspect(host, "redis")["State"]["Pid"]
    remount = f"nsenter -t {process} -m -p busybox mount -o remount,bind,{{}} /data"
    host.sh(remount.format("ro"))  # for this container alone: a directory that Redis may not write is refused before
    refused = deploy(rc=2, redis_maxmemory="64mb", redis_labels=AGAIN, **settings)
    assert "redis: stop: it did not end within its stop_grace_period of 10 s" in refused.failed[0]["result"]["msg"]
    assert (digest(host, "redis"), running(host)) == (wanted, before)
    host.sh(remount.format("rw"))
    assert deploy(redis_maxmemory="64mb", redis_labels=AGAIN, **settings).changed > 0
    assert digest(host, "redis") == wanted


def test_r3_a_redis_that_was_killed_while_it_saved_is_back_with_its_data(
    host: Host, deploy: Callable[..., Play]
) -> None:
    deploy(redis_maxmemory="64mb")
    wanted, was = fill(host, "redis"), inspect(host, "redis")
    process = was["State"]["Pid"]
    asked_to_end = "docker events --filter container=redis --filter event=kill"
    host.sh(
        f"kill -STOP {process}; setsid bash -c 'read -r < <({asked_to_end}); kill -KILL {process}' >/dev/null 2>&1 &"
    )
    refused = deploy(rc=2, redis_maxmemory="64mb", redis_labels=AGAIN)
    assert "redis: " in refused.failed[0]["result"]["msg"]
    assert "The old container is back as it was" in refused.failed[0]["result"]["msg"]
    assert inspect(host, "redis")["Id"] == was["Id"]
    wait_until(lambda: cli(host, "redis", "ping") == "PONG", "the old Redis is back")
    assert digest(host, "redis") == wanted
