# SPDX-License-Identifier: GPL-3.0-or-later
"""The trial of a Redis, as far as it can be seen without an engine: what is mounted, and how a log is read."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis import trial
from ansible_collections.netmode.docker.plugins.module_utils._redis import tried as tried_by
from ansible_collections.netmode.docker.plugins.module_utils._redis.check import Place

if TYPE_CHECKING:
    from pathlib import Path


class NoEngine:
    """Fails the test when the engine is asked."""

    def get(self, path: str) -> Any:
        raise AssertionError(path)


def tried(*volumes: Any, empty: bool = True) -> dict[str, Any]:
    container = {"volumes": list(volumes), "tmpfs": ["/tmp"]}
    return {
        "name": "cache",
        "inside": (999, 998),
        "place": Place(999, 998, 0o755, empty),
        "trial": {"container": container},
    }


def test_a_trial_mounts_what_is_there_read_only_and_makes_no_volume(tmp_path: Path) -> None:
    """An anonymous volume, as Compose writes it, has no source; a mount of what is not there would make it."""
    volumes = [f"{tmp_path}:/etc/more", "/cache", f"{tmp_path}/none:/none", "/srv/run:/run/redis", "data:/data"]
    mounted = trial._mounted(NoEngine(), tried(*volumes))  # type: ignore[arg-type]
    data = "netmode-trial-cache:/data"
    assert sorted(mounted["volumes"]) == sorted(["/trial", data, "/cache", f"{tmp_path}:/etc/more:ro"])
    assert mounted["tmpfs"] == ["/tmp", "/run/redis:uid=999,gid=998,mode=0700"]


def test_a_place_with_data_is_not_filled_from_the_image() -> None:
    mounted = trial._mounted(NoEngine(), tried("data:/data", empty=False))  # type: ignore[arg-type]
    assert mounted["volumes"] == ["/trial", "netmode-trial-cache:/data:nocopy"]


def test_a_trial_with_a_volume_that_is_none_says_so() -> None:
    with pytest.raises(NetmodeError, match="instance cache: volumes: 'a:b:c:d' is not source:target"):
        trial._mounted(NoEngine(), tried("a:b:c:d"))  # type: ignore[arg-type]


class Logs:
    """An engine that answers for the log of a trial, time after time, with these words; the last time it has ended."""

    def __init__(self, *logs: bytes) -> None:
        self.logs = list(logs)

    def stream(self, _path: str, /, **_query: Any) -> tuple[socket.socket, bytes]:
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.sendall(self.logs.pop(0))
        return ours, b""

    def get(self, _path: str) -> Any:
        return {"State": {"Running": bool(self.logs)}}


def test_a_trial_whose_log_ends_while_it_runs_is_listened_to_again() -> None:
    engine = Logs(
        b"", b"Redis is starting", b"Redis is starting\r\nReady to accept connections\r\n", b"never asked for"
    )
    assert trial._listen(engine, tried(), "id")  # type: ignore[arg-type]
    assert engine.logs == [b"never asked for"]


def test_a_trial_that_ends_is_told_in_its_own_words() -> None:
    with pytest.raises(NetmodeError, match=r"instance cache: Redis does not start(.|\n)*Bad directive"):
        trial._listen(Logs(b"", b"Bad directive"), tried(), "id")  # type: ignore[arg-type]


def test_a_trial_without_volumes_has_none_of_them_and_one_without_an_image_says_so() -> None:
    bare = {**tried(), "trial": {"container": {"name": "cache"}}}
    assert trial._mounted(NoEngine(), bare)["volumes"] == ["/trial", "netmode-trial-cache:/data"]  # type: ignore[arg-type]
    with pytest.raises(NetmodeError, match="instance cache: trial: container: image: is needed"):
        tried_by.digest(NoEngine(), bare)  # type: ignore[arg-type]
